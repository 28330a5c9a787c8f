"""A cause that was found, with its facts, its evidence and how sure we are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lumeai_cli.text.visible import visible
from lumeai_cli.wire.event import Text
from lumeai_cli.wire.exchange import header
from lumeai_cli.wire.frame import Frame
from lumeai_cli.wire.reading import Reading

EXCERPT = 240  # characters that an excerpt shows at most

Fact = str | int | float | bool


class Severity(StrEnum):
    """Error: at least one judged client does not get its answer. Warning: a measured risk. Note: all else."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Certainty(StrEnum):
    """Proven: the defining bytes were seen, or two probes that differ in one thing reproduced it."""

    PROVEN = "proven"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The bytes `start` to `end` of an exchange's body, which were there `at` seconds after the request."""

    exchange: str
    start: int
    end: int
    at: float
    excerpt: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnosis that holds. `exchanges` are all in which it shows; `evidence` quotes the first few.

    `at_most` lowers the diagnosis' own severity for this case.
    """

    name: str
    certainty: Certainty = Certainty.PROVEN
    facts: Mapping[str, Fact] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    exchanges: tuple[str, ...] = ()
    at_most: Severity = Severity.ERROR


def excerpt(data: bytes, limit: int = EXCERPT) -> str:
    """These bytes as one line of text that any terminal can show; the middle goes if there are too many.

    Control characters become escapes, line ends too.
    """
    if len(data) > 4 * limit:
        data = data[: 3 * limit] + b"..." + data[-limit:]
    text = visible(data.decode("utf-8", "replace"))
    if len(text) > limit:
        tail = limit // 4
        text = f"{text[: limit - tail - 5]} ... {text[-tail:]}"
    return text


def span(reading: Reading, start: int, end: int, at: float | None = None) -> Evidence:
    """Evidence from a piece of a body."""
    return Evidence(
        reading.exchange,
        start,
        end,
        round(reading.ending.at if at is None else at, 3),
        excerpt(reading.body[start:end]),
    )


def of_frame(reading: Reading, frame: Frame) -> Evidence:
    """Evidence from one frame."""
    return span(reading, frame.start, frame.end, frame.at)


def of_body(reading: Reading) -> Evidence:
    """Evidence from a whole body; where there is none, the status line or the ending speaks."""
    if reading.body:
        return span(reading, 0, len(reading.body))
    if reading.status is not None:
        said = f"HTTP {reading.status}, {reading.content_type or 'no content-type'}, 0 bytes, {reading.ending.kind}"
    else:
        said = reading.ending.detail or reading.ending.kind.value
    return Evidence(reading.exchange, 0, 0, round(reading.ending.at, 3), excerpt(said.encode()))


BEFORE, BEHIND = 60, 160
"""Bytes that are shown around a telling place in a body."""


def near(reading: Reading, sign: re.Pattern[bytes]) -> Evidence:
    """Evidence from the last place in a body where this sign stands; the whole body where it does not."""
    places = list(sign.finditer(reading.body))
    if not places:
        return of_body(reading)
    last = places[-1]
    return span(reading, max(0, last.start() - BEFORE), min(len(reading.body), last.start() + BEHIND))


COUNT = re.compile(rb'"(prompt_tokens|prompt_eval_count|input_tokens)"')
FINISH = re.compile(rb'"finish_reason"\s*:\s*"')


def of_header(reading: Reading, name: str) -> Evidence:
    """Evidence from a header, or from its absence."""
    told = f"{name}: {header(reading.headers, name) or '-'}"
    return Evidence(reading.exchange, 0, 0, round(reading.headers_at or reading.ending.at, 3), excerpt(told.encode()))


def of_text(reading: Reading) -> Evidence:
    """Evidence from the frame in which the answer's text begins; the body where there is no text."""
    first = next((event for event in reading.events if isinstance(event, Text)), None)
    return of_body(reading) if first is None else of_frame(reading, reading.frames[first.frame])
