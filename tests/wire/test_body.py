"""A body is framed by its first bytes, whatever its label says, and by nothing that depends on how it was cut."""

import gc
import json
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lumeai_cli.wire import body as body_module
from lumeai_cli.wire.body import BOM, BodyReader, BrokenJsonError, loads
from lumeai_cli.wire.frame import Frame, FrameKind
from lumeai_cli.wire.sse import DEFAULT_LIMIT, SseDecoder
from tests.wire.feeding import AT, check_spans, fed, frame, open_event, read, whole_event

COMMENT, JUNK, JSON, LINE = FrameKind.COMMENT, FrameKind.JUNK, FrameKind.JSON, FrameKind.LINE
HTML, OVERSIZE = FrameKind.HTML, FrameKind.OVERSIZE


def framed(portions: Sequence[bytes], *, limit: int = DEFAULT_LIMIT) -> tuple[Frame, ...]:
    """The frames of a body that came in these portions."""
    reader = BodyReader(limit=limit)
    frames = [one for portion in portions for one in reader.feed(portion, AT)]
    return (*frames, *reader.close(AT))


def whole(kind: FrameKind, body: bytes) -> list[Frame]:
    """The body as one frame."""
    return [frame(kind, body, 0, len(body))]


PRETTY = b'{\n  "choices": [\n    {}\n  ]\n}\n'
DEEP = b"[" * 100_000 + b"]" * 100_000

SSE_BODIES = [
    ("sse", b"data: a\n\n", [whole_event(b"a", 0, 9)]),
    ("blank lines first", b"\r\n\n \n data: a\n", [frame(JUNK, b" ", 3, 5), frame(JUNK, b" data: a", 5, 14)]),
    ("blank lines, then sse", b"\r\n\ndata: a\n\n", [whole_event(b"a", 3, 12)]),
    ("a BOM", BOM + b"data: a\n\n", [whole_event(b"a", 3, 12)]),
    ("a BOM, then a blank line", BOM + b"\ndata: a\n\n", [whole_event(b"a", 4, 13)]),
    ("two BOMs", BOM + BOM + b"data: a\n\n", [frame(JUNK, BOM + b"data: a", 3, 14)]),
    ("a late BOM", b"\n" + BOM + b"data: a\n\n", [frame(JUNK, BOM + b"data: a", 1, 12)]),
    ("half a BOM", BOM[:2] + b"data: a\n\n", [frame(JUNK, BOM[:2] + b"data: a", 0, 10)]),
    ("half a BOM, nothing else", BOM[:2], [frame(JUNK, BOM[:2], 0, 2)]),
    ("a bad BOM", b"\xef\xbbx\n", [frame(JUNK, b"\xef\xbbx", 0, 4)]),
    ("a comment, then JSON", b': c\n{"a":1}\n', [frame(COMMENT, b"c", 0, 4), frame(JUNK, b'{"a":1}', 4, 12)]),
    ("plain text", b"Bad Gateway", [frame(JUNK, b"Bad Gateway", 0, 11)]),
    ("lines of text", b"one\n\ntwo", [frame(JUNK, b"one", 0, 4), frame(JUNK, b"two", 5, 8)]),
    ("a JSON text that is no container", b'"text"', [frame(JUNK, b'"text"', 0, 6)]),
    ("binary", b"\x1f\x8b\x08\x00\xff", [frame(JUNK, b"\x1f\x8b\x08\x00\xff", 0, 5)]),
    ("NULs", b"\x00\x00", [frame(JUNK, b"\x00\x00", 0, 2)]),
]

WHOLE_BODIES = [
    ("an object", b'{"a":1}', whole(JSON, b'{"a":1}')),
    ("an array", b"[1]", whole(JSON, b"[1]")),
    ("white space around", b' \r\n\t{"a":1}\n\n', whole(JSON, b' \r\n\t{"a":1}\n\n')),
    ("pretty-printed", PRETTY, whole(JSON, PRETTY)),
    ("pretty-printed, crlf", PRETTY.replace(b"\n", b"\r\n"), whole(JSON, PRETTY.replace(b"\n", b"\r\n"))),
    ("JSON with a BOM", BOM + b'{"a":1}', [frame(JSON, b'{"a":1}', 0, 10)]),
    ("JSON with separators", '{"a":"\u2028\u2029\x85"}'.encode(), whole(JSON, '{"a":"\u2028\u2029\x85"}'.encode())),
    ("JSON that is no utf-8", b'{"a":"\xff"}', whole(JSON, b'{"a":"\xff"}')),
    ("duplicate keys", b'{"a":1,"a":2}', whole(JSON, b'{"a":1,"a":2}')),
    ("a lone surrogate", rb'{"a":"\ud83d"}', whole(JSON, rb'{"a":"\ud83d"}')),
    ("html", b"<!doctype html>\n<title>502</title>", whole(HTML, b"<!doctype html>\n<title>502</title>")),
    ("html after white space", b"\n\n<html>\n\ndata: a\n\n", whole(HTML, b"\n\n<html>\n\ndata: a\n\n")),
    ("html with a BOM", BOM + b"<html>", [frame(HTML, b"<html>", 0, 9)]),
    ("xml", b"<?xml?>", whole(HTML, b"<?xml?>")),
]

