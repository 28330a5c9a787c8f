"""A reading holds all that one exchange says."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.wire.answer import fold
from lumeai_cli.wire.event import BackendError, Done, Odd, OddKind, Text, Via
from lumeai_cli.wire.exchange import Asked, Chunk, Dialect, Ending, EndingKind, Exchange
from lumeai_cli.wire.frame import FrameKind
from lumeai_cli.wire.reading import Reader, Reading, Shape, read
from tests.wire import feeding
from tests.wire.feeding import check_spans, fed

ASKED = Asked("stream", "http://t/v1/chat/completions", stream=True)


def exchange(
    *chunks: tuple[float, bytes],
    status: int | None = 200,
    headers: tuple[tuple[str, str], ...] = (),
    kind: EndingKind = EndingKind.CLEAN,
) -> Exchange:
    """An exchange whose body came in these chunks."""
    pieces = tuple(Chunk(at, data) for at, data in chunks)
    return Exchange("e1", ASKED, status, headers, 0.5, pieces, Ending(kind, 9.0))


def reading(body: bytes) -> Reading:
    """The reading of a body that came at once."""
    return read(exchange((1.0, body)))


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        (b"", Shape.EMPTY),
        (b"\n\r\n", Shape.EMPTY),
        (b" ", Shape.TEXT),
        (b"data: {}\n\n", Shape.SSE),
        (b"data: {}", Shape.SSE),
        (b"data: [DONE]\n\n", Shape.SSE),
        (b": ping\n\n", Shape.SSE),
        (b"retry: 1\n\n", Shape.SSE),
        (b"<html>", Shape.HTML),
        (b"{}", Shape.JSON),
        (b" [\n]\n", Shape.JSON),
        (b"\xef\xbb\xbf{}", Shape.JSON),
        (b"{}\n{}\n", Shape.NDJSON),
        (b"{}\n{", Shape.NDJSON),
        (b"{}\n: ping\n", Shape.NDJSON),
        (b"{}\ndata: [DONE]\n\n", Shape.SSE),
        (b"text\n: ping\n", Shape.SSE),
        (b"text", Shape.TEXT),
        (b"{", Shape.TEXT),
    ],
)
def test_the_shape_of(body: bytes, shape: Shape) -> None:
    assert fed(body, lambda portions: read(exchange(*((1.0, portion) for portion in portions))).shape) is shape


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b" [1]\n", [1]),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"\xef\xbb\xbf \n[]", []),
        (b"{}\n{}\n", None),
        (b"data: {}\n\n", None),
        (b"{", None),
        (b"", None),
    ],
)
def test_one_json_text_is_a_document(body: bytes, value: object) -> None:
    """With a byte order mark or without; a stream, lines and what is broken are none."""
    assert reading(body).document == value


def test_what_is_too_long_to_hold_has_the_shape_of_text() -> None:
    assert read(exchange((1.0, b"{" + b" " * 99)), limit=16).shape is Shape.TEXT


def test_a_reading_keeps_what_was_asked_and_how_it_ended() -> None:
    told = exchange(
        (1.0, b""),
        (2.0, b'data: {"choices":[{"delta":{"content":"a"}}]}\n'),
        (3.0, b"\n"),
        headers=(("Content-Type", "Text/Event-Stream; charset=utf-8"),),
        kind=EndingKind.CUT,
    )
    made = read(told)
    assert (made.exchange, made.asked, made.status, made.headers_at) == ("e1", ASKED, 200, 0.5)
    assert made.ending == Ending(EndingKind.CUT, 9.0)
    assert made.body == told.body
    assert made.content_type == "text/event-stream"
    assert made.first_byte_at == 2.0, "an empty chunk brings no byte"
    assert made.events == (Text(0, 3.0, "a"),)
    assert made.answer == fold(made.events)
    assert made.answer.first_content_at == 3.0


def test_what_is_left_at_the_end_has_the_time_of_the_end() -> None:
    assert [frame.at for frame in read(exchange((1.0, b"data: {}"))).frames] == [9.0]


def test_no_answer_at_all_is_a_reading_too() -> None:
    made = read(exchange(status=None, kind=EndingKind.REFUSED))
    assert (made.ok, made.shape, made.first_byte_at, made.content_type) == (False, Shape.EMPTY, None, "")
    assert (made.frames, made.events, made.body) == ((), (), b"")


@pytest.mark.parametrize(
    ("status", "ok"), [(None, False), (199, False), (200, True), (204, True), (299, True), (300, False), (500, False)]
)
def test_ok_is_a_success_status(status: int | None, *, ok: bool) -> None:
    assert read(exchange(status=status)).ok is ok


def test_oddities_and_frames_are_found_by_their_kinds() -> None:
    made = reading(b': c\n\ndata: {"choices":[]}\n\ndata: {\n\njunk\n')
    empty, broken = made.odd(OddKind.BROKEN_JSON, OddKind.EMPTY_CHOICES)
    assert (empty.frame, empty.kind) == (1, OddKind.EMPTY_CHOICES)
    assert (broken.frame, broken.kind) == (2, OddKind.BROKEN_JSON)
    assert made.odd(OddKind.NO_DELTA) == ()
    assert [frame.data for frame in made.framed(FrameKind.COMMENT, FrameKind.JUNK)] == [b"c", b"junk"]
    assert made.framed(FrameKind.HTML) == ()
    assert all(isinstance(odd, Odd) for odd in made.odd(*OddKind))


@pytest.mark.parametrize(
    ("body", "delivered"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data: a\n\ndata: b\n", [b"a"]),
        (b"data: a\n\ndata: [DONE]\n\ndata: b\n\n", [b"a"]),
        (b"data: [DONE]\n\n", []),
        (b": c\n\njunk\ndata: a\n\n", [b"a"]),
        (b"retry: 3\n\nevent: e\n\ndata: a\n\n", [b"a"]),
        (b"data:\n\n", [b""]),
        (b'{"a":1}\n{"b":2}\n', []),
        (b'{"a":1}', []),
    ],
)
def test_an_sdk_delivers(body: bytes, delivered: list[bytes]) -> None:
    assert [frame.data for frame in reading(body).data_events] == delivered


def native(dialect: Dialect, body: bytes) -> Reading:
    """The reading of an answer to a request in this dialect."""
    return read(replace(exchange((1.0, body)), asked=replace(ASKED, dialect=dialect)))


CHUNK = b'{"choices":[{"delta":{"content":"a","reasoning":"r"},"finish_reason":"stop"}]}'
COMPLETION = b'{"choices":[{"message":{"content":"a","reasoning":"r"},"finish_reason":"stop"}]}'
LINE = b'{"model":"m","message":{"role":"assistant","content":"a","thinking":"r"},"done":true,"done_reason":"stop"}'
DELTA = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}'
END = b'{"type":"message_delta","delta":{"stop_reason":"end_turn"}}'
THOUGHT = b'{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"r"}}'
MESSAGE = (
    b'{"type":"message","content":[{"type":"thinking","thinking":"r"},{"type":"text","text":"a"}],'
    b'"stop_reason":"end_turn"}'
)
ANTHROPIC_STREAM = b"".join(b"event: e\ndata: " + data + b"\n\n" for data in (THOUGHT, DELTA, END))
LAST = b'{"model":"m","created_at":"t","done":true}'


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        pytest.param(Dialect.OPENAI, b"data: " + CHUNK + b"\n\n", id="openai, streamed"),
        pytest.param(Dialect.OPENAI, COMPLETION, id="openai, plain"),
        pytest.param(Dialect.OLLAMA, LINE + b"\n" + LAST, id="ollama, streamed"),
        pytest.param(Dialect.OLLAMA, LINE + b"\n", id="ollama, plain or one line"),
        pytest.param(Dialect.ANTHROPIC, ANTHROPIC_STREAM, id="anthropic, streamed"),
        pytest.param(Dialect.ANTHROPIC, MESSAGE, id="anthropic, plain"),
    ],
)
def test_what_is_said_in_a_dialect_is_heard_where_it_was_asked(dialect: Dialect, body: bytes) -> None:
    """Everybody understands it; nobody else hears a word of it, nor the thought, nor the end."""
    for asked in Dialect:
        made = native(asked, body)
        assert (made.answer.text, made.answer.reasoning, made.answer.finish) == ("a", "r", "stop")
        heard = made.heard
        expected = ("a", "r", "stop") if asked is dialect else ("", "", "")
        assert (heard.text, heard.reasoning, heard.finish) == expected


@pytest.mark.parametrize("asked", Dialect)
def test_an_error_is_heard_in_any_dialect(asked: Dialect) -> None:
    for body in (b'{"error":"no"}', b'{"error":{"message":"no"}}', b'{"type":"error","error":{"message":"no"}}'):
        (error,) = native(asked, body).heard.errors
        assert error.message == "no"


@pytest.mark.parametrize(
    ("body", "delivered"),
    [
        (LINE + b"\n" + LAST + b"\n", [LINE, LAST]),
        (LINE, [LINE]),
        (LINE + b"\n" + LAST, [LINE, LAST]),
        (LINE + b"\nno\n" + LAST + b"\n", [LINE, LAST]),
        (LINE + b"\n{", [LINE]),
        (b"data: " + LINE + b"\n\n", []),
        (LINE + b"\ndata: [DONE]\n\n" + LAST + b"\n", [LINE, LAST]),
        (b"no", []),
    ],
)
def test_of_ollamas_own_api_every_line_is_delivered(body: bytes, delivered: list[bytes]) -> None:
    made = native(Dialect.OLLAMA, body)
    assert [frame.data for frame in made.data_events] == delivered
    lines = [event for event in made.delivered_events if isinstance(event, Text | Done)]
    assert len(lines) == delivered.count(LINE) * 2 + delivered.count(LAST)


def test_an_error_line_after_some_text_is_heard() -> None:
    part = LINE.replace(b"true", b"false")
    made = native(Dialect.OLLAMA, part + b'\n{"error":"the model broke"}\n')
    assert made.heard.errors == (BackendError(1, 1.0, "the model broke", shape="string"),)
    assert made.heard.text == "a"


def test_lines_are_understood_as_they_come() -> None:
    reader = Reader()
    reader.feed(LINE + b"\n" + LAST[:9], 1.0)
    assert [event for event in reader.events if isinstance(event, Text)] == [Text(0, 1.0, "a", Via.OLLAMA)]
    reader.feed(LAST[9:] + b"\n", 2.0)
    assert reader.events[-1] == Done(1, 2.0)


def test_beyond_the_most_frames_nothing_is_read() -> None:
    chunks = [(float(at), b'data: {"choices":[]}\n\n' * 3) for at in range(5)]
    made = read(exchange(*chunks), frames=7)
    assert [frame.at for frame in made.frames] == [0.0] * 3 + [1.0] * 3 + [2.0]
    assert [event.frame for event in made.events] == list(range(7))
    assert len(made.body) == 5 * 3 * 22


def test_events_come_with_their_frames() -> None:
    reader = Reader()
    reader.feed(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: {"cho', 1.0)
    assert reader.events == [Text(0, 1.0, "a")]
    reader.feed(b'ices":[{"delta":{"content":"b"}}]}\n\n', 2.0)
    assert reader.events == [Text(0, 1.0, "a"), Text(1, 2.0, "b")]


SAID = b'{"choices":[{"index":0,"delta":{"role":"assistant","content":"\xd1\x8f"}}]}'
PIECES = st.sampled_from(
    [
        LINE,
        LAST + b"\n",
        DELTA,
        SAID,
        b"data: " + SAID + b"\n\n",
        b"data: ",
        b"\n",
        b"\r\n",
        b"\r",
        b": ping\n\n",
        b'{"error":"no"}',
    ]
)
BODIES = st.lists(
    PIECES | st.sampled_from([b"data: [DONE]\n\n", b"event: error\n", b" ", b"{", b"<"]) | st.binary(max_size=3)
)


@given(
    body=BODIES.map(b"".join), places=st.lists(st.integers(0, 400), max_size=8), limit=st.sampled_from([16, 90, 10**6])
)
def test_any_body_gives_the_same_reading_however_cut(body: bytes, places: list[int], limit: int) -> None:
    ends = sorted(min(place, len(body)) for place in places)
    portions = [body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True)]
    whole = feeding.read([body], limit=limit)
    assert feeding.read(portions, limit=limit) == whole
    assert feeding.read([body[place : place + 1] for place in range(len(body))], limit=limit) == whole
    check_spans(body, whole.frames)


@given(body=st.binary(max_size=200))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    made = reading(body)
    check_spans(body, made.frames)
    assert (made.shape is Shape.EMPTY) == (not made.frames)


TEXTS = st.text(st.characters(), min_size=1, max_size=8)


@given(
    texts=st.lists(TEXTS, min_size=1, max_size=8), size=st.integers(1, 99), end=st.sampled_from([b"\n", b"\r", b"\r\n"])
)
def test_a_streamed_text_comes_back(texts: list[str], size: int, end: bytes) -> None:
    """Any text at all: line separators, lone surrogates, control characters."""
    body = b"".join(
        b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}).encode() + end * 2 for text in texts
    )
    made = read(exchange(*((float(at), body[at : at + size]) for at in range(0, len(body), size))))
    assert made.answer.text == "".join(json.loads(json.dumps(text)) for text in texts)
    assert made.odd(*OddKind) == ()
