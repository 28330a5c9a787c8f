"""Wrong keys by address."""

import pytest

from lumeai_cli.admission.tries import (
    FORGET_SECONDS,
    LONGEST_WAIT,
    MOST_ADDRESSES,
    MOST_WAITING_HERE,
    Tries,
    network,
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
