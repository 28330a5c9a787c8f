"""What holds for every body: nothing raises, what leaves is canonical and stays so, and work grows with the bytes."""

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumeai_cli.repair.speech import Spoken
from lumeai_cli.repair.stream import StreamMender
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.event import OddKind
from tests.repair.wire import (
    CLEAN,
    COUNTING,
    CUT,
    DONE,
    NATIVE,
    ROLE,
    SDK,
    XML,
    chunk,
    event,
    heard,
    mended,
    odd,
    piece,
    said,
    whole,
)

WANTED = st.sampled_from((SDK, COUNTING, NATIVE, XML))
ENDINGS = st.sampled_from((CLEAN, CUT))

WORDS = st.sampled_from(
    (
        "Hi",
        " ",
        "\n",
        "<think>",
        "</think>",
        "<tool_call>",
        '{"name": "read", "arguments": {"path": "a"}}',
        "</tool_call>",
        "<read>",
        "<path>a</path>",
        "</read>",
        "Привет",
        "`",
        "```json\n",
        "You have reached ",
        "your daily limit.",
        "[TOOL_CALLS]",
    )
)
TEXTS = st.lists(WORDS, max_size=4).map("".join)
ARGUMENTS = st.sampled_from(("", "{}", '{"path": "a"}', '{"path": ', '"a"}', "{", None, {"path": "a"}, []))
ENTRIES = st.fixed_dictionaries(
    {
        "function": st.fixed_dictionaries(
            {}, optional={"name": st.sampled_from(("read", "stop", "", None, 7)), "arguments": ARGUMENTS}
        )
    },
    optional={
        "index": st.sampled_from((0, 1, 2, None, "0")),
        "id": st.sampled_from(("c", "d", "", None, 7)),
        "type": st.just("function"),
    },
)
SAID = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(("assistant", "user", None)),
        "content": st.one_of(TEXTS, st.none(), st.just([{"type": "text", "text": "Hi"}]), st.just(7)),
        "reasoning": TEXTS,
        "reasoning_content": TEXTS,
        "refusal": st.just("No."),
        "tool_calls": st.one_of(st.none(), st.just({}), st.lists(ENTRIES, max_size=2)),
        "function_call": st.just({"name": "read", "arguments": '{"path": "a"}'}),
        "x_trace": st.just("t"),
    },
)
FINISHES = st.sampled_from((None, None, None, "stop", "length", "tool_calls", "eos"))
INDICES = st.sampled_from((0, 0, 0, 1))
CHOICES = st.fixed_dictionaries(
    {"finish_reason": FINISHES},
    optional={
        "index": INDICES,
        "delta": SAID,
        "message": SAID,
        "text": TEXTS,
        "logprobs": st.none(),
    },
)
FIRST = CHOICES.map(lambda choice: {**choice, "index": 0})
VALUES = st.one_of(
    st.fixed_dictionaries(
        {"choices": st.one_of(st.lists(FIRST, max_size=1), st.none())},
        optional={
            "id": st.sampled_from(("c1", "", None)),
            "usage": st.sampled_from((None, {"prompt_tokens": 1, "completion_tokens": 2}, {"prompt_tokens": "1"})),
            "error": st.none(),
            "provider": st.just("acme"),
        },
    ),
    st.just({"type": "message_stop"}),
    st.just({"model": "m", "message": {"role": "assistant", "content": "Hi"}, "done": False}),
    st.just({"detail": "x"}),
)
SEVERAL = st.lists(CHOICES, max_size=3).map(lambda choices: event({"choices": choices}))
FRAMES = st.one_of(
    VALUES.map(event),
    VALUES.map(event),
    VALUES.map(lambda value: event(value)[:-1]),
    VALUES.map(lambda value: json.dumps(value).encode() + b"\n"),
    st.sampled_from((DONE, b": on\n\n", b"\n", b"event: x\n", b"junk\n", b"data: {\n\n", b"data:\n\n", b"\r\n")),
)
BODIES = st.lists(FRAMES, max_size=8).map(b"".join)
BODIES_OF_SEVERAL = st.lists(st.one_of(FRAMES, SEVERAL), max_size=8).map(b"".join)
BYTES = st.one_of(st.binary(max_size=200), st.text(alphabet='data:{}[]",\n\r \x00é<', max_size=200).map(str.encode))
HEALTHY_DELTAS = st.lists(
    st.one_of(TEXTS.map(lambda text: {"content": text}), st.just({"role": "assistant", "content": ""})), max_size=6
)


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    ends = [*sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:stop] for start, stop in zip([0, *ends], ends, strict=False)]


