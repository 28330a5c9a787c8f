"""Parts a thought at the head of an answer, `<think>...</think>`, from the answer while both are still coming.

The tag counts only before all other text, as the classic clients have it (`wire.think` has their exact rules, with the
white space in front that models write, too). While it is open, all that comes is thought.
"""

import re
from dataclasses import dataclass

_HEAD = re.compile(r"\s*< *think *>")
_CLOSING = re.compile(r"\s*< */ *think *>")
_BEGINS = re.compile(r"\s*(?:<(?: *(?:/ *)?(?:t(?:h(?:i(?:n(?:k *)?)?)?)?)?)?)?\Z")
_TAG = re.compile(r"< *(?P<closing>/ *)?think *>")
_TAG_BEGINS = re.compile(r"<(?: *(?:/ *)?(?:t(?:h(?:i(?:n(?:k *)?)?)?)?)?)?\Z")
_LONGEST = 64  # characters of a tag with spaces in it, at most


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of what the model only thought."""

    text: str


class ThoughtSplitter:
    """Text in, thoughts and text out; `settled` says that no tag can count any more, and all the rest is text."""

    __slots__ = ("_depth", "_held", "_thought", "_trim", "settled")

    def __init__(self) -> None:
        self.settled = False
        self._depth = 0
        self._held = ""
        self._thought: list[str] = []
        self._trim = False  # line ends behind a tag are no part of what follows

    @property
    def open(self) -> bool:
        """Whether a thought was begun and not ended."""
        return self._depth > 0

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
            self._trim = True
            text = text[head.end() :]
        return self._inside(self._trimmed(text))

    def close(self) -> list[Thought | str]:
        """What was held back when the text ended."""
        held, self._held, self.settled = self._held, "", True
        if not held:
            return []
        if self._depth:
            self._thought.append(held)
            return [Thought(held)]
        return [held]

    def _without_head(self, text: str) -> list[Thought | str]:
        stray = _CLOSING.match(text)
        if stray is not None:
            # The opening tag stood in the prompt's template; what comes behind it is the answer.
            return self._answer(text[stray.end() :])
        if len(text) <= _LONGEST and _BEGINS.match(text):
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
        self._thought.append(thought)
        return [Thought(thought)]
