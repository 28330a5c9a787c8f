"""Counts what keys use while requests come and go: in the store, or in this process while that cannot be written.

A question to the store takes less time than handing it to a thread, so it is asked at once. If another worker writes
just then, one request of this worker tries again, and the others stand behind it in their order.

While the store cannot be written, a worker goes by what it can still read there and by what it counts itself; as soon
as the store can be written again, it is paid what it is owed.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from lumeai_cli.keys.database import BusyError, StoreError, gone
from lumeai_cli.keys.limits import Denied, Holder, Limits, MemoryLimits, Ticket
from lumeai_cli.keys.loss import Loss
from lumeai_cli.keys.sqlite_limits import SqliteLimits

PATIENCE = 2.0
"""Seconds after which a store that others write to all the time counts as lost."""

PAUSE = 0.001
LONGEST_PAUSE = 0.02


class Counter:
    """One worker's counters.

    `spawn` starts a task that somebody holds. `creates`: whether a store that is not there is to be made. `loss`: of
    the common counters.
    """

    def __init__(
        self,
        path: Path,
        spawn: Callable[..., object],
        creates: Callable[[], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._spawn = spawn
        self._creates = creates
        self._clock = clock
        self.loss = Loss()
        self._memory = MemoryLimits(self._read)
        self._limits: Limits | None = None
        self._turn = asyncio.Lock()

    async def reserve(self, holders: Sequence[Holder], prompt: int) -> Ticket | Denied:
        """Lets one request in, or not."""
        if self.loss:
            return self._here(holders, prompt)
        if not self._turn.locked():
            try:
                return self._there(holders, prompt)
            except BusyError:
                pass
            except StoreError as error:
                return self._without_store(error, holders, prompt)
        async with self._turn:
            until = time.monotonic() + PATIENCE
            pause = PAUSE
            while not self.loss:  # whoever stood before may have found it out
                try:
                    return self._there(holders, prompt)
                except BusyError as error:
                    if time.monotonic() > until:
                        self.loss.begins(error, PATIENCE)
                        break
                except StoreError as error:
                    return self._without_store(error, holders, prompt)
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)
            return self._here(holders, prompt)

    def settle(self, ticket: Ticket, tokens: int) -> None:
        """Counts what a request really took; never waits, for the request may be over by force."""
        if self._limits is None or self.loss:
            self._memory.settle(ticket, tokens)
            return
        try:
            self._limits.settle(ticket, tokens)
        except BusyError:
            self._spawn(self._settle_later(ticket, tokens))
        except StoreError as error:
            self.loss.begins(error)
            self._memory.settle(ticket, tokens)

    def beat(self) -> None:
        """A sign of life to the other workers; tries to find a lost store again, and pays it what it is owed."""
        if self._limits is None and not self.loss:
            return
        try:
            limits = self._opened()
            limits.pay(self._memory.owed)
            self._memory.paid()
            limits.beat()
        except BusyError:
            return
        except StoreError as error:
            self.loss.begins(error)
        else:
            self.loss.ends()

    def reopen(self) -> None:
        """The store is another file now."""
        if self._limits is not None:
            self._limits.drop()
            self._limits = None
            self.loss.begins(gone(self._path))
            self.beat()

    def close(self) -> None:
        """The streams of this worker are over; it pays what it owes, and gives back what it had leased."""
        if self._limits is not None:
            with suppress(StoreError):  # whoever comes next drops its streams
                self._limits.close(self._memory.owed)
            self._limits = None

    def _there(self, holders: Sequence[Holder], prompt: int) -> Ticket | Denied:
        return self._opened().reserve(holders, prompt, self._clock())

    def _here(self, holders: Sequence[Holder], prompt: int) -> Ticket | Denied:
        return self._memory.reserve(holders, prompt, self._clock())

    def _without_store(self, why: StoreError, holders: Sequence[Holder], prompt: int) -> Ticket | Denied:
        self.loss.begins(why)
        return self._here(holders, prompt)

    def _read(self, holder: Holder, minute: int, day: int) -> tuple[int, int]:
        """What the store tells, though it cannot be written; a file that was moved away is still read."""
        if self._limits is not None:
            with suppress(StoreError):
                return self._limits.used(holder, minute, day)
        return 0, 0

    async def _settle_later(self, ticket: Ticket, tokens: int) -> None:
        until = time.monotonic() + PATIENCE
        async with self._turn:
            while self._limits is not None and not self.loss:
                try:
                    self._limits.settle(ticket, tokens)
                except BusyError as error:
                    if time.monotonic() > until:
                        self.loss.begins(error)
                    else:
                        await asyncio.sleep(PAUSE)
                except StoreError as error:
                    self.loss.begins(error)
                else:
                    return
        self._memory.settle(ticket, tokens)

    def _opened(self) -> Limits:
        if self._limits is None:
            streams = self._memory.open
            self._limits = SqliteLimits.open_at(self._path, self._clock, streams=streams, create=self._creates())
        return self._limits
