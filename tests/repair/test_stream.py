"""A stream for a client that reads one: what comes from the backend, what leaves, and which repairs are named."""

import json
from typing import Any

import pytest

from lumeai_cli.repair.calls import LONG_CALL
from lumeai_cli.repair.speech import MOST_WAITING, Spoken
from lumeai_cli.repair.stream import MOST_BETWEEN, StreamMender
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.answer import ToolCall
from lumeai_cli.wire.event import CallPart, OddKind
from lumeai_cli.wire.exchange import Ending
from tests.repair.wire import (
    CLEAN,
    COUNTING,
    CUT,
    DONE,
    NATIVE,
    ROLE,
    SDK,
    XML,
    Mended,
    called,
    choice,
    chunk,
    completion,
    cut_anyhow,
    event,
    heard,
    mended,
    odd,
    piece,
    read,
    said,
    sse,
)

READ = '{"path": "a.txt"}'
CALL = piece(READ, identity="call_1", name="read")
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
HERMES = f'<tool_call>\n{{"name": "read", "arguments": {READ}}}\n</tool_call>'
FILE = HERMES.replace('"read"', '"read_file"')
LONG = json.dumps({"path": "x" * (LONG_CALL + 100)})
TEXT = {"content": "Hi"}


def lines(*values: object) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def single(*values: object) -> bytes:
    return b"".join(event(value)[:-1] for value in values) + b"data: [DONE]\n\n"


def ollama(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "m", "created_at": "2026-11-01T00:00:00Z", "message": message, "done": False, **more}


def anthropic(*events: dict[str, Any]) -> bytes:
    start = {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "role": "assistant",
            "model": "m",
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 5, "output_tokens": 1},
        },
    }
    return b"".join(f"event: {each['type']}\n".encode() + event(each) for each in (start, *events))


