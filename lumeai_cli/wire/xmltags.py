"""Finds tool calls written as XML tags in an answer's text, by the classic clients' own rules.

Rules of Kilo up to 4.124, Roo and classic Cline (`AssistantMessageParser`, run with the real class, 2025-11): an
exact, lower-case `<tool_name>` counts anywhere in the text, in a code fence and after prose too; attributes, a space
before `>`, other case and escaped brackets do not; parameters are child tags; what is unclosed at the end of the text
is taken as it stands. Not all that they find is run: only the first tool of a message.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class XmlCall:
    """One call: the tool's name, the text between its tags, and whether the closing tag came."""

    name: str
    inner: str
    closed: bool

    def parameter(self, name: str) -> str | None:
        """The value of a parameter's child tag, up to its last closing tag; None if there is no such tag."""
        start = self.inner.find(f"<{name}>")
        if start < 0:
            return None
        start += len(name) + 2
        end = self.inner.rfind(f"</{name}>")
        return (self.inner[start:end] if end >= start else self.inner[start:]).strip("\n")


def find_calls(text: str, names: Sequence[str], parameters: Sequence[str] = ()) -> tuple[XmlCall, ...]:
    """The calls to these tools, in order; a tool's content is not searched for further tools."""
    finder = TagFinder(names, parameters)
    return tuple(piece for piece in (*finder.feed(text), *finder.close()) if isinstance(piece, XmlCall))


class TagFinder:
    """Finds the calls in a text that arrives in pieces: text in, plain text and calls out.

    What comes out tells the whole text, in order, and is the same however that was cut, but for the cuts in the plain
    text. Held back is as little as can be: what may be the beginning of a tool's tag, and a call until it is closed.
    How long a call may grow is for its caller to say (the classic clients give up at 1 MiB).

    A call ends with the first closing tag of its tool. With `parameters`, the names of their tags, the closing tag of
    a tool within the value of a parameter is a part of that value, as the classic clients have it: a file may hold the
    tag with which it is written.
    """

    __slots__ = ("_inner", "_known", "_name", "_names", "_parameter", "_parameters", "_tail")

    def __init__(self, names: Sequence[str], parameters: Sequence[str] = ()) -> None:
        self._names = _fit(names)
        self._parameters = _fit(parameters)
        self._known: dict[tuple[str, str], _Tags] = {}  # what to look for inside this tool, inside this parameter
        self._name = ""  # the open tool
        self._parameter = ""  # its open parameter
        self._inner: list[str] = []  # what the open tool holds so far
        self._tail = ""  # the beginning of a tag, perhaps

    @property
    def held(self) -> str:
        """The text that came and is not given out yet."""
        opening = f"<{self._name}>" if self._name else ""
        return opening + "".join(self._inner) + self._tail

    def feed(self, text: str) -> list[str | XmlCall]:
        """What is certain with this piece: plain texts, never empty, and closed calls."""
        text = self._tail + text
        pieces: list[str | XmlCall] = []
        position = 0
        while (match := self._tags().pattern.search(text, position)) is not None:
            self._take(text, position, match, pieces)
            position = match.end()
        end = self._tags().begins(text, position)
        if position < end:
            (self._inner if self._name else pieces).append(text[position:end])
        self._tail = text[end:]
        return pieces

    def close(self) -> list[str | XmlCall]:
        """What is left when the text has ended: an open call, taken as it stands, or the beginning of no tag."""
        tail, self._tail = self._tail, ""
        if self._name:
            return [self._call(tail, closed=False)]
        return [tail] if tail else []

    def _take(self, text: str, position: int, match: re.Match[str], pieces: list[str | XmlCall]) -> None:
        """Takes the text up to a tag, and the tag."""
        tag, before = match[0], text[position : match.start()]
        if not self._name:
            if before:
                pieces.append(before)
            self._name = tag[1:-1]
        elif self._parameter:
            self._inner.append(before + tag)
            self._parameter = ""
        elif tag[1] == "/":
            pieces.append(self._call(before, closed=True))
        else:
            self._inner.append(before + tag)
            self._parameter = tag[1:-1]

    def _call(self, last: str, *, closed: bool) -> XmlCall:
        call = XmlCall(self._name, "".join((*self._inner, last)), closed=closed)
        self._name, self._parameter, self._inner = "", "", []
        return call

    def _tags(self) -> "_Tags":
        place = self._name, self._parameter
        if place not in self._known:
            if self._parameter:
                tags = [f"</{self._parameter}>"]
            elif self._name:
                tags = [f"</{self._name}>", *(f"<{name}>" for name in self._parameters)]
            else:
                tags = [f"<{name}>" for name in self._names]
            self._known[place] = _Tags(tags)
        return self._known[place]


class _Tags:
    """The tags that count in one place, and the beginnings of them."""

    __slots__ = ("_beginnings", "_longest", "pattern")

    def __init__(self, tags: Sequence[str]) -> None:
        self.pattern = re.compile("|".join(map(re.escape, tags)) or "(?!)")
        self._beginnings = frozenset(tag[:size] for tag in tags for size in range(1, len(tag)))
        self._longest = max(map(len, tags), default=1) - 1

    def begins(self, text: str, position: int) -> int:
        """Where the unfinished tag at the end of this text begins, or the end."""
        place = text.rfind("<", max(position, len(text) - self._longest))
        return place if place >= 0 and text[place:] in self._beginnings else len(text)


def _fit(names: Sequence[str]) -> tuple[str, ...]:
    """The names that a tag can have."""
    return tuple(name for name in names if name and not {"<", ">"} & set(name))
