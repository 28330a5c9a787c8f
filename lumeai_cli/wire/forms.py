"""The forms in which chat templates have models write tool calls, each with its reader.

Read in the templates of the model families and in the parsers of vLLM and llama.cpp; Hermes, fenced and bare JSON seen
from a real llama.cpp server with Qwen2.5-Coder, 2026-11:

- Hermes and Qwen `<tool_call>{json}</tool_call>`, also without the opening tag, which models forget
- Qwen-Coder `<function=name>`; MiniMax and Anthropic-like `<invoke name="...">`, whatever tag stands around it
- GLM 4.5 and later `<tool_call>name<arg_key>k</arg_key><arg_value>v</arg_value></tool_call>`
- Mistral `[TOOL_CALLS]` with JSON, from its 11th tokenizer on with `name[CALL_ID]id[ARGS]{json}`
- Llama `<|python_tag|>` with JSON or `name.call(key="value")`, and a text that is nothing but `[name(key="value")]`
- DeepSeek `<｜tool▁call▁begin｜>`, Kimi K2 `<|tool_call_begin|>`
- Harmony `<|channel|>commentary to=functions.name`, the recipient also before the channel
- ReAct `Action:` and `Action Input:`, a fenced JSON object, a text that is nothing but one JSON object

A mention is no call: what does not parse to a name and arguments, where the form has them, is left alone.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from lumeai_cli.wire.pythonic import read_call, read_calls

MOST_SIGNS = 256  # places where one form is tried: each may read on to the end of the text


class Markup(StrEnum):
    """The forms, named by their most telling sign."""

    TOOL_CALL = "<tool_call>"
    UNOPENED = "</tool_call>"
    FUNCTION = "<function=>"
    INVOKE = "<invoke>"
    GLM = "<arg_key>"
    MISTRAL = "[TOOL_CALLS]"
    PYTHON_TAG = "<|python_tag|>"
    PYTHONIC = "[name()]"
    DEEPSEEK = "<｜tool▁calls▁begin｜>"
    KIMI = "<|tool_call_begin|>"
    HARMONY = "<|channel|>"
    REACT = "Action:"
    FENCED = "```json"
    BARE = "{json}"


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """One call as it was written: its form, its place in the text, the tool's name and the arguments as JSON text.

    Where each parameter has a tag of its own the values are texts, for the markup does not tell their types.
    """

    markup: Markup
    start: int
    end: int
    name: str
    arguments: str


Read = Callable[[str, Markup], Iterator[WrittenCall]]
"""A text in, its calls of one form out."""


_decoder = json.JSONDecoder()


def _value(text: str, start: int) -> tuple[Any, int] | None:
    """The JSON object or list that begins at or after white space at this place, and where it ends."""
    while start < len(text) and text[start] in " \t\r\n":
        start += 1
    if start >= len(text) or text[start] not in "{[":
        return None
    try:
        return _decoder.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None


def _arguments(text: str, start: int) -> tuple[str, int] | None:
    """The JSON object there as it is written, and where it ends."""
    parsed = _value(text, start)
    if parsed is None or not isinstance(parsed[0], dict):
        return None
    return text[start : parsed[1]].strip(), parsed[1]


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


def _signs(sign: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """The places of a sign; not too many."""
    return islice(sign.finditer(text), MOST_SIGNS)


def _json_after(sign: re.Pattern[str], following: re.Pattern[str] | None = None) -> Read:
    """A reader of forms in which a sign is followed by JSON, and what `following` tells by that."""

    def read(text: str, markup: Markup) -> Iterator[WrittenCall]:
        after = 0
        for match in _signs(sign, text):
            parsed = _value(text, match.end()) if match.start() >= after else None
            if parsed is None:
                continue  # or inside the one before
            value, end = parsed
            if following is None or following.match(text, end):
                after = end
                yield from (WrittenCall(markup, match.start(), end, *named) for named in _calls_in(value))

    return read


_NAME = r"(?P<name>\w[\w.\-]{0,127})"
_MANGLED = re.compile(
    rf'<tool_call>\s{{0,9}}(?P<json>\{{\s{{0,9}}"name"\s{{0,9}}:\s{{0,9}}"{_NAME}"\s{{0,9}},)'
    r'(?:\s{0,9}"(?:arguments|parameters)"\s{0,9}:)?'
)


def _mangled(text: str, markup: Markup) -> Iterator[WrittenCall]:
    """A call between its tags whose JSON is broken, as small models write it; the arguments are what stands there."""
    for match in _signs(_MANGLED, text):
        end = text.find("</tool_call>", match.end())
        if end >= 0 and _value(text, match.start("json")) is None:
            yield WrittenCall(markup, match.start(), end, match["name"], text[match.end() : end].strip())


def _named_then_json(sign: re.Pattern[str]) -> Read:
    """A reader of forms in which a sign holds the name, and the arguments follow as a JSON object."""

    def read(text: str, markup: Markup) -> Iterator[WrittenCall]:
        for match in _signs(sign, text):
            parsed = _arguments(text, match.end())
            if parsed is not None:
                yield WrittenCall(markup, match.start(), parsed[1], match["name"], parsed[0])

    return read


_MISTRAL = re.compile(r"\[TOOL_CALLS\]")
_MISTRAL_NAME = re.compile(rf"\s*{_NAME}(?:\[CALL_ID\]\w{{1,64}})?(?P<arguments>\[ARGS\])?")


def _mistral(text: str, markup: Markup) -> Iterator[WrittenCall]:
    after = 0
    for match in _signs(_MISTRAL, text):
        if match.start() < after:
            continue
        start, named = match.start(), _MISTRAL_NAME.match(text, match.end())
        if named is None:
            parsed = _value(text, match.end())
            after = parsed[1] if parsed is not None else after
            for call in _calls_in(parsed[0]) if parsed is not None else ():
                yield WrittenCall(markup, start, after, *call)
        while named is not None and (read := _arguments(text, named.end())) is not None:
            after = read[1]
            yield WrittenCall(markup, start, after, named["name"], read[0])
            start = after
            named = _MISTRAL_NAME.match(text, after)
            if named is not None and not named["arguments"]:
                break  # without a sign of its own, only that one tells a name from prose


def _tagged(opening: re.Pattern[str], closing: str, parameter: re.Pattern[str]) -> Read:
    """A reader of forms in which each parameter has a tag of its own.

    An opening tag alone is no call: its closing tag must follow, or a parameter, and nothing else come first.
    """

    def read(text: str, markup: Markup) -> Iterator[WrittenCall]:
        after, last = 0, text.rfind(closing)
        for match in _signs(opening, text):
            if match.start() < after:
                continue  # inside the one before
            end = text.find(closing, match.end()) if last >= match.end() else -1
            stop = len(text) if end < 0 else end
            arguments: dict[str, str] = {}
            position = match.end()
            while (inner := parameter.match(text, position, stop)) is not None:
                close = text.find("</parameter>", inner.end(), stop)
                arguments[inner["name"]] = text[inner.end() : stop if close < 0 else close].strip("\n")
                position = stop if close < 0 else close + len("</parameter>")
            if arguments or (end >= 0 and _past_space(text, position) == end):
                after = position if end < 0 else end + len(closing)
                yield WrittenCall(markup, match.start(), after, match["name"], _json(arguments))

    return read


_SPACE = re.compile(r"\s*")


def _past_space(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match else start


def _json(arguments: dict[str, str]) -> str:
    return json.dumps(arguments, ensure_ascii=False)


_GLM = re.compile(rf"<tool_call>\s*{_NAME}\s*(?=</?(?:arg_key|tool_call)>)")
_GLM_KEY = re.compile(rf"\s*<arg_key>\s*{_NAME}\s*</arg_key>\s*<arg_value>")
_GLM_END = re.compile(r"\s*</tool_call>")


def _glm(text: str, markup: Markup) -> Iterator[WrittenCall]:
    """Without arguments only the tags are left, which a text about them holds as well: they must stand alone."""
    after, last = 0, text.rfind("</arg_value>")
    for match in _signs(_GLM, text):
        if match.start() < after:
            continue  # inside the one before
        arguments: dict[str, str] = {}
        end = match.end()
        while (key := _GLM_KEY.match(text, end)) is not None and key.end() <= last:
            close = text.find("</arg_value>", key.end())
            arguments[key["name"]] = text[key.end() : close]
            end = close + len("</arg_value>")
        closing = _GLM_END.match(text, end)
        end = closing.end() if closing is not None else end
        alone = text[match.start() - 1 : match.start()] in ("", "\n") and text[end : end + 1] in ("", "\r", "\n")
        if arguments or (closing is not None and alone):
            after = end
            yield WrittenCall(markup, match.start(), end, match["name"], _json(arguments))


_HARMONY = re.compile(
    rf"<\|channel\|>\s*(?:commentary|analysis)\s+to=(?:functions\.)?{_NAME}"
    rf"|(?:<\|start\|>\s*assistant\s+)?\bto=(?:functions\.)?(?P<early>\w[\w.\-]{{0,127}})\s*"
    r"<\|channel\|>\s*(?:commentary|analysis)\b"
)
_MESSAGE = "<|message|>"


def _harmony(text: str, markup: Markup) -> Iterator[WrittenCall]:
    """A message whose recipient is no tool but the assistant is a tool's result."""
    last = text.rfind(_MESSAGE)
    for match in _signs(_HARMONY, text):
        name = match["name"] or match["early"]
        body = text.find(_MESSAGE, match.end()) if last >= match.end() else -1
        if body < 0 or name == "assistant" or text.find("<|channel|>", match.end(), body) >= 0:
            continue
        parsed = _arguments(text, body + len(_MESSAGE))
        if parsed is not None:
            yield WrittenCall(markup, match.start(), parsed[1], name, parsed[0])


