"""An API key before it is used: one that no HTTP header can carry is told in words, not as a crash later."""

from lumeai_cli.backends.backend import Secret
from lumeai_cli.settings.error import SettingsError


def check_key(text: str, where: str) -> Secret:
    """The key as a Secret from `where`, or a SettingsError; neither shows a character of it."""
    if not text:
        raise SettingsError("the key is empty: put the real key there, or remove it if the server needs none", where)
    if any(character.isalpha() and not character.isascii() for character in text):
        raise SettingsError(
            "the key holds letters that are not Latin, and no HTTP header can carry them. It looks like a placeholder "
            "copied from a manual (like `sk-your-key`, in another language): put the key your server gave you there",
            where,
        )
    if not text.isascii():
        raise SettingsError(
            "the key holds a character that no HTTP header can carry, such as a curly quote or a long dash. "
            "That happens when a key is copied from formatted text: copy it again from where it was issued",
            where,
        )
    if any(character.isspace() for character in text):
        raise SettingsError(
            "the key holds a space or a line break, and no HTTP header can carry it: "
            "remove it (it is often copied along with the key)",
            where,
        )
    if not text.isprintable():
        raise SettingsError(
            "the key holds a control character, and no HTTP header can carry it: copy the key again", where
        )
    return Secret(text, where)
