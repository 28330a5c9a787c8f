"""The chat endpoint: a request is read and let in, or refused in words before a backend is asked.

It is an ASGI object of its own within Starlette's routes: nothing stands between it and the server, so that a client's
leaving is seen, and what is sent is sent.
"""

import asyncio
import secrets
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from starlette.responses import Response

from lumeai_cli.admission.entry import Entry
from lumeai_cli.flow.attempt import Candidate
from lumeai_cli.flow.chat import Chat, read_chat
from lumeai_cli.flow.flow import Flow, Rules
from lumeai_cli.flow.permission import choose_allowed
from lumeai_cli.flow.refusal import Refusal, own_fault, slow_request, stopping, too_large, wrong_method
from lumeai_cli.proxy.driver import Driver, Message, Receive, SendMessage, Surroundings
from lumeai_cli.proxy.proxy import AGENT, Proxy
from lumeai_cli.proxy.record import LOG, Story
from lumeai_cli.proxy.visit import Visit

USUAL = "/v1/chat/completions"

Scope = dict[str, Any]


class Refused(Response):
    """An error in OpenAI's form; the log is told of it: of a request that may hold anything, the code alone.

    `close`: what comes next on this connection may be the rest of this request, or another one.
    """

    def __init__(self, refusal: Refusal, language: str, request_id: str = "", *, close: bool = False) -> None:
        request_id = request_id or secrets.token_hex(8)
        LOG.info("refused: %s", refusal.code, extra={"told": {"request": request_id, "status": refusal.status}})
        headers = {name.decode(): value.decode() for name, value in refusal.headers}
        headers["x-lumeai-request-id"] = request_id
        if refusal.status == 503:
            headers["retry-after"] = "1"
        if close:
            headers["connection"] = "close"
        super().__init__(refusal.body(language), refusal.status, headers, "application/json")


class Accepted(NamedTuple):
    """A request that is to be answered, and by whom."""

    chat: Chat
    candidates: tuple[Candidate, ...]
    entry: Entry


class ChatEndpoint:
    """`POST /v1/chat/completions`."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    async def __call__(self, scope: Scope, receive: Receive, send: SendMessage) -> None:
        """One request of a client."""
        request_id = secrets.token_hex(8)
        found = await self._accepted(scope, receive, request_id)
        if isinstance(found, Refusal):
            expects = any(name == b"expect" for name, _ in scope["headers"])
            close = found.status == 408 or (found.status == 413 and expects)
            refused = Refused(found, self._proxy.plan.language, request_id, close=close)
            await refused(scope, receive, send)
        elif found is not None:
            await self._answer(found, scope, receive, send, request_id)

    async def _accepted(self, scope: Scope, receive: Receive, request_id: str) -> Accepted | Refusal | None:
        """The request, read and let in; None if the client left before it was whole."""
        proxy = self._proxy
        if scope["method"] != "POST":
            return wrong_method(scope["method"], "POST")
        proxy.note_route(scope["path"], USUAL)
        if proxy.stopping:
            return stopping()
        guest = await proxy.gate.admit(scope["headers"], address_of(scope))
        if isinstance(guest, Refusal):
            return guest
        largest = proxy.plan.settings.max_body * 1024 * 1024
        body = await read_body(receive, scope["headers"], largest, proxy.patience.body)
        if body is None or isinstance(body, Refusal):
            return body
        chat = read_chat(body, seed=request_id, key=guest.identity)
        if isinstance(chat, Refusal):
            return proxy.gate.turned_away(guest, chat)
        directory = await proxy.known()
        candidates = choose_allowed(chat.model, directory.offers, guest.terms)
        if isinstance(candidates, Refusal):
            return proxy.gate.turned_away(guest, candidates, chat.model)
        entry = await proxy.gate.enter(guest, len(chat.body))
        if isinstance(entry, Refusal):
            return proxy.gate.turned_away(guest, entry, chat.model)
        return Accepted(chat, candidates, entry)

    async def _answer(
        self, accepted: Accepted, scope: Scope, receive: Receive, send: SendMessage, request_id: str
    ) -> None:
        """Whatever happens, what was counted in is counted out."""
        proxy, chat, language = self._proxy, accepted.chat, self._proxy.plan.language
        visit = Visit(proxy.gate, accepted.entry)
        send = visit.through(send)
        flow: Flow | None = None
        driver: Driver | None = None
        try:
            flow = self._flow(accepted, request_id)
            listener = visit.before(self._story(chat, request_id))
            driver = Driver(flow, chat, Surroundings(proxy.engine, proxy.limits, listener, AGENT, language), send)
            await proxy.answer(driver, receive)
        except* Exception as group:  # noqa: BLE001  # the rim: a fault of our own is told, and harms no other request
            LOG.exception("request %s broke", request_id, exc_info=group)
            if driver is None or not driver.started:
                await Refused(own_fault(request_id), language, request_id)(scope, receive, send)
            else:
                await driver.break_off(own_fault(request_id))
        finally:
            visit.over(flow, chat.model)

    def _flow(self, accepted: Accepted, request_id: str) -> Flow:
        proxy, chat, settings = self._proxy, accepted.chat, self._proxy.plan.settings
        now = time.monotonic()
        ordered = proxy.circuits.ordered(accepted.candidates, now)
        rules = Rules(
            settings.hold,
            settings.keep_alive,
            settings.attempts,
            settings.first_byte,
            settings.explain,
            proxy.plan.language,
            request_id,
            whole=proxy.memory.was_cut(lambda: chat.conversation, now),
        )
        known = proxy.memory.known(chat.digest, now)
        if known is not None:  # the one that is named again is the one that was
            ordered = tuple(sorted(ordered, key=lambda one: one.backend.name != known.backend))
        return Flow(chat, ordered, rules, known)

    def _story(self, chat: Chat, request_id: str) -> Story:
        proxy = self._proxy
        return Story(
            request_id,
            chat.model,
            chat.wanted.stream,
            proxy.circuits,
            proxy.memory,
            chat.digest,
            lambda: chat.conversation,
        )


def address_of(scope: Message) -> str:
    """Where a request comes from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


async def read_body(
    receive: Receive, headers: Iterable[tuple[bytes, bytes]], limit: int, seconds: float
) -> bytes | Refusal | None:
    """The request's body; None if the client left before it was whole. `limit` in bytes."""
    length = dict(headers).get(b"content-length", b"")
    if length.isdigit() and int(length) > limit:
        return too_large(limit >> 20)
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                message: Message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                piece = message.get("body", b"")
                size += len(piece)
                if size > limit:
                    return too_large(limit >> 20)
                pieces.append(piece)
                if not message.get("more_body", False):
                    return b"".join(pieces) if len(pieces) != 1 else piece
    except TimeoutError:
        return slow_request(seconds)
