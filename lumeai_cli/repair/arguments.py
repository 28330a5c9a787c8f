"""Makes the arguments of a tool call fit the tool: as they are if they do, mended if that loses nothing.

Models write arguments that are no JSON, or JSON of another type; servers send none at all, or a JSON text within a
JSON text. A client drops such a call or hands it to a tool that refuses it. A guess would be worse than both: it runs.
So nothing is mended whose end is missing, and no mending may drop what was written.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lumeai_cli.repair.schema import fits, types
from lumeai_cli.wire.body import BrokenJsonError, loads

MOST_MENDED = 64 * 1024
"""Characters of broken JSON that are looked at; the mending takes two microseconds a character."""

_DEEPEST = 32
_KEPT = 0.95  # of the letters and digits: a mending drops marks, but no words

_FENCE = re.compile(r"```\w{0,16}[ \t]*\r?\n(.*?)\r?\n?```", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_INK = re.compile(r"[^\W_]")
_MARK = re.compile(r"""["'\[\](){}]""")
_IN_STRING = {'"': re.compile(r'["\\]'), "'": re.compile(r"['\\]")}


@dataclass(frozen=True, slots=True)
class Fitted:
    """Arguments as JSON text of an object that fits, and whether they had to be mended for that."""

    text: str
    mended: bool


def fitting(arguments: str, schema: Mapping[str, Any] | None) -> Fitted | None:
    """The arguments as the tool's schema wants them, or None if they cannot be brought there without a guess.

    Well-formed arguments that fit are the very same text. Without a schema every object fits.
    """
    try:
        value, mended = _parsed(arguments), False
    except BrokenJsonError:
        value, mended = _mended(arguments), True
    for _ in range(2):
        if not isinstance(value, str):
            break
        value, mended = _unwrapped(value), True  # JSON within JSON
    if value is None:
        value, mended = {}, True
    if not isinstance(value, dict):
        return None
    if not mended and fits(value, schema):
        return Fitted(arguments, mended=False)
    for candidate in (value, _converted(value, schema, 0)):
        if fits(candidate, schema):
            text = _text(candidate)
            return Fitted(text, mended=True) if text is not None else None
    return None


def _parsed(text: str) -> Any:
    return loads(text.encode("utf-8", "surrogatepass")) if text.strip() else None


def _unwrapped(text: str) -> Any:
    try:
        return _parsed(text)
    except BrokenJsonError:
        return _mended(text)


def _text(value: Any) -> str | None:
    """JSON text; None for numbers that JSON does not know."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    # A half of a surrogate pair is legal in JSON as an escape only.
    return text if text.isascii() or not re.search("[\ud800-\udfff]", text) else json.dumps(value)


_NOTHING = object()
"""No value: what cannot be mended is not even an empty object."""


def _mended(text: str) -> Any:
    """The value of a broken JSON text, if it is all there."""
    fence = _FENCE.fullmatch(text.strip())
    text = (fence[1] if fence is not None else text).strip()
    if len(text) > MOST_MENDED or not text.startswith(("{", "[")) or not _whole(text):
        return _NOTHING
    import json_repair  # noqa: PLC0415 (most runs need none of it)

    try:
        value = json_repair.loads(text)
    except (ValueError, RecursionError):
        return _NOTHING
    kept = _text(value)
    return (
        value if kept is not None and isinstance(value, dict | list) and _ink(kept) >= _KEPT * _ink(text) else _NOTHING
    )


def _ink(text: str) -> int:
    """The letters and digits of a text, not those of escapes."""
    return len(_INK.findall(_ESCAPE.sub("", text)))


def _whole(text: str) -> bool:
    """Whether a broken text ends outside of its strings, and is not nested beyond reason.

    A string whose end is missing was cut off, and half a file must not be written. A single quote too many within a
    string looks the same, and where the string ends is a guess then.
    """
    depth, position = 0, 0
    while (mark := _MARK.search(text, position)) is not None:
        position = mark.end()
        if mark[0] in "{[(":
            depth += 1
            if depth > _DEEPEST:
                return False
        elif mark[0] in "}])":
            depth -= 1
        else:
            end = _string_end(text, position, mark[0])
            if end is None:
                return False
            position = end
    return True


def _string_end(text: str, position: int, quote: str) -> int | None:
    while (mark := _IN_STRING[quote].search(text, position)) is not None:
        if mark[0] == quote:
            return mark.end()
        position = mark.end() + 1
    return None


def _converted(value: Any, schema: Any, depth: int) -> Any:
    """The value with each text that stands where the schema wants something else read as that, if it can be."""
    if depth > _DEEPEST or not isinstance(schema, Mapping):
        return value
    wanted = types(schema)
    if isinstance(value, str) and wanted and "string" not in wanted:
        value = _read(value, wanted)
    inner = schema.get("properties"), schema.get("items")
    if isinstance(value, dict) and isinstance(inner[0], Mapping):
        return {key: _converted(item, inner[0].get(key), depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_converted(item, inner[1], depth + 1) for item in value]
    return value


_INTEGER = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,18})?(?:[eE][+-]?\d{1,2})?")
_WORDS = {"true": ("boolean", True), "false": ("boolean", False), "null": ("null", None), "none": ("null", None)}


def _read(text: str, wanted: frozenset[str]) -> Any:
    """The text as one of these types, or as it is."""
    word = text.strip()
    kind, value = _WORDS.get(word.lower(), ("", None))
    if kind in wanted:
        return value
    if wanted & {"integer", "number"} and _INTEGER.fullmatch(word):
        return int(word)
    if "number" in wanted and _NUMBER.fullmatch(word):
        return float(word)
    if wanted & {"array", "object"} and word[:1] in ("[", "{"):
        read = _unwrapped(word)
        if (isinstance(read, list) and "array" in wanted) or (isinstance(read, dict) and "object" in wanted):
            return read
    return text
