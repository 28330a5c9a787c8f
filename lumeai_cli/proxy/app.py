"""The side of the proxy that clients see: routes, lists of models, signs of life."""

import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lumeai_cli import __version__
from lumeai_cli.admission.gate import Guest
from lumeai_cli.flow.permission import visible_entries
from lumeai_cli.flow.refusal import Refusal, own_fault, unknown_model, unknown_route, wrong_method
from lumeai_cli.flow.route import near
from lumeai_cli.proxy.directory import Directory
from lumeai_cli.proxy.endpoint import ChatEndpoint, Refused, address_of
from lumeai_cli.proxy.proxy import Proxy
from lumeai_cli.proxy.record import LOG

READY_SECONDS = 5.0
"""How old the knowledge may be with which `/readyz` answers."""

_PREFIXES = ("/v1", "", "/v1/v1")
_CHAT = "/chat/completions"


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
        return Refused(refusal, proxy.plan.language)

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
