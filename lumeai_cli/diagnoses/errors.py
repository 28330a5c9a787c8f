"""Causes that the server names itself, by a status or by an error inside a 200."""

from collections.abc import Iterator

from lumeai_cli.diagnoses.access import said, too_large
from lumeai_cli.diagnoses.case import ANSWERING, Case
from lumeai_cli.diagnoses.diagnosis import Diagnosis, Family, found
from lumeai_cli.diagnoses.finding import Evidence, Finding, of_body, of_frame
from lumeai_cli.wire.event import BackendError
from lumeai_cli.wire.frame import FrameKind
from lumeai_cli.wire.reading import Reading


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
    hits = [(reading, of_body(reading)) for reading in case.of(*ANSWERING) if reading.status == 429]
    if hits:
        headers = hits[0][0].headers
        after = next((value for key, value in headers if key.lower() == "retry-after"), "")
        yield from found("rate-limited", hits, {"said": said(hits[0][0]), "retry_after": after[:40]})


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


ENTRIES = (
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
    Diagnosis("LUM403", "rate-limited", Family.ERROR, _limited),
    Diagnosis("LUM404", "request-refused", Family.ERROR, _refused),
)
