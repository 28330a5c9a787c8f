"""Well-framed streams in a dialect that clients do not read."""

import json

import pytest

from tests.lab.conftest import READ, TOOL, Ask, healthy_call, healthy_plain, healthy_stream, healthy_xml

USAGE = {"include_usage": True}


def test_no_event_has_a_choice(chat: Ask) -> None:
    empty = chat("no-choices", stream=True)
    assert len(empty.chunks) > 2
    assert [chunk["choices"] for chunk in empty.chunks] == [[]] * len(empty.chunks)
    missing = chat("no-choices", READ, stream=True, tools=[TOOL])
    assert len(missing.chunks) > 2
    assert not any("choices" in chunk for chunk in missing.chunks)
    for answer in (empty, missing):
        assert answer.body.endswith(b"data: [DONE]\n\n")
    assert healthy_plain(chat("no-choices"))
    assert healthy_call(chat("no-choices", READ, tools=[TOOL]))


@pytest.mark.parametrize("asked", [{}, {"tools": [TOOL]}], ids=["text", "call"])
def test_the_one_event_is_a_plain_completion(asked: dict[str, object], chat: Ask) -> None:
    answer = chat("message-instead-of-delta", READ, stream=True, **asked)
    assert answer.kind == "text/event-stream"
    (event,) = answer.chunks
    (choice,) = event["choices"]
    assert (event["object"], "delta" in choice) == ("chat.completion", False)
    assert choice["message"]["content"] or choice["message"]["tool_calls"]
    assert choice["finish_reason"]
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert healthy_plain(chat("message-instead-of-delta"))


def test_a_tool_is_called_by_the_old_field(chat: Ask, chat_xml: Ask) -> None:
    answer = chat("legacy-function-call", READ, stream=True, tools=[TOOL])
    pieces = [delta["function_call"] for delta in answer.deltas if "function_call" in delta]
    assert (pieces[0]["name"], answer.calls, answer.finishes) == ("read_file", [], ["function_call"])
    assert len(pieces) > 2
    assert json.loads("".join(piece["arguments"] for piece in pieces)) == {"path": "notes/plan.txt"}
    plain = chat("legacy-function-call", READ, tools=[TOOL]).choice
    assert plain["message"]["function_call"]["name"] == "read_file"
    assert (plain["finish_reason"], "tool_calls" in plain["message"]) == ("function_call", False)
    assert healthy_stream(chat("legacy-function-call", stream=True))
    assert healthy_xml(chat_xml("legacy-function-call", stream=True))


def test_text_comes_in_the_old_field(chat: Ask) -> None:
    chunks = chat("legacy-text-field", "Tell me", stream=True, stream_options=USAGE).chunks
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}
    choices = [chunk["choices"][0] for chunk in chunks[:-1]]
    assert not any(choice.keys() & {"delta", "message"} for choice in choices)
    assert "".join(choice["text"] for choice in choices).startswith("Understood: Tell me")
    assert choices[-1]["finish_reason"] == "stop"
    assert chunks[-1]["usage"]["completion_tokens"] > 0
    plain = chat("legacy-text-field")
    assert (plain.json["object"], plain.choice["text"], plain.json["usage"]["completion_tokens"]) == (
        "text_completion",
        "42",
        1,
    )
    for stream in (True, False):
        assert healthy_call(chat("legacy-text-field", READ, tools=[TOOL], stream=stream))


def test_content_is_a_list_of_parts(chat: Ask) -> None:
    answer = chat("content-not-a-string", "Tell me", stream=True)
    lists = [delta["content"] for delta in answer.deltas if delta.get("content")]
    assert len(lists) > 2
    assert all(part["type"] == "text" for parts in lists for part in parts)
    assert "".join(part["text"] for parts in lists for part in parts).startswith("Understood: Tell me")
    assert answer.finishes == ["stop"]
    assert chat("content-not-a-string").choice["message"]["content"] == [{"type": "text", "text": "42"}]
    for stream in (True, False):
        assert healthy_call(chat("content-not-a-string", READ, tools=[TOOL], stream=stream))


def test_tokens_are_counted_in_strings(chat: Ask) -> None:
    answer = chat("bad-chunk-schema", stream=True)
    assert healthy_stream(answer)
    assert {chunk["usage"]["completion_tokens"] for chunk in answer.chunks} == {"1"}
    assert all(isinstance(count, str) for chunk in answer.chunks for count in chunk["usage"].values())
    plain = chat("bad-chunk-schema")
    assert healthy_plain(plain)
    assert plain.json["usage"]["completion_tokens"] == "1"
    assert healthy_call(chat("bad-chunk-schema", READ, tools=[TOOL], stream=True))
