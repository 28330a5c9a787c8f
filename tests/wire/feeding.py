"""Feeds a sample whole, in two pieces cut at every byte, and byte by byte: the reading must be one and the same."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lumeai_cli.wire.answer import Answer, fold
from lumeai_cli.wire.event import Event
from lumeai_cli.wire.frame import Frame, FrameKind
from lumeai_cli.wire.reading import Reader
from lumeai_cli.wire.sse import DEFAULT_LIMIT, SseDecoder

AT = 1.5
"""The time of every byte, where times are not the point."""

CUT_EVERYWHERE = 2000
"""Longer samples are cut in two at some hundred places only."""


T = TypeVar("T")


@dataclass(frozen=True)
class Read:
    """All that the wire core makes of a body."""

    frames: tuple[Frame, ...]
    events: tuple[Event, ...]
    answer: Answer


def read(portions: Iterable[bytes], *, limit: int = DEFAULT_LIMIT) -> Read:
    """The reading of a body that came in these portions."""
    reader = Reader(limit=limit)
    for portion in portions:
        reader.feed(portion, AT)
    reader.close(AT)
    return Read(tuple(reader.frames), tuple(reader.events), fold(reader.events))


def decoded(portions: Iterable[bytes], *, limit: int = DEFAULT_LIMIT) -> tuple[Frame, ...]:
    """The frames that the SSE decoder alone gives for these portions."""
    decoder = SseDecoder(limit=limit)
    frames = [frame for portion in portions for frame in decoder.feed(portion, AT)]
    return (*frames, *decoder.close(AT))


def fed(body: bytes, reads: Callable[[Sequence[bytes]], T]) -> T:
    """What `reads` gives for this body, having asserted that it gives the same however the body is cut."""
    whole = reads([body])
    step = 1 if len(body) <= CUT_EVERYWHERE else len(body) // 100
    for place in range(step, len(body), step):
        assert reads([body[:place], body[place:]]) == whole, f"cut at {place}"
    bytewise = [body[place : place + 1] for place in range(len(body))]
    assert reads(bytewise) == whole, "byte by byte"
    assert reads([piece for one in bytewise for piece in (b"", one)]) == whole, "with empty chunks between"
    return whole


def check_spans(body: bytes, frames: Iterable[Frame]) -> None:
    """Spans hold what their frames hold, and lie behind one another. Only a line within an unfinished event, which
    comes out before that event does, lies inside the event's span.
    """
    before: list[Frame] = []
    for frame in frames:
        assert 0 <= frame.start < frame.end <= len(body)
        assert _holds(body[frame.start : frame.end], frame.data)
        while before and before[-1].start >= frame.start:
            inner = before.pop()
            assert inner.kind in (FrameKind.COMMENT, FrameKind.JUNK, FrameKind.LINE)
            assert frame.kind in (FrameKind.EVENT, FrameKind.OVERSIZE)
            assert inner.end <= frame.end
        assert not before or before[-1].end <= frame.start
        before.append(frame)
    assert sum(frame.end - frame.start for frame in before) <= len(body)


def _holds(span: bytes, data: bytes) -> bool:
    """Whether the span holds these bytes, at least line by line and in order."""
    if data in span:
        return True
    place = 0
    for line in data.split(b"\n"):
        place = span.find(line, place)
        if place < 0:
            return False
        place += len(line)
    return True


def whole_event(data: bytes, start: int, end: int, *, name: str = "", lines: int = 1) -> Frame:
    """A finished event."""
    return Frame(FrameKind.EVENT, start, end, AT, data, name=name, lines=lines)


def open_event(data: bytes, start: int, end: int, *, name: str = "", lines: int = 1) -> Frame:
    """An event whose blank line never came."""
    return Frame(FrameKind.EVENT, start, end, AT, data, name=name, lines=lines, terminated=False)


def frame(kind: FrameKind, data: bytes, start: int, end: int) -> Frame:
    """A frame of another kind."""
    return Frame(kind, start, end, AT, data)
