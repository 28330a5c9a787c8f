"""Causes in the dialect: the frames are good JSON, but say their piece under another name, or with another type."""

import re
from collections.abc import Callable, Iterator, Mapping

from lumeai_cli.diagnoses.case import Case
from lumeai_cli.diagnoses.diagnosis import Detector, Diagnosis, Family, Hit, found
from lumeai_cli.diagnoses.finding import CHOICES, Finding, of_frame
from lumeai_cli.wire.event import Odd, OddKind
from lumeai_cli.wire.reading import Reading, Shape

_SCHEMA = (
    OddKind.NOT_AN_OBJECT,
    OddKind.BAD_CHOICES,
    OddKind.FOREIGN_ROLE,
    OddKind.BAD_USAGE,
    OddKind.BAD_CALLS,
    OddKind.CALL_BAD_ID,
    OddKind.INVALID_UTF8,
)

_FIELDS = {
    OddKind.NOT_AN_OBJECT: "data",
    OddKind.NO_CHOICES: "choices",
    OddKind.BAD_CHOICES: "choices",
    OddKind.FOREIGN_ROLE: "role",
    OddKind.BAD_USAGE: "usage",
    OddKind.BAD_CALLS: "tool_calls",
    OddKind.CALL_BAD_ID: "tool_calls[].id",
    OddKind.INVALID_UTF8: "UTF-8",
}


def odd_hits(
    case: Case, accept: Callable[[Reading, Odd], bool], signs: Mapping[OddKind, re.Pattern[bytes]] | None = None
) -> list[Hit]:
    """The answers in which such an oddity stands, each with the frame of the first, shown from its sign on."""
    hits: list[Hit] = []
    for reading in case.answers():
        first = next((odd for odd in reading.odd(*OddKind) if accept(reading, odd)), None)
        if first is not None:
            sign = (signs or {}).get(first.kind, CHOICES)
            hits.append((reading, of_frame(reading, reading.frames[first.frame], sign)))
    return hits


def odd(name: str, *kinds: OddKind, fact: str = "") -> Detector:
    """A detector for oddities of these kinds; `fact` is the name under which the first one's detail is told."""

    def detect(case: Case) -> Iterator[Finding]:
        hits = odd_hits(case, lambda _, event: event.kind in kinds)
        detail = hits[0][0].odd(*kinds)[0].detail if hits else ""
        yield from found(name, hits, {fact: detail} if fact else {})

    return detect


def _without_choices(reading: Reading) -> bool:
    """Whether a stream delivered events of which none has a choice, and no error."""
    bare = {event.frame for event in reading.odd(OddKind.NO_CHOICES, OddKind.EMPTY_CHOICES)}
    delivered = {id(frame) for frame in reading.data_events}
    events = [number for number, frame in enumerate(reading.frames) if id(frame) in delivered]
    return bool(events) and bare.issuperset(events) and not reading.answer.errors


def _no_choices(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, of_frame(reading, reading.data_events[0]))
        for reading in case.answers()
        if reading.asked.stream and reading.shape is Shape.SSE and _without_choices(reading)
    ]
    keys = hits[0][0].odd(OddKind.NO_CHOICES) if hits else ()
    yield from found("no-choices", hits, {"keys": keys[0].detail if keys else ""})


def _with_choices(reading: Reading) -> bool:
    """Whether a stream delivered an event that has a choice, be there others beside it."""
    bare = reading.odd(OddKind.NO_CHOICES, OddKind.EMPTY_CHOICES, OddKind.BROKEN_JSON, OddKind.NOT_AN_OBJECT)
    other = {event.frame for event in bare} | {event.frame for event in reading.answer.errors}
    delivered = {id(frame) for frame in reading.data_events}
    return any(id(frame) in delivered and number not in other for number, frame in enumerate(reading.frames))


def _schema(case: Case) -> Iterator[Finding]:
    """Any other type or field that makes a judged client fail; whether one does, its judge will say.

    A missing `choices` is that of one event among others that have it.
    """
    mixed = {r.exchange for r in case.answers() if r.asked.stream and r.shape is Shape.SSE and _with_choices(r)}

    def accept(reading: Reading, event: Odd) -> bool:
        if event.kind is OddKind.NO_CHOICES:
            return reading.exchange in mixed
        return event.kind in _SCHEMA

    hits = odd_hits(case, accept, {OddKind.BAD_USAGE: re.compile(rb'"usage"')})
    if hits:
        first = next(event for event in hits[0][0].odd(*_FIELDS) if accept(hits[0][0], event))
        yield from found("bad-chunk-schema", hits, {"field": _FIELDS[first.kind], "shown": first.detail})


def _message(case: Case) -> Iterator[Finding]:
    hits = odd_hits(case, lambda reading, event: reading.asked.stream and event.kind is OddKind.MESSAGE_FOR_DELTA)
    yield from found("message-instead-of-delta", hits)


def _text_field(case: Case) -> Iterator[Finding]:
    hits = odd_hits(case, lambda _, event: event.kind is OddKind.LEGACY_TEXT)
    yield from found("legacy-text-field", hits, {"text": hits[0][0].answer.text[:120] if hits else ""})


_NOTHING_LEFT = frozenset({"role-only-stream", "empty-answer", "missing-finish-reason", "plain-text-instead-of-tool"})

ENTRIES = (
    Diagnosis("LUM601", "no-choices", Family.DIALECT, _no_choices, explains=_NOTHING_LEFT),
    Diagnosis(
        "LUM602",
        "message-instead-of-delta",
        Family.DIALECT,
        _message,
        explains=_NOTHING_LEFT,
    ),
    Diagnosis(
        "LUM603",
        "legacy-function-call",
        Family.DIALECT,
        odd("legacy-function-call", OddKind.FUNCTION_CALL),
        explains=_NOTHING_LEFT | {"tool-call-missing-id"},
    ),
    Diagnosis("LUM604", "legacy-text-field", Family.DIALECT, _text_field, explains=_NOTHING_LEFT),
    Diagnosis(
        "LUM605",
        "content-not-a-string",
        Family.DIALECT,
        odd("content-not-a-string", OddKind.CONTENT_PARTS, OddKind.BAD_CONTENT, fact="shown"),
        explains=_NOTHING_LEFT,
    ),
    Diagnosis("LUM606", "bad-chunk-schema", Family.DIALECT, _schema),
)
