"""What is kept of a body for its judge: all of a short one, the beginning and the end of a long one."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lumeai_cli.flow.underway import KEPT, KEPT_OF_END, Underway
from lumeai_cli.repair.stream import StreamMender
from tests.flow.playbook import ASK_A, chat_of


def underway() -> Underway:
    """An exchange of which nothing has come."""
    chat = chat_of()
    return Underway(ASK_A, StreamMender(chat.wanted), 0.0)


def event(number: int, size: int, end: bytes = b"\n\n") -> bytes:
    """An event of this size that can be told from others."""
    return b"data: %d %s" % (number, b"x" * max(0, size - 16)) + end


def test_a_short_body_is_kept_as_it_came() -> None:
    way = underway()
    pieces = [(0.1 * number, event(number, 100)) for number in range(50)]
    for at, data in pieces:
        way.keep(at, data)
    assert [(chunk.at, chunk.data) for chunk in way.heard] == pieces
    way.began_to_answer()
    assert [(chunk.at, chunk.data) for chunk in way.heard] == pieces


@settings(deadline=None)
@given(st.integers(100, 30_000), st.integers(1, 40_000), st.booleans(), st.sampled_from([b"\n\n", b"\r\n\r\n"]))
def test_a_long_body_is_kept_in_whole_events(size: int, piece: int, answering: bool, end: bytes) -> None:  # noqa: FBT001  # a coin
    """However it was cut: nothing is half, the order stands, the times go on, and it takes no more than it may."""
    events = [event(number, size, end) for number in range(2 * KEPT // size + 2)]
    body = b"".join(events)
    way = underway()
    for place in range(0, len(body), max(piece, 997)):
        if answering and place > KEPT // 2 and way.kept < KEPT:
            way.began_to_answer()
        way.keep(place / 1000, body[place : place + max(piece, 997)])
    kept = b"".join(chunk.data for chunk in way.heard)
    assert len(kept) <= (0 if answering else KEPT) + KEPT_OF_END + 2 * max(piece, 997)
    found = [one + end for one in kept.split(end) if one]
    numbers = [int(one.split()[1]) for one in found]
    assert found == [events[number] for number in numbers]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == len(events) - 1
    assert answering or numbers[0] == 0
    assert all(first.at <= second.at for first, second in pairwise(way.heard))


def test_a_long_body_without_events_is_kept_too() -> None:
    """Nothing tells where it might be parted."""
    way = underway()
    for _ in range(10):
        way.keep(0.1, b"x" * KEPT)
    assert {len(chunk.data) for chunk in way.heard} == {KEPT}
