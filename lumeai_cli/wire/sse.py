"""Decodes server-sent events from bytes, exactly as the standard has it, and keeps what others hide.

Rules (WHATWG HTML, "Server-sent events"; how the SDKs read them: measured 2026-11 with openai-node, openai-python and
the AI SDK): lines end in LF, CR or CRLF and nothing else; one leading space of a value goes; a blank line ends an
event; an event without its blank line is none (`terminated=False` here); an unknown field is skipped (`JUNK` here).

The same frames come out however the bytes are split. A CR at the very end of what has arrived waits for the next byte,
which alone can tell whether an LF belongs to it. Every byte is looked at a bounded number of times.
"""

import re

from lumeai_cli.wire.frame import Frame, FrameKind

DEFAULT_LIMIT = 16 * 1024 * 1024
"""Bytes that one line or one event may hold; what is longer becomes one `OVERSIZE` frame with its beginning, and the
rest of such an event is thrown away. Limits under eight bytes are not supported."""

KEPT_OF_OVERSIZE = 1024

_EOL = re.compile(rb"\r\n|\n|\r")
_ONE_LINE_EVENT = re.compile(rb"data:([^\r\n]*+)\n\n")
_FIELD = re.compile(rb"(?:data|event|id|retry):")
_FIELDS = (b"data", b"event", b"id", b"retry")


class SseDecoder:
    """Bytes in, frames out. `offset` is the place of the first byte in the body."""

    __slots__ = (
        "_block",
        "_block_size",
        "_block_start",
        "_limit",
        "_line_start",
        "_lost",
        "_name",
        "_oversize",
        "_pieces",
        "_size",
    )

    def __init__(self, *, offset: int = 0, limit: int = DEFAULT_LIMIT) -> None:
        self._pieces: list[bytes] = []  # the unfinished line
        self._size = 0  # its bytes
        self._line_start = offset
        self._block: list[bytes] | None = None  # the data lines of the unfinished event; None: no event is open
        self._block_size = 0
        self._block_start = offset
        self._name = ""
        self._oversize = False  # the rest of the unfinished line is thrown away
        self._lost = False  # the rest of the unfinished event is thrown away
        self._limit = limit

    def feed(self, data: bytes, at: float) -> list[Frame]:
        """The frames that end within these bytes, which arrived at this time."""
        frames: list[Frame] = []
        if not data:
            return frames
        held_cr = bool(self._pieces) and self._pieces[-1].endswith(b"\r")
        if not held_cr and b"\n" not in data and b"\r" not in data:
            self._hold(data, at, frames)
            return frames
        self._pieces.append(data)
        self._scan(b"".join(self._pieces), at, frames, closing=False)
        return frames

    def close(self, at: float) -> list[Frame]:
        """The frames left over when the body ends: what never got its blank line comes with `terminated=False`."""
        frames: list[Frame] = []
        self._scan(b"".join(self._pieces), at, frames, closing=True)
        rest = b"".join(self._pieces)
        if rest and not self._oversize:
            self._line(rest, self._line_start, self._line_start + len(rest), at, frames)
        end = self._line_start + self._size
        if self._block is not None:
            frames.append(self._event(end, at, terminated=False))
        self._pieces, self._size, self._line_start = [], 0, end
        return frames

    def _scan(self, buffer: bytes, at: float, frames: list[Frame], *, closing: bool) -> None:
        """Takes every complete line of the buffer and holds back the rest."""
        base = self._line_start
        position = 0
        usable = len(buffer)
        if not closing and buffer.endswith(b"\r"):
            usable -= 1
        while True:
            if self._block is None and not self._oversize and not self._lost:
                position = self._take_plain_events(buffer, position, base, at, frames)
            match = _EOL.search(buffer, position)
            if match is None or match.start() >= usable:
                break
            line = buffer[position : match.start()]
            start, end = base + position, base + match.end()
            position = match.end()
            if self._oversize:
                self._oversize = False
            elif line:
                self._line(line, start, end, at, frames)
            elif self._block is not None:
                frames.append(self._event(end, at, terminated=True))
            else:
                self._lost = False
        self._line_start = base + position
        self._pieces, self._size = [], 0
        if position < len(buffer):
            self._hold(buffer[position:], at, frames)

    def _take_plain_events(self, buffer: bytes, position: int, base: int, at: float, frames: list[Frame]) -> int:
        """The common case, an event of one `data:` line and LF line ends, in one regular expression."""
        take = _ONE_LINE_EVENT.scanner(buffer, position).match  # type: ignore[attr-defined]
        most = self._limit - len(b"data:")
        while (match := take()) is not None:
            data = match[1]
            if len(data) > most:
                break
            start, position = position, match.end()
            if data[:1] == b" ":
                data = data[1:]
            frames.append(Frame(FrameKind.EVENT, base + start, base + position, at, data))
        return position

    def _hold(self, data: bytes, at: float, frames: list[Frame]) -> None:
        """Keeps the beginning of an unfinished line, within the limit; a CR at its end is none of its bytes."""
        self._size += len(data)
        self._pieces.append(data)
        if not self._oversize and self._size - data.endswith(b"\r") > self._limit:
            self._give_up(b"".join(self._pieces), self._line_start, self._line_start + self._limit, at, frames)
            self._oversize = True
        if self._oversize:
            end = self._line_start + self._size
            self._pieces = [b"\r"] if data.endswith(b"\r") else []
            self._size = len(self._pieces)
            self._line_start = end - self._size

    def _give_up(self, kept: bytes, start: int, end: int, at: float, frames: list[Frame]) -> None:
        frames.append(Frame(FrameKind.OVERSIZE, start, end, at, kept[: min(KEPT_OF_OVERSIZE, self._limit)]))
        self._lost = self._lost or self._block is not None or _FIELD.match(kept) is not None
        self._block, self._block_size, self._name = None, 0, ""

    def _line(self, line: bytes, start: int, end: int, at: float, frames: list[Frame]) -> None:
        """One line without its end; never empty."""
        if len(line) > self._limit:
            self._give_up(line, start, start + self._limit, at, frames)
            return
        field, colon, value = line.partition(b":")
        if not field and colon:
            frames.append(Frame(FrameKind.COMMENT, start, end, at, value.removeprefix(b" ")))
            return
        if field not in _FIELDS:
            frames.append(Frame(FrameKind.JUNK, start, end, at, line))
            return
        if self._lost:
            return
        if self._block is None:
            self._block, self._block_size, self._block_start, self._name = [], 0, start, ""
        value = value.removeprefix(b" ")
        if field == b"data":
            self._block.append(value)
            self._block_size += len(value) + 1
            if self._block_size > self._limit:
                self._give_up(b"\n".join(self._block), self._block_start, end, at, frames)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")

    def _event(self, end: int, at: float, *, terminated: bool) -> Frame:
        lines = self._block or []
        frame = Frame(
            FrameKind.EVENT,
            self._block_start,
            end,
            at,
            b"\n".join(lines),
            name=self._name,
            lines=len(lines),
            terminated=terminated,
        )
        self._block, self._block_size, self._name = None, 0, ""
        return frame
