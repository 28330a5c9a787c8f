"""One process that answers: uvicorn with the proxy in it, signals, reload, and an end that no client misses."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable
from importlib.util import find_spec
from types import FrameType

import uvicorn

from lumeai_cli.proxy.app import build
from lumeai_cli.proxy.plan import Plan
from lumeai_cli.proxy.protocol import protocol_for
from lumeai_cli.proxy.proxy import Proxy
from lumeai_cli.proxy.record import LOG
from lumeai_cli.text.mendable import MendableError
from lumeai_cli.text.phrase import say

Again = Callable[[], Plan]

LAST_WORDS = 1.0
"""Seconds that a client has to take the words with which its answer is ended, before its connection is closed."""

INTERRUPTED = 130

HELD_BACK = {signal.SIGHUP, signal.SIGUSR1} if sys.platform != "win32" else set()


def one(
    plan_again: Again, plan: Plan, sock: socket.socket, started: Callable[[], None], lifeline: int | None = None
) -> int:
    """Serves in this process; the exit code. For `started` and `lifeline` see `Server`."""
    proxy = Proxy(plan)
    server = Server(config_of(proxy), proxy, plan_again, started, lifeline)
    server.run(sockets=[sock])
    return server.exit_code


def config_of(proxy: Proxy) -> uvicorn.Config:
    """How uvicorn shall serve this proxy."""
    return uvicorn.Config(
        build(proxy),
        http=protocol_for(proxy),
        loop="uvloop" if find_spec("uvloop") is not None else "asyncio",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level=logging.WARNING,
        server_header=False,
        proxy_headers=False,
        # The server ends what is still open by itself, and in words; this is for what should never happen.
        timeout_graceful_shutdown=round(proxy.plan.settings.grace + LAST_WORDS) + 5,
        timeout_keep_alive=75,
    )


def hold_back() -> None:
    """Keeps what comes while nobody can heed it yet: the usual meaning of these signals is the end of the process."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD_BACK)


class Server(uvicorn.Server):
    """uvicorn's server with our words to the proxy: when it begins to stop, and when it shall read its settings.

    `started` is called as soon as clients are served. `lifeline` is a descriptor that tells by its end that whoever
    started this process is gone; such a process watches over this one, and Ctrl-C is its to pass on.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        proxy: Proxy,
        plan_again: Again,
        started: Callable[[], None],
        lifeline: int | None = None,
    ) -> None:
        super().__init__(config)
        self._proxy = proxy
        self._plan_again = plan_again
        self._started = started
        self._lifeline = lifeline
        self._signals: list[int] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reloading: asyncio.Task[None] | None = None
        self._again = False

    @property
    def exit_code(self) -> int:
        """How the process shall end, once it has served."""
        if not self.started:
            return 3
        return INTERRUPTED if self._signals[:1] == [signal.SIGINT] else 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # uvicorn's signature
        """The first signal ends it in peace, the second in haste, the third at any price."""
        if sig == signal.SIGINT and self._lifeline is not None:
            return  # a terminal sends Ctrl-C to all processes: two signals would be none in peace
        self._signals.append(sig)
        self._proxy.stopping = True
        self.should_exit = True
        if len(self._signals) == 2 and self._loop is not None:
            self._loop.call_soon_threadsafe(self._hurry)
        self.force_exit = len(self._signals) > 2

    def _hurry(self) -> None:
        self._proxy.end_answers()
        asyncio.get_running_loop().call_later(LAST_WORDS / 4, self._hang_up)

    def _hang_up(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, says so, and listens to SIGHUP (settings anew) and SIGUSR1 (a line of figures)."""
        await super().startup(sockets)
        self._loop = loop = asyncio.get_running_loop()
        if sys.platform != "win32":
            loop.add_signal_handler(signal.SIGHUP, self._reload)
            loop.add_signal_handler(signal.SIGUSR1, self._tell_figures)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
        if self._lifeline is not None:
            loop.add_reader(self._lifeline, self._orphaned, self._lifeline)
        self._started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets answers finish within the grace; those that do not are ended in words, and then cut off."""
        loop = asyncio.get_running_loop()
        grace = self._proxy.plan.settings.grace
        timers = (
            loop.call_later(grace, self._proxy.end_answers),
            loop.call_later(grace + LAST_WORDS, self._hang_up),
        )
        await super().shutdown(sockets)
        for timer in timers:
            timer.cancel()

    def _orphaned(self, lifeline: int) -> None:
        """Whoever watched over this process is gone: it ends, too."""
        asyncio.get_running_loop().remove_reader(lifeline)
        self.handle_exit(signal.SIGTERM, None)

    def _reload(self) -> None:
        """One reading at a time; a signal that comes meanwhile may be about a newer file, and causes another."""
        self._again = True
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.get_running_loop().create_task(self._read_again())

    async def _read_again(self) -> None:
        """Reads the settings anew; what is wrong with them is told, and the old ones stay."""
        while self._again:
            self._again = False
            plan = await asyncio.to_thread(plan_or_none, self._plan_again, self._proxy.plan)
            if plan is not None and not self._again:
                self._proxy.reload(plan)
                LOG.info("reloaded: %s", ", ".join(backend.name for backend in plan.backends))

    def _tell_figures(self) -> None:
        figures = {
            "tasks": len(asyncio.all_tasks()),
            "connections": len(self.server_state.connections),
            "answers": self._proxy.answers,
            "requests": self.server_state.total_requests,
        }
        LOG.info("figures: %s", " ".join(f"{name}={count}" for name, count in figures.items()), extra={"told": figures})


def plan_or_none(plan_again: Again, old: Plan) -> Plan | None:
    """The plan as the settings have it now; None, and a line in the log, if they are not to be served."""
    try:
        return plan_again()
    except MendableError as error:
        reason = error.in_(old.language)
    except Exception as error:  # noqa: BLE001  # whatever it is, the old settings go on to be served
        reason = type(error).__name__
    LOG.error("%s", say(old.language, "serve-reload-refused", error=reason))
    return None
