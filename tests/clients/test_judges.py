"""The table of wire conditions: what comes over the wire, and what each client's user would meet.

Rows 1 to 51 carry the numbers of the table of facts that was measured and read in 2026-11 (openai-node 5.12.2 with the
gate of Kilo 4.124, Kilo CLI 7.7.9, openai-python 3.54, Qwen Code 0.24.4); the others come from the same runs. Where
nothing is known about a client, the row is silent about it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from lumeai_cli.clients.outcome import Outcome, OutcomeKind
from lumeai_cli.clients.profile import Protocol
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.clients.request import agent_native, agent_xml
from lumeai_cli.wire.exchange import Asked, Chunk, Ending, EndingKind, Exchange
from lumeai_cli.wire.reading import Reading, read

K4, K7, PY, QWEN = "kilo-xml", "kilo7", "openai-sdk", "qwen-code"

OK, NUDGE, EMPTY, ERROR, RETRY, SILENT, LOOP, NOT_JUDGED = (
    OutcomeKind.OK,
    OutcomeKind.NUDGE,
    OutcomeKind.EMPTY,
    OutcomeKind.ERROR,
    OutcomeKind.RETRY,
    OutcomeKind.SILENT,
    OutcomeKind.LOOP,
    OutcomeKind.NOT_JUDGED,
)

SSE, JSON, HTML = "text/event-stream", "application/json", "text/html"
CLEAN = Ending(EndingKind.CLEAN, 0.5)
CUT = Ending(EndingKind.CUT, 0.5, "incomplete chunked read")
RESET = Ending(EndingKind.RESET, 0.1, "connection reset by peer")

GOOD = "I looked.\n<attempt_completion>\n<result>maple</result>\n</attempt_completion>"
"""A text that every client uses: prose for most, a tool call for the XML one."""


def line(value: object) -> bytes:
    """One event."""
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


def chunk(delta: Any = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def sse(*values: object, done: bool = True) -> bytes:
    """A stream of these chunks, with `[DONE]`."""
    return b"".join(map(line, values)) + (line(b"[DONE]") if done else b"")


def said(text: str, *, finish: str | None = "stop", done: bool = True) -> bytes:
    """A sound stream with this text."""
    last = [chunk({}, finish)] if finish else []
    return sse(chunk({"role": "assistant", "content": ""}), chunk({"content": text}), *last, done=done)


def ended(delta: Mapping[str, object], finish: str = "stop") -> bytes:
    """A stream of a role, one delta and a finish reason."""
    return sse(chunk({"role": "assistant"}), chunk(delta), chunk({}, finish))


def call(**changes: Any) -> dict[str, Any]:
    """A whole tool call in one delta; a field set to None goes."""
    whole: dict[str, Any] = {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "read", "arguments": '{"filePath": "notes/plan.txt"}'},
        **changes,
    }
    return {"tool_calls": [{key: value for key, value in whole.items() if value is not None}]}


def function(**fields: Any) -> dict[str, Any]:
    """The function of a call, with these fields alone."""
    return call(function=fields)


def completion(message: Mapping[str, object], **more: object) -> bytes:
    """A whole JSON completion."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return json.dumps({"id": "c1", "object": "chat.completion", "choices": [choice], **more}).encode()


