"""The SSE decoder yields what the standard says, keeps what others hide, and does not care how the bytes were cut."""

import gc
import random
import sys
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lumeai_cli.wire.frame import Frame, FrameKind
from lumeai_cli.wire.sse import DEFAULT_LIMIT, KEPT_OF_OVERSIZE, SseDecoder
from tests.wire.feeding import AT, check_spans, decoded, fed, frame, open_event, read, whole_event

COMMENT, JUNK, OVERSIZE = FrameKind.COMMENT, FrameKind.JUNK, FrameKind.OVERSIZE

LINE_ENDS = [
    ("lf", b"data: a\n\n", [whole_event(b"a", 0, 9)]),
    ("cr", b"data: a\r\r", [whole_event(b"a", 0, 9)]),
    ("crlf", b"data: a\r\n\r\n", [whole_event(b"a", 0, 11)]),
    ("lf, then crlf", b"data: a\n\r\n", [whole_event(b"a", 0, 10)]),
    ("lf, then cr", b"data: a\n\r", [whole_event(b"a", 0, 9)]),
    ("crlf, then lf", b"data: a\r\n\n", [whole_event(b"a", 0, 10)]),
    ("crlf, then cr", b"data: a\r\n\r", [whole_event(b"a", 0, 10)]),
    ("cr, then lf is one end", b"data: a\r\n", [open_event(b"a", 0, 9)]),
    ("one cr at the very end", b"data: a\r", [open_event(b"a", 0, 8)]),
    (
        "mixed events",
        b"data: a\n\ndata: b\r\n\r\ndata: c\r\rdata: d\n\n",
        [whole_event(b"a", 0, 9), whole_event(b"b", 9, 20), whole_event(b"c", 20, 29), whole_event(b"d", 29, 38)],
    ),
    ("blank lines between", b"\n\r\r\n\ndata: a\n\n\n\r\n", [whole_event(b"a", 5, 14)]),
    (
        "no other ends",
        b"data: a\x0bb\x0cc\x1cd\x85e\xe2\x80\xa8f\xe2\x80\xa9g\n\n",
        [whole_event(b"a\x0bb\x0cc\x1cd\x85e\xe2\x80\xa8f\xe2\x80\xa9g", 0, 25)],
    ),
]

FIELDS = [
    ("no space", b"data:a\n\n", [whole_event(b"a", 0, 8)]),
    ("two spaces: one goes", b"data:  a\n\n", [whole_event(b" a", 0, 10)]),
    ("a tab stays", b"data:\ta\n\n", [whole_event(b"\ta", 0, 9)]),
    ("space at the end stays", b"data: a \n\n", [whole_event(b"a ", 0, 10)]),
    ("colons in the value", b"data: a:b: c\n\n", [whole_event(b"a:b: c", 0, 14)]),
    ("empty data", b"data:\n\n", [whole_event(b"", 0, 7)]),
    ("empty data, a space", b"data: \n\n", [whole_event(b"", 0, 8)]),
    ("data without a colon", b"data\n\n", [whole_event(b"", 0, 6)]),
    ("two data lines", b"data: a\ndata: b\n\n", [whole_event(b"a\nb", 0, 17, lines=2)]),
    ("two data lines, crlf", b"data: a\r\ndata: b\r\n\r\n", [whole_event(b"a\nb", 0, 20, lines=2)]),
    ("an empty line of data", b"data: a\ndata:\ndata: b\n\n", [whole_event(b"a\n\nb", 0, 23, lines=3)]),
    ("two empty lines of data", b"data\ndata\n\n", [whole_event(b"\n", 0, 11, lines=2)]),
    ("named", b"event: ping\ndata: a\n\n", [whole_event(b"a", 0, 21, name="ping")]),
    ("named afterwards", b"data: a\nevent: ping\n\n", [whole_event(b"a", 0, 21, name="ping")]),
    ("the last name counts", b"event: a\nevent: b\ndata: c\n\n", [whole_event(b"c", 0, 27, name="b")]),
    ("an empty name is none", b"event: a\nevent:\ndata: c\n\n", [whole_event(b"c", 0, 25)]),
    (
        "a name holds for one event",
        b"event: a\ndata: b\n\ndata: c\n\n",
        [whole_event(b"b", 0, 18, name="a"), whole_event(b"c", 18, 27)],
    ),
    ("a name alone", b"event: ping\n\n", [whole_event(b"", 0, 13, name="ping", lines=0)]),
    ("a name that is no utf-8", b"event: \xff\ndata: a\n\n", [whole_event(b"a", 0, 18, name="\ufffd")]),
    ("id and retry", b"id: 7\nretry: 3000\ndata: a\n\n", [whole_event(b"a", 0, 27)]),
    ("retry alone", b"retry: 3000\n\ndata: a\n\n", [whole_event(b"", 0, 13, lines=0), whole_event(b"a", 13, 22)]),
    ("unknown field", b"foo: 1\ndata: a\n\n", [frame(JUNK, b"foo: 1", 0, 7), whole_event(b"a", 7, 16)]),
    ("other case", b"Data: a\n\n", [frame(JUNK, b"Data: a", 0, 8)]),
    ("longer name", b"datas: a\n\n", [frame(JUNK, b"datas: a", 0, 9)]),
    ("space before the colon", b"data : a\n\n", [frame(JUNK, b"data : a", 0, 9)]),
    ("indented", b"  data: a\n\n", [frame(JUNK, b"  data: a", 0, 10)]),
    ("a line of spaces", b"data: a\n  \n\n", [frame(JUNK, b"  ", 8, 11), whole_event(b"a", 0, 12)]),
    ("NUL", b"data: a\x00b\nid: \x00\n\n", [whole_event(b"a\x00b", 0, 17)]),
    ("split utf-8", "data: Привет 🙂\n\n".encode(), [whole_event("Привет 🙂".encode(), 0, 25)]),
    ("no utf-8", b"data: \xff\xc3\n\n", [whole_event(b"\xff\xc3", 0, 10)]),
]

