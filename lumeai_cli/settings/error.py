"""The one way in which settings fail: a sentence for the person who wrote them."""

_LONGEST_QUOTE = 24


class SettingsError(Exception):
    """Bad input that only its author can mend; a program ends with exit code 2.

    `message` says what is wrong and what to do; `where` is `lumeai.yaml:7`, `environment OPENAI_API_KEY` or None.
    Neither ever holds the text of a key.
    """

    def __init__(self, message: str, where: str | None = None) -> None:
        super().__init__(message, where)
        self.message = message
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


def quoted(text: str) -> str:
    """A found text as a message may repeat it: a key that was put in the wrong place is described, never shown."""
    if len(text) <= _LONGEST_QUOTE and text.isprintable() and not text.lower().startswith("sk-"):
        return f'"{text}"'
    return f"a text of {len(text)} characters"
