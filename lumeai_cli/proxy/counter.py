"""Counts what keys use while requests come and go: in the store, or in this process while that cannot be reached.

A question to the store takes less time than handing it to a thread, so it is asked at once. If another worker writes
just then, one request of this worker tries again, and the others stand behind it in their order.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lumeai_cli.keys.database import BusyError, StoreError
from lumeai_cli.keys.limits import Denied, Holder, MemoryLimits, Ticket
from lumeai_cli.keys.sqlite_limits import SqliteLimits

PATIENCE = 2.0
"""Seconds after which a store that others write to all the time counts as lost."""

PAUSE = 0.001
LONGEST_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Counted:
    """A request that was let in; `here`: counted in this process alone."""

    ticket: Ticket
    here: bool


class Counter:
    """One worker's counters. `spawn` starts a task that somebody holds."""

    def __init__(self, path: Path, spawn: Callable[..., object], clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._spawn = spawn
        self._clock = clock
        self._memory = MemoryLimits()
        self._limits: SqliteLimits | None = None
        self._turn = asyncio.Lock()
        self._owed: dict[tuple[int, int], int] = {}
        self.lost_since: float | None = None

    def lost(self, grace: float) -> bool:
        """Whether nobody has counted together for longer than may be."""
        return self.lost_since is not None and time.monotonic() - self.lost_since > grace

    async def reserve(self, holders: Sequence[Holder], prompt: int) -> Counted | Denied:
        """Lets one request in, or not."""
        if self.lost_since is not None:
            return self._here(holders, prompt)
        if not self._turn.locked():
            try:
                return self._there(holders, prompt)
            except BusyError:
                pass
            except StoreError:
                return self._without_store(holders, prompt)
        async with self._turn:
            until = time.monotonic() + PATIENCE
            pause = PAUSE
            while True:
                try:
                    return self._there(holders, prompt)
                except BusyError:
                    if time.monotonic() > until:
                        return self._without_store(holders, prompt)
                except StoreError:
                    return self._without_store(holders, prompt)
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)

    def settle(self, counted: Counted, tokens: int) -> None:
        """Counts what a request really took; never waits, for the request may be over by force."""
        if counted.here or self._limits is None or self.lost_since is not None:
            self._settle_here(counted, tokens)
            return
        try:
            self._limits.settle(counted.ticket, tokens)
        except BusyError:
            self._spawn(self._settle_later(counted, tokens))
        except StoreError:
            self._lose()
            self._settle_here(counted, tokens)

    def beat(self) -> None:
        """A sign of life to the other workers; tries to find a lost store again, and pays it what is owed."""
        if self._limits is None and self.lost_since is None:
            return
        try:
            limits = self._opened()
            limits.beat()
            owed, self._owed = self._owed, {}
            if owed:
                try:
                    limits.charge(owed)
                except StoreError:
                    self._owed = owed
                    raise
        except BusyError:
            return
        except StoreError:
            self._lose()
        else:
            self.lost_since = None

    def reopen(self) -> None:
        """The store is another file now."""
        if self._limits is not None:
            self._limits.drop()
            self._limits = None
            self.lost_since = time.monotonic()
            self.beat()

    def close(self) -> None:
        """The streams of this worker are over."""
        if self._limits is not None:
            with suppress(StoreError):  # whoever comes next drops them
                self._limits.close()
            self._limits = None

    def _there(self, holders: Sequence[Holder], prompt: int) -> Counted | Denied:
        found = self._opened().reserve(holders, prompt, self._clock())
        return found if isinstance(found, Denied) else Counted(found, here=False)

    def _here(self, holders: Sequence[Holder], prompt: int) -> Counted | Denied:
        found = self._memory.reserve(holders, prompt, self._clock())
        return found if isinstance(found, Denied) else Counted(found, here=True)

    def _without_store(self, holders: Sequence[Holder], prompt: int) -> Counted | Denied:
        self._lose()
        return self._here(holders, prompt)

    def _settle_here(self, counted: Counted, tokens: int) -> None:
        ticket = counted.ticket
        self._memory.settle(ticket, tokens)
        for holder in ticket.holders:
            if holder.allowance.tokens_per_day is not None:
                place = holder.key, ticket.day
                self._owed[place] = self._owed.get(place, 0) + tokens - (0 if counted.here else ticket.reserved)

    async def _settle_later(self, counted: Counted, tokens: int) -> None:
        until = time.monotonic() + PATIENCE
        async with self._turn:
            while self._limits is not None and time.monotonic() < until:
                await asyncio.sleep(PAUSE)
                try:
                    self._limits.settle(counted.ticket, tokens)
                except BusyError:
                    continue
                except StoreError:
                    break
                return
        self._lose()
        self._settle_here(counted, tokens)

    def _opened(self) -> SqliteLimits:
        if self._limits is None:
            self._limits = SqliteLimits.open_at(self._path, self._clock, streams=self._memory.open)
        return self._limits

    def _lose(self) -> None:
        if self.lost_since is None:
            self.lost_since = time.monotonic()
