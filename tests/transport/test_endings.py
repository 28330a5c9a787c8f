"""The contract of an engine: whatever a server or a network does comes out as an ending, and never as an exception.

Every engine of `lumeai_cli.transport` has to pass this table.
"""

import asyncio
import contextlib
import gc
import gzip
import hashlib
import socket
import ssl
import time
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from lumeai_cli.transport.call import Engine, HttpRequest, Limits, perform
from lumeai_cli.transport.httpx_engine import HttpxEngine
from lumeai_cli.wire.exchange import Asked, EndingKind, Exchange, header
from tests.doctor.raw import Act, Request, Script, http, raw_server

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
GZIPPED = HEAD + b"content-encoding: gzip\r\nconnection: close\r\n\r\n"
PATIENT = Limits(connect=30, first_byte=30, silence=30, total=30)
SHORT = 0.3
"""Seconds of a limit that a silent server lets pass, however fast the machine is."""

ENGINES = pytest.mark.parametrize("make", [HttpxEngine], ids=["httpx"])


def said(script: Script, make: type[HttpxEngine], limits: Limits = PATIENT, path: str = "/v1") -> Exchange:
    """The exchange with a server that plays this script."""
    with raw_server(script) as server:
        return asked(f"{server.origin}{path}", make, limits)


def asked(url: str, make: type[HttpxEngine], limits: Limits = PATIENT, *, tls: bool = False) -> Exchange:
    """The exchange with whoever is there."""

    async def ask() -> Exchange:
        async with make(proxied=False, tls=tls) as engine:
            return await exchange(engine, url, limits)

    return asyncio.run(ask())


async def exchange(engine: Engine, url: str, limits: Limits = PATIENT) -> Exchange:
    request = HttpRequest("POST", url, (("content-type", "application/json"),), b"{}")
    return await perform(engine, request, limits, Asked("stream", url), "e1")


def script(*steps: bytes | Act) -> Script:
    """The same steps for every request."""
    return lambda _: steps


@ENGINES
def test_a_whole_answer_is_clean(make: type[HttpxEngine]) -> None:
    done = said(
        script(http('{"ok": true}', "201 Created", "application/json", ("X-Twice", "a"), ("X-Twice", "b"))), make
    )
    assert done.ending.kind is EndingKind.CLEAN
    assert (done.status, done.body) == (201, b'{"ok": true}')
    assert [value for name, value in done.headers if name.lower() == "x-twice"] == ["a", "b"]
    assert header(done.headers, "content-type") == "application/json"
    assert done.headers_at is not None
    assert 0 < done.headers_at <= done.chunks[0].at <= done.ending.at


