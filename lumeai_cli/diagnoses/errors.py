"""Causes that the server names itself, by a status or by an error inside a 200."""

import re
from collections.abc import Iterator

from lumeai_cli.backends.words import CHARACTERS, EXCEEDED, QUOTA, SENTENCE
from lumeai_cli.diagnoses.access import said, too_large
from lumeai_cli.diagnoses.case import ANSWERING, OLLAMA_CHAT, Case
from lumeai_cli.diagnoses.diagnosis import Diagnosis, Family, Hit, found
from lumeai_cli.diagnoses.finding import Evidence, Fact, Finding, of_body, of_frame
from lumeai_cli.wire.event import BackendError
from lumeai_cli.wire.frame import FrameKind
from lumeai_cli.wire.reading import Reading, Shape


def _in_200(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, _where(reading))
        for reading in case.answers()
        if any(
            isinstance(event, BackendError) and reading.frames[event.frame].kind is not FrameKind.JUNK
            for event in reading.events
        )
    ]
    if hits:
        error = hits[0][0].answer.errors[0]
        yield from found("error-in-200", hits, {"said": said(hits[0][0]), "type": error.type, "code": error.code})


def _where(reading: Reading) -> Evidence:
    error = reading.answer.errors[0]
    return of_frame(reading, reading.frames[error.frame])


def _server(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, of_body(reading))
        for reading in case.of(*ANSWERING)
        if reading.status is not None and reading.status >= 500 and not too_large(reading)
    ]
    if hits:
        yield from found("server-error", hits, {"status": hits[0][0].status or 0, "said": said(hits[0][0])})


def _limited(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, of_body(reading))
        for reading in case.of(*ANSWERING)
        if reading.status == 429
        or any(_RATE.search(f"{error.message} {error.type} {error.code}") for error in reading.answer.errors)
    ]
    if hits:
        headers = hits[0][0].headers
        after = next((value for key, value in headers if key.lower() == "retry-after"), "")
        seconds = int(after) if re.fullmatch(r"[0-9]{1,8}", after) else 0
        facts: dict[str, Fact] = {"retry_after": after[:40], "wait": seconds, "until": "" if seconds else after[:40]}
        yield from found("rate-limited", hits, {"said": said(hits[0][0]), **facts})


_RATE = re.compile(r"rate[_ -]?limit|too many requests", re.IGNORECASE)


def _refused(case: Case) -> Iterator[Finding]:
    """A 4xx that no other name of the catalogue stands for; statuses with a name of their own are left out."""
    named = (401, 403, 413, 429)
    hits = [
        (reading, of_body(reading))
        for reading in case.of(*ANSWERING)
        if reading.status is not None
        and 400 <= reading.status < 500
        and reading.status not in named
        and not too_large(reading)
    ]
    if hits:
        yield from found("request-refused", hits, {"status": hits[0][0].status or 0, "said": said(hits[0][0])})


def _unframed(case: Case) -> Iterator[Finding]:
    """Raw error JSON inside an event stream, without `data:`: no client sees it."""
    hits: list[Hit] = []
    for reading in case.answers():
        raw = [error for error in reading.answer.errors if reading.frames[error.frame].kind is FrameKind.JUNK]
        if raw:
            hits.append((reading, of_frame(reading, reading.frames[raw[0].frame])))
    yield from found("unframed-error-in-stream", hits, {"said": said(hits[0][0]) if hits else ""})


def _quota(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, of_body(reading))
        for reading in case.of(*ANSWERING)
        if reading.status == 402
        or any(QUOTA.search(f"{error.message} {error.type} {error.code}") for error in reading.answer.errors)
    ]
    if hits:
        yield from found("quota-exhausted", hits, {"said": said(hits[0][0]), "status": hits[0][0].status or 0})


