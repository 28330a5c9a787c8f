"""Each specimen shows its own bytes over a real socket, and is healthy in everything else."""

import http.client
import json
from typing import Any

import pytest

from lumeai_cli.lab import HOSTILE, SPECIMENS, UNLISTED
from lumeai_cli.lab.content import CANNED
from tests.lab.conftest import CHAT, TOOL, Ask, healthy_plain, healthy_stream

# The contract's names that the lab lists as the verdict of a specimen.
SICK = {
    "connection-reset",
    "html-instead-of-api",
    "base-url-missing-v1",
    "endpoint-not-found",
    "not-an-llm-api",
    "redirected",
    "key-missing",
    "forbidden",
    "model-not-found",
    "body-too-large",
    "json-for-stream",
    "sse-for-plain",
    "ndjson-for-sse",
    "wrong-content-type",
    "error-in-200",
    "server-error",
    "rate-limited",
    "request-refused",
    "zero-events",
    "done-only",
    "role-only-stream",
    "broken-json-frame",
    "stream-cut",
    "empty-answer",
    "reasoning-only",
    "canned-answer",
    "plain-text-instead-of-tool",
    "g4f-hides-cause",
    "unframed-error-in-stream",
    "quota-exhausted",
    "quota-text-as-answer",
    "single-newline-framing",
    "unterminated-last-event",
    "missing-finish-reason",
    "no-choices",
    "message-instead-of-delta",
    "legacy-function-call",
    "legacy-text-field",
    "content-not-a-string",
    "bad-chunk-schema",
    "intermittent-empty",
    "output-budget-spent",
    "think-tag-swallows-answer",
    "content-filtered",
    "refusal-only",
    "unsupported-parameter",
    "context-exceeded",
    "context-truncated",
    "context-window-small",
    "ollama-hides-error",
    "tools-unsupported",
    "tool-parser-off",
    "tools-ignored",
    "tool-protocol-mismatch",
    "tool-call-as-text",
    "tool-call-missing-id",
    "tool-call-missing-index",
    "tool-call-missing-name",
    "tool-arguments-not-json",
    "tool-arguments-not-string",
    "finish-tool-calls-without-call",
    "tool-result-rejected",
}
# Those that it lists for a warning: every client gets its answer.
RISKY = {"buffered-stream", "g4f-drops-repeated-turns", "g4f-cuts-history", "g4f-rewrites-tools"}
# Those of which a note tells.
NOTED = {"healthy-no-done": "missing-done", "healthy-text-plain": "wrong-content-type"}
# Those that it serves and does not list, with the verdict that each has by itself.
BESIDE = {
    "gateway-drops-answer": "empty-answer",
    "models-list-proves-nothing": "key-missing",
    "silence-cut": "silence-cut",
}
HEALTHY = sorted(name for name, specimen in SPECIMENS.items() if specimen.healthy)


def test_every_name_is_there_and_says_what_it_is_in_both_languages() -> None:
    assert {name for name, specimen in SPECIMENS.items() if not specimen.healthy} >= SICK
    assert {name for name in HEALTHY if not name.startswith("healthy-")} == RISKY
    assert {name for name, specimen in SPECIMENS.items() if specimen.warns} == RISKY
    for specimen in (*SPECIMENS.values(), *UNLISTED.values(), *HOSTILE.values()):
        assert specimen.sentence_en.endswith(".")
        assert specimen.sentence_ru.endswith(".")
    assert len({*SPECIMENS, *UNLISTED, *HOSTILE}) == len(SPECIMENS) + len(UNLISTED) + len(HOSTILE)