JSON_AT_FIRST_SIGHT = [
    ("ndjson", b'{"a":1}\n{"b":2}\n', [frame(LINE, b'{"a":1}', 0, 8), frame(LINE, b'{"b":2}', 8, 16)]),
    ("ndjson, crlf", b'{"a":1}\r\n{"b":2}', [frame(LINE, b'{"a":1}', 0, 9), frame(LINE, b'{"b":2}', 9, 16)]),
    ("ndjson, cr", b'{"a":1}\r{"b":2}\r', [frame(LINE, b'{"a":1}', 0, 8), frame(LINE, b'{"b":2}', 8, 16)]),
    ("ndjson, a BOM", BOM + b"{}\n{}\n", [frame(LINE, b"{}", 3, 6), frame(LINE, b"{}", 6, 9)]),
    (
        "ndjson after blank lines",
        b"\n \n{}\n{}\n",
        [frame(JUNK, b" ", 1, 3), frame(LINE, b"{}", 3, 6), frame(LINE, b"{}", 6, 9)],
    ),
    (
        "ndjson, blank lines between",
        b"{}\n \n\r\n{}",
        [frame(LINE, b"{}", 0, 3), frame(JUNK, b" ", 3, 5), frame(LINE, b"{}", 7, 9)],
    ),
    ("an object and blank lines", b"{}\n \n\r\n", whole(JSON, b"{}\n \n\r\n")),
    ("a line, then text", b"{}\nno", [frame(LINE, b"{}", 0, 3), frame(JUNK, b"no", 3, 5)]),
    ("a line, then a page", b"{}\n<html>", [frame(LINE, b"{}", 0, 3), frame(JUNK, b"<html>", 3, 9)]),
    ("a line, then a comment", b"{}\n: c\n", [frame(LINE, b"{}", 0, 3), frame(COMMENT, b"c", 3, 7)]),
    ("a broken line first", b"{'a'}\n{}\n", [frame(JUNK, b"{'a'}", 0, 6), frame(LINE, b"{}", 6, 9)]),
    ("arrays in lines", b"[1]\n[2]\n", [frame(JUNK, b"[1]", 0, 4), frame(JUNK, b"[2]", 4, 8)]),
    ("an array, then an object", b"[]\n{}\n", [frame(JUNK, b"[]", 0, 3), frame(LINE, b"{}", 3, 6)]),
    ("ndjson, indented", b" {}\n\n {}\n", [frame(LINE, b" {}", 0, 4), frame(LINE, b" {}", 5, 9)]),
    (
        "ndjson, one line broken",
        b'{}\n{"a":\n[1]\n1\n{}\n',
        [
            frame(LINE, b"{}", 0, 3),
            frame(JUNK, b'{"a":', 3, 9),
            frame(JUNK, b"[1]", 9, 13),
            frame(JUNK, b"1", 13, 15),
            frame(LINE, b"{}", 15, 18),
        ],
    ),
    (
        "JSON, then done",
        b'{"a":1}\n\ndata: [DONE]\n\n',
        [frame(LINE, b'{"a":1}', 0, 8), whole_event(b"[DONE]", 9, 23)],
    ),
    (
        "an error, then a stream",
        b'{"error":"x"}\ndata: a\n\n',
        [frame(LINE, b'{"error":"x"}', 0, 14), whole_event(b"a", 14, 23)],
    ),
    ("JSON, then text", b"{} x", [frame(JUNK, b"{} x", 0, 4)]),
    ("cut off", b'{"a":', [frame(JUNK, b'{"a":', 0, 5)]),
    (
        "pretty-printed, cut off",
        b'{\n  "a": [\n',
        [frame(JUNK, b"{", 0, 2), frame(JUNK, b'  "a": [', 2, 11)],
    ),
    ("single quotes", b"{'a': 1}", [frame(JUNK, b"{'a': 1}", 0, 8)]),
    ("NaN", b'{"a":NaN}', [frame(JUNK, b'{"a":NaN}', 0, 9)]),
    ("Infinity", b'{"a":-Infinity}', [frame(JUNK, b'{"a":-Infinity}', 0, 15)]),
    ("100,000 deep", DEEP, [frame(JUNK, DEEP, 0, 200_000)]),
    ("5,000 digits", b"[" + b"9" * 5000 + b"]", [frame(JUNK, b"[" + b"9" * 5000 + b"]", 0, 5002)]),
    ("a log line", b"[12:00] upstream failed\n", [frame(JUNK, b"[12:00] upstream failed", 0, 24)]),
]

