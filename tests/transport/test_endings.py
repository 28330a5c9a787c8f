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
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from lumeai_cli.transport.aiohttp_engine import AiohttpEngine
from lumeai_cli.transport.call import Engine, HttpRequest, Limits, perform
from lumeai_cli.transport.httpx_engine import HttpxEngine
from lumeai_cli.wire.exchange import Asked, Ending, EndingKind, Exchange, header
from tests.doctor.raw import Act, Request, Script, http, raw_server

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
GZIPPED = HEAD + b"content-encoding: gzip\r\nconnection: close\r\n\r\n"
PATIENT = Limits(connect=30, first_byte=30, silence=30, total=30)
SHORT = 0.3
"""Seconds of a limit that a silent server lets pass, however fast the machine is."""

Make = type[HttpxEngine] | type[AiohttpEngine]

ENGINES = pytest.mark.parametrize("make", [HttpxEngine, AiohttpEngine], ids=["httpx", "aiohttp"])


def said(script: Script, make: Make, limits: Limits = PATIENT, path: str = "/v1") -> Exchange:
    """The exchange with a server that plays this script."""
    with raw_server(script) as server:
        return asked(f"{server.origin}{path}", make, limits)


def asked(url: str, make: Make, limits: Limits = PATIENT, *, tls: bool = False) -> Exchange:
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
def test_a_whole_answer_is_clean(make: Make) -> None:
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
def test_odd_but_whole_answers_are_clean(name: str, make: Make) -> None:
    sent, body = CLEAN[name]
    done = said(script(sent), make)
    assert (done.ending.kind, done.body) == (EndingKind.CLEAN, body)