def openai_error(message: str, kind: str = "invalid_request_error", code: object = None) -> dict[str, Any]:
    """An error as OpenAI words it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


@dataclass(frozen=True, slots=True)
class Row:
    """One wire condition: its number in the table of facts, what came, and the outcome for each client."""

    number: str
    name: str
    expected: Mapping[str, OutcomeKind]
    body: bytes = b""
    status: int | None = 200
    content_type: str = SSE
    ending: Ending = CLEAN
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        """What pytest prints."""
        return f"{self.number} {self.name}"


def all_(kind: OutcomeKind, **others: OutcomeKind) -> dict[str, OutcomeKind]:
    """The same outcome for all four, but for those named otherwise."""
    named = {"k4": K4, "k7": K7, "py": PY, "qwen": QWEN}
    return dict.fromkeys((K4, K7, PY, QWEN), kind) | {named[key]: value for key, value in others.items()}


def only(**some: OutcomeKind) -> dict[str, OutcomeKind]:
    """These clients; of the others nothing is known here."""
    named = {"k4": K4, "k7": K7, "py": PY, "qwen": QWEN}
    return {named[key]: value for key, value in some.items()}


NOTHING = all_(EMPTY, py=SILENT)
"""No event with content: each agent says its own sentence for "no answer", the SDK gives an empty iterator."""

PIECES = (
    chunk(
        {"tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "read", "arguments": '{"filePath'}}]}
    ),
    chunk({"tool_calls": [{"function": {"arguments": '": "a.txt"}'}}]}),
    chunk({}, "tool_calls"),
)
UTF8 = said(GOOD.replace("looked", "посмотрел"))

STREAMED = (
    Row("1", "empty content, finish stop", NOTHING, ended({"content": ""})),
    Row("1", "empty content, zero usage", NOTHING, sse(chunk({"content": ""}, "stop", usage={"prompt_tokens": 0}))),
    Row("2", "role only, then [DONE]", NOTHING, sse(chunk({"role": "assistant"}))),
    Row("3", "only [DONE]", NOTHING, sse()),
    Row("3", "zero bytes", NOTHING, b""),
    Row("3", "comments only", NOTHING, b": keep-alive\n\n" * 3),
    Row("4", "a JSON completion", all_(EMPTY, py=SILENT, qwen=ERROR), completion({"content": GOOD}), content_type=JSON),
    Row("4", "a JSON completion labelled as a stream", NOTHING, completion({"content": GOOD})),
    Row(
        "4",
        "a pretty-printed JSON completion",
        NOTHING,
        json.dumps(json.loads(completion({"content": GOOD})), indent=2).encode(),
    ),
    Row(
        "5",
        "a JSON error with status 200",
        all_(EMPTY, py=SILENT, qwen=ERROR),
        json.dumps(openai_error("quota exceeded")).encode(),
        content_type=JSON,
    ),
    Row("6", "a page", all_(EMPTY, py=SILENT, qwen=ERROR), b"<!DOCTYPE html><title>Sign in</title>", content_type=HTML),
    Row(
        "7",
        "message instead of delta",
        NOTHING,
        sse({"id": "c1", "choices": [{"index": 0, "message": {"content": GOOD}, "finish_reason": "stop"}]}),
    ),
    Row("8", "the text field of old completions", NOTHING, sse({"id": "c1", "choices": [{"index": 0, "text": GOOD}]})),
    Row("9", "reasoning_content only", all_(SILENT, k4=EMPTY), ended({"reasoning_content": "Hm."})),
    Row("10", "reasoning only", only(k4=EMPTY, k7=SILENT, py=SILENT), ended({"reasoning": "Hm."})),
    Row("11", "<think>...</think> only", only(k4=EMPTY, k7=OK, py=OK), said("<think>Hm.</think>")),
    Row("12", "an unclosed <think> before an XML tool", only(k4=EMPTY, k7=OK, py=OK), said(f"<think>Hm.\n{GOOD}")),
    Row("13", "a newline only", only(k4=NUDGE, k7=EMPTY, py=SILENT), said("\n")),
    Row("13", "spaces only", only(k4=NUDGE, k7=EMPTY, py=SILENT), said("   \t ")),
    Row("14", "native tool calls", all_(OK, k4=EMPTY), ended(call(), "tool_calls")),
    Row("14", "native tool calls, finish stop", all_(OK, k4=EMPTY), ended(call())),
    Row("15", "an XML tool in the text", only(k4=OK, py=OK, qwen=OK), said(GOOD)),
    Row("16", "plain text, no tool", all_(OK, k4=NUDGE), said("Hello! How can I help?")),
    Row("17", "a call without id", all_(OK, k4=EMPTY, k7=ERROR), ended(call(id=None), "tool_calls")),
    Row("17", 'a call with id ""', all_(OK, k4=EMPTY), ended(call(id=""), "tool_calls")),
    Row("18", "a whole call without index", all_(OK, k4=EMPTY, qwen=ERROR), ended(call(index=None), "tool_calls")),
    Row("18", "a call in pieces without index", all_(ERROR, k4=EMPTY, py=OK), sse(*PIECES)),
    Row(
        "19",
        "arguments that are no JSON",
        all_(OK, k4=EMPTY, k7=NUDGE),
        ended(function(name="read", arguments='{"a": ')),
    ),
    Row("19", "empty arguments", only(k4=EMPTY, k7=OK, py=OK), ended(function(name="read", arguments=""))),
    Row(
        "19",
        "arguments that are no object",
        only(k4=EMPTY, k7=NUDGE, py=OK),
        ended(function(name="read", arguments="[]")),
    ),
    Row(
        "19",
        "broken arguments of the second of two calls",
        only(k4=EMPTY, k7=NUDGE, py=OK),
        sse(
            chunk(call()),
            chunk(call(index=1, id="call_2", function={"name": "read", "arguments": "{"})),
            chunk({}, "tool_calls"),
        ),
    ),
    Row(
        "20",
        "arguments as an object",
        only(k4=EMPTY, k7=ERROR, py=OK),
        ended(function(name="read", arguments={"a": 1})),
    ),
    Row("21", "a call without a name", only(k4=EMPTY, k7=ERROR), ended(function(arguments="{}"), "tool_calls")),
    Row(
        "22",
        "a whole call and the finish reason in one chunk",
        all_(OK, k4=EMPTY),
        sse(chunk(call(), "tool_calls")),
    ),
    Row(
        "23",
        "two calls with the same index",
        only(k4=EMPTY, k7=OK, py=OK),
        sse(chunk(call()), chunk(call(id="call_2")), chunk({}, "tool_calls")),
    ),
    Row(
        "23",
        "two whole calls without index",
        all_(OK, k4=EMPTY, qwen=ERROR),
        sse(chunk(call(index=None)), chunk(call(index=None, id="call_2")), chunk({}, "tool_calls")),
    ),
    Row("24", "finish tool_calls without a call", NOTHING, ended({"content": ""}, "tool_calls")),
    Row("25", "content null, finish stop", NOTHING, ended({"content": None})),
    Row("26", "finish length, nothing said", NOTHING, ended({"content": ""}, "length")),
    Row("27", "finish content_filter", all_(EMPTY, k7=ERROR, py=SILENT), ended({"content": ""}, "content_filter")),
    Row("28", "choices: [] only", NOTHING, sse({"id": "c1", "choices": []})),
    Row(
        "29",
        "a usage chunk only",
        NOTHING,
        sse({"id": "c1", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}),
    ),
    Row(
        "30",
        "a first chunk without choices",
        only(k4=ERROR, k7=ERROR, py=OK),
        sse({"id": "c1"}, chunk({"content": GOOD})),
    ),
    Row(
        "30",
        "a later chunk without choices",
        only(k4=LOOP, k7=ERROR, py=OK),
        sse(chunk({"content": GOOD}), {"id": "c1"}),
    ),
    Row("31", "delta: null, then text", all_(OK), sse(chunk(None), chunk({"content": GOOD}), chunk({}, "stop"))),
    Row("32", "an error frame: invalid request", all_(ERROR), sse(openai_error("no such tool"), done=False)),
    Row("32", "an error frame: message alone", all_(ERROR), sse({"error": {"message": "out of credit"}}, done=False)),
    Row("32", "an error frame: a bare string", all_(ERROR), sse({"error": "out of credit"}, done=False)),
    Row(
        "32",
        "a first error frame of an overloaded server",
        all_(ERROR, k7=RETRY),
        sse(openai_error("overloaded", "server_error", "overloaded"), done=False),
    ),
    Row(
        "32",
        "an error frame after text",
        all_(ERROR, k4=LOOP),
        sse(chunk({"content": "Part one."}), openai_error("overloaded", "server_error", 502), done=False),
    ),
    Row("32", "an error frame under event: error", all_(ERROR), b"event: error\n" + line(openai_error("boom"))),
    Row(
        "33",
        "event: error without an error key",
        only(k4=ERROR, k7=ERROR, py=SILENT),
        b'event: error\ndata: {"message": "boom"}\n\n',
    ),
    Row("34", "no [DONE]", all_(OK), said(GOOD, done=False)),
    Row("35", "text without a finish reason", all_(OK, qwen=EMPTY), said(GOOD, finish=None)),
    Row(
        "35",
        "text without a finish reason and without [DONE]",
        all_(OK, qwen=EMPTY),
        said(GOOD, finish=None, done=False),
    ),
    Row("36", "CRLF", all_(OK), said(GOOD).replace(b"\n", b"\r\n")),
    Row("36", "CR", all_(OK), said(GOOD).replace(b"\n", b"\r")),
    Row("36", "no space after data:", all_(OK), said(GOOD).replace(b"data: ", b"data:")),
    Row("36", "several data lines in one event", all_(OK), said(GOOD).replace(b', "choices"', b',\ndata: "choices"')),
    Row("36", "comments between the frames", all_(OK), said(GOOD).replace(b"data: ", b": ping\n\ndata: ")),
    Row(
        "36",
        "event, id and retry lines",
        all_(OK),
        said(GOOD).replace(b"data: ", b"event: message\nid: 7\nretry: 9\ndata: "),
    ),
    Row("36", "a byte order mark", all_(OK), b"\xef\xbb\xbf" + said(GOOD)),
    Row("36", "letters of two bytes, split anywhere", all_(OK), UTF8),
    Row(
        "36",
        "chunks without id, object and model",
        all_(OK),
        sse({"choices": [{"delta": {"content": GOOD}, "finish_reason": "stop"}]}),
    ),
    Row(
        "36", "empty deltas before the text", all_(OK), sse(chunk({}), chunk({"content": ""}), done=False) + said(GOOD)
    ),
    Row(
        "36", '"error": null beside the choices', only(k4=OK, py=OK), sse(chunk({"content": GOOD}, "stop", error=None))
    ),
    Row("37", "single newlines between the events", NOTHING, said(GOOD).replace(b"\n\n", b"\n")),
    Row("37", "the only event without its blank line", NOTHING, line(chunk({"content": GOOD}, "stop")).rstrip()),
    Row("37", "JSON lines", NOTHING, said(GOOD, done=False).replace(b"data: ", b"").replace(b"\n\n", b"\n")),
    Row("37", "indented data:", NOTHING, said(GOOD).replace(b"data: ", b"  data: ")),
    Row("37", "an error without data:", NOTHING, json.dumps(openai_error("boom")).encode() + b"\n\n"),
    Row(
        "38",
        "a broken first frame",
        only(k4=ERROR, k7=ERROR, py=ERROR),
        line(b'{"id": "c1", "choices": [{') + said(GOOD),
    ),
    Row(
        "38",
        "a broken frame between good ones",
        only(k4=LOOP, k7=ERROR, py=ERROR),
        sse(chunk({"content": GOOD}), b'{"id": "c1", "choices": [{', chunk({}, "stop")),
    ),
    Row(
        "39",
        "cut after some text",
        only(k4=LOOP, k7=RETRY, py=ERROR),
        line(chunk({"content": "Hello from"})) + b'data: {"id": "c1", "cho',
        ending=CUT,
    ),
    Row("40", "reset before the headers", only(k4=RETRY, k7=RETRY, py=RETRY), status=None, ending=RESET),
    Row("40", "refused", only(k4=RETRY, k7=RETRY, py=RETRY), status=None, ending=Ending(EndingKind.REFUSED, 0.0)),
    Row("41", "nothing for a minute", all_(NOT_JUDGED), status=None, ending=Ending(EndingKind.TIMEOUT_FIRST, 60.0)),
    Row("41", "headers, then silence", all_(NOT_JUDGED), ending=Ending(EndingKind.TIMEOUT_SILENCE, 60.0)),
    Row("42", "401", all_(ERROR), json.dumps(openai_error("invalid api key")).encode(), 401, JSON),
    Row(
        "43", "404 for the model", all_(ERROR), json.dumps(openai_error("the model does not exist")).encode(), 404, JSON
    ),
    Row("44", "413 without a body", only(k4=ERROR, k7=RETRY, py=ERROR), b"", 413, ""),
    Row(
        "45",
        "429 and Retry-After",
        only(k4=RETRY, k7=RETRY, py=RETRY),
        json.dumps(openai_error("slow down")).encode(),
        429,
        JSON,
        headers=(("retry-after", "2"),),
    ),
    Row("46", "500", all_(RETRY, qwen=LOOP), json.dumps(openai_error("internal")).encode(), 500, JSON),
    Row(
        "46", "502 with a page", only(k4=RETRY, k7=RETRY, py=RETRY), b"<html><h1>502 Bad Gateway</h1></html>", 502, HTML
    ),
    Row("46", "503", only(k4=RETRY, k7=RETRY, py=RETRY), json.dumps(openai_error("no backend")).encode(), 503, JSON),
    Row(
        "47",
        "400 for the context length",
        only(k4=ERROR, k7=RETRY, py=ERROR),
        json.dumps(openai_error("This model's maximum context length is 8192 tokens.")).encode(),
        400,
        JSON,
    ),
    Row(
        "47",
        "400 for anything else",
        only(k4=ERROR, k7=ERROR, py=ERROR),
        json.dumps(openai_error("bad request")).encode(),
        400,
        JSON,
    ),
    Row("47", "403", only(k4=ERROR, k7=ERROR, py=ERROR), json.dumps(openai_error("forbidden")).encode(), 403, JSON),
    Row("47", "422", only(k4=ERROR, k7=ERROR, py=ERROR), json.dumps({"detail": "tool_choice"}).encode(), 422, JSON),
    Row(
        "48",
        "content as a list of parts",
        only(k4=NUDGE, k7=ERROR),
        said(GOOD).replace(json.dumps(GOOD).encode(), json.dumps([{"type": "text", "text": GOOD}]).encode()),
    ),
    Row(
        "49",
        "the legacy function_call",
        only(k4=EMPTY, k7=EMPTY, py=SILENT),
        ended({"function_call": {"name": "read", "arguments": "{}"}}, "function_call"),
    ),
    Row("50", "a refusal only", only(k4=EMPTY, py=SILENT), ended({"refusal": "I cannot help with that."})),
    Row(
        "51",
        "role user in a chunk",
        only(k4=OK, k7=ERROR, py=OK),
        sse(chunk({"role": "user", "content": GOOD}, "stop")),
    ),
    Row(
        "51",
        "usage numbers as text",
        only(k4=OK, k7=ERROR, py=OK),
        said(GOOD, done=False) + sse(chunk({}, "stop", usage={"prompt_tokens": "9"})),
    ),
    *(
        Row("text", name, all_(SILENT, k4=NUDGE, py=OK), said(text))
        for name, text in {
            "a call in tool_call tags": '<tool_call>\n{"name": "read", "arguments": {"filePath": "a"}}\n</tool_call>',
            "a call after prose": 'I look.\n[TOOL_CALLS][{"name": "read", "arguments": {"filePath": "a"}}]',
            "a call in a fence": '```json\n{"name": "read", "arguments": {"filePath": "a"}}\n```',
            "a call and nothing else": '{"name": "read", "parameters": {"filePath": "a"}}',
            "a call in function tags": "<function=read>\n<parameter=filePath>a</parameter>\n</function>",
        }.items()
    ),
    Row("text", "a call to a tool that was not offered", all_(OK, k4=NUDGE), said('{"name": "x", "arguments": {}}')),
    Row("text", "prose about the tags", all_(OK, k4=NUDGE), said("Write `<tool_call>` and then JSON.")),
    Row(
        "text",
        "the XML tags of a known tool",
        only(k7=SILENT, py=OK, qwen=OK),
        said("<read><filePath>a</filePath></read>"),
    ),
    Row(
        "text",
        "a native call beside one in the text",
        only(k7=OK, py=OK, qwen=OK),
        ended({"content": '{"name": "read", "arguments": {}}', **call()}, "tool_calls"),
    ),
    Row("label", "a good stream labelled application/json", all_(OK, qwen=ERROR), said(GOOD), content_type=JSON),
    Row("label", "a good stream labelled text/plain", all_(OK), said(GOOD), content_type="text/plain"),
    Row("label", "a good stream without a label", all_(OK), said(GOOD), content_type=""),
    Row(
        "label",
        "a label with a charset, in capitals",
        all_(OK),
        said(GOOD),
        content_type="Text/Event-Stream; charset=utf-8",
    ),
    Row("after", "text after [DONE]", only(k4=EMPTY, k7=OK, py=SILENT), sse() + said(GOOD)),
    Row("204", "no content", only(k4=ERROR), status=204, content_type=""),
    Row("utf-8", "bytes that are no UTF-8", only(k4=OK, k7=OK, py=ERROR), said(GOOD).replace(b"looked", b"look\xff")),
    Row("redirect", "302", only(k4=ERROR, k7=ERROR, py=ERROR), status=302, headers=(("location", "/login"),)),
    Row("redirect", "308", all_(NOT_JUDGED), status=308, headers=(("location", "/login"),)),
    Row("endless", "grown over the limit", all_(NOT_JUDGED), said(GOOD), ending=Ending(EndingKind.OVERFLOW, 9.0)),
    Row(
        "endless", "going on for too long", all_(NOT_JUDGED), said(GOOD), ending=Ending(EndingKind.TIMEOUT_TOTAL, 75.0)
    ),
    Row(
        "cancelled", "given up by lumeai itself", all_(NOT_JUDGED), said(GOOD), ending=Ending(EndingKind.CANCELLED, 3.0)
    ),
)

PLAIN = (
    Row("plain", "a good answer", only(k4=OK, py=OK), completion({"content": GOOD}), content_type=JSON),
    Row(
        "plain",
        "a charset in the label",
        only(k4=OK, py=OK),
        completion({"content": GOOD}),
        content_type=f"{JSON}; charset=utf-8",
    ),
    Row("plain", "a text without a tool", only(k4=NUDGE, py=OK), completion({"content": "Hello!"}), content_type=JSON),
    Row("plain", "empty content", only(k4=EMPTY, py=SILENT), completion({"content": ""}), content_type=JSON),
    Row("plain", "content null", only(k4=EMPTY, py=SILENT), completion({"content": None}), content_type=JSON),
    Row(
        "plain",
        "reasoning only",
        only(k4=EMPTY, py=SILENT),
        completion({"content": "", "reasoning_content": "Hm."}),
        content_type=JSON,
    ),
    Row(
        "plain", "native tool calls", only(k4=EMPTY, py=OK), completion({"content": None, **call()}), content_type=JSON
    ),
    Row("plain", "choices: []", only(k4=ERROR, py=SILENT), b'{"choices": []}', content_type=JSON),
    Row(
        "plain",
        "an error with status 200",
        only(k4=ERROR, py=SILENT),
        json.dumps(openai_error("boom")).encode(),
        content_type=JSON,
    ),
    Row("plain", "a JSON list", only(k4=ERROR), b"[1, 2]", content_type=JSON),
    Row("plain", "a page", only(k4=ERROR, py=ERROR), b"<html></html>", content_type=HTML),
    Row("plain", "a stream", only(k4=ERROR, py=ERROR), said(GOOD)),
    Row("plain", "a stream labelled as JSON", only(k4=ERROR, py=ERROR), said(GOOD), content_type=JSON),
    Row(
        "plain",
        "JSON labelled as text",
        only(k4=ERROR, py=ERROR),
        completion({"content": GOOD}),
        content_type="text/plain",
    ),
    Row(
        "plain",
        "a body that breaks off",
        only(k4=ERROR, py=RETRY),
        completion({"content": GOOD})[:-9],
        content_type=JSON,
        ending=CUT,
    ),
    Row(
        "plain",
        "a whole body, cut at its end",
        only(k4=ERROR, py=RETRY),
        completion({"content": GOOD}),
        content_type=JSON,
        ending=CUT,
    ),
    Row("plain", "401", only(k4=ERROR, py=ERROR), json.dumps(openai_error("bad key")).encode(), 401, JSON),
    Row("plain", "500", only(k4=RETRY, py=RETRY), b"", 500, ""),
)

TOOLS = {
    "a tool after prose": (GOOD, OK),
    "a tool alone": ("<read_file>\n<path>notes/plan.txt</path>\n</read_file>", OK),
    "a tool in a code fence": ("```xml\n<read_file>\n<path>a</path>\n</read_file>\n```", OK),
    "a tool that is not closed": ("<read_file>\n<path>notes/pl", OK),
    "a tool without parameters": ("<attempt_completion></attempt_completion>", OK),
    "a tool after a thought": (f"<think>Hm.</think>{GOOD}", OK),
    "a thought in the middle": (f"Hi <think>Hm. {GOOD}", OK),
    "a thought after a newline": (f"\n<think>Hm. {GOOD}", OK),
    "another word for a thought": (f"<thinking>Hm. {GOOD}", OK),
    "prose": ("The file says hello.", NUDGE),
    "white space": (" \n", NUDGE),
    "a newline after a thought": ("<think>Hm.</think>\n", NUDGE),
    "attributes": ('<read_file path="notes/plan.txt"/>', NUDGE),
    "a space in the tag": ("<read_file >\n<path>a</path>\n</read_file>", NUDGE),
    "capital letters": ("<Read_File>\n<path>a</path>\n</Read_File>", NUDGE),
    "escaped brackets": ("&lt;read_file&gt;&lt;path&gt;a&lt;/path&gt;&lt;/read_file&gt;", NUDGE),
    "an unknown tool": ("<open_file>\n<path>a</path>\n</open_file>", NUDGE),
    "a closing tag alone": ("</read_file>", NUDGE),
    "a call as JSON in tags": ('<tool_call>{"name": "read_file", "arguments": {}}</tool_call>', NUDGE),
    "a call in invoke tags": ('<function_calls><invoke name="read_file"></invoke></function_calls>', NUDGE),
    "a call as bare JSON": ('{"name": "read_file", "arguments": {"path": "a"}}', NUDGE),
    "a closed thought and nothing else": ("<think>Hm.</think>", EMPTY),
    "an open thought with a tool in it": (f"<think>Hm. {GOOD}", EMPTY),
}


def reading_of(row: Row, client: str, *, stream: bool, wants_tool: bool = True) -> Reading:
    """What lumeai reads when this client's own request is answered so; the body comes in pieces of seven bytes."""
    native = PROFILES[client].protocol is Protocol.NATIVE
    tools = agent_native().tool_names if wants_tool and native else ()
    xml_tools = agent_xml().xml_tools if wants_tool and PROFILES[client].protocol is Protocol.XML else ()
    asked = Asked(
        "stream", "http://h/v1/chat/completions", stream=stream, tools=tools, xml_tools=xml_tools, wants_tool=wants_tool
    )
    label = (("Content-Type", row.content_type),) if row.content_type else ()
    pieces = tuple(Chunk(0.1, row.body[start : start + 7]) for start in range(0, len(row.body), 7))
    return read(Exchange("e1", asked, row.status, (*label, *row.headers), 0.1, pieces, row.ending))