NEXT_TO_NOTHING = [
    ("empty", b"", []),
    ("a BOM alone", BOM, []),
    ("blank lines", b"\n\r\n\r\r\n", []),
    ("spaces", b"  ", [frame(JUNK, b"  ", 0, 2)]),
    ("all white space", b" \n\t\r\n\n", [frame(JUNK, b" ", 0, 2), frame(JUNK, b"\t", 2, 5)]),
    ("a BOM, white space", BOM + b" \n", [frame(JUNK, b" ", 3, 5)]),
    ("a cut-off event", b"data", [open_event(b"", 0, 4)]),
]

TABLE = [*SSE_BODIES, *WHOLE_BODIES, *JSON_AT_FIRST_SIGHT, *NEXT_TO_NOTHING]


@pytest.mark.parametrize(("body", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_frames_of(body: bytes, expected: list[Frame]) -> None:
    if len(body) > 100_000:  # byte by byte it would take a second, and tell no more than the shorter ones
        assert framed([body]) == framed([body[:1], body[1:777], body[777:]]) == tuple(expected)
    else:
        assert fed(body, framed) == tuple(expected)
        fed(body, read)
    check_spans(body, expected)


SMALL = 16

OVERSIZES = [
    ("JSON of the limit", b'{"a":"12345678"}', whole(JSON, b'{"a":"12345678"}')),
    ("JSON, a byte more", b'{"a":"12345678"}\n', [frame(OVERSIZE, b'{"a":"12345678"}', 0, 16)]),
    ("JSON, much more", b'{"a":"' + b"x" * 99, [frame(OVERSIZE, b'{"a":"xxxxxxxxxx', 0, 16)]),
    ("ndjson is not held", b'{"a":1}\n' * 9, [frame(LINE, b'{"a":1}', at, at + 8) for at in range(0, 72, 8)]),
    (
        "a line that is too long among others",
        b'{"a":1}\n{"a":"' + b"x" * 20 + b'"}\n{}\n',
        [frame(LINE, b'{"a":1}', 0, 8), frame(OVERSIZE, b'{"a":"xxxxxxxxxx', 8, 24), frame(LINE, b"{}", 37, 40)],
    ),
    (
        "the second line begins at the limit",
        b'{"a":"123456"}\n{}\n',
        [frame(LINE, b'{"a":"123456"}', 0, 15), frame(LINE, b"{}", 15, 18)],
    ),
    ("it begins behind the limit", b'{"a":"1234567"}\n{}\n', [frame(OVERSIZE, b'{"a":"1234567"}\n', 0, 16)]),
    ("blank lines up to the limit", b"{}" + b"\n" * 14 + b"{}", [frame(OVERSIZE, b"{}" + b"\n" * 14, 0, 16)]),
    ("almost up to it", b"{}" + b"\n" * 13 + b"{}", [frame(LINE, b"{}", 0, 3), frame(LINE, b"{}", 15, 17)]),
    ("html", b"<html>" + b" " * 99, [frame(OVERSIZE, b"<html>" + b" " * 10, 0, 16)]),
    ("white space of the limit", b"\n" * 16 + b"data: a\n\n", [whole_event(b"a", 16, 25)]),
    ("white space, a byte more", b"\n" * 17 + b"data: a\n\n", [frame(OVERSIZE, b"\n" * 16, 0, 16)]),
    ("nothing but white space", b" " * 99, [frame(OVERSIZE, b" " * 16, 0, 16)]),
    ("a BOM counts", BOM + b"\n" * 14 + b"{}", [frame(OVERSIZE, BOM + b"\n" * 13, 0, 16)]),
    ("a stream is not held", b"data: a\n\n" * 3, [whole_event(b"a", at, at + 9) for at in (0, 9, 18)]),
    ("plain text is not held", b"one\n" * 5, [frame(JUNK, b"one", at, at + 4) for at in range(0, 20, 4)]),
]


@pytest.mark.parametrize(("body", "expected"), [row[1:] for row in OVERSIZES], ids=[row[0] for row in OVERSIZES])
def test_what_is_too_long_becomes_one_frame(body: bytes, expected: list[Frame]) -> None:
    assert fed(body, lambda portions: framed(portions, limit=SMALL)) == tuple(expected)
    check_spans(body, expected)


@pytest.mark.parametrize(
    ("portions", "times"),
    [
        pytest.param([b"da", b"ta: a\n", b"\n"], [3.0], id="an event that was not known as one at first"),
        pytest.param([b"\n", b"data: a\n\n", b"data: b\n\n"], [2.0, 3.0], id="events after white space"),
        pytest.param([b'{"a"', b":1}", b"\n", b" "], [2.0], id="white space after JSON took its time"),
        pytest.param([b'{"a":1}\n', b'{"b":2}\n', b'{"c":3}'], [1.0, 2.0, 4.0], id="lines of JSON"),
        pytest.param([b'{"a"', b":1}\n", b" ", b"\n", b"{}\n"], [2.0, 4.0, 5.0], id="lines, blank ones between"),
        pytest.param([b"<html>", b"</html>"], [2.0], id="a page"),
        pytest.param([b"{", b"}" * 20], [2.0], id="too long"),
    ],
)
def test_a_frame_has_the_time_of_its_last_byte(portions: list[bytes], times: list[float]) -> None:
    reader = BodyReader(limit=SMALL if times == [2.0] and len(portions[-1]) == 20 else DEFAULT_LIMIT)
    frames = [one for at, portion in enumerate(portions, 1) for one in reader.feed(portion, float(at))]
    frames += reader.close(len(portions) + 1.0)
    assert [one.at for one in frames] == times


def test_the_events_of_a_stream_come_out_at_once() -> None:
    reader = BodyReader()
    assert reader.feed(b"data: a\n\nda", AT) == [whole_event(b"a", 0, 9)]
    assert reader.feed(b"ta: b\n\n", AT) == [whole_event(b"b", 9, 18)]
    assert reader.close(AT) == []


def test_the_lines_of_ndjson_come_out_at_once() -> None:
    """The first one with the first byte behind it, which alone tells it from a body of one line."""
    reader = BodyReader()
    assert reader.feed(b'{"a":1}\n', 1.0) == []
    assert reader.feed(b"{", 2.0) == [Frame(LINE, 0, 8, 1.0, b'{"a":1}')]
    assert reader.feed(b"}\n{}\n{", 3.0) == [Frame(LINE, 8, 11, 3.0, b"{}"), Frame(LINE, 11, 14, 3.0, b"{}")]
    assert reader.close(4.0) == [Frame(JUNK, 14, 15, 4.0, b"{")]


def test_a_pretty_printed_body_is_held_to_its_end() -> None:
    reader = BodyReader()
    for line in PRETTY.splitlines(keepends=True):
        assert reader.feed(line, AT) == []
    assert reader.close(AT) == whole(JSON, PRETTY)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b" {} \r\n\t", {}),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'"\xff"', "\ufffd"),
        (rb'"\ud83d\ude00 \ud83d"', "\U0001f600 \ud83d"),
        (b"1e999", float("inf")),  # JavaScript reads it so, too
        (b"9" * 4000, int("9" * 4000)),
        (b"null", None),
    ],
)
def test_what_is_json(text: bytes, value: object) -> None:
    assert loads(text) == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"  ",
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"{} {}",
        b"{}x",
        b"\x0b{}",
        b"\xa0{}",
        BOM + b"{}",
        b"{'a':1}",
        b'"\n"',
        b"[1,]",
        b"01",
        b"[DONE]",
        DEEP,
        b"9" * 5000,
        b"\xff",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_no_json(text: bytes) -> None:
    with pytest.raises(BrokenJsonError):
        loads(text)


