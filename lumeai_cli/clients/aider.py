"""aider, which asks for edits as blocks of plain text and offers no tools, on litellm and openai-python.

Run: aider 0.86.2 (litellm 1.81.10, openai-python 2.20.0) against the wire conditions of the tests, headless, 2026-11;
source read: `aider/exceptions.py` for what is repeated, with a doubled pause each time, for more than a minute.
"""

from lumeai_cli.clients.outcome import OK, SILENT, Outcome, OutcomeKind, Words, error, retry
from lumeai_cli.clients.profile import (
    UNTRIED,
    Profile,
    Protocol,
    bad_choices,
    redirect,
    streamed_events,
    without_answer,
)
from lumeai_cli.clients.stainless import python_raised, quoted_body
from lumeai_cli.wire.event import Finish, Odd, OddKind, Reasoning, Text, Via
from lumeai_cli.wire.reading import Reading

EMPTY = Outcome(OutcomeKind.EMPTY, Words("Empty response received from LLM. Check your provider account?"))
"""A warning, and the end of the turn; one request."""

TOKEN_LIMIT = error("Model has hit a token limit!")

_CONNECTION = "litellm.APIConnectionError: APIConnectionError: OpenAIException - "
_FINAL = (400, 401, 403, 404, 422)


def judge(reading: Reading) -> Outcome | None:
    """What the terminal shows for this streamed answer; it never asks without streaming, nor with tools."""
    if not reading.asked.stream or reading.asked.tools:
        return None
    early = without_answer(reading, "litellm.InternalServerError: OpenAIException - Connection error.")
    early = early or redirect(reading)
    if early is not None:
        return early
    return _stream(reading) if reading.ok else _status(reading)


def _status(reading: Reading) -> Outcome:
    """What is repeated goes by the words: an `invalid_request_error` never is, but for a 429."""
    words = f"OpenAIException - {quoted_body(reading) or f'Error code: {reading.status}'}"
    if reading.status == 429:
        return retry(f"litellm.RateLimitError: RateLimitError: {words}")
    if "maximum context length" in words:
        return TOKEN_LIMIT
    told = any(failure.type == "invalid_request_error" for failure in reading.answer.errors)
    if told or reading.status in _FINAL:
        return error(f"litellm.BadRequestError: {words}")
    return retry(f"litellm.APIError: APIError: {words}")


def _stream(reading: Reading) -> Outcome:
    events = streamed_events(reading)
    text: list[str] = []
    thought = False
    for event in events:
        raised = python_raised(event)
        if isinstance(event, Odd) and event.kind is OddKind.NOT_AN_OBJECT:
            raised = "object has no attribute 'choices'"
        if raised:
            return retry(f"{_CONNECTION}{raised.removeprefix('APIError: ')}")
        if isinstance(event, Finish) and event.reason == "length":
            return TOKEN_LIMIT
        if isinstance(event, Text) and event.via is Via.DELTA:
            text.append(event.text)
        elif isinstance(event, Reasoning) and event.field == "reasoning_content":
            thought = True
    if not reading.ending.clean:
        return retry(f"{_CONNECTION}peer closed connection without sending complete message body")
    if reading.odd(OddKind.BAD_CALLS) or bad_choices(reading):
        return UNTRIED
    if thought or "".join(text).strip():
        return OK
    return SILENT if text else EMPTY


PROFILE = Profile(
    "aider",
    "aider",
    Protocol.SDK,
    "aider 0.86",
    "aider 0.86.2 run headless",
    judge,
    frozenset({"temperature"}),
)
