"""Tells whether a text that is still arriving begins in a certain way: yes, no, or not known as yet.

Regular expressions cannot say the third, and a stream must: what may still become a call is held back, and nothing
else. A matcher takes a text and a place, and returns where its part ends, `NO`, or `MORE` if the text ends too early to
tell. All of them look at a bounded piece of text, and what one has decided no further text changes.
"""

import re
from collections.abc import Callable, Iterable

NO = -1
MORE = -2

Matcher = Callable[[str, int], int]


def literal(sign: str) -> Matcher:
    """Just that text."""

    def match(text: str, at: int) -> int:
        if text.startswith(sign, at):
            return at + len(sign)
        return MORE if len(text) - at < len(sign) and sign.startswith(text[at:]) else NO

    return match


def run(characters: str, most: int, least: int = 0) -> Matcher:
    """As many characters of a class (as in a regular expression) as there are, up to `most`."""
    pattern = re.compile(f"[{characters}]{{0,{most}}}")

    def match(text: str, at: int) -> int:
        found = pattern.match(text, at)
        end = found.end() if found is not None else at
        if end == len(text) and end - at < most:
            return MORE
        return end if end - at >= least else NO

    return match


def word(words: Iterable[str]) -> Matcher:
    """The longest of these words that stands there."""
    longest_first = sorted(words, key=len, reverse=True)

    def match(text: str, at: int) -> int:
        left = len(text) - at
        for each in longest_first:
            if text.startswith(each, at):
                return at + len(each)
            if left < len(each) and each.startswith(text[at:]):
                return MORE
        return NO

    return match


def sequence(*parts: Matcher) -> Matcher:
    """One after the other."""

    def match(text: str, at: int) -> int:
        for part in parts:
            at = part(text, at)
            if at < 0:
                return at
        return at

    return match


def either(*parts: Matcher) -> Matcher:
    """The first of them that matches; an earlier one that may still match is waited for."""

    def match(text: str, at: int) -> int:
        for part in parts:
            end = part(text, at)
            if end != NO:
                return end
        return NO

    return match


def maybe(*parts: Matcher) -> Matcher:
    """These one after the other, or nothing."""
    whole = sequence(*parts)

    def match(text: str, at: int) -> int:
        end = whole(text, at)
        return at if end == NO else end

    return match


def nothing(_text: str, at: int) -> int:
    """No text at all."""
    return at


SPACE = run(r"\s", 64)
