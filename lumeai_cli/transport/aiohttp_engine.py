"""The proxy's engine: aiohttp, connections kept alive and used again, bytes as they come, no redirects, no cookies.

Why aiohttp here: an event costs it a tenth of what it costs httpx, and its pool survives cancelled calls. What it
would add of its own (headers, cookies, decompression, proxies, `.netrc`) is turned off: the request decides.
"""

import asyncio
import errno
import io
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace

from lumeai_cli.transport.call import HttpRequest, Limits
from lumeai_cli.transport.decoding import Decoder
from lumeai_cli.transport.failure import ON_THE_WAY, broken_body, detail_of, given_up, kind_of
from lumeai_cli.wire.exchange import Chunk, Ending, EndingKind, Headers, header

_IDLE = 4.0
"""Seconds that an idle connection is kept: uvicorn and Node close theirs after 5, and a request must not meet that."""

_STALE = 2.0
"""Seconds within which a connection that was dead already shows it; who dies later had begun to work."""

_HEAD = 64 * 1024
"""Bytes of a status line or of one header; aiohttp's own 8 kB is less than some gateways send."""

_HEADERS = 1000
"""Headers of one answer."""

_IN_ONE_PIECE = 1024 * 1024
"""Bytes from which a body goes out piece by piece; aiohttp warns of larger ones that do not."""

_OWN_HEADERS = ("accept", "accept-encoding", "content-type", "user-agent")
"""What aiohttp would say of itself."""

_ERRNO = re.compile(r"\[Errno (\d+)\]")

_FAILURES = (aiohttp.ClientError, HttpProcessingError, OSError, RuntimeError)
"""What aiohttp raises for what a server or a network does; its parser's errors and lost transports come as they are."""


class _GivenUp(Exception):  # noqa: N818  # no error: the limit did what it is for
    """Wakes whoever waits for the body when a limit has passed."""


class _UnusableProxyError(ValueError):
    """What the variable names is no proxy that lumeai can speak to."""


class AiohttpCall:
    """One request under way; see `transport.call.Call`.

    One timer a call watches its limits, and is set anew only when it goes off: a chunk costs no timer and no task.
    """

    def __init__(
        self, response: aiohttp.ClientResponse | None, ending: Ending | None, limits: Limits, started: float
    ) -> None:
        self._response = response
        self._limits = limits
        self._started = started
        self._patience = max(limits.silence, limits.first_byte)  # the first chunk may take as long as the head
        self._waiting: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed: asyncio.Future[None] | None = None
        self.ending = ending or Ending(EndingKind.CANCELLED)
        self.status: int | None = None
        self.headers: Headers = ()
        self.headers_at: float | None = None
        self.encoding = ""
        if response is not None:
            self.status = response.status
            self.headers = tuple(
                (key.decode("latin-1"), value.decode("latin-1")) for key, value in response.raw_headers
            )
            self.headers_at = self._now()
            self.encoding = header(self.headers, "content-encoding")

    def _now(self) -> float:
        return time.monotonic() - self._started

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        if self._response is None:
            return
        content = self._response.content
        decoder = Decoder(self.encoding, self._limits.body)
        last = self._now()
        failure: Exception | None = None
        self._listen(self._response)
        self._watch(content)
        while failure is None:
            self._waiting = self._now()
            try:
                raw = await content.readany()
            except (_GivenUp, *_FAILURES) as error:
                failure = error
                raw = _left_over(content)
            self._waiting = None
            at = self._now()
            if raw:
                last = at
                if self._patience != self._limits.silence:  # the first chunk
                    self._patience = self._limits.silence
                    self._watch(content)
                data = decoder.feed(raw)
                if data:
                    yield Chunk(at, data)
                if decoder.overflow:
                    self.ending = Ending(EndingKind.OVERFLOW, at, str(self._limits.body))
                    return
                if decoder.broken:
                    self.ending = Ending(EndingKind.PROTOCOL, at, f"content-encoding {self.encoding}: {decoder.broken}")
                    return
            elif failure is None:
                cut = decoder.unfinished
                self.ending = (
                    Ending(EndingKind.CUT, at, "the gzip data ends early") if cut else Ending(EndingKind.CLEAN, at)
                )
                return
        if isinstance(failure, _GivenUp):
            self.ending = given_up(self._now(), last, self._patience)
        else:
            self.ending = _failed(failure, self._now(), answered=True)

    def _listen(self, response: aiohttp.ClientResponse) -> None:
        """Hears of a connection that aiohttp itself closed over a broken body: it does not tell who reads that body."""
        connection = response.connection
        if connection is None or connection.protocol is None:  # the whole answer is here
            return
        self._closed = connection.protocol.closed
        if self._closed is None:  # it is closed already
            self._lost(None)
        else:
            self._closed.add_done_callback(self._lost)

    def _lost(self, closed: "asyncio.Future[None] | None") -> None:
        if closed is not None:
            _heard(closed)
        if self._response is not None:
            content = self._response.content
            if not content.is_eof() and content.exception() is None:
                content.set_exception(HttpProcessingError(message="the rest of the answer is not HTTP"))

    def _watch(self, content: aiohttp.StreamReader) -> None:
        """Wakes the reader if a limit has passed, else looks again when the next one could have."""
        if self._timer is not None:
            self._timer.cancel()
        if content.is_eof():
            return
        now = self._now()
        due = min((now if self._waiting is None else self._waiting) + self._patience, self._limits.total)
        if now >= due:
            content.set_exception(_GivenUp())
        else:
            # A loop's clock may be coarser than ours: looking again must not become a busy wait.
            self._timer = asyncio.get_running_loop().call_later(max(0.001, due - now), self._watch, content)

    def close(self) -> None:
        """Lets go of the connection: into the pool if the answer was read to its end, else it is closed at once."""
        if self._timer is not None:
            self._timer.cancel()
        if self._closed is not None and not self._closed.done():
            # The connection may go on to serve others; how it ends some day is then of no interest to anybody.
            self._closed.remove_done_callback(self._lost)
            self._closed.remove_done_callback(_heard)
            self._closed.add_done_callback(_heard)
        if self._response is not None:
            self._response.close()


