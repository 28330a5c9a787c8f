"""Counting: exact at the bound, over many workers, through the deaths of some, and alike wherever it is counted."""

import multiprocessing
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumeai_cli.keys.database import BusyError
from lumeai_cli.keys.limits import ALL, Bound, Denied, Holder, MemoryLimits, Owed, Ticket
from lumeai_cli.keys.sqlite_limits import DAYS, DEAD_SECONDS, FORGOTTEN_SECONDS, SHARE, SqliteLimits
from lumeai_cli.keys.terms import Allowance

NOON = 1_800_000_000.0 - 1_800_000_000 % 86400 + 43200
"""Twelve o'clock, UTC."""

FORK = multiprocessing.get_context("fork")


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        """The time."""
        return self.now


class Counting(Protocol):
    """What both counters do."""

    def reserve(self, holders: list[Holder], prompt: int, at: float) -> Ticket | Denied:
        """Lets one in, or not."""

    def settle(self, ticket: Ticket, tokens: int) -> None:
        """Is over."""


@pytest.fixture
def clock() -> Clock:
    """It is noon."""
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def limits(request: pytest.FixtureRequest, path: Path, clock: Clock) -> Iterator[Counting]:
    """Each kind of counter."""
    if request.param == "memory":
        yield MemoryLimits()
        return
    counter = SqliteLimits.open_at(path, clock)
    yield counter
    counter.close()


def holder(key: int = 1, **allowance: int) -> list[Holder]:
    """One holder."""
    return [Holder(key, Allowance(**allowance))]


def taken(limits: Counting, holders: list[Holder], clock: Clock, prompt: int = 0) -> Ticket:
    """A reservation that must succeed."""
    found = limits.reserve(holders, prompt, clock.now)
    assert isinstance(found, Ticket), found
    return found


def denied(limits: Counting, holders: list[Holder], clock: Clock) -> Bound:
    """The limit against which a reservation must fail."""
    found = limits.reserve(holders, 0, clock.now)
    assert isinstance(found, Denied), found
    assert found.standing.left == 0
    return found.standing.bound


def test_a_minute_has_so_many_requests_and_the_next_one_again(limits: Counting, clock: Clock) -> None:
    clock.now += 59.9
    for left in (2, 1, 0):
        [standing] = taken(limits, holder(rpm=3), clock).standings
        assert (standing.limit, standing.left) == (3, left)
        assert standing.reset == pytest.approx(0.1, abs=1e-3)
    assert denied(limits, holder(rpm=3), clock) is Bound.REQUESTS
    assert denied(limits, holder(rpm=3), clock) is Bound.REQUESTS
    taken(limits, holder(2, rpm=3), clock)
    clock.now += 0.1
    assert taken(limits, holder(rpm=3), clock).standings[0].left == 2


def test_a_limit_that_is_raised_in_the_minute_counts_at_once(limits: Counting, clock: Clock) -> None:
    taken(limits, holder(rpm=1), clock)
    denied(limits, holder(rpm=1), clock)
    taken(limits, holder(rpm=2), clock)
    denied(limits, holder(rpm=2), clock)


def test_streams_are_given_back(limits: Counting, clock: Clock) -> None:
    first = taken(limits, holder(concurrent=2), clock)
    taken(limits, holder(concurrent=2), clock)
    assert denied(limits, holder(concurrent=2), clock) is Bound.STREAMS
    limits.settle(first, 0)
    taken(limits, holder(concurrent=2), clock)
    denied(limits, holder(concurrent=2), clock)


def test_tokens_are_reserved_then_settled(limits: Counting, clock: Clock) -> None:
    first = taken(limits, holder(tokens_per_day=100), clock, prompt=60)
    assert first.standings[0].left == 40
    second = taken(limits, holder(tokens_per_day=100), clock, prompt=60)
    assert denied(limits, holder(tokens_per_day=100), clock) is Bound.TOKENS
    limits.settle(first, 10)
    limits.settle(second, 20)
    assert taken(limits, holder(tokens_per_day=100), clock).standings[0].left == 70
    clock.now += 43200
    assert taken(limits, holder(tokens_per_day=100), clock).standings[0].left == 100


def test_what_takes_over_midnight_counts_for_the_day_it_began(limits: Counting, clock: Clock) -> None:
    ticket = taken(limits, holder(tokens_per_day=100), clock, prompt=1)
    clock.now += 43200
    limits.settle(ticket, 500)
    assert taken(limits, holder(tokens_per_day=100), clock).standings[0].left == 100