BROKEN = {
    "closed before the status": ((), EndingKind.RESET, None),
    "reset before the status": ((Act.RESET,), EndingKind.RESET, None),
    "closed within the head": ((b"HTTP/1.1 200 OK\r\ncontent-",), EndingKind.RESET, None),
    "reset within the head": ((b"HTTP/1.1 200 OK\r\ncontent-", Act.RESET), EndingKind.RESET, None),
    "cut inside a chunk": ((CHUNKED + b"a\r\nhi",), EndingKind.CUT, 200),
    "cut inside a chunk's length": ((CHUNKED + b"2\r\nhi\r\n1",), EndingKind.CUT, 200),
    "cut between chunks": ((CHUNKED + b"2\r\nhi\r\n",), EndingKind.CUT, 200),
    "shorter than promised": ((HEAD + b"content-length: 9\r\n\r\nhi",), EndingKind.CUT, 200),
    "reset in the body": ((CHUNKED + b"2\r\nhi\r\n", Act.RESET), EndingKind.CUT, 200),
    "no HTTP": ((b"\x15\x03\x01\x00\x02\x02\x16\r\n\r\n",), EndingKind.PROTOCOL, None),
    "another protocol": ((b"220 mail.example.org ESMTP\r\n\r\n",), EndingKind.PROTOCOL, None),
    "a broken header": ((b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",), EndingKind.PROTOCOL, None),
    "two lengths": ((HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nhi",), EndingKind.PROTOCOL, None),
    "a flood of headers": ((HEAD + b"x-flood: aaaaaaaaaaaa\r\n" * 50_000 + b"\r\n",), EndingKind.PROTOCOL, None),
    "no gzip": ((GZIPPED + b"this is plain text",), EndingKind.PROTOCOL, 200),
}


@ENGINES
@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_is_told_apart(name: str, make: Make) -> None:
    steps, kind, status = BROKEN[name]
    done = said(script(*steps), make)
    assert (done.ending.kind, done.status) == (kind, status)
    assert done.ending.detail


HTTPX, AIOHTTP = (EndingKind.CLEAN, 200), (EndingKind.PROTOCOL, None)
DIFFERENT = {
    "a broken chunk size": (CHUNKED + b"zz\r\nhi\r\n0\r\n\r\n", (EndingKind.PROTOCOL, 200), AIOHTTP),
    "a broken trailer": (CHUNKED + b"2\r\nhi\r\n0\r\nno colon\r\n\r\n", (EndingKind.PROTOCOL, 200), AIOHTTP),
    "more than was promised": (HEAD + b"content-length: 2\r\n\r\nhi there", HTTPX, AIOHTTP),
    "a body where none may be": (b"HTTP/1.1 204 No\r\ncontent-length: 2\r\n\r\nhi", (EndingKind.CLEAN, 204), AIOHTTP),
    "a length and chunks": (
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        HTTPX,
        AIOHTTP,
    ),
    "the same length twice": (HEAD + b"content-length: 2\r\n" * 2 + b"\r\nhi", HTTPX, AIOHTTP),
}
"""Where the engines differ: bytes, what httpx makes of them, what aiohttp does.

aiohttp's parser is llhttp, Node's own, and as strict as the clients that are built on it. What comes in one packet with
its own mistake is lost as a whole there: the status is not known.
"""


@ENGINES
@pytest.mark.parametrize("name", DIFFERENT)
def test_where_the_engines_differ(name: str, make: Make) -> None:
    sent, httpx_says, aiohttp_says = DIFFERENT[name]
    done = said(script(sent), make)
    assert (done.ending.kind, done.status) == (httpx_says if make is HttpxEngine else aiohttp_says)


LATER = {
    "a broken chunk size": ((b"zz\r\nhi\r\n0\r\n\r\n",), EndingKind.PROTOCOL),
    "a broken chunk end": ((b"2\r\nhixx0\r\n\r\n",), EndingKind.PROTOCOL),
    "a cut": ((), EndingKind.CUT),
    "a cut inside a chunk": ((b"9\r\nhi",), EndingKind.CUT),
    "a reset": ((Act.RESET,), EndingKind.CUT),
}
"""What comes when the first chunk was read, and how it ends."""


@ENGINES
@pytest.mark.parametrize("name", LATER)
def test_what_breaks_later_is_told_apart_as_well(name: str, make: Make) -> None:
    """And at once: no reader waits for the silence of a connection that is no more."""
    steps, kind = LATER[name]
    first = threading.Event()

    def follow(_: Request) -> Iterable[bytes | Act]:
        yield CHUNKED + b"3\r\none\r\n"
        assert first.wait(30)
        yield from steps

    async def read() -> tuple[bytes, Ending]:
        with raw_server(follow) as server:
            request = HttpRequest("GET", server.url)
            async with (
                make(proxied=False, tls=False) as engine,
                engine.open(request, replace(PATIENT, silence=20)) as call,
            ):
                data = b""
                async for chunk in call:
                    data += chunk.data
                    first.set()
                return data, call.ending

    data, ending = asyncio.run(read())
    assert data.startswith(b"one")
    assert (ending.kind, ending.at < 20) == (kind, True)


@ENGINES
def test_a_slow_reader_is_not_a_silent_server(make: Make) -> None:
    async def read() -> tuple[list[bytes], Ending]:
        with raw_server(follow) as server:
            async with make(proxied=False, tls=False) as engine:
                limits = replace(PATIENT, silence=SHORT)
                async with engine.open(HttpRequest("GET", server.url), limits) as call:
                    seen: list[bytes] = []
                    async for chunk in call:
                        seen.append(chunk.data)
                        first.set()
                        await asyncio.to_thread(sent.wait, 30)
                        await asyncio.sleep(3 * SHORT)
                    return seen, call.ending

    first, sent = threading.Event(), threading.Event()

    def follow(_: Request) -> Iterable[bytes]:
        yield CHUNKED + b"3\r\none\r\n"
        first.wait(30)
        yield b"3\r\ntwo\r\n0\r\n\r\n"
        sent.set()

    data, ending = asyncio.run(read())
    assert (data, ending.kind) == ([b"one", b"two"], EndingKind.CLEAN)


@ENGINES
def test_what_had_come_before_a_cut_is_kept(make: Make) -> None:
    done = said(script(CHUNKED + b"2\r\nhi\r\n"), make)
    assert done.body == b"hi"


@ENGINES
def test_a_gzip_that_stops_in_the_middle_is_not_whole(make: Make) -> None:
    """The connection was closed in good order; what it carried was not finished."""
    noise = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(200))
    done = said(script(GZIPPED + gzip.compress(noise)[:3000]), make)
    assert done.ending.kind is not EndingKind.CLEAN


@ENGINES
def test_nobody_listens(make: Make) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        done = asked(f"http://127.0.0.1:{bound.getsockname()[1]}/v1", make)
    assert (done.ending.kind, done.status, done.chunks) == (EndingKind.REFUSED, None, ())


@ENGINES
def test_a_name_without_an_address(make: Make) -> None:
    assert asked("http://nobody.invalid/v1", make).ending.kind is EndingKind.DNS


@ENGINES
def test_a_full_queue_lets_nobody_in(make: Make, crowded: int) -> None:
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
def test_no_first_byte(make: Make) -> None:
    done = said(script(Act.HOLD), make, replace(PATIENT, first_byte=SHORT))
    assert (done.ending.kind, done.status) == (EndingKind.TIMEOUT_FIRST, None)
    assert done.ending.at >= SHORT


@ENGINES
@pytest.mark.parametrize("total", [30.0, SHORT * 1.01], ids=["total-far", "total-near"])
def test_silence_after_the_first_bytes(total: float, make: Make) -> None:
    """Also where the limit of the whole is about as near: what was seen was silence."""
    limits = replace(PATIENT, first_byte=SHORT, silence=SHORT, total=total)
    done = said(script(CHUNKED + b"2\r\nhi\r\n", Act.HOLD), make, limits)
    assert (done.ending.kind, done.body) == (EndingKind.TIMEOUT_SILENCE, b"hi")


@ENGINES
def test_silence_is_shorter_than_the_wait_for_the_first_bytes(make: Make) -> None:
    """A model may think for minutes before its first word, and then falls silent: what counts is the shorter limit."""
    done = said(script(CHUNKED + b"2\r\nhi\r\n", Act.HOLD), make, replace(PATIENT, silence=SHORT))
    assert done.ending.kind is EndingKind.TIMEOUT_SILENCE
    assert SHORT <= done.ending.at < PATIENT.first_byte - 5


@ENGINES
def test_the_first_chunk_may_take_as_long_as_the_head(make: Make) -> None:
    """Servers that send their head at once and think afterwards are not silent before `first_byte`."""

    def thinks(_: Request) -> Iterable[bytes]:
        yield CHUNKED
        time.sleep(3 * SHORT)
        yield b"2\r\nhi\r\n0\r\n\r\n"

    assert said(thinks, make, replace(PATIENT, silence=SHORT)).ending.kind is EndingKind.CLEAN


@ENGINES
def test_it_goes_on_for_too_long(make: Make) -> None:
    def drips(_: Request) -> Iterable[bytes]:
        yield CHUNKED
        while True:
            time.sleep(0.01)
            yield b"1\r\na\r\n"

    done = said(drips, make, replace(PATIENT, total=SHORT))
    assert done.ending.kind is EndingKind.TIMEOUT_TOTAL
    assert set(done.body) == set(b"a")


@ENGINES
def test_a_body_grows_over_the_limit(make: Make) -> None:
    done = said(script(HEAD + b"\r\n" + b"a" * 100_000), make, replace(PATIENT, body=70_000))
    assert (done.ending.kind, len(done.body)) == (EndingKind.OVERFLOW, 70_000)


@ENGINES
def test_a_body_that_just_fits(make: Make) -> None:
    done = said(script(http("a" * 70_000)), make, replace(PATIENT, body=70_000))
    assert (done.ending.kind, len(done.body)) == (EndingKind.CLEAN, 70_000)


@ENGINES
def test_a_gzip_bomb_is_bounded(make: Make) -> None:
    """A hundred megabytes in a hundred kilobytes; no more than the limit is ever unpacked."""
    bomb = gzip.compress(b"\0" * (100 << 20), 1)
    done = said(script(GZIPPED + bomb), make, replace(PATIENT, body=70_000))
    assert (done.ending.kind, len(done.body)) == (EndingKind.OVERFLOW, 70_000)
    assert done.encoding == "gzip"


@ENGINES
def test_a_redirect_is_an_answer_and_is_not_followed(make: Make) -> None:
    with raw_server(script(http("", "302 Found", "text/plain", ("location", "/v1/next")))) as server:
        done = asked(server.url, make)
        assert (done.status, done.ending.kind, len(server.requests)) == (302, EndingKind.CLEAN, 1)


@ENGINES
def test_what_is_asked_arrives_as_it_was_asked(make: Make) -> None:
    with raw_server(script(http("ok"))) as server:
        asked(f"{server.origin}/v1/путь?x=1", make)
        [request] = server.requests
    assert (request.method, request.body) == ("POST", b"{}")
    assert request.path == "/v1/%D0%BF%D1%83%D1%82%D1%8C?x=1"
    assert request.headers["content-type"] == "application/json"


@ENGINES
@pytest.mark.parametrize("size", [0, 100_000, 1024 * 1024, 5_000_000])
def test_a_body_arrives_whole(size: int, make: Make) -> None:
    body = bytes(range(256)) * (size // 256)

    async def send() -> EndingKind:
        async with make(proxied=False, tls=False) as engine:
            request = HttpRequest("POST", server.url, (("content-type", "application/json"),), body)
            return (await perform(engine, request, PATIENT, Asked("json", server.url), "e1")).ending.kind

    with raw_server(script(http("ok"))) as server:
        assert asyncio.run(send()) is EndingKind.CLEAN
        [request] = server.requests
    assert (request.body, request.headers["content-length"]) == (body, str(len(body)))
    assert "transfer-encoding" not in request.headers
    assert request.headers["content-type"] == "application/json"


@ENGINES
def test_chunks_come_at_their_own_time(make: Make) -> None:
    """The second chunk is sent only when the first was read."""

    async def read() -> list[bytes]:
        seen: list[bytes] = []
        with raw_server(follow) as server:
            async with make(proxied=False, tls=False) as engine:
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
def test_a_cancelled_call_leaves_no_connection(steps: tuple[bytes | Act, ...], make: Make) -> None:
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


@pytest.mark.parametrize("make", [HttpxEngine], ids=["httpx"])  # aiohttp's is there for using connections again
def test_every_call_has_a_connection_of_its_own_and_closes_it(make: Make) -> None:
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
def test_a_certificate_of_their_own_making_is_refused(make: Make, tls: ssl.SSLContext) -> None:
    with raw_server(script(http("hi")), tls) as server:
        done = asked(server.url, make, tls=True)
        assert (done.ending.kind, done.status, server.requests) == (EndingKind.TLS, None, [])
    assert "certificate" in done.ending.detail.lower()


@ENGINES
def test_a_certificate_that_the_system_trusts(
    make: Make, tls: ssl.SSLContext, certificate: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certifi.where", lambda: str(certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with raw_server(script(http("hi")), tls) as server:
        assert asked(server.url, make, tls=True).body == b"hi"


@ENGINES
def test_https_to_a_server_that_speaks_http(make: Make) -> None:
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


def proxied(url: str, make: Make, *, tls: bool = False) -> Exchange:
    async def ask() -> Exchange:
        async with make(proxied=True, tls=tls) as engine:
            return await exchange(engine, url)

    return asyncio.run(ask())


@ENGINES
@pytest.mark.parametrize("variable", ["http_proxy", "ALL_PROXY"])
def test_a_proxy_is_asked_for_the_whole_url(variable: str, make: Make, no_variables: pytest.MonkeyPatch) -> None:
    with raw_server(script(http("through"))) as server:
        no_variables.setenv(variable, server.origin)
        done = proxied("http://model.invalid/v1", make)
        assert (done.body, server.requests[0].path) == (b"through", "http://model.invalid/v1")


@ENGINES
def test_a_proxy_may_be_named_without_a_scheme(make: Make, no_variables: pytest.MonkeyPatch) -> None:
    with raw_server(script(http("through"))) as server:
        no_variables.setenv("http_proxy", server.origin.removeprefix("http://"))
        assert proxied("http://model.invalid/v1", make).body == b"through"


@ENGINES
def test_the_variables_are_obeyed_only_if_asked(make: Make, no_variables: pytest.MonkeyPatch) -> None:
    no_variables.setenv("http_proxy", "http://127.0.0.1:1")
    assert said(script(http("hi")), make).body == b"hi"


@ENGINES
def test_an_exception_goes_past_the_proxy(make: Make, no_variables: pytest.MonkeyPatch) -> None:
    no_variables.setenv("http_proxy", "http://127.0.0.1:1")
    with raw_server(script(http("hi"))) as server:
        no_variables.setenv("no_proxy", server.origin.removeprefix("http://"))
        assert proxied(server.url, make).body == b"hi"


NO_PROXIES = {
    "nobody listens": "http://127.0.0.1:1",
    "no address": "http://nobody.invalid:3128",
    "SOCKS": "socks5://127.0.0.1:1",
    "a port that is none": "http://127.0.0.1:port",
    "no host": "http://",
}


@ENGINES
@pytest.mark.parametrize("name", NO_PROXIES)
def test_a_proxy_that_is_none(name: str, make: Make, no_variables: pytest.MonkeyPatch) -> None:
    no_variables.setenv("all_proxy", NO_PROXIES[name])
    done = proxied("http://model.invalid/v1", make)
    assert (done.ending.kind, done.status) == (EndingKind.PROXY, None)
    assert done.ending.detail


@ENGINES
def test_a_proxy_that_refuses_the_tunnel(make: Make, no_variables: pytest.MonkeyPatch) -> None:
    with raw_server(script(http("who are you?", "407 Proxy Authentication Required"))) as server:
        no_variables.setenv("https_proxy", server.origin)
        done = proxied("https://model.invalid/v1", make, tls=True)
        assert [request.method for request in server.requests] == ["CONNECT"]
    assert (done.ending.kind, done.status) == (EndingKind.PROXY, None)
    assert "407" in done.ending.detail
