"""The real proxy beside the lab: for every pair of backends one proxy of its own, all of them behind one real uvicorn.

A pair's proxy is reached at `Rig.url(specimen, way)`. Every request finds its circuits closed: what is looked at is the
first request that meets a sick backend, not the sixth, which would no longer be sent there.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from lumeai_cli.backends.backend import Backend, Kind
from lumeai_cli.flow.circuit import Circuits
from lumeai_cli.lab import SPECIMENS, LabServer, running_lab
from lumeai_cli.lab.registry import UNLISTED
from lumeai_cli.proxy.app import build
from lumeai_cli.proxy.plan import Plan
from lumeai_cli.proxy.proxy import Proxy
from lumeai_cli.proxy.record import Memory
from lumeai_cli.settings import ServeSettings

HEALTHY = "healthy-plain"
TIME_SCALE = 0.005

HOSTILES = (
    "deep-json",
    "half-chunk",
    "header-flood",
    "nan",
    "no-http",
    "redirect-loop",
    "short-body",
    "silent",
    "stall",
    "surrogates",
)
"""Of the hostile specimens those that end, or that say nothing: the others only ask how much one process bears."""

REFUSED, UNKNOWN_HOST, BUILTIN = "connection-refused", "dns-failure", "builtin"
"""What no specimen can be."""

NAMES: tuple[str, ...] = (*SPECIMENS, *UNLISTED, *HOSTILES, REFUSED, UNKNOWN_HOST, BUILTIN)

PATIENT = ServeSettings(connect=5.0, first_byte=60.0, silence=60.0)
HURRIED = ServeSettings(connect=5.0, first_byte=3.0, silence=3.0)
"""For those that say nothing: how long is waited for them must not matter."""


class Way(StrEnum):
    """What stands behind the proxy."""

    ALONE = "alone"
    WITH_HEALTHY = "with-healthy"


@dataclass(frozen=True, slots=True)
class Rig:
    """Where lab and proxies are."""

    lab: LabServer
    base: str

    def url(self, name: str, way: Way) -> str:
        """The base URL of the proxy with this backend first."""
        return f"{self.base}/{way}/{name}/v1"

    def model(self, name: str, way: Way) -> str:
        """The model as a request names it: the sick backend is named where another one knows the model, too."""
        return "lab-model" if way is Way.ALONE else f"{name}/lab-model"


@contextmanager
def running_rig(
    names: Sequence[str] = NAMES, *, language: str = "en", hold: float = 20.0, explain: str = "error"
) -> Iterator[Rig]:
    """The lab and the proxies, as long as the block lasts."""
    with running_lab(time_scale=TIME_SCALE, hostile=True) as lab, closed_port() as port:
        refused = f"http://127.0.0.1:{port}/v1"
        second = Backend(HEALTHY, lab.url(HEALTHY))
        proxies: dict[str, Proxy] = {}
        for name in names:
            first = _backend(name, lab, refused)
            settings = replace(HURRIED if name in ("silent", "stall") else PATIENT, hold=hold, explain=explain)
            settings = replace(settings, keep_alive=max(hold, 0.05))
            proxies[f"/{Way.ALONE}/{name}"] = Proxy(Plan((first,), settings, language))
            pair = (first,) if name == HEALTHY else (first, second)
            proxies[f"/{Way.WITH_HEALTHY}/{name}"] = Proxy(Plan(pair, settings, language))
        with serving(_together(proxies)) as base:
            yield Rig(lab, base)


def _backend(name: str, lab: LabServer, refused: str) -> Backend:
    match name:
        case "connection-refused":
            return Backend(name, refused)
        case "dns-failure":
            return Backend(name, "http://no-such-host.invalid/v1")
        case "builtin":
            return Backend(name, "", Kind.BUILTIN)
    return Backend(name, lab.url(name))


def _together(proxies: Mapping[str, Proxy]) -> Starlette:
    """One application of many proxies, each entered and left with it."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for proxy in proxies.values():
                await stack.enter_async_context(proxy)
            yield

    return Starlette(routes=[Mount(path, _fresh(proxy)) for path, proxy in proxies.items()], lifespan=lifespan)


def _fresh(proxy: Proxy) -> ASGIApp:
    app = build(proxy)
    proxy.memory = Memory(patience=0.0)  # nobody here waits a minute to see how an endless client is ended

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        proxy.circuits = Circuits()  # the memory of repeats stays: what repeats does is looked at, too
        await app(scope, receive, send)

    return respond


@contextmanager
def closed_port() -> Iterator[int]:
    """A port of this machine that is taken, and on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it serves."""

    def __init__(self, config: uvicorn.Config, ready: Future[None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts."""
        await super().startup(sockets)
        self._ready.set_result(None)


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """A real uvicorn with the proxy's own parser, in a thread and an event loop of its own; gives its origin."""
    ready: Future[None] = Future()
    server = _Server(
        uvicorn.Config(app, http="httptools", loop="none", ws="none", lifespan="on", access_log=False, log_config=None),
        ready,
    )

    def tell_failure(ended: Future[None]) -> None:
        if not ready.done():
            ready.set_exception(ended.exception() or RuntimeError("the proxies did not start"))

    with socket.socket() as sock, ThreadPoolExecutor(max_workers=1, thread_name_prefix="serve") as pool:
        sock.bind(("127.0.0.1", 0))
        sock.listen(512)
        served = pool.submit(asyncio.run, server.serve([sock]))
        served.add_done_callback(tell_failure)
        ready.result()
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            served.result()
