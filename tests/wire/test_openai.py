"""The OpenAI chat dialect: what each chunk and each completion says, and what is odd about it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.wire.answer import Answer, ToolCall, fold
from lumeai_cli.wire.event import (
    BackendError,
    CallPart,
    Done,
    Event,
    Finish,
    KeepAlive,
    Odd,
    OddKind,
    Reasoning,
    Refusal,
    Started,
    Text,
    Usage,
    Via,
)
from lumeai_cli.wire.frame import Frame, FrameKind
from lumeai_cli.wire.openai import events_of
from lumeai_cli.wire.value import SHOWN
from tests.wire.feeding import AT, fed, read

Row = tuple[str, Any, list[Event]]


def text(said: str, via: Via = Via.DELTA) -> Text:
    """A piece of text."""
    return Text(0, AT, said, via)


def started(role: str = "assistant", model: str = "") -> Started:
    """The beginning of a turn."""
    return Started(0, AT, role, model)


def part(slot: int, identity: str = "", name: str = "", arguments: str = "", via: Via = Via.DELTA) -> CallPart:
    """A piece of a tool call."""
    return CallPart(0, AT, slot, identity, name, arguments, via)


def odd(kind: OddKind, detail: str = "") -> Odd:
    """Something unusual."""
    return Odd(0, AT, kind, detail)


def failed(message: str, type_: str = "", code: str = "", shape: str = "object") -> BackendError:
    """An error told in the body."""
    return BackendError(0, AT, message, type_, code, shape)


def usage(prompt: int = -1, completion: int = -1, reasoning: int = -1) -> Usage:
    """Token counts."""
    return Usage(0, AT, prompt, completion, reasoning)


def finish(reason: str) -> Finish:
    """A finish reason."""
    return Finish(0, AT, reason)


def delta(**said: Any) -> dict[str, Any]:
    """A chunk with this delta."""
    return {"choices": [{"index": 0, "delta": said, "finish_reason": None}]}


def message(**said: Any) -> dict[str, Any]:
    """A completion with this message."""
    return {"choices": [{"index": 0, "message": said, "finish_reason": None}]}


def call(identity: str | None = None, name: str | None = None, arguments: Any = None, **more: Any) -> dict[str, Any]:
    """An entry of `tool_calls`; what is None is left out."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {**({"id": identity} if identity is not None else {}), "function": function, **more}


