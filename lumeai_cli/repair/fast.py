"""Skims a healthy stream: what differs from a frame that was read and found healthy by its text alone is healthy, too.

Servers write their chunks from one pattern: of two neighbours everything is equal but the content's text. A frame whose
bytes before and behind that text are those of a frame that was decoded, and whose text is a valid JSON string, says a
text and nothing else; it passes without being decoded again.
"""

import re
from dataclasses import dataclass

from lumeai_cli.repair.lane import Passing, Same, TextLane
from lumeai_cli.wire.body import BrokenJsonError, loads
from lumeai_cli.wire.frame import Frame

_KEY = re.compile(rb'"content"\s*:\s*"')
_STRING = re.compile(rb'[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+')
_BLANK = re.compile(rb"(?:\s|\\[nrt])*+")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


VAIN = 16
"""Patterns that no frame follows, after which none is looked for."""


@dataclass(frozen=True, slots=True)
class Skimmed:
    """`passed` bytes pass as they are, up to `taken` they are dealt with, and `pieces` is what the rest says."""

    passed: int
    taken: int
    pieces: list[Passing]


class Skimmer:
    """`learn` a healthy frame, then `skim` what comes; `ready` says that there is a pattern to go by.

    Of a server that writes every frame differently (an id or a time of its own in each) nothing is learnt any more, and
    `hopes` is false. `spoke` is set by text that is more than white space, for whoever clears it.
    """

    __slots__ = ("_after", "_before", "_in_vain", "hopes", "ready", "spoke")

    def __init__(self) -> None:
        self._before = b""
        self._after = b""
        self._in_vain = 0  # patterns that no frame followed, in a row
        self.hopes = True
        self.ready = False
        self.spoke = False

    def learn(self, frame: Frame, raw: bytes, text: str) -> None:
        """Takes this frame, which says this text alone, as the pattern, if it is written as simply as most are."""
        self.ready = False
        if (
            not self.hopes
            or not raw.startswith(b"data:")
            or not raw.endswith(b"}\n\n")
            or raw.count(b"\n") != 2
            or frame.lines != 1
        ):
            return
        keys = list(_KEY.finditer(raw))
        if len(keys) != 1:
            return
        start = keys[0].end()
        string = _STRING.match(raw, start)
        if string is None or raw[string.end() : string.end() + 1] != b'"':
            return
        try:
            if loads(b'"' + string[0] + b'"') != text:
                return
        except BrokenJsonError:
            return
        self._before, self._after, self.ready = raw[:start], raw[string.end() :], True

    def skim(self, data: bytes, place: int, lane: TextLane | None) -> Skimmed:
        """Takes the frames that follow the pattern, from this place on and as far as they go; a frame begins there.

        With a lane their text is looked at there, and one that it holds or changes ends it: what the lane makes of that
        one is in `pieces`.
        """
        size, first = len(data), place
        before, after = self._before, self._after
        while place < size:
            end = data.find(b"\n\n", place) + 2
            if end < 2:  # no more than the beginning of a frame
                return Skimmed(place, place, [])
            if not data.startswith(before, place) or not data.endswith(after, place, end):
                break
            start, stop = place + len(before), end - len(after)
            string = _STRING.match(data, start, stop) if start < stop else None
            if string is None or string.end() != stop:
                break
            inner = string[0]
            if not inner.isascii() or _SURROGATE.search(inner):
                try:
                    loads(b'"' + inner + b'"').encode()
                    inner.decode()
                except (UnicodeError, BrokenJsonError):
                    break
            if not self.spoke:
                self.spoke = not _BLANK.fullmatch(inner)
            if lane is not None:
                text = loads(b'"' + inner + b'"') if b"\\" in inner else inner.decode()
                frame = Same(data[place:end], text)
                pieces = lane.feed(text, frame.raw)
                if pieces != [frame]:
                    return Skimmed(place, end, pieces)
            place = end
            self._in_vain = 0
        if place == first:
            self._in_vain += 1
            self.hopes = self._in_vain < VAIN
        return Skimmed(place, place, [])