def judged(row: Row, client: str, *, stream: bool = True, wants_tool: bool = True) -> Outcome:
    """The outcome; a client that would never ask so is a mistake of the table."""
    outcome = PROFILES[client].judge(reading_of(row, client, stream=stream, wants_tool=wants_tool))
    assert outcome is not None
    return outcome


def cells(rows: tuple[Row, ...]) -> list[Any]:
    """Each cell of a table as one test."""
    return [
        pytest.param(row, client, kind, id=f"{row.id} - {client}")
        for row in rows
        for client, kind in row.expected.items()
    ]


@pytest.mark.parametrize(("row", "client", "kind"), cells(STREAMED))
def test_what_the_user_of_a_streaming_client_meets(row: Row, client: str, kind: OutcomeKind) -> None:
    """Each cell of the table of wire conditions."""
    assert judged(row, client).kind is kind


@pytest.mark.parametrize(("row", "client", "kind"), cells(PLAIN))
def test_what_the_user_meets_without_a_stream(row: Row, client: str, kind: OutcomeKind) -> None:
    """Kilo 4.x with "Enable streaming" unticked, and the SDK's plain call."""
    assert judged(row, client, stream=False).kind is kind


@pytest.mark.parametrize("client", [K7, QWEN])
def test_a_client_that_only_streams_has_no_opinion_on_a_plain_answer(client: str) -> None:
    """None, which is not the same as not judged: it never sends such a request."""
    assert PROFILES[client].judge(reading_of(PLAIN[0], client, stream=False)) is None


