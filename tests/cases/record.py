"""Public reports of agents that got no answer, as values: where it was told, what was on the wire, which name it has.

The bytes are rebuilt in our own words from the frame, the status or the numbers that the report quotes. A module of
this folder that holds `RECORDS` is judged by `test_records.py`; what cannot be rebuilt stands in an `UNJUDGED`, by its
URL, with the reason.

A server is rebuilt by what it says (`Said`) and to whom: `once` puts it behind one question, `to` behind all questions
of these probes, and `beside` answers every question that was not mentioned as a healthy server would. A server that
lets nobody in is given without `beside`, for the doctor then asks no further.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lumeai_cli.backends.backend import Kind
from lumeai_cli.clients import request as requests
from lumeai_cli.clients.outcome import OutcomeKind
from lumeai_cli.clients.request import ChatRequest
from lumeai_cli.diagnoses.case import (
    AGENT_NATIVE,
    AGENT_XML,
    CONNECT,
    MODELS,
    OTHER,
    PARAMETERS,
    PLAIN,
    SIZES,
    STREAMED,
    TOOL_NATIVE,
    TOOL_RESULT,
    TOOL_XML,
    VARIANT,
    Case,
    Machine,
)
from lumeai_cli.diagnoses.finding import Fact, Severity
from lumeai_cli.wire.exchange import Asked, Chunk, Ending, EndingKind, Exchange, Headers
from lumeai_cli.wire.reading import read

BASE = "http://127.0.0.1:8080/v1"
MODEL = "model-a"
SSE, JSON, HTML = "text/event-stream", "application/json", "text/html"
HEALTHY = ""
"""The name of a wire on which there is nothing to find: the fault was the client's."""

STREAMS = (STREAMED, OTHER, TOOL_XML, TOOL_NATIVE, AGENT_XML, AGENT_NATIVE)
TOOLED = (TOOL_NATIVE, AGENT_NATIVE)
AGENTS = (AGENT_XML, AGENT_NATIVE)
WANTING = (TOOL_XML, TOOL_NATIVE, AGENT_XML, AGENT_NATIVE)
"""The probes that a capable model answers with a call, in tags or native."""

REPEATS = 3  # times that the tiny streamed prompt is sent


