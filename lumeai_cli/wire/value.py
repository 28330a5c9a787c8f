"""Looks at JSON values of any type: every dialect's reader meets types that no documentation names."""

import json
import math
from typing import Any

from lumeai_cli.wire.body import BrokenJsonError, loads
from lumeai_cli.wire.event import BackendError

SHOWN = 200  # characters of a foreign value that an oddity quotes


def shown(value: Any) -> str:
    """The value as text, for people, and not too long."""
    text = repr(value) if isinstance(value, str | int | float | bool | None) else json_text(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def json_text(value: Any) -> str:
    """The value as JSON, or the name of its type where it is too deep for that."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        return type(value).__name__


def text_of(value: Any) -> str:
    """The value if it is text, else nothing."""
    return value if isinstance(value, str) else ""


def count(value: Any) -> int:
    """A number of tokens; -1 where the value is none."""
    if isinstance(value, float) and math.isfinite(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def failure(error: Any, number: int, at: float) -> BackendError:
    r"""What stands under `error`: an object in OpenAI's and Anthropic's form, or a mere text.

    The text may be JSON once more: Ollama's own API passes an error of the llama-server behind it on as
    `{"error": "{\"error\": {\"code\": 400, ...}}"}` (fb307609, `server/routes.go`), so a text is parsed a second
    time. An object's `message` is left alone, for clients show it as it stands.
    """
    if isinstance(error, dict):
        return _object(error, number, at, "object")
    inner = _inner(error) if isinstance(error, str) and error.lstrip(" \t\r\n")[:1] == "{" else None
    if inner is not None:
        return _object(inner, number, at, "string")
    return BackendError(number, at, str(error), shape="string")


def _object(error: dict[str, Any], number: int, at: float, shape: str) -> BackendError:
    code = error.get("code")
    return BackendError(
        number,
        at,
        str(error.get("message") or shown(error)),
        str(error.get("type") or ""),
        "" if code is None else str(code),
        shape,
    )


def _inner(text: str) -> dict[str, Any] | None:
    try:
        value = loads(text.encode("utf-8", "surrogatepass"))
    except BrokenJsonError:
        return None
    inner = value.get("error") if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else None
