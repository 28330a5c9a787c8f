"""The text of a key: made of 256 random bits, and told from a mistyped one without asking anybody.

`sk-lumeai-`, 43 base62 digits (the random number, most significant first), and 6 base62 digits of the CRC32 of these 43
characters: the form of GitHub's tokens, with the `sk-` that many clients look for. Digits are 0-9, A-Z, a-z.
"""

import secrets
import zlib
from enum import StrEnum
from hashlib import sha256

PREFIX = "sk-lumeai-"
RANDOM = 43
CHECK = 6
LENGTH = len(PREFIX) + RANDOM + CHECK

SHOWN_HEAD = len(PREFIX) + 4
SHOWN_TAIL = 4
"""What may be kept in the open and shown: so many of its first and of its last characters."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KNOWN = frozenset(_DIGITS)


class Flaw(StrEnum):
    """Why a text cannot be a key of lumeai."""

    EMPTY = "empty"
    PREFIX = "prefix"
    LENGTH = "length"
    CHARACTER = "character"
    CHECKSUM = "checksum"


class Token:
    """A well-formed key that cannot be printed, pickled or compared by accident: only `reveal()` gives its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The key itself; only whoever hands it to its owner may ask."""
        return self._text

    @property
    def digest(self) -> bytes:
        """What is kept in its place."""
        return digest_of(self._text.encode())

    @property
    def head(self) -> str:
        """Its first characters, which may be shown."""
        return self._text[:SHOWN_HEAD]

    @property
    def tail(self) -> str:
        """Its last characters, which may be shown."""
        return self._text[-SHOWN_TAIL:]

    def __repr__(self) -> str:
        return f"Token({self.head}...{self.tail})"

    def __reduce__(self) -> str:
        raise TypeError("a key is not written anywhere")


def make() -> Token:
    """A new key, of the system's randomness."""
    return made_of(secrets.randbits(256))


def made_of(number: int) -> Token:
    """The key of a number of 256 bits."""
    body = _base62(number, RANDOM)
    return Token(PREFIX + body + checksum(body))


def parse(text: str) -> Token | Flaw:
    """The key that this text is, or why it is none; blanks and line breaks around it do not count."""
    text = text.strip()
    if not text:
        return Flaw.EMPTY
    if not text.startswith(PREFIX):
        return Flaw.PREFIX
    body = text[len(PREFIX) :]
    if not _KNOWN.issuperset(body[: RANDOM + CHECK]):
        return Flaw.CHARACTER
    if len(text) != LENGTH:
        return Flaw.LENGTH
    return Token(text) if checksum(body[:RANDOM]) == body[RANDOM:] else Flaw.CHECKSUM


def checksum(body: str) -> str:
    """The digits that guard against typing errors."""
    return _base62(zlib.crc32(body.encode()), CHECK)


def digest_of(text: bytes) -> bytes:
    """SHA-256: 256 random bits cannot be guessed, so a slow hash would only slow the proxy."""
    return sha256(text).digest()


def _base62(number: int, width: int) -> str:
    digits: list[str] = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
