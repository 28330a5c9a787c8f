"""Finds tool calls written as XML tags in an answer's text, by the classic clients' own rules.

Rules of Kilo up to 4.124, Roo and classic Cline (`AssistantMessageParser`, run with the real class, 2025-11): an
exact, lower-case `<tool_name>` counts anywhere in the text, in a code fence and after prose too; attributes, a space
before `>`, other case and escaped brackets do not; parameters are child tags; what is unclosed at the end of the text
is taken as it stands.
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


def find_calls(text: str, names: Sequence[str]) -> tuple[XmlCall, ...]:
    """The calls to these tools, in order; a tool's content is not searched for further tools."""
    if not names:
        return ()
    opening = re.compile("<(" + "|".join(map(re.escape, names)) + ")>")
    calls: list[XmlCall] = []
    position = 0
    while (match := opening.search(text, position)) is not None:
        name = match[1]
        end = text.find(f"</{name}>", match.end())
        if end < 0:
            calls.append(XmlCall(name, text[match.end() :], closed=False))
            break
        calls.append(XmlCall(name, text[match.end() : end], closed=True))
        position = end + len(name) + 3
    return tuple(calls)
