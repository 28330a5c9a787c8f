"""Answers of the right shape that are none, refusals for money and for a parameter, and windows that are too small."""

import json
from typing import Any

import pytest

from lumeai_cli.lab.content import QUOTA, REFUSAL
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.shapes import prompt_tokens
from lumeai_cli.lab.window import FORGETTING_WINDOW, REFUSING_WINDOW, kept
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
USAGE: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
LONG = "lorem ipsum dolor sit amet. " * 3000


def text(answer: Answer) -> str:
    """The text, streamed or not."""
    if answer.kind == "text/event-stream":
        return answer.joined()
    return str(answer.choice["message"]["content"] or "")


def test_the_second_of_equal_requests_is_empty(chat: Ask) -> None:
    for stream in (True, False):
        asked = [text(chat("intermittent-empty", "Say: pong", stream=stream)) for _ in range(5)]
        assert asked == ["pong", "", "pong", "", "pong"]
    assert text(chat("intermittent-empty", "Say: ping")) == "ping"
    assert text(chat("intermittent-empty", "Say: ping", temperature=0)) == "ping"
    empty = chat("intermittent-empty", "Say: ping", temperature=0).choice
    assert (empty["message"]["content"], empty["finish_reason"]) == ("", "stop")


@pytest.mark.parametrize(
    ("name", "finish", "tokens"), [("output-budget-spent", "length", 16), ("content-filtered", "content_filter", 0)]
)
def test_nothing_is_said_and_the_reason_is_told(name: str, finish: str, tokens: int, chat: Ask) -> None:
    for asked in ({}, {"tools": [TOOL]}):
        answer = chat(name, READ, **USAGE, **asked)
        assert (answer.deltas, answer.finishes) == ([{"role": "assistant", "content": ""}, {}], [finish])
        assert answer.chunks[-1]["usage"]["completion_tokens"] == tokens
        plain = chat(name, READ, **asked)
        assert plain.choice["message"] == {"role": "assistant", "content": ""}
        assert plain.choice["finish_reason"] == finish
        assert plain.json["usage"]["completion_tokens"] == tokens


def test_an_unclosed_tag_stands_before_the_answer(chat: Ask, chat_xml: Ask) -> None:
    for stream in (True, False):
        said = text(chat("think-tag-swallows-answer", stream=stream))
        assert said.startswith("<think>\n")
        assert said.endswith("\n42")
        called = chat_xml("think-tag-swallows-answer", stream=stream)
        assert text(called).startswith("<think>\n")
        assert healthy_xml(called)
        assert "</think>" not in said + text(called)
        assert healthy_call(chat("think-tag-swallows-answer", READ, tools=[TOOL], stream=stream))


def test_a_refusal_has_a_field_of_its_own(chat: Ask) -> None:
    answer = chat("refusal-only", READ, stream=True, tools=[TOOL])
    assert (answer.joined(), answer.joined("refusal"), answer.calls) == ("", REFUSAL, [])
    assert answer.finishes == ["stop"]
    message = chat("refusal-only").choice["message"]
    assert message == {"role": "assistant", "content": None, "refusal": REFUSAL}


@MODES
def test_the_quota_is_told_as_an_answer(*, stream: bool, chat: Ask) -> None:
    for asked in ({}, {"tools": [TOOL]}):
        answer = chat("quota-text-as-answer", READ, stream=stream, **asked)
        assert (answer.status, text(answer)) == (200, QUOTA)


@MODES
def test_the_quota_is_used_up(*, stream: bool, chat: Ask, get: Ask) -> None:
    refused = chat("quota-exhausted", stream=stream)
    assert refused.status == 429
    assert refused.json == {
        "error": {
            "message": "You exceeded your current quota, please check your plan and billing details.",
            "type": "insufficient_quota",
            "code": "insufficient_quota",
        }
    }
    assert "retry-after" not in refused.headers
    assert get("quota-exhausted", "/v1/models").status == 200


