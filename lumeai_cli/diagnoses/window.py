"""Causes in the model's window: the prompt is longer than what the server reads of it, and it does not say so."""

from collections.abc import Iterator

from lumeai_cli.diagnoses.case import AGENT_NATIVE, AGENT_XML, STREAMED, TOOL_NATIVE, TOOL_XML, Case
from lumeai_cli.diagnoses.diagnosis import Diagnosis, Family, found
from lumeai_cli.diagnoses.finding import Certainty, Finding, of_body
from lumeai_cli.wire.reading import Reading

LOST = 0.6
"""Below this share of the expected tokens a part was lost; tokenizers differ by far less between two texts."""

PLAUSIBLE = (0.08, 1.2)
"""Tokens a character that a real count lies between; servers that make their numbers up do not."""


def _truncated(case: Case) -> Iterator[Finding]:
    """The server's own token count stops growing with the prompt.

    The expected count is calibrated from the short prompts of the same target. Two large prompts of different sizes
    with one and the same count prove it; a single one that counts far too few makes it likely.
    """
    share = _tokens_a_character(case)
    if share is None:
        return
    short = [
        reading
        for reading in case.of(AGENT_XML, AGENT_NATIVE)
        if reading.ok and 0 < _counted(reading) < LOST * share * reading.asked.prompt_chars
    ]
    if not short:
        return
    counts = {_counted(reading) for reading in short}
    sizes = {reading.asked.prompt_chars for reading in short}
    level = len(sizes) > 1 and max(counts) - min(counts) <= 0.02 * max(counts)
    longest = max(short, key=lambda reading: reading.asked.prompt_chars)
    yield from found(
        "context-truncated",
        [(reading, of_body(reading)) for reading in short],
        {
            "window": max(counts),
            "sent": round(share * longest.asked.prompt_chars),
            "counted": _counted(longest),
        },
        Certainty.PROVEN if level else Certainty.LIKELY,
    )


def _tokens_a_character(case: Case) -> float | None:
    """What this server counts for a character of a short prompt; None where its numbers do not grow with the text."""
    tiny = [_counted(reading) for reading in case.of(STREAMED) if reading.ok and _counted(reading) > 0]
    small = [reading for reading in case.of(TOOL_XML, TOOL_NATIVE) if reading.ok and _counted(reading) > 0]
    if not tiny or not small or any(_counted(reading) <= tiny[0] for reading in small):
        return None
    longest = max(small, key=lambda reading: reading.asked.prompt_chars)
    share = _counted(longest) / longest.asked.prompt_chars
    return share if PLAUSIBLE[0] <= share <= PLAUSIBLE[1] else None


def _counted(reading: Reading) -> int:
    usage = reading.answer.usage
    return usage.prompt if usage is not None else 0


ENTRIES = (
    Diagnosis(
        "LUM632",
        "context-truncated",
        Family.WINDOW,
        _truncated,
        explains=frozenset({"plain-text-instead-of-tool", "empty-answer", "canned-answer", "role-only-stream"}),
    ),
)
