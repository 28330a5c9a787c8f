"""Qwen Code, a gemini-cli descendant on openai-node: the one client here that looks at the content type.

Run: Qwen Code 0.24.4 against misbehaving servers, 2026-11; source read: `core/geminiChat.ts`. It turns XML tags of
known tools that stand in a text into calls by itself.
"""

from lumeai_cli.clients.outcome import OK, SILENT, Outcome, OutcomeKind, Words, error
from lumeai_cli.clients.profile import (
    AS_TEXT,
    Profile,
    Protocol,
    redirect,
    shown_as_text,
    streamed_events,
    without_answer,
)
from lumeai_cli.clients.stainless import node_thrown, quoted_body
from lumeai_cli.wire.event import CallPart, Finish, Odd, OddKind, Reasoning, Text, Via
from lumeai_cli.wire.reading import Reading
from lumeai_cli.wire.xmltags import find_calls

NO_FINISH = Outcome(OutcomeKind.EMPTY, Words("Model stream ended without a finish reason."))
NO_TEXT = Outcome(OutcomeKind.EMPTY, Words("Model stream ended with empty response text."))

_LABELS = ("text/event-stream", "text/plain", "")


def judge(reading: Reading) -> Outcome | None:
    """What the terminal shows for this streamed answer; it never asks without streaming."""
    if not reading.asked.stream:
        return None
    early = without_answer(reading, "[API Error: Connection error.]") or redirect(reading)
    if early is not None:
        return early
    if not reading.ok:
        status = reading.status or 0
        words = f"[API Error: {status} {quoted_body(reading)}]"
        # Measured: 24 requests in 100 s for a 500, and no end.
        return error(words) if 400 <= status < 500 and status != 429 else Outcome(OutcomeKind.LOOP, Words(words))
    if reading.content_type not in _LABELS:
        return error(
            f"Streaming request received a non-SSE response (HTTP {reading.status}, "
            f"Content-Type: {reading.content_type})."
        )
    return _stream(reading)


def _stream(reading: Reading) -> Outcome:
    called = thought = finished = False
    text = ""
    for event in streamed_events(reading):
        thrown = node_thrown(event)
        if thrown:
            return error(f"[API Error: {thrown}]")
        if isinstance(event, Odd) and event.kind is OddKind.CALL_NO_INDEX:
            return error("[API Error: Invalid tool call index]")
        called = called or (isinstance(event, CallPart) and event.via is Via.DELTA)
        finished = finished or isinstance(event, Finish)
        thought = thought or isinstance(event, Reasoning)
        if isinstance(event, Text) and event.via is Via.DELTA:
            text += event.text
    if not reading.ending.clean:
        return error("[API Error: terminated]")
    if called or find_calls(text, reading.asked.tools):
        return OK
    if shown_as_text(reading, text):
        return AS_TEXT
    if not finished:
        return NO_FINISH
    if text.strip():
        return OK
    return SILENT if thought else NO_TEXT


PROFILE = Profile(
    "qwen-code",
    "Qwen Code",
    Protocol.NATIVE,
    "Qwen Code 0.24",
    "Qwen Code 0.24.4 run headless",
    judge,
)
