"""Finds tool calls that stand in an answer's text in the markup of a chat template, unparsed by the server.

`forms` knows how they are written. What stands as `code` within a line only speaks of a call, so that an answer *about*
such markup is not taken for one.
"""

import re

from lumeai_cli.wire.forms import FORMS, Markup, WrittenCall

__all__ = ["MOST_CALLS", "MOST_TEXT", "Markup", "WrittenCall", "written_calls"]

MOST_CALLS = 64
MOST_TEXT = 1024 * 1024


def written_calls(text: str) -> tuple[WrittenCall, ...]:
    """The calls that stand in this text, in order; forms do not overlap: the outermost counts."""
    text = text[:MOST_TEXT]
    found: list[WrittenCall] = []
    for markup, sign, read in FORMS:
        if sign in text:
            found += read(text, markup)
    kept: list[WrittenCall] = []
    ticks = _Ticks(text)
    for call in sorted(found, key=lambda call: (call.start, -call.end)):
        # The calls of one list share its place.
        if kept and call.start < kept[-1].end and (call.start, call.end) != (kept[-1].start, kept[-1].end):
            continue
        if not ticks.around(call):
            kept.append(call)
    return tuple(kept[:MOST_CALLS])


_TICK = re.compile(r"(?<!`)`{1,2}(?!`)")
_NEAR = 1024  # characters within which the closing tick must follow


class _Ticks:
    """Tells whether a call stands as `code` within a line. Calls are asked for in order: each text is read once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._read = 0
        self._many = 0  # ticks of this line up to there

    def around(self, call: WrittenCall) -> bool:
        line = self._text.rfind("\n", self._read, call.start) + 1
        if line:
            self._read, self._many = line, 0
        self._many += sum(1 for _ in _TICK.finditer(self._text, self._read, call.start))
        self._read = call.start
        if self._many % 2 == 0:
            return False
        return "`" in self._text[call.end : call.end + _NEAR].partition("\n")[0]
