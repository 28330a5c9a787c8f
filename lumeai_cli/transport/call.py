"""What the rest of the house knows of an HTTP client: a request, its limits, and an open call."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from lumeai_cli.wire.exchange import Asked, Chunk, Ending, Exchange, Headers


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request; the headers may hold a key, so it is never printed or saved: `repr` shows the line alone."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.url}, {len(self.body)} bytes)"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds until a connection stands, until the first byte, between two chunks, in all; bytes of a decoded body."""

    connect: float = 5.0
    first_byte: float = 120.0
    silence: float = 120.0
    total: float = 300.0
    body: int = 4 * 1024 * 1024


class Call(Protocol):
    """A request that is under way. Iterate it to the end; then `ending` tells how it ended.

    `headers_at` is in seconds since the request, `encoding` the content encoding that was undone.
    """

    status: int | None
    headers: Headers
    headers_at: float | None
    encoding: str
    ending: Ending

    def __aiter__(self) -> AsyncIterator[Chunk]:
        """The decoded body, chunk by chunk."""
        ...


class Engine(Protocol):
    """One way to speak HTTP."""

    def open(self, request: HttpRequest, limits: Limits) -> AbstractAsyncContextManager[Call]:
        """Sends a request; never raises for what a server or a network does: that is the call's ending."""
        ...


async def perform(engine: Engine, request: HttpRequest, limits: Limits, asked: Asked, identity: str) -> Exchange:
    """The whole exchange of one request."""
    async with engine.open(request, limits) as call:
        chunks = [chunk async for chunk in call]
        return Exchange(
            identity, asked, call.status, call.headers, call.headers_at, tuple(chunks), call.ending, call.encoding
        )
