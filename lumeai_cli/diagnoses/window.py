"""Causes in the model's window: the prompt is longer than what the server reads of it, and it does not say so."""

import re
from collections.abc import Iterator

from lumeai_cli.backends.window import window_of
from lumeai_cli.diagnoses.case import (
    AGENT_NATIVE,
    AGENT_XML,
    MODELS,
    RECALL,
    STREAMED,
    TOOL_NATIVE,
    TOOL_XML,
    WINDOW,
    Case,
)
from lumeai_cli.diagnoses.diagnosis import Diagnosis, Family, Hit, found
from lumeai_cli.diagnoses.finding import COUNT, Certainty, Fact, Finding, Severity, near, of_body, of_text
from lumeai_cli.diagnoses.tools import tools_uncounted
from lumeai_cli.wire.reading import Reading

LOST = 0.6
"""Below this share of the expected tokens a part was lost; tokenizers differ by far less between two texts."""

PLAUSIBLE = (0.08, 1.2)
"""Tokens a character that a real count lies between; servers that make their numbers up do not."""

USUAL_SHARE = 0.2
"""Tokens a character of an agent's prompt: 72,000 characters are 13,900 to 15,000 tokens (measured with two tokenizers,
2026-11)."""

SMALLEST_AGENT = 57_800
"""Characters of the smaller of the two requests that stand for agents."""


def truncated_by_count(case: Case) -> tuple[Reading, ...]:
    """The large prompts of which the server's own token count says that a part was lost.

    The expected count is calibrated from the short prompts of the same target. Tools that are never counted are
    missing from large prompts as well.
    """
    share = _tokens_a_character(case)
    if share is None:
        return ()
    return tuple(
        reading
        for reading in case.of(AGENT_XML, AGENT_NATIVE, RECALL)
        if not (reading.asked.tools and tools_uncounted(case))
        and reading.ok
        and 0 < _counted(reading) < LOST * share * reading.asked.prompt_chars
    )


WORDS = 3  # at the head, in the middle and at the tail


def head_lost(case: Case) -> tuple[Reading, ...]:
    """The control and the large prompt of which the head word is lost, while the tail word and the control are kept."""
    worded = [reading for reading in case.of(RECALL) if len(reading.asked.words) == WORDS]
    asked = sorted(worded, key=lambda reading: reading.asked.prompt_chars)
    if len(asked) < 2:  # the control and the large one
        return ()
    control, large = asked[0], asked[-1]
    head, _, tail = large.asked.words
    kept = all(_says(control, word) for word in (control.asked.words[0], control.asked.words[-1]))
    return (large, control) if kept and _says(large, tail) and not _says(large, head) else ()


def _says(reading: Reading, word: str) -> bool:
    return reading.ok and word.lower() in reading.answer.text.lower()


def _truncated(case: Case) -> Iterator[Finding]:
    """The server's own token count stops growing with the prompt, or the prompt's head is lost and its tail is not.

    Two large prompts of different sizes with one and the same count prove it, and so do a count and the lost head
    together; one sign alone makes it likely.
    """
    short, forgotten = truncated_by_count(case), head_lost(case)
    if not short and not forgotten:
        return
    counts = {_counted(reading) for reading in short}
    sizes = {reading.asked.prompt_chars for reading in short}
    level = len(sizes) > 1 and max(counts) - min(counts) <= 0.02 * max(counts)
    facts: dict[str, Fact] = {}
    if short:
        longest = max(short, key=lambda reading: reading.asked.prompt_chars)
        sent = round((_tokens_a_character(case) or USUAL_SHARE) * longest.asked.prompt_chars)
        facts = {"window": max(counts), "sent": sent, "counted": _counted(longest)}
    if forgotten:
        facts |= {"head": forgotten[0].asked.words[0], "tail": forgotten[0].asked.words[-1]}
    hits: list[Hit] = [(reading, near(reading, COUNT)) for reading in short]
    hits += [(reading, of_text(reading)) for reading in forgotten]
    if forgotten:
        # What shows only in our own question harms no client: the agents' requests, cut likewise, stand beside it.
        hits += [(reading, of_body(reading)) for reading in case.of(AGENT_XML, AGENT_NATIVE) if reading not in short]
    proven = level or (short and forgotten)
    yield from found("context-truncated", hits, facts, Certainty.PROVEN if proven else Certainty.LIKELY)


def _small(case: Case) -> Iterator[Finding]:
    """The window that the server itself states is smaller than an agent's request."""
    window = window_of(case.of(WINDOW, MODELS), case.model)
    if window is None:
        return
    tried = case.of(AGENT_XML, AGENT_NATIVE)
    if any(_counted(reading) > window.tokens for reading in tried):
        return  # it has read more than that already
    chars = max((reading.asked.prompt_chars for reading in tried), default=SMALLEST_AGENT)
    needed = round((_tokens_a_character(case) or USUAL_SHARE) * chars)
    if needed <= window.tokens:
        return
    told = re.compile(rf'"?\b{window.tokens}\b'.encode())
    shown = near(window.told, told)
    yield from found(
        "context-window-small",
        [(window.told, shown), *((reading, shown) for reading in tried)],
        {"window": window.tokens, "needed": needed, "tried": bool(tried)},
        at_most=Severity.ERROR if tried else Severity.WARNING,
    )


def _tokens_a_character(case: Case) -> float | None:
    """What this server counts for a character of a short prompt; None where its numbers do not grow with the text."""
    tiny = [_counted(reading) for reading in case.of(STREAMED) if reading.ok and _counted(reading) > 0]
    small = [reading for reading in case.of(TOOL_XML, TOOL_NATIVE) if reading.ok and _counted(reading) > 0]
    if not tiny or not small or any(_counted(reading) <= tiny[0] for reading in small):
        return None
    longest = max(small, key=lambda reading: reading.asked.prompt_chars)
    share = _counted(longest) / max(1, longest.asked.prompt_chars)
    return share if PLAUSIBLE[0] <= share <= PLAUSIBLE[1] else None


def _counted(reading: Reading) -> int:
    usage = reading.answer.usage
    return usage.prompt if usage is not None else 0


_WITHOUT_INSTRUCTIONS = frozenset({"plain-text-instead-of-tool", "empty-answer", "canned-answer", "role-only-stream"})
"""What a model does that has not read its instructions, or has no room left for an answer."""

ENTRIES = (
    Diagnosis(
        "LUM632",
        "context-truncated",
        Family.WINDOW,
        _truncated,
        explains=_WITHOUT_INSTRUCTIONS | {"context-window-small"},
    ),
    Diagnosis(
        "LUM633",
        "context-window-small",
        Family.WINDOW,
        _small,
        explains=_WITHOUT_INSTRUCTIONS | {"output-budget-spent", "server-error"},
    ),
)