def test_all_holders_agree_or_none_is_counted(limits: Counting, clock: Clock) -> None:
    both = [*holder(1, rpm=5, concurrent=5, tokens_per_day=50), Holder(ALL, Allowance(rpm=1))]
    taken(limits, both, clock)
    found = limits.reserve(both, 10, clock.now)
    assert isinstance(found, Denied)
    assert found.key == ALL
    standings = {one.bound: one.left for one in taken(limits, both[:1], clock).standings}
    assert standings == {Bound.REQUESTS: 3, Bound.TOKENS: 50, Bound.STREAMS: 3}


def test_what_is_left_is_told_of_whoever_has_least(limits: Counting, clock: Clock) -> None:
    both = [*holder(1, rpm=50, tokens_per_day=900, concurrent=9), Holder(ALL, Allowance(rpm=5, tokens_per_day=1000))]
    left = {one.bound: (one.limit, one.left) for one in taken(limits, both, clock, prompt=10).standings}
    assert left == {Bound.REQUESTS: (5, 4), Bound.TOKENS: (900, 890), Bound.STREAMS: (9, 8)}


def test_what_is_told_is_the_limit_that_lasts_longest(limits: Counting, clock: Clock) -> None:
    taken(limits, holder(rpm=1, tokens_per_day=5, concurrent=1), clock, prompt=9)
    assert denied(limits, holder(rpm=1, tokens_per_day=5, concurrent=1), clock) is Bound.TOKENS