_PYTHON_TAG = re.compile(r"<\|python_tag\|>\s*")
_ANOTHER = re.compile(r"\s*;\s*(?=\{)")


def _python_tag(text: str, markup: Markup) -> Iterator[WrittenCall]:
    """JSON, several parted by semicolons; or Python. `print("a")` is no call of a tool, but `a.call(b="c")` is one."""
    for match in _signs(_PYTHON_TAG, text):
        start, parsed = match.start(), _value(text, match.end())
        while parsed is not None:
            value, end = parsed
            yield from (WrittenCall(markup, start, end, *named) for named in _calls_in(value))
            another = _ANOTHER.match(text, end)
            start, parsed = end, _value(text, another.end()) if another is not None else None
        call, many = read_call(text, match.end()), read_calls(text, match.end())
        if call is not None and call[0][0].endswith(".call"):
            (name, arguments), end = call
            yield WrittenCall(markup, match.start(), end, name.removesuffix(".call"), arguments)
        elif many is not None:
            yield from (WrittenCall(markup, match.start(), many[1], *named) for named in many[0])


_BEFORE_LIST = re.compile(r"\s*(?:<\|python_start\|>\s*)?")
_AFTER_LIST = re.compile(r"\s*(?:<\|(?:python_end|eom_id|eot_id|eom|eot)\|>\s*)*\Z")


