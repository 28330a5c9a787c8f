"""Finds out how a body is framed by its first bytes, never by its headers, and yields its frames.

Headers lie: SSE is labelled JSON, JSON is labelled SSE, or nothing is said at all (measured 2026-11; most SDKs never
look). The first byte that is no white space decides: `<` is a page, `{` or `[` is JSON until proven otherwise, and
everything else is read as server-sent events, whose unknown lines come out as junk.

What begins like JSON is held until it is clear what it is. A first line that is a JSON object by itself, with more
behind it, can be no JSON text any more: from there on it is lines (NDJSON), and each comes out with its last byte.
Anything else is held to its end, where one JSON text becomes one frame and all the rest is read as lines.
"""

import json
import re
from bisect import bisect_left
from typing import Any

from lumeai_cli.wire.frame import Frame, FrameKind
from lumeai_cli.wire.sse import DEFAULT_LIMIT, KEPT_OF_OVERSIZE, SseDecoder

BOM = b"\xef\xbb\xbf"
_WHITE = b" \t\r\n"
_LINE_END = re.compile(rb"[\r\n]")
_INK = re.compile(rb"[^ \t\r\n]")


class BrokenJsonError(ValueError):
    """A text that a strict JSON parser (JavaScript's, say) refuses."""


def _refuse(constant: str) -> Any:
    raise BrokenJsonError(f"{constant} is no JSON")


_parse = json.JSONDecoder(parse_constant=_refuse).raw_decode


def loads(data: bytes) -> Any:
    """The value of a JSON text, or `BrokenJsonError`.

    Strict where JavaScript is strict (no NaN, no Infinity), tolerant where it is tolerant (bytes that are no UTF-8
    become U+FFFD). Nesting or numbers beyond what the parser bears count as broken.
    """
    text = data.decode("utf-8", "replace").strip(" \t\r\n")
    try:
        value, end = _parse(text)
    except BrokenJsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise BrokenJsonError(str(error)) from None
    if end != len(text):
        raise BrokenJsonError(f"text after the value at character {end}")
    return value


class BodyReader:
    """Bytes in, frames out; the same ones however the bytes are split."""

    __slots__ = ("_arrivals", "_first", "_held", "_limit", "_looked", "_mode", "_overflow", "_size", "_sse")

    def __init__(self, *, limit: int = DEFAULT_LIMIT) -> None:
        self._mode = ""  # "" while undecided, then "html", "json" (or lines, as yet), "lines" or "sse"
        self._first = 0  # where the first line of what begins like an object ends; 0: not known, -1: no matter
        self._looked = 0  # how far it was looked for, or for what comes behind it
        self._held = bytearray()  # what came so far, while undecided and for a body that is read as a whole
        self._arrivals: list[tuple[int, float]] = []  # (offset of the end, time) of each piece that is held
        self._size = 0
        self._limit = limit
        self._overflow = False
        self._sse = SseDecoder(limit=limit)

    @property
    def collects(self) -> bool:
        """Whether what comes is held for a body that is read as a whole, as far as one can tell yet."""
        return self._mode in ("json", "html")

    def feed(self, data: bytes, at: float) -> list[Frame]:
        """The frames that are complete with these bytes."""
        if self._mode == "sse":
            return self._sse.feed(data, at)
        if self._mode == "lines":
            return [_as_json_line(frame) for frame in self._sse.feed(data, at)]
        self._size += len(data)
        if self._overflow or not data:
            return []
        self._held += data
        self._arrivals.append((self._size, at))
        if not self._mode:
            self._decide(len(data))
        if self._mode == "sse":
            return self._as_lines()
        if self._mode == "json" and self._first >= 0 and self._goes_on():
            self._mode = "lines"
            return [_as_json_line(frame) for frame in self._as_lines()]
        if len(self._held) > self._limit:
            self._overflow = True
            kept = bytes(self._held[: min(KEPT_OF_OVERSIZE, self._limit)])
            self._held.clear()
            self._arrivals.clear()
            return [Frame(FrameKind.OVERSIZE, 0, self._limit, at, kept)]
        return []

    def close(self, at: float) -> list[Frame]:
        """The frames left when the body has ended."""
        if self._mode == "sse":
            return self._sse.close(at)
        if self._mode == "lines":
            return [_as_json_line(frame) for frame in self._sse.close(at)]
        if self._overflow or not self._held:
            return []
        if self._mode == "html":
            return [self._whole(FrameKind.HTML)]
        if self._mode == "json":
            try:
                loads(bytes(self._held).removeprefix(BOM))
            except BrokenJsonError:
                pass
            else:
                return [self._whole(FrameKind.JSON)]
        return [_as_json_line(frame) for frame in (*self._as_lines(), *self._sse.close(at))]

    def _decide(self, newly: int) -> None:
        """Looks at the first byte that is neither white space nor part of a byte order mark."""
        if BOM.startswith(self._held):
            return
        known = len(self._held) - newly  # these held nothing but white space, or the beginning of a BOM
        if known < len(BOM):
            known = len(BOM) if self._held.startswith(BOM) else 0
        rest = self._held[known:].lstrip(_WHITE)
        if rest and len(self._held) - len(rest) <= self._limit:
            self._mode = {b"<": "html", b"{": "json", b"[": "json"}.get(bytes(rest[:1]), "sse")
            self._first = 0 if rest.startswith(b"{") else -1
            self._looked = len(self._held) - len(rest)

    def _goes_on(self) -> bool:
        """Whether the first line is a JSON object and more than white space follows, all within the limit.

        Every byte is looked at once, and the line is parsed once.
        """
        most = min(len(self._held), self._limit)
        if not self._first:
            end = _LINE_END.search(self._held, self._looked, most)
            if end is None:
                self._looked = most
                return False
            self._first = self._looked = end.start()
        if _INK.search(self._held, self._looked, most) is None:
            self._looked = most
            return False
        line = bytes(self._held[: self._first]).removeprefix(BOM)
        self._first = -1
        return _is_object(line)

    def _as_lines(self) -> list[Frame]:
        """What was held, read again as lines, each piece with its own time."""
        skipped = len(BOM) if self._held.startswith(BOM) else 0
        self._sse = SseDecoder(offset=skipped, limit=self._limit)
        frames: list[Frame] = []
        start = 0
        for end, at in self._arrivals:
            frames += self._sse.feed(bytes(self._held[max(start, skipped) : end]), at)
            start = end
        self._held.clear()
        self._arrivals.clear()
        return frames

    def _whole(self, kind: FrameKind) -> Frame:
        """One frame for the whole body; its time is that of its last byte that is not white space."""
        held = bytes(self._held)
        end = len(held.rstrip(_WHITE))
        place = bisect_left(self._arrivals, (end, float("-inf")))
        return Frame(kind, 0, len(held), self._arrivals[min(place, len(self._arrivals) - 1)][1], held.removeprefix(BOM))


def _as_json_line(frame: Frame) -> Frame:
    """A junk line that is a JSON object is a line of NDJSON."""
    if frame.kind is not FrameKind.JUNK or not _is_object(frame.data):
        return frame
    return Frame(FrameKind.LINE, frame.start, frame.end, frame.at, frame.data)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(loads(line), dict)
    except BrokenJsonError:
        return False