@pytest.mark.parametrize("jump", [-7200.0, 7200.0, -86400.0])
def test_a_clock_that_jumps_locks_nobody_out(jump: float, limits: Counting, clock: Clock) -> None:
    taken(limits, holder(rpm=1), clock)
    denied(limits, holder(rpm=1), clock)
    clock.now += jump
    taken(limits, holder(rpm=1), clock)
    clock.now -= jump
    denied(limits, holder(rpm=1), clock)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(1, 2), st.integers(0, 40)),
        st.tuples(st.just("settle"), st.integers(0, 9), st.integers(0, 90)),
        st.tuples(st.just("wait"), st.sampled_from([1, 30, 3600]), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_both_counters_decide_alike(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    clock = Clock()
    there = SqliteLimits.open_at(tmp_path_factory.mktemp("limits") / "keys.db", clock)
    here = MemoryLimits()
    allowance = Allowance(4, 100, 3)
    pairs: list[tuple[Ticket, Ticket]] = []
    for word, number, amount in steps:
        if word == "wait":
            clock.now += number
        elif word == "reserve":
            holders = [Holder(number, allowance), Holder(ALL, Allowance(rpm=6, concurrent=4))]
            one, other = there.reserve(holders, amount, clock.now), here.reserve(holders, amount, clock.now)
            assert one == other
            if isinstance(one, Ticket) and isinstance(other, Ticket):
                pairs.append((one, other))
        elif number < len(pairs):
            mine, its = pairs.pop(number)
            there.settle(mine, amount)
            here.settle(its, amount)
    there.close()


# --- leases -----------------------------------------------------------------------------------------------------------


def both(path: Path, clock: Clock) -> tuple[SqliteLimits, SqliteLimits]:
    """Two workers."""
    return SqliteLimits.open_at(path, clock), SqliteLimits.open_at(path, clock)


@pytest.mark.parametrize("allowance", [{"rpm": 1000}, {"concurrent": 1000}, {"rpm": 700, "concurrent": 900}])
def test_leases_never_let_in_more_than_there_is(allowance: dict[str, int], path: Path, clock: Clock) -> None:
    """Nor less, as long as every worker goes on to the end."""
    workers = both(path, clock)
    passed = [
        isinstance(workers[place % 2].reserve(holder(**allowance), 0, clock.now), Ticket) for place in range(2500)
    ]
    assert sum(passed) == min(allowance.values())
    for worker in workers:
        worker.close()


def test_far_from_its_limits_a_worker_asks_the_store_now_and_then(path: Path, clock: Clock) -> None:
    counter = SqliteLimits.open_at(path, clock)
    asked: list[str] = []
    counter._connection.set_trace_callback(asked.append)  # noqa: SLF001  # to listen
    far = holder(rpm=10**6, tokens_per_day=10**9, concurrent=10**4)
    for _ in range(200):
        counter.settle(taken(counter, far, clock, prompt=20), 45)
    assert sum("BEGIN" in statement for statement in asked) < 20
    counter.close()


def test_what_was_leased_and_not_used_is_given_back(path: Path, clock: Clock) -> None:
    one, other = both(path, clock)
    allowance = {"rpm": 10_000, "tokens_per_day": 10_000_000, "concurrent": 10_000}
    one.settle(taken(one, holder(**allowance), clock, prompt=20), 45)
    one.beat()
    left = {standing.bound: standing.left for standing in taken(other, holder(**allowance), clock).standings}
    assert left == {Bound.REQUESTS: 9998, Bound.TOKENS: 10_000_000 - 45, Bound.STREAMS: 9999}
    one.close()
    other.close()


def test_what_is_given_back_in_a_spent_minute_can_be_had_again(path: Path, clock: Clock) -> None:
    one, other = both(path, clock)
    taken(other, holder(rpm=10_000), clock)
    while isinstance(one.reserve(holder(rpm=10_000), 0, clock.now), Ticket):
        pass
    other.beat()
    one.beat()
    back = sum(isinstance(one.reserve(holder(rpm=10_000), 0, clock.now), Ticket) for _ in range(100))
    assert 0 < back < 10_000 / SHARE
    one.close()
    other.close()


def test_whoever_ends_while_another_writes_gives_its_lease_back_and_pays(path: Path, clock: Clock) -> None:
    one, other = both(path, clock)
    one.settle(taken(one, holder(rpm=10_000, tokens_per_day=10_000_000), clock, prompt=10), 10)
    other._connection.execute("BEGIN IMMEDIATE")  # noqa: SLF001  # to stand in the way
    soon = threading.Timer(0.2, other._connection.execute, ["COMMIT"])  # noqa: SLF001  # likewise
    soon.start()
    one.close(Owed({(1, int(clock.now // 60)): 2}, {(1, int(clock.now // 86400)): 500}))
    soon.join()
    left = {one.bound: one.left for one in taken(other, holder(rpm=10_000, tokens_per_day=10_000_000), clock).standings}
    assert left == {Bound.REQUESTS: 10_000 - 4, Bound.TOKENS: 10_000_000 - 510}
    other.close()


def test_tokens_are_exact_with_leases_over_two_workers(path: Path, clock: Clock) -> None:
    """What goes over the budget is what the last open requests took."""
    workers = both(path, clock)
    budget = holder(tokens_per_day=1_000_000)
    used = place = 0
    while isinstance(ticket := workers[place % 2].reserve(budget, 100, clock.now), Ticket):
        workers[place % 2].settle(ticket, 700)
        used += 700
        place += 1
    assert 1_000_000 <= used < 1_000_000 + 2 * 700
    for worker in workers:
        worker.close()


# --- several workers --------------------------------------------------------------------------------------------------


def test_a_dead_workers_streams_are_dropped_when_they_stand_in_the_way(path: Path) -> None:
    SqliteLimits.open_at(path, time.time).close()
    opened, child = FORK.Pipe()

    def work() -> None:
        counter = SqliteLimits.open_at(path, time.time)
        child.send([isinstance(counter.reserve(holder(concurrent=2), 0, time.time()), Ticket) for _ in range(2)])
        time.sleep(60)

    worker = FORK.Process(target=work)
    worker.start()
    assert opened.recv() == [True, True]
    counter = SqliteLimits.open_at(path, time.time, wait=1.0)
    assert isinstance(counter.reserve(holder(concurrent=2), 0, time.time()), Denied)
    worker.kill()
    worker.join()
    tickets = [counter.reserve(holder(concurrent=2), 0, time.time()) for _ in range(3)]
    assert [isinstance(ticket, Ticket) for ticket in tickets] == [True, True, False]
    counter.close()


def test_a_clock_that_jumps_ahead_buries_nobody_who_lives_and_forgets_no_day(path: Path) -> None:
    here, ahead = Clock(), Clock()
    one = SqliteLimits.open_at(path, here)
    other = SqliteLimits.open_at(path, ahead)
    taken(one, holder(concurrent=1), here)
    taken(one, holder(2, tokens_per_day=10), here, prompt=10)
    ahead.now += DEAD_SECONDS + 1
    denied(other, holder(concurrent=1), ahead)
    ahead.now += 3 * 86400
    other.beat()
    denied(one, holder(2, tokens_per_day=10), here)
    one.close()
    other.close()


def test_who_was_taken_for_dead_and_is_not_counts_its_streams_anew(path: Path) -> None:
    early, late = Clock(), Clock()
    late.now += FORGOTTEN_SECONDS + 1
    sleeper = SqliteLimits.open_at(path, early)
    other = SqliteLimits.open_at(path, late)
    ticket = taken(sleeper, holder(concurrent=1), early)
    taken(other, holder(concurrent=1), late)
    early.now = late.now
    sleeper.beat()
    denied(sleeper, holder(concurrent=1), early)
    denied(sleeper, holder(concurrent=2), early)
    sleeper.settle(ticket, 0)
    taken(sleeper, holder(concurrent=2), early)
    sleeper.close()
    other.close()


def test_a_store_that_is_written_to_is_told_at_once_and_nothing_is_counted(path: Path, clock: Clock) -> None:
    counter, writer = SqliteLimits.open_at(path, clock), SqliteLimits.open_at(path, clock)
    ticket = taken(counter, holder(concurrent=1), clock)
    writer._connection.execute("BEGIN IMMEDIATE")  # noqa: SLF001  # to stand in the way
    for _ in range(2):
        with pytest.raises(BusyError):
            counter.settle(ticket, 5)
    with pytest.raises(BusyError):
        counter.reserve(holder(2, rpm=1), 0, clock.now)
    writer._connection.execute("COMMIT")  # noqa: SLF001  # likewise
    denied(counter, holder(concurrent=1), clock)
    counter.settle(ticket, 5)
    taken(counter, holder(concurrent=1), clock)
    taken(counter, holder(2, rpm=1), clock)
    counter.close()
    writer.close()


def many(work: Callable[[int], int], workers: int = 4) -> list[int]:
    """What each of several processes gives back."""
    pipes = [FORK.Pipe() for _ in range(workers)]

    def one(number: int) -> None:
        pipes[number][1].send(work(number))

    processes = [FORK.Process(target=one, args=(number,)) for number in range(workers)]
    for process in processes:
        process.start()
    found = [int(ours.recv()) for ours, _ in pipes]
    for process in processes:
        process.join()
    return found


def test_exactly_so_many_pass_over_several_processes(path: Path) -> None:
    """The clock stands, so that it is one minute however slow the machine is."""
    clock = Clock()
    SqliteLimits.open_at(path, clock).close()

    def work(_: int) -> int:
        counter = SqliteLimits.open_at(path, clock, wait=20.0)
        passed = sum(isinstance(counter.reserve(holder(rpm=100), 0, clock.now), Ticket) for _ in range(500))
        counter.close()
        return passed

    assert sum(many(work)) == 100


def test_never_more_streams_than_may_be_over_several_processes(path: Path) -> None:
    """Each opens and closes at random; what is open at once is written down by those who have it open."""
    SqliteLimits.open_at(path, time.time).close()
    open_, most = FORK.Value("i", 0), FORK.Value("i", 0)

    def work(number: int) -> int:
        chance = random.Random(number)  # noqa: S311  # no secret
        counter = SqliteLimits.open_at(path, time.time, wait=20.0)
        mine: list[Ticket] = []
        passed = 0
        for _ in range(150):
            if mine and chance.random() < 0.5:
                with open_.get_lock():
                    open_.value -= 1
                counter.settle(mine.pop(), 0)
                continue
            found = counter.reserve(holder(concurrent=5), 0, time.time())
            if isinstance(found, Ticket):
                with open_.get_lock():
                    open_.value += 1
                    most.value = max(most.value, open_.value)
                mine.append(found)
                passed += 1
        for ticket in mine:
            with open_.get_lock():
                open_.value -= 1
            counter.settle(ticket, 0)
        counter.close()
        return passed

    assert sum(many(work)) > 20
    assert most.value == 5


def test_charges_from_several_processes_are_all_there(path: Path) -> None:
    clock = Clock()
    SqliteLimits.open_at(path, clock).close()

    def work(_: int) -> int:
        counter = SqliteLimits.open_at(path, clock, wait=20.0)
        for _ in range(100):
            counter.settle(taken(counter, holder(tokens_per_day=10**9), clock, prompt=7), 11)
        counter.close()
        return 1100

    used = sum(many(work))
    counter = SqliteLimits.open_at(path, clock)
    assert taken(counter, holder(tokens_per_day=10**9), clock).standings[0].left == 10**9 - used
    counter.close()


def test_old_minutes_and_days_are_forgotten(path: Path, clock: Clock) -> None:
    counter = SqliteLimits.open_at(path, clock)
    for _ in range(20):
        taken(counter, holder(rpm=5, tokens_per_day=5), clock, prompt=1)
        clock.now += 86400
    counter.beat()
    rows = [counter._connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("minute", "day")]  # noqa: SLF001, S608  # to look inside
    assert rows[0] == 0
    assert rows[1] <= DAYS
    counter.close()


def test_a_signal_is_no_death(path: Path) -> None:
    """A worker of another user, or one that is stopped, is alive."""
    counter = SqliteLimits.open_at(path, time.time)
    assert not counter._dead(f"{counter._host}/1/aa", 1, time.time(), time.time())  # noqa: SLF001  # the rule itself
    assert not counter._dead("elsewhere/99999999/aa", 99_999_999, time.time(), time.time())  # noqa: SLF001  # likewise
    assert counter._dead("elsewhere/1/aa", 1, time.time() - DEAD_SECONDS - 1, time.time())  # noqa: SLF001  # likewise
    counter.close()
