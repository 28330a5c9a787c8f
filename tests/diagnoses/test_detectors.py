"""Where each detector stops: the answers next to a fault that must not be called by its name (no false red)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumeai_cli.backends.backend import Kind
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.diagnoses import case as probes
from lumeai_cli.diagnoses.case import Case, G4fInstall, Machine
from lumeai_cli.diagnoses.catalogue import findings_of
from lumeai_cli.diagnoses.finding import COUNT, FINISH, Certainty, Finding, Severity, near, of_frame
from lumeai_cli.diagnoses.url import is_api
from lumeai_cli.doctor.cause import conclude
from lumeai_cli.wire.exchange import Asked, Chunk, Dialect, Ending, EndingKind, Exchange
from lumeai_cli.wire.reading import Reading, read

GIVEN = "http://127.0.0.1:8080/v1"
REMOTE = "https://host.example/v1"
SSE, JSON, HTML = "text/event-stream", "application/json", "text/html"
GOOD = "I looked.\n<attempt_completion>\n<result>maple</result>\n</attempt_completion>"
XML = {"xml_tools": ("read_file", "attempt_completion"), "wants_tool": True}
NATIVE = {"tools": ("read",), "wants_tool": True}


def reading(
    probe: str = probes.STREAMED,
    body: bytes = b"",
    status: int | None = 200,
    label: str = SSE,
    ending: EndingKind = EndingKind.CLEAN,
    *,
    at: float = 0.5,
    headers: tuple[tuple[str, str], ...] = (),
    encoding: str = "",
    **asked: Any,
) -> Reading:
    """One answer to one probe."""
    shape = {"stream": probe != probes.PLAIN, "url": f"{GIVEN}/chat/completions", "model": "m", **asked}
    chunks = (Chunk(at, body),) if body else ()
    end = Ending(ending, at, "8388608" if ending is EndingKind.OVERFLOW else "detail")
    label_and_more = (("content-type", label), *headers)
    return read(Exchange("e", Asked(probe, **shape), status, label_and_more, at, chunks, end, encoding))


def case(*readings: Reading, **fields: Any) -> Case:
    """All that was read of one target, its exchanges numbered."""
    numbered = tuple(replace(one, exchange=f"e{number}") for number, one in enumerate(readings, 1))
    return Case(**{"given": GIVEN, "base": GIVEN, "model": "m", "readings": numbered, **fields})


def sse(*values: object, done: bool = True) -> bytes:
    """A stream of these chunks, with `[DONE]`."""
    body = b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)
    return body + (b"data: [DONE]\n\n" if done else b"")


def delta(said: Mapping[str, object], finish: str | None = None) -> dict[str, Any]:
    """One chunk of a stream."""
    return {"id": "c", "choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def text(said: str, finish: str = "stop") -> bytes:
    """A sound stream with this text."""
    return sse(delta({"role": "assistant"}), delta({"content": said}), delta({}, finish))


def whole(said: str | None, finish: str = "stop", **message: object) -> bytes:
    """A JSON completion."""
    return json.dumps({"choices": [{"message": {"content": said, **message}, "finish_reason": finish}]}).encode()


def error(message: str, **more: object) -> bytes:
    """A JSON error body."""
    return json.dumps({"error": {"message": message, "type": "invalid_request_error", **more}}).encode()


CALL = {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "read", "arguments": "{}"}}]}


def called(*deltas: Mapping[str, object], finish: str | None = "tool_calls", **more: Any) -> Reading:
    """The answer of a server to the question for a native tool: these deltas, then the finish reason."""
    last = [delta({}, finish)] if finish else []
    return reading(probes.TOOL_NATIVE, sse(*map(delta, deltas), *last), **NATIVE, **more)


def call(**changes: Any) -> dict[str, Any]:
    """A whole call in one delta; a field set to None goes."""
    entry = {**CALL["tool_calls"][0], **changes}
    return {"tool_calls": [{key: value for key, value in entry.items() if value is not None}]}


def arguments(value: object) -> dict[str, Any]:
    """A whole call with these arguments."""
    return call(function={"name": "read", "arguments": value})


def prose(said: str) -> Reading:
    """Text where a native tool was asked for."""
    return reading(probes.TOOL_NATIVE, text(said), **NATIVE)


def counted(probe: str, tokens: object, characters: int, **asked: Any) -> Reading:
    """A sound answer to a prompt of so many characters, for which the server counts so many tokens."""
    body = sse(delta({"content": GOOD}), {**delta({}, "stop"), "usage": {"prompt_tokens": tokens}})
    return reading(probe, body, prompt_chars=characters, **asked)


def late(count: int, arrived: float, headers_at: float = 0.1, **asked: Any) -> Reading:
    """So many events that all arrive at this moment."""
    of = reading(body=sse(*[delta({"content": "a"})] * count), at=arrived, **asked)
    return replace(of, headers_at=headers_at)


def written(count: int, arrived: float, pause: float) -> Reading:
    """So many events that arrive one after the other, as a model writes them, the first one at this moment."""
    *events, done = sse(*[delta({"content": "a"})] * count).split(b"\n\n")[:-1]
    chunks = tuple(Chunk(arrived + number * pause, event + b"\n\n") for number, event in enumerate([*events, done]))
    shape = Asked(probes.AGENT_XML, stream=True, url=f"{GIVEN}/chat/completions", model="m")
    ending = Ending(EndingKind.CLEAN, chunks[-1].at, "")
    return read(Exchange("e", shape, 200, (("content-type", SSE),), 0.1, chunks, ending))


def cut_at(seconds: float, ending: EndingKind = EndingKind.CUT, last: float = 0.5) -> Reading:
    """Some text, silence, and an end after so many seconds."""
    return replace(reading(body=text("maple")[:90], ending=ending, at=last), ending=Ending(ending, seconds, "detail"))


def plain(body: bytes, **more: Any) -> Reading:
    """The unstreamed twin of the first request."""
    return reading(probes.PLAIN, body, **{"label": JSON, **more})


def refused(status: int, body: bytes = b"", probe: str = probes.STREAMED, **more: Any) -> Reading:
    """An answer with another status than 200."""
    return reading(probe, body, status, JSON, **more)


@dataclass(frozen=True, slots=True)
class Near:
    """A case near a name: whether the name holds there."""

    name: str
    why: str
    of: Case
    holds: bool = False


def yes(name: str, why: str, *readings: Reading, **fields: Any) -> Near:
    """The name holds."""
    return Near(name, why, case(*readings, **fields), holds=True)


def no(name: str, why: str, *readings: Reading, **fields: Any) -> Near:
    """The name does not hold."""
    return Near(name, why, case(*readings, **fields))


REACHED = reading(probes.MODELS, b'{"data": []}', label=JSON, stream=False)
DETOUR = reading(probes.PROXY, b"", None, ending=EndingKind.REFUSED, stream=False)
VARIABLE = Machine(proxy_variable="HTTP_PROXY", proxy="http://127.0.0.1:3128")
REFUSED = reading(probes.CONNECT, status=None, ending=EndingKind.REFUSED)
NO_ROUTE = refused(404, b'{"detail": "Not Found"}', probes.VARIANT)
BARE = G4fInstall("/opt/site-packages", "8.8.6", ("uvicorn",))
COMPLETE = G4fInstall("/opt/other/site-packages", "8.8.6", ())
HIDDEN = refused(500, error("Request execution failed"))
OTHER_LIST = b'{"choices": [{"delta": {"content": "a"}}]}\n'

SECOND = refused(400, error("role 'tool' is not allowed"), probes.TOOL_RESULT, **NATIVE)
ANSWERED = reading(probes.TOOL_RESULT, text("Mend the gate."), **NATIVE)
LISTED = b'{"data": [{"id": "m"}]}'


def with_fields(probe: str, *fields: str, status: int = 200, tools: tuple[str, ...] = ("read",)) -> Reading:
    """A request for a native tool with these fields, taken or refused."""
    body = sse(delta(CALL), delta({}, "tool_calls")) if status == 200 else error("no such field")
    label = SSE if status == 200 else JSON
    return reading(probe, body, status, label, parameters=fields, tools=tools, wants_tool=True)


def ps(tokens: int, model: str = "m") -> Reading:
    """Ollama's page about what is loaded."""
    body = json.dumps({"models": [{"name": model, "context_length": tokens}]}).encode()
    return reading(probes.WINDOW, body, label=JSON, stream=False, url="http://127.0.0.1:8080/api/ps")


