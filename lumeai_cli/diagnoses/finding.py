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


def excerpt(data: bytes, limit: int = EXCERPT, telling: int = 0) -> str:
    """These bytes as one line of text that any terminal can show; if there are too many, what comes before the place
    that tells something goes first, then the middle.

    Control characters become escapes, line ends too.
    """
    if telling > HEAD and len(visible(data[: 4 * limit].decode("utf-8", "replace"))) > limit:
        head = data[:HEAD].decode("utf-8", "replace")
        return f"{visible(head)} ... {excerpt(data[telling:], limit - len(head) - 5)}"
    if len(data) > 4 * limit:
        data = data[: 3 * limit] + b"..." + data[-limit:]
    text = visible(data.decode("utf-8", "replace"))
    if len(text) > limit:
        tail = limit // 4
        text = f"{text[: limit - tail - 5]} ... {text[-tail:]}"
    return text


HEAD = 12
"""Bytes of a frame that are shown although what tells something comes later."""

CHOICES = re.compile(rb'"choices"')


def span(
    reading: Reading, start: int, end: int, at: float | None = None, sign: re.Pattern[bytes] | None = None
) -> Evidence:
    """Evidence from a piece of a body; three dots where it begins or ends within a line. `sign` stands where the piece
    begins to tell something.
    """
    piece = reading.body[start:end]
    told = sign.search(piece) if sign is not None else None
    before = "... " if start and reading.body[start - 1 : start] not in (b"\r", b"\n") else ""
    behind = " ..." if end < len(reading.body) and piece[-1:] not in (b"\r", b"\n", b"") else ""
    return Evidence(
        reading.exchange,
        start,
        end,
        round(reading.ending.at if at is None else at, 3),
        before + excerpt(piece, telling=told.start() if told is not None else 0) + behind,
    )


def of_frame(reading: Reading, frame: Frame, sign: re.Pattern[bytes] = CHOICES) -> Evidence:
    """Evidence from one frame. Ids and dates, which come first, tell least."""
    return span(reading, frame.start, frame.end, frame.at, sign)


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

_LINE_END = re.compile(rb"\r?\n(\r?\n)?")


def near(reading: Reading, sign: re.Pattern[bytes]) -> Evidence:
    """Evidence from the last place in a body where this sign stands, in its line; the whole body where it does not."""
    places = list(sign.finditer(reading.body))
    if not places:
        return of_body(reading)
    place = places[-1].start()
    line = _LINE_END.search(reading.body, place, place + BEHIND)
    end = line.end() if line is not None else min(len(reading.body), place + BEHIND)
    begun = max(reading.body.rfind(b"\n", 0, place) + 1, place - BEFORE)
    return span(reading, begun, end)


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