STREAMED: list[Row] = [
    ("text", delta(content="a"), [text("a")]),
    ("empty text", delta(content=""), []),
    ("null text", delta(content=None), []),
    ("white space is text", delta(content=" \n"), [text(" \n")]),
    ("an empty delta", delta(), []),
    ("the role", delta(role="assistant", content=""), [started()]),
    ("the role, null", delta(role=None, content="a"), [text("a")]),
    ("the role and the model", {"model": "m", **delta(role="assistant")}, [started(model="m")]),
    ("the model, no text", {"model": 7, **delta(role="assistant")}, [started(model="7")]),
    (
        "another role",
        delta(role="user", content="a"),
        [odd(OddKind.FOREIGN_ROLE, "'user'"), started("user"), text("a")],
    ),
    ("a role that is no text", delta(role={"a": 1}), [odd(OddKind.FOREIGN_ROLE, '{"a": 1}'), started("{'a': 1}")]),
    ("finish", {"choices": [{"delta": {}, "finish_reason": "stop"}]}, [finish("stop")]),
    ("finish, no delta", {"choices": [{"finish_reason": "stop"}]}, [finish("stop")]),
    ("finish that is no text", {"choices": [{"delta": {}, "finish_reason": 1}]}, [finish("1")]),
    (
        "text and finish",
        {"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]},
        [text("a"), finish("stop")],
    ),
    ("only the first choice", {"choices": [{"delta": {"content": "a"}}, {"delta": {"content": "b"}}]}, [text("a")]),
    ("the last of duplicate keys", rb'{"choices":[{"delta":{"content":"a","content":"b"}}]}', [text("b")]),
    ("separators in JSON", delta(content="a\u2028b\x85c"), [text("a\u2028b\x85c")]),
    ("a lone surrogate", rb'{"choices":[{"delta":{"content":"\ud83d"}}]}', [text("\ud83d")]),
    # reasoning and refusal
    ("reasoning_content", delta(reasoning_content="a"), [Reasoning(0, AT, "a", "reasoning_content")]),
    ("reasoning", delta(reasoning="a", content="b"), [Reasoning(0, AT, "a", "reasoning"), text("b")]),
    (
        "both fields say it once",
        delta(reasoning_content="a", reasoning="a"),
        [Reasoning(0, AT, "a", "reasoning_content")],
    ),
    ("the first is empty", delta(reasoning_content="", reasoning="a"), [Reasoning(0, AT, "a", "reasoning")]),
    ("reasoning that is no text", delta(reasoning={"a": 1}), []),
    ("refusal", delta(refusal="no"), [Refusal(0, AT, "no")]),
    ("no refusal", delta(refusal=None, content="a"), [text("a")]),
    # content
    (
        "content parts",
        delta(content=[{"type": "text", "text": "a"}, {"type": "image"}, "b", {"text": "c"}]),
        [
            odd(OddKind.CONTENT_PARTS, '[{"type": "text", "text": "a"}, {"type": "image"}, "b", {"text": "c"}]'),
            text("ac", Via.PARTS),
        ],
    ),
    ("no content parts", delta(content=[]), [odd(OddKind.CONTENT_PARTS, "[]")]),
    ("content is a number", delta(content=1), [odd(OddKind.BAD_CONTENT, "1")]),
    ("content is false", delta(content=False), [odd(OddKind.BAD_CONTENT, "False")]),
    ("content is an object", delta(content={"text": "a"}), [odd(OddKind.BAD_CONTENT, '{"text": "a"}')]),
    ("long values are cut", delta(content=["x" * 500]), [odd(OddKind.CONTENT_PARTS, '["' + "x" * (SHOWN - 2) + "...")]),
    # tool calls
    ("a call", delta(tool_calls=[call("c1", "read", "{}", index=0)]), [part(0, "c1", "read", "{}")]),
    ("a call begins", delta(tool_calls=[call("c1", "read", "", index=3)]), [part(3, "c1", "read")]),
    ("a call goes on", delta(tool_calls=[call(arguments='{"a', index=0)]), [part(0, arguments='{"a')]),
    ("a call goes on, null id", delta(tool_calls=[call(arguments="x", index=0, id=None)]), [part(0, arguments="x")]),
    ("a call goes on, empty id", delta(tool_calls=[call("", "", "x", index=0)]), [part(0, arguments="x")]),
    (
        "a null id and a name",
        delta(tool_calls=[call(None, "a", index=0, id=None)]),
        [odd(OddKind.CALL_NO_ID), part(0, "", "a")],
    ),
    (
        "two calls",
        delta(tool_calls=[call("c1", "a", "{}", index=0), call("c2", "b", "{}", index=1)]),
        [part(0, "c1", "a", "{}"), part(1, "c2", "b", "{}")],
    ),
    (
        "two calls without indices",
        delta(tool_calls=[call("c1", "a", "{}"), call("c2", "b", "{}")]),
        [
            odd(OddKind.CALL_NO_INDEX),
            part(0, "c1", "a", "{}"),
            odd(OddKind.CALL_NO_INDEX),
            part(1, "c2", "b", "{}"),
        ],
    ),
    (
        "an index that is text",
        delta(tool_calls=[call("c1", "a", "{}", index="5")]),
        [odd(OddKind.CALL_NO_INDEX), part(0, "c1", "a", "{}")],
    ),
    ("no id", delta(tool_calls=[call(None, "a", "{}", index=0)]), [odd(OddKind.CALL_NO_ID), part(0, "", "a", "{}")]),
    ("an empty id", delta(tool_calls=[call("", "a", index=0)]), [odd(OddKind.CALL_EMPTY_ID), part(0, "", "a")]),
    (
        "an id that is no text",
        delta(tool_calls=[call(None, "a", index=0, id=7)]),
        [odd(OddKind.CALL_BAD_ID, "7"), part(0, "7", "a")],
    ),
    (
        "no name",
        delta(tool_calls=[call("c1", None, "{}", index=0)]),
        [odd(OddKind.CALL_NO_NAME), part(0, "c1", "", "{}")],
    ),
    (
        "arguments as an object",
        delta(tool_calls=[call("c1", "a", {"p": "я"}, index=0)]),
        [odd(OddKind.CALL_BAD_ARGUMENTS, '{"p": "я"}'), part(0, "c1", "a", '{"p": "я"}')],
    ),
    ("null calls", delta(tool_calls=None, content="a"), [text("a")]),
    ("no calls", delta(tool_calls=[], content="a"), [text("a")]),
    ("calls that are no list", delta(tool_calls={"id": "c1"}), [odd(OddKind.BAD_CALLS, '{"id": "c1"}')]),
    (
        "entries that are no calls",
        delta(tool_calls=["a", {"id": "c1"}, {"function": None}, call("c2", "b", "{}", index=0)]),
        [
            odd(OddKind.BAD_CALLS, "'a'"),
            odd(OddKind.BAD_CALLS, '{"id": "c1"}'),
            odd(OddKind.BAD_CALLS, '{"function": null}'),
            part(0, "c2", "b", "{}"),
        ],
    ),
    (
        "function_call",
        delta(function_call={"name": "a", "arguments": "{}"}),
        [odd(OddKind.FUNCTION_CALL), part(0, "", "a", "{}", Via.FUNCTION_CALL)],
    ),
    (
        "function_call with an object",
        delta(function_call={"arguments": {}}),
        [odd(OddKind.FUNCTION_CALL), part(0, via=Via.FUNCTION_CALL)],
    ),
    ("function_call, null", delta(function_call=None, content="a"), [text("a")]),
    # usage
    (
        "usage",
        {**delta(), "usage": {"prompt_tokens": 7, "completion_tokens": 0, "total_tokens": 7}},
        [usage(7, 0)],
    ),
    ("usage, null", {**delta(), "usage": None}, []),
    ("usage without choices", {"choices": [], "usage": {"prompt_tokens": 7}}, [usage(7), odd(OddKind.EMPTY_CHOICES)]),
    (
        "usage with reasoning",
        {**delta(), "usage": {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 8}}},
        [usage(-1, 9, 8)],
    ),
    ("usage with odd details", {**delta(), "usage": {"completion_tokens_details": [1]}}, [usage()]),
    ("usage with nulls", {**delta(), "usage": {"prompt_tokens": None}}, [usage()]),
    ("usage with fractions", {**delta(), "usage": {"prompt_tokens": 7.0, "completion_tokens": 1.5}}, [usage(7, 1)]),
    ("usage beyond numbers", b'{"choices":[{"delta":{}}],"usage":{"prompt_tokens":1e999}}', [usage()]),
    ("usage of 400 digits", {**delta(), "usage": {"prompt_tokens": 10**400}}, [usage(10**400)]),
    (
        "usage as text",
        {**delta(), "usage": {"prompt_tokens": "7", "completion_tokens": 1}},
        [odd(OddKind.BAD_USAGE, '{"prompt_tokens": "7", "completion_tokens": 1}'), usage(-1, 1)],
    ),
    (
        "usage as truth",
        {**delta(), "usage": {"prompt_tokens": True}},
        [odd(OddKind.BAD_USAGE, '{"prompt_tokens": true}'), usage()],
    ),
    ("usage that is no object", {**delta(), "usage": []}, [odd(OddKind.BAD_USAGE, "[]")]),
    # errors
    (
        "an error",
        {"error": {"message": "no", "type": "t", "code": 429, "param": None}},
        [failed("no", "t", "429")],
    ),
    ("an error without a message", {"error": {"code": "x"}}, [failed('{"code": "x"}', "", "x")]),
    ("an empty error", {"error": {}}, [failed("{}")]),
    ("an error of nulls", {"error": {"message": None, "code": None}}, [failed('{"message": null, "code": null}')]),
    ("an error as text", {"error": "no"}, [failed("no", shape="string")]),
    ("an error as a list", {"error": [1]}, [failed("[1]", shape="string")]),
    ("an error beside text", {"error": {"message": "no"}, **delta(content="a")}, [failed("no"), text("a")]),
    ("error: null", {"error": None, **delta(content="a")}, [odd(OddKind.ERROR_NULL), text("a")]),
    ("error: null alone", {"error": None}, [odd(OddKind.ERROR_NULL)]),
    (
        "an error at the top, as vLLM had it",
        {"object": "error", "message": "no", "type": "t", "code": 400},
        [failed("no", shape="event")],
    ),
    ("an error at the top without words", {"object": "error"}, [failed('{"object": "error"}', shape="event")]),
    # choices
    ("no choices", {"id": 1, "detail": "x"}, [odd(OddKind.NO_CHOICES, "id, detail")]),
    ("an empty object", {}, [odd(OddKind.NO_CHOICES)]),
    (
        "a message beside no choices",
        {"message": {"role": "assistant", "content": "a"}},
        [odd(OddKind.NO_CHOICES, "message")],
    ),
    ("a message as text", {"message": "a", "done": True}, [odd(OddKind.NO_CHOICES, "message, done")]),
    (
        "usage beside no choices",
        {"id": "a", "usage": {"prompt_tokens": 7}},
        [usage(7), odd(OddKind.NO_CHOICES, "id, usage")],
    ),
    (
        "an event of the Responses API",
        {"type": "response.created", "response": {"id": "r"}},
        [odd(OddKind.NO_CHOICES, "type, response")],
    ),
    (
        "an item of the Responses API",
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
        [odd(OddKind.NO_CHOICES, "type, role, content")],
    ),
    # other dialects
    (
        "a line of Ollama's",
        {"model": "m", "message": {"role": "assistant", "content": "a"}, "done": False},
        [
            odd(OddKind.NO_CHOICES, "model, message, done"),
            odd(OddKind.FOREIGN_DIALECT, "ollama"),
            started(model="m"),
            text("a", Via.OLLAMA),
        ],
    ),
    (
        "Ollama's marks and an error as text",
        {"message": {"content": "a"}, "done": False, "error": "no"},
        [odd(OddKind.FOREIGN_DIALECT, "ollama"), failed("no", shape="string"), text("a", Via.OLLAMA)],
    ),
    (
        "Ollama's marks and an error as an object",
        {"message": {"content": "a"}, "done": False, "error": {"message": "no"}},
        [failed("no")],
    ),
    (
        "an error in an error, as Ollama passes it on",
        {"error": json.dumps({"error": {"message": "no", "type": "t", "code": 400}})},
        [failed("no", "t", "400", "string")],
    ),
    (
        "the same as the message of an object is quoted as it stands",
        {"error": {"message": '{"error":{"message":"no"}}', "type": "t"}},
        [failed('{"error":{"message":"no"}}', "t")],
    ),
    (
        "an event of Anthropic's",
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}},
        [
            odd(OddKind.NO_CHOICES, "type, index, delta"),
            odd(OddKind.FOREIGN_DIALECT, "anthropic"),
            text("a", Via.ANTHROPIC),
        ],
    ),
    (
        "Anthropic's counts",
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
        [
            odd(OddKind.NO_CHOICES, "type, delta, usage"),
            odd(OddKind.FOREIGN_DIALECT, "anthropic"),
            usage(-1, 9),
            Finish(0, AT, "stop", Via.ANTHROPIC),
        ],
    ),
    (
        "Anthropic's ping",
        {"type": "ping"},
        [odd(OddKind.NO_CHOICES, "type"), odd(OddKind.FOREIGN_DIALECT, "anthropic"), KeepAlive(0, AT)],
    ),
    (
        "Anthropic's error",
        {"type": "error", "error": {"type": "overloaded_error", "message": "no"}},
        [odd(OddKind.FOREIGN_DIALECT, "anthropic"), failed("no", "overloaded_error")],
    ),
    (
        "choices beside another dialect's marks",
        {"done": True, "type": "message_stop", **message(content="a")},
        [text("a", Via.MESSAGE), odd(OddKind.MESSAGE_FOR_DELTA)],
    ),
    ("empty choices", {"choices": []}, [odd(OddKind.EMPTY_CHOICES)]),
    ("null choices", {"choices": None}, [odd(OddKind.BAD_CHOICES, "None")]),
    ("choices that are an object", {"choices": {"delta": {}}}, [odd(OddKind.BAD_CHOICES, '{"delta": {}}')]),
    ("choices that are no objects", {"choices": ["a"]}, [odd(OddKind.BAD_CHOICES, '["a"]')]),
    ("no delta", {"choices": [{"index": 0, "content": "a"}]}, [odd(OddKind.NO_DELTA, "index, content")]),
    ("delta, null", {"choices": [{"delta": None}]}, [odd(OddKind.NO_DELTA, "delta")]),
    ("legacy text", {"choices": [{"text": "a"}]}, [odd(OddKind.LEGACY_TEXT), text("a", Via.TEXT)]),
    ("legacy text, empty", {"choices": [{"text": ""}]}, [odd(OddKind.LEGACY_TEXT)]),
    (
        "a message for a delta",
        message(role="assistant", content="a"),
        [started(), text("a", Via.MESSAGE), odd(OddKind.MESSAGE_FOR_DELTA)],
    ),
    (
        "a message with a call",
        message(tool_calls=[call("c1", "a", "{}")]),
        [part(0, "c1", "a", "{}", Via.MESSAGE), odd(OddKind.MESSAGE_FOR_DELTA)],
    ),
    (
        "a delta goes before a message",
        {"choices": [{"delta": {"content": "a"}, "message": {"content": "b"}}]},
        [text("a")],
    ),
    # what is no chunk
    ("an array", [1], [odd(OddKind.NOT_AN_OBJECT, "[1]")]),
    ("a text", "a", [odd(OddKind.NOT_AN_OBJECT, "'a'")]),
    ("null", None, [odd(OddKind.NOT_AN_OBJECT, "None")]),
    ("NaN", b'{"choices":[{"delta":{"content":NaN}}]}', [odd(OddKind.BROKEN_JSON, "NaN is no JSON")]),
    ("broken", b'{"choices"', [odd(OddKind.BROKEN_JSON, "Expecting ':' delimiter: line 1 column 11 (char 10)")]),
    ("two in one line", b"{} {}", [odd(OddKind.BROKEN_JSON, "text after the value at character 2")]),
    ("prose", b"hello", [odd(OddKind.BROKEN_JSON, "Expecting value: line 1 column 1 (char 0)")]),
    ("empty data", b"", [odd(OddKind.BROKEN_JSON, "Expecting value: line 1 column 1 (char 0)")]),
    (
        "no utf-8",
        b'{"choices":[{"delta":{"content":"\xff"}}]}',
        [odd(OddKind.INVALID_UTF8, "invalid start byte at byte 33"), text("\ufffd")],
    ),
    ("done", b"[DONE]", [Done(0, AT)]),
    ("done, and more", b"[DONE] {}", [Done(0, AT)]),
]

