"""The one way in which settings fail: a sentence for the person who wrote them."""

from lumeai_cli.text.mendable import MendableError
from lumeai_cli.text.phrase import Phrase, phrase

_LONGEST_QUOTE = 24


class SettingsError(MendableError):
    """Bad input that only its author can mend; a program ends with exit code 2.

    Neither the sentence nor the place ever holds the text of a key.
    """


def quoted(text: str) -> Phrase:
    """A found text as a message may repeat it: a key that was put in the wrong place is described, never shown."""
    if len(text) <= _LONGEST_QUOTE and text.isprintable() and not text.lower().startswith("sk-"):
        return phrase("found-text", text=text)
    return phrase("found-long", length=len(text))