def block(index: int, holds: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": holds},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def stopped(reason: str) -> list[dict[str, Any]]:
    usage = {"output_tokens": 2}
    return [{"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}, {"type": "message_stop"}]


HEALTHY: list[tuple[str, bytes, Wanted]] = [
    ("an ordinary text", said("Hello ", "there."), SDK),
    ("for a native client", said("Hello ", "there."), NATIVE),
    ("for an XML client", said("<read_file>\n<path>", "a.txt</path>\n</read_file>"), XML),
    (
        "unknown fields",
        sse(chunk(ROLE, system_fingerprint="x"), chunk({**TEXT, "x": 1}, timings={"ms": 1}), chunk({}, "stop")),
        NATIVE,
    ),
    (
        "log probabilities",
        sse(chunk(ROLE), {"choices": [choice(TEXT, logprobs={"content": [{"token": "Hi"}]})]}, chunk({}, "stop")),
        SDK,
    ),
    ("a provider's field", sse(chunk(ROLE), chunk(TEXT, provider="acme"), chunk({}, "stop", x_groq={"id": "r"})), SDK),
    ("CRLF", said("Hello ", "there.").replace(b"\n", b"\r\n"), NATIVE),
    ("CR alone", said("Hello ", "there.").replace(b"\n", b"\r"), NATIVE),
    ("no space behind data:", said("Hello ", "there.").replace(b"data: ", b"data:"), SDK),
    ("comments", b": on\n\n" + said("Hello ", "there.").replace(b"\n\n", b"\n\n: still\n\n", 3), SDK),
    (
        "event names, ids, retry",
        said("Hello ", "there.").replace(b"data: {", b"event: message\nid: 7\nretry: 3\ndata: {"),
        SDK,
    ),
    ("JSON over several data lines", said("Hello").replace(b', "object"', b',\ndata: "object"'), SDK),
    ("letters of several bytes", json_text := sse(chunk(ROLE), chunk({"content": "Привет ✓"}), chunk({}, "stop")), SDK),
    ("the same unescaped", json_text.replace(rb"\u041f", "П".encode()), NATIVE),
    ("a usage chunk", sse(chunk(ROLE), chunk(TEXT), chunk({}, "stop"), {"choices": [], "usage": USAGE}), SDK),
    (
        "usage beside every text",
        sse(chunk(ROLE), chunk(TEXT, usage=USAGE), chunk(TEXT, usage=USAGE), chunk({}, "stop", usage=USAGE)),
        NATIVE,
    ),
    ("usage null", sse(chunk(ROLE, usage=None), chunk(TEXT, usage=None), chunk({}, "stop", usage=None)), SDK),
    (
        "Azure's first chunk",
        sse(
            {"id": "", "model": "", "choices": [], "prompt_filter_results": []},
            chunk(ROLE),
            chunk(TEXT),
            chunk({}, "stop"),
        ),
        SDK,
    ),
    (
        "the role beside every text",
        sse(
            chunk({"role": "assistant", "content": "Hel"}),
            chunk({"role": "assistant", "content": "lo"}),
            chunk({}, "stop"),
        ),
        NATIVE,
    ),
    (
        "the role beside a content of null",
        sse(chunk({"role": "assistant", "content": None}), chunk(TEXT), chunk({}, "stop")),
        SDK,
    ),
    (
        "the last text with the finish reason",
        sse(chunk(ROLE), chunk({"content": "Hel"}), chunk({"content": "lo"}, "stop")),
        NATIVE,
    ),
    ("all in one chunk", sse(chunk({"role": "assistant", "content": "Hello"}, "stop", usage=USAGE)), NATIVE),
    ("all in one chunk, for an XML client", sse(chunk({"role": "assistant", "content": "Hello"}, "stop")), XML),
    (
        "a long thought under both names",
        sse(chunk(ROLE), chunk({"reasoning": "Hm", "reasoning_content": "Hm"}), chunk(TEXT), chunk({}, "stop")),
        SDK,
    ),
    ("length as the finish reason", said("Hel", finish="length"), NATIVE),
    (
        "a call in pieces",
        called(piece("", identity="call_1", name="read"), piece('{"path": '), piece('"a.txt"}')),
        NATIVE,
    ),
    ("a whole call in one chunk", called(CALL), NATIVE),
    ("a whole call with the finish reason", sse(chunk(ROLE), chunk(CALL, "tool_calls")), NATIVE),
    (
        "two calls in one chunk",
        called(
            {"tool_calls": [*CALL["tool_calls"], *piece(READ, index=1, identity="call_2", name="read")["tool_calls"]]}
        ),
        NATIVE,
    ),
    ("two calls in turn", called(CALL, piece(READ, index=1, identity="call_2", name="read")), NATIVE),
    ("a call for a client without tools", called(CALL), SDK),
    ("content null beside a call", called({"content": None, **CALL}), NATIVE),
    ("a text before a call", called({"content": "I read it."}, CALL), NATIVE),
    (
        "later pieces with an empty id",
        called(piece("", identity="call_1", name="read"), piece(READ, identity="")),
        NATIVE,
    ),
    (
        "a long call in pieces",
        called(piece("", identity="call_1", name="read"), piece(LONG[:3000]), piece(LONG[3000:])),
        NATIVE,
    ),
    (
        "a long call with the finish reason",
        sse(chunk(ROLE), chunk(piece("", identity="call_1", name="read")), chunk(piece(LONG), "tool_calls")),
        NATIVE,
    ),
    ("tags in code", said("Use `<tool_", "call>` for it."), NATIVE),
    ("what begins like a sign", said("a < b and <to", "day> it is"), NATIVE),
    ("a thought that the prompt began, and that has gone out", said("Hm", "</think>", "Hi"), NATIVE),
    ("a thought that is no head", said("I <think>", " so</think>."), NATIVE),
    (
        "markup in a file that an XML client shall write",
        said("<read_file><path>", FILE, "</path></rea", "d_file>"),
        XML,
    ),
    ("an example for an XML client", said("So:\n```json\n", FILE[11:-12], "\n```\nis", " it"), XML),
    ("an example", said("So:\n```json\n", HERMES[11:-12], "\n```\nis", " it"), NATIVE),
    ("a text that begins like an excuse", said("You have ", "a bug in line 3. ", "Mend it."), NATIVE),
]


@pytest.mark.parametrize(("body", "wanted"), [row[1:] for row in HEALTHY], ids=[row[0] for row in HEALTHY])
def test_a_healthy_stream_passes_byte_for_byte(body: bytes, wanted: Wanted) -> None:
    assert cut_anyhow(body, wanted) == Mended(body, (), None, Spoken.CONTENT, complete=True)


TEXTS: list[tuple[str, bytes, Wanted, str, set[str]]] = [
    ("one JSON body", completion({"content": "Hello"}), SDK, "Hello", {"json-to-sse"}),
    (
        "a pretty one",
        json.dumps(json.loads(completion({"content": "Hello"})), indent=2).encode(),
        SDK,
        "Hello",
        {"json-to-sse"},
    ),
    (
        "one without a finish reason",
        completion({"content": "Hello"}, None),
        SDK,
        "Hello",
        {"json-to-sse", "finish-reason"},
    ),
    ("a bare mock's", b'{"choices":[{"message":{"content":"Hello"}}]}', XML, "Hello", {"json-to-sse", "finish-reason"}),
    ("one behind white space", b" \n \n" + completion({"content": "Hello"}), SDK, "Hello", {"json-to-sse"}),
    ("one behind a byte order mark", b"\xef\xbb\xbf" + completion({"content": "Hello"}), SDK, "Hello", {"json-to-sse"}),
    (
        "one with a delta",
        completion(None).replace(b'"message": null', b'"delta": {"content": "Hello"}'),
        SDK,
        "Hello",
        {"json-to-sse"},
    ),
    (
        "one with text",
        completion(None).replace(b'"message": null', b'"text": "Hello"'),
        SDK,
        "Hello",
        {"json-to-sse", "text"},
    ),
    (
        "one with parts",
        completion({"content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]}),
        SDK,
        "Hello",
        {"json-to-sse", "content-parts"},
    ),
    (
        "one with an error of null",
        completion({"content": "Hello"}, error=None),
        SDK,
        "Hello",
        {"json-to-sse", "error-null"},
    ),
    (
        "a whole answer of Ollama's",
        json.dumps(ollama({"role": "assistant", "content": "Hello"}, done=True, done_reason="stop")).encode(),
        SDK,
        "Hello",
        {"json-to-sse", "dialect"},
    ),
    (
        "lines of JSON",
        lines(chunk(ROLE), chunk({"content": "Hel"}), chunk({"content": "lo"}), chunk({}, "stop")),
        NATIVE,
        "Hello",
        {"ndjson-to-sse", "done"},
    ),
    (
        "lines of Ollama's",
        lines(
            ollama({"role": "assistant", "content": "Hel"}),
            ollama({"role": "assistant", "content": "lo"}),
            ollama(
                {"role": "assistant", "content": ""}, done=True, done_reason="stop", prompt_eval_count=5, eval_count=2
            ),
        ),
        NATIVE,
        "Hello",
        {"ndjson-to-sse", "dialect", "done"},
    ),
    (
        "lines of Ollama's without a reason",
        lines(
            ollama({"role": "assistant", "content": "Hello"}), ollama({"role": "assistant", "content": ""}, done=True)
        ),
        SDK,
        "Hello",
        {"ndjson-to-sse", "dialect", "finish-reason", "done"},
    ),
    (
        "Anthropic's events",
        anthropic(
            *block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Hello"}),
            {"type": "ping"},
            *stopped("end_turn"),
        ),
        SDK,
        "Hello",
        {"dialect", "done"},
    ),
    (
        "single newlines",
        single(chunk(ROLE), chunk({"content": "Hel"}), chunk({"content": "lo"}), chunk({}, "stop")),
        NATIVE,
        "Hello",
        {"single-newlines"},
    ),
    (
        "single newlines, [DONE], no reason",
        single(chunk(ROLE), chunk({"content": "Hello"})),
        SDK,
        "Hello",
        {"single-newlines", "finish-reason"},
    ),
    (
        "an unterminated last event",
        sse(chunk(ROLE), chunk(TEXT), done=False) + event(chunk({}, "stop"))[:-1],
        SDK,
        "Hi",
        {"unterminated-event", "done"},
    ),
    (
        "an unterminated only event",
        event(chunk({"role": "assistant", "content": "Hi"}, "stop"))[:-2],
        SDK,
        "Hi",
        {"unterminated-event", "done"},
    ),
    ("no [DONE]", said("Hello", done=False), SDK, "Hello", {"done"}),
    ("[DONE] without a reason", said("Hello", finish=None), SDK, "Hello", {"finish-reason"}),
    ("a reason that nobody knows", said("Hello", finish="eos"), SDK, "Hello", {"finish-reason"}),
    (
        "an unknown reason beside the text",
        sse(chunk({"role": "assistant", "content": "Hello"}, "end_turn")),
        SDK,
        "Hello",
        {"finish-reason"},
    ),
    ("a reason of calls without one", said("Hello", finish="tool_calls"), SDK, "Hello", {"finish-reason"}),
    ("no role", sse(chunk({"content": "Hel"}), chunk({"content": "lo"}), chunk({}, "stop")), NATIVE, "Hello", {"role"}),
    ("the user's role", sse(chunk({"role": "user", "content": "Hello"}), chunk({}, "stop")), SDK, "Hello", {"role"}),
    ("message instead of delta", sse(json.loads(completion({"content": "Hello"}))), SDK, "Hello", {"message"}),
    (
        "the field text",
        sse({"choices": [{"index": 0, "text": "Hello", "finish_reason": "stop"}]}),
        SDK,
        "Hello",
        {"text", "role"},
    ),
    (
        "parts in a delta",
        said().replace(DONE, b"") + sse(chunk({"content": [{"type": "text", "text": "Hello"}]}), chunk({}, "stop")),
        SDK,
        "Hello",
        {"content-parts"},
    ),
    (
        "counts as words",
        sse(chunk({"role": "assistant", "content": "Hello"}, usage={"prompt_tokens": "5"}), chunk({}, "stop")),
        SDK,
        "Hello",
        {"usage"},
    ),
    (
        "an error of null",
        sse(chunk(ROLE, error=None), chunk(TEXT, error=None), chunk({}, "stop", error=None)),
        SDK,
        "Hi",
        {"error-null"},
    ),
    *(
        (
            f"an error of {empty!r}",
            sse(
                chunk(ROLE, error=empty),
                chunk(TEXT, error=empty),
                chunk({}, "stop", error=empty),
                {"choices": [], "usage": USAGE, "error": empty},
            ),
            SDK,
            "Hi",
            {"error-null"},
        )
        for empty in ({}, "", False)
    ),
    ("one with an empty error", completion({"content": "Hi"}, error={}), SDK, "Hi", {"json-to-sse", "error-null"}),
    *(
        (
            f"{number} for a figure",
            said("Hello ", "there.").replace(b'"model": "m"', b'"model": "m", "x": ' + number, 2),
            NATIVE,
            "Hello there.",
            {"chunk-schema"},
        )
        for number in (b"NaN", b"Infinity", b"-Infinity")
    ),
    (
        "NaN beside an empty error",
        sse(chunk(ROLE), chunk(TEXT, error={}, x=float("nan")), chunk({}, "stop")),
        SDK,
        "Hi",
        {"chunk-schema", "error-null"},
    ),
    *(
        (f"{end!r} for an end", said("Hello", done=False) + event(end), SDK, "Hello", {"done"})
        for end in (b"[done]", b'"[DONE]"', b"DONE")
    ),
    *(
        (
            f"{junk!r} behind the finish reason",
            said("Hello", done=False) + event(junk) + DONE,
            SDK,
            "Hello",
            {"frame-dropped"},
        )
        for junk in (b'{"choices":[{"delta":', b"null", b"[]", b"over and out")
    ),
    ("no UTF-8", said("Hello").replace(b"Hello", b"Hel\xfflo"), SDK, "Hel�lo", {"utf-8"}),
    ("a byte order mark", b"\xef\xbb\xbf" + said("Hello"), SDK, "Hello", {"byte-order-mark"}),
    (
        "frames without choices",
        sse(chunk(ROLE), {"id": "c1"}, chunk(TEXT), {"choices": None}, chunk({}, "stop")),
        SDK,
        "Hi",
        {"frame-dropped"},
    ),
    (
        "a thread's event name",
        said("Hello").replace(b"data: {", b"event: thread.message\ndata: {", 2),
        SDK,
        "Hello",
        {"chunk-schema"},
    ),
    ("junk between the events", said("Hello").replace(b"\n\n", b"\n\nwhat is this\n", 2), SDK, "Hello", set()),
    ("fields that SSE does not know", said("Hello").replace(b"data: {", b"x-trace: 7\ndata: {"), SDK, "Hello", set()),
    (
        "reasoning_content",
        sse(chunk(ROLE), chunk({"reasoning_content": "Hm"}), chunk(TEXT), chunk({}, "stop")),
        SDK,
        "Hi",
        {"reasoning"},
    ),
    (
        "reasoning",
        sse(chunk(ROLE), chunk({"reasoning": "Hm"}), chunk(TEXT), chunk({}, "stop")),
        SDK,
        "Hi",
        {"reasoning"},
    ),
    (
        "a thought beside the text",
        sse(chunk(ROLE), chunk({"reasoning": "Hm", **TEXT}), chunk({}, "stop")),
        SDK,
        "Hi",
        {"reasoning", "chunk-split"},
    ),
    ("a thought in tags", said("<think>H", "m</thi", "nk>\nHi"), SDK, "Hi", {"think-tag"}),
    (
        "the same in one chunk",
        sse(chunk({"role": "assistant", "content": "<think>Hm</think>Hi"}, "stop")),
        XML,
        "Hi",
        {"think-tag"},
    ),
    ("a thought that was begun in the prompt", said("</think>", "\n\nHi"), NATIVE, "Hi", {"think-tag"}),
    ("a thought without an end", said("<think>Hm. ", "Hi"), SDK, "Hm. Hi", {"think-tag", "think-unclosed"}),
    (
        "one before an XML call",
        said("<think>Hm.\n<read_file>\n<path>a</path>\n</read_file>"),
        XML,
        "Hm.\n<read_file>\n<path>a</path>\n</read_file>",
        {"think-tag", "think-unclosed"},
    ),
    (
        "a refusal",
        sse(chunk(ROLE), chunk({"refusal": "I will "}), chunk({"refusal": "not."}), chunk({}, "stop")),
        SDK,
        "I will not.",
        {"refusal"},
    ),
    ("Harmony's marks around a text", said("<|channel|>final<|message|>Hello"), NATIVE, "Hello", {"template-marks"}),
    (
        "markup for an XML client",
        said("I look.\n<tool_", FILE[6:30], FILE[30:], " Done."),
        XML,
        "I look.\n\n\n<read_file>\n<path>a.txt</path>\n</read_file> Done.",
        {"text-to-xml"},
    ),
    (
        "nothing but markup for an XML client, with the finish reason",
        sse(chunk({"role": "assistant", "content": f"{FILE}\n{FILE}"}, "tool_calls")),
        XML,
        "<read_file>\n<path>a.txt</path>\n</read_file>\n\n<read_file>\n<path>a.txt</path>\n</read_file>",
        {"text-to-xml", "finish-reason"},
    ),
    (
        "markup for an XML client in one JSON body",
        completion({"content": f"I look.{FILE}"}),
        XML,
        "I look.\n\n<read_file>\n<path>a.txt</path>\n</read_file>",
        {"json-to-sse", "text-to-xml"},
    ),
    (
        "markup and a native call for an XML client",
        called({"content": FILE}, piece(READ, identity="c", name="read_file")),
        XML,
        "<read_file>\n<path>a.txt</path>\n</read_file>\n\n<read_file>\n<path>a.txt</path>\n</read_file>",
        {"text-to-xml", "call-to-xml", "finish-reason"},
    ),
    (
        "a native call for an XML client",
        called(piece(READ, identity="c", name="read_file")),
        XML,
        "<read_file>\n<path>a.txt</path>\n</read_file>",
        {"call-to-xml", "finish-reason"},
    ),
    (
        "a text before it",
        called({"content": "I look."}, piece(READ, identity="c", name="read_file")),
        XML,
        "I look.\n\n<read_file>\n<path>a.txt</path>\n</read_file>",
        {"call-to-xml", "finish-reason"},
    ),
    (
        "a long one",
        called(piece("", identity="c", name="read_file"), piece(LONG)),
        XML,
        f"<read_file>\n<path>{'x' * (LONG_CALL + 100)}</path>\n</read_file>",
        {"call-to-xml", "finish-reason"},
    ),
    (
        "a text behind the finish reason",
        sse(chunk(ROLE), chunk(TEXT), chunk({}, "stop"), chunk({"content": " <to"})),
        NATIVE,
        "Hi <to",
        set(),
    ),
]


@pytest.mark.parametrize(
    ("body", "wanted", "text", "repairs"), [row[1:] for row in TEXTS], ids=[row[0] for row in TEXTS]
)
def test_a_text_is_told_as_the_chunks_that_it_means(body: bytes, wanted: Wanted, text: str, repairs: set[str]) -> None:
    told = cut_anyhow(body, wanted)
    assert told.fault is None
    assert told.answer.text == text
    assert not told.answer.calls
    assert set(told.repairs) == repairs
    canonical(told, "length" if told.answer.finish == "length" else "stop")


def canonical(told: Mended, finish: str) -> None:
    """The form that every known client takes."""
    assert told.answer.finish == finish
    assert told.answer.done
    assert told.out.endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))
    assert odd(told.out) <= {OddKind.EMPTY_CHOICES}
    values = [json.loads(line[6:]) for line in told.out.split(b"\n") if line.startswith(b"data: {")]
    deltas = [each["choices"][0]["delta"] for each in values if each["choices"]]
    assert deltas[0]["role"] == "assistant"
    assert all(each["choices"][0]["index"] == 0 for each in values if each["choices"])
    assert all(each["id"] and isinstance(each["created"], int) and each["model"] for each in values if "id" in each)


CALLS: list[tuple[str, bytes, Wanted, list[tuple[str, Any]], set[str]]] = [
    (
        "one JSON body",
        completion(
            {
                "content": None,
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "read", "arguments": READ}}],
            },
            "tool_calls",
        ),
        NATIVE,
        [("read", READ)],
        {"json-to-sse"},
    ),
    ("no id", called(piece(READ, name="read")), NATIVE, [("read", READ)], {"call-shape"}),
    ("an empty id", called(piece(READ, identity="", name="read")), NATIVE, [("read", READ)], {"call-shape"}),
    ("a number as id", called(piece(READ, identity=7, name="read")), NATIVE, [("read", READ)], {"call-shape"}),
    (
        "no index",
        called(piece("", identity="c", name="read", index=None), piece(READ, index=None)),
        NATIVE,
        [("read", READ)],
        {"call-shape"},
    ),
    (
        "two calls without an index",
        called(piece(READ, identity="c", name="read", index=None), piece("{}", identity="d", name="stop", index=None)),
        NATIVE,
        [("read", READ), ("stop", "{}")],
        {"call-shape"},
    ),
    (
        "two calls under one index",
        called(CALL, piece("{}", identity="d", name="stop")),
        NATIVE,
        [("read", READ), ("stop", "{}")],
        {"call-shape"},
    ),
    (
        "two calls with one id",
        called(piece(READ, identity="c", name="read", index=None), piece("{}", identity="c", name="stop", index=1)),
        NATIVE,
        [("read", READ), ("stop", "{}")],
        {"call-shape"},
    ),
    (
        "a name that comes late",
        called(piece("", identity="c"), piece(READ, name="read")),
        NATIVE,
        [("read", READ)],
        {"call-shape"},
    ),
    (
        "a name behind the arguments",
        called(piece(READ, identity="c"), piece(name="read")),
        NATIVE,
        [("read", READ)],
        {"call-shape"},
    ),
    (
        "a name in every piece",
        called(piece('{"path": ', identity="c", name="read"), piece('"a.txt"}', name="read")),
        NATIVE,
        [("read", READ)],
        {"call-shape"},
    ),
    (
        "arguments as an object",
        called(piece({"path": "a.txt"}, identity="c", name="read")),
        NATIVE,
        [("read", READ)],
        {"call-arguments"},
    ),
    (
        "blank ones that are due",
        called(piece(" ", identity="c", name="read")),
        NATIVE,
        [("read", "{}")],
        {"call-arguments"},
    ),
    ("none that are due", called(piece(identity="c", name="read")), NATIVE, [("read", "{}")], {"call-arguments"}),
    (
        "none that are due behind a text",
        called(TEXT, piece(identity="c", name="read")),
        NATIVE,
        [("read", "{}")],
        {"call-arguments"},
    ),
    ("empty arguments", called(piece("", identity="c", name="stop")), NATIVE, [("stop", "{}")], {"call-arguments"}),
    ("no arguments", called(piece(identity="c", name="stop")), NATIVE, [("stop", "{}")], {"call-arguments"}),
    (
        "broken JSON",
        called(piece('{"path": "a.txt", ', identity="c", name="read")),
        NATIVE,
        [("read", READ)],
        {"call-arguments"},
    ),
    ("the reason stop", called(CALL, finish="stop"), NATIVE, [("read", READ)], {"finish-reason"}),
    ("the reason stop beside it", sse(chunk(ROLE), chunk(CALL, "stop")), NATIVE, [("read", READ)], {"finish-reason"}),
    ("[DONE] without a reason", sse(chunk(ROLE), chunk(CALL)), NATIVE, [("read", READ)], {"finish-reason"}),
    (
        "function_call",
        called(
            {"function_call": {"name": "read", "arguments": ""}},
            {"function_call": {"arguments": READ}},
            finish="function_call",
        ),
        NATIVE,
        [("read", READ)],
        {"function-call", "call-shape", "finish-reason"},
    ),
    ("no role", sse(chunk(CALL), chunk({}, "tool_calls")), NATIVE, [("read", READ)], {"role"}),
    ("a text in the same chunk", called({**TEXT, **CALL}), NATIVE, [("read", READ)], {"chunk-split"}),
    (
        "Hermes' markup",
        said("I look.\n<tool_", HERMES[6:30], HERMES[30:]),
        NATIVE,
        [("read", READ)],
        {"text-to-call", "finish-reason"},
    ),
    (
        "XML for a native client",
        said("<read>\n<path>a.txt</path>\n</read>"),
        NATIVE,
        [("read", READ)],
        {"text-to-call", "finish-reason"},
    ),
    (
        "Mistral's markup in one chunk",
        sse(chunk({"role": "assistant", "content": f"[TOOL_CALLS]read{READ}"}, "stop")),
        NATIVE,
        [("read", READ)],
        {"text-to-call", "finish-reason"},
    ),
    (
        "JSON in a fence, at the end",
        said("I look.\n```json\n", HERMES[11:-12], "\n``", "`\n"),
        NATIVE,
        [("read", READ)],
        {"text-to-call", "finish-reason"},
    ),
    (
        "markup in an unclosed thought",
        said(f"<think>Hm.\n{HERMES}"),
        NATIVE,
        [("read", READ)],
        {"think-tag", "think-unclosed", "text-to-call", "finish-reason"},
    ),
    (
        "markup in one JSON body",
        completion({"content": HERMES}),
        NATIVE,
        [("read", READ)],
        {"json-to-sse", "text-to-call", "finish-reason"},
    ),
    (
        "Ollama's line",
        lines(
            ollama(
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [{"function": {"name": "read", "arguments": {"path": "a.txt"}}}],
                }
            ),
            ollama({"role": "assistant", "content": ""}, done=True, done_reason="stop"),
        ),
        NATIVE,
        [("read", READ)],
        {"ndjson-to-sse", "dialect", "call-shape", "finish-reason", "done"},
    ),
    (
        "Anthropic's block",
        anthropic(
            *block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "I look."}),
            *block(
                1,
                {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}},
                {"type": "input_json_delta", "partial_json": READ},
            ),
            *stopped("tool_use"),
        ),
        NATIVE,
        [("read", READ)],
        {"dialect", "done"},
    ),
    (
        "a call behind a long one",
        called(piece("", identity="c", name="read"), piece(LONG), piece(READ, index=1, name="read")),
        NATIVE,
        [("read", LONG), ("read", READ)],
        {"call-shape"},
    ),
    (
        "one under the long one's index",
        called(piece("", identity="c", name="read"), piece(LONG), piece(READ, identity="d", name="read")),
        NATIVE,
        [("read", LONG), ("read", READ)],
        {"call-shape"},
    ),
    (
        "a broken call before a long one",
        called(
            piece('{"path": "a.txt", ', identity="c", name="read"),
            piece("", index=1, identity="d", name="read"),
            piece(LONG, index=1),
        ),
        NATIVE,
        [("read", READ), ("read", LONG)],
        {"call-arguments"},
    ),
    (
        "a call behind the finish reason",
        sse(chunk(ROLE), chunk(TEXT), chunk({}, "stop"), chunk(piece(READ, name="read"))),
        NATIVE,
        [("read", READ)],
        {"call-shape"},
    ),
]