@settings(deadline=None, max_examples=500)
@given(st.one_of(BYTES, BODIES_OF_SEVERAL), WANTED, ENDINGS, st.lists(st.integers(0, 10_000), max_size=6))
def test_nothing_raises_and_the_pieces_do_not_matter(
    body: bytes, wanted: Wanted, ending: Any, places: list[int]
) -> None:
    told = mended([body], wanted, ending)
    assert mended(cut(body, places), wanted, ending) == told
    one = whole([body], wanted, ending)
    assert whole(cut(body, places), wanted, ending) == one


TOLERATED = {OddKind.EMPTY_CHOICES}


@settings(deadline=None, max_examples=500)
@given(BODIES, WANTED, ENDINGS)
def test_what_leaves_is_in_the_form_that_clients_take_and_mending_it_again_changes_nothing(
    body: bytes, wanted: Wanted, ending: Any
) -> None:
    told = mended([body], wanted, ending)
    assert (told.spoken is Spoken.CONTENT) >= told.complete
    if told.complete:
        assert odd(told.out) <= TOLERATED
        again = mended([told.out], wanted)
        assert (again.out, again.fault) == (told.out, None)
    one = whole([body], wanted, ending)
    if one.complete:
        assert odd(one.out) <= TOLERATED
        assert whole([one.out], wanted).out == one.out


@settings(deadline=None, max_examples=300)
@given(HEALTHY_DELTAS, st.sampled_from((SDK, XML)))
def test_where_no_repair_is_named_nothing_has_changed(deltas: list[dict[str, Any]], wanted: Wanted) -> None:
    body = b"".join(map(event, (chunk(ROLE), *map(chunk, deltas), chunk({}, "stop")))) + DONE
    told = mended([body], wanted)
    if told.complete and not told.repairs:
        assert told.out == body
    if told.complete:
        assert told.answer.text or told.answer.calls


def work(act: Callable[[], object]) -> int:
    """The calls of functions, Python's and C's, that this takes."""
    calls = 0

    def count(_frame: object, happening: str, _argument: object) -> None:
        nonlocal calls
        calls += happening in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(before)
    return calls


def text_stream(size: int) -> bytes:
    return said(*["word "] * size)


def held_stream(size: int) -> bytes:
    """All of it might become a call to its end, and never does."""
    return said('<tool_call>{"name": "read", "arguments": {"path": "', *["x"] * size)


def thought_stream(size: int) -> bytes:
    return said("<think>", *["hm "] * size, "</think>Hi")


def odd_call(size: int) -> bytes:
    pieces = [piece("", name="read", identity=""), *[piece("x")] * size]
    return b"".join(map(event, (chunk(ROLE), *map(chunk, pieces), chunk({}, "tool_calls")))) + DONE


def long_call(size: int) -> bytes:
    pieces = [piece('{"path": "', name="read", identity="c"), *[piece("xxxxxxxx")] * size, piece('"}')]
    return b"".join(map(event, (chunk(ROLE), *map(chunk, pieces), chunk({}, "tool_calls")))) + DONE


@pytest.mark.parametrize("make", [text_stream, held_stream, thought_stream, odd_call, long_call])
@pytest.mark.parametrize("portion", [64, 1 << 20], ids=["small pieces", "one piece"])
def test_work_grows_with_the_length_and_no_faster(make: Callable[[int], bytes], portion: int) -> None:
    def pieces(body: bytes) -> list[bytes]:
        return [body[place : place + portion] for place in range(0, len(body), portion)]

    small, large = pieces(make(300)), pieces(make(1200))
    base = work(lambda: mended(small, NATIVE))
    assert work(lambda: mended(large, NATIVE)) < 5 * base


def test_a_long_answer_leaves_nothing_behind() -> None:
    mender = StreamMender(NATIVE)
    mender.feed(event(chunk(ROLE)), 0.0)
    for _ in range(2000):
        data = event(chunk({"content": "word "})) + b": on\n\n"
        assert heard(mender.feed(data, 0.0)).text == "word "
    assert len(mender._bytes) <= 20  # noqa: SLF001 (what is kept is the point)


def test_a_call_that_flows_is_not_kept() -> None:
    mender = StreamMender(NATIVE)
    mender.feed(event(chunk(ROLE)) + event(chunk(piece('{"path": "', name="read", identity="c"))), 0.0)
    for _ in range(1000):
        mender.feed(event(chunk(piece("x" * 64))), 0.0)
    assert not mender._deltas._calls.pending  # noqa: SLF001 (likewise)
    assert mender.spoken is Spoken.CONTENT
