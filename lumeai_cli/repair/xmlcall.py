"""Turns a tool call from the native protocol into the XML tags of the classic clients, and back.

How those read it: `wire.xmltags`. Their `AssistantMessageParser` ends a parameter at its first closing tag, but
`content` of `write_to_file` at its last; it takes one line break from either end of `content`, and all white space
from both ends of everything else (source of Kilo 4.124 read, 2026-11).
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from lumeai_cli.repair.arguments import fitting
from lumeai_cli.repair.prompt import KNOWN, XmlTool
from lumeai_cli.wire.body import BrokenJsonError, loads
from lumeai_cli.wire.xmltags import TagFinder, XmlCall

_NAME = re.compile(r"[^\W\d][\w.\-]{0,127}")
_OPENING = re.compile(r"\s*<([^\W\d][\w.\-]{0,127})>")
_AFTER = re.compile(r"\s*(?:<[^\W\d][\w.\-]{0,127}>|\Z)")
_LINE = re.compile(r"\A\r?\n|\r?\n\Z")
_KNOWN_PARAMETERS = frozenset(name for names in KNOWN.values() for name in names)


def written(name: str, arguments: str, tool: XmlTool | None = None) -> str | None:
    """A call as a classic client reads it, the parameters in the tool's order; texts as they are, the rest as JSON.

    None if the arguments are no object, if a name can be no tag, or if a client would read other values: a text that
    holds the closing tag of its own parameter ends there.
    """
    try:
        values = loads(arguments.encode("utf-8", "surrogatepass"))
    except BrokenJsonError:
        return None
    if not isinstance(values, dict) or not all(map(_NAME.fullmatch, (name, *values))):
        return None
    order = [key for key in (tool.parameters if tool is not None else ()) if key in values]
    texts = {key: _text(values[key]) for key in dict.fromkeys((*order, *values))}
    call = f"<{name}>\n{''.join(_parameter(key, text) for key, text in texts.items())}</{name}>"
    return call if _reads_as(call, name, texts) else None


def read(call: XmlCall, schema: Mapping[str, Any] | None) -> str | None:
    """The arguments of a call in tags as JSON text that fits the schema; also if JSON stands where tags should.

    None if they do not fit, if there is text outside of the parameters, or if the last one was cut off.
    """
    inner = call.inner.strip()
    if inner.startswith("{"):
        fitted = fitting(inner, schema) if call.closed else None
    else:
        values = _children(call.inner)
        fitted = fitting(json.dumps(values, ensure_ascii=False), schema) if values is not None else None
    return fitted.text if fitted is not None else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _parameter(name: str, text: str) -> str:
    """A parameter in its tags; line breaks of its own at either end need one more, which is taken for layout."""
    own = name == "content" or text[:1] in ("\r", "\n") or text[-1:] in ("\r", "\n")
    return f"<{name}>\n{text}\n</{name}>\n" if own else f"<{name}>{text}</{name}>\n"


def _reads_as(text: str, name: str, values: Mapping[str, str]) -> bool:
    """Whether the classic clients read these values in this text."""
    for key, value in values.items():
        _, closes, rest = value.partition(f"</{key}>")
        if closes and ((name, key) != ("write_to_file", "content") or _holds_tag(rest, (name, *values))):
            return False
    finder = TagFinder((name,), tuple(values))
    pieces = [*finder.feed(text), *finder.close()]
    call = pieces[0]
    return len(pieces) == 1 and isinstance(call, XmlCall) and call.closed and _children(call.inner) == values


def _holds_tag(text: str, names: Iterable[str]) -> bool:
    """Whether a tag stands there that a client would look at outside of a parameter."""
    return any(f"<{name}>" in text for name in {*names, *_KNOWN_PARAMETERS}) or any(
        f"</{name}>" in text for name in names
    )


def _children(inner: str) -> dict[str, str] | None:
    """The parameters between a call's tags, if there is nothing else.

    A closing tag after which no parameter and no end comes belongs to the value.
    """
    values: dict[str, str] = {}
    position = 0
    while (opening := _OPENING.match(inner, position)) is not None:
        closing = f"</{opening[1]}>"
        end = inner.find(closing, opening.end())
        while end >= 0 and _AFTER.match(inner, end + len(closing)) is None:
            end = inner.find(closing, end + 1)
        if end < 0:
            return None
        values[opening[1]] = _LINE.sub("", inner[opening.end() : end])
        position = end + len(closing)
    return values if not inner[position:].strip() else None
