"""Ollama's own dialect: what its objects say, streamed as lines or alone, and which objects are not its own."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.wire import ollama
from lumeai_cli.wire.answer import Answer, ToolCall, fold
from lumeai_cli.wire.event import (
    BackendError,
    CallPart,
    Done,
    Event,
    Finish,
    Odd,
    OddKind,
    Reasoning,
    Started,
    Text,
    Usage,
    Via,
)
from tests.wire.feeding import AT, fed, read

HEAD = {"model": "m", "created_at": "2026-11-22T10:00:00.5Z"}


def chat(**said: Any) -> dict[str, Any]:
    """An object of `/api/chat`."""
    return {**HEAD, "message": {"role": "assistant", **said}, "done": False}


def generate(response: Any, **more: Any) -> dict[str, Any]:
    """An object of `/api/generate`."""
    return {**HEAD, "response": response, "done": False, **more}


def call(name: str, arguments: Any, **more: Any) -> dict[str, Any]:
    """An entry of `tool_calls`."""
    return {"function": {"name": name, "arguments": arguments}, **more}


LAST = {**chat(content=""), "done": True}
STARTED = Started(0, AT, "assistant", "m")
FULL = '{"error":{"code":400,"message":"request (9 tokens) exceeds","type":"exceed_context_size_error","n_ctx":4}}'


def part(slot: int, name: str, arguments: str, identity: str = "") -> CallPart:
    """A whole call."""
    return CallPart(0, AT, slot, identity, name, arguments, Via.OLLAMA)


TABLE: list[tuple[str, dict[str, Any], list[Event]]] = [
    ("text", chat(content="a"), [STARTED, Text(0, AT, "a", Via.OLLAMA)]),
    ("empty text", chat(content=""), [STARTED]),
    ("no role", {"message": {"content": "a"}, "done": False}, [Text(0, AT, "a", Via.OLLAMA)]),
    (
        "thinking",
        chat(content="", thinking="hm"),
        [STARTED, Reasoning(0, AT, "hm", "thinking")],
    ),
    (
        "arguments as an object, by design",
        chat(content="", tool_calls=[call("read", {"path": "я"})]),
        [STARTED, part(0, "read", '{"path": "я"}')],
    ),
    ("arguments as text", chat(tool_calls=[call("read", '{"p":1}')]), [STARTED, part(0, "read", '{"p":1}')]),
    ("no arguments", chat(tool_calls=[{"function": {"name": "read"}}]), [STARTED, part(0, "read", "{}")]),
    (
        "two calls, one with an id",
        chat(tool_calls=[call("a", {}), call("b", {}, id="c1")]),
        [STARTED, part(0, "a", "{}"), part(1, "b", "{}", "c1")],
    ),
    (
        "calls that are none",
        chat(tool_calls=["x", {"function": 1}]),
        [STARTED, Odd(0, AT, OddKind.BAD_CALLS, "'x'"), Odd(0, AT, OddKind.BAD_CALLS, '{"function": 1}')],
    ),
    ("calls that are no list", chat(tool_calls={}), [STARTED, Odd(0, AT, OddKind.BAD_CALLS, "{}")]),
    ("content that is no text", chat(content=["a"]), [STARTED, Odd(0, AT, OddKind.BAD_CONTENT, '["a"]')]),
    (
        "the end",
        {**LAST, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 2},
        [STARTED, Usage(0, AT, 7, 2), Finish(0, AT, "stop", Via.OLLAMA), Done(0, AT)],
    ),
    (
        "the end at the limit, the prompt from the cache",
        {**LAST, "done_reason": "length", "eval_count": 2},
        [STARTED, Usage(0, AT, -1, 2), Finish(0, AT, "length", Via.OLLAMA), Done(0, AT)],
    ),
    (
        "a model was loaded",
        {**LAST, "done_reason": "load"},
        [STARTED, Finish(0, AT, "load", Via.OLLAMA), Done(0, AT)],
    ),
    ("the end without a reason, as old versions have it", LAST, [STARTED, Done(0, AT)]),
    (
        "an empty answer",
        {**HEAD, "done": True, "eval_count": 0},
        [Usage(0, AT, -1, 0), Done(0, AT)],
    ),
    (
        "an empty prompt",
        {**HEAD, "done": True, "prompt_eval_count": 0},
        [Usage(0, AT, 0, -1), Done(0, AT)],
    ),
    ("the end without a message", {**HEAD, "done": True}, [Done(0, AT)]),
    ("counts of other types", {**HEAD, "done": True, "prompt_eval_count": "7", "eval_count": True}, [Done(0, AT)]),
    ("generated text", generate("a"), [STARTED, Text(0, AT, "a", Via.OLLAMA)]),
    (
        "generated thinking",
        generate("", thinking="hm"),
        [STARTED, Reasoning(0, AT, "hm", "thinking")],
    ),
    (
        "an error",
        {"error": "model 'x' not found"},
        [BackendError(0, AT, "model 'x' not found", shape="string")],
    ),
    (
        "an error in an error",
        {"error": FULL},
        [BackendError(0, AT, "request (9 tokens) exceeds", "exceed_context_size_error", "400", "string")],
    ),
    (
        "an error that only looks like JSON",
        {"error": "{no"},
        [BackendError(0, AT, "{no", shape="string")],
    ),
    (
        "JSON in an error that is none",
        {"error": '{"error": "x"}'},
        [BackendError(0, AT, '{"error": "x"}', shape="string")],
    ),
    (
        "an error beside the end",
        {"error": "no", "done": True},
        [BackendError(0, AT, "no", shape="string"), Done(0, AT)],
    ),
]


@pytest.mark.parametrize(("value", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_an_object_says(value: dict[str, Any], expected: list[Event]) -> None:
    out: list[Event] = []
    ollama.tell(value, 0, AT, out)
    assert out == expected


@pytest.mark.parametrize(
    "value",
    [row[1] for row in TABLE if row[1].get("model") or "message" in row[1]],
    ids=[row[0] for row in TABLE if row[1].get("model") or "message" in row[1]],
)
def test_ollama_is_known_by_its_marks(value: dict[str, Any]) -> None:
    assert ollama.speaks(value)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"message": {"content": "a"}},
        {"message": "a", "done": True},
        {"message": {"content": "a"}, "done": "true"},
        {"response": {"output": []}, "done": True},
        {"done": True},
        {"model": "m", "done": True},
        {"error": "no"},
        {"error": {"message": "no"}, "message": {"content": "a"}, "done": True},
    ],
    ids=json.dumps,
)
def test_what_lacks_the_marks_is_not_ollamas(value: dict[str, Any]) -> None:
    assert not ollama.speaks(value)


def lines(*values: dict[str, Any], end: bytes = b"\n") -> bytes:
    """A stream of these objects."""
    return b"".join(json.dumps(value).encode() + end for value in values)


END = {**LAST, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 2}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            lines(chat(content="Hel"), chat(content="lo"), END),
            Answer("Hello", finish="stop", usage=Usage(2, AT, 7, 2), model="m", done=True, first_content_at=AT),
            id="text in lines",
        ),
        pytest.param(
            lines(chat(content="Hel"), chat(content="lo"), END, end=b"\r\n"),
            Answer("Hello", finish="stop", usage=Usage(2, AT, 7, 2), model="m", done=True, first_content_at=AT),
            id="text in lines, crlf",
        ),
        pytest.param(
            lines(chat(tool_calls=[call("a", {"p": 1})]), chat(tool_calls=[call("a", {"p": 2})]), END),
            Answer(
                calls=(ToolCall("", "a", '{"p": 1}'), ToolCall("", "a", '{"p": 2}')),
                finish="stop",
                usage=Usage(2, AT, 7, 2),
                model="m",
                done=True,
                first_content_at=AT,
            ),
            id="two calls in two lines, without ids",
        ),
        pytest.param(
            json.dumps({**END, "message": {"role": "assistant", "content": "Hi"}}, indent=1).encode(),
            Answer("Hi", finish="stop", usage=Usage(0, AT, 7, 2), model="m", done=True, first_content_at=AT),
            id="one pretty-printed body",
        ),
        pytest.param(
            lines(chat(content="Hel"), {"error": "an error was encountered while running the model"}),
            Answer(
                "Hel",
                errors=(BackendError(1, AT, "an error was encountered while running the model", shape="string"),),
                model="m",
                first_content_at=AT,
            ),
            id="an error after some text",
        ),
    ],
)
def test_the_answer_of(body: bytes, expected: Answer) -> None:
    assert fed(body, read).answer == expected


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
FIELDS = ["message", "response", "done", "done_reason", "error", "model", "created_at", "role", "content", "thinking"]
FIELDS += ["tool_calls", "function", "name", "arguments", "id", "prompt_eval_count", "eval_count"]
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)


@given(
    value=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6),
    said=st.none() | st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4),
    done=st.none() | st.booleans(),
)
def test_no_value_makes_it_raise(value: dict[str, Any], said: dict[str, Any] | None, *, done: bool | None) -> None:
    if said is not None:
        value["message"] = said
    if done is not None:
        value["done"] = done
    out: list[Event] = []
    ollama.speaks(value)
    ollama.tell(value, 3, AT, out)
    assert {(event.frame, event.at) for event in out} <= {(3, AT)}
    assert all(event.text for event in out if isinstance(event, Text | Reasoning))
    fold(out)
