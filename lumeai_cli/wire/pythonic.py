"""Reads calls that a model wrote as Python: `name(key="value", other=[1, True])`, as Llama 3.2 and 4 are taught to.

Only literal values by keyword count, in Python's spelling or JSON's (`true`, `null`): whatever else is Python belongs
to an answer about Python. No code is compiled or run; the standard library's own parser would warn about escapes,
and bears no hostile depth.
"""

import json
import math
import re
from typing import Any

DEEPEST = 32  # lists and objects within one another

Call = tuple[str, str]
"""A name and the arguments as a JSON object."""

_NAME = re.compile(r"\s*([^\W\d][\w.\-]{0,127})\(\s*")
_KEY = re.compile(r"([^\W\d]\w{0,127})\s*=\s*")
_STRING = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"|' r"'([^'\\]*+(?:\\.[^'\\]*+)*+)'", re.DOTALL)
_NUMBER = re.compile(r"-?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?(?![\w.])")
_WORD = re.compile(r"(?:[Tt]rue|[Ff]alse|None|null)(?!\w)")
_WORDS = {"true": True, "false": False, "none": None, "null": None}
_SPACE = re.compile(r"\s*")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "\n": ""}


class _NoCallError(ValueError):
    """What stands there is no call."""


def read_call(text: str, start: int) -> tuple[Call, int] | None:
    """The call that begins at this place, and where it ends."""
    try:
        return _call(text, start)
    except _NoCallError:
        return None


def read_calls(text: str, start: int) -> tuple[list[Call], int] | None:
    """The bracketed list of calls, at least one, that begins at this place, and where it ends."""
    if not text.startswith("[", start):
        return None
    calls: list[Call] = []
    end = start
    try:
        while not calls or text.startswith(",", end):
            call, end = _call(text, end + 1)
            calls.append(call)
            end = _past_space(text, end)
    except _NoCallError:
        return None
    return (calls, end + 1) if text.startswith("]", end) else None


def _call(text: str, start: int) -> tuple[Call, int]:
    name = _NAME.match(text, start)
    if name is None:
        raise _NoCallError
    arguments: dict[str, Any] = {}
    end = name.end()
    while not text.startswith(")", end):
        key = _KEY.match(text, end)
        if key is None:
            raise _NoCallError
        arguments[key[1]], end = _value(text, key.end(), 0)
        end = _past_comma(text, end, ")")
    return (name[1], json.dumps(arguments, ensure_ascii=False)), end + 1


def _value(text: str, start: int, depth: int) -> tuple[Any, int]:
    string = _STRING.match(text, start)
    if string is not None:
        return _ESCAPE.sub(_escaped, string[string.lastindex or 0]), string.end()
    number = _NUMBER.match(text, start)
    if number is not None:
        return _number(number[0]), number.end()
    word = _WORD.match(text, start)
    if word is not None:
        return _WORDS[word[0].lower()], word.end()
    if depth < DEEPEST and text.startswith("[", start):
        return _list(text, start + 1, depth + 1)
    if depth < DEEPEST and text.startswith("{", start):
        return _dict(text, start + 1, depth + 1)
    raise _NoCallError


def _number(text: str) -> int | float:
    if text.lstrip("-").isdigit():
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        raise _NoCallError  # JSON knows no such number
    return value


def _list(text: str, start: int, depth: int) -> tuple[list[Any], int]:
    values: list[Any] = []
    end = _past_space(text, start)
    while not text.startswith("]", end):
        value, end = _value(text, end, depth)
        values.append(value)
        end = _past_comma(text, end, "]")
    return values, end + 1


def _dict(text: str, start: int, depth: int) -> tuple[dict[str, Any], int]:
    values: dict[str, Any] = {}
    end = _past_space(text, start)
    while not text.startswith("}", end):
        key, end = _value(text, end, depth)
        end = _past_space(text, end)
        if not isinstance(key, str) or not text.startswith(":", end):
            raise _NoCallError
        values[key], end = _value(text, _past_space(text, end + 1), depth)
        end = _past_comma(text, end, "}")
    return values, end + 1


def _past_comma(text: str, start: int, closing: str) -> int:
    """Where the next item or the closing bracket stands; one of them must."""
    end = _past_space(text, start)
    if text.startswith(",", end):
        return _past_space(text, end + 1)
    if not text.startswith(closing, end):
        raise _NoCallError
    return end


def _past_space(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match else start


def _escaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else _ESCAPED.get(match[3], match[0])