def test_one_parameter_is_refused(chat: Ask) -> None:
    refused = chat("unsupported-parameter", **USAGE)
    assert refused.status == 400
    assert refused.json == {
        "error": {
            "message": "Unrecognized request argument supplied: stream_options",
            "type": "invalid_request_error",
            "param": "stream_options",
            "code": None,
        }
    }
    assert healthy_stream(chat("unsupported-parameter", stream=True))
    assert healthy_plain(chat("unsupported-parameter"))


@MODES
def test_a_prompt_is_refused_with_both_numbers(*, stream: bool, chat: Ask, chat_xml: Ask) -> None:
    refused = chat_xml("context-exceeded", system=XML_SYSTEM + LONG, stream=stream)
    tokens = prompt_tokens(asked_for(XML_SYSTEM + LONG))
    assert tokens > REFUSING_WINDOW
    assert (refused.status, refused.json["error"]["message"]) == (
        400,
        f"This model's maximum context length is 8192 tokens. However, your messages resulted in {tokens} tokens.",
    )
    assert healthy_xml(chat_xml("context-exceeded", stream=stream))
    assert healthy_call(chat("context-exceeded", READ, tools=[TOOL], stream=stream))
    described = {"type": "function", "function": {**TOOL["function"], "description": LONG}}
    assert chat("context-exceeded", READ, tools=[described], stream=stream).status == 400


def asked_for(system: str, **fields: Any) -> LabRequest:
    """A request for a file under these instructions."""
    body = {"messages": [{"role": "system", "content": system}, {"role": "user", "content": READ}], **fields}
    return LabRequest("POST", "/v1/chat/completions", {}, json.dumps(body).encode(), body)


@MODES
def test_a_long_prompt_loses_its_head(*, stream: bool, chat: Ask, chat_xml: Ask) -> None:
    cut = chat_xml("context-truncated", system=XML_SYSTEM + LONG, **(USAGE if stream else {}))
    assert text(cut).startswith("Understood: Read notes/plan.txt")
    counted = cut.chunks[-1] if stream else cut.json
    assert counted["usage"]["prompt_tokens"] == FORGETTING_WINDOW
    assert healthy_xml(chat_xml("context-truncated", stream=stream))
    assert healthy_call(chat("context-truncated", READ, tools=[TOOL], stream=stream))
    assert (healthy_stream if stream else healthy_plain)(chat("context-truncated", stream=stream))


def test_of_two_code_words_the_one_at_the_tail_is_recalled(chat: Ask) -> None:
    system = f"The first code word is HERON-7.\n{LONG}\nThe last code word is OTTER-3."
    question = {"role": "user", "content": "What is the {} code word? Reply with only that word."}
    for which, word in (("first", "OTTER-3"), ("last", "OTTER-3")):
        asked = {**question, "content": question["content"].format(which)}
        answer = chat("context-truncated", messages=[{"role": "system", "content": system}, asked])
        assert text(answer) == word
    alone = system.removesuffix("The last code word is OTTER-3.")
    asked = {**question, "content": question["content"].format("first")}
    lost = chat("context-truncated", messages=[{"role": "system", "content": alone}, asked])
    assert "HERON-7" not in text(lost)


def test_what_is_kept_is_the_tail_and_fills_the_window() -> None:
    tools = [{"type": "function", "function": {"name": "read_file", "description": LONG}}]
    for asked in (asked_for(LONG), asked_for(LONG[:9000], tools=tools), asked_for("", tools=tools)):
        seen = kept(asked)
        assert prompt_tokens(seen) == FORGETTING_WINDOW
        assert seen.messages[-1] == ("user", READ)
        assert seen.tools == ()
        assert "".join(said for _, said in asked.messages).endswith("".join(said for _, said in seen.messages[1:]))
    assert kept(asked_for("short", tools=tools[:0])) == asked_for("short", tools=[])


def test_a_last_message_longer_than_the_window_is_cut_itself() -> None:
    body = {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": LONG}]}
    seen = kept(LabRequest("POST", "/v1/chat/completions", json=body))
    ((role, said),) = seen.messages
    assert (role, LONG.endswith(said)) == ("user", True)
    assert prompt_tokens(seen) == FORGETTING_WINDOW