def test_a_specimen_shows_what_it_is_called_after() -> None:
    shown = {name: specimen.shows for name, specimen in SPECIMENS.items() if specimen.shows}
    assert ({name: name for name in SICK | RISKY} | NOTED).items() <= shown.items()
    assert all(specimen.shows == name for name, specimen in SPECIMENS.items() if not specimen.healthy)
    assert {name: specimen.shows for name, specimen in UNLISTED.items()} == BESIDE
    assert not any(specimen.healthy for specimen in UNLISTED.values())
    assert not any(specimen.shows for specimen in HOSTILE.values())


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_server_answers_in_both_modes(name: str, chat: Ask, get: Ask) -> None:
    assert healthy_plain(chat(name))
    kind = "text/plain" if name == "healthy-text-plain" else "text/event-stream"
    assert healthy_stream(chat(name, stream=True), kind)
    first, *more = [model["id"] for model in get(name, "/v1/models").json["data"]]
    assert (first.removesuffix(":latest"), bool(more)) == ("lab-model", name.startswith("g4f-"))
    assert get(name, f"/v1/models/{first}").json["id"] == first
    assert get(name, "/v1/models/other").json["error"]["code"] == "model_not_found"
    assert get(name, "/models").status == 404


def test_usage_comes_when_asked_for_and_grows_with_the_tools(chat: Ask) -> None:
    plain = chat("healthy-plain").json["usage"]
    last = chat("healthy-plain", stream=True, stream_options={"include_usage": True}).chunks[-1]
    assert (last["choices"], last["usage"]) == ([], plain)
    assert chat("healthy-plain", tools=[TOOL]).json["usage"]["prompt_tokens"] > plain["prompt_tokens"]
    assert all("usage" not in chunk for chunk in chat("healthy-plain", stream=True).chunks)


def test_a_chat_without_messages_or_with_the_wrong_method_is_told_so(chat: Ask, get: Ask) -> None:
    assert chat("healthy-plain", messages=None).status == 400
    assert get("healthy-plain", f"/v1{CHAT}", "POST", b"{").status == 400
    assert get("healthy-plain", f"/v1{CHAT}").status == 405


def test_a_reset_comes_before_any_byte(chat: Ask) -> None:
    with pytest.raises(ConnectionResetError):
        chat("connection-reset")


@pytest.mark.parametrize("path", ["/v1/models", f"/v1{CHAT}", f"/v1/v1{CHAT}", "/"])
def test_pages_and_other_services_answer_every_path(path: str, get: Ask, chat: Ask) -> None:
    page = get("html-instead-of-api", path)
    assert (page.status, page.kind) == (200, "text/html")
    assert b"<title>" in page.body
    assert chat("html-instead-of-api", path=path, stream=True).body == page.body
    assert get("not-an-llm-api", path).json == {"status": "ok", "service": "weather"}
    assert chat("not-an-llm-api", path=path).status == 200
    nothing = chat("endpoint-not-found", path=path)
    assert (nothing.status, nothing.json) == (404, {"detail": "Not Found"})


def test_the_api_sits_one_level_deeper(chat: Ask, get: Ask) -> None:
    wrong = chat("base-url-missing-v1", stream=True)
    assert (wrong.status, wrong.kind) == (404, "text/html")
    assert b"<pre>Cannot POST /v1/chat/completions</pre>" in wrong.body
    assert healthy_stream(chat("base-url-missing-v1", path=f"/v1/v1{CHAT}", stream=True))
    assert get("base-url-missing-v1", "/v1/v1/models").status == 200
    assert get("base-url-missing-v1", "/v1/models").status == 404


def test_the_chat_is_redirected_to_a_page(chat: Ask, get: Ask) -> None:
    for stream in (True, False):
        answer = chat("redirected", stream=stream)
        assert (answer.status, answer.headers["location"]) == (308, "/redirected/login")
    assert b"<title>Sign in</title>" in chat("redirected", path="/login").body
    assert get("redirected", "/v1/models").status == 200


def test_without_a_key_nothing_is_open(chat: Ask, get: Ask) -> None:
    refused = chat("key-missing", key=None)
    assert (refused.status, refused.json["error"]["code"]) == (401, "invalid_api_key")
    assert get("key-missing", "/v1/models").status == 401
    assert chat("key-missing", key=" ").status == 401
    assert healthy_plain(chat("key-missing"))
    assert healthy_stream(chat("key-missing", stream=True))


def test_the_list_is_open_and_the_chat_wants_a_key(chat: Ask, get: Ask) -> None:
    assert get("models-list-proves-nothing", "/v1/models").status == 200
    assert chat("models-list-proves-nothing", key=None).status == 401
    assert healthy_plain(chat("models-list-proves-nothing"))


