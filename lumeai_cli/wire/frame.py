"""One unit of framing, with its place in the body and the time of its last byte."""

from dataclasses import dataclass
from enum import StrEnum


class FrameKind(StrEnum):
    """What kind of unit it is. Clients that stream act on `EVENT` alone."""

    EVENT = "event"  # an SSE event
    COMMENT = "comment"  # an SSE comment line: a sign of life, nothing more
    JUNK = "junk"  # a line that is no SSE field, or plain text: every client skips it
    JSON = "json"  # the whole body is one JSON text
    LINE = "line"  # one line of JSON without `data:` (NDJSON)
    HTML = "html"  # the whole body is a page
    OVERSIZE = "oversize"  # longer than the reader's limit: only its beginning was kept


@dataclass(frozen=True, slots=True)
class Frame:
    """`data` is the payload: an event's data lines joined by a newline, a comment's text, a body.

    `start` and `end` are byte offsets in the body; the ends only grow, and a comment or any other line within an event
    comes out before it, its span inside the event's. `terminated` is false for an event whose blank line never came:
    by the standard it is no event, and no client sees it. `lines` counts an event's data lines. `name` is the value
    of its `event:` field.
    """

    kind: FrameKind
    start: int
    end: int
    at: float
    data: bytes
    name: str = ""
    lines: int = 1
    terminated: bool = True

    @property
    def done(self) -> bool:
        """Whether it is the `[DONE]` that ends an OpenAI stream (SDKs test the beginning only)."""
        return self.kind is FrameKind.EVENT and self.data.startswith(b"[DONE]")
