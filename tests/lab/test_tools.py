"""Servers that do not take tools, and calls that a client cannot use."""

import json
from typing import Any

import pytest

from lumeai_cli.lab.tools import TOOLS
from tests.lab.conftest import (
    READ,
    TOOL,
    XML_SYSTEM,
    Answer,
    Ask,
    healthy_call,
    healthy_plain,
    healthy_stream,
    healthy_xml,
)

MODES = pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
NAMES = [specimen.name for specimen in TOOLS]


def text(answer: Answer) -> str:
    """The text, streamed or not."""
    if answer.kind == "text/event-stream":
        return answer.joined()
    return str(answer.choice["message"]["content"] or "")


def finish(answer: Answer) -> str:
    """The one finish reason, streamed or not."""
    (reason,) = answer.finishes if answer.kind == "text/event-stream" else [answer.choice["finish_reason"]]
    return str(reason)


@pytest.mark.parametrize("name", NAMES)
@MODES
def test_without_a_call_the_answer_is_healthy(name: str, *, stream: bool, chat: Ask, chat_xml: Ask) -> None:
    assert (healthy_stream if stream else healthy_plain)(chat(name, stream=stream))
    if name != "tool-protocol-mismatch":
        assert healthy_xml(chat_xml(name, stream=stream))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tools-unsupported", "lab-model does not support tools"),
        (
            "tool-parser-off",
            '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        ),
    ],
)
@MODES
def test_tools_are_refused(name: str, message: str, *, stream: bool, chat: Ask) -> None:
    refused = chat(name, READ, stream=stream, tools=[TOOL])
    assert (refused.status, refused.json["error"]["message"]) == (400, message)
    assert chat(name, READ, stream=stream, tools=[]).status == 200


@MODES
def test_tools_are_dropped_in_silence(*, stream: bool, chat: Ask) -> None:
    asked: dict[str, Any] = {"stream": stream, "stream_options": {"include_usage": True}}
    with_tools = chat("tools-ignored", READ, tools=[TOOL], tool_choice="required", **asked)
    without = chat("tools-ignored", READ, **asked)
    assert text(with_tools).startswith("Understood: Read notes/plan.txt")
    assert (with_tools.calls, finish(with_tools)) == ([], "stop")
    one, other = (answer.chunks[-1] if stream else answer.json for answer in (with_tools, without))
    assert one["usage"] == other["usage"]


@MODES
def test_native_calls_come_where_tags_were_asked_for(*, stream: bool, chat: Ask, chat_xml: Ask) -> None:
    answer = chat_xml("tool-protocol-mismatch", stream=stream)
    assert (text(answer), finish(answer)) == ("", "tool_calls")
    assert healthy_call(answer)
    turns = [
        {"role": "system", "content": XML_SYSTEM},
        {"role": "user", "content": "[read_file for 'notes/plan.txt'] Result:\n\nbuy lemons"},
    ]
    done = chat("tool-protocol-mismatch", messages=turns, stream=stream)
    assert done.calls[0]["function"]["name"] == "attempt_completion"
    assert "buy lemons" in json.loads(done.arguments)["result"]
    assert healthy_call(chat("tool-protocol-mismatch", READ, tools=[TOOL], stream=stream))


@MODES
def test_a_call_stands_in_the_text(*, stream: bool, chat: Ask) -> None:
    answer = chat("tool-call-as-text", READ, stream=stream, tools=[TOOL])
    assert text(answer) == ('<tool_call>\n{"name": "read_file", "arguments": {"path": "notes/plan.txt"}}\n</tool_call>')
    assert (answer.calls, finish(answer)) == ([], "stop")


@MODES
def test_a_call_has_no_id(*, stream: bool, chat: Ask) -> None:
    answer = chat("tool-call-missing-id", READ, stream=stream, tools=[TOOL])
    assert not any("id" in call for call in answer.calls)
    assert (answer.calls[0]["function"]["name"], finish(answer)) == ("read_file", "tool_calls")
    assert json.loads(answer.arguments) == {"path": "notes/plan.txt"}


def test_the_pieces_of_a_call_have_no_index(chat: Ask) -> None:
    answer = chat("tool-call-missing-index", READ, stream=True, tools=[TOOL])
    assert len(answer.calls) > 2
    assert not any("index" in call for call in answer.calls)
    assert healthy_call(answer)
    assert healthy_call(chat("tool-call-missing-index", READ, tools=[TOOL]))


@MODES
def test_a_call_has_no_name(*, stream: bool, chat: Ask) -> None:
    answer = chat("tool-call-missing-name", READ, stream=stream, tools=[TOOL])
    assert not any("name" in call["function"] for call in answer.calls)
    assert (answer.calls[0]["id"][:5], finish(answer)) == ("call_", "tool_calls")
    assert json.loads(answer.arguments) == {"path": "notes/plan.txt"}


@MODES
def test_arguments_break_off(*, stream: bool, chat: Ask) -> None:
    answer = chat("tool-arguments-not-json", READ, stream=stream, tools=[TOOL])
    assert answer.arguments == '{"path": "notes/plan.txt", '
    assert (answer.calls[0]["function"]["name"], finish(answer)) == ("read_file", "tool_calls")


@MODES
def test_arguments_are_an_object(*, stream: bool, chat: Ask) -> None:
    answer = chat("tool-arguments-not-string", READ, stream=stream, tools=[TOOL])
    (call,) = answer.calls
    assert call["function"] == {"name": "read_file", "arguments": {"path": "notes/plan.txt"}}
    assert (call["id"][:5], finish(answer)) == ("call_", "tool_calls")


@MODES
def test_calls_are_announced_and_do_not_come(*, stream: bool, chat: Ask) -> None:
    answer = chat("finish-tool-calls-without-call", READ, stream=stream, tools=[TOOL])
    assert (text(answer), answer.calls, finish(answer)) == ("", [], "tool_calls")


@MODES
def test_a_result_is_refused_in_the_second_turn(*, stream: bool, chat: Ask) -> None:
    first = chat("tool-result-rejected", READ, stream=stream, tools=[TOOL])
    assert healthy_call(first)
    turns = [
        {"role": "user", "content": READ},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "tool_call_id": "call_1", "content": "buy lemons"},
    ]
    refused = chat("tool-result-rejected", messages=turns, stream=stream, tools=[TOOL])
    assert refused.status == 400
    assert refused.json["error"]["message"].startswith("messages[2].role: 'tool' is not one of")
    assert chat("tool-result-rejected", messages=turns[:2], stream=stream).status == 200
