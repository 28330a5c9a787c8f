"""Parts a thought at the head of an answer, `<think>...</think>`, from the answer while both are still coming.

The tag counts only before all other text, as the classic clients have it (`wire.think` has their exact rules, with the
white space in front that models write, too). While it is open, all that comes is thought.

Some chat templates end a prompt with the opening tag, and the answer holds the closing one alone. What stands before it
has gone out by then where the answer is a stream; of a whole one it is parted (`without_opening`).
"""

import re
from dataclasses import dataclass

from lumeai_cli.repair.ink import shows

# Every tag is bounded, so that what is held back is, and a text reads the same however it comes.
_HEAD = re.compile(r"\s{0,32}< {0,4}think {0,4}>")
_CLOSING = re.compile(r"\s{0,32}< {0,4}/ {0,4}think {0,4}>")
_BEGINS = re.compile(r"\s{0,32}(?:<(?: {0,4}(?:/ {0,4})?(?:t(?:h(?:i(?:n(?:k {0,4})?)?)?)?)?)?)?\Z")
_TAG = re.compile(r"< {0,4}(?P<closing>/ {0,4})?think {0,4}>")
_TAG_BEGINS = re.compile(r"<(?: {0,4}(?:/ {0,4})?(?:t(?:h(?:i(?:n(?:k {0,4})?)?)?)?)?)?\Z")
_ALONE = re.compile(r"(?<![ \t`'\"«“(\[])< {0,4}/ {0,4}think {0,4}>(?![`'\"»”)\]])")  # no mention of it in a sentence
_TICKS = re.compile("`+")
_LONGEST = 20  # characters of the longest tag

MOST_THOUGHT = 4 * 1024 * 1024
"""Characters of a thought that are kept, for the case that it is never closed."""


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of what the model only thought."""

    text: str


class ThoughtSplitter:
    """Text in, thoughts and text out; `settled` says that no tag can count any more, and all the rest is text, and
    `found` that one did.
    """

    __slots__ = ("_depth", "_held", "_size", "_thought", "_trim", "found", "settled")

    def __init__(self) -> None:
        self.settled = False
        self.found = False
        self._size = 0
        self._depth = 0
        self._held = ""
        self._thought: list[str] = []
        self._trim = False  # line ends behind a tag are no part of what follows

    @property
    def open(self) -> bool:
        """Whether a thought was begun and not ended."""
        return self._depth > 0

    @property
    def full(self) -> bool:
        """Whether the thought is longer than any."""
        return self._size > MOST_THOUGHT

    @property
    def thought(self) -> str:
        """All that was thought so far."""
        return "".join(self._thought)

    def feed(self, text: str) -> list[Thought | str]:
        """What is certain with this piece."""
        if self.settled:
            text = self._trimmed(text)
            return [text] if text else []
        text = self._held + text
        self._held = ""
        if not self._depth:
            head = _HEAD.match(text)
            if head is None:
                return self._without_head(text)
            self._depth = 1
            self._trim = self.found = True
            text = text[head.end() :]
        return self._inside(self._trimmed(text))

    def close(self) -> list[Thought | str]:
        """What was held back when the text ended."""
        held, self._held, self.settled = self._held, "", True
        if not held:
            return []
        return [*self._told(held)] if self._depth else [held]

    def _without_head(self, text: str) -> list[Thought | str]:
        stray = _CLOSING.match(text)
        if stray is not None:
            self.found = True
            # The opening tag stood in the prompt's template; what comes behind it is the answer.
            return self._answer(text[stray.end() :])
        if _BEGINS.match(text):
            self._held = text
            return []
        self.settled = True
        return [text]

    def _inside(self, text: str) -> list[Thought | str]:
        place = 0
        for tag in _TAG.finditer(text):
            self._depth += -1 if tag["closing"] else 1
            if not self._depth:
                return [*self._told(text[: tag.start()]), *self._answer(text[tag.end() :])]
            place = tag.end()
        begins = _TAG_BEGINS.search(text, max(place, len(text) - _LONGEST))
        if begins is not None:
            self._held = text[begins.start() :]
            text = text[: begins.start()]
        return self._told(text)

    def _answer(self, text: str) -> list[Thought | str]:
        """What stands behind the thought."""
        self.settled = self._trim = True
        text = self._trimmed(text)
        return [text] if text else []

    def _trimmed(self, text: str) -> str:
        if self._trim and text:
            text = text.lstrip("\r\n")
            self._trim = not text
        return text

    def _told(self, thought: str) -> list[Thought | str]:
        if not thought:
            return []
        if self._size <= MOST_THOUGHT:
            self._thought.append(thought)
            self._size += len(thought)
        return [Thought(thought)]


def without_opening(text: str) -> tuple[str, str] | None:
    """The thought and the answer of a whole text that a closing tag parts, and in which no opening one stands.

    None if there is no such tag, if it stands in code or is spoken of, or if nothing would be left as the answer.
    """
    tags = list(_TAG.finditer(text))
    alone = _ALONE.search(text)
    if alone is None or not all(tag["closing"] for tag in tags):
        return None
    thought, answer = text[: alone.start()], text[alone.end() :].lstrip("\r\n")
    return None if _in_code(thought) or not shows(answer) else (thought, answer)


def _in_code(before: str) -> bool:
    """Whether what follows this text stands in a fence, or in code within its line."""
    fences = sum(line.lstrip().startswith("```") for line in before.splitlines())
    line = before[before.rfind("\n") + 1 :]
    return fences % 2 > 0 or len(_TICKS.findall(line)) % 2 > 0
