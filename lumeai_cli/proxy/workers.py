"""Several processes that answer on one socket, and one that watches over them (POSIX)."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from lumeai_cli.proxy.plan import Plan
from lumeai_cli.proxy.record import LOG
from lumeai_cli.proxy.server import HELD_BACK, INTERRUPTED, Again, one, plan_or_none

SOON = 5.0
"""Seconds; a worker that ends sooner after its start has hardly served anybody."""

GIVE_UP = 5
"""Workers in a row that end so soon, for each that there shall be, until it is no use to start more."""

_OURS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


class Workers:
    """The processes that answer: each is started again if it dies, and all end with this one, however it ends.

    `started` is called once, in the first of them that serves.
    """

    def __init__(self, plan_again: Again, plan: Plan, sock: socket.socket, started: Callable[[], None]) -> None:
        self._plan_again = plan_again
        self._plan = plan
        self._sock = sock
        self._started = started
        self._born: dict[int, float] = {}
        self._signals: list[int] = []
        # Nothing is ever written there: the end of this process is the end of the pipe.
        self._lifeline, self._held = os.pipe()
        # Its one byte is taken by the worker that announces.
        self._turn, turns = os.pipe()
        os.set_blocking(self._turn, False)
        os.write(turns, b"1")
        os.close(turns)

    def run(self) -> int:
        """Until a signal ends it, or its workers keep ending; the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGHUP, self._reload)
        signal.signal(signal.SIGUSR1, lambda number, _: self._pass_on(number))
        for _ in range(self._plan.settings.workers):
            self._start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)
        soon = 0
        while self._born:
            pid, status = os.wait()
            lived = time.monotonic() - self._born.pop(pid)
            if self._signals:
                continue
            LOG.error("a worker ended with %s, and is started again", os.waitstatus_to_exitcode(status))
            soon = soon + 1 if lived < SOON else 0
            if soon >= GIVE_UP * self._plan.settings.workers:
                LOG.error("workers keep ending: giving up")
                self._end(signal.SIGTERM, None)
                while self._born:
                    self._born.pop(os.wait()[0])
                return 3
            self._start()
        return INTERRUPTED if self._signals[:1] == [signal.SIGINT] else 0

    def _start(self) -> None:
        """One more, unless the end has begun: between that question and the birth no signal can come."""
        with _no_signals():
            if self._signals:
                return
            pid = os.fork()
            if pid:
                self._born[pid] = time.monotonic()
                return
            code = 3
            try:
                code = self._work()
            finally:
                os._exit(code)

    def _work(self) -> int:
        """What a worker does, to its end."""
        os.close(self._held)
        for number in _OURS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
        return one(self._plan_again, self._plan, self._sock, self._announce, self._lifeline)

    def _announce(self) -> None:
        try:
            first = bool(os.read(self._turn, 1))
        except BlockingIOError:
            first = False
        if first:
            self._started()

    def _end(self, number: int, _frame: FrameType | None) -> None:
        """Ctrl-C is passed on as an end like any other: workers may have heard it from the terminal already."""
        self._signals.append(number)
        self._pass_on(signal.SIGTERM)

    def _reload(self, _number: int, _frame: FrameType | None) -> None:
        """Settings that are not to be served reach no worker, and are told once; good ones reach later workers, too."""
        plan = plan_or_none(self._plan_again, self._plan)
        if plan is not None:
            self._plan = plan
            self._pass_on(signal.SIGHUP)

    def _pass_on(self, number: int) -> None:
        for pid in list(self._born):
            with suppress(ProcessLookupError):  # it has just been waited for
                os.kill(pid, number)


@contextmanager
def _no_signals() -> Iterator[None]:
    """What comes meanwhile comes afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OURS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