def test_a_country_is_forbidden(chat: Ask) -> None:
    refused = chat("forbidden")
    assert (refused.status, refused.json["error"]["code"]) == (403, "unsupported_country_region_territory")


def test_the_advertised_model_is_not_found(chat: Ask, get: Ask) -> None:
    assert get("model-not-found", "/v1/models").json["data"][0]["id"] == "lab-model"
    for stream in (True, False):
        refused = chat("model-not-found", stream=stream)
        assert (refused.status, refused.json["error"]["message"]) == (404, "model 'lab-model' not found")
    assert healthy_plain(chat("model-not-found", model="lab-only-model"))


def test_the_limit_counts_raw_bytes(chat: Ask) -> None:
    assert chat("body-too-large", "a" * 50_000).status == 200
    refused = chat("body-too-large", "a" * 52_000, stream=True)
    assert (refused.status, refused.kind) == (413, "text/html")
    assert b"PayloadTooLargeError: request entity too large" in refused.body


def test_json_comes_for_a_stream(chat: Ask) -> None:
    assert healthy_plain(chat("json-for-stream", stream=True))
    assert healthy_plain(chat("json-for-stream"))
    call = chat("json-for-stream", "Read notes/plan.txt", stream=True, tools=[TOOL]).json["choices"][0]
    assert call["finish_reason"] == "tool_calls"
    assert json.loads(call["message"]["tool_calls"][0]["function"]["arguments"]) == {"path": "notes/plan.txt"}


def test_a_stream_comes_for_json(chat: Ask) -> None:
    assert healthy_stream(chat("sse-for-plain"))
    assert healthy_stream(chat("sse-for-plain", stream=True))


def test_json_lines_come_for_events(chat: Ask) -> None:
    answer = chat("ndjson-for-sse", stream=True)
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert answer.kind == "application/x-ndjson"
    assert {line["object"] for line in lines} == {"chat.completion.chunk"}
    assert healthy_plain(chat("ndjson-for-sse"))


def test_a_good_stream_wears_the_wrong_label(chat: Ask) -> None:
    answer = chat("wrong-content-type", stream=True)
    assert (answer.kind, answer.joined()) == ("application/json", "42")
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert healthy_plain(chat("wrong-content-type"))


def test_an_error_hides_under_a_200(chat: Ask) -> None:
    streamed, plain = chat("error-in-200", stream=True), chat("error-in-200")
    assert (streamed.status, plain.status) == (200, 200)
    assert streamed.chunks == [plain.json]
    assert plain.json["error"]["message"] == "upstream provider exploded"


def test_a_server_breaks_down(chat: Ask, get: Ask) -> None:
    for stream in (True, False):
        broken = chat("server-error", stream=stream)
        assert (broken.status, broken.json["error"]["message"]) == (500, "Internal error in worker 3")
    assert get("server-error", "/v1/models").status == 200


def test_every_chat_is_one_too_many(chat: Ask, get: Ask) -> None:
    for stream in (True, False):
        limited = chat("rate-limited", stream=stream)
        assert (limited.status, limited.headers["retry-after"]) == (429, "2")
        assert limited.json["error"]["code"] == "rate_limit_exceeded"
    assert get("rate-limited", "/v1/models").status == 200


def test_every_chat_is_refused_for_a_parameter(chat: Ask, get: Ask) -> None:
    for stream in (True, False):
        refused = chat("request-refused", stream=stream)
        assert (refused.status, refused.json["error"]["message"]) == (400, "temperature is not supported here")
    assert get("request-refused", "/v1/models").status == 200


@pytest.mark.parametrize(("name", "body"), [("zero-events", b": keep-alive\n\n"), ("done-only", b"data: [DONE]\n\n")])
def test_a_stream_ends_well_and_holds_nothing(name: str, body: bytes, chat: Ask) -> None:
    answer = chat(name, stream=True)
    assert (answer.status, answer.kind, answer.body) == (200, "text/event-stream", body)
    assert healthy_plain(chat(name))


