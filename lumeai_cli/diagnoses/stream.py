"""Causes in the kind of body: a stream where one JSON body is due, or the opposite, or a label that lies."""

from collections.abc import Iterator
from dataclasses import replace

from lumeai_cli.diagnoses.case import PLAIN, Case
from lumeai_cli.diagnoses.diagnosis import QUOTED, Diagnosis, Family, found
from lumeai_cli.diagnoses.finding import Fact, Finding, Severity, of_body, of_frame, of_header
from lumeai_cli.wire.event import OddKind
from lumeai_cli.wire.frame import FrameKind
from lumeai_cli.wire.reading import Reading, Shape

_TOLERATED = ("text/plain", "")
"""Labels that no client here minds, although `text/event-stream` is due."""


def has_choices(reading: Reading) -> bool:
    """Whether a JSON body carries `choices`, as a completion does."""
    return (
        reading.shape is Shape.JSON
        and not reading.odd(OddKind.NO_CHOICES, OddKind.NOT_AN_OBJECT, OddKind.BAD_CHOICES)
        and not reading.answer.errors
    )


def _json_for_stream(case: Case) -> Iterator[Finding]:
    """The body is proof enough; the same request without streaming, quoted beside it, shows that it was not read."""
    hits = [(reading, of_body(reading)) for reading in case.answers() if reading.asked.stream and has_choices(reading)]
    if not hits:
        return
    first = hits[0][0]
    twin = next((reading for reading in case.of(PLAIN) if reading.ok and has_choices(reading)), None)
    facts: dict[str, Fact] = {
        "bytes": len(first.body),
        "content_type": first.content_type,
        "text": first.answer.text[:120],
    }
    (finding,) = found("json-for-stream", hits, facts)
    if twin is not None:
        finding = replace(finding, evidence=(finding.evidence[0], of_body(twin), *finding.evidence[1:])[:QUOTED])
    yield finding


def _sse_for_plain(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, of_frame(reading, reading.framed(FrameKind.EVENT)[0]))
        for reading in case.answers()
        if not reading.asked.stream and reading.framed(FrameKind.EVENT)
    ]
    yield from found("sse-for-plain", hits, {"content_type": hits[0][0].content_type if hits else ""})


def _ndjson(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, of_frame(reading, reading.framed(FrameKind.LINE)[0]))
        for reading in case.answers()
        if reading.asked.stream and reading.shape is Shape.NDJSON and not reading.answer.errors
    ]
    yield from found("ndjson-for-sse", hits, {"lines": len(hits[0][0].framed(FrameKind.LINE)) if hits else 0})


def _label(case: Case) -> Iterator[Finding]:
    """A good stream under a wrong label; a client refuses some of them (Qwen Code 0.24 does, measured 2026-11)."""
    hits = [
        (reading, of_header(reading, "content-type"))
        for reading in case.answers()
        if reading.asked.stream and reading.framed(FrameKind.EVENT) and reading.content_type != "text/event-stream"
    ]
    hits.sort(key=lambda hit: hit[0].content_type in _TOLERATED)
    if hits:
        label = hits[0][0].content_type
        at_most = Severity.NOTE if label in _TOLERATED else Severity.ERROR
        yield from found("wrong-content-type", hits, {"content_type": label}, at_most=at_most)


ENTRIES = (
    Diagnosis("LUM301", "json-for-stream", Family.STREAM, _json_for_stream),
    Diagnosis("LUM302", "sse-for-plain", Family.STREAM, _sse_for_plain),
    Diagnosis("LUM303", "ndjson-for-sse", Family.STREAM, _ndjson, explains=frozenset({"zero-events"})),
    Diagnosis("LUM304", "wrong-content-type", Family.STREAM, _label),
)
