"""The side of the proxy that clients see: routes, request bodies, and what is refused before a backend is asked.

The chat endpoint is an ASGI object of its own within Starlette's routes: nothing stands between it and the server, so
that a client's leaving is seen, and what is sent is sent.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lumeai_cli import __version__
from lumeai_cli.admission.entry import Entry
from lumeai_cli.admission.gate import Gate, Guest
from lumeai_cli.flow.attempt import Candidate
from lumeai_cli.flow.chat import Chat, read_chat
from lumeai_cli.flow.circuit import Circuits
from lumeai_cli.flow.flow import Flow, Rules
from lumeai_cli.flow.permission import choose_allowed, visible_entries
from lumeai_cli.flow.refusal import (
    Refusal,
    own_fault,
    slow_request,
    stopping,
    too_large,
    unknown_model,
    unknown_route,
    wrong_method,
)
from lumeai_cli.flow.route import near
from lumeai_cli.proxy.directory import Directory
from lumeai_cli.proxy.driver import Driver, Message, Receive, SendMessage, Surroundings
from lumeai_cli.proxy.patience import Patience
from lumeai_cli.proxy.plan import Plan
from lumeai_cli.proxy.record import LOG, Memory, Story
from lumeai_cli.proxy.visit import Visit
from lumeai_cli.text.phrase import say
from lumeai_cli.transport.aiohttp_engine import AiohttpEngine
from lumeai_cli.transport.call import Limits

AGENT = f"lumeai/{__version__}"

_PREFIXES = ("/v1", "", "/v1/v1")
_CHAT = "/chat/completions"

READY_SECONDS = 5.0
"""How old the knowledge may be with which `/readyz` answers."""

ENDLESS = 6 * 3600.0
"""Seconds after which an answer is given up that has never fallen silent."""

PATIENCE = Patience()

Scope = dict[str, Any]


class Proxy:
    """Everything that lives as long as the process: plan, connections, what is known of the backends.

    Use as an async context manager; `reload` takes a new plan for the requests to come.
    """

    def __init__(self, plan: Plan, patience: Patience = PATIENCE) -> None:
        self.plan = plan
        self.patience = patience
        self.stopping = False
        self.circuits = Circuits()
        self.memory = Memory()
        self.gate = Gate(plan.guard)
        self._stack = contextlib.AsyncExitStack()
        self._drivers: set[Driver] = set()
        self._noted: set[str] = set()

    async def __aenter__(self) -> Self:
        tls = any(backend.url.startswith("https:") for backend in self.plan.backends)
        self.engine = await self._stack.enter_async_context(AiohttpEngine(proxied=False, tls=tls))
        await self._stack.enter_async_context(self.gate)
        self._asking = await self._stack.enter_async_context(asyncio.TaskGroup())
        self.directory = Directory(self.plan, self.engine, AGENT, self._asking, self.patience.lists)
        self._stack.callback(self._stop_asking)
        self.directory.renew()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _stop_asking(self) -> None:
        self.directory.close()

    @property
    def limits(self) -> Limits:
        """How long one attempt may take."""
        settings = self.plan.settings
        return Limits(settings.connect, settings.first_byte, settings.silence, ENDLESS, 256 * 1024 * 1024)

    @property
    def answers(self) -> int:
        """How many are under way."""
        return len(self._drivers)

    def reload(self, plan: Plan) -> None:
        """Takes a new plan; requests that are under way go on by the old one."""
        old = self.directory
        self.plan = plan
        self.gate.reload(plan.guard)
        self.circuits = Circuits()
        self.memory = Memory()
        self.directory = Directory(plan, self.engine, AGENT, self._asking, self.patience.lists, old)
        old.close()
        self.directory.renew()

    async def known(self) -> Directory:
        """The directory; the first requests wait for it a little, and old lists are renewed meanwhile."""
        directory = self.directory
        await directory.fresh()
        return directory

    async def answer(self, driver: Driver, receive: Receive) -> None:
        """Lets a request run, and knows of it while it does."""
        self._drivers.add(driver)
        try:
            await driver.run(receive)
        finally:
            self._drivers.discard(driver)

    def end_answers(self) -> None:
        """Ends what is under way: each client is told."""
        for driver in self._drivers:
            driver.stop()

    def note_route(self, path: str, usual: str) -> None:
        """Tells once of each other path under which clients find their way."""
        if path != usual and path not in self._noted:
            self._noted.add(path)
            LOG.info("%s", say(self.plan.language, "serve-other-route", path=path, usual=usual))


class RefusedResponse(Response):
    """An error in OpenAI's form."""

    def __init__(self, refusal: Refusal, language: str) -> None:
        request_id = secrets.token_hex(8)
        LOG.info("refused: %s", refusal.code, extra={"told": {"request": request_id, "status": refusal.status}})
        super().__init__(
            refusal.body(language),
            refusal.status,
            {
                **{name.decode(): value.decode() for name, value in refusal.headers},
                "x-lumeai-request-id": request_id,
            },
            "application/json",
        )


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
            await refuse(send, found, self._proxy.plan.language, request_id, close=close)
        elif found is not None:
            await self._answer(found, receive, send, request_id)

    async def _accepted(self, scope: Scope, receive: Receive, request_id: str) -> Accepted | Refusal | None:
        """The request, read and let in; None if the client left before it was whole."""
        proxy = self._proxy
        if scope["method"] != "POST":
            return wrong_method(scope["method"], "POST")
        proxy.note_route(scope["path"], "/v1" + _CHAT)
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
            return chat
        directory = await proxy.known()
        candidates = choose_allowed(chat.model, directory.offers, guest.terms)
        if isinstance(candidates, Refusal):
            return candidates
        entry = await proxy.gate.enter(guest, len(chat.body))
        return entry if isinstance(entry, Refusal) else Accepted(chat, candidates, entry)

    async def _answer(self, accepted: Accepted, receive: Receive, send: SendMessage, request_id: str) -> None:
        proxy, (chat, candidates, entry) = self._proxy, accepted
        settings, language = proxy.plan.settings, proxy.plan.language
        visit = Visit(proxy.gate, entry)
        send = visit.through(send)
        now = time.monotonic()
        ordered = proxy.circuits.ordered(candidates, now)
        rules = Rules(
            settings.hold,
            settings.keep_alive,
            settings.attempts,
            settings.first_byte,
            settings.explain,
            language,
            request_id,
            whole=proxy.memory.was_cut(lambda: chat.conversation, now),
        )
        story = Story(
            request_id,
            chat.model,
            chat.wanted.stream,
            proxy.circuits,
            proxy.memory,
            chat.digest,
            lambda: chat.conversation,
        )
        known = proxy.memory.known(chat.digest, now)
        if known is not None:  # the one that is named again is the one that was
            ordered = tuple(sorted(ordered, key=lambda one: one.backend.name != known.backend))
        flow = Flow(chat, ordered, rules, known)
        surroundings = Surroundings(proxy.engine, proxy.limits, visit.before(story), AGENT, language)
        driver = Driver(flow, chat, surroundings, send)
        try:
            await proxy.answer(driver, receive)
        except* Exception as group:  # noqa: BLE001  # the rim: a fault of our own is told, and harms no other request
            LOG.exception("request %s broke", request_id, exc_info=group)
            if not driver.started:
                await refuse(send, own_fault(request_id), language, request_id)
            else:
                await driver.break_off(own_fault(request_id))
        finally:
            visit.over(flow.usage, chat.model)


