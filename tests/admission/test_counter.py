"""A worker's counters: in the store, without it, and in the store again, as if nothing had been."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumeai_cli.admission.counter import Counter
from lumeai_cli.keys.database import BusyError
from lumeai_cli.keys.limits import ALL, Bound, Denied, Holder, MemoryLimits, Ticket
from lumeai_cli.keys.terms import Allowance
from lumeai_cli.text.phrase import phrase

NOON = 1_800_000_000.0 - 1_800_000_000 % 86400 + 43200


class Worker:
    """One worker at a store that can be kept from being written, and a clock that stands until it is set."""

    def __init__(self, path: Path) -> None:
        self.now = NOON
        self.counter = Counter(path, lambda _: None, lambda: True, lambda: self.now)

    def reserve(self, holders: list[Holder], prompt: int = 0) -> Ticket | Denied:
        """Lets one request in, or not."""
        return asyncio.run(self.counter.reserve(holders, prompt))

    def taken(self, holders: list[Holder], prompt: int = 0) -> Ticket:
        """A reservation that must succeed."""
        found = self.reserve(holders, prompt)
        assert isinstance(found, Ticket), found
        return found

    def lose(self) -> None:
        """The store can be read, and not written."""
        self._only_read(only=True)

    def find(self) -> None:
        """It can be written again, and the worker notices."""
        self._only_read(only=False)
        self.counter.beat()
        assert not self.counter.loss

    def _only_read(self, *, only: bool) -> None:
        self.counter._opened()._connection.execute(f"PRAGMA query_only = {int(only)}")  # noqa: SLF001  # its own one

    def close(self) -> None:
        """The end."""
        self.counter.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "keys.db"


def holder(key: int = 1, **allowance: int) -> list[Holder]:
    """One holder."""
    return [Holder(key, Allowance(**allowance))]


def used(path: Path, table: str) -> int:
    """What the store counts in all, of `minute` or `day`."""
    raw = sqlite3.connect(path)
    column = {"minute": "requests", "day": "tokens"}[table]
    count = raw.execute(f"SELECT coalesce(sum({column}), 0) FROM {table}").fetchone()[0]  # noqa: S608  # our own words
    raw.close()
    return int(count)


def test_the_minutes_requests_are_the_same_with_and_without_the_store(path: Path) -> None:
    worker, five = Worker(path), holder(rpm=5)
    worker.taken(five)
    worker.lose()
    lefts = [worker.taken(five).standings[0].left for _ in range(3)]
    assert lefts == [3, 2, 1]
    assert worker.counter.loss
    worker.find()
    assert used(path, "minute") == 4
    worker.taken(five)
    assert isinstance(worker.reserve(five), Denied)
    worker.lose()
    assert isinstance(worker.reserve(five), Denied)
    worker.close()


def test_each_worker_goes_by_what_all_had_counted_before(path: Path) -> None:
    workers = [Worker(path) for _ in range(2)]
    for worker in workers * 2:
        worker.taken(holder(rpm=6))
    for worker in workers:
        worker.lose()
        passed = [isinstance(worker.reserve(holder(rpm=6)), Ticket) for _ in range(4)]
        assert passed == [True, True, False, False]
    for worker in workers:
        worker.find()
    assert used(path, "minute") == 8  # nobody could know better, and now all do
    for worker in workers:
        assert isinstance(worker.reserve(holder(rpm=6)), Denied)
        worker.close()


@pytest.mark.parametrize("found", ["before it ends", "after it ended"])
@pytest.mark.parametrize("lost", ["before it began", "while it ran"])
def test_what_a_request_took_is_paid_once_whenever_the_store_was_away(lost: str, found: str, path: Path) -> None:
    worker, budget = Worker(path), holder(tokens_per_day=1000, concurrent=3)
    worker.counter.settle(worker.taken(budget, 10), 100)
    if lost == "before it began":
        worker.lose()
    ticket = worker.taken(budget, 40)
    worker.lose()
    worker.counter.settle(worker.taken(budget), 0)  # notices it
    if found == "before it ends":
        worker.find()
        assert used(path, "day") == 140
        worker.counter.settle(ticket, 300)
    else:
        worker.counter.settle(ticket, 300)
        assert {one.bound: one.left for one in worker.taken(budget).standings}[Bound.TOKENS] == 600
        worker.find()
    assert used(path, "day") == 400
    assert worker.counter._memory.open[1] == (found == "after it ended")  # noqa: SLF001  # the last one is still open
    worker.close()


def test_what_was_leased_when_the_store_was_lost_is_given_back(path: Path) -> None:
    worker, far = Worker(path), holder(rpm=10_000, tokens_per_day=10_000_000)
    worker.counter.settle(worker.taken(far, 10), 20)
    assert used(path, "minute") > 1
    worker.lose()
    worker.counter._limits._leases[1].left[0] = 0  # type: ignore[union-attr]  # noqa: SLF001  # the next one has to ask
    lefts = [worker.taken(far, 10).standings[0].left for _ in range(3)]
    worker.find()
    assert (used(path, "minute"), used(path, "day")) == (10_000 - lefts[-1], 20 + 3 * 10)
    worker.close()


def test_a_worker_that_ends_pays_what_it_owes(path: Path) -> None:
    worker = Worker(path)
    worker.taken(holder(rpm=9))
    worker.lose()
    worker.taken(holder(rpm=9))
    worker._only_read(only=False)  # noqa: SLF001  # its own one
    worker.close()
    assert used(path, "minute") == 2


def test_who_stands_behind_one_that_finds_the_store_lost_asks_no_more(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lumeai_cli.admission.counter.PATIENCE", 0.0)
    worker = Worker(path)
    worker.taken(holder(rpm=9))
    counter, asked = worker.counter, []

    def held(*_: object) -> None:
        asked.append(bool(counter.loss))
        raise BusyError(phrase("store-locked"))

    monkeypatch.setattr(counter, "_there", held)

    async def six() -> list[Ticket | Denied]:
        return await asyncio.gather(*(counter.reserve(holder(rpm=9), 0) for _ in range(6)))

    assert all(isinstance(one, Ticket) for one in asyncio.run(six()))
    assert not any(asked)
    assert len(asked) <= 3
    worker.counter.beat()
    assert used(path, "minute") == 7
    worker.close()


def test_what_cannot_be_settled_at_once_is_settled_soon(path: Path) -> None:
    spawned: list[Any] = []
    counter = Counter(path, spawned.append, lambda: True, lambda: NOON)
    ticket = asyncio.run(counter.reserve(holder(tokens_per_day=100), 0))
    assert isinstance(ticket, Ticket)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    counter.settle(ticket, 60)
    assert used(path, "day") == 0
    other.execute("COMMIT")
    other.close()
    [later] = spawned
    asyncio.run(later)
    assert used(path, "day") == 60
    assert not counter.loss
    counter.close()


def test_no_store_is_made_where_there_was_one(path: Path) -> None:
    counter = Counter(path, lambda _: None, lambda: False, lambda: NOON)
    assert isinstance(asyncio.run(counter.reserve(holder(rpm=1), 0)), Ticket)
    assert isinstance(asyncio.run(counter.reserve(holder(rpm=1), 0)), Denied)
    counter.beat()
    assert counter.loss
    assert not path.exists()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(1, 2), st.integers(0, 40)),
        st.tuples(st.just("settle"), st.integers(0, 9), st.integers(0, 90)),
        st.tuples(st.just("wait"), st.sampled_from([1, 30, 3600, 43200]), st.just(0)),
        st.tuples(st.sampled_from(["lose", "find"]), st.just(0), st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_one_worker_decides_as_if_the_store_had_never_been_away(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    worker = Worker(tmp_path_factory.mktemp("counter") / "keys.db")
    model = MemoryLimits()
    pairs: list[tuple[Ticket, Ticket]] = []
    for word, number, amount in steps:
        if word == "wait":
            worker.now += number
        elif word == "reserve":
            holders = [Holder(number, Allowance(4, 100, 3)), Holder(ALL, Allowance(rpm=6, concurrent=4))]
            one, other = worker.reserve(holders, amount), model.reserve(holders, amount, worker.now)
            assert one == other
            if isinstance(one, Ticket) and isinstance(other, Ticket):
                pairs.append((one, other))
        elif word == "settle" and number < len(pairs):
            mine, its = pairs.pop(number)
            worker.counter.settle(mine, amount)
            model.settle(its, amount)
        elif word == "lose":
            worker.lose()
        elif word == "find":
            worker.find()
    worker.close()