@pytest.mark.parametrize(
    ("body", "wanted", "calls", "repairs"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS]
)
def test_a_call_is_told_in_the_form_that_every_client_takes(
    body: bytes, wanted: Wanted, calls: list[tuple[str, str]], repairs: set[str]
) -> None:
    told = cut_anyhow(body, wanted)
    assert told.fault is None
    assert [(call.name, call.arguments) for call in told.answer.calls] == calls
    assert all(call.id for call in told.answer.calls)
    assert len({call.id for call in told.answer.calls}) == len(calls)
    assert set(told.repairs) == repairs
    canonical(told, told.answer.finish)
    indices = [entry["index"] for entry in entries(told.out) if entry.get("id")]
    assert indices == list(range(len(calls)))


def entries(body: bytes) -> list[dict[str, Any]]:
    values = [json.loads(line[6:]) for line in body.split(b"\n") if line.startswith(b"data: {")]
    deltas = [each["choices"][0]["delta"] for each in values if each["choices"]]
    return [entry for delta in deltas for entry in delta.get("tool_calls") or ()]


FAULTS: list[tuple[str, bytes, Wanted, str]] = [
    ("nothing", b"", SDK, ""),
    ("white space", b" \n\n \n", SDK, ""),
    ("comments", b": on\n\n" * 3, SDK, ""),
    ("[DONE] alone", DONE, SDK, ""),
    ("a page", b"<!DOCTYPE html><title>Sign in</title>", SDK, ""),
    ("a role alone", sse(chunk(ROLE)), SDK, ""),
    ("an empty answer", said(), SDK, ""),
    ("white space for an answer", said(" \n"), NATIVE, ""),
    ("thoughts alone", sse(chunk(ROLE), chunk({"reasoning": "Hm"}), chunk({}, "stop")), SDK, ""),
    ("a thought in tags alone", said("<think>Hm</think>\n"), SDK, ""),
    ("an unclosed thought, cut by its budget", said("<think>Hm", finish="length"), SDK, ""),
    ("a reason of calls without one", said(finish="tool_calls"), NATIVE, ""),
    ("an error in a frame", sse({"error": {"message": "overloaded"}}), SDK, "error-in-200"),
    ("an error as a text", sse({"error": "overloaded"}), SDK, "error-in-200"),
    ("an error event", b"event: error\n" + event({"message": "overloaded"}), SDK, "error-in-200"),
    (
        "an error behind a text",
        sse(chunk(ROLE), chunk(TEXT), {"error": {"message": "overloaded"}}),
        SDK,
        "error-in-200",
    ),
    ("an error for a body", b'{"error": {"message": "overloaded"}}', SDK, "error-in-200"),
    ("a line of Ollama's", b'{"error": "overloaded"}\n', SDK, "error-in-200"),
    (
        "Anthropic's error",
        b"event: error\n" + event({"type": "error", "error": {"type": "x", "message": "overloaded"}}),
        SDK,
        "error-in-200",
    ),
    (
        "an error without its data:",
        event(chunk(ROLE)) + b'{"error": {"message": "lost"}}\n',
        SDK,
        "unframed-error-in-stream",
    ),
    ("broken JSON", said("Hello").replace(b'"Hello"', b'"Hello'), SDK, "broken-json-frame"),
    ("no object", event(chunk(ROLE)) + event([1]), SDK, "broken-json-frame"),
    (
        "junk before the finish reason",
        event(chunk(ROLE)) + event(chunk(TEXT)) + event(b"DONE"),
        SDK,
        "broken-json-frame",
    ),
    ("NaN in broken JSON", said("Hello").replace(b'"Hello"', b'NaN, "Hello'), SDK, "broken-json-frame"),
    ("an empty error alone", event(chunk(ROLE)) + event({"error": {}}), SDK, "error-in-200"),
    ("an empty error beside no choices", sse({"error": "", "choices": []}), SDK, "error-in-200"),
    ("junk behind an empty answer", said(done=False) + event(b"DONE"), SDK, ""),
    ("a text without an end", said("Hello", finish=None, done=False), SDK, "missing-finish-reason"),
    ("a held text without an end", said("Hello <tool_ca", finish=None, done=False), NATIVE, "missing-finish-reason"),
    ("a whole call without an end", sse(chunk(ROLE), chunk(CALL), done=False), NATIVE, "missing-finish-reason"),
    (
        "half a call",
        sse(chunk(ROLE), chunk(piece('{"path', identity="c", name="read")), done=False),
        NATIVE,
        "stream-cut",
    ),
    ("a call without a name", called(piece(READ, identity="c")), NATIVE, "tool-call-missing-name"),
    (
        "arguments cut in a string",
        called(piece('{"path": "a.t', identity="c", name="read")),
        NATIVE,
        "tool-arguments-not-json",
    ),
    (
        "a call that no XML client knows",
        called(piece('{"a b": 1}', identity="c", name="read")),
        XML,
        "tool-protocol-mismatch",
    ),
    ("a quota for an answer", said("You have reached ", "your daily limit."), SDK, "quota-text-as-answer"),
    ("a limit of characters", said("Message exceeds the 5000 character limit"), NATIVE, "context-exceeded"),
    ("a quota in one JSON body", completion({"content": "Insufficient balance."}), XML, "quota-text-as-answer"),
    (
        "a quota with the finish reason",
        sse(chunk({"role": "assistant", "content": "Quota exceeded"}, "stop")),
        SDK,
        "quota-text-as-answer",
    ),
    ("a quota before [DONE]", said("Insufficient quota.", finish=None), SDK, "quota-text-as-answer"),
]


