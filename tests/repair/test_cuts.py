"""Every stream of the lab, cut at every byte and into any pieces: a whole answer leaves, or a fault is told."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lumeai_cli.repair.speech import Spoken
from lumeai_cli.wire.answer import ToolCall
from lumeai_cli.wire.event import OddKind
from tests.repair.specimens import Streamed, streams, wanted_of
from tests.repair.wire import CLEAN, CUT, Mended, bytewise, mended, odd

HEALTHY = streams(healthy=True)
SICK = streams(healthy=False)
HARMLESS = {OddKind.EMPTY_CHOICES}


def rows(table: dict[tuple[str, str], Streamed]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("kind", "streamed"), [(kind, each) for (_, kind), each in table.items()], ids=map("-".join, table)
    )


def whole_or_fault(told: Mended, whole: Mended, wording: str) -> None:
    """What the client got is all of the answer and its end, or the beginning of it and a fault."""
    answer, full = told.answer, whole.answer
    if told.complete:
        assert told.fault is None, wording
        assert answer.text == full.text, wording
        assert answer.calls == full.calls, wording
        assert answer.finish, wording
        assert answer.done, wording
        return
    assert told.fault is not None, wording
    assert full.text.startswith(answer.text), wording
    assert full.reasoning.startswith(answer.reasoning), wording
    for mine, theirs in zip(answer.calls, full.calls, strict=False):
        assert (mine.id, mine.name) == (theirs.id, theirs.name), wording
        assert theirs.arguments.startswith(mine.arguments), wording
    assert len(answer.calls) <= len(full.calls), wording
    assert not answer.finish, wording
    assert not answer.done, wording


@rows(HEALTHY)
def test_a_healthy_stream_cut_at_any_byte_is_whole_or_a_fault(kind: str, streamed: Streamed) -> None:
    body, wanted = streamed.body, wanted_of(kind)
    whole = mended([body], wanted)
    assert whole.complete
    seen: set[Mended] = set()
    for place in range(len(body)):
        for ending in (CLEAN, CUT):
            told = mended([body[:place]], wanted, ending)
            if told in seen:  # the same leaves for most places within a frame
                continue
            seen.add(told)
            whole_or_fault(told, whole, f"{ending.kind} at {place}")
            assert odd(told.out) <= HARMLESS
            assert (told.spoken is Spoken.CONTENT) == told.answer.usable


@rows(SICK)
def test_a_sick_stream_cut_anywhere_is_whole_or_a_fault(kind: str, streamed: Streamed) -> None:
    body, wanted = streamed.body, wanted_of(kind)
    whole = mended([body], wanted, streamed.ending)
    for place in range(0, len(body), 7):
        for ending in (CLEAN, CUT):
            told = mended([body[:place]], wanted, ending)
            if whole.complete:
                whole_or_fault(told, whole, f"{ending.kind} at {place}")
            else:
                assert not told.complete
            assert odd(told.out) <= HARMLESS


@rows(HEALTHY | SICK)
def test_the_same_leaves_however_the_bytes_come(kind: str, streamed: Streamed) -> None:
    wanted = wanted_of(kind)
    whole = mended([streamed.body], wanted, streamed.ending)
    assert mended(bytewise(streamed.body), wanted, streamed.ending) == whole
    for place in range(1, len(streamed.body), 29):
        pieces = (streamed.body[:place], streamed.body[place:])
        assert mended(pieces, wanted, streamed.ending) == whole, f"cut at {place}"


ANY = sorted({*HEALTHY, *SICK})


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_the_same_leaves_in_any_pieces_with_any_end(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(ANY))
    body = (HEALTHY | SICK)[name].body
    wanted = wanted_of(data.draw(st.sampled_from(("sdk", "native", "xml"))))
    end = data.draw(st.integers(0, len(body)))
    ending = data.draw(st.sampled_from((CLEAN, CUT)))
    places = sorted(data.draw(st.lists(st.integers(0, end), max_size=12)))
    pieces = [body[start:stop] for start, stop in zip([0, *places], [*places, end], strict=True)]
    assert mended(pieces, wanted, ending) == mended([body[:end]], wanted, ending)


@rows(HEALTHY | SICK)
def test_mending_what_was_mended_changes_nothing(kind: str, streamed: Streamed) -> None:
    wanted = wanted_of(kind)
    once = mended([streamed.body], wanted, streamed.ending)
    if once.complete:
        assert mended([once.out], wanted) == Mended(once.out, (), None, Spoken.CONTENT, complete=True)


def test_the_lab_streams_texts_and_calls() -> None:
    answers = {kind: mended([HEALTHY["healthy-plain", kind].body], wanted_of(kind)).answer for kind in ("sdk", "xml")}
    assert all(answer.text for answer in answers.values())
    (call,) = mended([HEALTHY["healthy-plain", "native"].body], wanted_of("native")).answer.calls
    assert isinstance(call, ToolCall)
    assert call.well_formed
