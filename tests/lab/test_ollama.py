"""The imitations of Ollama tell their window without a token, and chat in two dialects."""

import json
from typing import Any

import pytest

from lumeai_cli.lab.ollama import BROKEN, TAG
from tests.lab.conftest import CHAT, READ, TOOL, Answer, Ask, healthy_call, healthy_plain, healthy_stream

Json = dict[str, Any]
BOTH = pytest.mark.parametrize(("name", "window"), [("healthy-ollama", 65_536), ("context-window-small", 4096)])
MODES = pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
LARGE = "word " * 4000


def asked(get: Ask, name: str, path: str, body: Json) -> Answer:
    answer: Answer = get(name, path, "POST", json.dumps(body).encode(), {"content-type": "application/json"})
    return answer


def lines(answer: Answer) -> list[Json]:
    return [json.loads(line) for line in answer.body.splitlines()]


@BOTH
def test_the_pages_tell_the_window(name: str, window: int, get: Ask) -> None:
    assert get(name, "/").body == b"Ollama is running"
    assert get(name, "").body == b"Ollama is running"
    assert get(name, "/api/version").json == {"version": "0.32.7"}
    (listed,) = get(name, "/v1/models").json["data"]
    assert (listed["id"], listed["owned_by"]) == (TAG, "library")
    (pulled,) = get(name, "/api/tags").json["models"]
    (loaded,) = get(name, "/api/ps").json["models"]
    assert pulled["name"] == loaded["name"] == loaded["model"] == TAG
    assert loaded["context_length"] == window
    for model in (TAG, "lab-model"):
        shown = asked(get, name, "/api/show", {"model": model}).json
        assert shown["capabilities"] == ["completion", "tools"]
        assert shown["model_info"]["llama.context_length"] == 131_072
        assert f"num_ctx                        {window}\n" in shown["parameters"]


def test_an_unknown_model_or_path_is_told_as_ollama_does(get: Ask) -> None:
    for path in ("/api/show", "/api/chat"):
        refused = asked(get, "healthy-ollama", path, {"model": "x", "messages": [{"role": "user", "content": "Hi"}]})
        assert (refused.status, refused.json) == (404, {"error": "model 'x' not found"})
    assert get("healthy-ollama", "/api/nothing").body == b"404 page not found"


@BOTH
@MODES
def test_short_prompts_are_answered(*, name: str, window: int, stream: bool, chat: Ask) -> None:
    assert window
    assert (healthy_stream if stream else healthy_plain)(chat(name, stream=stream))
    assert healthy_call(chat(name, READ, stream=stream, tools=[TOOL]))


@MODES
def test_a_prompt_over_the_window_gets_nothing_and_no_count(*, stream: bool, chat: Ask) -> None:
    asking = {"stream": stream, "stream_options": {"include_usage": True}}
    assert b'"usage"' not in chat("context-window-small", **asking).body
    empty = chat("context-window-small", LARGE, **asking)
    assert empty.status == 200
    assert b'"usage"' not in empty.body
    if stream:
        assert (empty.deltas, empty.finishes) == ([{"role": "assistant", "content": ""}, {}], ["stop"])
    else:
        assert (empty.choice["message"]["content"], empty.choice["finish_reason"]) == ("", "stop")
    assert b"Understood" in chat("healthy-ollama", LARGE, **asking).body


def test_the_native_chat_streams_lines_unless_told_otherwise(get: Ask) -> None:
    body: Json = {"model": TAG, "messages": [{"role": "user", "content": "What is 17 + 25?"}]}
    streamed = asked(get, "healthy-ollama", "/api/chat", body)
    *told, last = lines(streamed)
    assert streamed.kind == "application/x-ndjson"
    assert "".join(line["message"]["content"] for line in told) == "42"
    assert (last["done"], last["done_reason"], last["eval_count"]) == (True, "stop", 1)
    whole = asked(get, "healthy-ollama", "/api/chat", {**body, "stream": False}).json
    assert (whole["message"], whole["prompt_eval_count"]) == (
        {"role": "assistant", "content": "42"},
        last["prompt_eval_count"],
    )
    uncounted = lines(asked(get, "context-window-small", "/api/chat", body))[-1]
    assert uncounted["done"]
    assert not any(key.endswith("_count") for key in uncounted)


def test_the_native_chat_calls_tools_with_an_object(get: Ask) -> None:
    body: Json = {"model": TAG, "messages": [{"role": "user", "content": READ}], "tools": [TOOL]}
    call = {"function": {"name": "read_file", "arguments": {"path": "notes/plan.txt"}}}
    first, _last = lines(asked(get, "healthy-ollama", "/api/chat", body))
    assert first["message"]["tool_calls"] == [call]
    whole = asked(get, "healthy-ollama", "/api/chat", {**body, "stream": False}).json
    assert whole["message"]["tool_calls"] == [call]


def test_a_chat_without_messages_loads_the_model(get: Ask) -> None:
    for more in ({}, {"stream": False}):
        answer = asked(get, "healthy-ollama", "/api/chat", {"model": TAG, "messages": [], **more})
        assert (answer.json["done_reason"], answer.json["message"]["content"]) == ("load", "")


def test_an_error_after_the_first_byte_is_swallowed_and_told_natively(chat: Ask, get: Ask) -> None:
    answer = chat("ollama-hides-error", "Tell me about lakes", stream=True)
    first, second = answer.deltas
    assert first["content"]
    assert second == {"role": "assistant", "content": ""}
    assert (answer.status, answer.finishes) == (200, [])
    assert b"[DONE]" not in answer.body
    assert chat("ollama-hides-error").json["error"]["message"] == BROKEN
    body: Json = {"model": TAG, "messages": [{"role": "user", "content": "Tell me about lakes"}]}
    native = asked(get, "ollama-hides-error", "/api/chat", body)
    assert (native.status, lines(native)[-1]) == (200, {"error": BROKEN})
    plain = asked(get, "ollama-hides-error", "/api/chat", {**body, "stream": False})
    assert (plain.status, plain.json) == (500, {"error": BROKEN})
    assert get("ollama-hides-error", f"/v1{CHAT}").status == 405
