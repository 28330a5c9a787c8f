"""`Limits` in the store's file: exact over all workers of this machine.

Far from a limit a worker takes a little more than it needs at the moment (`Lease`), and counts that down without
asking; the nearer the limit, the smaller the lease, and below 128 left there is none. What is leased counts as used, so
nobody gets more than there is; what was not used is given back with every sign of life, and at the end. Until then a
limit may seem reached a little early: by 1/128 a worker at most.

A reservation is one short transaction that checks all counters and counts, so that no two workers take the same last
request. Of streams each worker writes only its own number, as it knows it: so nothing is lost or counted twice, and
what a dead worker left open is dropped as soon as it would stand in somebody's way.
"""

import os
import secrets
import socket
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lumeai_cli.keys.database import connect, told, transaction
from lumeai_cli.keys.limits import DAY, MINUTE, Bound, Denied, Holder, Owed, Standing, Ticket, nearest, over
from lumeai_cli.keys.terms import Allowance

SHARE = 128
"""A lease is at most this part of what is left: twice as many workers as there may be."""

MOST = 64, 50_000, 16
"""Requests, tokens and streams of one lease at most: what a worker that is killed may take with it."""

DEAD_SECONDS = 30.0
"""A worker elsewhere that gave no sign of life for so long is dead, or hears of it: then it writes its numbers anew."""

FORGOTTEN_SECONDS = 20 * DEAD_SECONDS

DAYS = 14
"""How long a day's tokens are kept: a clock that is wrong for a while shall not make them forgotten."""

LAST_WAIT = 2000
"""Milliseconds that a worker waits at its end for others that write."""

NOTHING = Owed({}, {})


@dataclass(slots=True)
class Lease:
    """What a worker may give out of a holder's counters by itself, in this minute and on this day.

    `left` and `most` are requests, tokens and streams: what is still to be had, and what there was. `counts` is what is
    known to be used of each.
    """

    allowance: Allowance
    minute: int
    day: int
    left: list[int]
    most: tuple[int, int, int]
    counts: list[int]

    def covers(self, holder: Holder, minute: int, day: int, prompt: int) -> bool:
        """Whether one more request can be given out of it."""
        allowance = holder.allowance
        return (
            self.allowance == allowance
            and (self.minute, self.day) == (minute, day)
            and (allowance.rpm is None or self.left[0] > 0)
            and (allowance.tokens_per_day is None or self.left[1] > prompt)
            and (allowance.concurrent is None or self.left[2] > 0)
        )

    def takes_back(self, holder: Holder, day: int, more: int) -> bool:
        """Whether a request that is over can be settled with it; `more` tokens than were reserved."""
        streams = self.allowance.concurrent is None or self.left[2] < self.most[2]
        tokens = self.allowance.tokens_per_day is None or (
            self.day == day and 0 <= self.left[1] - more <= 2 * self.most[1]
        )
        return self.allowance == holder.allowance and streams and tokens

    def move(self, requests: int, tokens: int, streams: int) -> None:
        """Gives so much out of it, or takes it back."""
        for place, amount in enumerate((requests, tokens, streams)):
            self.left[place] -= amount
            self.counts[place] += amount


