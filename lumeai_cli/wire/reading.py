"""Everything that was understood of one exchange: the value that profiles judge and diagnoses read."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lumeai_cli.wire.answer import Answer, fold
from lumeai_cli.wire.body import BodyReader, loads
from lumeai_cli.wire.event import BackendError, CallPart, Event, Odd, OddKind, Text, Via
from lumeai_cli.wire.exchange import Asked, Dialect, Ending, Exchange, Headers, header
from lumeai_cli.wire.frame import Frame, FrameKind
from lumeai_cli.wire.openai import events_of
from lumeai_cli.wire.sse import DEFAULT_LIMIT

DEFAULT_FRAMES = 1_000_000

READABLE = ("", "identity", "gzip", "x-gzip", "deflate")
"""Content encodings that the transport undoes."""

_DUE = {Dialect.OLLAMA: Via.OLLAMA, Dialect.ANTHROPIC: Via.ANTHROPIC}


class Shape(StrEnum):
    """How the body as a whole was framed."""

    EMPTY = "empty"
    SSE = "sse"
    JSON = "json"
    NDJSON = "ndjson"
    HTML = "html"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Reading:
    """One exchange, understood. `body` are the bytes that the frames' spans count; times: seconds since the request."""

    exchange: str
    asked: Asked
    status: int | None
    headers: Headers
    headers_at: float | None
    first_byte_at: float | None
    ending: Ending
    shape: Shape
    frames: tuple[Frame, ...]
    events: tuple[Event, ...]
    answer: Answer
    body: bytes
    encoding: str = ""

    @property
    def ok(self) -> bool:
        """Whether an HTTP answer with a success status came."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def content_type(self) -> str:
        """The media type of the body as the server labelled it, without parameters, in lower case."""
        return header(self.headers, "content-type").partition(";")[0].strip().lower()

    def odd(self, *kinds: OddKind) -> tuple[Odd, ...]:
        """The oddities of these kinds, in order."""
        return tuple(event for event in self.events if isinstance(event, Odd) and event.kind in kinds)

    @property
    def document(self) -> Any:
        """The value of a body that is one JSON text, with a byte order mark or without; None for any other body."""
        return loads(self.frames[0].data) if self.shape is Shape.JSON else None

    def framed(self, *kinds: FrameKind) -> tuple[Frame, ...]:
        """The frames of these kinds, in order."""
        return tuple(frame for frame in self.frames if frame.kind in kinds)

    @property
    def data_events(self) -> tuple[Frame, ...]:
        """The frames that an SDK delivers: SSE events that are terminated, hold data, stand before `[DONE]`, and are
        not `[DONE]` itself. Ollama's own API, where that was asked, streams lines of JSON: every line, be it the only
        one.
        """
        if self.asked.dialect is Dialect.OLLAMA:
            return self.framed(FrameKind.LINE, FrameKind.JSON)
        delivered: list[Frame] = []
        for frame in self.frames:
            if frame.done:
                break
            if frame.kind is FrameKind.EVENT and frame.terminated and frame.lines:
                delivered.append(frame)
        return tuple(delivered)

    @property
    def delivered_events(self) -> tuple[Event, ...]:
        """What an SDK's user gets to see: the events of `data_events`, in a body that is no stream all of them."""
        if self.shape is Shape.JSON:
            return self.events
        if self.shape is not Shape.SSE and self.asked.dialect is not Dialect.OLLAMA:
            return ()
        delivered = {id(frame) for frame in self.data_events}
        return tuple(event for event in self.events if id(self.frames[event.frame]) in delivered)

    @property
    def heard(self) -> Answer:
        """The answer as a strict client hears it: what was delivered in the dialect that was asked, under the field
        where it is due. An error is heard in any.
        """
        asked = self.asked.dialect
        due = _DUE.get(asked) or (Via.DELTA if self.shape is Shape.SSE else Via.MESSAGE)
        spoken = {odd.frame: odd.detail for odd in self.odd(OddKind.FOREIGN_DIALECT)}
        return fold(
            event
            for event in self.delivered_events
            if isinstance(event, BackendError)
            or (
                spoken.get(event.frame, Dialect.OPENAI) == asked
                and (not isinstance(event, Text | CallPart) or event.via is due)
            )
        )

    @property
    def readable(self) -> bool:
        """Whether the body's content encoding could be undone."""
        return self.encoding.strip().lower() in READABLE


class Reader:
    """Reads a body as it comes: bytes in, frames and events out. Beyond `frames` frames it reads no further."""

    __slots__ = ("_body", "_most", "events", "frames")

    def __init__(self, *, limit: int = DEFAULT_LIMIT, frames: int = DEFAULT_FRAMES) -> None:
        self._body = BodyReader(limit=limit)
        self._most = frames
        self.frames: list[Frame] = []
        self.events: list[Event] = []

    def feed(self, data: bytes, at: float) -> None:
        """Takes the next bytes of the body."""
        self._take(self._body.feed(data, at))

    def close(self, at: float) -> None:
        """The body has ended, however it did."""
        self._take(self._body.close(at))

    def _take(self, frames: list[Frame]) -> None:
        number = len(self.frames)
        frames = frames[: self._most - number]
        self.frames += frames
        for frame in frames:
            self.events += events_of(frame, number)
            number += 1


def read(exchange: Exchange, *, limit: int = DEFAULT_LIMIT, frames: int = DEFAULT_FRAMES) -> Reading:
    """What this exchange says."""
    reader = Reader(limit=limit, frames=frames)
    for chunk in exchange.chunks:
        reader.feed(chunk.data, chunk.at)
    reader.close(exchange.ending.at)
    return Reading(
        exchange.id,
        exchange.asked,
        exchange.status,
        exchange.headers,
        exchange.headers_at,
        next((chunk.at for chunk in exchange.chunks if chunk.data), None),
        exchange.ending,
        shape_of(tuple(reader.frames)),
        tuple(reader.frames),
        tuple(reader.events),
        fold(reader.events),
        exchange.body,
        exchange.encoding,
    )


def shape_of(frames: tuple[Frame, ...]) -> Shape:
    """How a body with these frames was framed, judged by what a client would look for first."""
    kinds = Counter(frame.kind for frame in frames)
    for kind, shape in (
        (FrameKind.JSON, Shape.JSON),
        (FrameKind.HTML, Shape.HTML),
        (FrameKind.EVENT, Shape.SSE),
        (FrameKind.LINE, Shape.NDJSON),
        (FrameKind.COMMENT, Shape.SSE),
    ):
        if kinds[kind]:
            return shape
    return Shape.TEXT if frames else Shape.EMPTY