@dataclass(frozen=True, slots=True)
class Recorded:
    """One report. `url` is its source, `says` what was on the wire, `name` what the doctor must call it.

    An error must be the verdict; with another `severity` the finding must stand in the report, and the target is
    healthy. `facts` are what the finding must tell: the report's own numbers and names. `meets` is what the users of
    judged clients meet, where the report tells it of one of these. `given` is the base URL that the user had entered,
    `base` the one at which an API was found.
    """

    url: str
    says: str
    name: str
    exchanges: tuple[Exchange, ...]
    severity: Severity = Severity.ERROR
    given: str = BASE
    base: str = ""
    kind: Kind = Kind.UNKNOWN
    model: str = MODEL
    models: tuple[str, ...] = (MODEL,)
    machine: Machine = field(default_factory=Machine)
    direct: tuple[Exchange, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    meets: Mapping[str, OutcomeKind] = field(default_factory=dict)

    @property
    def case(self) -> Case:
        """All of it, read; the exchanges are numbered from e1."""
        return Case(
            given=self.given,
            base=self.base or self.given,
            kind=self.kind,
            model=self.model,
            models=self.models,
            readings=tuple(read(replace(one, id=f"e{number}")) for number, one in enumerate(self.exchanges, 1)),
            machine=self.machine,
            direct=tuple(read(replace(one, id=f"d{number}")) for number, one in enumerate(self.direct, 1)),
        )


@dataclass(frozen=True, slots=True)
class Said:
    """What a server says, whoever asks. Times are seconds since the request; no label means no content type."""

    chunks: tuple[Chunk, ...] = ()
    status: int | None = 200
    label: str = SSE
    headers: Headers = ()
    headers_at: float | None = 0.1
    ending: Ending = field(default_factory=lambda: Ending(EndingKind.CLEAN, 1.0))


# --- what a server says -----------------------------------------------------------------------------------------------


def raw(*pieces: bytes | str, status: int = 200, label: str = SSE, ending: EndingKind = EndingKind.CLEAN) -> Said:
    """These bytes, each piece a tenth of a second behind the one before."""
    chunks = tuple(
        Chunk(round(0.1 * number, 3), piece.encode() if isinstance(piece, str) else piece)
        for number, piece in enumerate(pieces, 2)
        if piece
    )
    return Said(chunks, status, label, ending=Ending(ending, round(0.1 * (len(pieces) + 2), 3), ending.value))


def timed(
    *pieces: tuple[float, bytes | str], ending: EndingKind = EndingKind.CLEAN, at: float, label: str = SSE
) -> Said:
    """These bytes at these seconds, and the end of them at another; the headers come after a tenth of a second."""
    chunks = tuple(Chunk(when, piece.encode() if isinstance(piece, str) else piece) for when, piece in pieces)
    return Said(chunks, 200, label, ending=Ending(ending, at, ending.value))


def data(value: object) -> bytes:
    """One SSE event with this JSON value."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def sse(*values: object, done: bool = True, label: str = SSE, ending: EndingKind = EndingKind.CLEAN) -> Said:
    """A stream of these JSON values, an event each, and `[DONE]`."""
    return raw(*map(data, values), DONE if done else b"", label=label, ending=ending)


def delta(said: Mapping[str, object] | None = None, finish: str | None = None, **more: object) -> dict[str, Any]:
    """One chunk of a stream; `more` are fields beside `choices`, such as `usage`."""
    choice = {"index": 0, "delta": dict(said or {}), "finish_reason": finish}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return {**head, "choices": [choice], **more}


def usage(prompt: int, completion: int, reasoning: int | None = None) -> dict[str, Any]:
    """Token counts as the dialect tells them."""
    counts: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": completion}
    counts["total_tokens"] = prompt + completion
    return counts if reasoning is None else counts | {"completion_tokens_details": {"reasoning_tokens": reasoning}}


def counted(prompt: int, completion: int, reasoning: int | None = None) -> dict[str, Any]:
    """The last chunk that `include_usage` asks for: no choice, the counts."""
    return delta(usage=usage(prompt, completion, reasoning)) | {"choices": []}


def text_stream(said: str, finish: str | None = "stop", *more: object, done: bool = True) -> Said:
    """A sound stream with this text."""
    last = [delta(finish=finish)] if finish else []
    return sse(delta({"role": "assistant", "content": ""}), delta({"content": said}), *last, *more, done=done)


def call(**changes: object) -> dict[str, Any]:
    """A delta with a whole call of the tool `read`; `name` and `arguments` go into its function, None takes one out."""
    function: dict[str, object] = {"name": "read", "arguments": '{"filePath": "notes/plan.txt"}'}
    entry: dict[str, object] = {"index": 0, "id": "call_1", "type": "function"}
    for key, value in changes.items():
        (function if key in function else entry)[key] = value
    kept = {key: value for key, value in entry.items() if value is not None}
    return {"tool_calls": [{**kept, "function": {key: value for key, value in function.items() if value is not None}}]}


def call_stream(*deltas: Mapping[str, object], finish: str | None = "tool_calls", done: bool = True) -> Said:
    """A stream with these pieces of a call; a whole sound one if there are none."""
    last = [delta(finish=finish)] if finish else []
    return sse(delta({"role": "assistant", "content": None}), *map(delta, deltas or (call(),)), *last, done=done)


def message(said: Mapping[str, object], finish: str | None = "stop", **more: object) -> dict[str, Any]:
    """A completion that is no stream, as a value."""
    choice = {"index": 0, "message": {"role": "assistant", **said}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice], **more}


def body(value: object, status: int = 200, label: str = JSON) -> Said:
    """One JSON body."""
    return raw(json.dumps(value, ensure_ascii=False), status=status, label=label)


def whole(said: str | None, finish: str = "stop", **more: object) -> Said:
    """A completion that is no stream, with this text."""
    return body(message({"content": said}, finish, **more))


def refused(status: int, said: str, **more: object) -> Said:
    """A refusal with the dialect's error object; `more` are its type, code or param."""
    return body({"error": {"message": said, **more}}, status)


def page(title: str, status: int = 200) -> Said:
    """An HTML page."""
    html = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><div id=root></div></body></html>\n"
    return raw(html, status=status, label=HTML)


def nothing(kind: EndingKind, at: float = 0.1, detail: str = "") -> Said:
    """No answer at all: it ended in this way after so many seconds."""
    return Said((), None, "", headers_at=None, ending=Ending(kind, at, detail or kind.value))


# --- whom it is said to -----------------------------------------------------------------------------------------------


def _second_turn(first: ChatRequest) -> ChatRequest:
    """The conversation with the call and its result in it."""
    called = {"role": "assistant", "content": None, **call()}
    result = {"role": "tool", "tool_call_id": "call_1", "content": "1: Mend the gate before the winter."}
    return replace(first, messages=(*first.messages, called, result))


FIRST = requests.simple("Reply with exactly one word: maple")
PROMPTS: Mapping[str, ChatRequest] = {
    OTHER: requests.simple("What is 17 + 25? Reply with the number only."),
    TOOL_XML: requests.small_xml(),
    TOOL_NATIVE: requests.small_native(),
    AGENT_XML: requests.agent_xml(),
    AGENT_NATIVE: requests.agent_native(),
    PARAMETERS: requests.small_native(),
    TOOL_RESULT: _second_turn(requests.small_native()),
}
"""What each probe sends; the others send the first prompt."""

UNSTREAMED = (PLAIN, SIZES, MODELS)


def asked(
    probe: str,
    *,
    stream: bool | None = None,
    url: str = "",
    size: int = 0,
    key: bool = False,
    extra: Mapping[str, object] | None = None,
) -> Asked:
    """The shape of this probe's request; `size` pads its body to so many bytes, `extra` are more fields of it."""
    streamed = probe not in UNSTREAMED if stream is None else stream
    if probe == MODELS:
        return Asked(probe, url or f"{BASE}/models", "GET", key_sent=key)
    if probe == CONNECT:
        return Asked(probe, url or f"{BASE}/chat/completions", stream=True)
    prompt = PROMPTS.get(probe, FIRST)
    fields = {**prompt.body(MODEL, stream=streamed), **(extra or {})}
    sent = json.dumps(fields, ensure_ascii=False).encode()
    return Asked(
        probe,
        url or f"{BASE}/chat/completions",
        stream=streamed,
        model=MODEL,
        body_bytes=max(len(sent), size),
        prompt_chars=prompt.prompt_chars,
        tools=prompt.tool_names,
        xml_tools=prompt.xml_tools,
        wants_tool=prompt.wants_tool,
        key_sent=key,
        parameters=tuple(field for field in fields if field not in ("model", "messages", "stream", "tools")),
    )


def answered(question: Asked, said: Said) -> Exchange:
    """The question, answered so; its number comes later."""
    label = (("content-type", said.label),) if said.label else ()
    return Exchange("e", question, said.status, (*label, *said.headers), said.headers_at, said.chunks, said.ending)


def once(said: Said, probe: str = STREAMED, **shape: Any) -> Exchange:
    """One question of this probe, answered so; `shape` as for `asked`."""
    return answered(asked(probe, **shape), said)


def to(said: Said, *probes: str, **shape: Any) -> tuple[Exchange, ...]:
    """Every question of these probes, answered so; the tiny streamed prompt is sent three times."""
    return tuple(once(said, probe, **shape) for probe in probes for _ in range(REPEATS if probe == STREAMED else 1))


def door(said: Said, **shape: Any) -> tuple[Exchange, ...]:
    """A server that answers the first two questions so; nobody asks it any further."""
    return once(said, STREAMED, **shape), once(said, PLAIN, **shape)


def elsewhere(given: str, said: Said, *more: tuple[str, Said]) -> tuple[Exchange, ...]:
    """The first question at this base URL, answered so, and then at these others: the search for an API."""
    places = ((given, said), *more)
    return tuple(once(what, VARIANT, url=f"{base}/chat/completions") for base, what in places)


def unreached(kind: EndingKind, at: float = 0.1, detail: str = "", url: str = "") -> tuple[Exchange, ...]:
    """A server to which no connection could be made."""
    return (once(nothing(kind, at, detail), CONNECT, url=url),)


# --- a healthy server -------------------------------------------------------------------------------------------------

READ_FILE = "I will look.\n<read_file>\n<path>notes/plan.txt</path>\n</read_file>"
TOKENS = 4  # characters of a prompt that a healthy server here counts as one token


def healthy(question: Asked) -> Said:
    """What a healthy server says to this question."""
    if question.probe == MODELS:
        return body({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "us"}]})
    counts = (max(1, question.prompt_chars // TOKENS), 5)
    if not question.stream:
        return body(message({"content": "maple"}, usage=usage(*counts)))
    if question.tools:
        first = delta({"role": "assistant", "content": None})
        return sse(first, delta(call()), delta(finish="tool_calls"), counted(*counts))
    words = READ_FILE if question.xml_tools else "42" if question.probe == OTHER else "maple"
    return text_stream(words, "stop", counted(*counts))


ORDER = (MODELS, STREAMED, PLAIN, OTHER, TOOL_XML, TOOL_NATIVE, AGENT_XML, AGENT_NATIVE, SIZES)
"""The probes of an examination, in the order in which they are sent."""

LADDER = (90 * 1024, 101 * 1024, 1126 * 1024)


def beside(*exchanges: Exchange | Iterable[Exchange]) -> tuple[Exchange, ...]:
    """These exchanges, and every question of the other probes answered as a healthy server would; in their order."""
    told = [one for item in exchanges for one in ((item,) if isinstance(item, Exchange) else item)]
    mentioned = {one.asked.probe for one in told}
    for probe in ORDER:
        if probe not in mentioned:
            told += [answered(question, healthy(question)) for question in _questions(probe)]
    place = {probe: number for number, probe in enumerate(ORDER)}
    return tuple(sorted(told, key=lambda one: place.get(one.asked.probe, len(ORDER))))


def _questions(probe: str) -> list[Asked]:
    if probe == SIZES:
        return [asked(SIZES, size=size) for size in LADDER]
    return [asked(probe)] * (REPEATS if probe == STREAMED else 1)