PIECES = st.sampled_from(
    [
        BOM,
        BOM[:1],
        BOM[1:],
        b" ",
        b"\n",
        b"\r",
        b"\t",
        b"<",
        b"{",
        b"}",
        b"[",
        b"]",
        b'{"a":1}',
        b'{"a":1}\n',
        b"{}\r\n",
        b"data: ",
        b"data: {}\n\n",
        b":",
        b"\xff",
        "я".encode(),
        b"text",
        b"[DONE]",
    ]
)
BODIES = st.lists(PIECES | st.binary(max_size=3), max_size=30).map(b"".join)
PLACES = st.lists(st.integers(0, 200), max_size=8)


@given(body=BODIES, places=PLACES, limit=st.sampled_from([8, 16, 40, DEFAULT_LIMIT]))
@example(body=b"\n" * 17 + b"data: a\n\n", places=list(range(20)), limit=16)  # OVERSIZE or not hung on the cuts
@example(body=b"{" + b"x" * 40, places=[9, 30], limit=8)  # so did what was kept of it
def test_any_bytes_give_the_same_frames_however_cut(body: bytes, places: list[int], limit: int) -> None:
    ends = sorted(min(place, len(body)) for place in places)
    portions = [body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True)]
    frames = framed([body], limit=limit)
    assert framed(portions, limit=limit) == frames
    assert framed([body[place : place + 1] for place in range(len(body))], limit=limit) == frames
    check_spans(body, frames)