COMMENTS = [
    ("alone", b": ping\n\n", [frame(COMMENT, b"ping", 0, 7)]),
    ("empty", b":\n\n", [frame(COMMENT, b"", 0, 2)]),
    ("no space", b":ping\r\n", [frame(COMMENT, b"ping", 0, 7)]),
    ("two colons", b"::\n", [frame(COMMENT, b":", 0, 3)]),
    ("cut off", b": pi", [frame(COMMENT, b"pi", 0, 4)]),
    (
        "between events",
        b"data: a\n\n: ping\n\ndata: b\n\n",
        [whole_event(b"a", 0, 9), frame(COMMENT, b"ping", 9, 16), whole_event(b"b", 17, 26)],
    ),
    (
        "within an event",
        b"data: a\n: ping\ndata: b\n\n",
        [frame(COMMENT, b"ping", 8, 15), whole_event(b"a\nb", 0, 24, lines=2)],
    ),
    ("before the blank line", b"data: a\n:\n\n", [frame(COMMENT, b"", 8, 10), whole_event(b"a", 0, 11)]),
    ("not indented", b" : ping\n", [frame(JUNK, b" : ping", 0, 8)]),
]

ENDS = [
    ("nothing", b"", []),
    ("a blank line", b"\n", []),
    ("no blank line", b"data: a\n", [open_event(b"a", 0, 8)]),
    ("no line end", b"data: a", [open_event(b"a", 0, 7)]),
    ("the first goes, the last stays", b"data: a\n\ndata: b", [whole_event(b"a", 0, 9), open_event(b"b", 9, 16)]),
    ("a name and no more", b"event: a", [open_event(b"", 0, 8, name="a", lines=0)]),
    ("a comment in the last", b"data: a\n: c", [frame(COMMENT, b"c", 8, 11), open_event(b"a", 0, 11)]),
    ("done without a line end", b"data: [DONE]", [open_event(b"[DONE]", 0, 12)]),
    ("done without a blank line", b"data: [DONE]\n", [open_event(b"[DONE]", 0, 13)]),
    ("after done", b"data: [DONE]\n\ndata: a\n\n", [whole_event(b"[DONE]", 0, 14), whole_event(b"a", 14, 23)]),
    ("single newlines", b"data: 1\ndata: 2\ndata: [DONE]\n", [open_event(b"1\n2\n[DONE]", 0, 29, lines=3)]),
    ("a bare line", b'{"error":1}\n', [frame(JUNK, b'{"error":1}', 0, 12)]),
    (
        "a bare line within",
        b'data: a\n\n{"error":1}\n\ndata: b\n\n',
        [whole_event(b"a", 0, 9), frame(JUNK, b'{"error":1}', 9, 21), whole_event(b"b", 22, 31)],
    ),
]

