"""What the person at the keyboard can mend, and the words for where and why: in every language, in one sentence."""

import errno

from lumeai_cli.text.en import MESSAGES
from lumeai_cli.text.phrase import Phrase, Words, phrase, put


class MendableError(Exception):
    """A mistake outside of lumeai: what is wrong and what to do, and where; `str()` is the English sentence.

    `where` is `lumeai.yaml:7`, `environment OPENAI_API_KEY`, a path, or None.
    """

    def __init__(self, sentence: Phrase, where: str | None = None) -> None:
        super().__init__(sentence, where)
        self.sentence = sentence
        self.where = where

    def in_(self, language: str) -> str:
        """The place and the sentence in this language."""
        return located(self.sentence, self.where, language)

    def __str__(self) -> str:
        return self.in_("en")


def located(sentence: Phrase, where: str | None, language: str) -> str:
    """A sentence behind the place that it speaks of."""
    said = sentence.in_(language)
    return f"{put(place(where), language)}: {said}" if where else said


def place(where: str) -> Words:
    """Places are kept as `lumeai.yaml:7`, `environment NAME` or `default`; the last two have words of their own."""
    kind, _, name = where.partition(" ")
    if kind == "environment" and name:
        return phrase("place-environment", name=name)
    return phrase("place-default") if where == "default" else where


def reason(error: OSError) -> Phrase:
    """Why the system refused: in both languages where it is a usual reason, else in the system's own words."""
    key = f"system-{errno.errorcode.get(error.errno or 0, '').removeprefix('WSA').lower()}"
    return phrase(key) if key in MESSAGES else phrase("system-else", words=error.strerror or str(error))
