"""Reports about the kind of body and its frames: a stream where none was asked for, none where one was, odd chunks."""

from dataclasses import replace

from lumeai_cli.clients.outcome import OutcomeKind
from lumeai_cli.diagnoses.case import PLAIN, STREAMED
from lumeai_cli.diagnoses.finding import Severity
from tests.cases.record import (
    HEALTHY,
    MODEL,
    SSE,
    STREAMS,
    Recorded,
    Said,
    beside,
    counted,
    delta,
    once,
    raw,
    sse,
    text_stream,
    to,
)

STREAM = text_stream("maple")

UNFILTERED = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
PROMPT_FILTER = {
    "id": "",
    "object": "",
    "created": 0,
    "model": "",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": UNFILTERED}],
    "choices": [],
}


def filtered(**choice: object) -> Said:
    """A stream of Azure's whose last chunk tells the filter's results, in a choice with these fields and no delta."""
    results = {"index": 0, "content_filter_results": UNFILTERED, **choice}
    return sse(
        delta({"role": "assistant", "content": ""}),
        delta({"content": "maple"}),
        delta(finish="stop"),
        {"id": "", "object": "", "created": 0, "model": "", "choices": [results]},
    )


def completion_chunk(content: str, finish: str | None = None) -> dict[str, object]:
    """A chunk that calls itself one of the old completions."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return {"id": "cmpl-1", "object": "text_completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}


RECORDS = (
    # stream_mismatch
    Recorded(
        "https://github.com/kaito-project/kaito/issues/1880",
        "stream: false is answered by an event stream, whoever asks",
        "sse-for-plain",
        beside(once(STREAM, PLAIN)),
    ),
    Recorded(
        "https://github.com/open-webui/computer/issues/193",
        "a request without the field stream is taken for one with stream: true",
        "sse-for-plain",
        beside(once(STREAM, PLAIN)),
    ),
    Recorded(
        "https://github.com/sgl-project/mini-sglang/issues/51",
        "stream: false is answered by events whose object is text_completion.chunk",
        "sse-for-plain",
        beside(once(sse(completion_chunk("maple"), completion_chunk("", "stop")), PLAIN)),
        meets={"openai-sdk": OutcomeKind.ERROR},
    ),
    Recorded(
        "https://github.com/unslothai/unsloth/issues/6570",
        "stream: false is answered by server-sent events",
        "sse-for-plain",
        beside(once(STREAM, PLAIN)),
        meets={"openai-sdk": OutcomeKind.ERROR},
    ),
    # sse_shape
    Recorded(
        "https://github.com/sourcegraph/cody/pull/3479",
        "a 200 for a stream, and not one event in its body",
        "zero-events",
        beside(to(raw(), *STREAMS)),
    ),
    Recorded(
        "https://github.com/nearai/private-ml-sdk/pull/20",
        "a sound stream that carries no content type at all",
        "wrong-content-type",
        beside(to(replace(STREAM, label=""), STREAMED)),
        severity=Severity.NOTE,
    ),
    Recorded(
        "https://github.com/iflytek/astron-agent/pull/1568",
        "behind the answer stands the chunk that include_usage asks for, with an empty list of choices",
        HEALTHY,
        beside(to(text_stream("maple", "stop", counted(14, 2)), STREAMED)),
    ),
    Recorded(
        "https://github.com/langchain-ai/langchain/issues/18977",
        "the last chunk's choice holds the results of a content filter, and neither a delta nor a finish reason",
        HEALTHY,
        beside(to(filtered(), STREAMED)),
    ),
    Recorded(
        "https://github.com/microsoft/autogen/issues/6465",
        "the same from the same cloud, where the choice also has finish_reason: null",
        HEALTHY,
        beside(to(filtered(finish_reason=None, content_filter_offsets={"check_offset": 0}), STREAMED)),
    ),
    Recorded(
        "https://github.com/microsoft/semantic-kernel/issues/3650",
        "the first chunk tells the prompt filter's results and has an empty list of choices",
        HEALTHY,
        beside(to(sse(PROMPT_FILTER, delta({"content": "maple"}), delta(finish="stop"), label=SSE), STREAMED)),
    ),
)