NEAR = (
    # reach
    yes("proxy-intercepts-loopback", "the detour fails, the straight way works", REACHED, DETOUR, machine=VARIABLE),
    yes(
        "proxy-intercepts-loopback",
        "the detour meets another server",
        REACHED,
        refused(502, probe=probes.PROXY),
        machine=VARIABLE,
    ),
    no(
        "proxy-intercepts-loopback",
        "the proxy lets it through",
        REACHED,
        reading(probes.PROXY, b'{"data": []}', label=JSON),
        machine=VARIABLE,
    ),
    yes("proxy-intercepts-loopback", "refused, so the detour was not tried", REFUSED, machine=VARIABLE),
    no("proxy-intercepts-loopback", "no variable is set", REACHED, DETOUR),
    no("connection-refused", "only the proxy refuses", REACHED, DETOUR, machine=VARIABLE),
    no(
        "connection-reset",
        "the reset comes after a status line",
        reading(body=text("ma")[:60], ending=EndingKind.RESET),
    ),
    no("not-http", "a body that breaks the rules of chunks", reading(body=text("ma")[:60], ending=EndingKind.PROTOCOL)),
    yes("no-answer", "headers, then silence", reading(body=b"", ending=EndingKind.TIMEOUT_SILENCE)),
    no("no-answer", "lumeai gave up", reading(body=b"", ending=EndingKind.CANCELLED)),
    no("no-answer", "it talks without end", reading(body=text("a"), ending=EndingKind.TIMEOUT_TOTAL)),
    yes("endless-answer", "it talks without end", reading(body=text("a"), ending=EndingKind.TIMEOUT_TOTAL)),
    no("endless-answer", "an error page without end", refused(500, b"x", ending=EndingKind.OVERFLOW)),
    no("endless-answer", "a long answer that ends", reading(body=text("a" * 100_000))),
    # url
    no("base-url-missing-v1", "the URL works", reading(body=text("maple"))),
    no("base-url-missing-v1", "no URL works", NO_ROUTE, NO_ROUTE),
    no("base-url-missing-v1", "the URL ends in the endpoint", NO_ROUTE, given=f"{GIVEN}/chat/completions"),
    yes("base-url-doubled-path", "the URL ends in the endpoint", NO_ROUTE, given=f"{GIVEN}/chat/completions"),
    yes("base-url-doubled-path", "the URL ends in another endpoint", NO_ROUTE, given=f"{GIVEN}/models"),
    no("base-url-doubled-path", "it only lacks /v1", NO_ROUTE, given="http://127.0.0.1:8080"),
    yes(
        "endpoint-not-found",
        "404, 405 and 501 everywhere",
        NO_ROUTE,
        refused(405, probe=probes.VARIANT),
        refused(501, probe=probes.VARIANT),
    ),
    no(
        "endpoint-not-found",
        "one place has something else",
        NO_ROUTE,
        reading(probes.VARIANT, b'{"ok": 1}', label=JSON),
    ),
    no("endpoint-not-found", "a neighbour works", NO_ROUTE, given="http://127.0.0.1:8080"),
    no("endpoint-not-found", "the 404 names the model", refused(404, error("model 'm' not found"))),
    yes("not-an-llm-api", "one place has something else", NO_ROUTE, reading(probes.VARIANT, b'{"ok": 1}', label=JSON)),
    no("not-an-llm-api", "404 everywhere", NO_ROUTE, NO_ROUTE),
    no("not-an-llm-api", "an LLM API that answers badly", reading(body=b'{"error": {"message": "x"}}', label=JSON)),
    no("html-instead-of-api", "an error page of a gateway", refused(502, b"<h1>Bad Gateway</h1>")),
    no("html-instead-of-api", "HTML inside an answer", reading(body=text("<!DOCTYPE html><title>x</title>"))),
    no("redirected", "only the model list redirects", refused(308, probe=probes.MODELS), reading(body=text("maple"))),
    # key
    no("key-missing", "a key was sent", refused(401, error("bad key"), key_sent=True)),
    no(
        "key-missing",
        "only the model list asks for one",
        refused(401, probe=probes.MODELS),
        reading(body=text("maple")),
    ),
    no("key-rejected", "no key was sent", refused(401, error("no key"))),
    no("forbidden", "401", refused(401, error("no key"))),
    yes("key-missing", "a neighbouring URL was tried first", refused(401, error("no key"), probes.VARIANT)),
    # model
    yes(
        "model-not-found",
        "the error is a bare string",
        refused(404, b'{"error": "model \'m\' not found, try pulling it first"}'),
    ),
    yes("model-not-found", "only the code says so", refused(400, error("no", code="model_not_found"))),
    yes(
        "model-not-found",
        "OpenAI's own words",
        refused(404, error("The model `m` does not exist or you do not have access to it.")),
    ),
    yes("model-not-found", "422", refused(422, error("Unknown model: m"))),
    no("model-not-found", "a 404 that names nothing", refused(404, b'{"detail": "Not Found"}')),
    no(
        "model-not-found",
        "a parameter this model does not take",
        refused(400, error("'temperature' is not supported with this model.")),
    ),
    no("model-not-found", "a full window", refused(400, error("This model's maximum context length is 8192 tokens."))),
    no("model-not-found", "a server that breaks down", refused(500, error("model m not found in worker"))),
    no("model-not-found", "a text about a missing model", reading(body=text("model m not found"))),
    no(
        "model-not-found",
        "the model answers other questions",
        reading(body=text("maple")),
        refused(400, error("Model m: tools are not supported"), probes.TOOL_NATIVE, **NATIVE),
    ),
    # size
    yes(
        "body-too-large",
        "a 500 of a parser",
        refused(500, b"PayloadTooLargeError: request entity too large", probes.AGENT_XML, body_bytes=72_000),
    ),
    no(
        "body-too-large",
        "a full window",
        refused(400, error("maximum context length"), probes.AGENT_XML, body_bytes=72_000),
    ),
    no("body-too-large", "an answer about large bodies", reading(body=text("413 payload too large"))),
    no("body-too-large", "the ladder passes", plain(whole("maple"), body_bytes=1_153_000)),
    no(
        "server-error",
        "a parser's 500 is a matter of size",
        refused(500, b"PayloadTooLargeError: request entity too large"),
    ),
    no("request-refused", "a refusal for the size", refused(400, error("request entity too large"))),
    # stream
    yes("json-for-stream", "labelled as a stream", reading(body=whole("maple"))),
    yes(
        "json-for-stream",
        "printed over many lines",
        reading(body=json.dumps(json.loads(whole("maple")), indent=2).encode(), label=JSON),
    ),
    yes("json-for-stream", "an answer without a word", reading(body=b'{"choices": []}', label=JSON)),
    no("json-for-stream", "a JSON error", reading(body=error("quota"), label=JSON)),
    no("json-for-stream", "another JSON", reading(body=b'{"status": "ok"}', label=JSON)),
    no("json-for-stream", "a JSON list", reading(body=b"[1, 2]", label=JSON)),
    no("json-for-stream", "a refusal in JSON", refused(400, whole("maple"))),
    no("json-for-stream", "no stream was asked for", plain(whole("maple"))),
    no("json-for-stream", "a stream of whole completions", reading(body=sse(json.loads(whole("maple"))))),
    no("sse-for-plain", "a stream was asked for", reading(body=text("maple"))),
    no("sse-for-plain", "a refusal as an event", refused(500, text("maple"), probes.PLAIN)),
    yes("ndjson-for-sse", "lines labelled as a stream", reading(body=OTHER_LIST * 3)),
    no("ndjson-for-sse", "a line of JSON among events", reading(body=text("maple") + OTHER_LIST)),
    no("ndjson-for-sse", "an error and a line", reading(body=error("x") + b"\n" + error("y") + b"\n")),
    no("ndjson-for-sse", "no stream was asked for", plain(OTHER_LIST * 3)),
    yes("wrong-content-type", "labelled text/html", reading(body=text("maple"), label=HTML)),
    yes("wrong-content-type", "labelled text/plain: a note", reading(body=text("maple"), label="text/plain")),
    yes("wrong-content-type", "no label: a note", reading(body=text("maple"), label="")),
    no(
        "wrong-content-type",
        "a charset and capitals",
        reading(body=text("maple"), label="TEXT/Event-Stream;charset=UTF-8"),
    ),
    no("wrong-content-type", "JSON labelled as JSON", reading(body=whole("maple"), label=JSON)),
    no("wrong-content-type", "no stream was asked for", plain(whole("maple"))),
    # errors
    yes("error-in-200", "a bare string", reading(body=sse({"error": "out of credit"}))),
    yes("error-in-200", "event: error", reading(body=b'event: error\ndata: {"message": "boom"}\n\n')),
    yes("error-in-200", "after some text", reading(body=sse(delta({"content": "Part"}), {"error": {"message": "x"}}))),
    yes("error-in-200", "a plain body", plain(error("quota"))),
    no("error-in-200", '"error": null', reading(body=sse({**delta({"content": GOOD}, "stop"), "error": None}))),
    no(
        "error-in-200",
        '"error": null in a plain body',
        plain(json.dumps({**json.loads(whole("maple")), "error": None}).encode()),
    ),
    no("error-in-200", "status 400", refused(400, error("x"))),
    no("error-in-200", "status 500", refused(500, error("x"))),
    no("error-in-200", "an answer about errors", reading(body=text('{"error": {"message": "x"}}'))),
    no("error-in-200", "raw JSON inside a stream", reading(body=text("maple") + b'{"error": {"message": "x"}}\n\n')),
    no("error-in-200", "our own question to G4F", reading(probes.G4F_RAW, error("x"), label=JSON, stream=False)),
    no("server-error", "a queue that is full", refused(429, error("slow down"))),
    no("server-error", "our own question to G4F", refused(500, error("x"), probes.G4F_RAW)),
    no("rate-limited", "503", refused(503, error("no backend"))),
    *(no("request-refused", f"{status} has a name of its own", refused(status)) for status in (401, 403, 413, 429)),
    no("request-refused", "500", refused(500)),
    no("request-refused", "a redirect", refused(302)),
    # framing
    yes("zero-events", "no byte at all", reading(body=b"")),
    no("zero-events", "comments, then an answer", reading(body=b": thinking\n\n" * 20 + text("maple"))),
    no("zero-events", "an empty body without a stream", plain(b"")),
    no("zero-events", "cut before the first byte", reading(body=b"", ending=EndingKind.CUT)),
    no("zero-events", "204 for something else", refused(500)),
    no("done-only", "an event before it", reading(body=text("maple"))),
    no("done-only", "a broken event before it", reading(body=b"data: {\n\ndata: [DONE]\n\n")),
    no("done-only", "cut after it", reading(body=sse(), ending=EndingKind.CUT)),
    yes("done-only", "comments before it", reading(body=b": hi\n\n" + sse())),
    *(
        no("role-only-stream", f"finish {finish}", reading(body=sse(delta({"role": "assistant"}), delta({}, finish))))
        for finish in ("stop", "length", "content_filter", "tool_calls")
    ),
    no("role-only-stream", "text", reading(body=sse(delta({"role": "assistant"}), delta({"content": "maple"})))),
    no("role-only-stream", "a thought", reading(body=sse(delta({"role": "assistant"}), delta({"reasoning": "Hm."})))),
    no("role-only-stream", "a refusal", reading(body=sse(delta({"role": "assistant"}), delta({"refusal": "No."})))),
    no("role-only-stream", "a call", reading(body=sse(delta({"role": "assistant"}), delta(CALL)))),
    no("role-only-stream", "an error", reading(body=sse(delta({"role": "assistant"}), {"error": {"message": "x"}}))),
    no("role-only-stream", "a cut", reading(body=sse(delta({"role": "assistant"}), done=False), ending=EndingKind.CUT)),
    yes("role-only-stream", "no [DONE]", reading(body=sse(delta({"role": "assistant"}), done=False))),
    yes(
        "role-only-stream",
        "empty contents",
        reading(body=sse(delta({"role": "assistant", "content": ""}), delta({"content": None}))),
    ),
    no("broken-json-frame", "half a frame at a cut", reading(body=text("maple")[:-40], ending=EndingKind.CUT)),
    no(
        "broken-json-frame",
        "half a frame at the limit of time",
        reading(body=text("maple")[:-40], ending=EndingKind.TIMEOUT_TOTAL),
    ),
    no("broken-json-frame", "a line that is no field", reading(body=b"garbage {\n\n" + text("maple"))),
    no("broken-json-frame", "a comment that is no JSON", reading(body=b": {\n\n" + text("maple"))),
    no("broken-json-frame", "single newlines between events", reading(body=text("maple").replace(b"\n\n", b"\n"))),
    no("broken-json-frame", "after [DONE]", reading(body=text("maple") + b"data: bye\n\n")),
    no(
        "broken-json-frame",
        "JSON over several data lines",
        reading(body=text("maple").replace(b', "choices"', b',\ndata: "choices"')),
    ),
    yes("broken-json-frame", "NaN", reading(body=sse({"choices": [], "x": float("nan")}))),
    yes("broken-json-frame", "a plain body that breaks off", plain(whole("maple")[:-5])),
    no("broken-json-frame", "a plain body that was cut", plain(whole("maple")[:-5], ending=EndingKind.CUT)),
    *(
        no("stream-cut", f"{ending.value} is another matter", reading(body=text("maple")[:60], ending=ending))
        for ending in (
            EndingKind.CLEAN,
            EndingKind.TIMEOUT_SILENCE,
            EndingKind.TIMEOUT_TOTAL,
            EndingKind.OVERFLOW,
            EndingKind.CANCELLED,
        )
    ),
    no("stream-cut", "no status line came", reading(status=None, ending=EndingKind.RESET)),
    yes("stream-cut", "a reset", reading(body=text("maple")[:60], ending=EndingKind.RESET)),
    yes("stream-cut", "a plain body", plain(whole("maple")[:-5], ending=EndingKind.CUT)),
    # content
    yes("empty-answer", "white space only", reading(body=text(" \n\t"))),
    yes("empty-answer", "content null", reading(body=sse(delta({"content": None}), delta({}, "stop")))),
    yes("empty-answer", "a plain body", plain(whole(""))),
    yes("empty-answer", "white space in a plain body", plain(whole("\n"))),
    no("empty-answer", "a call and nothing else", reading(body=sse(delta(CALL), delta({}, "tool_calls")), **NATIVE)),
    no("empty-answer", "a call in a plain body", plain(whole(None, "tool_calls", **CALL))),
    no("empty-answer", "finish length", reading(body=text("", "length"))),
    no("empty-answer", "finish content_filter", reading(body=text("", "content_filter"))),
    no("empty-answer", "finish length in a plain body", plain(whole("", "length"))),
    no("empty-answer", "a thought", reading(body=sse(delta({"reasoning_content": "Hm."}), delta({}, "stop")))),
    no("empty-answer", "a refusal", reading(body=sse(delta({"refusal": "No."}), delta({}, "stop")))),
    no("empty-answer", "an error", reading(body=sse({"error": {"message": "x"}}, delta({}, "stop")))),
    no("empty-answer", "no finish reason", reading(body=sse(delta({"role": "assistant"})))),
    no("empty-answer", "a cut", reading(body=sse(delta({"content": ""}), delta({}, "stop")), ending=EndingKind.CUT)),
    no("empty-answer", "a page", plain(b"<html></html>", label=HTML)),
    no(
        "empty-answer",
        "text in a field of old",
        reading(body=sse({"choices": [{"text": "maple", "finish_reason": "stop"}]})),
    ),
    no(
        "reasoning-only",
        "a thought and a text",
        reading(body=sse(delta({"reasoning": "Hm."}), delta({"content": "maple"}, "stop"))),
    ),
    no(
        "reasoning-only",
        "a thought and a call",
        reading(body=sse(delta({"reasoning": "Hm."}), delta(CALL, "tool_calls")), **NATIVE),
    ),
    no("reasoning-only", "finish length", reading(body=sse(delta({"reasoning": "Hm."}), delta({}, "length")))),
    no(
        "reasoning-only",
        "an empty thought",
        reading(body=sse(delta({"reasoning": ""}), delta({"content": ""}, "stop"))),
    ),
    no(
        "reasoning-only",
        "a thought of white space",
        reading(body=sse(delta({"reasoning": "\n"}), delta({"content": ""}, "stop"))),
    ),
    *(
        no(
            "reasoning-only",
            f"{ending.value} while it thinks",
            reading(body=sse(delta({"reasoning": "Hm."})), ending=ending),
        )
        for ending in (EndingKind.CUT, EndingKind.TIMEOUT_TOTAL, EndingKind.OVERFLOW, EndingKind.CANCELLED)
    ),
    yes("reasoning-only", "in a plain body", plain(whole("", reasoning_content="Hm."))),
    no(
        "canned-answer",
        "another text to the other question",
        reading(body=text("A")),
        reading(probes.OTHER, text("B")),
        reading(probes.TOOL_XML, text("A"), **XML),
    ),
    no(
        "canned-answer",
        "another text to the tool question",
        reading(body=text("A")),
        reading(probes.OTHER, text("A")),
        reading(probes.TOOL_XML, text("B"), **XML),
    ),
    no(
        "canned-answer",
        "a call to the tool question",
        reading(body=text("A")),
        reading(probes.OTHER, text("A")),
        reading(probes.TOOL_NATIVE, sse(delta({"content": "A"}), delta(CALL, "tool_calls")), **NATIVE),
    ),
    no(
        "canned-answer",
        "one of two tool questions differs",
        reading(body=text("A")),
        reading(probes.OTHER, text("A")),
        reading(probes.TOOL_XML, text("A"), **XML),
        reading(probes.AGENT_XML, text("B"), **XML),
    ),
    no("canned-answer", "nobody asked for a tool", reading(body=text("A")), reading(probes.OTHER, text("A"))),
    no(
        "canned-answer",
        "nobody asked the other question",
        reading(body=text("A")),
        reading(probes.TOOL_XML, text("A"), **XML),
    ),
    no(
        "canned-answer",
        "three times nothing",
        reading(body=text("")),
        reading(probes.OTHER, text("")),
        reading(probes.TOOL_XML, text(""), **XML),
    ),
    no(
        "canned-answer",
        "three times the same refusal",
        refused(500, error("x")),
        refused(500, error("x"), probes.OTHER),
        refused(500, error("x"), probes.TOOL_XML, **XML),
    ),
    yes(
        "canned-answer",
        "plain bodies of a server that cannot stream",
        plain(whole("A")),
        reading(probes.OTHER, whole("A"), label=JSON, stream=False),
        reading(probes.TOOL_XML, whole("A"), label=JSON, stream=False, **XML),
    ),
    yes(
        "canned-answer",
        "but for white space",
        reading(body=text("A\n")),
        reading(probes.OTHER, text(" A")),
        reading(probes.TOOL_XML, text("A"), **XML),
    ),
    yes(
        "plain-text-instead-of-tool",
        "prose to native tools",
        reading(probes.TOOL_NATIVE, text("The file says hello."), **NATIVE),
    ),
    no(
        "plain-text-instead-of-tool",
        "the tool's tag after prose",
        reading(probes.TOOL_XML, text("First I look.\n<read_file>\n<path>a</path>\n</read_file>"), **XML),
    ),
    no(
        "plain-text-instead-of-tool",
        "the tool's tag with attributes",
        reading(probes.TOOL_XML, text('<read_file path="a"/>'), **XML),
    ),
    no(
        "plain-text-instead-of-tool",
        "the call as JSON text",
        reading(probes.TOOL_NATIVE, text('<tool_call>{"name": "read", "arguments": {}}</tool_call>'), **NATIVE),
    ),
    no(
        "plain-text-instead-of-tool",
        "a native call",
        reading(probes.TOOL_NATIVE, sse(delta({"content": "I look."}), delta(CALL, "tool_calls")), **NATIVE),
    ),
    no(
        "plain-text-instead-of-tool",
        "a native call to an XML client",
        reading(probes.TOOL_XML, sse(delta(CALL, "tool_calls")), **XML),
    ),
    no("plain-text-instead-of-tool", "no tool was due", reading(body=text("maple"))),
    no("plain-text-instead-of-tool", "nothing was said", reading(probes.TOOL_XML, text(" "), **XML)),
    no(
        "plain-text-instead-of-tool",
        "an error after some text",
        reading(probes.TOOL_XML, sse(delta({"content": "I"}), {"error": {"message": "x"}}), **XML),
    ),
    no("plain-text-instead-of-tool", "a refusal", refused(400, error("tools?"), probes.TOOL_NATIVE, **NATIVE)),
    *(
        no("plain-text-instead-of-tool", why, reading(probes.TOOL_NATIVE, text(call), **NATIVE))
        for why, call in {
            "the call in function tags": "<function=read>\n<parameter=filePath>a</parameter>\n</function>",
            "the call in Harmony": '<|channel|>commentary to=functions.read<|message|>{"filePath": "a"}<|call|>',
            "the call after Mistral's mark": '[TOOL_CALLS][{"name": "read", "arguments": {"filePath": "a"}}]',
            "the call in a fence": '```json\n{"name": "read", "arguments": {"filePath": "a"}}\n```',
        }.items()
    ),
    yes(
        "plain-text-instead-of-tool",
        "prose that speaks of the tool",
        reading(probes.TOOL_NATIVE, text('I would use "read" for that.'), **NATIVE),
    ),
    # time
    no("slow-first-byte", "on the second", reading(body=text("maple"), at=30.0)),
    yes("slow-first-byte", "a moment later", reading(body=text("maple"), at=30.1)),
    yes("slow-first-byte", "as the user set it", reading(body=text("maple"), at=2.5), slow_after=2.0),
    no("slow-first-byte", "no byte came", reading(status=None, ending=EndingKind.TIMEOUT_FIRST, at=60.0)),
    no("slow-first-byte", "a late refusal", refused(503, error("busy"), at=45.0)),
    # errors by their texts
    yes("unframed-error-in-stream", "after a text", reading(body=text("maple") + b'{"error": {"message": "x"}}\n\n')),
    no("unframed-error-in-stream", "an error in its frame", reading(body=sse({"error": {"message": "x"}}))),
    no("unframed-error-in-stream", "a JSON error", reading(body=error("x"), label=JSON)),
    no("unframed-error-in-stream", "junk that is no error", reading(body=text("maple") + b'{"ok": 1}\n\n')),
    no("unframed-error-in-stream", "a comment", reading(body=b': {"error": "x"}\n\n' + text("maple"))),
    yes("quota-exhausted", "402", refused(402, b"")),
    yes("quota-exhausted", "Zhipu's words", refused(429, error("Insufficient balance or no resource package"))),
    yes("quota-exhausted", "inside a stream", reading(body=sse({"error": {"message": "Quota exceeded"}}))),
    no("quota-exhausted", "haste", refused(429, error("Rate limit reached for requests per min"))),
    no("quota-exhausted", "an answer that speaks of it", reading(body=text("quota exceeded"))),
    yes("context-exceeded", "llama.cpp", refused(400, error("the request exceeds the available context size"))),
    no("context-exceeded", "another size", refused(413, error("request entity too large"))),
    no("context-exceeded", "an answer that speaks of it", reading(body=text("the maximum context length is 8192"))),
    no("context-exceeded", "another refusal", refused(400, error("max_tokens is too large"))),
    # framing
    no(
        "single-newline-framing",
        "JSON over several data lines",
        reading(body=sse(delta({"content": GOOD})).replace(b', "choices"', b',\ndata: "choices"')),
    ),
    no("single-newline-framing", "a broken event of two lines", reading(body=b"data: {\ndata: {\n\n" + text("maple"))),
    no("single-newline-framing", "single carriage returns", reading(body=text("maple").replace(b"\n", b"\r"))),
    yes(
        "single-newline-framing",
        "blank lines here and there",
        reading(body=text("a").replace(b"\n\n", b"\n") + text("b")),
    ),
    no("unterminated-last-event", "[DONE] without its blank line", reading(body=text("maple").rstrip())),
    no("unterminated-last-event", "a comment at the end", reading(body=text("maple") + b": bye")),
    no("unterminated-last-event", "a field without data", reading(body=text("maple") + b"retry: 9")),
    no("unterminated-last-event", "a cut", reading(body=text("maple")[:60], ending=EndingKind.CUT)),
    no("unterminated-last-event", "single newlines", reading(body=text("maple").replace(b"\n\n", b"\n"))),
    yes("silence-cut", "a minute, then a reset", cut_at(61.0, EndingKind.RESET)),
    yes("silence-cut", "Cloudflare's hundred seconds", cut_at(100.4)),
    no("silence-cut", "at no known limit", cut_at(42.0)),
    no("silence-cut", "in the middle of the talk", cut_at(60.0, last=59.0)),
    no("silence-cut", "lumeai gave up", cut_at(60.0, EndingKind.TIMEOUT_SILENCE)),
    no("silence-cut", "a late but clean end", cut_at(60.0, EndingKind.CLEAN)),
    yes("missing-finish-reason", "a call", called(CALL, finish=None)),
    no("missing-finish-reason", "a call with it", called(CALL)),
    no("missing-finish-reason", "a text with it, without [DONE]", reading(body=text("maple")[:-14])),
    no("missing-finish-reason", "in the last delta", reading(body=sse(delta({"content": "maple"}, "stop")))),
    *(
        no(
            "missing-finish-reason",
            ending.value,
            reading(body=sse(delta({"content": "ma"}), done=False), ending=ending),
        )
        for ending in (EndingKind.CUT, EndingKind.RESET, EndingKind.TIMEOUT_TOTAL, EndingKind.OVERFLOW)
    ),
    no("missing-finish-reason", "an error ended it", reading(body=sse(delta({"content": "a"}), {"error": "x"}))),
    no("missing-finish-reason", "nothing was said", reading(body=sse(delta({"role": "assistant"})))),
    no("missing-finish-reason", "a plain body", plain(b'{"choices": [{"message": {"content": "maple"}}]}')),
    no("missing-done", "it is there", reading(body=text("maple"))),
    no("missing-done", "without its blank line", reading(body=text("maple").rstrip())),
    no("missing-done", "a cut", reading(body=text("maple")[:-14], ending=EndingKind.CUT)),
    no("missing-done", "neither is the finish reason", reading(body=sse(delta({"content": "maple"}), done=False))),
    no("missing-done", "a plain body", plain(whole("maple"))),
    # dialect
    yes("no-choices", "empty lists only", reading(body=sse({"id": "c", "choices": []}))),
    no("no-choices", "usage behind the text", reading(body=sse(delta({"content": "a"}, "stop"), {"choices": []}))),
    no("no-choices", "an error", reading(body=sse({"error": {"message": "x"}}))),
    no("no-choices", "[DONE] only", reading(body=sse())),
    no("no-choices", "a JSON body", reading(body=b'{"choices": []}', label=JSON)),
    no("message-instead-of-delta", "a plain body", plain(whole("maple"))),
    no("message-instead-of-delta", "a plain body for a stream", reading(body=whole("maple"), label=JSON)),
    no(
        "message-instead-of-delta",
        "both",
        reading(body=sse({"choices": [{"delta": {"content": "a"}, "message": {"content": "a"}}]})),
    ),
    no("legacy-function-call", "tool_calls", called(CALL)),
    no("legacy-function-call", "null", called({**CALL, "function_call": None})),
    no(
        "legacy-text-field",
        "text beside a delta",
        reading(body=sse({"choices": [{"delta": {"content": "a"}, "text": "a"}]})),
    ),
    no("legacy-text-field", "null", reading(body=sse({"choices": [{"delta": {"content": "a"}, "text": None}]}))),
    yes("content-not-a-string", "a number", reading(body=sse(delta({"content": 7}, "stop")))),
    no("content-not-a-string", "null", reading(body=sse(delta({"content": None}), delta({"content": "a"}, "stop")))),
    no("content-not-a-string", "absent", reading(body=sse(delta({}), delta({"content": "a"}, "stop")))),
    no("content-not-a-string", "JSON as text", reading(body=text('[{"type": "text"}]'))),
    *(
        no("bad-chunk-schema", f"{why} is null", reading(body=sse(chunk, delta({"content": GOOD}, "stop"))))
        for why, chunk in {
            "usage": {**delta({"content": "a"}), "usage": None},
            "the delta": {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
            "the role": delta({"role": None, "content": "a"}),
            "tool_calls": delta({"content": "a", "tool_calls": None}),
            "a token count": {**delta({"content": "a"}), "usage": {"prompt_tokens": None, "completion_tokens": 3}},
        }.items()
    ),
    no(
        "bad-chunk-schema",
        "usage alone in the last chunk",
        reading(body=sse(delta({"content": GOOD}, "stop"), {"choices": [], "usage": {"prompt_tokens": 9}})),
    ),
    no("bad-chunk-schema", "no choice in any event", reading(body=sse({"id": "c"}))),
    no(
        "bad-chunk-schema",
        "fields that nobody knows",
        reading(body=sse({**delta({"content": GOOD}, "stop"), "x": [1]})),
    ),
    yes("bad-chunk-schema", "choices null", reading(body=sse({"choices": None}, delta({"content": GOOD}, "stop")))),
    yes(
        "bad-chunk-schema",
        "one event without choices",
        reading(body=sse({"id": "c"}, delta({"content": GOOD}, "stop"))),
    ),
    yes("bad-chunk-schema", "an event that is no object", reading(body=sse(7, delta({"content": GOOD}, "stop")))),
    yes("bad-chunk-schema", "role user", reading(body=sse(delta({"role": "user", "content": GOOD}, "stop")))),
    # window and budget
    no(
        "context-truncated",
        "counts that grow",
        counted(probes.STREAMED, 20, 40),
        counted(probes.TOOL_XML, 600, 2000, **XML),
        counted(probes.AGENT_XML, 20_000, 72_000, **XML),
    ),
    no(
        "context-truncated",
        "counts that are made up",
        counted(probes.STREAMED, 1, 40),
        counted(probes.TOOL_XML, 1, 2000, **XML),
        counted(probes.AGENT_XML, 1, 72_000, **XML),
    ),
    no("context-truncated", "nothing to compare with", counted(probes.AGENT_XML, 4096, 72_000, **XML)),
    no("output-budget-spent", "some text", reading(body=text("maple", "length"))),
    no("output-budget-spent", "a call", called(CALL, finish="length")),
    no("output-budget-spent", "finish stop", reading(body=text(""))),
    yes(
        "output-budget-spent", "all of it thoughts", reading(body=sse(delta({"reasoning": "Hm."}), delta({}, "length")))
    ),
    # reasoning
    yes("think-tag-swallows-answer", "closed, and nothing behind it", reading(body=text("<think>Hm.</think>\n"))),
    no("think-tag-swallows-answer", "text behind it", reading(body=text("<think>Hm.</think>\nmaple"))),
    no("think-tag-swallows-answer", "a call behind it", called({"content": "<think>Hm.</think>"}, CALL)),
    no("think-tag-swallows-answer", "text before it", reading(body=text("I <think> so."))),
    no("think-tag-swallows-answer", "a cut", reading(body=text("<think>Hm."), ending=EndingKind.CUT)),
    no(
        "think-tag-swallows-answer",
        "in its own field",
        reading(body=sse(delta({"reasoning": "<think>"}), delta({"content": "a"}, "stop"))),
    ),
    # tools
    no("tools-unsupported", "no tools were sent", refused(400, error("'m' does not support tools"))),
    no("tools-unsupported", "another refusal", refused(400, error("bad request"), probes.TOOL_NATIVE, **NATIVE)),
    no("tools-unsupported", "prose that says so", prose("This model does not support tools.")),
    no("tool-parser-off", "no tools were sent", refused(400, error("--tool-call-parser"))),
    no("tool-parser-off", "another refusal", refused(400, error("bad request"), probes.TOOL_NATIVE, **NATIVE)),
    yes(
        "tool-parser-off",
        "llama.cpp",
        refused(500, error("tools param requires --jinja flag"), probes.TOOL_NATIVE, **NATIVE),
    ),
    no("tool-protocol-mismatch", "a native call to a native client", called(CALL)),
    no("tool-protocol-mismatch", "tags to an XML client", reading(probes.TOOL_XML, text(GOOD), **XML)),
    no(
        "tool-protocol-mismatch",
        "both to an XML client",
        reading(probes.TOOL_XML, sse(delta({"content": GOOD}), delta(CALL, "tool_calls")), **XML),
    ),
    no("tool-protocol-mismatch", "tags beside a native call", called({"content": "<read>a</read>"}, CALL)),
    no("tool-protocol-mismatch", "prose", prose("I would read it.")),
    yes("tool-protocol-mismatch", "tags to a native client", prose("<read><filePath>a</filePath></read>")),
    no(
        "tool-call-as-text",
        "a native call came too",
        called({"content": '<tool_call>{"name": "read", "arguments": {}}'}, CALL),
    ),
    no("tool-call-as-text", "a tool that was not offered", prose('{"name": "other", "arguments": {}}')),
    no("tool-call-as-text", "prose about the tags", prose("I would write `<tool_call>` and `</tool_call>`.")),
    no("tool-call-as-text", "no tool was due", reading(body=text('{"name": "read", "arguments": {}}'))),
    no("tool-call-as-text", "tags to an XML client", reading(probes.TOOL_XML, text(GOOD), **XML)),
    no("tool-call-as-text", "a JSON answer", prose('{"name": "lumeai", "version": "1"}')),
    yes(
        "tool-call-as-text",
        "the second of a list",
        prose('[{"name": "a", "arguments": {}}, {"name": "read", "arguments": {}}]'),
    ),
    yes(
        "tool-call-as-text",
        "to an XML client",
        reading(probes.TOOL_XML, text('{"name": "read_file", "arguments": {}}'), **XML),
    ),
    yes("tool-call-missing-id", "empty", called(call(id=""))),
    *(
        no(
            "tool-call-missing-id",
            f"a later piece {why}",
            called(CALL, {"tool_calls": [{"index": 0, **more, "function": {"arguments": " "}}]}),
        )
        for why, more in {"without one": {}, "with null": {"id": None}, "with an empty one": {"id": ""}}.items()
    ),
    no(
        "tool-call-missing-index",
        "every piece has it",
        called(CALL, {"tool_calls": [{"index": 0, "function": {"arguments": " "}}]}),
    ),
    no(
        "tool-call-missing-index",
        "a plain body needs none",
        plain(whole(None, "tool_calls", **call(index=None)), **NATIVE),
    ),
    no(
        "tool-call-missing-name",
        "a later piece",
        called(CALL, {"tool_calls": [{"index": 0, "function": {"arguments": " "}}]}),
    ),
    yes(
        "tool-call-missing-name",
        "it comes in the second piece: too late for some",
        called(
            call(function={"arguments": ""}),
            {"tool_calls": [{"index": 0, "function": {"name": "read", "arguments": "{}"}}]},
        ),
    ),
    yes("tool-arguments-not-json", "empty", called(arguments(""))),
    yes("tool-arguments-not-json", "a list", called(arguments("[]"))),
    yes("tool-arguments-not-json", "cut in a complete answer", called(arguments('{"a"'))),
    no("tool-arguments-not-json", "an empty object", called(CALL)),
    no("tool-arguments-not-json", "white space around", called(arguments(' {"a": 1}\n'))),
    no("tool-arguments-not-json", "half a surrogate pair", called(arguments('{"a": "\ud800"}'))),
    no(
        "tool-arguments-not-json",
        "in pieces",
        called(arguments('{"a'), {"tool_calls": [{"index": 0, "function": {"arguments": '": 1}'}}]}),
    ),
    no("tool-arguments-not-json", "finish length", called(arguments('{"a"'), finish="length")),
    no("tool-arguments-not-json", "a cut", called(arguments('{"a"'), finish=None, ending=EndingKind.CUT)),
    no("tool-arguments-not-json", "an object", called(arguments({"a": 1}))),
    no("tool-arguments-not-string", "text that is no JSON", called(arguments("{"))),
    no(
        "tool-arguments-not-string",
        "null in the first piece",
        called(arguments(None), {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
    ),
    no("finish-tool-calls-without-call", "a call", called(CALL)),
    no("finish-tool-calls-without-call", "finish stop", called(finish="stop")),
    no(
        "finish-tool-calls-without-call",
        "a call in the old field",
        called({"function_call": {"name": "read", "arguments": "{}"}}),
    ),
    # content
    yes("intermittent-empty", "one of three", reading(body=text("a")), reading(body=sse()), reading(body=text("a"))),
    no("intermittent-empty", "always empty", reading(body=text("")), reading(body=text(""))),
    no("intermittent-empty", "another prompt is empty", reading(body=text("maple")), reading(probes.OTHER, text(""))),
    no("intermittent-empty", "only without a stream", reading(body=text("maple")), plain(whole(""))),
    no(
        "intermittent-empty",
        "only the tool prompt",
        reading(body=text("maple")),
        reading(probes.TOOL_XML, text(""), **XML),
    ),
    no("intermittent-empty", "a refusal among them", reading(body=text("maple")), refused(503, error("busy"))),
    no("intermittent-empty", "an error among them", reading(body=text("maple")), reading(body=sse({"error": "x"}))),
    no("intermittent-empty", "a cut among them", reading(body=text("maple")), reading(body=b"", ending=EndingKind.CUT)),
    no("content-filtered", "some text before", reading(body=text("maple", "content_filter"))),
    no("content-filtered", "finish stop", reading(body=text(""))),
    yes("content-filtered", "a plain body", plain(whole("", "content_filter"))),
    no("refusal-only", "some text, too", reading(body=sse(delta({"content": "a"}), delta({"refusal": "No."}, "stop")))),
    no("refusal-only", "null", reading(body=sse(delta({"content": "a", "refusal": None}, "stop")))),
    no("refusal-only", "a refusal as text", reading(body=text("I cannot help with that."))),
    no("quota-text-as-answer", "a long answer", reading(body=text("When your quota is exceeded, wait. " * 20))),
    no("quota-text-as-answer", "another limit", reading(body=text("The speed limit is 50 km/h."))),
    no("quota-text-as-answer", "an error", reading(body=sse({"error": {"message": "quota exceeded"}}))),
    no("buffered-stream", "four events", late(4, 4.0)),
    no("buffered-stream", "within a second", late(9, 1.0)),
    no("buffered-stream", "the headers were as late", late(9, 4.0, headers_at=3.9)),
    no("buffered-stream", "beside other requests", late(9, 4.0, together=True)),
    yes("buffered-stream", "in several reads", written(20, 24.0, 0.0005)),
    no("buffered-stream", "a short answer to a long prompt", written(20, 24.0, 0.03)),
    no("buffered-stream", "the fastest of models", written(20, 24.0, 0.0025)),
    # G4F
    yes(
        "g4f-server-extra-missing",
        "on G4F's own port",
        REFUSED,
        given="http://localhost:1337/v1",
        machine=Machine((BARE,)),
    ),
    yes("g4f-server-extra-missing", "named as G4F on another port", REFUSED, kind=Kind.G4F, machine=Machine((BARE,))),
    no("g4f-server-extra-missing", "another program's port", REFUSED, machine=Machine((BARE,))),
    no(
        "g4f-server-extra-missing",
        "one installation is complete",
        REFUSED,
        kind=Kind.G4F,
        machine=Machine((BARE, COMPLETE)),
    ),
    no("g4f-server-extra-missing", "there is no G4F", REFUSED, kind=Kind.G4F, machine=Machine(())),
    no("g4f-server-extra-missing", "nobody looked", REFUSED, kind=Kind.G4F, machine=Machine()),
    no("g4f-server-extra-missing", "another machine", REFUSED, kind=Kind.G4F, given=REMOTE, machine=Machine((BARE,))),
    no(
        "g4f-server-extra-missing",
        "somebody listens",
        reading(body=text("maple")),
        kind=Kind.G4F,
        machine=Machine((BARE,)),
    ),
    no("g4f-hides-cause", "another 500", refused(500, error("worker 3 died"))),
    no(
        "g4f-hides-cause",
        "only the raw question fails",
        refused(500, error("Request execution failed"), probes.G4F_RAW),
    ),
    yes("g4f-hides-cause", "inside a stream", reading(body=sse({"error": {"message": "Request execution failed"}}))),
    # what only a further question tells
    no("base-url-extra-v1", "it lacks a /v1", NO_ROUTE, given="http://127.0.0.1:8080"),
    no(
        "models-list-proves-nothing",
        "a completion comes",
        reading(probes.MODELS, LISTED, label=JSON, stream=False),
        reading(body=text("maple")),
        refused(401, error("no key"), probes.PLAIN),
        models=("m",),
    ),
    no("models-list-proves-nothing", "the list is closed, too", refused(401, probe=probes.MODELS), refused(401)),
    no(
        "unsupported-parameter",
        "two fields at once make the difference",
        with_fields(probes.TOOL_NATIVE, "tool_choice"),
        with_fields(probes.PARAMETERS, "tool_choice", "temperature", "max_tokens", status=400),
    ),
    no(
        "unsupported-parameter",
        "too many requests, and the next one passes",
        with_fields(probes.TOOL_NATIVE, "tool_choice"),
        with_fields(probes.PARAMETERS, "tool_choice", "temperature", status=429),
    ),
    no(
        "unsupported-parameter",
        "another tool, another request",
        with_fields(probes.TOOL_NATIVE, "tool_choice"),
        with_fields(probes.AGENT_NATIVE, "tool_choice", "max_tokens", status=400, tools=("read", "edit")),
    ),
    yes(
        "unsupported-parameter",
        "accepted once it is left out",
        with_fields(probes.TOOL_NATIVE, "stream_options", "tool_choice", status=400),
        with_fields(probes.PARAMETERS, "stream_options"),
    ),
    no(
        "ollama-hides-error",
        "the stream has a finish reason",
        reading(body=text("maple")),
        reading(probes.OLLAMA_CHAT, b'{"error": "x"}\n', dialect=Dialect.OLLAMA),
    ),
    no("ollama-hides-error", "its own endpoint is silent, too", reading(body=sse(delta({"content": ""}), done=False))),
    no(
        "context-window-small",
        "the window is large",
        ps(65_536),
        counted(probes.AGENT_XML, 14_400, 72_000, **XML),
    ),
    no("context-window-small", "more than that was read", ps(4096), counted(probes.AGENT_XML, 14_400, 72_000, **XML)),
    no("context-window-small", "another model is loaded", ps(4096, "other")),
    yes("context-window-small", "nobody tried", ps(4096)),
    no(
        "tools-ignored",
        "the tool was counted",
        counted(probes.STREAMED, 20, 40),
        counted(probes.TOOL_NATIVE, 160, 700, **NATIVE),
        counted(probes.TOOL_ABSENT, 90, 200),
    ),
    no(
        "tools-ignored",
        "the server makes its numbers up",
        counted(probes.STREAMED, 90, 40),
        counted(probes.TOOL_NATIVE, 90, 700, **NATIVE),
        counted(probes.TOOL_ABSENT, 90, 200),
    ),
    no(
        "tools-ignored",
        "the model calls the tool",
        counted(probes.STREAMED, 20, 40),
        reading(probes.TOOL_NATIVE, sse(delta(CALL), {**delta({}, "stop"), "usage": {"prompt_tokens": 90}}), **NATIVE),
        counted(probes.TOOL_ABSENT, 90, 200),
    ),
    no(
        "bad-chunk-schema",
        "no event of the stream has choices, and one is broken",
        reading(body=b'data: {"id": "c"}\n\ndata: {"id":\n\ndata: [DONE]\n\n'),
    ),
    yes(
        "bad-chunk-schema",
        "one event of a good stream has no choices",
        reading(body=b'data: {"id": "c"}\n\n' + text("maple")),
    ),
    no("tool-result-rejected", "the first turn fails, too", refused(500, probe=probes.TOOL_NATIVE, **NATIVE), SECOND),
    no("tool-result-rejected", "our own call was refused, the model's was not", called(CALL), SECOND, ANSWERED),
    no(
        "tool-result-rejected",
        "the same is said without a result",
        called(CALL),
        refused(500, error("worker died"), probe=probes.TOOL_RESULT, **NATIVE),
        refused(500, error("worker died"), probe=probes.OTHER),
    ),
    yes(
        "tool-result-rejected",
        "something else is said without one",
        called(CALL),
        refused(500, error("no such role"), probe=probes.TOOL_RESULT, **NATIVE),
        refused(500, error("worker died"), probe=probes.OTHER),
    ),
    no("tool-result-rejected", "too many requests", called(CALL), refused(429, probe=probes.TOOL_RESULT, **NATIVE)),
    no(
        "g4f-open-to-network",
        "loopback alone",
        REACHED,
        kind=Kind.G4F,
        machine=Machine(listening=("127.0.0.1", "::1")),
    ),
    no("g4f-open-to-network", "nobody looked", REACHED, kind=Kind.G4F),
    no("g4f-open-to-network", "another server", REACHED, machine=Machine(listening=("0.0.0.0",))),
    no(
        "g4f-open-to-network",
        "it wants a key",
        replace(REACHED, asked=replace(REACHED.asked, key_sent=True)),
        kind=Kind.G4F,
        machine=Machine(listening=("0.0.0.0",)),
    ),
    *(
        near
        for name in ("g4f-drops-repeated-turns", "g4f-cuts-history", "g4f-rewrites-tools")
        for near in (no(name, "another server", REACHED), yes(name, "by its fingerprint", REACHED, kind=Kind.G4F))
    ),
    no("gateway-drops-answer", "both fail", reading(body=sse()), direct=(reading(body=sse()),)),
    no("gateway-drops-answer", "both are fine", reading(body=text("a")), direct=(reading(body=text("a")),)),
    no("gateway-drops-answer", "the gateway wants a key", refused(401), direct=(reading(body=text("a")),)),
    no("gateway-drops-answer", "there is no gateway", reading(body=sse())),
    yes("gateway-drops-answer", "a call became prose", prose("I cannot."), direct=(called(CALL),)),
    yes("gateway-drops-answer", "an error of the gateway's own", refused(502), direct=(reading(body=text("a")),)),
)


def names(of: Case) -> tuple[str, ...]:
    """The names that hold."""
    return tuple(finding.name for finding in findings_of(of))


def only(of: Case, name: str) -> Finding:
    """The one finding of this name."""
    (found,) = (finding for finding in findings_of(of) if finding.name == name)
    return found


@pytest.mark.parametrize("near", NEAR, ids=lambda near: f"{near.name} {'!' if near.holds else '-'} {near.why}")
def test_where_a_name_holds_and_where_it_does_not(near: Near) -> None:
    """`-` is a case that must not be called so, `!` one that must."""
    assert (near.name in names(near.of)) is near.holds


def test_every_name_that_the_lab_cannot_show_stands_in_the_table_of_neighbours() -> None:
    """Of each a case says where it stops, be it a healthy specimen; the rungs below HTTP have no neighbours."""
    rungs = {"dns-failure", "connect-timeout", "tls-failure", "proxy-failure", "unexplained-failure"}
    from lumeai_cli.diagnoses.catalogue import CATALOGUE  # noqa: PLC0415 - needed here alone
    from lumeai_cli.lab import SPECIMENS  # noqa: PLC0415 - likewise

    in_the_lab = {specimen.shows for specimen in SPECIMENS.values()}
    assert CATALOGUE.keys() - in_the_lab - {near.name for near in NEAR if not near.holds} == rungs


@pytest.mark.parametrize(
    ("ending", "name"),
    [
        (EndingKind.REFUSED, "connection-refused"),
        (EndingKind.DNS, "dns-failure"),
        (EndingKind.CONNECT_TIMEOUT, "connect-timeout"),
        (EndingKind.UNREACHABLE, "connect-timeout"),
        (EndingKind.TLS, "tls-failure"),
        (EndingKind.PROXY, "proxy-failure"),
        (EndingKind.RESET, "connection-reset"),
        (EndingKind.CUT, "connection-reset"),
        (EndingKind.PROTOCOL, "not-http"),
        (EndingKind.TIMEOUT_FIRST, "no-answer"),
    ],
    ids=str,
)
def test_each_end_before_an_answer_has_one_name(ending: EndingKind, name: str) -> None:
    """One rung, one name, and nothing beside it."""
    assert names(case(reading(status=None, ending=ending))) == (name,)


@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_a_clean_end_is_no_matter_of_reach(status: int) -> None:
    """Whoever sent a status line was reached."""
    found = names(case(reading(body=text("maple"), status=status)))
    assert not {"connection-refused", "connection-reset", "not-http", "no-answer"} & set(found)


API = {
    "a good stream": (reading(body=text("maple")), True),
    "a JSON completion": (reading(body=whole("maple"), label=JSON), True),
    "an error in 200": (reading(body=error("quota"), label=JSON), True),
    "an empty event stream": (reading(body=b""), True),
    "JSON lines": (reading(body=OTHER_LIST * 2), True),
    "an event stream in which no line is a field": (reading(body=text("maple").replace(b"data:", b"Data:")), True),
    "the same lines as a text": (reading(body=text("maple").replace(b"data:", b"Data:"), label="text/plain"), False),
    "an answer that was cut at once": (reading(body=b"{", ending=EndingKind.CUT), True),
    "401": (refused(401, error("no key")), True),
    "403": (refused(403), True),
    "429": (refused(429), True),
    "500": (refused(500, b"oops"), True),
    "503 with a page": (reading(body=b"<h1>busy</h1>", status=503, label=HTML), True),
    "400 in JSON": (refused(400, error("messages?")), True),
    "422 in JSON": (refused(422, b'{"detail": []}'), True),
    "404 that names the model": (refused(404, error("model 'm' not found")), True),
    "404 with the code": (refused(404, error("no", code="model_not_found")), True),
    "a bare 404": (refused(404, b'{"detail": "Not Found"}'), False),
    "an Express 404": (reading(body=b"<pre>Cannot POST /chat/completions</pre>", status=404, label=HTML), False),
    "405": (refused(405, b'{"detail": "Method Not Allowed"}'), False),
    "501": (refused(501), False),
    "301": (refused(301), False),
    "308": (refused(308), False),
    "400 with a page": (reading(body=b"<h1>Bad Request</h1>", status=400, label=HTML), False),
    "a page": (reading(body=b"<title>New API</title>", label=HTML), False),
    "another JSON": (reading(body=b'{"status": "ok"}', label=JSON), False),
    "a JSON list": (reading(body=b"[]", label=JSON), False),
    "plain words": (reading(body=b"It works!", label="text/plain"), False),
    "an empty body": (reading(body=b"", label="text/plain"), False),
    "LM Studio's unknown route": (
        reading(
            body=b'{"error": "Unexpected endpoint or method. (POST /chat/completions). Returning 200 anyway"}',
            label=JSON,
        ),
        False,
    ),
    "an encoding that nobody here reads": (reading(body=b"\x1b\x00", encoding="br"), True),
    "no answer": (reading(status=None, ending=EndingKind.RESET), False),
}


@pytest.mark.parametrize(("answer", "expected"), API.values(), ids=API)
def test_what_counts_as_an_api(answer: Reading, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """Good or bad, an LLM API; a page, a bare 404 or another service is none."""
    assert is_api(answer) is expected


# --- severity, certainty, facts -------------------------------------------------------------------------------------


def severity(of: Case, name: str) -> Severity:
    """How bad this finding is for all clients."""
    conclusion = conclude(of, tuple(PROFILES.values()))
    (found,) = (rated for rated in conclusion.findings if rated.finding.name == name)
    return found.severity


def test_a_ladder_that_breaks_alone_is_a_warning_and_a_real_request_that_falls_an_error() -> None:
    """No client sends our padded bodies; every client sends its own request."""
    good, agent = reading(body=text("maple"), body_bytes=300), reading(probes.AGENT_NATIVE, text(GOOD), **NATIVE)
    rung = refused(413, probe=probes.SIZES, body_bytes=103_424, stream=False)
    fell = refused(413, probe=probes.AGENT_XML, body_bytes=72_600, **XML)
    assert severity(case(good, agent, rung), "body-too-large") is Severity.WARNING
    assert severity(case(good, fell, rung), "body-too-large") is Severity.ERROR


def test_the_size_that_passes_and_the_size_that_falls_frame_the_limit() -> None:
    """Express' default shows itself: 102,400 bytes pass, one more does not."""
    sizes = ((92_160, 200), (102_401, 413), (1_153_024, 413))
    rungs = [refused(status, whole("a"), probes.SIZES, body_bytes=size, stream=False) for size, status in sizes]
    facts = only(case(*rungs), "body-too-large").facts
    assert (facts["passed"], facts["refused"], facts["status"], facts["express"]) == (92_160, 102_401, 413, True)
    facts = only(case(*rungs[2:]), "body-too-large").facts
    assert (facts["passed"], facts["refused"]) == (0, 1_153_024)


def test_a_late_first_byte_is_a_warning() -> None:
    """It is no fault of the answer."""
    assert severity(case(reading(body=text("maple"), at=31.0)), "slow-first-byte") is Severity.WARNING


@pytest.mark.parametrize(
    ("raw", "certainty", "cause"),
    [
        ((), Certainty.LIKELY, ""),
        (
            (reading(probes.G4F_RAW, error("Provider allows 10000 characters"), label=JSON),),
            Certainty.PROVEN,
            "Provider allows 10000 characters",
        ),
        ((refused(500, error("Request execution failed"), probes.G4F_RAW),), Certainty.LIKELY, ""),
    ],
    ids=["not asked raw", "the cause came out", "raw says no more"],
)
def test_g4fs_cause_is_proven_only_when_it_came_out(raw: tuple[Reading, ...], certainty: Certainty, cause: str) -> None:
    """Without the raw question it is one inference away."""
    found = only(case(HIDDEN, *raw), "g4f-hides-cause")
    assert (found.certainty, found.facts["cause"]) == (certainty, cause)


@pytest.mark.parametrize(
    ("readings", "certainty"),
    [((REACHED, DETOUR), Certainty.PROVEN), ((REFUSED, DETOUR), Certainty.LIKELY), ((REFUSED,), Certainty.LIKELY)],
    ids=["the straight way works", "nobody is there either way", "only the straight way was tried"],
)
def test_a_diverted_loopback_is_proven_by_the_pair(readings: tuple[Reading, ...], certainty: Certainty) -> None:
    """The same request straight and by the detour."""
    assert only(case(*readings, machine=VARIABLE), "proxy-intercepts-loopback").certainty is certainty


def test_json_for_a_stream_is_quoted_beside_its_unstreamed_twin() -> None:
    """The pair proves that the server does not read `stream`."""
    found = only(case(reading(body=whole("A"), label=JSON), plain(whole("A"))), "json-for-stream")
    assert [evidence.exchange for evidence in found.evidence] == ["e1", "e2"]
    assert found.exchanges == ("e1",)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_the_field_of_the_thoughts_is_named(field: str) -> None:
    """Servers disagree about it, and so do clients."""
    facts = only(case(reading(body=sse(delta({field: "Hm."}), delta({}, "stop")))), "reasoning-only").facts
    assert (facts["field"], facts["characters"]) == (field, 3)


def test_a_finding_counts_every_exchange_and_quotes_three() -> None:
    """What was seen five times is one finding."""
    found = only(case(*(reading(body=b": " + b"." * size + b"\n\n") for size in range(5))), "zero-events")
    assert found.exchanges == ("e1", "e2", "e3", "e4", "e5")
    assert len(found.evidence) == 3
    same = only(case(*(reading(body=b"") for _ in range(5))), "zero-events")
    assert len(same.evidence) == 1  # the same bytes once more prove no more
    assert found.facts["probes"] == probes.STREAMED


@pytest.mark.parametrize(
    ("headers", "after"),
    [((("Retry-After", "2"),), "2"), ((("retry-after", "x" * 500),), "x" * 40), ((), "")],
    ids=["seconds", "absurd", "none"],
)
def test_when_to_come_back_is_told_as_the_server_says_it(headers: tuple[tuple[str, str], ...], after: str) -> None:
    """At most forty characters of it."""
    assert only(case(refused(429, error("slow"), headers=headers)), "rate-limited").facts["retry_after"] == after


@pytest.mark.parametrize(
    ("after", "wait", "until"),
    [
        ("20", 20, ""),
        ("0", 0, "0"),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0, "Wed, 21 Oct 2026 07:28:00 GMT"),
        ("2.5", 0, "2.5"),
        ("999999999", 0, "999999999"),
    ],
)
def test_retry_after_is_seconds_or_a_moment(after: str, wait: int, until: str) -> None:
    """A page can say either."""
    facts = only(case(refused(429, error("slow"), headers=(("Retry-After", after),))), "rate-limited").facts
    assert (facts["wait"], facts["until"]) == (wait, until)


CHUNK = b'data: {"id":"' + b"c" * 200 + b'","choices":[{"delta":{"content":"maple"},"finish_reason":"stop"}]}\n\n'
PROOFS: Mapping[str, tuple[bytes, re.Pattern[bytes], str]] = {
    "in its line, to the end of it": (
        b'data: {"a":1}\n\ndata: {"finish_reason":"stop"}\n\ndata: [DONE]\n\n',
        FINISH,
        'data: {"finish_reason":"stop"}\\n\\n',
    ),
    "three dots before what begins within a line": (
        CHUNK,
        FINISH,
        "... " + "c" * 18 + '","choices":[{"delta":{"content":"maple"},"finish_reason":"stop"}]}\\n\\n',
    ),
    "three dots behind what ends within one": (
        b'{"prompt_tokens":' + b" " * 300 + b"1}",
        COUNT,
        '{"prompt_tokens":' + " " * 144 + " ...",
    ),
    "the last of several": (b'{"prompt_tokens":1}\r\n\r\n{"prompt_tokens":2}', COUNT, '{"prompt_tokens":2}'),
    "the whole body where it does not stand": (b"data: [DONE]\n\n", COUNT, "data: [DONE]\\n\\n"),
}


@pytest.mark.parametrize(("body", "sign", "shown"), PROOFS.values(), ids=PROOFS)
def test_a_proof_quotes_the_telling_place(body: bytes, sign: re.Pattern[bytes], shown: str) -> None:
    """And says what it leaves out."""
    assert near(reading(body=body), sign).excerpt == shown


def test_a_long_frame_is_shown_from_its_choices_on() -> None:
    """Ids and dates tell least; a short one is whole."""
    one = reading(body=CHUNK)
    shown = of_frame(one, one.frames[0])
    assert shown.excerpt == 'data: {"id": ... ' + CHUNK.decode()[CHUNK.index(b'"choices"') :].replace("\n", "\\n")
    assert (shown.start, shown.end) == (0, len(CHUNK))
    short = reading(body=text("maple"))
    assert of_frame(short, short.frames[0]).excerpt.startswith('data: {"id": "c", "choices"')


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (error("slow  \n down"), "slow down"),
        (b'{"error": "no"}', "no"),
        (b"worker 3 died", "worker 3 died"),
        (b'{"detail": "Not  here"}', "Not here"),
        (b'{"message": "no"}', "no"),
        (b'{"detail": [{"loc": ["body", "tools", 0], "msg": "field required"}]}', "body.tools.0: field required"),
        (b'{"detail": []}', '{"detail": []}'),
        (b'\xef\xbb\xbf{"detail": "no"}', "no"),
        (b"[1, 2]", "[1, 2]"),
        (b"<h1>Oops</h1>", ""),
        (b"", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (error("x" * 900), "x" * 300),
    ],
    ids=[
        "error",
        "string",
        "text",
        "FastAPI's words",
        "a message",
        "FastAPI's complaint",
        "no complaint",
        "behind a byte order mark",
        "a list",
        "page",
        "nothing",
        "no UTF-8",
        "long",
    ],
)
def test_the_servers_own_words_are_told_in_one_short_line(body: bytes, said: str) -> None:
    """A page says nothing readable."""
    assert only(case(refused(500, body)), "server-error").facts["said"] == said


def test_of_an_answer_in_an_encoding_that_nobody_here_reads_nothing_is_said() -> None:
    """Bytes that were not understood prove nothing, and no client is judged by them."""
    of = case(reading(body=b"\x1b\x00\x03", encoding="br"), plain(b"\x1b\x00\x03", encoding="br"))
    conclusion = conclude(of, tuple(PROFILES.values()))
    assert (conclusion.healthy, conclusion.findings) == (None, ())


# --- properties -----------------------------------------------------------------------------------------------------

JUDGES = tuple(PROFILES.values())
SOUND = (
    reading(body=text(GOOD)),
    plain(whole(GOOD)),
    reading(probes.AGENT_XML, text(GOOD), **XML),
    reading(probes.AGENT_NATIVE, sse(delta(CALL, "tool_calls")), **NATIVE),
)
"""What every client needs to be judged: its own request, answered well."""

piece = st.sampled_from(
    ["", " ", "\n", "maple", GOOD, "<think>", "</think>", "<read_file>", '"read"', "Привет", "\u2028"]
)
said = st.one_of(
    st.builds(lambda value: {"content": value}, st.one_of(piece, st.none())),
    st.builds(lambda value: {"reasoning_content": value}, piece),
    st.sampled_from(
        [{}, {"role": "assistant"}, {"role": "user"}, {"refusal": "No."}, CALL, {"content": [{"text": "a"}]}]
    ),
)
choice = st.builds(delta, said, st.sampled_from([None, None, "stop", "length", "tool_calls", "content_filter"]))
odd = st.sampled_from(
    [
        {"id": "c", "choices": []},
        {"id": "c"},
        {"id": "c", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}},
        {"id": "c", "choices": [], "usage": {"prompt_tokens": "9"}},
        {"error": {"message": "boom"}},
        {"choices": [{"message": {"content": "maple"}, "finish_reason": "stop"}]},
        {"choices": [{"text": "maple"}]},
    ]
)
frame = st.one_of(choice, choice, choice, odd).map(lambda value: b"data: " + json.dumps(value).encode() + b"\n\n")
stray = st.sampled_from(
    [b": ping\n\n", b"data: [DONE]\n\n", b"data: {\n\n", b"junk\n", b"\n", b"\r\n", b'{"error": "x"}\n']
)
body = st.lists(st.one_of(frame, frame, frame, stray), max_size=8).map(b"".join)
label = st.sampled_from([SSE, SSE, SSE, JSON, HTML, "text/plain", ""])
question = st.sampled_from(
    [(probes.STREAMED, {}), (probes.AGENT_XML, XML), (probes.AGENT_NATIVE, NATIVE), (probes.PLAIN, {})]
)
calm = st.builds(lambda of, said, label: reading(of[0], said, label=label, **of[1]), question, body, label)


def content_of(profile: Any, one: Reading) -> bool:
    """Whether this client gets its answer here, or never asks so."""
    speaks = not (one.asked.tools and profile.name == "kilo-xml") and not (
        one.asked.xml_tools and profile.protocol == "native"
    )
    outcome = profile.judge(one)
    return not speaks or outcome is None or outcome.ok


@settings(max_examples=400, deadline=None)
@given(st.lists(calm, min_size=1, max_size=12))
def test_where_every_client_gets_its_answer_nothing_is_an_error(readings: list[Reading]) -> None:
    """The promise to healthy servers, however unusual they are: no red line."""
    enough = [one for one in readings if all(content_of(profile, one) for profile in JUDGES)]
    conclusion = conclude(case(*SOUND, *enough), JUDGES)
    assert [rated.finding.name for rated in conclusion.findings if rated.severity is Severity.ERROR] == []
    assert conclusion.verdict is None
    assert conclusion.healthy is True


anything = st.builds(
    lambda of, said, status, label, ending: reading(of[0], said, status, label, ending, **of[1]),
    question,
    st.one_of(body, st.binary(max_size=80)),
    st.sampled_from([None, 200, 200, 200, 204, 302, 400, 401, 404, 413, 429, 500]),
    label,
    st.sampled_from(list(EndingKind)),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(anything, max_size=5))
def test_whatever_comes_the_detectors_hold_and_their_evidence_is_true(readings: list[Reading]) -> None:
    """No bytes and no ending break them; what they quote stands where they say."""
    of = case(*readings)
    known = {one.exchange: one.body for one in of.readings}
    conclusion = conclude(of, JUDGES)
    for rated in conclusion.findings:
        assert set(rated.finding.exchanges) <= known.keys()
        json.dumps(dict(rated.finding.facts), allow_nan=False)
        for evidence in rated.finding.evidence:
            assert 0 <= evidence.start <= evidence.end <= len(known[evidence.exchange])
            assert evidence.excerpt.isprintable()
    assert (conclusion.healthy is False) is (conclusion.verdict is not None)


@settings(max_examples=300, deadline=None)
@given(st.lists(anything, min_size=1, max_size=4))
def test_whoever_is_not_healthy_has_a_cause_and_whoever_fails_is_not_healthy(readings: list[Reading]) -> None:
    """A judged client that fails at the target's own answers never leaves it healthy."""
    conclusion = conclude(case(*readings), JUDGES)
    failing = [one for one in conclusion.clients if not one.outcome.ok and one.outcome.kind != "not-judged"]
    if failing:
        assert conclusion.healthy is False
        assert all(one.because for one in failing)
