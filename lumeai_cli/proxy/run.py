"""Runs the proxy: uvicorn inside, signals, reload, and an end that leaves no client without a word."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from lumeai_cli.proxy.app import Proxy, build
from lumeai_cli.proxy.plan import Plan
from lumeai_cli.proxy.record import LOG, start_log
from lumeai_cli.text.mendable import MendableError
from lumeai_cli.text.phrase import say
from lumeai_cli.text.visible import visible

Again = Callable[[], Plan]


def serve(plan_again: Again, plan: Plan, *, quiet: bool = False) -> int:
    """Serves until a signal ends it; the exit code."""
    start_log(quiet=quiet)
    sock = listen(plan.settings.host, plan.settings.port)
    with sock:
        port = sock.getsockname()[1]
        host = f"[{plan.settings.host}]" if ":" in plan.settings.host else plan.settings.host
        _announce(plan, f"http://{host}:{port}")
        if plan.settings.workers == 1:
            return _one(plan_again, plan, sock)
        return _several(plan_again, plan, sock)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; an address that cannot be had is an `OSError` with that address in it."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(2048)
        sock.set_inheritable(True)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, error.strerror, f"{host}:{port}") from None
    return sock


def _announce(plan: Plan, base: str) -> None:
    """Where it serves and what stands behind it, on stdout: a person reads it, a program waits for it."""
    lines = [say(plan.language, "serve-serving", base=f"{base}/v1")]
    for place, backend in enumerate(plan.backends, 1):
        lines.append(f"  {place}. {backend.name}  {backend.url or '-'}")
    keys = plan.guard.keys
    lines.append(say(plan.language, "serve-keys", keys=keys) if keys else say(plan.language, "serve-open-to-all"))
    sys.stdout.write("".join(f"{visible(line)}\n" for line in lines))
    sys.stdout.flush()


class Server(uvicorn.Server):
    """uvicorn's server with our two words to the proxy: when it begins to stop, and when it shall read its settings."""

    def __init__(self, config: uvicorn.Config, proxy: Proxy, plan_again: Again) -> None:
        super().__init__(config)
        self._proxy = proxy
        self._plan_again = plan_again

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends it in peace, the second at once."""
        self._proxy.stopping = True
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, and listens to SIGHUP."""
        await super().startup(sockets)
        if hasattr(signal, "SIGHUP"):
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(self._reload()))

    async def _reload(self) -> None:
        """Reads the settings anew; what is wrong with them is told, and the old ones stay."""
        try:
            plan = await asyncio.to_thread(self._plan_again)
        except MendableError as error:
            LOG.error("%s", say(self._proxy.plan.language, "serve-reload-refused", error=str(error)))
            return
        self._proxy.reload(plan)
        LOG.info("reloaded: %s", ", ".join(backend.name for backend in plan.backends))


def _config(proxy: Proxy, grace: float) -> uvicorn.Config:
    return uvicorn.Config(
        build(proxy),
        http="httptools",
        loop="uvloop" if _has_uvloop() else "asyncio",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level=logging.WARNING,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, round(grace)),
        timeout_keep_alive=75,
        h11_max_incomplete_event_size=64 * 1024,
    )


def _has_uvloop() -> bool:
    from importlib.util import find_spec  # noqa: PLC0415

    return find_spec("uvloop") is not None


def _one(plan_again: Again, plan: Plan, sock: socket.socket) -> int:
    proxy = Proxy(plan)
    server = Server(_config(proxy, plan.settings.grace), proxy, plan_again)
    server.run(sockets=[sock])
    return 0 if server.started else 3


def _several(plan_again: Again, plan: Plan, sock: socket.socket) -> int:
    """One process a worker on one socket; this one watches over them, and passes signals on."""
    return Workers(plan_again, plan, sock).run()


class Workers:
    """The processes that answer: each is started again if it dies, and all end with this one."""

    def __init__(self, plan_again: Again, plan: Plan, sock: socket.socket) -> None:
        self._plan_again = plan_again
        self._plan = plan
        self._sock = sock
        self._pids: set[int] = set()
        self._ending = False

    def run(self) -> int:
        """Until a signal ends it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGHUP, self._pass_on)
        for _ in range(self._plan.settings.workers):
            self._start()
        deaths = 0
        while self._pids:
            try:
                pid, status = os.wait()
            except InterruptedError:
                continue
            except ChildProcessError:
                break
            self._pids.discard(pid)
            if not self._ending:
                deaths += 1
                LOG.error("a worker ended with %s, and is started again", os.waitstatus_to_exitcode(status))
                if deaths > 20 * self._plan.settings.workers:
                    LOG.error("workers keep ending: giving up")
                    self._end(signal.SIGTERM, None)
                    return 3
                self._start()
        return 0

    def _start(self) -> None:
        pid = os.fork()
        if pid:
            self._pids.add(pid)
            return
        code = 3
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            code = _one(self._plan_again, self._plan, self._sock)
        finally:
            os._exit(code)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._ending = True
        self._pass_on(number, None)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        for pid in list(self._pids):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
