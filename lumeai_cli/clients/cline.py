"""Cline of 2026 (extension 4.1, CLI 3), on AI SDK 7: native tools only, and a turn of text is a complete one.

Run: Cline CLI 3.0.65 (`@ai-sdk/openai-compatible` 3.0.37) against the wire conditions of the tests, headless, 2026-11;
source read: cline/cline 4.1.13 (`agent-runtime.ts`, `retry-empty-response.ts`).
"""

from lumeai_cli.clients.ai_sdk import Release, status_phrase, turn
from lumeai_cli.clients.complaint import Complaints, mended
from lumeai_cli.clients.outcome import OK, SILENT, Outcome, OutcomeKind, Words, error, retry
from lumeai_cli.clients.profile import AS_TEXT, UNTRIED, Profile, Protocol, redirect, shown_as_text, without_answer
from lumeai_cli.clients.stainless import repeated
from lumeai_cli.wire.reading import Reading

EMPTY = Outcome(OutcomeKind.EMPTY, Words("error: Model returned empty response"))
"""The third request's; after finish tool_calls or content_filter the first one's."""

UNFINISHED = error("error: Response stream ended without a finish reason.")
"""Even after a good text; a tool call alone needs no finish reason."""

CUT = "error: The socket connection was closed unexpectedly."
"""Three requests where nothing had come, else one."""

CUT_SHORT = retry("error: Model reached the maximum output token limit before completing the turn")
"""After three nudges for a shorter answer."""

RELEASE = Release(wants_index=False, wants_error=True)

COMPLAINTS = Complaints(
    Words("Model tried to call unavailable tool '{}'."),
    Words("Invalid input"),
    Words(
        "Tool call {} emitted invalid JSON arguments: Tool call arguments must be encoded as a JSON object or array."
    ),
)


def judge(reading: Reading) -> Outcome | None:
    """What `cline` shows for this streamed answer; it never asks without streaming."""
    if not reading.asked.stream:
        return None
    early = without_answer(reading, "error: Cannot connect to API") or redirect(reading)
    if early is not None:
        return early
    if not reading.ok:
        words = f"error: {status_phrase(reading)}"
        return retry(words) if repeated(reading.status or 0) else error(words)
    return _stream(reading)


def _stream(reading: Reading) -> Outcome:
    if reading.status == 204:
        return UNTRIED
    said = turn(reading, RELEASE)
    if said.failure is not None:
        return error(f"error: {said.failure.message}")
    if not reading.ending.clean:
        return error(CUT) if said.text or said.reasoning or said.calls else retry(CUT)
    if said.calls:
        calls = [mended(call, ("{", "[")) for call in reading.heard.calls]
        return COMPLAINTS.about(calls, reading.asked) or OK
    if not said.finish:
        return UNFINISHED
    if said.finish == "length":
        return CUT_SHORT
    if shown_as_text(reading, said.text):
        return AS_TEXT
    if said.text.strip() or said.reasoning:
        return OK
    return SILENT if said.text else EMPTY


PROFILE = Profile(
    "cline",
    "Cline",
    Protocol.NATIVE,
    "Cline 4.1, Cline CLI 3.0.65",
    "Cline CLI 3.0.65 run headless; source of 4.1.13",
    judge,
)