def _pythonic(text: str, markup: Markup) -> Iterator[WrittenCall]:
    """A text that is nothing but a list of calls."""
    before = _BEFORE_LIST.match(text)
    parsed = read_calls(text, before.end()) if before is not None else None
    if parsed is not None and _AFTER_LIST.match(text, parsed[1]):
        yield from (WrittenCall(markup, 0, parsed[1], *named) for named in parsed[0])


def _bare(text: str, markup: Markup) -> Iterator[WrittenCall]:
    """A text that is nothing but one JSON value."""
    parsed = _value(text, 0)
    if parsed is not None and not text[parsed[1] :].strip():
        yield from (WrittenCall(markup, 0, parsed[1], *named) for named in _calls_in(parsed[0]))


def _sign(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


FORMS: tuple[tuple[Markup, str, Read], ...] = (
    (Markup.TOOL_CALL, "<tool_call>", _json_after(_sign(r"<tool_call>"))),
    (Markup.TOOL_CALL, "<tool_call>", _mangled),
    (
        Markup.UNOPENED,
        "</tool_call>",
        _json_after(
            _sign(r'(?:^|(?<=>))(?=[ \t]*\{\s*"(?:name|function|type|id|arguments|parameters)")'),
            _sign(r"\s*</tool_call>"),
        ),
    ),
    (
        Markup.FUNCTION,
        "<function=",
        _tagged(_sign(rf"<function={_NAME}>"), "</function>", _sign(rf"\s*<parameter={_NAME}>")),
    ),
    (
        Markup.INVOKE,
        "<invoke name=",
        _tagged(
            _sign(rf'<invoke name="{_NAME}"\s*>'), "</invoke>", _sign(rf'\s*<parameter name="{_NAME}"[^>]{{0,64}}>')
        ),
    ),
    (Markup.GLM, "<tool_call>", _glm),
    (Markup.MISTRAL, "[TOOL_CALLS]", _mistral),
    (Markup.PYTHON_TAG, "<|python_tag|>", _python_tag),
    (Markup.PYTHONIC, "[", _pythonic),
    (
        Markup.DEEPSEEK,
        "<｜tool▁call▁begin｜>",
        _named_then_json(
            _sign(rf"<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>)?{_NAME}(?:<｜tool▁sep｜>)?\s*(?:```json)?")
        ),
    ),
    (
        Markup.KIMI,
        "<|tool_call_begin|>",
        _named_then_json(
            _sign(rf"<\|tool_call_begin\|>\s*(?:functions\.)?{_NAME}(?::\d{{1,9}})?\s*<\|tool_call_argument_begin\|>")
        ),
    ),
    (Markup.HARMONY, "<|channel|>", _harmony),
    (
        Markup.REACT,
        "Action Input:",
        _named_then_json(_sign(rf"^Action:[ \t]*{_NAME}[ \t]*\r?\nAction Input:")),
    ),
    (Markup.FENCED, "```", _json_after(_sign(r"```(?:json|tool_call|tool_code)?[ \t]*\r?\n"))),
    (Markup.BARE, "{", _bare),
)
"""Each form, a sign without which it is not there, and its reader."""
