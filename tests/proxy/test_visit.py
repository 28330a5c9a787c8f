"""Tokens that nobody counted, headers as OpenAI has them, and wrong keys by address."""

import pytest

from lumeai_cli.keys.limits import Bound, Standing
from lumeai_cli.proxy.tries import FORGET_SECONDS, LONGEST_WAIT, MOST_ADDRESSES, MOST_WAITING_HERE, Tries, network
from lumeai_cli.proxy.visit import rate_headers, tokens
from lumeai_cli.wire.event import Usage


@pytest.mark.parametrize(
    ("usage", "size", "frames", "answered", "counted"),
    [
        (Usage(0, 0.0, prompt=7, completion=9), 5000, 40, True, (7, 9, 0)),
        (Usage(0, 0.0, prompt=0, completion=0), 5000, 40, True, (0, 0, 0)),
        (Usage(0, 0.0, prompt=7, completion=-1), 0, 0, True, (7, 0, 0)),
        (None, 43 * 180, 43, True, (100, 40, 140)),
        (None, 3 * 200 + 4000, 3, True, (100, 1000, 1100)),
        (None, 350 + 400, 0, True, (100, 100, 200)),
        (None, 0, 0, True, (100, 0, 100)),
        (None, 300, 0, False, (0, 0, 0)),
        (Usage(0, 0.0, prompt=7, completion=9), 300, 0, False, (7, 9, 0)),
    ],
)  # fmt: skip
def test_what_the_backend_told_counts_else_the_size(
    usage: Usage | None,
    size: int,
    frames: int,
    answered: bool,  # noqa: FBT001  # a column
    counted: tuple[int, int, int],
) -> None:
    assert tokens(usage, 100, size, frames, answered=answered) == counted


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, b"1s"), (59, b"59s"), (60, b"1m0s"), (360, b"6m0s"), (48605, b"13h30m5s"), (3600, b"1h0m0s")],
)
def test_headers_are_openais(seconds: float, told: bytes) -> None:
    assert rate_headers([Standing(Bound.REQUESTS, 100, 7, seconds), Standing(Bound.STREAMS, 1, 0, 1)]) == (
        (b"x-ratelimit-limit-requests", b"100"),
        (b"x-ratelimit-remaining-requests", b"7"),
        (b"x-ratelimit-reset-requests", told),
    )


def test_the_first_tries_are_free_then_each_waits_longer() -> None:
    now = [0.0]
    tries = Tries(lambda: now[0])
    waits = [tries.failed("10.0.0.1")[1] for _ in range(20)]
    assert waits[:3] == [0, 0, 0]
    assert waits[3:] == sorted(waits[3:])
    assert waits[-1] == LONGEST_WAIT
    assert tries.failed("10.0.0.2") == (1, 0.0)
    now[0] += FORGET_SECONDS + 1
    assert tries.failed("10.0.0.1") == (1, 0.0)


def test_many_addresses_take_no_more_room() -> None:
    tries = Tries(lambda: 0.0)
    for number in range(3 * MOST_ADDRESSES):
        tries.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(tries._failed) == MOST_ADDRESSES  # noqa: SLF001  # to count


def test_only_so_many_wait_and_places_come_back() -> None:
    tries = Tries(lambda: 0.0)
    assert [tries.may_wait("a") for _ in range(MOST_WAITING_HERE + 1)].count(True) == MOST_WAITING_HERE
    assert tries.may_wait("b")
    tries.waited("a")
    assert tries.may_wait("a")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8::1", False),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("10.0.0.1", "10.0.0.2", False),
        ("", "", True),
    ],
)
def test_of_ipv6_a_network_is_one(one: str, other: str, same: bool) -> None:  # noqa: FBT001  # a column
    assert (network(one) == network(other)) is same