WHOLE: list[Row] = [
    (
        "a completion",
        {
            "model": "m",
            "choices": [{"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2},
        },
        [usage(1, 2), started(model="m"), text("a", Via.MESSAGE), finish("stop")],
    ),
    (
        "the mock of the user's report",
        {"choices": [{"message": {"content": "Привет!"}}]},
        [text("Привет!", Via.MESSAGE)],
    ),
    ("reasoning", message(reasoning="a", content=None), [Reasoning(0, AT, "a", "reasoning")]),
    ("refusal", message(refusal="no", content=None), [Refusal(0, AT, "no")]),
    ("a call needs no index", message(tool_calls=[call("c1", "a", "{}")]), [part(0, "c1", "a", "{}", Via.MESSAGE)]),
    (
        "a call without an id",
        message(tool_calls=[call(None, "a", "{}")]),
        [odd(OddKind.CALL_NO_ID), part(0, "", "a", "{}", Via.MESSAGE)],
    ),
    (
        "arguments as an object",
        message(tool_calls=[call("c1", "a", {})]),
        [odd(OddKind.CALL_BAD_ARGUMENTS, "{}"), part(0, "c1", "a", "{}", Via.MESSAGE)],
    ),
    (
        "function_call",
        message(function_call={"name": "a", "arguments": "{}"}),
        [odd(OddKind.FUNCTION_CALL), part(0, "", "a", "{}", Via.FUNCTION_CALL)],
    ),
    (
        "content parts",
        message(content=[{"text": "a"}]),
        [odd(OddKind.CONTENT_PARTS, '[{"text": "a"}]'), text("a", Via.PARTS)],
    ),
    ("another role", message(role="user"), [odd(OddKind.FOREIGN_ROLE, "'user'"), started("user")]),
    ("a delta for a message", delta(content="a"), [text("a"), odd(OddKind.DELTA_FOR_MESSAGE)]),
    ("legacy text", {"choices": [{"text": "a"}]}, [odd(OddKind.LEGACY_TEXT), text("a", Via.TEXT)]),
    ("neither message nor delta", {"choices": [{"index": 0}]}, []),
    ("an error", {"error": {"message": "no"}}, [failed("no")]),
    ("an error as text", {"error": "no"}, [failed("no", shape="string")]),
    (
        "an answer of Ollama's",
        {"model": "m", "created_at": "t", "response": "a", "done": True, "done_reason": "stop"},
        [
            odd(OddKind.NO_CHOICES, "model, created_at, response, done, done_reason"),
            odd(OddKind.FOREIGN_DIALECT, "ollama"),
            started(model="m"),
            text("a", Via.OLLAMA),
            Finish(0, AT, "stop", Via.OLLAMA),
            Done(0, AT),
        ],
    ),
    (
        "a message of Anthropic's",
        {"type": "message", "content": [{"type": "text", "text": "a"}], "stop_reason": "max_tokens"},
        [
            odd(OddKind.NO_CHOICES, "type, content, stop_reason"),
            odd(OddKind.FOREIGN_DIALECT, "anthropic"),
            text("a", Via.ANTHROPIC),
            Finish(0, AT, "length", Via.ANTHROPIC),
        ],
    ),
    ("a model list", {"object": "list", "data": []}, [odd(OddKind.NO_CHOICES, "object, data")]),
    ("usage as text", {"choices": [], "usage": "7"}, [odd(OddKind.BAD_USAGE, "'7'"), odd(OddKind.EMPTY_CHOICES)]),
    ("an array", [1], [odd(OddKind.NOT_AN_OBJECT, "[1]")]),
    (
        "Gemini's error in an array",
        [{"error": {"message": "no", "code": 400}}],
        [odd(OddKind.NOT_AN_OBJECT, '[{"error": {"message": "no", "code": 400}}]'), failed("no", "", "400")],
    ),
    ("an array with null for an error", [{"error": None}], [odd(OddKind.NOT_AN_OBJECT, '[{"error": null}]')]),
    (
        "no utf-8",
        b'{"error":"\xc3"}',
        [odd(OddKind.INVALID_UTF8, "invalid continuation byte at byte 10"), failed("\ufffd", shape="string")],
    ),
]

FRAMED: list[tuple[str, bytes, list[Event]]] = [
    ("a keep-alive", b": ping\n\n", [KeepAlive(0, AT)]),
    ("a page", b"<html>", []),
    ("plain text", b"Bad Gateway", []),
    ("a name alone is no event", b"event: ping\n\n", []),
    ("retry alone is no event", b"retry: 3000\n\n", []),
    ("id alone is no event", b"id: 1\n\n", []),
    (
        "a name and empty data",
        b"event: ping\ndata:\n\n",
        [odd(OddKind.BROKEN_JSON, "Expecting value: line 1 column 1 (char 0)")],
    ),
    (
        "event: error with an error",
        b'event: error\ndata: {"error":{"message":"no"}}\n\n',
        [failed("no")],
    ),
    (
        "event: error without one",
        b'event: error\ndata: {"message":"no"}\n\n',
        [failed("no", shape="event"), odd(OddKind.EVENT_ERROR, '{"message": "no"}')],
    ),
    (
        "event: error, no message",
        b'event: error\ndata: {"a":1}\n\n',
        [failed('{"a": 1}', shape="event"), odd(OddKind.EVENT_ERROR, '{"a": 1}')],
    ),
    (
        "event: error goes before another dialect",
        b'event: error\ndata: {"type":"message_stop"}\n\n',
        [
            failed('{"type": "message_stop"}', shape="event"),
            odd(OddKind.EVENT_ERROR, '{"type": "message_stop"}'),
        ],
    ),
    (
        "event: error of Anthropic's",
        b'event: error\ndata: {"type":"error","error":{"type":"t","message":"no"}}\n\n',
        [odd(OddKind.FOREIGN_DIALECT, "anthropic"), failed("no", "t")],
    ),
    (
        "the last line of Ollama's, not framed",
        b': c\n{"model":"m","created_at":"t","done":true}\n',
        [
            KeepAlive(0, AT),
            Odd(1, AT, OddKind.NO_CHOICES, "model, created_at, done"),
            Odd(1, AT, OddKind.FOREIGN_DIALECT, "ollama"),
            Done(1, AT),
        ],
    ),
    ("JSON over several data lines", b'data: {"choices":\ndata: [{"delta":{"content":"a"}}]}\n\n', [text("a")]),
    (
        "single newlines",
        b'data: {"choices":[]}\ndata: {"choices":[]}\ndata: [DONE]\n\n',
        [odd(OddKind.SEVERAL_IN_ONE, "3 data lines")],
    ),
    (
        "lines of which one is broken",
        b'data: {"choices":[]}\ndata: {"cho\n\n',
        [odd(OddKind.BROKEN_JSON, "text after the value at character 14")],
    ),
    (
        "an error that is not framed",
        b': c\n{"error":"no"}\n',
        [KeepAlive(0, AT), BackendError(1, AT, "no", shape="string")],
    ),
    ("a number that is not framed", b": c\n7\n", [KeepAlive(0, AT)]),
    (
        "ndjson is streamed",
        b'{"choices":[{"delta":{"content":"a"}}]}\n{}\n',
        [text("a"), Odd(1, AT, OddKind.NO_CHOICES)],
    ),
    (
        "a message in ndjson",
        b'{"choices":[{"message":{"content":"a"}}]}\n{"choices":[{"delta":{"content":"b"}}]}',
        [text("a", Via.MESSAGE), odd(OddKind.MESSAGE_FOR_DELTA), Text(1, AT, "b")],
    ),
    ("JSON with a BOM", b'\xef\xbb\xbf{"error":"no"}', [failed("no", shape="string")]),
    ("a cut-off event says what it holds", b'data: {"error":"no"}', [failed("no", shape="string")]),
    ("a cut-off JSON body", b'{"choices":[{"mess', []),
]


def rows(table: list[Row], framed: bytes) -> pytest.MarkDecorator:
    """A table as parameters, each value framed."""
    bodies = [
        framed % (value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode())
        for _, value, _ in table
    ]
    expected = [row[2] for row in table]
    return pytest.mark.parametrize(
        ("body", "expected"), list(zip(bodies, expected, strict=True)), ids=[row[0] for row in table]
    )


@rows(STREAMED, b"data: %b\n\n")
def test_a_chunk_says(body: bytes, expected: list[Event]) -> None:
    assert fed(body, read).events == tuple(expected)


@rows(WHOLE, b"%b")
def test_a_completion_says(body: bytes, expected: list[Event]) -> None:
    assert fed(body, read).events == tuple(expected)


@rows([*FRAMED], b"%b")
def test_a_body_says(body: bytes, expected: list[Event]) -> None:
    assert fed(body, read).events == tuple(expected)


def test_the_tables_show_every_oddity() -> None:
    shown = {event.kind for row in (*STREAMED, *WHOLE, *FRAMED) for event in row[2] if isinstance(event, Odd)}
    assert shown == set(OddKind)


def test_an_oversized_frame_says_nothing() -> None:
    assert list(events_of(Frame(FrameKind.OVERSIZE, 0, 9, AT, b'{"error":1}'), 0)) == []


def test_events_carry_the_number_and_time_of_their_frame() -> None:
    (event,) = events_of(Frame(FrameKind.JSON, 0, 9, 2.5, b'{"error":"no"}'), 7)
    assert event == BackendError(7, 2.5, "no", shape="string")


HELLO = [delta(role="assistant", content=""), delta(content="Hel"), delta(content="lo")]


def stream(*values: dict[str, Any], end: bytes = b"\n\n") -> bytes:
    """A stream of these chunks and `[DONE]`."""
    return b"".join(b"data: " + json.dumps(value).encode() + end for value in values) + b"data: [DONE]" + end


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            stream(*HELLO, {"choices": [{"delta": {}, "finish_reason": "stop"}]}),
            Answer("Hello", finish="stop", done=True, first_content_at=AT),
            id="text",
        ),
        pytest.param(
            stream(*HELLO, end=b"\r\r"), Answer("Hello", done=True, first_content_at=AT), id="text, line ends of cr"
        ),
        pytest.param(
            stream(
                delta(tool_calls=[call("c1", "read", "", index=0), call("c2", "list", "", index=1)]),
                delta(tool_calls=[call(arguments="[]", index=1), call(arguments='{"p', index=0)]),
                delta(tool_calls=[call("", "", '":1}', index=0)]),
                {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}},
            ),
            Answer(
                calls=(ToolCall("c1", "read", '{"p":1}'), ToolCall("c2", "list", "[]")),
                usage=Usage(3, AT, 1, 2),
                done=True,
                first_content_at=AT,
            ),
            id="two calls in pieces",
        ),
        pytest.param(
            json.dumps(message(content="Hi", tool_calls=[call("c1", "a", {})]), indent=2).encode(),
            Answer("Hi", calls=(ToolCall("c1", "a", "{}"),), first_content_at=AT),
            id="one pretty-printed JSON body",
        ),
        pytest.param(stream(), Answer(done=True), id="done only"),
        pytest.param(b"", Answer(), id="nothing"),
    ],
)
def test_the_answer_of(body: bytes, expected: Answer) -> None:
    assert fed(body, read).answer == expected