@pytest.mark.parametrize(("body", "wanted", "name"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_what_cannot_be_mended_has_a_name(body: bytes, wanted: Wanted, name: str) -> None:
    told = cut_anyhow(body, wanted)
    assert told.why == name
    assert not told.complete
    assert DONE not in told.out


def test_before_content_nothing_leaves_but_thoughts() -> None:
    mender = StreamMender(SDK)
    assert mender.feed(event(chunk(ROLE)) + event(chunk({"content": " \n"})), 0.0) == b""
    assert mender.spoken is Spoken.NOTHING
    thought = mender.feed(event(chunk({"reasoning": "Hm"})), 0.0)
    assert heard(thought).reasoning == "Hm"
    assert mender.spoken is Spoken.THOUGHT
    assert heard(mender.feed(event(chunk(TEXT)), 0.0)).text == " \nHi"
    assert mender.spoken is Spoken.CONTENT


def test_what_stands_behind_the_end_is_not_told() -> None:
    body = said("Hello")
    assert mended([body + event(chunk({"content": "more"}))]).out == body
    assert mended([body], SDK, CUT).fault is None


def test_a_stream_that_ends_unclean_behind_its_finish_reason_is_complete() -> None:
    told = mended([said("Hello", done=False)], SDK, CUT)
    assert told.fault is None
    assert told.repairs == ("done",)


def test_further_fields_stand_around_what_is_told_anew() -> None:
    body = sse(chunk({"content": "Hi", "x_trace": "t"}, provider="acme"), chunk({}, "stop", provider="acme"))
    told = mended([body])
    first, second = [json.loads(line[6:]) for line in told.out.split(b"\n\n")[:2]]
    assert first["choices"][0]["delta"] == ROLE
    assert second["provider"] == "acme"
    assert second["choices"][0]["delta"] == {"content": "Hi", "x_trace": "t"}


def test_token_counts_are_those_that_the_backend_told() -> None:
    body = anthropic(*block(0, {"type": "text", "text": "Hello"}), *stopped("end_turn"))
    mender = StreamMender(COUNTING)
    out = mender.feed(body, 0.0)
    assert (mender.usage.prompt, mender.usage.completion) == (5, 2)  # type: ignore[union-attr] (it was told)
    assert b'"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}' in out


def other(delta: Any, finish: str | None = None) -> dict[str, Any]:
    return chunk(delta, finish, index=1)


CHOICES: list[tuple[str, bytes]] = [
    (
        "in turn",
        sse(
            chunk(ROLE),
            other(ROLE),
            chunk(TEXT),
            other({"content": "Ho"}),
            chunk({}, "stop"),
            other({"content": "!"}),
            other({}, "stop"),
        ),
    ),
    (
        "the other first",
        sse(chunk(ROLE), other(ROLE), other({"content": "Ho!"}), other({}, "stop"), chunk(TEXT), chunk({}, "stop")),
    ),
    (
        "two in one chunk",
        sse(
            chunk(ROLE),
            {"choices": [choice(TEXT), choice({"role": "assistant", "content": "Ho!"}, index=1)]},
            {"choices": [choice({}, "stop"), choice({}, "stop", 1)]},
        ),
    ),
    (
        "one JSON body",
        json.dumps(
            {
                "choices": [
                    {"index": 0, "message": {"role": "assistant", **TEXT}, "finish_reason": "stop"},
                    {"index": 1, "message": {"role": "assistant", "content": "Ho!"}, "finish_reason": "stop"},
                ]
            }
        ).encode(),
    ),
    (
        "calls in the other",
        sse(
            chunk(ROLE), other(CALL), chunk(TEXT), other({"content": "Ho!"}), chunk({}, "stop"), other({}, "tool_calls")
        ),
    ),
]


@pytest.mark.parametrize("wanted", [SDK, NATIVE, XML], ids=["sdk", "native", "xml"])
@pytest.mark.parametrize("body", [row[1] for row in CHOICES], ids=[row[0] for row in CHOICES])
def test_another_choice_is_neither_lost_nor_mixed_in(body: bytes, wanted: Wanted) -> None:
    told = cut_anyhow(body, wanted)
    assert told.fault is None
    texts = {0: "", 1: ""}
    for value in [json.loads(line[6:]) for line in told.out.split(b"\n") if line.startswith(b"data: {")]:
        for each in value["choices"]:
            texts[each["index"]] += each["delta"].get("content") or ""
    assert texts == {0: "Hi", 1: "Ho!"}


def test_another_choice_that_has_not_ended_is_missed() -> None:
    body = sse(chunk(ROLE), chunk(TEXT), other(ROLE), chunk({}, "stop"), done=False)
    assert mended([body], SDK, CUT).why == "stream-cut"
    assert mended([body], SDK).why == "missing-finish-reason"


def test_the_only_choice_may_have_any_index() -> None:
    body = sse(other(ROLE), other(TEXT), other({}, "stop"))
    assert cut_anyhow(body).out == body


@pytest.mark.parametrize("kind", ["blank lines", "comments", "junk", "roles", "white space as text"])
def test_what_says_nothing_for_ever_is_given_up(kind: str) -> None:
    flood = {
        "blank lines": b"\n" * 65536,
        "comments": b": " + b"x" * 65536 + b"\n",
        "junk": b"x" * 65536 + b"\n",
        "roles": event(chunk(ROLE, x="x" * 65536)),
        "white space as text": event(chunk({"role": "assistant", "content": " " * 65536})),
    }[kind]
    mender = StreamMender(SDK)
    mender.feed(event(chunk(ROLE)), 0.0)
    fed = 0
    while mender.fault is None and fed < 8 * (MOST_WAITING + MOST_BETWEEN):
        assert mender.feed(flood, 0.0) == b""
        fed += len(flood)
    assert mender.fault is not None
    assert mender.fault.name == "endless-answer"


def test_ids_that_are_made_up_differ_from_request_to_request() -> None:
    body = called(piece(READ, name="read"), finish="stop")
    ids = {mended([body], Wanted(stream=True, tools=NATIVE.tools, seed=seed)).answer.calls[0].id for seed in "ab"}
    assert len(ids) == 2
    assert mended([body], NATIVE).answer.calls == mended([body], NATIVE).answer.calls


@pytest.mark.parametrize("wanted", [SDK, NATIVE])
@pytest.mark.parametrize("size", [1, LONG_CALL], ids=["short", "long"])
@pytest.mark.parametrize("places", [(1,), (-1,), (1_000_000_000,), (1, 0), (0, 2), (3, 3), (-2, 7, 0)], ids=str)
def test_calls_are_numbered_in_the_order_in_which_they_came(places: tuple[int, ...], size: int, wanted: Wanted) -> None:
    """Their SDKs make a list of them, and fail on any other number."""
    arguments = json.dumps({"path": "x" * size})
    deltas: list[dict[str, Any]] = []
    for number, place in enumerate(places):
        deltas += [piece("", index=place, identity=f"call_{number}", name="read"), piece(arguments, index=place)]
    told = cut_anyhow(called(*deltas), wanted)
    assert told.complete
    assert "call-shape" in told.repairs
    assert [(call.id, call.arguments) for call in told.answer.calls] == [
        (f"call_{number}", arguments) for number in range(len(places))
    ]
    seen = list(dict.fromkeys(event.slot for event in read(told.out)[0] if isinstance(event, CallPart)))
    assert seen == list(range(len(places)))


def test_a_call_behind_one_that_stood_in_the_text_has_a_number_of_its_own() -> None:
    told = cut_anyhow(called({"content": HERMES}, CALL), NATIVE)
    assert [call.arguments for call in told.answer.calls] == [READ, READ]
    assert {event.slot for event in read(told.out)[0] if isinstance(event, CallPart)} == {0, 1}


@pytest.mark.parametrize("wanted", [SDK, NATIVE])
@pytest.mark.parametrize("arguments", [READ, LONG], ids=["short", "long"])
def test_a_piece_of_a_call_is_told_without_nulls(arguments: str, wanted: Wanted) -> None:
    """An SDK that adds the pieces up takes them for the call's type."""
    first = {"index": 0, "id": "call_1", "type": None, "function": {"name": "read", "arguments": None}}
    later = [
        {"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": part}}
        for part in (arguments[:-7], arguments[-7:])
    ]
    told = cut_anyhow(called(*({"tool_calls": [call]} for call in (first, *later))), wanted)
    assert (told.complete, told.repairs) == (True, ("call-shape",))
    assert [(call.id, call.name, call.arguments) for call in told.answer.calls] == [("call_1", "read", arguments)]
    chunks = [json.loads(line[6:]) for line in told.out.split(b"\n\n") if line.startswith(b"data: {")]
    entries = [entry for one in chunks for entry in one["choices"][0]["delta"].get("tool_calls", ())]
    assert entries[0]["type"] == "function"
    assert not any(None in (*entry.values(), *entry["function"].values()) for entry in entries)


def test_a_broken_call_behind_a_text_goes_out_as_it_came() -> None:
    told = mended([called({"content": "I look."}, piece('{"path": "a.t', identity="c", name="read"))], NATIVE)
    assert told.answer.calls == (ToolCall("c", "read", '{"path": "a.t'),)


@pytest.mark.parametrize("ending", [CLEAN, CUT])
@pytest.mark.parametrize("wanted", [NATIVE, XML])
def test_what_may_be_an_example_is_text_where_the_stream_breaks_off(wanted: Wanted, ending: Ending) -> None:
    """Nobody knows what would have followed, and a call would be run."""
    name = FILE if wanted is XML else HERMES
    body = said("So:\n", "```json\n", name[11:-12], "\n```\n", finish=None, done=False)
    told = cut_anyhow(body, wanted, ending)
    assert told.out == body
    assert told.why == ("stream-cut" if ending is CUT else "missing-finish-reason")