def _heard(closed: "asyncio.Future[None]") -> None:
    """Takes the failure out of the future, for asyncio logs those that nobody looked at."""
    if not closed.cancelled():
        closed.exception()


class _Connector(aiohttp.TCPConnector):
    """A pool that gives no connection on which something came while nobody had asked, and takes none that is sending.

    aiohttp would take such bytes (a server's parting `408`, say) for the answer to the next request; and it would go on
    sending the body of a request that was given up, for as long as it takes the server to read it.
    """

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's own signature
    ) -> Connection:
        """A connection that is used by nobody, and on which nothing came that nobody has read."""
        while True:
            connection = await super().connect(req, traces, timeout)
            transport = connection.transport
            if connection.protocol is not None and transport is not None and not connection.protocol.should_close:
                connection.add_callback(partial(_let_go, connection.protocol, transport))
                return connection
            connection.close()


def _let_go(protocol: ResponseHandler, transport: asyncio.Transport) -> None:
    """Closes at once what will not be used again: the loop would first send all, and wait for TLS to say goodbye."""
    if protocol.should_close or transport.get_write_buffer_size():
        transport.abort()


@dataclass(slots=True)
class _Way:
    """Which connection a request took, as aiohttp's tracing tells it."""

    reused: bool = False


class AiohttpEngine:
    """Use as an async context manager. `proxied` obeys the proxy variables; `tls` says that https will be spoken.

    The variables are read here and not by aiohttp (`trust_env`), which would also look for a password in `.netrc`, and
    refuse a request that has a key of its own if it found one.

    A pooled connection may have been closed by the server while the request was on its way to it. aiohttp tries again
    where a method is idempotent; a POST is tried again here, once, on a fresh connection, if it went over a used one
    that died within `_STALE` seconds and before a byte of an answer. That is safe as far as it can be: a server that
    closes an idle connection has not read the request, and one that did read it and died at once has not answered it:
    a model asked twice costs time, and changes nothing. Longer work is not asked for twice.
    """

    def __init__(self, *, proxied: bool, tls: bool) -> None:
        self._proxied = proxied
        self._tls = ssl.create_default_context() if tls else None
        self._session: aiohttp.ClientSession | None = None
        self._spare: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = self._new_session(pooled=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in (self._session, self._spare):
            if session is not None:
                await session.close()
        self._session = self._spare = None

    @asynccontextmanager
    async def open(self, request: HttpRequest, limits: Limits) -> AsyncIterator[AiohttpCall]:
        """Sends the request and waits for the head of the answer."""
        started = time.monotonic()
        response: aiohttp.ClientResponse | None = None
        ending: Ending | None = None
        proxy: str | None = None
        if self._session is None:
            raise RuntimeError("the engine is used outside of its `async with`")
        try:
            proxy = _proxy_for(request.url) if self._proxied else None
            async with asyncio.timeout(min(limits.first_byte, limits.total)):
                response = await self._send(self._session, request, proxy, limits)
        except aiohttp.ConnectionTimeoutError:
            ending = Ending(EndingKind.CONNECT_TIMEOUT, time.monotonic() - started, "no connection in time")
        except TimeoutError:
            ending = Ending(
                EndingKind.TIMEOUT_FIRST, time.monotonic() - started, f"nothing for {limits.first_byte:.0f} s"
            )
        except _UnusableProxyError as error:
            ending = Ending(EndingKind.PROXY, 0.0, str(error))
        except aiohttp.ClientConnectionError as error:  # before ValueError, which a refused certificate is, too
            ending = _failed(error, time.monotonic() - started, answered=False)
        except ValueError as error:  # before ClientError, which an unusable URL is, too
            kind = EndingKind.PROTOCOL if proxy is None else EndingKind.PROXY
            ending = Ending(kind, 0.0, detail_of(error))
        except _FAILURES as error:
            ending = _failed(error, time.monotonic() - started, answered=False)
        if ending is not None and proxy is not None and ending.kind in ON_THE_WAY:
            ending = replace(ending, kind=EndingKind.PROXY)
        call = AiohttpCall(response, ending, limits, started)
        try:
            yield call
        finally:
            call.close()

    async def _send(
        self, session: aiohttp.ClientSession, request: HttpRequest, proxy: str | None, limits: Limits
    ) -> aiohttp.ClientResponse:
        way = _Way()
        sent = time.monotonic()
        try:
            return await _request(session, request, proxy, limits, way)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientConnectionResetError) as error:
            begun = isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str)
            if begun or not way.reused or time.monotonic() - sent > _STALE:
                raise
        if self._spare is None:
            self._spare = self._new_session(pooled=False)
        return await _request(self._spare, request, proxy, limits, way)

    def _new_session(self, *, pooled: bool) -> aiohttp.ClientSession:
        connector = _Connector(
            limit=0,
            ssl=self._tls or True,
            resolver=aiohttp.ThreadedResolver(),  # the system's: what `hosts` and the local network name counts
            force_close=not pooled,
            keepalive_timeout=_IDLE if pooled else None,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=_OWN_HEADERS,
            max_line_size=_HEAD,
            max_field_size=_HEAD,
            max_headers=_HEADERS,
            trace_configs=[_tracing()],
        )


