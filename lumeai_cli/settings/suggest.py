"""The nearest valid word for a mistyped one, so that a message can name the cure."""

from collections.abc import Iterable


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """The choice that `word` was probably meant to be; None when nothing is close."""
    import difflib  # noqa: PLC0415 - only a mistake needs it

    spelled = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), spelled, n=1)
    return spelled[near[0]] if near else None