TABLE = [*LINE_ENDS, *FIELDS, *COMMENTS, *ENDS]


@pytest.mark.parametrize(("body", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_frames_of(body: bytes, expected: list[Frame]) -> None:
    assert fed(body, decoded) == tuple(expected)
    check_spans(body, expected)
    fed(body, read)  # the sniffing reader before it does not depend on the cuts either


SMALL = 16
FULL = b"data: " + b"x" * 10  # just as long as allowed

OVERSIZES = [
    ("a line of the limit", FULL + b"\n\n", [whole_event(b"x" * 10, 0, 18)]),
    ("a line of the limit, cr", FULL + b"\r\r", [whole_event(b"x" * 10, 0, 18)]),
    ("a line of the limit, crlf", FULL + b"\r\n\r\n", [whole_event(b"x" * 10, 0, 20)]),
    ("a line of the limit, cut off", FULL, [open_event(b"x" * 10, 0, 16)]),
    ("a byte more", FULL + b"x\n\n", [frame(OVERSIZE, FULL, 0, 16)]),
    ("a byte more, cr", FULL + b"x\r\r", [frame(OVERSIZE, FULL, 0, 16)]),
    (
        "a byte more, cr, next event",
        FULL + b"x\r\rdata: b\r\r",
        [frame(OVERSIZE, FULL, 0, 16), whole_event(b"b", 19, 28)],
    ),
    (
        "much junk, cr, an event",
        b"x" * 20 + b"\rdata: b\r\r",
        [frame(OVERSIZE, b"x" * 16, 0, 16), whole_event(b"b", 21, 30)],
    ),
    ("a byte more, cut off", FULL + b"x", [frame(OVERSIZE, FULL, 0, 16)]),
    ("no space", b"data:" + b"x" * 12 + b"\n\n", [frame(OVERSIZE, b"data:" + b"x" * 11, 0, 16)]),
    ("much more", b"x" * 99 + b"\ndata: a\n\n", [frame(OVERSIZE, b"x" * 16, 0, 16), whole_event(b"a", 100, 109)]),
    ("a comment", b":" * 40 + b"\r\n:a\n", [frame(OVERSIZE, b":" * 16, 0, 16), frame(COMMENT, b"a", 42, 45)]),
    ("next event", FULL + b"xx\n\ndata: a\n\n", [frame(OVERSIZE, FULL, 0, 16), whole_event(b"a", 20, 29)]),
    ("its last lines go, too", FULL + b"xx\ndata: a\nevent: e\n\n", [frame(OVERSIZE, FULL, 0, 16)]),
    ("its first lines go, too", b"data: a\n" + FULL + b"xx\n\n", [frame(OVERSIZE, FULL, 8, 24)]),
    (
        "what is no part of it stays",
        FULL + b"xx\n: c\nfoo\ndata: a\n\ndata: b\n\n",
        [
            frame(OVERSIZE, FULL, 0, 16),
            frame(COMMENT, b"c", 19, 23),
            frame(JUNK, b"foo", 23, 27),
            whole_event(b"b", 36, 45),
        ],
    ),
    (
        "of many short lines",
        b"event: e\n" + b"data: 123\n" * 6 + b"\ndata: a\n\n",
        [frame(OVERSIZE, b"123\n123\n123\n123\n", 0, 59), whole_event(b"a", 70, 79)],
    ),
    ("of empty lines", b"data\n" * 30 + b"\n", [frame(OVERSIZE, b"\n" * 16, 0, 85)]),
    (
        "a name that begins like a field's",
        b"datadatadatadatadata\ndata: a\n\n",
        [frame(OVERSIZE, b"data" * 4, 0, 16), whole_event(b"a", 21, 30)],
    ),
    ("two in one body", (FULL + b"xx\n\n") * 2, [frame(OVERSIZE, FULL, 0, 16), frame(OVERSIZE, FULL, 20, 36)]),
    ("ends in many crs", b"x" * 20 + b"\r\r\r", [frame(OVERSIZE, b"x" * 16, 0, 16)]),
]


@pytest.mark.parametrize(("body", "expected"), [row[1:] for row in OVERSIZES], ids=[row[0] for row in OVERSIZES])
def test_what_is_too_long_becomes_one_frame(body: bytes, expected: list[Frame]) -> None:
    assert fed(body, lambda portions: decoded(portions, limit=SMALL)) == tuple(expected)
    check_spans(body, expected)


def test_a_long_beginning_is_kept_of_what_is_too_long() -> None:
    (only,) = decoded([b"data: " + b"x" * 5000 + b"\n\n"], limit=4000)
    assert only.data == b"data: " + b"x" * (KEPT_OF_OVERSIZE - 6)


def test_the_time_of_a_frame_is_that_of_its_last_byte() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\n", 1.0) == []
    assert [frame.at for frame in decoder.feed(b"\n: c\ndata: b\n\nda", 2.0)] == [2.0, 2.0, 2.0]
    assert decoder.feed(b"ta: c\r\r", 3.0) == [], "an LF may follow, which would belong to the CR"
    assert [frame.at for frame in decoder.feed(b"data: d", 4.0)] == [4.0]
    assert [frame.at for frame in decoder.close(5.0)] == [5.0]


def test_offset_is_the_place_of_the_first_byte() -> None:
    decoder = SseDecoder(offset=100)
    assert decoder.feed(b"data: a\n\n", AT) == [whole_event(b"a", 100, 109)]


def test_closing_twice_gives_nothing_new() -> None:
    decoder = SseDecoder()
    decoder.feed(b"data: a", AT)
    assert len(decoder.close(AT)) == 1
    assert decoder.close(AT) == []


@pytest.mark.parametrize(
    ("data", "done"),
    [(b"[DONE]", True), (b"[DONE] ", True), (b"[DONE]x", True), (b" [DONE]", False), (b"[done]", False)],
)
def test_done_is_what_the_sdks_take_for_it(data: bytes, *, done: bool) -> None:
    assert whole_event(data, 0, 9).done is done


def test_only_an_event_is_done() -> None:
    assert not frame(JUNK, b"[DONE]", 0, 6).done


# Bytes that look like a stream far more often than random ones do.
PIECES = st.sampled_from(
    [
        b"data:",
        b"data: ",
        b"event:",
        b"id: 1",
        b"retry",
        b":",
        b" ",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"[DONE]",
        b"{}",
        "я".encode(),
        b"\xef\xbb\xbf",
        b"\xff",
        b"\x00",
        b"x" * 20,
    ]
)
STREAMS = st.lists(PIECES | st.binary(max_size=4), max_size=40).map(b"".join)
LIMITS = st.sampled_from([8, 16, 50, DEFAULT_LIMIT])


def cut(body: bytes, places: list[int]) -> list[bytes]:
    """The body cut at these places, in whatever order they are told."""
    ends = sorted(place % (len(body) + 1) for place in places)
    return [body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True)]


@given(body=STREAMS, places=st.lists(st.integers(0, 500), max_size=12), limit=LIMITS)
@example(body=b"x" * 16 + b"\r\n", places=[17], limit=16)  # the CR was counted with the line
@example(body=b"data:" + b"x" * 14 + b"\n\n", places=[18], limit=16)  # the field's name was not
def test_any_bytes_give_the_same_frames_however_cut(body: bytes, places: list[int], limit: int) -> None:
    whole = decoded([body], limit=limit)
    assert decoded(cut(body, places), limit=limit) == whole
    assert decoded([body[place : place + 1] for place in range(len(body))], limit=limit) == whole
    check_spans(body, whole)


ONE_LINE = st.binary(max_size=12).map(lambda line: line.replace(b"\r", b"").replace(b"\n", b""))
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n "), max_size=6)
EVENTS = st.lists(st.tuples(NAMES, st.lists(ONE_LINE, min_size=1, max_size=3)), max_size=6)


def encoded(events: list[tuple[str, list[bytes]]], chance: random.Random) -> bytes:
    """The events as a stream, with line ends, comments, ids and blank lines as chance will have it."""
    lines: list[bytes] = []
    for name, data in events:
        lines += [b"event:" + chance.choice([b"", b" "]) + name.encode()] * bool(name)
        for line in data:
            lines += chance.choice([[], [], [b": ping"], [b"id: 1", b":"], [b"unknown"]])
            space = b" " if line.startswith(b" ") else chance.choice([b"", b" "])
            lines.append(b"data:" + space + line)
        lines += [b""] * chance.choice([1, 1, 2])
    body = b""
    for line in lines:
        end = chance.choice([b"\n", b"\r", b"\r\n"])
        if not line and body.endswith(b"\r") and end == b"\n":
            end = b"\r"  # an LF would belong to the CR before it
        body += line + end
    return body


@given(events=EVENTS, chance=st.randoms(use_true_random=False), places=st.lists(st.integers(0, 500), max_size=12))
def test_events_come_back_as_they_were_sent(
    events: list[tuple[str, list[bytes]]], chance: random.Random, places: list[int]
) -> None:
    frames = decoded(cut(encoded(events, chance), places))
    back = [frame for frame in frames if frame.kind is FrameKind.EVENT]
    assert [(frame.name, frame.data, frame.lines) for frame in back] == [
        (name, b"\n".join(data), len(data)) for name, data in events
    ]
    assert all(frame.terminated for frame in back)


def retained(decoder: object) -> int:
    """The bytes of text that a decoder holds on to."""
    total = 0
    for held in gc.get_referents(decoder):
        if isinstance(held, bytes | bytearray | str):
            total += len(held)
        elif isinstance(held, list | tuple | SseDecoder):
            total += retained(held)
    return total


@given(body=STREAMS.map(lambda body: body * 8), size=st.integers(1, 40))
@example(body=b"data: 12345678\n" * 50, size=1)
@example(body=b"\r" * 99, size=1)
def test_what_is_held_is_bounded(body: bytes, size: int) -> None:
    decoder = SseDecoder(limit=SMALL)
    for place in range(0, len(body), size):
        decoder.feed(body[place : place + size], AT)
        assert retained(decoder) <= 3 * (SMALL + 1), "a line, the lines of an event and its name"


class Watched(SseDecoder):
    """Counts the bytes that were joined and searched."""

    scanned = 0

    def _scan(self, buffer: bytes, at: float, frames: list[Frame], *, closing: bool) -> None:
        self.scanned += len(buffer)
        super()._scan(buffer, at, frames, closing=closing)


def calls_of(work: Callable[[], object]) -> int:
    """How many functions this calls, built-in ones as well: its cost, without a clock."""
    count = 0

    def counting(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


LONG = {
    "a long line": lambda size: b"data: " + b"x" * size,
    "many short lines": lambda size: b"data: x\n" * (size // 8),
    "many events": lambda size: b"data: x\n\n" * (size // 9),
    "many crlf events": lambda size: b"data: x\r\n\r\n" * (size // 11),
    "blank lines": lambda size: b"\n" * size,
    "spaces": lambda size: b" " * size,
    "a long comment": lambda size: b":" * size,
    "many comments": lambda size: b":\n" * (size // 2),
    "cr only": lambda size: b"\r" * size,
    "a long line, then crs": lambda size: b"x" * (size // 2) + b"\r" * (size // 2),
    "junk": lambda size: b"x\n" * (size // 2),
}


@pytest.mark.parametrize("limit", [64, DEFAULT_LIMIT], ids=["given up", "kept"])
@pytest.mark.parametrize("size_of_chunk", [1, 7, 10**6], ids=["byte by byte", "by seven", "whole"])
@pytest.mark.parametrize("make", LONG.values(), ids=LONG)
def test_twice_the_bytes_are_twice_the_work(make: Callable[[int], bytes], size_of_chunk: int, limit: int) -> None:
    def measured(size: int) -> tuple[int, int]:
        body = make(size)
        decoder = Watched(limit=limit)

        def work() -> None:
            for place in range(0, len(body), size_of_chunk):
                decoder.feed(body[place : place + size_of_chunk], AT)
            decoder.close(AT)

        return calls_of(work), decoder.scanned

    calls, scanned = measured(4000)
    more_calls, more_scanned = measured(8000)
    assert more_calls <= 2.2 * calls
    assert more_scanned <= 2.2 * scanned + 64
    assert more_scanned <= 4 * 8000, "a byte is joined and searched a bounded number of times"
