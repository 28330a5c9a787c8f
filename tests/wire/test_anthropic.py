"""Anthropic's own dialect: what the events of a stream and a whole message say, and which objects are not its own."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.wire import anthropic
from lumeai_cli.wire.answer import Answer, ToolCall, fold
from lumeai_cli.wire.event import (
    BackendError,
    CallPart,
    Done,
    Event,
    Finish,
    KeepAlive,
    Reasoning,
    Started,
    Text,
    Usage,
    Via,
)
from tests.wire.feeding import AT, fed, read


def message(*content: Any, **more: Any) -> dict[str, Any]:
    """A whole message."""
    return {"type": "message", "role": "assistant", "model": "m", "content": list(content), "stop_reason": None, **more}


def block(index: int, **content: Any) -> dict[str, Any]:
    """The beginning of a block."""
    return {"type": "content_block_start", "index": index, "content_block": content}


def delta(index: int, **content: Any) -> dict[str, Any]:
    """A piece of a block."""
    return {"type": "content_block_delta", "index": index, "delta": content}


def ending(reason: Any, **usage: Any) -> dict[str, Any]:
    """The last but one event of a stream."""
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}


STARTED = Started(0, AT, "assistant", "m")
STOP = {"type": "message_stop"}
USE = {"type": "tool_use", "id": "toolu_1", "name": "read"}


def said(text: str) -> Text:
    """A piece of text."""
    return Text(0, AT, text, Via.ANTHROPIC)


def part(slot: int, identity: str, name: str, arguments: str) -> CallPart:
    """A piece of a call."""
    return CallPart(0, AT, slot, identity, name, arguments, Via.ANTHROPIC)


def finish(reason: str) -> Finish:
    """A finish reason."""
    return Finish(0, AT, reason, Via.ANTHROPIC)


TABLE: list[tuple[str, dict[str, Any], list[Event]]] = [
    (
        "the beginning",
        {"type": "message_start", "message": message(usage={"input_tokens": 7, "output_tokens": 1})},
        [STARTED, Usage(0, AT, 7, 1)],
    ),
    (
        "a prompt from the cache",
        {
            "type": "message_start",
            "message": message(
                usage={"input_tokens": 7, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 3}
            ),
        },
        [STARTED, Usage(0, AT, 100, -1)],
    ),
    ("no tokens", ending(None, input_tokens=0, output_tokens=0), [Usage(0, AT, 0, 0)]),
    ("a text begins", block(0, type="text", text=""), []),
    ("a text begins with some", block(0, type="text", text="a"), [said("a")]),
    ("text", delta(0, type="text_delta", text="a"), [said("a")]),
    ("empty text", delta(0, type="text_delta", text=""), []),
    ("thinking begins", block(0, type="thinking", thinking=""), []),
    ("thinking", delta(0, type="thinking_delta", thinking="hm"), [Reasoning(0, AT, "hm", "thinking")]),
    ("a signature", delta(0, type="signature_delta", signature="x"), []),
    ("hidden thinking", block(0, type="redacted_thinking", data="x"), []),
    ("a citation", delta(0, type="citations_delta", citation={}), []),
    ("a call begins", block(1, **USE, input={}), [part(1, "toolu_1", "read", "")]),
    ("a call goes on", delta(1, type="input_json_delta", partial_json='{"p'), [part(1, "", "", '{"p')]),
    ("a call goes on with nothing", delta(1, type="input_json_delta", partial_json=""), []),
    ("a whole call begins", block(1, **USE, input={"p": "я"}), [part(1, "toolu_1", "read", '{"p": "я"}')]),
    ("a tool of the server", block(1, type="server_tool_use", id="x", name="web_search", input={}), []),
    ("a block ends", {"type": "content_block_stop", "index": 0}, []),
    ("the end of a turn", ending("end_turn", output_tokens=9), [Usage(0, AT, -1, 9), finish("stop")]),
    (
        "all counts at the end",
        ending("end_turn", input_tokens=7, output_tokens=9),
        [Usage(0, AT, 7, 9), finish("stop")],
    ),
    ("a stop sequence", ending("stop_sequence"), [Usage(0, AT, -1, -1), finish("stop")]),
    ("the limit", ending("max_tokens"), [Usage(0, AT, -1, -1), finish("length")]),
    ("the window", ending("model_context_window_exceeded"), [Usage(0, AT, -1, -1), finish("length")]),
    ("a tool is due", ending("tool_use"), [Usage(0, AT, -1, -1), finish("tool_calls")]),
    ("a refusal", ending("refusal"), [Usage(0, AT, -1, -1), finish("content_filter")]),
    ("a pause, as it stands", ending("pause_turn"), [Usage(0, AT, -1, -1), finish("pause_turn")]),
    ("no reason", ending(None), [Usage(0, AT, -1, -1)]),
    ("the stop", STOP, [Done(0, AT)]),
    ("a ping", {"type": "ping"}, [KeepAlive(0, AT)]),
    (
        "an error",
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"},
        [BackendError(0, AT, "Overloaded", "overloaded_error")],
    ),
    (
        "a whole message",
        message(
            {"type": "thinking", "thinking": "hm", "signature": "x"},
            {"type": "text", "text": "a"},
            {**USE, "input": {"p": 1}},
            stop_reason="tool_use",
            usage={"input_tokens": 7, "output_tokens": 9},
        ),
        [
            STARTED,
            Reasoning(0, AT, "hm", "thinking"),
            said("a"),
            part(2, "toolu_1", "read", '{"p": 1}'),
            Usage(0, AT, 7, 9),
            finish("tool_calls"),
        ],
    ),
    ("a legal empty message", message(stop_reason="end_turn"), [STARTED, finish("stop")]),
    ("blocks that are none", message("a", None, {"type": 7}, {}), [STARTED]),
    ("counts of other types", ending("end_turn", output_tokens="9"), [Usage(0, AT, -1, -1), finish("stop")]),
    ("input as text", block(0, **USE, input='{"p":1}'), [part(0, "toolu_1", "read", '{"p":1}')]),
    ("an index of another type", delta("0", type="text_delta", text="a"), [said("a")]),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("value", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_an_object_says(value: dict[str, Any], expected: list[Event]) -> None:
    out: list[Event] = []
    assert anthropic.speaks(value)
    anthropic.tell(value, 0, AT, out)
    assert out == expected


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"type": None},
        {"type": ["message_stop"]},
        {"type": "message_start"},
        {"type": "message_start", "message": "a"},
        {"type": "content_block_start", "index": 0},
        {"type": "content_block_delta", "delta": "a"},
        {"type": "content_block_stop"},
        {"type": "message_delta", "delta": None},
        {"type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_text"}]},
        {"type": "message", "content": "a", "stop_reason": None},
        {"type": "error", "code": "x", "message": "no"},
        {"type": "error", "error": "no"},
        {"type": "ping", "id": 1},
        {"type": "response.created", "response": {}},
        {"type": "response.output_text.delta", "delta": "a"},
        {"type": "completion", "completion": "a"},
    ],
    ids=json.dumps,
)
def test_what_lacks_the_marks_is_not_anthropics(value: dict[str, Any]) -> None:
    assert not anthropic.speaks(value)


def stream(*values: dict[str, Any]) -> bytes:
    """A stream of these events, each under its name."""
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (value["type"].encode(), json.dumps(value).encode()) for value in values
    )


START = {"type": "message_start", "message": message(usage={"input_tokens": 7, "output_tokens": 1})}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            stream(
                START,
                block(0, type="text", text=""),
                {"type": "ping"},
                delta(0, type="text_delta", text="Hel"),
                delta(0, type="text_delta", text="lo"),
                {"type": "content_block_stop", "index": 0},
                ending("end_turn", output_tokens=9),
                STOP,
            ),
            Answer("Hello", finish="stop", usage=Usage(6, AT, 7, 9), model="m", done=True, first_content_at=AT),
            id="text; the prompt's tokens come first, the answer's last",
        ),
        pytest.param(
            stream(
                START,
                block(0, **USE, input={}),
                delta(0, type="input_json_delta", partial_json=""),
                delta(0, type="input_json_delta", partial_json='{"p":'),
                delta(0, type="input_json_delta", partial_json="1}"),
                block(1, type="tool_use", id="toolu_2", name="list", input={}),
                delta(1, type="input_json_delta", partial_json=""),
                ending("tool_use", output_tokens=9),
                STOP,
            ),
            Answer(
                calls=(ToolCall("toolu_1", "read", '{"p":1}'), ToolCall("toolu_2", "list", "{}")),
                finish="tool_calls",
                usage=Usage(7, AT, 7, 9),
                model="m",
                done=True,
                first_content_at=AT,
            ),
            id="two calls, the second without arguments",
        ),
        pytest.param(
            json.dumps(message({"type": "text", "text": "Hi"}, stop_reason="end_turn"), indent=1).encode(),
            Answer("Hi", finish="stop", model="m", first_content_at=AT),
            id="one pretty-printed message",
        ),
        pytest.param(
            stream(START, ending("end_turn", output_tokens=1), STOP),
            Answer(finish="stop", usage=Usage(1, AT, 7, 1), model="m", done=True),
            id="an empty stop, as from llama.cpp",
        ),
        pytest.param(
            stream(START, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
            Answer(
                errors=(BackendError(1, AT, "Overloaded", "overloaded_error"),), usage=Usage(0, AT, 7, 1), model="m"
            ),
            id="an error after the start",
        ),
    ],
)
def test_the_answer_of(body: bytes, expected: Answer) -> None:
    assert fed(body, read).answer == expected


KINDS = ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"]
KINDS += ["message_stop", "ping", "error", "message", "text", "text_delta", "thinking", "thinking_delta"]
KINDS += ["tool_use", "input_json_delta"]
FIELDS = ["type", "message", "content_block", "delta", "error", "index", "content", "stop_reason", "usage", "role"]
FIELDS += ["text", "thinking", "id", "name", "input", "partial_json", "model", "input_tokens", "output_tokens"]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from(KINDS)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=12,
)


@given(
    value=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6),
    kind=st.sampled_from(KINDS),
    inner=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6),
    place=st.sampled_from(["message", "content_block", "delta", "error", "usage"]),
)
def test_no_value_makes_it_raise(value: dict[str, Any], kind: str, inner: dict[str, Any], place: str) -> None:
    value = {**value, "type": kind, place: inner}
    out: list[Event] = []
    if anthropic.speaks(value):
        anthropic.tell(value, 3, AT, out)
    assert {(event.frame, event.at) for event in out} <= {(3, AT)}
    assert all(event.text for event in out if isinstance(event, Text | Reasoning))
    fold(out)