def test_the_answer_after_done_counts_too() -> None:
    assert read([stream() + stream(*HELLO)]).answer.text == "Hello"


NAMES = ["choices", "delta", "message", "text", "content", "role", "tool_calls", "function", "function_call", "name"]
NAMES += ["arguments", "id", "index", "error", "object", "usage", "prompt_tokens", "completion_tokens_details", "code"]
NAMES += ["done", "response", "created_at", "stop_reason", "content_block"]
NAMES += ["reasoning", "reasoning_content", "reasoning_tokens", "refusal", "finish_reason", "model", "type"]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["error", "assistant", "message", "message_delta", "message_start", "content_block_start"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
CHUNKS = (
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4)
    | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6).map(lambda said: delta(**said))
    | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6).map(lambda said: message(**said))
    | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4).map(lambda entry: delta(tool_calls=[entry]))
)


@given(value=CHUNKS, kind=st.sampled_from(FrameKind), name=st.sampled_from(["", "error", "ping"]))
def test_no_value_makes_it_raise(value: Any, kind: FrameKind, name: str) -> None:
    data = json.dumps(value).encode()
    events = list(events_of(Frame(kind, 0, len(data), AT, data, name=name), 3))
    assert {(event.frame, event.at) for event in events} <= {(3, AT)}
    assert all(event.text for event in events if isinstance(event, Text | Reasoning | Refusal))
    assert all(len(event.detail) <= SHOWN + 3 for event in events if isinstance(event, Odd))
    assert fold(events).errors == tuple(event for event in events if isinstance(event, BackendError))


