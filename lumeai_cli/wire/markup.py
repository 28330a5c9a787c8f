"""Finds tool calls that stand in an answer's text in the markup of a chat template, unparsed by the server.

Forms (read in the templates of the model families; Hermes, fenced and bare JSON seen from a real llama.cpp server with
Qwen2.5-Coder, 2026-11): Hermes and Qwen `<tool_call>{json}</tool_call>`, Qwen-Coder `<function=name>`, Anthropic-like
`<invoke name="...">`, Mistral `[TOOL_CALLS]`, Llama `<|python_tag|>`, DeepSeek `<｜tool▁calls▁begin｜>`, Harmony
`<|channel|>commentary to=functions.name`, a fenced JSON object, and a text that is nothing but one JSON object.

A mention is no call: what does not parse to a name (and arguments where the form has them) is left alone, so that an
answer *about* such tags is not taken for one.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

MOST_CALLS = 64
MOST_TEXT = 1024 * 1024
MOST_SIGNS = 256  # places where one form is tried: each may read on to the end of the text


class Markup(StrEnum):
    """The forms, named by their most telling sign."""

    TOOL_CALL = "<tool_call>"
    FUNCTION = "<function=>"
    INVOKE = "<invoke>"
    MISTRAL = "[TOOL_CALLS]"
    PYTHON_TAG = "<|python_tag|>"
    DEEPSEEK = "<｜tool▁calls▁begin｜>"
    HARMONY = "<|channel|>"
    FENCED = "```json"
    BARE = "{json}"


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """One call as it was written: its form, its place in the text, the tool's name and the arguments as JSON text."""

    markup: Markup
    start: int
    end: int
    name: str
    arguments: str


def written_calls(text: str) -> tuple[WrittenCall, ...]:
    """The calls that stand in this text, in order; forms do not overlap: the outermost counts."""
    text = text[:MOST_TEXT]
    found: list[WrittenCall] = []
    for markup, sign, read in _FORMS:
        if sign in text:
            found += read(text, markup)
    found += _bare(text)
    kept: list[WrittenCall] = []
    for call in sorted(found, key=lambda call: (call.start, -call.end)):
        # The calls of one list share its place.
        if not kept or call.start >= kept[-1].end or (call.start, call.end) == (kept[-1].start, kept[-1].end):
            kept.append(call)
    return tuple(kept[:MOST_CALLS])


_decoder = json.JSONDecoder()


def _object(text: str, start: int) -> tuple[Any, int] | None:
    """The JSON value that begins at or after white space at this place, and where it ends."""
    while start < len(text) and text[start] in " \t\r\n":
        start += 1
    if start >= len(text) or text[start] not in "{[":
        return None
    try:
        return _decoder.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None


def _named(value: Any) -> tuple[str, str] | None:
    """The tool's name and its arguments as JSON text, if this value is a call in one of the usual spellings."""
    if not isinstance(value, dict):
        return None
    inner = value.get("function")
    if isinstance(inner, dict):
        value = inner
    name = value.get("name")
    if not isinstance(name, str) or not name or len(name) > 128:
        return None
    for key in ("arguments", "parameters"):
        if key in value:
            arguments = value[key]
            return name, arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return None


def _calls_in(value: Any) -> Iterator[tuple[str, str]]:
    """The calls of a value: one, or a list of them, or a list under `tool_calls`."""
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    for item in value if isinstance(value, list) else [value]:
        named = _named(item)
        if named is not None:
            yield named


def _json_after(sign: re.Pattern[str]) -> Callable[[str, Markup], Iterator[WrittenCall]]:
    """A reader of forms in which a sign is followed by JSON."""

    def read(text: str, markup: Markup) -> Iterator[WrittenCall]:
        position = 0
        for _ in range(MOST_SIGNS):
            match = sign.search(text, position)
            if match is None:
                return
            position = match.end()
            parsed = _object(text, match.end())
            if parsed is not None:
                value, end = parsed
                position = end
                yield from (WrittenCall(markup, match.start(), end, *named) for named in _calls_in(value))

    return read