CLEAN = {
    "chunked": (CHUNKED + b"2\r\nhi\r\n0\r\n\r\n", b"hi"),
    "until the close": (HEAD + b"\r\nhi", b"hi"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nhi", b"hi"),
    "no body": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "an error": (http("no", "503 Down"), b"no"),
    "early hints first": (b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + http("hi"), b"hi"),
    "a strange header value": (http("hi", "200 OK", "text/plain", ("x-name", "J\xfcrgen")), b"hi"),
    "no reason": (b"HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nhi", b"hi"),
    "deflate": (
        HEAD + b"content-encoding: deflate\r\nconnection: close\r\n\r\n" + zlib.compress(b"hi" * 500),
        b"hi" * 500,
    ),
    "gzip": (GZIPPED + gzip.compress(b"hi" * 500), b"hi" * 500),
    "an encoding that nobody asked for": (HEAD + b"content-encoding: br\r\ncontent-length: 2\r\n\r\nhi", b"hi"),
}


@ENGINES
@pytest.mark.parametrize("name", CLEAN)
def test_odd_but_whole_answers_are_clean(name: str, make: type[HttpxEngine]) -> None:
    sent, body = CLEAN[name]
    done = said(script(sent), make)
    assert (done.ending.kind, done.body) == (EndingKind.CLEAN, body)


BROKEN = {
    "closed before the status": ((), EndingKind.RESET, None),
    "reset before the status": ((Act.RESET,), EndingKind.RESET, None),
    "closed within the head": ((b"HTTP/1.1 200 OK\r\ncontent-",), EndingKind.RESET, None),
    "reset within the head": ((b"HTTP/1.1 200 OK\r\ncontent-", Act.RESET), EndingKind.RESET, None),
    "cut inside a chunk": ((CHUNKED + b"a\r\nhi",), EndingKind.CUT, 200),
    "cut between chunks": ((CHUNKED + b"2\r\nhi\r\n",), EndingKind.CUT, 200),
    "shorter than promised": ((HEAD + b"content-length: 9\r\n\r\nhi",), EndingKind.CUT, 200),
    "reset in the body": ((CHUNKED + b"2\r\nhi\r\n", Act.RESET), EndingKind.CUT, 200),
    "no HTTP": ((b"\x15\x03\x01\x00\x02\x02\x16\r\n\r\n",), EndingKind.PROTOCOL, None),
    "another protocol": ((b"220 mail.example.org ESMTP\r\n\r\n",), EndingKind.PROTOCOL, None),
    "a broken chunk size": ((CHUNKED + b"zz\r\nhi\r\n0\r\n\r\n",), EndingKind.PROTOCOL, 200),
    "a broken header": ((b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",), EndingKind.PROTOCOL, None),
    "two lengths": ((HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nhi",), EndingKind.PROTOCOL, None),
    "a flood of headers": ((HEAD + b"x-flood: aaaaaaaaaaaa\r\n" * 50_000 + b"\r\n",), EndingKind.PROTOCOL, None),
    "no gzip": ((GZIPPED + b"this is plain text",), EndingKind.PROTOCOL, 200),
}


@ENGINES
@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_is_told_apart(name: str, make: type[HttpxEngine]) -> None:
    steps, kind, status = BROKEN[name]
    done = said(script(*steps), make)
    assert (done.ending.kind, done.status) == (kind, status)
    assert done.ending.detail


@ENGINES
def test_what_had_come_before_a_cut_is_kept(make: type[HttpxEngine]) -> None:
    done = said(script(CHUNKED + b"2\r\nhi\r\n"), make)
    assert done.body == b"hi"


@ENGINES
def test_a_gzip_that_stops_in_the_middle_is_not_whole(make: type[HttpxEngine]) -> None:
    """The connection was closed in good order; what it carried was not finished."""
    noise = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(200))
    done = said(script(GZIPPED + gzip.compress(noise)[:3000]), make)
    assert done.ending.kind is not EndingKind.CLEAN


@ENGINES
def test_nobody_listens(make: type[HttpxEngine]) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        done = asked(f"http://127.0.0.1:{bound.getsockname()[1]}/v1", make)
    assert (done.ending.kind, done.status, done.chunks) == (EndingKind.REFUSED, None, ())


@ENGINES
def test_a_name_without_an_address(make: type[HttpxEngine]) -> None:
    assert asked("http://nobody.invalid/v1", make).ending.kind is EndingKind.DNS


@ENGINES
def test_a_full_queue_lets_nobody_in(make: type[HttpxEngine], crowded: int) -> None:
    done = asked(f"http://127.0.0.1:{crowded}/v1", make, replace(PATIENT, connect=SHORT))
    assert done.ending.kind is EndingKind.CONNECT_TIMEOUT


@pytest.fixture
def crowded() -> Iterator[int]:
    """A port where the system keeps new connections waiting: its queue is full, and nobody accepts."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(16):
            client = stack.enter_context(socket.socket())
            client.settimeout(SHORT)
            try:
                client.connect(listener.getsockname())
            except TimeoutError:
                yield listener.getsockname()[1]
                return
        pytest.skip("SKIPPED: this system takes connections into a full queue")


@ENGINES
def test_no_first_byte(make: type[HttpxEngine]) -> None:
    done = said(script(Act.HOLD), make, replace(PATIENT, first_byte=SHORT))
    assert (done.ending.kind, done.status) == (EndingKind.TIMEOUT_FIRST, None)
    assert done.ending.at >= SHORT


@ENGINES
@pytest.mark.parametrize("total", [30.0, SHORT * 1.01], ids=["total-far", "total-near"])
def test_silence_after_the_first_bytes(total: float, make: type[HttpxEngine]) -> None:
    """Also where the limit of the whole is about as near: what was seen was silence."""
    limits = replace(PATIENT, first_byte=SHORT, silence=SHORT, total=total)
    done = said(script(CHUNKED + b"2\r\nhi\r\n", Act.HOLD), make, limits)
    assert (done.ending.kind, done.body) == (EndingKind.TIMEOUT_SILENCE, b"hi")


@ENGINES
def test_the_first_chunk_may_take_as_long_as_the_head(make: type[HttpxEngine]) -> None:
    """Servers that send their head at once and think afterwards are not silent before `first_byte`."""

    def thinks(_: Request) -> Iterable[bytes]:
        yield CHUNKED
        time.sleep(3 * SHORT)
        yield b"2\r\nhi\r\n0\r\n\r\n"

    assert said(thinks, make, replace(PATIENT, silence=SHORT)).ending.kind is EndingKind.CLEAN


@ENGINES
def test_it_goes_on_for_too_long(make: type[HttpxEngine]) -> None:
    def drips(_: Request) -> Iterable[bytes]:
        yield CHUNKED
        while True:
            time.sleep(0.01)
            yield b"1\r\na\r\n"

    done = said(drips, make, replace(PATIENT, total=SHORT))
    assert done.ending.kind is EndingKind.TIMEOUT_TOTAL
    assert set(done.body) == set(b"a")


@ENGINES
def test_a_body_grows_over_the_limit(make: type[HttpxEngine]) -> None:
    done = said(script(HEAD + b"\r\n" + b"a" * 100_000), make, replace(PATIENT, body=70_000))
    assert (done.ending.kind, len(done.body)) == (EndingKind.OVERFLOW, 70_000)


@ENGINES
def test_a_body_that_just_fits(make: type[HttpxEngine]) -> None:
    done = said(script(http("a" * 70_000)), make, replace(PATIENT, body=70_000))
    assert (done.ending.kind, len(done.body)) == (EndingKind.CLEAN, 70_000)


@ENGINES
def test_a_gzip_bomb_is_bounded(make: type[HttpxEngine]) -> None:
    """A hundred megabytes in a hundred kilobytes; no more than the limit is ever unpacked."""
    bomb = gzip.compress(b"\0" * (100 << 20), 1)
    done = said(script(GZIPPED + bomb), make, replace(PATIENT, body=70_000))
    assert (done.ending.kind, len(done.body)) == (EndingKind.OVERFLOW, 70_000)
    assert done.encoding == "gzip"


@ENGINES
def test_a_redirect_is_an_answer_and_is_not_followed(make: type[HttpxEngine]) -> None:
    with raw_server(script(http("", "302 Found", "text/plain", ("location", "/v1/next")))) as server:
        done = asked(server.url, make)
        assert (done.status, done.ending.kind, len(server.requests)) == (302, EndingKind.CLEAN, 1)


@ENGINES
def test_what_is_asked_arrives_as_it_was_asked(make: type[HttpxEngine]) -> None:
    with raw_server(script(http("ok"))) as server:
        asked(f"{server.origin}/v1/путь?x=1", make)
        [request] = server.requests
    assert (request.method, request.body) == ("POST", b"{}")
    assert request.path == "/v1/%D0%BF%D1%83%D1%82%D1%8C?x=1"
    assert request.headers["content-type"] == "application/json"


@ENGINES
def test_chunks_come_at_their_own_time(make: type[HttpxEngine]) -> None:
    """The second chunk is sent only when the first was read."""

    async def read() -> list[bytes]:
        seen: list[bytes] = []
        async with make(proxied=False, tls=False) as engine:
            with raw_server(follow) as server:
                request = HttpRequest("GET", server.url)
                async with engine.open(request, PATIENT) as call:
                    async for chunk in call:
                        seen.append(chunk.data)
                        first.set()
                    assert call.ending.kind is EndingKind.CLEAN
        return seen

    first = asyncio.Event()

    def follow(_: Request) -> Iterable[bytes]:
        yield CHUNKED + b"3\r\none\r\n"
        deadline = time.monotonic() + 30
        while not first.is_set() and time.monotonic() < deadline:
            time.sleep(0.01)
        yield (b"3\r\ntwo\r\n" if first.is_set() else b"") + b"0\r\n\r\n"

    assert asyncio.run(read()) == [b"one", b"two"]


@ENGINES
@pytest.mark.parametrize("steps", [(Act.HOLD,), (CHUNKED + b"2\r\nhi\r\n", Act.HOLD)], ids=["head", "body"])
def test_a_cancelled_call_leaves_no_connection(steps: tuple[bytes | Act, ...], make: type[HttpxEngine]) -> None:
    """And the engine serves the next one: a pool that dies of cancellations is the reason for one connection a call."""

    async def cancel() -> Exchange:
        async with make(proxied=False, tls=False) as engine:
            for _ in range(20):
                seen = len(server.requests)
                async with asyncio.TaskGroup() as group:
                    task = group.create_task(exchange(engine, server.url))
                    await asyncio.to_thread(server.wait_until, lambda seen=seen: len(server.requests) > seen)
                    task.cancel()
            await asyncio.to_thread(server.wait_until, lambda: not server.open_connections)
            answers.append(http("ok"))
            return await exchange(engine, server.url)

    answers: list[bytes] = []
    with raw_server(lambda _: answers or steps) as server:
        done = asyncio.run(cancel())
    gc.collect()  # an unclosed socket would be a warning, and so an error
    assert done.ending.kind is EndingKind.CLEAN


@ENGINES
def test_every_call_has_a_connection_of_its_own_and_closes_it(make: type[HttpxEngine]) -> None:
    """A server that keeps connections alive must not be blocked by an idle one."""
    alive = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

    async def thrice() -> list[Exchange]:
        async with make(proxied=False, tls=False) as engine:
            return [await exchange(engine, server.url) for _ in range(3)]

    with raw_server(script(alive, Act.HOLD)) as server:
        done = asyncio.run(thrice())
        assert [one.body for one in done] == [b"hi"] * 3
        assert len(server.requests) == 3


@ENGINES
def test_a_certificate_of_their_own_making_is_refused(make: type[HttpxEngine], tls: ssl.SSLContext) -> None:
    with raw_server(script(http("hi")), tls) as server:
        done = asked(server.url, make, tls=True)
        assert (done.ending.kind, done.status, server.requests) == (EndingKind.TLS, None, [])
    assert "certificate" in done.ending.detail.lower()


@ENGINES
def test_a_certificate_that_the_system_trusts(
    make: type[HttpxEngine], tls: ssl.SSLContext, certificate: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certifi.where", lambda: str(certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with raw_server(script(http("hi")), tls) as server:
        assert asked(server.url, make, tls=True).body == b"hi"


@ENGINES
def test_https_to_a_server_that_speaks_http(make: type[HttpxEngine]) -> None:
    """It answers the greeting of TLS with a 400, as web servers do."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        pool.submit(answer_in_the_clear, listener)
        done = asked(f"https://127.0.0.1:{listener.getsockname()[1]}/v1", make, tls=True)
    assert done.ending.kind is EndingKind.TLS


def answer_in_the_clear(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(http("bad request", "400 Bad Request"))
