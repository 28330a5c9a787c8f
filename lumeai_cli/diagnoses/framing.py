"""Causes in the frames of a stream: they are missing, broken, or break off."""

from collections.abc import Iterator, Sequence

from lumeai_cli.diagnoses.case import Case
from lumeai_cli.diagnoses.diagnosis import Diagnosis, Family, Hit, found
from lumeai_cli.diagnoses.finding import Finding, Severity, of_body, of_frame, span
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
        silent = not (
            spoke
            or reading.answer.finish
            or reading.answer.errors
            or reading.odd(OddKind.BROKEN_JSON, OddKind.SEVERAL_IN_ONE)
        )
        if deltas and silent:
            hits.append((reading, of_frame(reading, deltas[0])))
    yield from found("role-only-stream", hits, {"events": len(hits[0][0].data_events) if hits else 0})


def _broken_frame(case: Case) -> Iterator[Finding]:
    """A whole event, or a whole body, that no JSON parser takes. What was cut, by whomever, is no sign of that."""
    hits: list[Hit] = []
    for reading in case.answers():
        delivered = {id(frame) for frame in reading.data_events}
        broken = [odd for odd in reading.odd(OddKind.BROKEN_JSON) if id(reading.frames[odd.frame]) in delivered]
        if broken:
            hits.append((reading, of_frame(reading, reading.frames[broken[0].frame])))
        elif reading.shape is Shape.TEXT and reading.ending.clean and reading.body.lstrip()[:1] in (b"{", b"["):
            hits.append((reading, of_body(reading)))
    yield from found("broken-json-frame", hits)


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


def _single_newlines(case: Case) -> Iterator[Finding]:
    """Frames parted by one newline: their data lines melt into one event that is no JSON."""
    hits: list[Hit] = []
    for reading in case.answers():
        melted = reading.odd(OddKind.SEVERAL_IN_ONE)
        if melted:
            hits.append((reading, of_frame(reading, reading.frames[melted[0].frame])))
    lines = max((frame.lines for frame in hits[0][0].frames), default=0) if hits else 0
    yield from found("single-newline-framing", hits, {"lines": lines})


def _unterminated(case: Case) -> Iterator[Finding]:
    """The last event lacks its blank line: by the standard it is none, and what it says is lost."""
    hits: list[Hit] = []
    for reading in _streams(case):
        lost = [frame for frame in reading.framed(FrameKind.EVENT) if not frame.terminated and not frame.done]
        if lost and lost[0].lines == 1:
            hits.append((reading, of_frame(reading, lost[0])))
    yield from found("unterminated-last-event", hits)


def _no_finish(case: Case) -> Iterator[Finding]:
    """Content, a clean end, and no finish reason."""
    hits: list[Hit] = []
    for reading in _streams(case):
        heard = reading.heard
        if heard.usable and not reading.answer.finish and not reading.answer.errors and reading.shape is Shape.SSE:
            hits.append((reading, of_frame(reading, reading.data_events[-1])))
    yield from found("missing-finish-reason", hits, {"text": hits[0][0].heard.text[-120:] if hits else ""})


def _no_done(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, of_frame(reading, reading.data_events[-1]))
        for reading in _streams(case)
        if reading.shape is Shape.SSE and reading.data_events and reading.answer.finish and not reading.answer.done
    ]
    yield from found("missing-done", hits)


KNOWN_LIMITS = (60, 100, 300)
"""Seconds after which proxies in between cut: nginx and many load balancers 60, Cloudflare 100, Node's fetch 300."""


def _silence_cut(case: Case) -> Iterator[Finding]:
    """A cut after a silence: at a limit that proxies are known for, or more than once after the same time."""
    cut: list[Reading] = []
    for reading in case.answers():
        last = reading.frames[-1].at if reading.frames else reading.headers_at or 0.0
        if reading.ending.kind in (EndingKind.CUT, EndingKind.RESET) and reading.ending.at - last >= SILENCE:
            cut.append(reading)
    hits = [(reading, of_body(reading)) for reading in cut if _limited(reading, cut)]
    if hits:
        yield from found("silence-cut", hits, {"seconds": round(hits[0][0].ending.at)})


def _limited(reading: Reading, cut: Sequence[Reading]) -> bool:
    at = reading.ending.at
    if any(abs(at - limit) <= SAME_MOMENT for limit in KNOWN_LIMITS):
        return True
    # Requests that were sent together may have met one and the same accident.
    others = [other for other in cut if other is not reading and not (other.asked.together and reading.asked.together)]
    return any(abs(at - other.ending.at) <= 1 for other in others)


SAME_MOMENT = 3.0  # seconds by which a known limit may be missed
SILENCE = 5.0  # seconds without a byte that make a cut one after a silence

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
    Diagnosis(
        "LUM506",
        "single-newline-framing",
        Family.FRAMING,
        _single_newlines,
        explains=frozenset({"broken-json-frame", "role-only-stream", "unterminated-last-event", "zero-events"}),
    ),
    Diagnosis(
        "LUM507", "unterminated-last-event", Family.FRAMING, _unterminated, explains=frozenset({"role-only-stream"})
    ),
    Diagnosis("LUM508", "silence-cut", Family.FRAMING, _silence_cut, explains=frozenset({"stream-cut"})),
    Diagnosis("LUM509", "missing-finish-reason", Family.FRAMING, _no_finish),
    Diagnosis("LUM510", "missing-done", Family.FRAMING, _no_done, Severity.NOTE),
)
