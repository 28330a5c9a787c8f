"""An answer for a client that wants one body: what comes from the backend, what leaves, and which repairs are named."""

import json
from typing import Any

import pytest

from lumeai_cli.repair.plain import PlainMender
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.event import OddKind
from lumeai_cli.wire.sse import DEFAULT_LIMIT
from tests.repair.wire import (
    CLEAN,
    CUT,
    DONE,
    NATIVE,
    ROLE,
    SDK,
    XML,
    called,
    choice,
    chunk,
    completion,
    cut_anyhow,
    event,
    odd,
    piece,
    said,
    sse,
    whole,
)

READ = '{"path": "a.txt"}'
ENTRY = {"id": "c", "type": "function", "function": {"name": "read", "arguments": READ}}
CALL = {"content": None, "tool_calls": [ENTRY]}
BOTH = {"content": "Hi", "reasoning": "Hm", "reasoning_content": "Hm"}
TWO = {
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"},
        {"index": 1, "message": {"role": "assistant", "content": "Ho!"}, "finish_reason": "stop"},
    ]
}

HEALTHY: list[tuple[str, bytes, Wanted]] = [
    ("an ordinary completion", completion({"content": "Hello"}), SDK),
    ("for a native client", completion({"content": "Hello"}), NATIVE),
    ("for an XML client", completion({"content": "<read_file>\n<path>a</path>\n</read_file>"}), XML),
    ("unknown fields", completion({"content": "Hello", "annotations": []}, provider="acme", timings={"ms": 1}), SDK),
    ("white space around it", b" \n" + completion({"content": "Hello"}) + b"\n\n", SDK),
    ("a pretty one", json.dumps(json.loads(completion({"content": "Hello"})), indent=2).encode(), SDK),
    ("a call", completion(CALL, "tool_calls"), NATIVE),
    ("a thought under both names", completion(BOTH), SDK),
    ("two choices", json.dumps(TWO).encode(), SDK),
    ("a budget that is spent", completion({"content": "Hel"}, "length"), SDK),
]


@pytest.mark.parametrize(("body", "wanted"), [row[1:] for row in HEALTHY], ids=[row[0] for row in HEALTHY])
def test_a_healthy_completion_passes_byte_for_byte(body: bytes, wanted: Wanted) -> None:
    told = cut_anyhow(body, wanted, CLEAN, whole)
    assert told.out == body
    assert told.repairs == ()


