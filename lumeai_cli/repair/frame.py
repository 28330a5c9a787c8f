"""Follows what is held back until it may be a whole call, so that it is parsed then and not at every character.

A frame takes the text behind a sign in pieces and says where to look. It knows brackets, strings and closing tags, and
reads nothing: `wire.markup` and `wire.xmltags` do. Each piece is looked at once.
"""

import json
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Protocol

from lumeai_cli.repair.begins import MORE, NO, SPACE, literal, sequence
from lumeai_cli.repair.xmlcall import read
from lumeai_cli.wire.markup import written_calls
from lumeai_cli.wire.xmltags import TagFinder, XmlCall

MOST_LOOKS = 16
"""Times that one frame has its text parsed: a text may be full of closing tags that close nothing."""

Calls = tuple[tuple[str, str], ...]
"""Names and arguments."""


class Look(Enum):
    """What a frame says of the text up to a place."""

    NOT_YET = "the text is no whole call"
    MAYBE = "it may be; if it is none, it may still become one"
    NOW = "it must be one now"
    NEVER = "it can be none any more"


class Frame(Protocol):
    """What all frames do."""

    def feed(self, text: str, at: int) -> tuple[int, Look]:
        """How far the text is taken, from `at`, and what is said of that; a rest is to be fed again with more."""

    def calls(self, held: str, head: int) -> Calls:
        """The calls that are all of this text, none if there is more; the first `head` characters are markup."""

    def ended(self, held: str, head: int) -> Calls:
        """The same of a text that has ended, although the frame was not closed."""

    def hopeless(self, held: str, head: int) -> bool:
        """Whether a text that is none of the calls asked for is whole all the same, so that no more of it helps."""


_BROKEN = "<tool_call>", "</tool_call>"  # between which the parser bears broken JSON
_LEFT = re.compile(r"(?:\s|</?tool_call>)*")


def _in_markup(text: str, head: int) -> Calls:
    """The calls in the markup of a chat template, if the text is nothing else."""
    calls = written_calls(text)
    if not calls or calls[0].start > head or _LEFT.fullmatch(text, calls[-1].end) is None:
        return ()
    return tuple((call.name, call.arguments) for call in calls)


class BracketFrame:
    """JSON, or a call in Python: whole when its brackets are closed.

    With a `closer`, JSON that is broken is whole when that tag comes; `loose`, when its brackets are closed or the text
    has ended. With a `suffix`, nothing is whole without it. `before` is what the parser needs to see before the text.
    """

    __slots__ = (
        "_before",
        "_closed",
        "_closer",
        "_depth",
        "_looks",
        "_loose",
        "_outside",
        "_python",
        "_quote",
        "_strings",
        "_suffix",
    )

    def __init__(
        self, *, closer: str = "", suffix: str = "", before: str = "", python: bool = False, loose: bool = False
    ) -> None:
        self._closer, self._before, self._python, self._loose = closer, before, python, loose
        self._suffix = sequence(SPACE, literal(suffix)) if suffix else None
        more = "<" if closer else "" if python or loose else r"\n"
        self._strings = {quote: re.compile(rf"[{quote}\\{more}]") for quote in ('"', "'")}
        self._outside = re.compile(r"""["'\[\](){}]""" if python else r"[^\s\w.,:+\-]")
        self._depth = 0
        self._quote = ""
        self._closed = False
        self._looks = 0

    def feed(self, text: str, at: int) -> tuple[int, Look]:
        """Follows the brackets, and what stands behind them."""
        while not self._closed:
            mark = (self._strings[self._quote] if self._quote else self._outside).search(text, at)
            if mark is None:
                return len(text), Look.NOT_YET
            sign, at = mark[0], mark.end()
            if sign == "\\" and self._quote:
                if at == len(text):
                    return mark.start(), Look.NOT_YET
                at += 1
            elif sign == "<" and self._closer:
                end = literal(self._closer)(text, mark.start())
                if end == MORE:
                    return mark.start(), Look.NOT_YET
                if end != NO and self._looks < MOST_LOOKS:
                    self._looks += 1
                    return end, Look.MAYBE if self._quote else Look.NOW
            elif self._quote:
                if sign == "\n":
                    return at, Look.NEVER
                self._quote = ""
            elif sign == '"' or (sign == "'" and self._python):
                self._quote = sign
            elif sign in "[{" or (sign == "(" and self._python):
                self._depth += 1
            elif sign in "]}" or (sign == ")" and self._python):
                self._depth -= 1
                if self._depth <= 0:
                    self._closed = True
                    if self._suffix is None:
                        return at, Look.MAYBE if self._closer else Look.NOW
            elif not self._closer:
                return at, Look.NEVER
        return self._behind(text, at)

    def _behind(self, text: str, at: int) -> tuple[int, Look]:
        """Looks for the closing tag behind the brackets."""
        if self._suffix is not None:
            end = self._suffix(text, at)
            return (at, Look.NOT_YET) if end == MORE else (at, Look.NEVER) if end == NO else (end, Look.NOW)
        end = text.find(self._closer, at)
        if end >= 0:
            return end + len(self._closer), Look.NOW
        return _partly(text, at, self._closer), Look.NOT_YET

    def calls(self, held: str, head: int) -> Calls:
        """The calls in the template's markup."""
        calls = _in_markup(self._before + held, head + len(self._before))
        return calls or (self.ended(held, head) if self._loose else ())

    def ended(self, held: str, head: int) -> Calls:
        """Broken JSON whose closing tag never came."""
        if self._loose:
            held, head = f"{_BROKEN[0]}{held[head:]}{_BROKEN[1]}", len(_BROKEN[0])
        return _in_markup(held + self._closer, head) if self._closer or self._loose else ()

    def hopeless(self, held: str, head: int) -> bool:
        """Good JSON becomes a call by no closing tag."""
        if not self._closed:
            return False
        try:
            json.loads(held[head:])
        except (ValueError, RecursionError):
            return False
        return True


