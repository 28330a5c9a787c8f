"""The nearest valid word for a mistyped one, so that a message can name the cure."""

from collections.abc import Collection, Iterable

from lumeai_cli.settings.error import SettingsError
from lumeai_cli.text.phrase import Words, phrase


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """The choice that `word` was probably meant to be; None when nothing is close."""
    import difflib  # noqa: PLC0415 - only a mistake needs it

    spelled = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), spelled, n=1)
    return spelled[near[0]] if near else None


def hint(word: str, choices: Iterable[str], key: str = "did-you-mean") -> Words:
    """The nearest choice as a piece of a sentence; nothing when nothing is close."""
    near = did_you_mean(word, choices)
    return phrase(key, near=near) if near else ""


def unknown(key: str, word: str, known: Collection[str], where: str | None = None) -> SettingsError:
    """The error for a word that is none of those known, in the sentence `key` of the catalogues."""
    return SettingsError(phrase(key, word=word, hint=hint(word, known), known=", ".join(known)), where)
