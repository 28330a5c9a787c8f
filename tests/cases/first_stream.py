"""Reports about streams: one JSON body, events where none are due, comments alone, no label, no end, or too late."""

import json
from dataclasses import replace

from lumeai_cli.backends.backend import Kind
from lumeai_cli.clients.outcome import OutcomeKind
from lumeai_cli.diagnoses.case import AGENT_NATIVE, AGENT_XML, OTHER, PLAIN, STREAMED, TOOL_NATIVE, TOOL_XML
from lumeai_cli.diagnoses.finding import Severity
from lumeai_cli.wire.exchange import Chunk, Ending, EndingKind, Exchange
from tests.cases.record import (
    DONE,
    JSON,
    STREAMS,
    TOOLED,
    Recorded,
    Said,
    beside,
    body,
    call_stream,
    message,
    once,
    raw,
    text_stream,
    to,
    whole,
)


def deaf(said: Said) -> tuple[Exchange, ...]:
    """A server that says the same whether a stream is asked for or not; the doctor goes on without streaming."""
    return beside(
        once(said, STREAMED),
        once(said, PLAIN),
        to(said, OTHER, TOOL_XML, TOOL_NATIVE, stream=False),
        to(said, AGENT_XML, AGENT_NATIVE),
    )


def unlabelled() -> tuple[Exchange, ...]:
    """A healthy server, whose streams have no content type."""
    return tuple(replace(one, headers=()) if one.asked.probe in STREAMS else one for one in beside())


def late(seconds: float) -> Said:
    """An answer that is no stream: status, headers and body together after so long."""
    value = message({"content": "maple"})
    ending = Ending(EndingKind.CLEAN, seconds)
    return Said((Chunk(seconds, json.dumps(value).encode()),), 200, JSON, headers_at=seconds, ending=ending)


COMPLETION = json.dumps(message({"content": "maple"}))
AS_EVENTS = text_stream("maple")

RECORDS = (
    # stream_mismatch
    Recorded(
        "https://github.com/chihebnabil/openai-api-mock/issues/3",
        "a mock that knows no streaming: one JSON body, and the SDK's loop gets nothing",
        "json-for-stream",
        deaf(whole("This is a mock response")),
        meets={"openai-sdk": OutcomeKind.SILENT},
    ),
    Recorded(
        "https://github.com/a2aproject/a2a-rs/pull/79",
        "a plain JSON error, in a 200, where a stream is due: it closes cleanly and seems to be empty",
        "error-in-200",
        beside(to(body({"id": 1, "error": {"code": -32004, "message": "Unsupported operation"}}), *STREAMS)),
    ),
    Recorded(
        "https://github.com/decolua/9router/issues/3492",
        "no `stream` in the request: one completion, labelled as a stream, with [DONE] behind it",
        "sse-for-plain",
        beside(once(raw(COMPLETION, "\n\n", DONE), PLAIN)),
    ),
    Recorded(
        "https://github.com/diegosouzapw/OmniRoute/issues/10239",
        "no `stream` in the request: answered by a stream",
        "sse-for-plain",
        beside(once(AS_EVENTS, PLAIN)),
    ),
    Recorded(
        "https://github.com/HKUDS/OpenSpace/pull/79",
        "a reseller's proxy: the streamed answer has its text, the one without streaming has content ''",
        "empty-answer",
        beside(once(whole(""), PLAIN)),
    ),
    # sse_shape
    Recorded(
        "https://github.com/AntSeed/antseed/pull/142",
        "a good stream without any content type: a client took it for none",
        "wrong-content-type",
        unlabelled(),
        severity=Severity.NOTE,
    ),
    Recorded(
        "https://github.com/coder/coder/pull/26005",
        "comments that keep the connection alive, and no data line",
        "zero-events",
        beside(to(raw(": PROCESSING\n\n", ": PROCESSING\n\n", ": PROCESSING\n\n"), *STREAMS)),
    ),
    Recorded(
        "https://github.com/earendil-works/pi/pull/6225",
        "the pieces of a tool call, each with finish_reason null, and then the end",
        "missing-finish-reason",
        beside(to(call_stream(finish=None, done=False), *TOOLED)),
        severity=Severity.WARNING,
    ),
    # timeout
    Recorded(
        "https://github.com/THU-MAIC/OpenMAIC/issues/1403",
        "without streaming the headers come at the end of the work, and the client goes after 300 s exactly",
        "slow-first-byte",
        beside(once(late(301.0), PLAIN)),
        severity=Severity.WARNING,
    ),
    Recorded(
        "https://github.com/career-ops-hq/career-ops/issues/3921",
        "Ollama without streaming: no header until the end, later than the 300 s of Node's fetch",
        "slow-first-byte",
        beside(once(late(303.0), PLAIN)),
        severity=Severity.WARNING,
        kind=Kind.OLLAMA,
    ),
    Recorded(
        "https://github.com/devswha/patina/pull/577",
        "a slow local backend without streaming: the same limit of Node's fetch",
        "slow-first-byte",
        beside(once(late(302.0), PLAIN)),
        severity=Severity.WARNING,
    ),
)