MENDED: list[tuple[str, bytes, Wanted, dict[str, Any], set[str]]] = [
    ("a stream", said("Hel", "lo"), SDK, {"content": "Hello"}, {"sse-to-json"}),
    ("a stream of calls", called(piece("", identity="c", name="read"), piece(READ)), NATIVE, CALL, {"sse-to-json"}),
    (
        "a stream of thoughts",
        sse(chunk(ROLE), chunk({"reasoning": "Hm"}), chunk({"content": "Hi"}), chunk({}, "stop")),
        SDK,
        BOTH,
        {"sse-to-json"},
    ),
    (
        "single newlines",
        said("Hello").replace(b"\n\n", b"\n") + b"\n",
        SDK,
        {"content": "Hello"},
        {"sse-to-json", "single-newlines"},
    ),
    (
        "[DONE] without a reason",
        said("Hello", finish=None),
        SDK,
        {"content": "Hello"},
        {"sse-to-json", "finish-reason"},
    ),
    *(
        (
            f"{junk!r} behind the finish reason",
            said("Hello", done=False) + event(junk),
            SDK,
            {"content": "Hello"},
            {"sse-to-json", "frame-dropped"},
        )
        for junk in (b"[done]", b'"[DONE]"', b"DONE", b'{"choices":[{"delta":')
    ),
    *(
        (
            f"an error of {empty!r} in a stream",
            sse(chunk(ROLE, error=empty), chunk({"content": "Hi"}, error=empty), chunk({}, "stop", error=empty)),
            SDK,
            {"content": "Hi"},
            {"sse-to-json", "error-null"},
        )
        for empty in ({}, "", False)
    ),
    ("an empty error", completion({"content": "Hi"}, error={}), SDK, {"content": "Hi"}, {"error-null"}),
    (
        "NaN and Infinity in a stream",
        sse(chunk(ROLE), chunk({"content": "Hi"}, x=float("nan"), y=float("-inf")), chunk({}, "stop")),
        SDK,
        {"content": "Hi"},
        {"sse-to-json", "chunk-schema"},
    ),
    ("no reason", completion({"content": "Hello"}, None), SDK, {"content": "Hello"}, {"finish-reason"}),
    ("an unknown reason", completion({"content": "Hello"}, "eos"), SDK, {"content": "Hello"}, {"finish-reason"}),
    ("one thought", completion({"content": "Hi", "reasoning": "Hm"}), SDK, BOTH, {"reasoning"}),
    ("a thought that the prompt began", completion({"content": "Hm</think>Hi"}), SDK, BOTH, {"think-tag"}),
    ("a thought in tags", completion({"content": "<think>Hm</think>Hi"}), SDK, BOTH, {"think-tag"}),
    ("a byte order mark", b"\xef\xbb\xbf" + completion({"content": "Hi"}), SDK, {"content": "Hi"}, {"byte-order-mark"}),
    ("parts", completion({"content": [{"type": "text", "text": "Hi"}]}), SDK, {"content": "Hi"}, {"content-parts"}),
    ("text", b'{"choices": [{"index": 0, "text": "Hi", "finish_reason": "stop"}]}', SDK, {"content": "Hi"}, {"text"}),
    (
        "a delta",
        b'{"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}',
        SDK,
        {"content": "Hi"},
        {"message"},
    ),
    ("a refusal", completion({"content": None, "refusal": "No."}), SDK, {"content": "No."}, {"refusal"}),
    (
        "Ollama's",
        b'{"model": "m", "message": {"role": "assistant", "content": "Hi"}, "done": true, "done_reason": "stop"}',
        SDK,
        {"content": "Hi"},
        {"dialect"},
    ),
    (
        "Anthropic's",
        (
            b'{"type": "message", "role": "assistant", "stop_reason": "end_turn", '
            b'"content": [{"type": "text", "text": "Hi"}]}'
        ),
        SDK,
        {"content": "Hi"},
        {"dialect"},
    ),
    (
        "function_call",
        completion({"content": None, "function_call": {"name": "read", "arguments": READ}}, "function_call"),
        NATIVE,
        CALL,
        {"function-call", "call-shape", "finish-reason"},
    ),
    (
        "arguments as an object",
        completion({"tool_calls": [{**ENTRY, "function": {"name": "read", "arguments": {"path": "a.txt"}}}]}, "stop"),
        NATIVE,
        CALL,
        {"call-arguments", "finish-reason"},
    ),
    (
        "a native call for an XML client",
        completion({"tool_calls": [{**ENTRY, "function": {"name": "read_file", "arguments": READ}}]}, "tool_calls"),
        XML,
        {"content": "<read_file>\n<path>a.txt</path>\n</read_file>"},
        {"call-to-xml", "finish-reason"},
    ),
    (
        "a call in the text",
        completion({"content": f'<tool_call>{{"name": "read", "arguments": {READ}}}</tool_call>'}),
        NATIVE,
        CALL,
        {"text-to-call", "finish-reason"},
    ),
    (
        "a call in the text, for an XML client",
        completion({"content": f'<tool_call>{{"name": "read_file", "arguments": {READ}}}</tool_call>'}),
        XML,
        {"content": "<read_file>\n<path>a.txt</path>\n</read_file>"},
        {"text-to-xml"},
    ),
]


@pytest.mark.parametrize(
    ("body", "wanted", "message", "repairs"), [row[1:] for row in MENDED], ids=[row[0] for row in MENDED]
)
def test_an_answer_becomes_one_completion(
    body: bytes, wanted: Wanted, message: dict[str, Any], repairs: set[str]
) -> None:
    told = cut_anyhow(body, wanted, CLEAN, whole)
    assert told.fault is None
    assert set(told.repairs) == repairs
    (one,) = json.loads(told.out)["choices"]
    for entry in one["message"].get("tool_calls", ()):
        assert entry.pop("id")
    expected = {"role": "assistant", **message}
    if "tool_calls" in expected:
        expected["tool_calls"] = [{key: item for key, item in ENTRY.items() if key != "id"}]
    assert one["message"] == expected
    assert one["finish_reason"] == ("tool_calls" if "tool_calls" in message else "stop")
    assert odd(told.out) <= {OddKind.EMPTY_CHOICES}
    assert whole([told.out], wanted) == type(told)(told.out, (), None, told.spoken, complete=True)