DEEP_PLACES = [b"%b", b'{"error":%b}', b'{"error":{"message":%b}}', b'{"error":{"code":%b,"type":%b}}']
DEEP_PLACES += [
    b'{"object":"error","message":%b}',
    b'{"choices":%b}',
    b'{"model":%b,"choices":[{"delta":{"role":"a"}}]}',
]
DEEP_PLACES += [b'{"choices":[{"delta":{"role":%b,"content":%b}}]}', b'{"choices":[{"finish_reason":%b}]}']
DEEP_PLACES += [b'{"choices":[{"delta":{"tool_calls":[{"id":%b,"function":{"name":%b,"arguments":%b}}]}}]}']
DEEP_PLACES += [
    b'{"choices":[{"delta":{"function_call":{"name":%b,"arguments":%b}}}]}',
    b'{"usage":{"prompt_tokens":%b}}',
    b'{"done":true,"message":{"role":%b,"content":%b,"tool_calls":[{"function":{"name":%b,"arguments":%b}}]}}',
    b'{"done":true,"message":{"tool_calls":%b},"done_reason":%b,"eval_count":%b}',
    b'{"type":"message","stop_reason":%b,"usage":%b,"content":[{"type":"tool_use","input":%b},%b]}',
    b'{"type":"error","error":{"message":%b,"type":%b}}',
]


@pytest.mark.parametrize("place", DEEP_PLACES, ids=bytes.decode)
@pytest.mark.parametrize("ends", [(b"[", b"", b"]"), (b'{"a":', b"1", b"}")], ids=["lists", "objects"])
def test_no_depth_makes_it_raise(place: bytes, ends: tuple[bytes, bytes, bytes]) -> None:
    """Just under the depth where the parser gives up, what then shows the value must bear it, too."""
    for depth in [*range(700, 1000, 3), 100_000]:
        value = ends[0] * depth + ends[1] + ends[2] * depth
        data = place % ((value,) * place.count(b"%b"))
        assert len(list(events_of(replace(FRAME, data=data), 0))) <= 9


FRAME = Frame(FrameKind.EVENT, 0, 9, AT, b"")