async def refuse(send: SendMessage, refusal: Refusal, language: str, request_id: str, *, close: bool = False) -> None:
    """Sends an error in OpenAI's form, and says so in the log: of a request that may hold anything, its code alone.

    `close`: what comes next on this connection may be the rest of this request, or another one.
    """
    LOG.info("refused: %s", refusal.code, extra={"told": {"request": request_id, "status": refusal.status}})
    body = refusal.body(language)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-lumeai-request-id", request_id.encode()),
    ]
    headers += refusal.headers
    if refusal.status == 503:
        headers.append((b"retry-after", b"1"))
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


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


def build(proxy: Proxy) -> Starlette:
    """The ASGI application around a proxy that is entered and left with it."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with proxy:
            yield

    async def models(request: Request) -> Response:
        proxy.note_route(request.scope["path"], "/v1/models")
        guest = await proxy.gate.admit(request.scope["headers"], address_of(request.scope))
        if isinstance(guest, Refusal):
            return refused(guest)
        directory = await proxy.known()
        return JSONResponse({"object": "list", "data": list(_shown(directory, guest).values())})

    async def model(request: Request) -> Response:
        guest = await proxy.gate.admit(request.scope["headers"], address_of(request.scope))
        if isinstance(guest, Refusal):
            return refused(guest)
        name = request.path_params["model"]
        directory = await proxy.known()
        shown = _shown(directory, guest)
        if name in shown:
            return JSONResponse(shown[name])
        return refused(unknown_model(name, ", ".join(one for one in near(name, directory.offers) if one in shown)))

    async def healthy(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "lumeai": __version__})

    async def ready(request: Request) -> Response:
        directory = proxy.directory
        await directory.fresh(READY_SECONDS)
        opened = proxy.circuits.opened(time.monotonic())
        told = {
            backend.name: {
                "answers": directory.answers(backend) and backend.name not in opened,
                "models": len(known.ids) if (known := directory.lists.get(backend.name)) is not None else 0,
            }
            for backend in directory.plan.backends
        }
        alive = any(one["answers"] for one in told.values())
        backends = {"backends": told} if proxy.gate.admits(request.scope["headers"]) else {}
        return JSONResponse({"ready": alive} | backends, 200 if alive else 503)

    def refused(refusal: Refusal) -> Response:
        return RefusedResponse(refusal, proxy.plan.language)

    async def elsewhere(request: Request, _error: Exception) -> Response:
        return refused(unknown_route(request.method, request.scope["path"]))

    async def other_method(request: Request, error: Exception) -> Response:
        allowed = (getattr(error, "headers", None) or {}).get("Allow", "GET")
        return refused(wrong_method(request.method, ", ".join(sorted(allowed.split(", ")))))

    async def broken(request: Request, error: Exception) -> Response:
        LOG.error("%s %s broke", request.method, request.scope["path"][:200], exc_info=error)
        return refused(own_fault("-"))

    chat = ChatEndpoint(proxy)
    routes = [
        *(Route(prefix + path, chat) for prefix in _PREFIXES for path in (_CHAT, _CHAT + "/", _CHAT + _CHAT)),
        *(Route(prefix + path, models, methods=["GET"]) for prefix in _PREFIXES for path in ("/models", "/models/")),
        *(Route(prefix + "/models/{model:path}", model, methods=["GET"]) for prefix in _PREFIXES),
        Route("/healthz", healthy, methods=["GET"]),
        Route("/readyz", ready, methods=["GET"]),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={404: elsewhere, 405: other_method, Exception: broken},
    )
    app.router.redirect_slashes = False
    return app


def _entries(directory: Directory) -> dict[str, dict[str, Any]]:
    """All models by the names under which they can be asked for."""
    entries: dict[str, dict[str, Any]] = {}
    several = len(directory.plan.backends) > 1
    for alias, _target in directory.plan.settings.aliases:
        entries[alias] = _entry(alias, "lumeai")
    for backend in directory.plan.backends:
        known = directory.lists.get(backend.name)
        ids = known.ids if known is not None else ()
        for name in dict.fromkeys((*((backend.model,) if backend.model else ()), *ids)):
            entries.setdefault(name, _entry(name, backend.name))
            if several:
                entries.setdefault(f"{backend.name}/{name}", _entry(f"{backend.name}/{name}", backend.name))
    return entries


def _shown(directory: Directory, guest: Guest) -> dict[str, dict[str, Any]]:
    """The models that this guest may ask for."""
    entries = _entries(directory)
    aliases = dict(directory.plan.settings.aliases)
    owners = {name: aliases.get(name, str(entry["owned_by"])) for name, entry in entries.items()}
    return visible_entries(entries, owners, directory.plan.backends, guest.terms)


def _entry(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