@given(
    value=st.dictionaries(st.text(), st.text() | st.integers() | st.none(), min_size=1),
    indent=st.sampled_from([None, 2]),
)
def test_any_json_is_one_frame_and_comes_back(value: dict[str, object], indent: int | None) -> None:
    body = json.dumps(value, indent=indent).encode()
    (only,) = framed([body])
    assert only == frame(JSON, body, 0, len(body))
    assert loads(only.data) == value


@given(values=st.lists(st.dictionaries(st.text(), st.integers()), min_size=2))
def test_any_lines_of_json_come_back(values: list[dict[str, int]]) -> None:
    frames = framed([b"".join(json.dumps(value).encode() + b"\n" for value in values)])
    assert {one.kind for one in frames} == {LINE}
    assert [loads(one.data) for one in frames] == values


def retained(reader: object) -> int:
    """The bytes that a reader holds on to."""
    total = 0
    for held in gc.get_referents(reader):
        if isinstance(held, bytes | bytearray):
            total += len(held)
        elif isinstance(held, list | SseDecoder):
            total += retained(held)
    return total


def test_json_is_parsed_no_more_often_than_it_has_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """However a body is cut: what is held is not parsed anew with each piece."""
    parsed: list[int] = []
    real = body_module.loads
    monkeypatch.setattr(body_module, "loads", lambda data: (parsed.append(len(data)), real(data))[1])
    for body, most in [
        (b'{"a":1,\n' * 500, 9 * 500 + 500 * 8),  # at the end: once as a whole, once by lines
        (b'{"a":1}\n' * 500, 7 + 500 * 7),  # the first line, then each line
        (b"{}" + b"\n" * 500, 502),
        (json.dumps({key: list(range(500)) for key in "abc"}, indent=1).encode(), 13000),
    ]:
        parsed.clear()
        framed([body[place : place + 1] for place in range(len(body))])
        assert sum(parsed) <= most


@given(body=BODIES.map(lambda body: body * 9), size=st.integers(1, 20))
@example(body=b" " * 99, size=1)
@example(body=b"{" * 99, size=20)
def test_what_is_held_is_bounded(body: bytes, size: int) -> None:
    reader = BodyReader(limit=SMALL)
    for place in range(0, len(body), size):
        reader.feed(body[place : place + size], AT)
        assert retained(reader) <= 2 * (SMALL + 1)


class WatchedBytes(bytearray):
    """Counts the bytes that were copied out of it."""

    copied = 0

    def __getitem__(self, place: object) -> object:  # type: ignore[override]
        """Counts a slice and gives it."""
        part = super().__getitem__(place)  # type: ignore[call-overload]
        self.copied += len(part)
        return part


class Watched(BodyReader):
    """A reader whose copies are counted."""

    def __init__(self) -> None:
        super().__init__()
        self._held = self.watched = WatchedBytes()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda size: b" " * size, id="white space"),
        pytest.param(lambda size: b"\r" * size, id="cr"),
        pytest.param(lambda size: BOM + b"\n" * size, id="a BOM and white space"),
        pytest.param(lambda size: b" " * size + b"data: a\n\n", id="white space, then a stream"),
        pytest.param(lambda size: b'{"a":"' + b"x" * size + b'"}', id="JSON"),
        pytest.param(lambda size: b"[" * size, id="no JSON"),
        pytest.param(lambda size: b"{}\n" * (size // 3), id="ndjson"),
        pytest.param(lambda size: b'{"a":"' + b"x" * size + b'"}\n{}\n', id="a long line, then another"),
        pytest.param(lambda size: b'{"a":\n' + b"\n" * size + b"1}", id="pretty-printed"),
        pytest.param(lambda size: b"{}" + b"\n" * size, id="an object and blank lines"),
        pytest.param(lambda size: b"<" * size, id="html"),
    ],
)
def test_a_held_byte_is_copied_a_bounded_number_of_times(make: Callable[[int], bytes]) -> None:
    body = make(5000)
    reader = Watched()
    for place in range(len(body)):
        reader.feed(body[place : place + 1], AT)
    reader.close(AT)
    assert reader.watched.copied <= 3 * len(body)
