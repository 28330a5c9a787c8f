"""Kilo Code 7 (extension and CLI), an opencode engine on AI SDK 6: native tools only, no XML.

Run: Kilo CLI 7.7.9 against misbehaving servers, headless, 2026-11; where it was not run, AI SDK
`@ai-sdk/openai-compatible` 2.0.48 and 2.0.91 were.
"""

from lumeai_cli.clients.ai_sdk import Release, status_phrase, turn
from lumeai_cli.clients.complaint import Complaints
from lumeai_cli.clients.outcome import OK, SILENT, Outcome, OutcomeKind, Words, error, retry
from lumeai_cli.clients.profile import AS_TEXT, Profile, Protocol, redirect, shown_as_text, without_answer
from lumeai_cli.clients.stainless import repeated
from lumeai_cli.wire.reading import Reading

EMPTY = Outcome(OutcomeKind.EMPTY, Words("Error: run ended without an assistant message; the model returned no output"))
"""One request, exit code 1; at least fourteen different faults give this one sentence."""

FILTERED = error("Error: The response was blocked by the provider's content filter")

COMPLAINTS = Complaints(
    Words("Model tried to call unavailable tool '{}'."),
    Words("The {} tool was called with invalid arguments"),
    Words("Error: Invalid input for tool {}: JSON parsing failed"),
)
"""Told to the model, which tries again."""

_SHOWN_AT_ONCE = frozenset({"invalid_request_error", ""})
"""Types of a server's own error in the stream that are not repeated; the others are, unless text was sent."""


def judge(reading: Reading) -> Outcome | None:
    """What `kilo run` shows for this streamed answer; it never asks without streaming."""
    if not reading.asked.stream:
        return None
    early = without_answer(reading, "Error: Unable to connect") or redirect(reading)
    if early is not None:
        return early
    return _stream(reading) if reading.ok else status(reading)


def status(reading: Reading) -> Outcome:
    """Shown at once, or after five silent repeats where that may help; 413 and a full window after a compaction."""
    words = f"Error: {status_phrase(reading)}"
    again = repeated(reading.status or 0) or reading.status == 413 or "context length" in words
    return retry(words) if again else error(words)


def _stream(reading: Reading) -> Outcome:
    said = turn(reading, Release())
    if said.failure is not None:
        words = f"Error: {said.failure.message}"
        passes = said.failure.kind not in (*_SHOWN_AT_ONCE, None)
        return retry(words) if passes and not said.text else error(words)
    if not reading.ending.clean:
        return retry("Error: Connection reset by server")
    if said.calls:
        return COMPLAINTS.about(reading.heard.calls, reading.asked) or OK
    if shown_as_text(reading, said.text):
        return AS_TEXT
    if said.text.strip():
        return OK
    if said.finish == "content_filter":
        return FILTERED
    return SILENT if said.reasoning or said.refusal else EMPTY


PROFILE = Profile(
    "kilo7",
    "Kilo Code 7",
    Protocol.NATIVE,
    "Kilo CLI 7.7.9; the 7.x extension shares its engine",
    "Kilo CLI 7.7.9 run headless",
    judge,
)
