"""Causes in what was said: nothing, only thoughts, always the same, or prose where a tool was due."""

from collections.abc import Iterator

from lumeai_cli.diagnoses.case import OTHER, PLAIN, STREAMED, Case
from lumeai_cli.diagnoses.diagnosis import Diagnosis, Family, found
from lumeai_cli.diagnoses.finding import Certainty, Finding, Severity, of_body, of_text
from lumeai_cli.wire.event import Reasoning
from lumeai_cli.wire.exchange import EndingKind
from lumeai_cli.wire.markup import written_calls
from lumeai_cli.wire.reading import Reading, Shape

UNEXPLAINED = "unexplained-failure"
"""A client fails, and no name of the catalogue fits: said openly, so that nothing sick is called healthy."""

_SPENT = ("length", "content_filter")


def _empty(case: Case) -> Iterator[Finding]:
    hits = []
    for reading in case.answers():
        answer = reading.answer
        ended = answer.finish if reading.asked.stream else reading.shape is Shape.JSON
        if (
            ended
            and answer.finish not in _SPENT
            and reading.ending.clean
            and not (answer.usable or answer.reasoning or answer.refusal or answer.errors)
            and reading.shape is not Shape.HTML
        ):
            hits.append((reading, of_body(reading)))
    if hits:
        usage = hits[0][0].answer.usage
        yield from found(
            "empty-answer",
            hits,
            {"finish": hits[0][0].answer.finish or "none", "completion_tokens": usage.completion if usage else -1},
        )


def _reasoning(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, of_body(reading))
        for reading in case.answers()
        if reading.answer.reasoning.strip()
        and not reading.answer.usable
        and reading.answer.finish not in _SPENT
        and reading.ending.clean
    ]
    if hits:
        field = next(event.field for event in hits[0][0].events if isinstance(event, Reasoning))
        yield from found("reasoning-only", hits, {"field": field, "characters": len(hits[0][0].answer.reasoning)})


def _canned(case: Case) -> Iterator[Finding]:
    """The same text to two unrelated prompts and to the tool probe."""
    first = [reading for reading in case.of(STREAMED, PLAIN) if _text(reading)]
    other = [reading for reading in case.of(OTHER) if _text(reading)]
    tool = [reading for reading in case.answers() if reading.asked.wants_tool and _text(reading)]
    if not (first and other and tool):
        return
    text = _text(first[-1])
    same = [reading for reading in (*first[-1:], *other, *tool) if _text(reading) == text]
    if len(same) == 1 + len(other) + len(tool):
        yield from found(
            "canned-answer", [(r, of_text(r)) for r in (*tool, *same[: 1 + len(other)])], {"text": text[:120]}
        )


def _text(reading: Reading) -> str:
    return reading.answer.text.strip() if reading.ok and not reading.answer.calls else ""


def _prose(case: Case) -> Iterator[Finding]:
    """Prose where a tool was required. A call that stands in the text, in tags or any markup, is no prose."""
    hits = []
    for reading in case.answers():
        answer = reading.answer
        if not reading.asked.wants_tool or answer.calls or not answer.text.strip() or answer.errors:
            continue
        tools = (*reading.asked.tools, *reading.asked.xml_tools)
        if not (written_calls(answer.text) or any(f"<{name}" in answer.text for name in tools)):
            hits.append((reading, of_text(reading)))
    if hits:
        yield from found(
            "plain-text-instead-of-tool",
            hits,
            {"text": " ".join(hits[0][0].answer.text.split())[:120]},
            Certainty.PROVEN,
        )


def _slow(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, of_body(reading))
        for reading in case.answers()
        if reading.first_byte_at is not None
        and reading.first_byte_at > case.slow_after
        and reading.ending.kind is not EndingKind.CANCELLED
    ]
    if hits:
        yield from found("slow-first-byte", hits, {"seconds": round(hits[0][0].first_byte_at or 0, 1)})


def _left_to_the_judges(_case: Case) -> Iterator[Finding]:
    """Never found in a case alone: the doctor adds it when a client fails and nothing explains it."""
    return iter(())


ENTRIES = (
    Diagnosis("LUM701", "reasoning-only", Family.REASONING, _reasoning),
    Diagnosis("LUM801", "canned-answer", Family.CONTENT, _canned, explains=frozenset({"plain-text-instead-of-tool"})),
    Diagnosis("LUM802", "plain-text-instead-of-tool", Family.TOOLS, _prose),
    Diagnosis("LUM803", "empty-answer", Family.CONTENT, _empty),
    Diagnosis("LUM851", "slow-first-byte", Family.TIME, _slow, Severity.WARNING),
    Diagnosis("LUM999", UNEXPLAINED, Family.TIME, _left_to_the_judges),
)