async def _request(
    session: aiohttp.ClientSession, request: HttpRequest, proxy: str | None, limits: Limits, way: _Way
) -> aiohttp.ClientResponse:
    headers = request.headers
    if not header(headers, "accept-encoding"):
        headers += (("accept-encoding", "identity"),)
    return await session.request(
        request.method,
        request.url,
        headers=headers,
        data=(request.body if len(request.body) < _IN_ONE_PIECE else io.BytesIO(request.body)) or None,
        allow_redirects=False,
        proxy=proxy,
        timeout=aiohttp.ClientTimeout(total=None, connect=limits.connect, ceil_threshold=limits.connect + 1),
        trace_request_ctx=way,
    )


def _tracing() -> aiohttp.TraceConfig:
    async def reused(_: object, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.reused = True

    async def made(_: object, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.reused = False

    config = aiohttp.TraceConfig()
    config.on_connection_reuseconn.append(reused)
    config.on_connection_create_start.append(made)
    return config


def _proxy_for(url: str) -> str | None:
    """The proxy that the variables name for this URL, if any; raises `_UnusableProxyError`."""
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    named = getproxies()
    proxy = named.get(parts.scheme) or named.get("all")
    if not proxy:
        return None
    if proxy.startswith("socks"):
        raise _UnusableProxyError("the proxy speaks SOCKS, which lumeai does not")
    return proxy if "://" in proxy else f"http://{proxy}"


def _left_over(content: aiohttp.StreamReader) -> bytes:
    """What had come before a failure and was not read yet; aiohttp's public readers raise the failure instead."""
    return content._read_nowait(-1)  # noqa: SLF001  # there is no other way; the contract test would notice


def _failed(error: Exception, at: float, *, answered: bool) -> Ending:
    words = _words(error)
    if isinstance(error, (aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError)):
        return Ending(EndingKind.PROXY, at, words)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return Ending(EndingKind.CUT if answered else EndingKind.RESET, at, "the server closed the connection")
    if isinstance(error, aiohttp.ClientConnectorError) and error.errno == errno.ETIMEDOUT:
        return Ending(EndingKind.CONNECT_TIMEOUT, at, words)
    kind = kind_of(error, answered=answered)
    if kind is EndingKind.PROTOCOL and answered and broken_body(f"{error} {error.__cause__}"):
        kind = EndingKind.CUT
    if kind is EndingKind.PROTOCOL and isinstance(error, aiohttp.ClientConnectorError):
        kind = _first_of_many(str(error.os_error))
    return Ending(kind, at, words)


def _first_of_many(text: str) -> EndingKind:
    """The ending of the first address that says one: where several fail differently, only a text is left of them."""
    kinds = (kind_of(OSError(int(number), ""), answered=False) for number in _ERRNO.findall(text))
    return next((kind for kind in kinds if kind is not EndingKind.PROTOCOL), EndingKind.UNREACHABLE)


def _words(error: Exception) -> str:
    """One line on the failure; aiohttp's own sentences for a broken answer hold the URL, which nobody should read."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"{error.status} {error.message}"[:300]
    if isinstance(error, (aiohttp.ClientResponseError, HttpProcessingError)):
        return " ".join(error.message.split())[:300] or type(error).__name__
    return detail_of(error)