class TagFrame:
    """Parameters in tags of their own: whole when a closing tag follows that of the last parameter."""

    __slots__ = ("_alone", "_closers", "_last", "_looks")

    def __init__(self, closers: Sequence[str], last: str, *, alone: bool = True) -> None:
        self._closers = tuple(closers)
        self._last = last  # the closing tag of a parameter
        self._alone = alone  # whether a call without parameters counts
        self._looks = 0

    def feed(self, text: str, at: int) -> tuple[int, Look]:
        """Looks for the closing tags."""
        found = [(place, closer) for closer in self._closers if (place := text.find(closer, at)) >= 0]
        if not found:
            return min(_partly(text, at, closer) for closer in self._closers), Look.NOT_YET
        place, closer = min(found)
        self._looks += 1
        return place + len(closer), Look.MAYBE if self._looks < MOST_LOOKS else Look.NOW

    def calls(self, held: str, head: int) -> Calls:
        """The calls in the template's markup, if a parameter was closed last."""
        return _in_markup(held, head) if self._whole(held, head) else ()

    def ended(self, held: str, head: int) -> Calls:
        """Parameters whose closing tags all came."""
        return self.calls(held, head) if len(held.rstrip()) > head else ()

    def hopeless(self, held: str, head: int) -> bool:
        """What has all its closing tags gets no better."""
        return self._whole(held, head)

    def _whole(self, held: str, head: int) -> bool:
        for closer in self._closers:
            held = held.removesuffix(closer).rstrip()
        return self._alone if len(held) <= head else held.endswith(self._last)


class ToolFrame:
    """The tags of the classic clients: whole when the tool's closing tag comes, outside of its parameters."""

    __slots__ = ("_alone", "_call", "_fed", "_finder", "_name", "_schema")

    def __init__(self, name: str, schema: Mapping[str, Any] | None, *, alone: bool) -> None:
        self._name, self._schema, self._alone = name, schema, alone
        self._finder = TagFinder((name,), properties(schema))
        self._finder.feed(f"<{name}>")
        self._fed = len(name) + 2
        self._call: XmlCall | None = None

    def feed(self, text: str, at: int) -> tuple[int, Look]:
        """Lets the finder of the classic clients' tags find the end."""
        closing = f"</{self._name}>"
        while at < len(text):
            end = text.find(closing, at) + len(closing)  # no further: behind the call, others may follow
            end = end if end >= len(closing) else len(text)
            before = self._fed
            self._fed += end - at
            for piece in self._finder.feed(text[at:end]):
                if isinstance(piece, XmlCall):
                    self._call = piece
                    return at + len(f"<{self._name}>{piece.inner}{closing}") - before, Look.NOW
            at = end
        return len(text), Look.NOT_YET

    def calls(self, held: str, head: int) -> Calls:
        """The call in tags, if its arguments fit."""
        del held, head  # the finder has them
        if self._call is None or not (self._alone or self._call.inner.strip()):
            return ()
        arguments = read(self._call, self._schema)
        return ((self._name, arguments),) if arguments is not None else ()

    def ended(self, held: str, head: int) -> Calls:
        """A call whose own closing tag never came."""
        self._call = next((piece for piece in self._finder.close() if isinstance(piece, XmlCall)), None)
        return self.calls(held, head) if self._call is not None and self._call.inner.strip() else ()

    def hopeless(self, held: str, head: int) -> bool:
        """There is no second look."""
        del held, head
        return True


def properties(schema: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The names of the parameters in a tool's schema."""
    named = schema.get("properties") if schema is not None else None
    return tuple(str(name) for name in named) if isinstance(named, Mapping) else ()


def _partly(text: str, at: int, sign: str) -> int:
    """Where the unfinished sign at the end of the text begins, or its end."""
    place = text.find(sign[0], max(at, len(text) - len(sign) + 1))
    while place >= 0:
        if sign.startswith(text[place:]):
            return place
        place = text.find(sign[0], place + 1)
    return len(text)