@pytest.mark.parametrize("client", [K4, K7, PY, QWEN])
def test_a_body_in_an_encoding_that_lumeai_does_not_read_is_not_judged(client: str) -> None:
    """The client may well read it: what lumeai cannot read is no fault of the server."""
    unread = replace(reading_of(Row("br", "", {}, b"\x1b\x00"), client, stream=True), encoding="br")
    outcome = PROFILES[client].judge(unread)
    assert outcome is not None
    assert (outcome.kind, "br" in outcome.message.in_("ru")) == (NOT_JUDGED, True)


def test_every_row_of_the_facts_stands_here() -> None:
    """Rows 1 to 51: none was forgotten."""
    assert {str(number) for number in range(1, 52)} <= {row.number for row in STREAMED}


@pytest.mark.parametrize(("text", "kind"), TOOLS.values(), ids=TOOLS)
def test_what_the_xml_client_takes_for_a_tool_call(text: str, kind: OutcomeKind) -> None:
    """Exact lower-case tags anywhere in the text; a leading thought is cut away first; everything else is prose."""
    assert judged(Row("xml", "", {}, said(text)), K4).kind is kind
    assert judged(Row("xml", "", {}, completion({"content": text}), content_type=JSON), K4, stream=False).kind is kind


@pytest.mark.parametrize("text", ["Hello!", "maple", " \n"])
def test_without_tools_any_text_passes_the_xml_client(text: str) -> None:
    """The demand for a tool goes with the request: a plain question has a plain answer."""
    assert judged(Row("xml", "", {}, said(text)), K4, wants_tool=False).kind is OK