_FUNCTION = re.compile(r"<function=(\w[\w.\-]{0,127})>")
_PARAMETER = re.compile(r"<parameter=(\w[\w.\-]{0,127})>")
_INVOKE = re.compile(r'<invoke name="(\w[\w.\-]{0,127})"\s*>')
_INVOKE_PARAMETER = re.compile(r'<parameter name="(\w[\w.\-]{0,127})"[^>]{0,64}>')
_HARMONY = re.compile(r"<\|channel\|>\s*(?:commentary|analysis)\s+to=(?:functions\.)?(\w[\w.\-]{0,127})")


def _tagged(
    opening: re.Pattern[str], closing: str, parameter: re.Pattern[str]
) -> Callable[[str, Markup], Iterator[WrittenCall]]:
    """A reader of forms in which each parameter has a tag of its own."""

    def read(text: str, markup: Markup) -> Iterator[WrittenCall]:
        after = 0
        for match in islice(opening.finditer(text), MOST_SIGNS):
            if match.start() < after:
                continue  # inside the one before
            end = text.find(closing, match.end())
            stop = len(text) if end < 0 else end
            arguments: dict[str, str] = {}
            position = match.end()
            while (inner := parameter.search(text, position, stop)) is not None:
                close = text.find("</parameter>", inner.end(), stop)
                position = stop if close < 0 else close
                arguments[inner[1]] = text[inner.end() : position].strip("\n")
            after = stop if end < 0 else end + len(closing)
            yield WrittenCall(markup, match.start(), after, match[1], json.dumps(arguments, ensure_ascii=False))

    return read


def _harmony(text: str, markup: Markup) -> Iterator[WrittenCall]:
    for match in islice(_HARMONY.finditer(text), MOST_SIGNS):
        following = text.find("<|channel|>", match.end())
        body = text.find("<|message|>", match.end(), len(text) if following < 0 else following)
        parsed = _object(text, body + len("<|message|>")) if body >= 0 else None
        if parsed is not None:
            yield WrittenCall(markup, match.start(), parsed[1], match[1], text[body + 11 : parsed[1]].strip())
        elif body >= 0:
            yield WrittenCall(markup, match.start(), body, match[1], "")


_DEEPSEEK = re.compile(
    r"<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>)?(\w[\w.\-]{0,127})(?:<｜tool▁sep｜>)?\s*(?:```json)?"
)


def _deepseek(text: str, markup: Markup) -> Iterator[WrittenCall]:
    for match in islice(_DEEPSEEK.finditer(text), MOST_SIGNS):
        parsed = _object(text, match.end())
        if parsed is not None:
            yield WrittenCall(markup, match.start(), parsed[1], match[1], text[match.end() : parsed[1]].strip())


def _bare(text: str) -> Iterator[WrittenCall]:
    """A text that is nothing but one JSON value."""
    parsed = _object(text, 0)
    if parsed is not None and not text[parsed[1] :].strip():
        yield from (WrittenCall(Markup.BARE, 0, parsed[1], *named) for named in _calls_in(parsed[0]))


_FORMS: tuple[tuple[Markup, str, Callable[[str, Markup], Iterator[WrittenCall]]], ...] = (
    (Markup.TOOL_CALL, "<tool_call>", _json_after(re.compile(r"<tool_call>"))),
    (Markup.FUNCTION, "<function=", _tagged(_FUNCTION, "</function>", _PARAMETER)),
    (Markup.INVOKE, "<invoke name=", _tagged(_INVOKE, "</invoke>", _INVOKE_PARAMETER)),
    (Markup.MISTRAL, "[TOOL_CALLS]", _json_after(re.compile(r"\[TOOL_CALLS\]"))),
    (Markup.PYTHON_TAG, "<|python_tag|>", _json_after(re.compile(r"<\|python_tag\|>"))),
    (Markup.DEEPSEEK, "<｜tool▁call▁begin｜>", _deepseek),
    (Markup.HARMONY, "<|channel|>", _harmony),
    (Markup.FENCED, "```", _json_after(re.compile(r"```(?:json|tool_call|tool_code)?[ \t]*\r?\n"))),
)
