"""The gate's way to the store: looks for news of the keys, counts, writes what was used, tells of what cannot be done.

One thread of its own reads news and writes usage, so that a slow disk keeps no request waiting.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from lumeai_cli.admission.counter import Counter
from lumeai_cli.keys.database import StoreError
from lumeai_cli.keys.limits import DAY
from lumeai_cli.keys.loss import Loss
from lumeai_cli.keys.usage import Gathered
from lumeai_cli.keys.watch import Watch

LOG = logging.getLogger("lumeai.serve")

T = TypeVar("T")

LOOK_SECONDS = 0.5
"""Between two looks at the store: a revocation is effective after this time and one look."""

WRITE_SECONDS = 2.0
FORGET_SECONDS = 3600.0

MEANINGS = (
    ("nobody new is let in", "the keys can be read again"),
    ("every worker counts by itself", "all workers count together again"),
    ("what is used is not written down", "what was used is written down"),
)
"""What it means that the keys cannot be read, the limits not counted, or what is used not written; and its end."""


class Books:
    """One process's view of one store, kept while it is entered. `grace` and `days`: see `settings.KeysSettings`."""

    def __init__(
        self, store: Path, creates: Callable[[], bool], *, asked_before: bool, grace: float, days: int
    ) -> None:
        self.grace = grace
        self.days = days
        self.gathered = Gathered()
        self.watch = Watch(store, asked_before=asked_before)
        self.counter = Counter(store, self._spawn, creates)
        self._thread = ThreadPoolExecutor(1, "lumeai-keys")
        self._stack = contextlib.AsyncExitStack()
        self._tasks: asyncio.TaskGroup | None = None
        self._ending = asyncio.Event()
        self._wrote = self._forgot = 0.0
        self._generation = 0
        self._writing = Loss()
        self._told: set[Loss] = set()

    async def __aenter__(self) -> Self:
        await self._in_thread(self.watch.look)
        self._generation = self.watch.generation
        self._tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._tasks.create_task(self._rounds())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ending.set()
        await self._stack.aclose()
        await self._write()
        self._tell_losses()
        await self._in_thread(self.watch.close)
        self.counter.close()
        self._thread.shutdown()

    @property
    def lost(self) -> bool:
        """Whether the store has been away for longer than what is known may be trusted: who cannot read it knows of no
        revocation, and where it cannot be written none can be made. Who has never read it knows nothing.
        """
        if self.watch.loss and not self.watch.generation:
            return True
        return any(loss.longer_than(self.grace) for loss in self._losses)

    @property
    def _losses(self) -> tuple[Loss, ...]:
        """In the order of `MEANINGS`."""
        return self.watch.loss, self.counter.loss, self._writing

    async def _rounds(self) -> None:
        """Looks at the store, and from time to time writes."""
        while not self._ending.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._ending.wait()
            try:
                await self._round()
            except Exception:  # the rim: whatever is wrong with the store, requests go on to be answered
                LOG.exception("the store of the keys could not be attended to")

    async def _round(self) -> None:
        await self._in_thread(self.watch.look)
        if not self.watch.loss:
            if self._generation and self.watch.generation != self._generation:
                self.counter.reopen()
            self._generation = self.watch.generation
        now = time.monotonic()
        if now - self._wrote > WRITE_SECONDS:
            self._wrote = now
            self.counter.beat()
            await self._write()
        self._tell_losses()
        if now - self._forgot > FORGET_SECONDS:
            self._forgot = now
            await self._in_thread(self._forget)

    async def _write(self) -> None:
        """Writes what was used; what cannot be written is kept for the next time."""
        taken = self.gathered.take()
        if not await self._in_thread(partial(self._written, taken)):
            self.gathered.put_back(taken)

    def _written(self, taken: Gathered) -> bool:
        """Whether it is in the store."""
        store = self.watch.store
        if store is None:
            return False
        began = time.monotonic()
        try:
            if taken:
                store.usage.write(taken)
        except StoreError as error:
            self._writing.begins(error, time.monotonic() - began)
            return False
        except Exception:  # likewise; the next time it would be the same
            LOG.exception("what was used cannot be written, and is dropped: %s", taken)
        self._writing.ends()
        with contextlib.suppress(StoreError):  # another worker may be at it
            store.tidy()
        return True

    def _forget(self) -> None:
        store = self.watch.store
        if store is not None:
            with contextlib.suppress(StoreError):
                store.usage.forget(int(time.time() // DAY) - self.days)

    def _tell_losses(self) -> None:
        """Tells of each once, and of its end."""
        for loss, (meaning, end) in zip(self._losses, MEANINGS, strict=True):
            if loss and loss not in self._told:
                self._told.add(loss)
                LOG.error("%s; %s, and keys stay good for %g s", loss.why, meaning, self.grace)
            elif not loss and loss in self._told:
                self._told.remove(loss)
                LOG.info("%s", end)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if self._tasks is not None:
            self._tasks.create_task(_logged(work))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # the rim: one request that cannot be counted ends no other
        LOG.exception("a request could not be counted")