FAULTS: list[tuple[str, bytes, Wanted, str]] = [
    ("nothing", b"", SDK, ""),
    ("a page", b"<!DOCTYPE html><title>Sign in</title>", SDK, ""),
    ("an empty answer", completion({"content": ""}), SDK, ""),
    ("thoughts alone", completion({"content": None, "reasoning": "Hm"}), SDK, ""),
    ("an error", b'{"error": {"message": "overloaded"}}', SDK, "error-in-200"),
    ("an error in a stream", event(chunk(ROLE)) + event({"error": {"message": "lost"}}), SDK, "error-in-200"),
    ("an unframed error", event(chunk(ROLE)) + b'{"error": {"message": "lost"}}\n', SDK, "unframed-error-in-stream"),
    ("junk before the finish reason", sse(chunk(ROLE), b"DONE", chunk({}, "stop")), SDK, "broken-json-frame"),
    ("NaN in broken JSON", said("Hello").replace(b'"Hello"', b'NaN, "Hello'), SDK, "broken-json-frame"),
    ("an empty error alone", b'{"error": {}}', SDK, "error-in-200"),
    ("a stream without an end", said("Hello", finish=None, done=False), SDK, "missing-finish-reason"),
    ("broken JSON in a stream", said("Hello").replace(b'"Hello"', b'"Hello'), SDK, "broken-json-frame"),
    ("a call without a name", called(piece(READ, identity="c")), NATIVE, "tool-call-missing-name"),
    ("a quota for an answer", completion({"content": "You've reached your daily limit."}), SDK, "quota-text-as-answer"),
    ("a quota in a stream", said("Rate limit ", "exceeded, sorry."), SDK, "quota-text-as-answer"),
    ("a limit of characters", completion({"content": "Text exceeds the 5000 chars limit"}), SDK, "context-exceeded"),
]


@pytest.mark.parametrize(("body", "wanted", "name"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_what_cannot_be_mended_has_a_name(body: bytes, wanted: Wanted, name: str) -> None:
    assert cut_anyhow(body, wanted, CLEAN, whole).why == name


def test_every_cut_of_a_body_is_a_fault() -> None:
    body = completion({"content": "Hello"})
    for place in range(len(body)):
        for ending in (CLEAN, CUT):
            assert whole([body[:place]], SDK, ending).fault is not None


def test_every_cut_of_a_stream_is_a_fault_before_its_end() -> None:
    body = said("Hel", "lo")
    end = body.index(DONE)
    for place in range(len(body)):
        for ending in (CLEAN, CUT):
            told = whole([body[:place]], SDK, ending)
            assert told.complete is (place >= end or (ending is CLEAN and place >= end - 2)), (
                f"{ending.kind} at {place}"
            )
            assert not told.complete or json.loads(told.out)["choices"][0]["message"]["content"] == "Hello"


def test_a_cut_stream_is_told_by_how_much_of_it_came() -> None:
    assert whole([said("Hello", finish=None, done=False)], SDK, CUT).why == "stream-cut"
    assert whole([event(chunk(ROLE)) + b'data: {"id"'], SDK, CUT).why == ""


def test_the_choices_of_a_stream_are_put_together_each() -> None:
    body = sse(
        chunk(ROLE),
        {"choices": [choice({"content": "Hi"}), choice({"role": "assistant", "content": "Ho"}, index=1)]},
        chunk({}, "stop"),
        chunk({"content": "!"}, index=1),
        chunk({}, "stop", index=1),
        done=False,
    )
    told = cut_anyhow(body, SDK, CLEAN, whole)
    assert [one["message"]["content"] for one in json.loads(told.out)["choices"]] == ["Hi", "Ho!"]
    assert whole([body.replace(event(chunk({}, "stop", index=1)), b"")], SDK, CUT).why == "stream-cut"


def test_other_choices_of_a_body_stay_when_one_is_mended() -> None:
    first, second = TWO["choices"]
    body = json.dumps({"choices": [{**first, "finish_reason": None}, second]}).encode()
    told = cut_anyhow(body, SDK, CLEAN, whole)
    assert [one["message"]["content"] for one in json.loads(told.out)["choices"]] == ["Hi", "Ho!"]
    assert json.loads(told.out)["choices"][1] == second


def test_further_fields_of_a_mended_completion_stay() -> None:
    body = completion({"content": "Hi", "x_trace": "t"}, None, provider="acme", usage={"prompt_tokens": 5})
    value = json.loads(whole([body]).out)
    assert value["provider"] == "acme"
    assert value["choices"][0]["message"]["x_trace"] == "t"
    assert value["usage"] == {"prompt_tokens": 5, "completion_tokens": 0, "total_tokens": 5}


def test_a_body_without_an_end_is_given_up() -> None:
    mender = PlainMender(SDK)
    fed = 0
    while mender.fault is None:
        mender.feed(b" " * 1048576, 0.0)
        fed += 1048576
    assert fed <= DEFAULT_LIMIT + 1048576
    assert mender.fault.name == "endless-answer"
    assert mender.close(CLEAN) == b""
