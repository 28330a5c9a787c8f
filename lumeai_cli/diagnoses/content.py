"""Causes in what was said: nothing, only thoughts, always the same, or prose where a tool was due."""

import re
from collections.abc import Iterator

from lumeai_cli.backends.words import LIMIT, QUOTA, SENTENCE
from lumeai_cli.diagnoses.case import OTHER, PLAIN, STREAMED, TOOL_FORCED, TOOL_RESULT, Case
from lumeai_cli.diagnoses.diagnosis import Diagnosis, Family, found
from lumeai_cli.diagnoses.finding import FINISH, Certainty, Fact, Finding, Severity, near, of_body, of_frame, of_text
from lumeai_cli.wire.event import Reasoning
from lumeai_cli.wire.markup import written_calls
from lumeai_cli.wire.reading import Reading, Shape

UNEXPLAINED = "unexplained-failure"
"""A client fails, and no name of the catalogue fits: said openly, so that nothing sick is called healthy."""

_SPENT = ("length", "content_filter")


def _ended(case: Case) -> Iterator[Reading]:
    """Answers that ended by themselves: of what was cut, nobody knows what would have come."""
    return (reading for reading in case.answers() if reading.ending.clean)


def nothing_generated(reading: Reading) -> bool:
    """Whether a clean answer is empty and not a token was generated for it.

    After a tool's result an empty answer may be right, if the model has thought about it.
    """
    answer, usage = reading.answer, reading.answer.usage
    ended = reading.ok and reading.ending.clean and bool(answer.finish) and answer.finish not in _SPENT
    said = answer.usable or answer.reasoning or answer.refusal or answer.errors
    return ended and not said and usage is not None and usage.completion == 0


def _empty(case: Case) -> Iterator[Finding]:
    hits = []
    for reading in _ended(case):
        answer = reading.answer
        ended = answer.finish if reading.asked.stream else reading.shape is Shape.JSON
        said = answer.usable or answer.reasoning or answer.refusal or answer.errors
        if ended and not said and answer.finish not in _SPENT and reading.shape is not Shape.HTML:
            hits.append((reading, near(reading, FINISH)))
    hits += [(reading, near(reading, FINISH)) for reading in case.of(TOOL_RESULT) if nothing_generated(reading)]
    if hits:
        usage = hits[0][0].answer.usage
        facts: dict[str, Fact] = {
            "finish": hits[0][0].answer.finish or "none",
            "completion_tokens": usage.completion if usage else -1,
        }
        yield from found("empty-answer", hits, facts)


_THOUGHT = re.compile(rb'"reasoning(_content)?"\s*:\s*"[^"]')
_REFUSAL = re.compile(rb'"refusal"\s*:\s*"[^"]')


def _reasoning(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, near(reading, _THOUGHT))
        for reading in _ended(case)
        if reading.heard.reasoning.strip() and not reading.answer.usable and reading.answer.finish not in _SPENT
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
    text = _text(other[0])
    first = [reading for reading in first if _text(reading) == text]
    if first and all(_text(reading) == text for reading in (*other, *tool)):
        hits = [(reading, of_text(reading)) for reading in (*tool, first[-1], *other)]
        yield from found("canned-answer", hits, {"text": text[:120]})


def _text(reading: Reading) -> str:
    heard = reading.heard
    whole = reading.ok and reading.ending.clean and not reading.answer.errors
    return heard.text.strip() if whole and not heard.calls else ""


def _prose(case: Case) -> Iterator[Finding]:
    """Prose where a tool was required. A call that stands in the text, in tags or any markup, is no prose."""
    hits = []
    for reading in _ended(case):
        text = reading.heard.text
        if not reading.asked.wants_tool or reading.answer.calls or not text.strip() or reading.answer.errors:
            continue
        tools = (*reading.asked.tools, *reading.asked.xml_tools)
        if not (written_calls(text) or any(f"<{name}" in text for name in tools)):
            hits.append((reading, of_text(reading)))
    if hits:
        text = " ".join(hits[0][0].heard.text.split())[:120]
        # A model that calls when it is forced to was only in the mood to talk.
        can = any(reading.answer.calls for reading in case.of(TOOL_FORCED))
        certainty = Certainty.LIKELY if can else Certainty.PROVEN
        yield from found("plain-text-instead-of-tool", hits, {"text": text}, certainty)


def _slow(case: Case) -> Iterator[Finding]:
    """A late first byte; of requests that were sent beside others none counts, for they may have queued."""
    hits = [
        (reading, of_body(reading))
        for reading in case.answers()
        if (reading.first_byte_at or 0) > case.slow_after and not reading.asked.together
    ]
    if hits:
        yield from found("slow-first-byte", hits, {"seconds": round(hits[0][0].first_byte_at or 0, 1)})


def _intermittent(case: Case) -> Iterator[Finding]:
    """An empty answer among identical requests of which another succeeds."""
    same = [reading for reading in case.of(STREAMED) if reading.ok and reading.ending.clean and reading.readable]
    empty = [reading for reading in same if not reading.answer.usable and not reading.answer.errors]
    good = [reading for reading in same if reading.shape is Shape.SSE and reading.heard.usable]
    if empty and good:
        # Whatever else came back empty, the same accident explains it.
        others = [r for r in _ended(case) if r not in same and not r.answer.usable and not r.answer.errors]
        hits = [(empty[0], near(empty[0], FINISH)), (good[0], of_text(good[0]))]
        hits += [(reading, near(reading, FINISH)) for reading in (*empty[1:], *others)]
        yield from found("intermittent-empty", hits, {"empty": len(empty), "total": len(same)})


