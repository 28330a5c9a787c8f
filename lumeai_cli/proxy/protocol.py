"""How clients are read: uvicorn's protocol with an end to its patience, and with refusals that clients understand.

uvicorn's own waits for ever for a head that never ends, keeps as much of it as comes, and puts what it says about bytes
that are no HTTP into the middle of an answer that is under way on the same connection.
"""

import asyncio
import math
import re
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from lumeai_cli.flow.refusal import Refusal, head_too_large, no_http, slow_request
from lumeai_cli.proxy.patience import Patience
from lumeai_cli.proxy.plan import Plan

_UPGRADE = re.compile(rb"\r\nupgrade[ \t]*:", re.IGNORECASE)
"""Java's HTTP client offers HTTP/2 with every request over an open connection."""

HEAD = 64 * 1024
"""Bytes after which a head that is still not whole is refused."""


class Served(Protocol):
    """What is asked of the proxy here."""

    plan: Plan
    patience: Patience


def protocol_for(proxy: Served) -> type[HttpToolsProtocol]:
    """The protocol for this proxy's clients; its language may change with a reload."""

    class ClientProtocol(_ClientProtocol):
        served = proxy

    return ClientProtocol


class _ClientProtocol(HttpToolsProtocol):
    """One connection of a client."""

    served: Served
    _head: asyncio.TimerHandle | None = None  # runs while a head is due
    _begun = False  # whether something of it has come
    _whole = False  # whether it is here, with or without the body behind it
    _size = 0
    _refusal: Refusal | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a client; behind those that were refused none is read."""
        if self._refusal is not None:
            return
        if not self._whole:
            self._begun = True
            self._size += len(data)
        if b"pgrade" in data:
            data = self._without_upgrade(data)
        super().data_received(data)
        if self._refusal is not None or self._whole:
            return
        if self._size > HEAD:
            self._refuse(head_too_large(HEAD >> 10))
        elif self._head is None:
            self._expect_head()

    def _without_upgrade(self, data: bytes) -> bytes:
        """Takes the offer of another protocol out of a head: the parser would take the body for that protocol."""
        cycle = self.cycle
        if self._whole and cycle is not None and cycle.more_body:
            return data
        head, end, rest = data.partition(b"\r\n\r\n")
        return _UPGRADE.sub(b"\r\nx-not-taken:", head) + end + rest

    def on_message_begin(self) -> None:
        self._whole = False
        self._begun = True
        self._size = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._whole = True
        self._stop_timer()
        super().on_headers_complete()
        if self.parser.get_http_version() == "1.0" and self.cycle is not None:
            self.cycle.send = _unchunked(self.cycle)  # type: ignore[method-assign,assignment]  # uvicorn offers no other place

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._refusal is not None and not self._answering():
            self._write_refusal(self._refusal)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # in our own words
        """The parser has met something that is no HTTP."""
        self._refuse(no_http())

    def _expect_head(self) -> None:
        self._head = self.loop.call_later(self.served.patience.head, self._late)

    def _stop_timer(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _late(self) -> None:
        self._head = None
        if self._begun:
            self._refuse(slow_request(self.served.patience.head))
        else:
            self.transport.close()

    def _answering(self) -> bool:
        """Whether an answer to a whole request is due on this connection, which has to go out first."""
        cycle = self.cycle
        if self.pipeline:
            return True
        if cycle is None or cycle.response_complete:
            return False
        return cycle.response_started or not cycle.more_body

    def _refuse(self, refusal: Refusal) -> None:
        self._refusal = refusal
        self._stop_timer()
        if not self._answering():
            self._write_refusal(refusal)

    def _write_refusal(self, refusal: Refusal) -> None:
        if self.transport.is_closing():
            return
        body = refusal.body(self.served.plan.language)
        head = (
            b"content-type: application/json\r\n"
            b"content-length: %d\r\n"
            b"connection: close\r\n\r\n" % len(body)
        )  # fmt: skip
        dates = b"".join(b"%s: %s\r\n" % header for header in self.server_state.default_headers)
        self.transport.write(STATUS_LINE[refusal.status] + dates + head + body)
        self.transport.close()


def _unchunked(cycle: RequestResponseCycle) -> Callable[[Any], Awaitable[None]]:
    """What sends to a client that does not know chunks (HTTP/1.0): the end of the connection is the end of the body."""
    send = cycle.send
    endless = False

    async def plain(message: Any) -> None:
        nonlocal endless
        if message["type"] == "http.response.start":
            endless = all(name.lower() != b"content-length" for name, _ in message["headers"])
            if endless:
                cycle.chunked_encoding = False
                cycle.expected_content_length = math.inf  # type: ignore[assignment]  # no body is longer than that
        elif endless and not message.get("more_body", False):
            while cycle.flow.write_paused and not cycle.disconnected:  # what is said now of the length has to stay true
                await cycle.flow.drain()
            cycle.expected_content_length = len(message.get("body", b""))
        await send(message)

    return plain
