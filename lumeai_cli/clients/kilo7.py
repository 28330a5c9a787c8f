"""Kilo Code 7 (extension and CLI), an opencode engine on AI SDK 6: native tools only, no XML.

Run: Kilo CLI 7.7.9 against misbehaving servers, headless, 2026-11; where it was not run, AI SDK
`@ai-sdk/openai-compatible` 2.0.48 and 2.0.91 were.
"""

from lumeai_cli.clients.outcome import OK, SILENT, Outcome, OutcomeKind, Words, error, retry
from lumeai_cli.clients.profile import (
    AS_TEXT,
    Profile,
    Protocol,
    redirect,
    shown_as_text,
    status_phrase,
    without_answer,
)
from lumeai_cli.wire.event import BackendError, CallPart, Event, Finish, Odd, OddKind, Reasoning, Refusal, Text, Via
from lumeai_cli.wire.frame import FrameKind
from lumeai_cli.wire.reading import Reading

EMPTY = Outcome(OutcomeKind.EMPTY, Words("Error: run ended without an assistant message; the model returned no output"))
"""One request, exit code 1; at least fourteen different faults give this one sentence."""

FILTERED = error("Error: The response was blocked by the provider's content filter")

INVALID_INPUT = Outcome(
    OutcomeKind.NUDGE,
    Words("Error: Invalid input for tool: JSON parsing failed (told to the model, which tries again)"),
)

_INVALID = frozenset(
    {
        OddKind.NO_CHOICES,
        OddKind.NOT_AN_OBJECT,
        OddKind.BAD_CHOICES,
        OddKind.CONTENT_PARTS,
        OddKind.BAD_CONTENT,
        OddKind.FOREIGN_ROLE,
        OddKind.BAD_USAGE,
        OddKind.BAD_CALLS,
        OddKind.CALL_BAD_ID,
        OddKind.CALL_BAD_ARGUMENTS,
        OddKind.EVENT_ERROR,
    }
)
"""Oddities that its chunk schema refuses."""

_SHOWN_AT_ONCE = frozenset({"invalid_request_error", ""})


def judge(reading: Reading) -> Outcome | None:
    """What `kilo run` shows for this streamed answer; it never asks without streaming."""
    if not reading.asked.stream:
        return None
    early = without_answer(reading, "Error: Unable to connect") or redirect(reading)
    if early is not None:
        return early
    if not reading.ok:
        return _status(reading)
    return _stream(reading)


def _status(reading: Reading) -> Outcome:
    """4xx are shown at once; 5xx and 429 after five silent repeats, 413 and a full window after a compaction."""
    words = f"Error: {status_phrase(reading)}"
    status = reading.status or 0
    if status in (413, 429) or status >= 500 or "context length" in words:
        return retry(words)
    return error(words)


def _stream(reading: Reading) -> Outcome:
    # The AI SDK reads on after `[DONE]`.
    seen = [frame.kind is FrameKind.EVENT and frame.terminated for frame in reading.frames]
    text, reasoning, finish, said = "", False, "", False
    opened: set[int] = set()
    for event in reading.events:
        if not seen[event.frame]:
            continue
        failure = _failure(event, opened, said=said)
        if failure is not None:
            return failure
        if isinstance(event, Text) and event.via is Via.DELTA:
            text += event.text
            said = True
        elif isinstance(event, Reasoning):
            reasoning = True
        elif isinstance(event, Finish):
            finish = event.reason
    if not reading.ending.clean:
        return retry("Error: Connection reset by server")
    if any(call.arguments and not call.well_formed for call in reading.heard.calls):
        return INVALID_INPUT
    if not opened and shown_as_text(reading, text):
        return AS_TEXT
    if text.strip() or opened:
        return OK
    if finish == "content_filter":
        return FILTERED
    return SILENT if reasoning or any(isinstance(event, Refusal) for event in reading.events) else EMPTY


def _failure(event: Event, opened: set[int], *, said: bool) -> Outcome | None:
    """The error that this event raises; None if it goes on. `opened` notes the tool calls that have begun."""
    if isinstance(event, BackendError):
        if event.shape == "string":
            return error(f'Error: Type validation failed: Value: {{"error":"{event.message}"}}')
        words = f"Error: {event.message}"
        return error(words) if said or event.type in _SHOWN_AT_ONCE else retry(words)
    if isinstance(event, Odd):
        if event.kind in (OddKind.BROKEN_JSON, OddKind.SEVERAL_IN_ONE):
            return error("Error: JSON parsing failed")
        if event.kind in _INVALID:
            return error("Error: Type validation failed")
        if event.kind is OddKind.CALL_NO_INDEX:
            opened.clear()  # without an index every piece is taken for a new call, which must bring its own id
        return _NO_ID if event.kind is OddKind.CALL_NO_ID else None
    if isinstance(event, CallPart) and event.via is Via.DELTA and event.slot not in opened:
        if not event.name:
            return error("Error: Expected 'function.name' to be a string.") if event.id else _NO_ID
        opened.add(event.slot)
    return None


_NO_ID = error("Error: Expected 'id' to be a string.")


PROFILE = Profile(
    "kilo7",
    "Kilo Code 7",
    Protocol.NATIVE,
    "Kilo CLI 7.7.9; the 7.x extension shares its engine",
    "Kilo CLI 7.7.9 run headless",
    judge,
)
