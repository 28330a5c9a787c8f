"""The way to a server, rung by rung: a failure names the rung on which it happened."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lumeai_cli.transport.rungs import Climb, climb
from lumeai_cli.wire.exchange import EndingKind
from tests.doctor.raw import http, raw_server

SHORT = 0.3
HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"


def climbed(host: str, port: int, *, tls: bool = False, timeout: float = 30.0) -> Climb:
    return asyncio.run(climb(host, port, tls=tls, timeout=timeout))


@pytest.fixture
def listening() -> Iterator[int]:
    """A port of 127.0.0.1 that takes connections, and that nobody listens at on other addresses."""
    with socket.create_server((HERE, 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def refusing() -> Iterator[int]:
    """A port that refuses."""
    with socket.socket() as bound:
        bound.bind((HERE, 0))
        yield bound.getsockname()[1]


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Every name has these addresses from now on."""

    def found(_host: str, port: int, *_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", found)


def test_a_server_that_is_there(listening: int) -> None:
    done = climbed(HERE, listening)
    assert (done.ending.kind, done.addresses) == (EndingKind.CLEAN, (HERE,))


def test_nobody_listens(refusing: int) -> None:
    done = climbed(HERE, refusing)
    assert done.ending.kind is EndingKind.REFUSED
    assert done.ending.detail == f"{HERE}:{refusing}: Connection refused"


@pytest.mark.parametrize("name", ["nobody.invalid", f"{'a' * 70}.invalid", "a..invalid", "\u0438\u043c\u044f.invalid"])
def test_a_name_without_an_address(name: str) -> None:
    done = climbed(name, 80)
    assert (done.ending.kind, done.addresses) == (EndingKind.DNS, ())
    assert name in done.ending.detail


def test_a_resolver_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(30) and [])

    async def impatient() -> Climb:
        try:
            return await climb("slow.example", 80, tls=False, timeout=SHORT)
        finally:
            answered.set()

    done = asyncio.run(impatient())
    assert done.ending.kind is EndingKind.DNS
    assert "slow.example" in done.ending.detail


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch, listening: int) -> None:
    """`localhost` is ::1 first on many machines, and the server listens on 127.0.0.1 alone."""
    resolve(monkeypatch, ELSEWHERE, HERE, HERE)
    done = climbed("two.example", listening)
    assert (done.ending.kind, done.addresses) == (EndingKind.CLEAN, (ELSEWHERE, HERE))


def test_when_all_addresses_fail_each_is_told(monkeypatch: pytest.MonkeyPatch, refusing: int) -> None:
    resolve(monkeypatch, ELSEWHERE, HERE)
    done = climbed("two.example", refusing)
    assert done.ending.kind is EndingKind.REFUSED
    assert all(f"{address}:{refusing}" in done.ending.detail for address in (ELSEWHERE, HERE))


def test_a_name_with_many_addresses_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch, refusing: int) -> None:
    resolve(monkeypatch, *(f"127.0.0.{number}" for number in range(2, 200)))
    assert len(climbed("many.example", refusing).addresses) <= 8


def test_a_full_queue_lets_nobody_in() -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((HERE, 0))
        listener.listen(0)
        for _ in range(16):
            client = stack.enter_context(socket.socket())
            client.settimeout(SHORT)
            try:
                client.connect(listener.getsockname())
            except TimeoutError:
                break
        else:
            pytest.skip("SKIPPED: this system takes connections into a full queue")
        done = climbed(HERE, listener.getsockname()[1], timeout=SHORT)
    assert done.ending.kind is EndingKind.CONNECT_TIMEOUT


def test_tls_that_is_trusted(tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with raw_server(lambda _: [http("hi")], tls) as server:
        assert climbed(HERE, port_of(server.origin), tls=True).ending.kind is EndingKind.CLEAN


def test_tls_of_their_own_making(tls: ssl.SSLContext) -> None:
    with raw_server(lambda _: [http("hi")], tls) as server:
        done = climbed(HERE, port_of(server.origin), tls=True)
    assert done.ending.kind is EndingKind.TLS
    assert "certificate" in done.ending.detail


def test_tls_for_another_name(tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    resolve(monkeypatch, HERE)
    with raw_server(lambda _: [http("hi")], tls) as server:
        done = climbed("other.example", port_of(server.origin), tls=True)
    assert done.ending.kind is EndingKind.TLS
    assert "other.example" in done.ending.detail


def test_tls_to_a_server_that_speaks_none() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(http("bad request", "400 Bad Request"))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def both() -> Climb:
        async with await asyncio.start_server(answer, HERE, 0) as server:
            return await climb(HERE, server.sockets[0].getsockname()[1], tls=True, timeout=30)

    assert asyncio.run(both()).ending.kind is EndingKind.TLS


def test_tls_that_never_answers_is_the_rung_of_tls(listening: int) -> None:
    """The connection stands: whoever says that there is none sends people to their firewall."""
    done = climbed(HERE, listening, tls=True, timeout=SHORT)
    assert done.ending.kind is EndingKind.TLS


def test_tls_that_is_closed_in_the_middle_is_the_rung_of_tls() -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.transport.abort()

    async def both() -> Climb:
        async with await asyncio.start_server(leave, HERE, 0) as server:
            return await climb(HERE, server.sockets[0].getsockname()[1], tls=True, timeout=30)

    assert asyncio.run(both()).ending.kind is EndingKind.TLS


@pytest.mark.parametrize("spoken", [False, True], ids=["tcp", "tls"])
def test_no_connection_stays_behind(*, spoken: bool, tls: ssl.SSLContext) -> None:
    with raw_server(lambda _: [http("hi")], tls if spoken else None) as server:
        climbed(HERE, port_of(server.origin), tls=spoken)
        server.wait_until(lambda: not server.open_connections)
        assert server.requests == []


def port_of(origin: str) -> int:
    return int(origin.rpartition(":")[2])
