"""Lets every text out through every encoding: what a terminal cannot show becomes the nearest thing that it can.

Windows consoles in Russia speak cp866 or cp1251, containers often nothing but ASCII. A report must neither crash there
nor turn into question marks: signs become plain ones, and where there is no Cyrillic, it is transliterated.
"""

import codecs
from typing import TextIO

NAME = "lumeai"

_SIGNS = {
    "✓": "+",
    "✗": "x",
    "•": "*",
    "·": "-",
    "→": "->",
    "—": "-",
    "–": "-",
    "−": "-",
    "…": "...",
    "«": '"',
    "»": '"',
    "„": '"',
    "“": '"',
    "”": '"',
    "’": "'",
    "\u00a0": " ",
    "\u202f": " ",
    "№": "No.",
    "│": "|",
    "─": "-",
}
_CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch ' y ' e yu ya".split(),  # noqa: SIM905  # thirty-three quoted letters would hide the pairs
        strict=True,
    )
)


def nearest(character: str) -> str:
    """The nearest ASCII text to a character."""
    if character in _SIGNS:
        return _SIGNS[character]
    lower = character.lower()
    if lower in _CYRILLIC:
        plain = _CYRILLIC[lower]
        return plain if character == lower else plain.capitalize()
    return "?"


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(nearest, error.object[error.start : error.end])), error.end


codecs.register_error(NAME, _replace)


def make_safe(stream: TextIO) -> None:
    """Makes a standard stream survive every text."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=NAME)


def speaks_unicode(stream: TextIO) -> bool:
    """Whether a stream can hold any character."""
    return (stream.encoding or "ascii").lower().replace("-", "").replace("_", "").startswith("utf")
