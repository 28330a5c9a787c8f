"""opencode, the terminal agent from which Kilo 7 descends, on AI SDK 6: what has no finish reason is asked for ever.

Run: opencode 1.18.33 against misbehaving servers, headless, 2026-11.
"""

from lumeai_cli.clients.ai_sdk import Release, turn
from lumeai_cli.clients.kilo7 import COMPLAINTS, FILTERED, status
from lumeai_cli.clients.outcome import OK, SILENT, Outcome, OutcomeKind, Words, error, retry
from lumeai_cli.clients.profile import AS_TEXT, UNTRIED, Profile, Protocol, redirect, shown_as_text, without_answer
from lumeai_cli.wire.reading import Reading

LOOP = Outcome(
    OutcomeKind.LOOP,
    Words(
        "nothing is shown; the same request goes out about once a second",
        "ничего не показано; один и тот же запрос уходит примерно раз в секунду",
    ),
    quoted=False,
)

_PASSING = frozenset({"server_error", "rate_limit_exceeded"})
"""Types of a server's own error in the stream after which it asks five times more."""

FINAL = frozenset({"stop", "length", "content_filter"})
"""Finish reasons after which a turn without a tool call ends; every other one asks again."""


def judge(reading: Reading) -> Outcome | None:
    """What `opencode run` shows for this streamed answer; it never asks without streaming."""
    if not reading.asked.stream:
        return None
    early = without_answer(reading, "Error: Unable to connect") or redirect(reading)
    if early is not None:
        return early
    return _stream(reading) if reading.ok else status(reading)


def _stream(reading: Reading) -> Outcome:
    if reading.status == 204:
        return UNTRIED
    said = turn(reading, Release(wants_error=True))
    if said.failure is not None:
        words = f"Error: {said.failure.message}"
        return retry(words) if said.failure.kind in _PASSING else error(words)
    if not reading.ending.clean:
        return retry("Error: Connection reset by server")
    if said.calls:
        return COMPLAINTS.about(reading.heard.calls, reading.asked) or OK
    if said.finish not in FINAL:
        return LOOP
    if shown_as_text(reading, said.text):
        return AS_TEXT
    if said.finish == "content_filter":
        return FILTERED
    return OK if said.text.strip() else SILENT


PROFILE = Profile(
    "opencode",
    "opencode",
    Protocol.NATIVE,
    "opencode 1.18",
    "opencode 1.18.33 run headless",
    judge,
)
