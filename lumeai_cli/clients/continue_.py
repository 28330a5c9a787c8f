"""Continue's terminal agent `cn`, on openai-node: an empty answer is no error, it just ends.

Run: @continuedev/cli 1.5.47 against each wire condition of the tests, headless, 2026-11; source read: its
`util/exponentialBackoff.ts` and `stream/streamChatResponse.helpers.ts`. The editor extension was not run.
"""

from lumeai_cli.clients.complaint import Complaints
from lumeai_cli.clients.deltas import OBJECT, by_id, text_of
from lumeai_cli.clients.outcome import OK, SILENT, Outcome, OutcomeKind, Words, error, retry
from lumeai_cli.clients.profile import (
    AS_TEXT,
    UNTRIED,
    Profile,
    Protocol,
    redirect,
    shown_as_text,
    streamed_events,
    without_answer,
)
from lumeai_cli.clients.stainless import node_status, node_thrown, repeated
from lumeai_cli.wire.event import BackendError, OddKind, Via
from lumeai_cli.wire.reading import Reading

GARBLED = Outcome(
    OutcomeKind.SILENT,
    Words(f"{OBJECT} is shown instead of the answer", f"вместо ответа показано {OBJECT}"),
    quoted=False,
)

_LACKING = Words('Required parameter missing for tool "{}"')
COMPLAINTS = Complaints(Words("Tool {} not found"), _LACKING, _LACKING)

_PASSING_TYPES = frozenset({"server_error", "rate_limit_exceeded"})
_PASSING_WORDS = (
    "premature close",
    "premature end",
    "connection reset",
    "socket hang up",
    "aborted",
    "overloaded",
)
"""The signs of an error in the stream that it repeats ten times."""


def judge(reading: Reading) -> Outcome | None:
    """What `cn` shows for this streamed answer; it never asks without streaming."""
    if not reading.asked.stream:
        return None
    early = without_answer(reading, "Connection error.") or redirect(reading)
    if early is not None:
        return early
    if not reading.ok:
        words = node_status(reading)
        return retry(words) if repeated(reading.status or 0) else error(words)
    return _stream(reading)


def _stream(reading: Reading) -> Outcome:
    events = streamed_events(reading)
    for event in events:
        thrown = node_thrown(event)
        if thrown:
            return retry(thrown) if isinstance(event, BackendError) and _passes(event) else error(thrown)
    if not reading.ending.clean:
        return retry("terminated")
    if reading.odd(OddKind.BAD_CALLS, OddKind.BAD_CONTENT):
        return UNTRIED
    calls = by_id(events)
    if calls:
        return COMPLAINTS.about(calls, reading.asked) or OK
    text = text_of(events, Via.DELTA)
    if shown_as_text(reading, text):
        return AS_TEXT
    if OBJECT in text:
        return GARBLED
    return OK if text.strip() else SILENT


def _passes(failure: BackendError) -> bool:
    """Whether it takes an error for one that passes."""
    lowered = failure.message.lower()
    return failure.type in _PASSING_TYPES or any(words in lowered for words in _PASSING_WORDS)


PROFILE = Profile(
    "continue",
    "Continue",
    Protocol.NATIVE,
    "Continue CLI (cn) 1.5; not the editor extension",
    "Continue CLI 1.5.47 run headless",
    judge,
)
