"""A sentence for people that does not know its language yet: made deep inside, put into words at the very end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lumeai_cli.text.en import MESSAGES as EN
from lumeai_cli.text.number import noun
from lumeai_cli.text.ru import MESSAGES as RU

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("en", "ru")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A key of the catalogues and the values that fill its placeholders; a value may be a phrase itself."""

    key: str
    values: tuple[tuple[str, Value], ...] = ()

    def in_(self, language: str) -> str:
        """The sentence in this language; English where another one is asked for."""
        return catalogue(language)[self.key].format(
            **{name: value.in_(language) if isinstance(value, Phrase) else value for name, value in self.values}
        )


def catalogue(language: str) -> Mapping[str, str]:
    """Every sentence of this language by its key; English where another one is asked for."""
    return RU if language == "ru" else EN


Words = str | Phrase
"""A piece of a sentence: a phrase, or what is the same in every language, such as a name or a command."""

Value = str | int | float | Phrase


def phrase(key: str, /, **values: Value) -> Phrase:
    """A phrase with its values."""
    return Phrase(key, tuple(values.items()))


def say(language: str, key: str, /, **values: Value) -> str:
    """The sentence at once."""
    return phrase(key, **values).in_(language)


def put(words: Words, language: str) -> str:
    """The words in this language."""
    return words.in_(language) if isinstance(words, Phrase) else words


def counted(language: str, number: int, key: str) -> str:
    """A number with its noun in the right form; the catalogue holds the forms (`адрес|адреса|адресов`)."""
    return f"{number} {noun(number, say(language, key).split('|'), language)}"
