"""The doctor's engine: httpx 0.28, one connection a request, bytes as they come, no redirects.

Why httpx here: its exceptions tell the rungs apart. Why a connection of its own for each request: its pool does not
survive cancelled calls (encode/httpcore #1093), and a server that serves one connection at a time must not be blocked
by an idle one.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Self

import httpx

from lumeai_cli.transport.call import HttpRequest, Limits
from lumeai_cli.transport.decoding import Decoder
from lumeai_cli.transport.failure import ON_THE_WAY, broken_body, detail_of, given_up, kind_of
from lumeai_cli.wire.exchange import Chunk, Ending, EndingKind, Headers

_DISCONNECTED = "without sending a response"


class HttpxCall:
    """One request under way; see `transport.call.Call`."""

    def __init__(self, response: httpx.Response | None, ending: Ending | None, limits: Limits, started: float) -> None:
        self._response = response
        self._limits = limits
        self._started = started
        self.ending = ending or Ending(EndingKind.CANCELLED)
        self.status: int | None = None
        self.headers: Headers = ()
        self.headers_at: float | None = None
        self.encoding = ""
        if response is not None:
            self.status = response.status_code
            self.headers = tuple(
                (key.decode("latin-1"), value.decode("latin-1")) for key, value in response.headers.raw
            )
            self.headers_at = self._now()
            self.encoding = response.headers.get("content-encoding", "")

    def _now(self) -> float:
        return time.monotonic() - self._started

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        if self._response is None:
            return
        decoder = Decoder(self.encoding, self._limits.body)
        chunks = self._response.aiter_raw().__aiter__()
        limits = self._limits
        last = self._now()
        patience = max(limits.silence, limits.first_byte)  # the first chunk may take as long as the head
        while True:
            left = limits.total - self._now()
            try:
                async with asyncio.timeout(max(0.0, min(patience, left))):
                    raw = await anext(chunks, None)
            except TimeoutError:
                self.ending = given_up(self._now(), last, patience)
                return
            except httpx.HTTPError as error:
                self.ending = _failed(error, self._now(), answered=True)
                return
            at = last = self._now()
            patience = limits.silence
            if raw is None:
                cut = decoder.unfinished
                self.ending = (
                    Ending(EndingKind.CUT, at, "the gzip data ends early") if cut else Ending(EndingKind.CLEAN, at)
                )
                return
            data = decoder.feed(raw)
            if data:
                yield Chunk(at, data)
            if decoder.overflow:
                self.ending = Ending(EndingKind.OVERFLOW, at, str(limits.body))
                return
            if decoder.broken:
                self.ending = Ending(EndingKind.PROTOCOL, at, f"content-encoding {self.encoding}: {decoder.broken}")
                return


class HttpxEngine:
    """Use as an async context manager. `proxied` obeys the proxy variables; `tls` says that https will be spoken."""

    def __init__(self, *, proxied: bool, tls: bool) -> None:
        self._proxied = proxied
        self._tls = tls
        self._client: httpx.AsyncClient | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _open_client(self) -> httpx.AsyncClient:
        if self._client is None:
            client = httpx.AsyncClient(
                trust_env=self._proxied,
                # Building a TLS context reads the system's certificates (60 ms): plain http does without.
                verify=self._tls,
                follow_redirects=False,
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            )
            self._client = await self._stack.enter_async_context(client)
        return self._client

    @asynccontextmanager
    async def open(self, request: HttpRequest, limits: Limits) -> AsyncIterator[HttpxCall]:
        """Sends the request and waits for the head of the answer."""
        started = time.monotonic()
        response: httpx.Response | None = None
        ending: Ending | None = None
        try:
            client = await self._open_client()
            outgoing = client.build_request(
                request.method,
                request.url,
                headers=list(request.headers),
                content=request.body or None,
                timeout=httpx.Timeout(None, connect=limits.connect),
            )
            async with asyncio.timeout(min(limits.first_byte, limits.total)):
                response = await client.send(outgoing, stream=True)
        except TimeoutError:
            ending = Ending(
                EndingKind.TIMEOUT_FIRST, time.monotonic() - started, f"nothing for {limits.first_byte:.0f} s"
            )
        except httpx.HTTPError as error:
            ending = _failed(error, time.monotonic() - started, answered=False)
            if self._proxied and ending.kind in ON_THE_WAY:
                ending = replace(ending, kind=EndingKind.PROXY)
        except (httpx.InvalidURL, ValueError) as error:
            ending = Ending(EndingKind.PROXY, 0.0, f"the variable names no usable proxy: {error}"[:300])
        except ImportError:
            ending = Ending(EndingKind.PROXY, 0.0, "the proxy speaks SOCKS, which lumeai does not")
        try:
            yield HttpxCall(response, ending, limits, started)
        finally:
            if response is not None:
                await response.aclose()


def _failed(error: httpx.HTTPError, at: float, *, answered: bool) -> Ending:
    text = str(error)
    if isinstance(error, httpx.ConnectTimeout):
        return Ending(EndingKind.CONNECT_TIMEOUT, at, "no connection in time")
    if isinstance(error, httpx.ProxyError):
        return Ending(EndingKind.PROXY, at, text[:300])
    if isinstance(error, httpx.RemoteProtocolError):
        if _DISCONNECTED in text:
            return Ending(EndingKind.RESET, at, text)
        return Ending(EndingKind.CUT if broken_body(text) else EndingKind.PROTOCOL, at, text[:300])
    return Ending(kind_of(error, answered=answered), at, detail_of(error))