class SqliteLimits:
    """One worker's counters. `clock` is asked within the transaction, so that all workers agree on the minute.

    With `wait` 0 a store that is just being written to is a `BusyError` at once.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, clock: Callable[[], float], open_: dict[int, int]
    ) -> None:
        self._path = path
        self._connection = connection
        self._clock = clock
        self._host = socket.gethostname()
        self._worker = f"{self._host}/{os.getpid()}/{secrets.token_hex(4)}"
        self._spent: dict[int, tuple[int, int]] = {}
        self._leases: dict[int, Lease] = {}
        self.open = open_

    @classmethod
    def open_at(
        cls,
        path: Path,
        clock: Callable[[], float],
        *,
        wait: float = 0.0,
        streams: dict[int, int] | None = None,
        create: bool = True,
    ) -> Self:
        """The counters in the store at this path, which is made unless not wished; `streams` are open here already."""
        connection = connect(path, create=create, durable=False, wait=wait)
        # A checkpoint waits for the disk: whoever writes usage makes it, not whichever request comes along.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        return cls(path, connection, clock, {} if streams is None else streams)

    def reserve(self, holders: Sequence[Holder], prompt: int, at: float) -> Ticket | Denied:
        """Lets one request in, or not; `at` only spares the store a question whose answer is known."""
        known = self._known_as_spent(holders, at)
        if known is not None:
            return known
        leased = self._out_of_leases(holders, prompt, at)
        if leased is not None:
            return leased
        leases: dict[int, Lease] = {}
        with told(self._path), transaction(self._connection):
            now = self._clock()
            minute, day = int(now // MINUTE), int(now // DAY)
            counts: list[tuple[int, int, int]] = []
            for holder in holders:
                count = self._count(holder, minute, day)
                reached = over(holder, *count, now)
                if reached is not None and reached.bound is Bound.STREAMS and self._bury(now):
                    count = self._count(holder, minute, day)
                    reached = over(holder, *count, now)
                if reached is not None:
                    if reached.bound is Bound.REQUESTS:
                        self._spent[holder.key] = minute, reached.limit
                    return Denied(holder.key, reached)
                counts.append(count)
            for holder, count in zip(holders, counts, strict=True):
                leases[holder.key] = self._take(holder, count, minute, day, prompt, now)
        self._leases |= leases
        for holder in holders:
            if holder.allowance.concurrent is not None:
                self.open[holder.key] = self.open.get(holder.key, 0) + 1
        after = [(requests + 1, tokens + prompt, streams + 1) for requests, tokens, streams in counts]
        return Ticket(tuple(holders), day, prompt, nearest(holders, after, now))

    def settle(self, ticket: Ticket, tokens: int) -> None:
        """What it took; if that is a `StoreError`, nothing has changed."""
        streams = [holder.key for holder in ticket.holders if holder.allowance.concurrent is not None]
        more = tokens - ticket.reserved
        leases = [self._leases.get(holder.key) for holder in ticket.holders]
        pairs = zip(leases, ticket.holders, strict=True)
        if all(lease is not None and lease.takes_back(holder, ticket.day, more) for lease, holder in pairs):
            for lease, holder in zip(leases, ticket.holders, strict=True):
                if lease is not None:
                    lease.move(0, more, -1)
                if holder.allowance.concurrent is not None:
                    self.open[holder.key] = max(0, self.open.get(holder.key, 0) - 1)
            return
        budgets = [holder.key for holder in ticket.holders if holder.allowance.tokens_per_day is not None and more]
        if streams or budgets:
            with told(self._path), transaction(self._connection):
                for key in budgets:
                    self._charge(key, ticket.day, more)
                for key in streams:
                    lease = self._leases.get(key)
                    self._tell_open(key, self._clock(), more=(lease.left[2] if lease is not None else 0) - 1)
        for key in streams:
            self.open[key] = max(0, self.open.get(key, 0) - 1)

    def used(self, holder: Holder, minute: int, day: int) -> tuple[int, int]:
        """The requests of a minute and the tokens of a day; can be asked as long as the store can be read."""
        with told(self._path):
            return self._count(holder, minute, day)[:2]

    def pay(self, owed: Owed) -> None:
        """Counts what could not be counted when it was used."""
        if owed.requests or owed.tokens:
            with told(self._path), transaction(self._connection):
                self._count_owed(owed)

    def beat(self) -> None:
        """A sign of life, with this worker's open streams; drops what is over."""
        now = self._clock()
        with told(self._path), transaction(self._connection):
            self._register(now)
            self._give_back(now)
            self._connection.execute("DELETE FROM stream WHERE worker = ?", (self._worker,))
            self._connection.executemany(
                "INSERT INTO stream VALUES (?, ?, ?)",
                [(key, self._worker, open_) for key, open_ in self.open.items() if open_],
            )
            self._connection.execute("DELETE FROM minute WHERE minute < ?", (int(now // MINUTE) - 5,))
            self._connection.execute("DELETE FROM day WHERE day < ?", (int(now // DAY) - DAYS,))
            self._connection.execute("DELETE FROM worker WHERE beat < ?", (now - FORGOTTEN_SECONDS,))
        self._leases.clear()
        self._spent.clear()

    def close(self, owed: Owed | None = None) -> None:
        """The streams of this worker are over; nobody is served any more, so it waits for the others that write."""
        try:
            self._connection.execute(f"PRAGMA busy_timeout = {LAST_WAIT}")
            with told(self._path), transaction(self._connection):
                self._count_owed(owed or NOTHING)
                self._give_back(self._clock())
                self._connection.execute("DELETE FROM worker WHERE id = ?", (self._worker,))
        finally:
            self._connection.close()

    def drop(self) -> None:
        """Lets the file go without a word in it: it is not the one that it was."""
        self._connection.close()

    def _count_owed(self, owed: Owed) -> None:
        for (key, minute), requests in owed.requests.items():
            self._count_requests(key, minute, requests)
        for (key, day), tokens in owed.tokens.items():
            self._charge(key, day, tokens)

    def _known_as_spent(self, holders: Sequence[Holder], at: float) -> Denied | None:
        """A minute that was used up stays so, until somebody gives something back."""
        minute = int(at // MINUTE)
        for holder in holders:
            limit = holder.allowance.rpm
            if limit is not None and self._spent.get(holder.key) == (minute, limit):
                return Denied(holder.key, Standing(Bound.REQUESTS, limit, 0, MINUTE - at % MINUTE))
        return None

    def _count(self, holder: Holder, minute: int, day: int) -> tuple[int, int, int]:
        allowance = holder.allowance
        requests = tokens = streams = 0
        if allowance.rpm is not None:
            requests = self._one("SELECT requests FROM minute WHERE key = ? AND minute = ?", holder.key, minute)
        if allowance.tokens_per_day is not None:
            tokens = self._one("SELECT tokens FROM day WHERE key = ? AND day = ?", holder.key, day)
        if allowance.concurrent is not None:
            others = self._one("SELECT sum(open) FROM stream WHERE key = ? AND worker <> ?", holder.key, self._worker)
            streams = others + self.open.get(holder.key, 0)
        lease = self._leases.get(holder.key)
        if lease is not None:  # what is leased and not used is not used
            requests -= lease.left[0] if lease.minute == minute else 0
            tokens -= lease.left[1] if lease.day == day else 0
        return max(0, requests), max(0, tokens), streams

    def _out_of_leases(self, holders: Sequence[Holder], prompt: int, at: float) -> Ticket | None:
        """A request that needs no question to the store."""
        minute, day = int(at // MINUTE), int(at // DAY)
        leases: list[Lease] = []
        for holder in holders:
            lease = self._leases.get(holder.key)
            if lease is None or not lease.covers(holder, minute, day, prompt):
                return None
            leases.append(lease)
        for lease, holder in zip(leases, holders, strict=True):
            lease.move(1, prompt, 1)
            if holder.allowance.concurrent is not None:
                self.open[holder.key] = self.open.get(holder.key, 0) + 1
        return Ticket(tuple(holders), day, prompt, nearest(holders, [lease.counts for lease in leases], at))

    def _give_back(self, now: float) -> None:
        """What was leased and not used, of requests and tokens; of streams the caller tells."""
        minute = int(now // MINUTE)
        for key, lease in self._leases.items():
            if lease.allowance.rpm is not None and lease.minute == minute and lease.left[0] > 0:
                self._count_requests(key, minute, -lease.left[0])
            if lease.allowance.tokens_per_day is not None and lease.left[1]:
                self._charge(key, lease.day, -lease.left[1])

    def _one(self, question: str, *values: object) -> int:
        row = self._connection.execute(question, values).fetchone()
        return int(row[0]) if row is not None and row[0] is not None else 0

    def _take(
        self, holder: Holder, count: tuple[int, int, int], minute: int, day: int, prompt: int, now: float
    ) -> Lease:
        """Counts one request, and leases what may be; an older lease goes into the new one."""
        allowance, old = holder.allowance, self._leases.get(holder.key)
        limits = allowance.rpm, allowance.tokens_per_day, allowance.concurrent
        after = count[0] + 1, count[1] + prompt, count[2] + 1
        most = tuple(
            0 if limit is None else max(0, min(cap, (limit - used) // SHARE))
            for limit, used, cap in zip(limits, after, MOST, strict=True)
        )
        requests, tokens, streams = most
        if allowance.rpm is not None:
            left = old.left[0] if old is not None and old.minute == minute else 0
            self._count_requests(holder.key, minute, 1 + requests - left)
        if allowance.tokens_per_day is not None:
            left = old.left[1] if old is not None and old.day == day else 0
            if old is not None and old.day != day:
                self._charge(holder.key, old.day, -old.left[1])
            self._charge(holder.key, day, prompt + tokens - left)
        if allowance.concurrent is not None:
            self._tell_open(holder.key, now, more=1 + streams)
        return Lease(allowance, minute, day, list(most), (requests, tokens, streams), list(after))

    def _count_requests(self, key: int, minute: int, more: int) -> None:
        self._connection.execute(
            "INSERT INTO minute VALUES (?, ?, max(0, ?)) ON CONFLICT DO UPDATE SET requests = max(0, requests + ?)",
            (key, minute, more, more),
        )

    def _charge(self, key: int, day: int, tokens: int) -> None:
        self._connection.execute(
            "INSERT INTO day VALUES (?, ?, max(0, ?)) ON CONFLICT DO UPDATE SET tokens = max(0, tokens + ?)",
            (key, day, tokens, tokens),
        )

    def _tell_open(self, key: int, now: float, more: int = 0) -> None:
        self._register(now)  # somebody may have taken this worker for dead
        row = key, self._worker, max(0, self.open.get(key, 0) + more)
        self._connection.execute(
            "INSERT INTO stream VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET open = excluded.open", row
        )

    def _register(self, now: float) -> None:
        self._connection.execute(
            "INSERT INTO worker VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET beat = excluded.beat",
            (self._worker, os.getpid(), now),
        )

    def _bury(self, now: float) -> bool:
        """Drops workers that are dead; whether there was one."""
        found = self._connection.execute("SELECT id, pid, beat FROM worker WHERE id <> ?", (self._worker,)).fetchall()
        dead = [(name,) for name, pid, beat in found if self._dead(name, pid, beat, now)]
        self._connection.executemany("DELETE FROM worker WHERE id = ?", dead)
        return bool(dead)

    def _dead(self, name: str, pid: int, beat: float, now: float) -> bool:
        """A clock that jumps kills nobody who is alive on this machine."""
        silent = abs(now - beat)
        if os.name != "posix" or name.rpartition("/")[0].rpartition("/")[0] != self._host:
            return silent > DEAD_SECONDS
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return silent > FORGOTTEN_SECONDS  # its number is another process's by now
