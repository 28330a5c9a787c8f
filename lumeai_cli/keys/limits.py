"""How much may still be used: the protocol, its values, and counting in one process.

A request reserves before it is served and is settled when it is over. The minute is a fixed UTC minute, the day a UTC
day. What is refused is not counted. For tokens a day, what the prompt will take is reserved at once, and a request is
let in as long as the day's tokens are below the limit: what goes over it is at most what the open requests take.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from lumeai_cli.keys.terms import Allowance

ALL = 0
"""The number under which all keys together are counted."""

MINUTE = 60
DAY = 86400


class Bound(StrEnum):
    """What a limit counts."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    STREAMS = "streams"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose counter it is, and how far it may go."""

    key: int
    allowance: Allowance


@dataclass(frozen=True, slots=True)
class Standing:
    """One counter: how far it may go, how much is left, and the seconds until it begins anew."""

    bound: Bound
    limit: int
    left: int
    reset: float


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request that was let in: `reserved` tokens were counted on `day` for each holder. `standings`: of each counter
    that holder's who has least left.
    """

    holders: tuple[Holder, ...]
    day: int
    reserved: int
    standings: tuple[Standing, ...] = ()

    @property
    def settles(self) -> bool:
        """Whether there is anything to settle."""
        return any(
            one.allowance.concurrent is not None or one.allowance.tokens_per_day is not None for one in self.holders
        )


@dataclass(frozen=True, slots=True)
class Denied:
    """A request that was not let in: which limit is reached, and whose."""

    key: int
    standing: Standing


@dataclass(frozen=True, slots=True)
class Owed:
    """What was counted apart from the others, and is to be added to what they count: by key and minute, by key and day.
    Tokens may be fewer than none: what was reserved in the store and then not used.
    """

    requests: Mapping[tuple[int, int], int]
    tokens: Mapping[tuple[int, int], int]


class Limits(Protocol):
    """One worker's way to the counters of all; exact over everybody who counts in the same place.

    What cannot be reached is a `StoreError`, and then nothing was counted.
    """

    def reserve(self, holders: Sequence[Holder], prompt: int, at: float) -> Ticket | Denied:
        """Lets one request in, or says which limit stands against it; all holders agree, or none is counted."""

    def settle(self, ticket: Ticket, tokens: int) -> None:
        """Counts what the request really took, and closes its stream."""

    def used(self, holder: Holder, minute: int, day: int) -> tuple[int, int]:
        """The requests of a minute and the tokens of a day; can be asked as long as the place can be read."""

    def pay(self, owed: Owed) -> None:
        """Counts what could not be counted when it was used."""

    def beat(self) -> None:
        """A sign of life to the other workers."""

    def close(self, owed: Owed | None = None) -> None:
        """Ends this worker's part, in peace: it pays, and lets go of whatever it held."""

    def drop(self) -> None:
        """Lets go without a word."""


def _nothing(_holder: Holder, _minute: int, _day: int) -> tuple[int, int]:
    return 0, 0


class MemoryLimits:
    """Counts in one process, for as long as the store cannot be written.

    What is counted here comes on top of the requests of a minute and the tokens of a day that are known from `before`,
    and is owed until it is `paid`. `open` are the streams of this process; those of others come and go unseen.
    """

    def __init__(self, before: Callable[[Holder, int, int], tuple[int, int]] = _nothing) -> None:
        self.open: dict[int, int] = {}
        self._before = before
        self._requests: dict[tuple[int, int], int] = {}
        self._tokens: dict[tuple[int, int], int] = {}

    def reserve(self, holders: Sequence[Holder], prompt: int, at: float) -> Ticket | Denied:
        """Lets one request in, or not."""
        minute, day = int(at // MINUTE), int(at // DAY)
        counts: list[tuple[int, int, int]] = []
        for holder in holders:
            requests, tokens = self._before(holder, minute, day)
            requests += self._requests.get((holder.key, minute), 0)
            tokens += self._tokens.get((holder.key, day), 0)
            count = max(0, requests), max(0, tokens), self.open.get(holder.key, 0)
            reached = over(holder, *count, at)
            if reached is not None:
                return Denied(holder.key, reached)
            counts.append(count)
        self._forget(minute, day)
        for holder in holders:
            if holder.allowance.rpm is not None:
                self._requests[holder.key, minute] = self._requests.get((holder.key, minute), 0) + 1
            if holder.allowance.concurrent is not None:
                self.open[holder.key] = self.open.get(holder.key, 0) + 1
            self._charge(holder, day, prompt)
        after = [(requests + 1, tokens + prompt, streams + 1) for requests, tokens, streams in counts]
        return Ticket(tuple(holders), day, prompt, nearest(holders, after, at))

    def settle(self, ticket: Ticket, tokens: int) -> None:
        """What it took; it may have been reserved in the store."""
        for holder in ticket.holders:
            self._charge(holder, ticket.day, tokens - ticket.reserved)
            if holder.allowance.concurrent is not None:
                self.open[holder.key] = max(0, self.open.get(holder.key, 0) - 1)

    @property
    def owed(self) -> Owed:
        """What the store does not know of."""
        return Owed(self._requests, self._tokens)

    def paid(self) -> None:
        """The store knows of it now."""
        self._requests, self._tokens = {}, {}

    def _charge(self, holder: Holder, day: int, tokens: int) -> None:
        if holder.allowance.tokens_per_day is not None:
            place = holder.key, day
            self._tokens[place] = self._tokens.get(place, 0) + tokens

    def _forget(self, minute: int, day: int) -> None:
        """Counters of times that are over."""
        if len(self._requests) > 1000:
            self._requests = {place: count for place, count in self._requests.items() if place[1] >= minute}
        if len(self._tokens) > 1000:
            self._tokens = {place: count for place, count in self._tokens.items() if place[1] >= day}


def standings(holder: Holder, requests: int, tokens: int, streams: int, at: float) -> tuple[Standing, ...]:
    """The holder's counters of which there is a limit."""
    allowance = holder.allowance
    found: list[Standing] = []
    if allowance.rpm is not None:
        found.append(Standing(Bound.REQUESTS, allowance.rpm, max(0, allowance.rpm - requests), MINUTE - at % MINUTE))
    if allowance.tokens_per_day is not None:
        left = max(0, allowance.tokens_per_day - tokens)
        found.append(Standing(Bound.TOKENS, allowance.tokens_per_day, left, DAY - at % DAY))
    if allowance.concurrent is not None:
        found.append(Standing(Bound.STREAMS, allowance.concurrent, max(0, allowance.concurrent - streams), 1.0))
    return tuple(found)


def nearest(holders: Sequence[Holder], counts: Sequence[Sequence[int]], at: float) -> tuple[Standing, ...]:
    """Of what is counted for several holders, the counters that will be used up first."""
    found: dict[Bound, Standing] = {}
    for holder, (requests, tokens, streams) in zip(holders, counts, strict=True):
        for one in standings(holder, requests, tokens, streams, at):
            known = found.get(one.bound)
            if known is None or one.left < known.left:
                found[one.bound] = one
    return tuple(found.values())


def over(holder: Holder, requests: int, tokens: int, streams: int, at: float) -> Standing | None:
    """The limit that one more request would exceed; what lasts longest is told first."""
    reached = [one for one in standings(holder, requests, tokens, streams, at) if one.left == 0]
    return max(reached, key=lambda one: one.reset, default=None)