_WINDOW = re.compile(
    r"(?:maximum context length is|context size \(|n_ctx[:=]?\s*>?=?\s*\(?|context length of only|maximum is|> )"
    r"\s*(\d+)",
    re.IGNORECASE,
)
_SENT = re.compile(
    r"(?:resulted in|request \(|requested(?: about)?|has|n_keep[: ]+|first|too long:)\s*\(?(\d+)", re.IGNORECASE
)


def _exceeded(case: Case) -> Iterator[Finding]:
    """Refused with numbers, or with a text that is known for it."""
    hits = [
        (reading, of_body(reading))
        for reading in case.of(*ANSWERING)
        if any(EXCEEDED.search(f"{error.message} {error.type} {error.code}") for error in reading.answer.errors)
        or CHARACTERS.search(reading.heard.text[:SENTENCE])
    ]
    if hits:
        text = said(hits[0][0]) or hits[0][0].heard.text[:SENTENCE]
        window, sent = _WINDOW.search(text), _SENT.search(text)
        facts = {"window": int(window[1]) if window else 0, "sent": int(sent[1]) if sent else 0}
        yield from found(
            "context-exceeded", hits, {"said": text, **facts, "words": "" if all(facts.values()) else text}
        )


def _swallowed(case: Case) -> Iterator[Finding]:
    """An error that Ollama's own endpoint tells, where its OpenAI route ends in silence.

    Read in Ollama fb307609: an error after the first byte becomes an empty delta, with no finish reason and no
    `[DONE]`.
    """
    told = [reading for reading in case.of(OLLAMA_CHAT) if reading.answer.errors]
    words = {said(reading) for reading in told}
    loud = [(reading, of_body(reading)) for reading in case.of(*ANSWERING) if said(reading) in words]
    mute = [
        (reading, of_body(reading))
        for reading in case.answers()
        if reading.asked.stream and reading.shape is Shape.SSE and not reading.answer.finish
    ]
    if told and mute:
        hits = [(reading, of_body(reading)) for reading in told] + mute + loud
        yield from found("ollama-hides-error", hits, {"said": said(told[0])})


ENTRIES = (
    Diagnosis(
        "LUM408",
        "ollama-hides-error",
        Family.ERROR,
        _swallowed,
        explains=frozenset(
            {
                "role-only-stream",
                "missing-finish-reason",
                "empty-answer",
                "zero-events",
                "plain-text-instead-of-tool",
                "no-choices",
                "bad-chunk-schema",
                "server-error",
                "request-refused",
            }
        ),
    ),
    Diagnosis(
        "LUM401",
        "error-in-200",
        Family.ERROR,
        _in_200,
        explains=frozenset(
            {"zero-events", "done-only", "role-only-stream", "empty-answer", "plain-text-instead-of-tool"}
        ),
    ),
    Diagnosis("LUM402", "server-error", Family.ERROR, _server),
    Diagnosis(
        "LUM403",
        "rate-limited",
        Family.ERROR,
        _limited,
        explains=frozenset({"error-in-200", "request-refused", "server-error", "unframed-error-in-stream"}),
    ),
    Diagnosis("LUM404", "request-refused", Family.ERROR, _refused),
    Diagnosis(
        "LUM405",
        "unframed-error-in-stream",
        Family.ERROR,
        _unframed,
        explains=frozenset({"missing-finish-reason", "role-only-stream", "zero-events", "tool-arguments-not-json"}),
    ),
    Diagnosis(
        "LUM406",
        "quota-exhausted",
        Family.ERROR,
        _quota,
        explains=frozenset(
            {
                "rate-limited",
                "error-in-200",
                "request-refused",
                "forbidden",
                "server-error",
                "unframed-error-in-stream",
                "tools-unsupported",
            }
        ),
    ),
    Diagnosis(
        "LUM631",
        "context-exceeded",
        Family.WINDOW,
        _exceeded,
        explains=frozenset(
            {
                "request-refused",
                "server-error",
                "error-in-200",
                "body-too-large",
                "context-truncated",
                "context-window-small",
                "plain-text-instead-of-tool",
                "unframed-error-in-stream",
                "tools-unsupported",
            }
        ),
    ),
)