def test_a_stream_names_only_the_role(chat: Ask) -> None:
    answer = chat("role-only-stream", stream=True)
    choices = [chunk["choices"][0] for chunk in answer.chunks]
    assert {choice["finish_reason"] for choice in choices} == {None}
    assert {choice["delta"]["role"] for choice in choices} == {"assistant"}
    assert answer.joined() == ""
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert healthy_plain(chat("role-only-stream"))


def test_one_frame_between_good_ones_is_broken(chat: Ask) -> None:
    frames = chat("broken-json-frame", stream=True).body.split(b"\n\n")
    broken = frames.pop(1)
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(broken.removeprefix(b"data: "))
    assert [json.loads(frame.removeprefix(b"data: "))["object"] for frame in frames[:-2]]
    assert frames[-2:] == [b"data: [DONE]", b""]
    assert healthy_plain(chat("broken-json-frame"))


@pytest.mark.parametrize("asked", [{}, {"tools": [TOOL], "tool_choice": "required"}], ids=["text", "call"])
def test_a_stream_ends_inside_a_chunk(asked: dict[str, Any], chat: Ask) -> None:
    with pytest.raises(http.client.IncompleteRead) as cut:
        chat("stream-cut", stream=True, **asked)
    whole = b'"tool_calls"' if asked else b'"content":"42"'
    assert whole in cut.value.partial
    assert b'"finish_reason":"' not in cut.value.partial
    assert chat("stream-cut", **asked).status == 200


def test_an_answer_is_finished_and_empty(chat: Ask) -> None:
    streamed = chat("empty-answer", stream=True)
    assert streamed.joined() == ""
    assert [chunk["choices"][0]["finish_reason"] for chunk in streamed.chunks] == [None, "stop"]
    assert chat("empty-answer").json["choices"][0]["message"]["content"] == ""


def test_a_model_only_thinks(chat: Ask) -> None:
    streamed = chat("reasoning-only", stream=True)
    message = chat("reasoning-only").json["choices"][0]["message"]
    assert (streamed.joined(), message["content"]) == ("", "")
    assert "42" in streamed.joined("reasoning_content") == message["reasoning_content"]
    assert streamed.chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_a_mock_says_one_thing(chat: Ask) -> None:
    for text in ("What is 17 + 25?", "Read notes/plan.txt"):
        assert chat("canned-answer", text, stream=True, tools=[TOOL]).joined() == CANNED
        assert chat("canned-answer", text).json["choices"][0]["message"]["content"] == CANNED


def test_a_model_talks_where_a_tool_is_due(chat: Ask) -> None:
    asked = {"tools": [TOOL], "tool_choice": "required"}
    one, other = (chat("plain-text-instead-of-tool", f"Read notes/{name}.txt", **asked) for name in ("a", "b"))
    texts = [answer.json["choices"][0]["message"]["content"] for answer in (one, other)]
    assert texts[0] != texts[1]
    assert "tool_calls" not in one.json["choices"][0]["message"]
    assert healthy_stream(chat("plain-text-instead-of-tool", stream=True))


def test_g4f_hides_the_cause_and_tells_it_raw(chat: Ask, get: Ask) -> None:
    assert b"<title>g4f /v1 API</title>" in get("g4f-hides-cause", "/v1").body
    assert {"provider", "image", "vision"} <= get("g4f-hides-cause", "/v1/models").json["data"][0].keys()
    for stream in (True, False):
        hidden = chat("g4f-hides-cause", stream=stream)
        assert hidden.status == 500
        assert hidden.json == {
            "error": {"message": "Request execution failed"},
            "model": "lab-model",
            "provider": "Custom",
        }
    raw = chat("g4f-hides-cause", raw=True)
    assert raw.status == 200
    assert "10000 characters" in raw.json["error"]["message"]
    assert chat("g4f-hides-cause", raw=True, stream=True).chunks == [raw.json, hidden.json]


def test_two_turns_never_share_the_id_of_a_call(chat: Ask) -> None:
    ids = {
        chat("healthy-plain", f"Read notes/{name}.txt", tools=[TOOL]).json["choices"][0]["message"]["tool_calls"][0][
            "id"
        ]
        for name in ("a", "b")
    }
    assert len(ids) == 2