def _spent(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, near(reading, FINISH))
        for reading in _ended(case)
        if reading.answer.finish == "length" and not reading.answer.usable
    ]
    if hits:
        usage = hits[0][0].answer.usage
        facts = {
            "completion_tokens": usage.completion if usage else -1,
            "reasoning": usage.reasoning if usage else -1,
        }
        yield from found("output-budget-spent", hits, facts)


def _filtered(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, near(reading, FINISH))
        for reading in _ended(case)
        if reading.answer.finish == "content_filter" and not reading.answer.usable
    ]
    yield from found("content-filtered", hits)


def _refused(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, near(reading, _REFUSAL))
        for reading in _ended(case)
        if reading.answer.refusal and not reading.answer.usable
    ]
    yield from found("refusal-only", hits, {"text": hits[0][0].answer.refusal[:120] if hits else ""})


def _think_tag(case: Case) -> Iterator[Finding]:
    """A leading `<think>` that is unclosed, or behind which nothing stands, hides the answer from a client."""
    hits = []
    for reading in _ended(case):
        text = reading.heard.text
        hidden = text.startswith("<think>") and not text.partition("</think>")[2].strip()
        if hidden and not reading.answer.calls:
            hits.append((reading, of_text(reading)))
    yield from found("think-tag-swallows-answer", hits, {"text": hits[0][0].heard.text[:120] if hits else ""})


def _quota_text(case: Case) -> Iterator[Finding]:
    """A quota sentence as the assistant's text: short, and about money or limits, whatever was asked."""
    hits = []
    for reading in _ended(case):
        text = reading.heard.text
        if len(text) <= SENTENCE and (QUOTA.search(text) or LIMIT.search(text)):
            hits.append((reading, of_text(reading)))
    yield from found("quota-text-as-answer", hits, {"text": hits[0][0].heard.text[:120] if hits else ""})


FASTEST = 0.002
"""Seconds between two events of the fastest models, which write some hundred tokens a second; llama.cpp on one core,
after 24 s of reading an agent's prompt, needs 0.03 (measured 2026-11)."""


def _buffered(case: Case) -> Iterator[Finding]:
    """Five or more events over two or more seconds that arrive after 90 % of the time, faster than models write.

    A model that reads a long prompt and then answers briefly is late, too, but its events have time between them.
    """
    hits = []
    for reading in _ended(case):
        times = [frame.at for frame in reading.data_events]
        if len(times) >= 5 and reading.ending.at >= 2 and times[0] >= 0.9 * reading.ending.at:
            at_once = times[-1] - times[0] < FASTEST * (len(times) - 1)
            started = reading.headers_at is not None and reading.headers_at < 0.5 * reading.ending.at
            if at_once and started and not reading.asked.together:
                hits.append((reading, of_frame(reading, reading.data_events[0])))
    if hits:
        first = hits[0][0]
        facts = {"events": len(first.data_events), "seconds": round(first.ending.at, 1)}
        yield from found("buffered-stream", hits, facts)


def _left_to_the_judges(_case: Case) -> Iterator[Finding]:
    """Never found in a case alone: the doctor adds it when a client fails and nothing explains it."""
    return iter(())


ENTRIES = (
    Diagnosis("LUM701", "reasoning-only", Family.REASONING, _reasoning),
    Diagnosis("LUM801", "canned-answer", Family.CONTENT, _canned, explains=frozenset({"plain-text-instead-of-tool"})),
    Diagnosis("LUM802", "plain-text-instead-of-tool", Family.TOOLS, _prose),
    Diagnosis("LUM803", "empty-answer", Family.CONTENT, _empty),
    Diagnosis(
        "LUM804",
        "intermittent-empty",
        Family.CONTENT,
        _intermittent,
        explains=frozenset({"empty-answer", "role-only-stream", "zero-events", "done-only", "reasoning-only"}),
    ),
    Diagnosis("LUM805", "content-filtered", Family.CONTENT, _filtered),
    Diagnosis("LUM806", "refusal-only", Family.CONTENT, _refused),
    Diagnosis(
        "LUM807",
        "quota-text-as-answer",
        Family.ERROR,
        _quota_text,
        explains=frozenset({"canned-answer", "plain-text-instead-of-tool"}),
    ),
    Diagnosis("LUM651", "output-budget-spent", Family.BUDGET, _spent),
    Diagnosis(
        "LUM702",
        "think-tag-swallows-answer",
        Family.REASONING,
        _think_tag,
        explains=frozenset({"plain-text-instead-of-tool", "canned-answer"}),
    ),
    Diagnosis("LUM852", "buffered-stream", Family.TIME, _buffered, Severity.WARNING),
    Diagnosis("LUM851", "slow-first-byte", Family.TIME, _slow, Severity.WARNING),
    Diagnosis("LUM999", UNEXPLAINED, Family.TIME, _left_to_the_judges),
)
