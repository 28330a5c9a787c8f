"""Lets requests in: asks for a key where there are keys, and counts.

What is decided here is decided in memory; only keys with limits touch the store on a request's way, now and then.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from lumeai_cli.admission.auth import RawHeaders, identify, of_now
from lumeai_cli.admission.books import Books
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
from lumeai_cli.keys.key import Grant
from lumeai_cli.keys.limits import ALL, Bound, Denied, Holder
from lumeai_cli.keys.terms import Terms
from lumeai_cli.keys.usage import Use

LOG = logging.getLogger("lumeai.serve")

LONGEST_WAIT = 30
BYTES_PER_TOKEN = 4
"""A rule of thumb for English and code, where nobody counted."""

GUESSES = frozenset({"LUM011", "LUM012"})
"""What whoever tries keys out is told; a key that was good once is no guess."""

EVERYTHING = Terms()


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
        self._books = _books(guard, lambda: self.open)
        self._tries = Tries(time.monotonic)

    async def __aenter__(self) -> Self:
        if self._books is not None:
            await self._books.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._books is not None:
            await self._books.__aexit__(*error)

    def reload(self, guard: Guard) -> None:
        """Takes other limits for all, and other times; the store and the address stay what they were."""
        self._guard = replace(guard, store=self._guard.store, loopback=self._guard.loopback)
        if self._books is not None:
            self._books.grace, self._books.days = guard.lost_store_grace, guard.usage_days

    @property
    def open(self) -> bool:
        """Whether everybody is let in."""
        return self._books is None or (self._guard.loopback and not self._books.watch.asks)

    async def admit(self, headers: RawHeaders, address: str) -> Guest | Refusal:
        """Who asks, or why not; whoever shows wrong keys again and again waits for the answer."""
        books = self._books
        if books is None or self.open:
            return stranger(headers) or Guest()
        if books.lost:
            return store_lost(books.grace)
        found = identify(headers, books.watch.grants, time.time())
        if isinstance(found, Grant):
            return Guest(found)
        return await self._refused(found, address) if found.code in GUESSES else found

    def admits(self, headers: RawHeaders) -> bool:
        """Whether this request may see more than everybody; nothing is counted."""
        books = self._books
        if books is None or self.open:
            return stranger(headers) is None
        return not books.lost and isinstance(identify(headers, books.watch.grants, time.time()), Grant)

    def turned_away(self, guest: Guest, refusal: Refusal, model: str = "") -> Refusal:
        """The refusal of a request whose key is known, and whose use says so."""
        if self._books is not None and guest.grant is not None:
            use = Use(requests=1, failed=1, codes=((refusal.code, 1),))
            self._books.gathered.add(guest.grant.key, model, "", use, time.time())
        return refusal

    async def enter(self, guest: Guest, size: int) -> Entry | Refusal:
        """Counts a request in, with a body of so many bytes."""
        prompt, grant, books = max(1, size // BYTES_PER_TOKEN), guest.grant, self._books
        if books is None:
            return Entry(grant, None, prompt)
        known = books.watch.grants.get(grant.digest) if grant is not None else None
        if known is not grant:  # the body may have taken a while to come
            found = of_now(known, time.time())
            if isinstance(found, Refusal):
                return found
            grant = found
        holders = []
        if grant is not None and grant.terms.allowance:
            holders.append(Holder(grant.key, grant.terms.allowance))
        if self._guard.allowance:
            holders.append(Holder(ALL, self._guard.allowance))
        if not holders:
            return Entry(grant, None, prompt)
        if books.lost:
            return store_lost(books.grace)
        counted = await books.counter.reserve(holders, prompt)
        return _denied(counted, grant) if isinstance(counted, Denied) else Entry(grant, counted, prompt)

    def leave(self, entry: Entry, model: str, backend: str, use: Use) -> None:
        """Counts it out, with what it used of this model of this backend."""
        if self._books is None:
            return
        if entry.ticket is not None:
            self._books.counter.settle(entry.ticket, use.tokens)
        if entry.grant is not None:
            self._books.gathered.add(entry.grant.key, model, backend, use, time.time())

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


def _books(guard: Guard, creates: Callable[[], bool]) -> Books | None:
    if guard.store is None:
        return None
    asked_before, grace, days = guard.keys > 0, guard.lost_store_grace, guard.usage_days
    return Books(guard.store, creates, asked_before=asked_before, grace=grace, days=days)


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
