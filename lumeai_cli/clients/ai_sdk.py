"""The AI SDK's `@ai-sdk/openai-compatible`, the engine of Kilo 7, opencode and Cline: what it makes of an answer.

Its rules change within minor versions, so each client names its release. Run inside the clients: Kilo CLI 7.7.9 and
opencode 1.18.33 (AI SDK 6), Cline CLI 3.0.65 (AI SDK 7, 3.0.37); alone: 2.0.48, 2.0.91 and 3.0.92; 2026-11.
"""

from dataclasses import dataclass
from http import HTTPStatus

from lumeai_cli.clients.stainless import MESSAGE, quoted_body
from lumeai_cli.wire.event import BackendError, CallPart, Event, Finish, Odd, OddKind, Reasoning, Refusal, Text, Via
from lumeai_cli.wire.frame import FrameKind
from lumeai_cli.wire.reading import Reading, Shape

INVALID = frozenset(
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
"""Oddities that the chunk schema refuses, in AI SDK 6 and in 3.0.37 of AI SDK 7."""


@dataclass(frozen=True, slots=True)
class Release:
    """What differs between two releases of which both refuse the `INVALID` shapes."""

    wants_index: bool = True  # a piece without an index is taken for a new call, which must bring its own id
    wants_error: bool = False  # `"error": null` is an error, too


@dataclass(frozen=True, slots=True)
class Failure:
    """What stops the stream. `kind` is the type that the server gave its own error, None if the SDK itself failed."""

    message: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What the client is given of a stream, up to where it failed, if it did."""

    text: str = ""
    reasoning: bool = False
    refusal: bool = False
    calls: int = 0
    broken: bool = False  # the arguments of a call are no JSON object, and not empty
    finish: str = ""
    failure: Failure | None = None


def turn(reading: Reading, release: Release) -> Turn:
    """The turn that a body is for this release: it reads on after `[DONE]`, and sees nothing of a body without SSE."""
    seen = [frame.kind is FrameKind.EVENT and frame.terminated for frame in reading.frames]
    text: list[str] = []
    reasoning = refusal = False
    finish = ""
    opened: set[int] = set()
    failure: Failure | None = None
    for event in reading.events:
        if not seen[event.frame]:
            continue
        failure = _failure(event, opened, release)
        if failure is not None:
            break
        if isinstance(event, Text) and event.via is Via.DELTA:
            text.append(event.text)
        elif isinstance(event, Reasoning):
            reasoning = True
        elif isinstance(event, Refusal):
            refusal = True
        elif isinstance(event, Finish):
            finish = event.reason
    broken = any(call.arguments and not call.well_formed for call in reading.heard.calls)
    return Turn("".join(text), reasoning, refusal, len(opened), broken, finish, failure)


def _failure(event: Event, opened: set[int], release: Release) -> Failure | None:
    """What this event raises; None if it goes on. `opened` notes the tool calls that have begun."""
    if isinstance(event, BackendError):
        if event.shape == "object":
            return Failure(event.message, event.type)
        shown = f'{{"error":"{event.message}"}}' if event.shape == "string" else event.message
        return Failure(f"Type validation failed: Value: {shown}")
    if isinstance(event, Odd):
        if event.kind in (OddKind.BROKEN_JSON, OddKind.SEVERAL_IN_ONE):
            return Failure("JSON parsing failed")
        if event.kind in INVALID:
            return Failure("Type validation failed")
        if event.kind is OddKind.ERROR_NULL and release.wants_error:
            return Failure("null")
        if event.kind is OddKind.CALL_NO_INDEX and release.wants_index:
            opened.clear()
        return _NO_ID if event.kind is OddKind.CALL_NO_ID else None
    if isinstance(event, CallPart) and event.via is Via.DELTA and event.slot not in opened:
        if not event.name:
            return Failure("Expected 'function.name' to be a string.") if event.id else _NO_ID
        opened.add(event.slot)
    return None


_NO_ID = Failure("Expected 'id' to be a string.")


def status_phrase(reading: Reading) -> str:
    """What the SDK says of an HTTP error: `error.message`, else the status in words and a body that is no page."""
    errors = reading.answer.errors
    if errors and errors[0].shape == "object":
        return errors[0].message[:MESSAGE]
    status = reading.status or 0
    try:
        words = _PHRASES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        words = f"HTTP {status}"
    body = errors[0].message[:MESSAGE] if errors else quoted_body(reading)
    return f"{words}: {body}" if body and reading.shape is not Shape.HTML else words


_PHRASES = {413: "Payload Too Large", 422: "Unprocessable Entity"}
"""As Node spells them; Python's own words change between versions."""
