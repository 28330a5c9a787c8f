"""Lets requests in: asks for a key where there are keys, counts, and writes down what was used.

What is decided here is decided in memory. One thread of its own reads the store's news and writes usage, so that a slow
disk keeps no request waiting; only keys with limits touch the store on a request's way.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self, TypeVar

from lumeai_cli.admission.auth import RawHeaders, identify, of_now
from lumeai_cli.admission.counter import Counter
from lumeai_cli.admission.door import stranger
from lumeai_cli.admission.entry import Entry, rate_headers
from lumeai_cli.admission.guard import Guard
from lumeai_cli.admission.tries import Tries
from lumeai_cli.flow.refusal import (
    Refusal,
    store_lost,
    too_many_requests,
    too_many_streams,
    too_many_tokens,
    too_many_tries,
)
from lumeai_cli.keys.database import StoreError
from lumeai_cli.keys.key import Grant
from lumeai_cli.keys.limits import ALL, DAY, Bound, Denied, Holder
from lumeai_cli.keys.loss import Loss
from lumeai_cli.keys.terms import Terms
from lumeai_cli.keys.usage import Gathered, Use
from lumeai_cli.keys.watch import Watch

LOG = logging.getLogger("lumeai.serve")

T = TypeVar("T")

LOOK_SECONDS = 0.5
"""Between two looks at the store: a revocation is effective after this time and one look."""

WRITE_SECONDS = 2.0
FORGET_SECONDS = 3600.0
LONGEST_WAIT = 30
BYTES_PER_TOKEN = 4
"""A rule of thumb for English and code, where nobody counted."""

GUESSES = frozenset({"LUM011", "LUM012"})
"""What whoever tries keys out is told; a key that was good once is no guess."""

EVERYTHING = Terms()

MEANINGS = (
    ("nobody new is let in", "the keys can be read again"),
    ("every worker counts by itself", "all workers count together again"),
    ("what is used is not written down", "what was used is written down"),
)
"""What it means that the keys cannot be read, the limits not counted, or what is used not written; and its end."""


@dataclass(frozen=True, slots=True)
class Guest:
    """Who asks: with a key, or, at an open proxy, without."""

    grant: Grant | None = None

    @property
    def terms(self) -> Terms:
        """What may be asked for."""
        return EVERYTHING if self.grant is None else self.grant.terms

    @property
    def identity(self) -> str:
        """Tells one key's requests from another's."""
        return "" if self.grant is None else str(self.grant.key)


class Gate:
    """The guard of one process. Use as an async context manager."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._watch = Watch(guard.store, asked_before=guard.keys > 0) if guard.store is not None else None
        self._counter = Counter(guard.store, self._spawn, lambda: self.open) if guard.store is not None else None
        self._tries = Tries(time.monotonic)
        self._gathered = Gathered()
        self._thread = ThreadPoolExecutor(1, "lumeai-keys")
        self._stack = contextlib.AsyncExitStack()
        self._tasks: asyncio.TaskGroup | None = None
        self._ending = asyncio.Event()
        self._wrote = self._forgot = 0.0
        self._generation = 0
        self._writing = Loss()
        self._told: set[Loss] = set()

    async def __aenter__(self) -> Self:
        if self._watch is not None:
            await self._in_thread(self._watch.look)
            self._generation = self._watch.generation
            self._tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
            self._tasks.create_task(self._rounds(self._watch))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ending.set()
        await self._stack.aclose()
        if self._watch is not None:
            await self._write()
            self._tell_losses()
            await self._in_thread(self._watch.close)
        if self._counter is not None:
            self._counter.close()
        self._thread.shutdown()

    def reload(self, guard: Guard) -> None:
        """Takes other limits for all, and other times; the store and the address stay what they were."""
        self._guard = replace(guard, store=self._guard.store, loopback=self._guard.loopback)

    @property
    def open(self) -> bool:
        """Whether everybody is let in."""
        return self._watch is None or (self._guard.loopback and not self._watch.asks)

    async def admit(self, headers: RawHeaders, address: str) -> Guest | Refusal:
        """Who asks, or why not; whoever shows wrong keys again and again waits for the answer."""
        watch = self._watch
        if watch is None or self.open:
            return stranger(headers) or Guest()
        if self._lost:
            return store_lost(self._guard.lost_store_grace)
        found = identify(headers, watch.grants, time.time())
        if isinstance(found, Grant):
            return Guest(found)
        return await self._refused(found, address) if found.code in GUESSES else found

    def admits(self, headers: RawHeaders) -> bool:
        """Whether this request may see more than everybody; nothing is counted."""
        watch = self._watch
        if watch is None or self.open:
            return stranger(headers) is None
        return not self._lost and isinstance(identify(headers, watch.grants, time.time()), Grant)

    async def enter(self, guest: Guest, size: int) -> Entry | Refusal:
        """Counts a request in, with a body of so many bytes."""
        prompt = max(1, size // BYTES_PER_TOKEN)
        grant = guest.grant
        if grant is not None and self._watch is not None:  # the body may have taken a while to come
            known = of_now(self._watch.grants.get(grant.digest), time.time())
            if isinstance(known, Refusal):
                return known
            grant = known
        holders = []
        if grant is not None and grant.terms.allowance:
            holders.append(Holder(grant.key, grant.terms.allowance))
        if self._guard.allowance:
            holders.append(Holder(ALL, self._guard.allowance))
        if not holders or self._counter is None:
            return Entry(grant, None, prompt)
        if self._lost:
            return store_lost(self._guard.lost_store_grace)
        found = await self._counter.reserve(holders, prompt)
        if not isinstance(found, Denied):
            return Entry(grant, found, prompt)
        refusal = _denied(found, grant)
        if grant is not None:
            use = Use(requests=1, failed=1, codes=((refusal.code, 1),))
            self._gathered.add(grant.key, "", "", use, time.time())
        return refusal

    def leave(self, entry: Entry, model: str, backend: str, use: Use) -> None:
        """Counts it out, with what it used of this model of this backend."""
        if self._counter is not None and entry.ticket is not None:
            self._counter.settle(entry.ticket, use.tokens)
        if entry.grant is not None:
            self._gathered.add(entry.grant.key, model, backend, use, time.time())

    @property
    def _losses(self) -> tuple[Loss, ...]:
        """In the order of `MEANINGS`."""
        if self._watch is None or self._counter is None:
            return ()
        return self._watch.loss, self._counter.loss, self._writing

    @property
    def _lost(self) -> bool:
        """Whether the store has been away for longer than what is known may be trusted: who cannot read it knows of no
        revocation, and where it cannot be written none can be made. Who has never read it knows nothing.
        """
        if self._watch is not None and self._watch.loss and not self._watch.generation:
            return True
        return any(loss.longer_than(self._guard.lost_store_grace) for loss in self._losses)

    async def _refused(self, refusal: Refusal, address: str) -> Refusal:
        count, wait = self._tries.failed(address)
        if count & (count - 1) == 0:  # at 1, 2, 4, 8 ...: a flood must not fill the log
            LOG.warning("a key was refused with %s, from %s (%d so far)", refusal.code, address, count)
        if not wait:
            return refusal
        if not self._tries.may_wait(address):
            return too_many_tries()
        try:
            await asyncio.sleep(wait)
        finally:
            self._tries.waited(address)
        return refusal

    async def _rounds(self, watch: Watch) -> None:
        """Looks at the store, and from time to time writes."""
        while not self._ending.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._ending.wait()
            try:
                await self._round(watch)
            except Exception:  # the rim: whatever is wrong with the store, requests go on to be answered
                LOG.exception("the store of the keys could not be attended to")

    async def _round(self, watch: Watch) -> None:
        await self._in_thread(watch.look)
        if self._counter is not None and not watch.loss:
            if self._generation and watch.generation != self._generation:
                self._counter.reopen()
            self._generation = watch.generation
        now = time.monotonic()
        if now - self._wrote > WRITE_SECONDS:
            self._wrote = now
            if self._counter is not None:
                self._counter.beat()
            await self._write()
        self._tell_losses()
        if now - self._forgot > FORGET_SECONDS:
            self._forgot = now
            await self._in_thread(self._forget)

    async def _write(self) -> None:
        """Writes what was used; what cannot be written is kept for the next time."""
        taken = self._gathered.take()
        if not await self._in_thread(partial(self._written, taken)):
            self._gathered.put_back(taken)

    def _written(self, taken: Gathered) -> bool:
        """Whether it is in the store."""
        store = self._watch.store if self._watch is not None else None
        if store is None:
            return False
        try:
            if taken:
                store.usage.write(taken)
        except StoreError as error:
            self._writing.begins(error)
            return False
        except Exception:  # likewise; the next time it would be the same
            LOG.exception("what was used cannot be written, and is dropped: %s", taken)
        self._writing.ends()
        with contextlib.suppress(StoreError):  # another worker may be at it
            store.tidy()
        return True

    def _forget(self) -> None:
        store = self._watch.store if self._watch is not None else None
        if store is not None:
            with contextlib.suppress(StoreError):
                store.usage.forget(int(time.time() // DAY) - self._guard.usage_days)

    def _tell_losses(self) -> None:
        """Tells of each once, and of its end."""
        for loss, (meaning, end) in zip(self._losses, MEANINGS, strict=False):
            if loss and loss not in self._told:
                self._told.add(loss)
                LOG.error("%s; %s, and keys stay good for %g s", loss.why, meaning, self._guard.lost_store_grace)
            elif not loss and loss in self._told:
                self._told.remove(loss)
                LOG.info("%s", end)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if self._tasks is not None:
            self._tasks.create_task(_told(work))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


async def _told(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # the rim: one request that cannot be counted ends no other
        LOG.exception("a request could not be counted")


def _denied(denied: Denied, grant: Grant | None) -> Refusal:
    """The refusal of a request for which there is no room."""
    standing = denied.standing
    name = grant.name if grant is not None and denied.key != ALL else ""
    headers = rate_headers((standing,))
    wait = max(1, min(LONGEST_WAIT, round(standing.reset + 0.5)))
    if standing.bound is Bound.REQUESTS:
        headers += ((b"retry-after", str(wait).encode()),)
        return too_many_requests(standing.limit, standing.reset, name, headers)
    if standing.bound is Bound.STREAMS:
        return too_many_streams(standing.limit, name, (*headers, (b"retry-after", b"1")))
    # OpenAI's SDKs repeat a 429 unless they are told that it is of no use.
    return too_many_tokens(standing.limit, name, (*headers, (b"x-should-retry", b"false")))
