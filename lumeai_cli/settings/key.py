"""An API key before it is used: one that no HTTP header can carry is told in words, not as a crash later."""

from lumeai_cli.backends.backend import Secret
from lumeai_cli.settings.error import SettingsError
from lumeai_cli.text.phrase import phrase


def check_key(text: str, where: str) -> Secret:
    """The key as a Secret from `where`, or a SettingsError; neither shows a character of it."""
    if not text:
        raise SettingsError(phrase("key-empty"), where)
    if any(character.isalpha() and not character.isascii() for character in text):
        raise SettingsError(phrase("key-not-latin"), where)
    if not text.isascii():
        raise SettingsError(phrase("key-not-ascii"), where)
    if any(character.isspace() for character in text):
        raise SettingsError(phrase("key-space"), where)
    if not text.isprintable():
        raise SettingsError(phrase("key-control"), where)
    return Secret(text, where)