def test_a_tool_in_the_thoughts_is_no_tool() -> None:
    """Reasoning never counts for the XML client, whatever stands in it."""
    assert judged(Row("xml", "", {}, ended({"reasoning_content": GOOD})), K4).kind is EMPTY


def test_the_xml_clients_own_sentence_is_word_for_word_kilos() -> None:
    """The Russian sentence dates the client: 4.83.1 to 4.124.0."""
    message = judged(STREAMED[0], K4).message
    assert message.in_("ru").startswith("Ответ модели неожиданно завершился (нет сообщений ассистента).")
    assert message.in_("en").startswith("The model's response ended unexpectedly (no assistant messages).")


WORDS = {
    (K7, "1 empty content, finish stop"): "run ended without an assistant message; the model returned no output",
    (K7, "17 a call without id"): "Expected 'id' to be a string.",
    (K7, "19 arguments that are no JSON"): "Invalid input for tool: JSON parsing failed",
    (K7, "21 a call without a name"): "Expected 'function.name' to be a string.",
    (K7, "27 finish content_filter"): "The response was blocked by the provider's content filter",
    (K7, "39 cut after some text"): "Connection reset by server",
    (K7, "44 413 without a body"): "Error: Payload Too Large",
    (K7, "46 502 with a page"): "Error: Bad Gateway",
    (K7, "42 401"): "Error: invalid api key",
    (K4, "44 413 without a body"): "413 status code (no body)",
    (K4, "42 401"): "OpenAI completion error: 401 invalid api key",
    (K4, "30 a first chunk without choices"): "Cannot read properties of undefined (reading '0')",
    (K4, "39 cut after some text"): "terminated",
    (PY, "42 401"): "AuthenticationError",
    (PY, "43 404 for the model"): "NotFoundError",
    (PY, "44 413 without a body"): "APIStatusError",
    (PY, "45 429 and Retry-After"): "RateLimitError",
    (PY, "46 500"): "InternalServerError",
    (PY, "32 an error frame: invalid request"): "APIError: no such tool",
    (PY, "39 cut after some text"): "APIConnectionError: Connection error.",
    (QWEN, "1 empty content, finish stop"): "Model stream ended with empty response text.",
    (QWEN, "2 role only, then [DONE]"): "Model stream ended without a finish reason.",
    (
        QWEN,
        "4 a JSON completion",
    ): "Streaming request received a non-SSE response (HTTP 200, Content-Type: application/json)",
    (QWEN, "18 a whole call without index"): "Invalid tool call index",
    (QWEN, "42 401"): "[API Error: 401 invalid api key]",
}


@pytest.mark.parametrize(("client", "name"), WORDS, ids=lambda value: value)
def test_the_words_are_the_clients_own(client: str, name: str) -> None:
    """What the report quotes is what the user finds on the screen."""
    row = next(row for row in STREAMED if row.id == name)
    assert WORDS[client, name] in judged(row, client).message.in_("en")


@pytest.mark.parametrize("row", [*STREAMED, *PLAIN], ids=lambda row: row.id)
def test_whoever_fails_says_something_unless_it_is_silent(row: Row) -> None:
    """Every outcome but ok and silent has words, in both languages; silence may be explained."""
    for client in row.expected:
        outcome = judged(row, client, stream=row in STREAMED)
        words = {bool(outcome.message.in_(language)) for language in ("en", "ru")}
        assert len(words) == 1
        assert outcome.kind is SILENT or words == {outcome.kind is not OK}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_profile_says_whom_it_speaks_for_and_how_that_is_known(profile: Any) -> None:
    """SDKs change within minor versions: a profile without its versions would be worth nothing."""
    assert PROFILES[profile.name] is profile
    assert profile.title
    assert any(character.isdigit() for character in profile.versions)
    assert "run" in profile.checked or "source" in profile.checked
