"""Causes in the frames of a stream: they are missing, broken, or break off."""

from collections.abc import Iterator

from lumeai_cli.diagnoses.case import Case
from lumeai_cli.diagnoses.diagnosis import Diagnosis, Family, Hit, found
from lumeai_cli.diagnoses.finding import Finding, of_body, of_frame, span
from lumeai_cli.wire.event import CallPart, OddKind, Reasoning, Refusal, Text
from lumeai_cli.wire.exchange import EndingKind
from lumeai_cli.wire.frame import FrameKind
from lumeai_cli.wire.reading import Reading, Shape


def _streams(case: Case) -> Iterator[Reading]:
    """Streamed answers that ended by themselves."""
    return (reading for reading in case.answers() if reading.asked.stream and reading.ending.clean)


def _zero(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, of_body(reading))
        for reading in _streams(case)
        if reading.shape is Shape.EMPTY or (reading.frames and not reading.framed(*_NOT_A_COMMENT))
    ]
    yield from found("zero-events", hits, {"bytes": len(hits[0][0].body) if hits else 0})


_NOT_A_COMMENT = tuple(kind for kind in FrameKind if kind is not FrameKind.COMMENT)


def _done_only(case: Case) -> Iterator[Finding]:
    hits = []
    for reading in _streams(case):
        events = reading.framed(FrameKind.EVENT)
        if events and all(frame.done for frame in events) and reading.shape is Shape.SSE:
            hits.append((reading, of_frame(reading, events[0])))
    yield from found("done-only", hits)


def _role_only(case: Case) -> Iterator[Finding]:
    hits: list[Hit] = []
    for reading in _streams(case):
        spoke = any(isinstance(event, Text | Reasoning | Refusal | CallPart) for event in reading.events)
        deltas = [frame for frame in reading.data_events if b'"delta"' in frame.data]
        silent = not (spoke or reading.answer.finish or reading.answer.errors or reading.odd(OddKind.BROKEN_JSON))
        if deltas and silent:
            hits.append((reading, of_frame(reading, deltas[0])))
    yield from found("role-only-stream", hits, {"events": len(hits[0][0].data_events) if hits else 0})


def _broken_frame(case: Case) -> Iterator[Finding]:
    """A whole event, or a whole body, that no JSON parser takes. What was cut, by whomever, is no sign of that."""
    hits: list[Hit] = []
    detail = ""
    for reading in case.answers():
        delivered = {id(frame) for frame in reading.data_events}
        broken = [odd for odd in reading.odd(OddKind.BROKEN_JSON) if id(reading.frames[odd.frame]) in delivered]
        if broken:
            hits.append((reading, of_frame(reading, reading.frames[broken[0].frame])))
            detail = detail or broken[0].detail[:200]
        elif reading.shape is Shape.TEXT and reading.ending.clean and reading.body.lstrip()[:1] in (b"{", b"["):
            hits.append((reading, of_body(reading)))
    yield from found("broken-json-frame", hits, {"detail": detail})


def _cut(case: Case) -> Iterator[Finding]:
    hits = [
        (
            reading,
            span(reading, max(0, len(reading.body) - 200), len(reading.body)) if reading.body else of_body(reading),
        )
        for reading in case.answers()
        if reading.ending.kind in (EndingKind.CUT, EndingKind.RESET, EndingKind.PROTOCOL)
    ]
    if hits:
        ending = hits[0][0].ending
        yield from found("stream-cut", hits, {"detail": ending.detail, "seconds": round(ending.at, 1)})


ENTRIES = (
    Diagnosis("LUM501", "zero-events", Family.FRAMING, _zero),
    Diagnosis("LUM502", "done-only", Family.FRAMING, _done_only),
    Diagnosis("LUM503", "role-only-stream", Family.FRAMING, _role_only),
    Diagnosis(
        "LUM504",
        "broken-json-frame",
        Family.FRAMING,
        _broken_frame,
        explains=frozenset({"empty-answer", "plain-text-instead-of-tool"}),
    ),
    Diagnosis(
        "LUM505", "stream-cut", Family.FRAMING, _cut, explains=frozenset({"empty-answer", "plain-text-instead-of-tool"})
    ),
)
