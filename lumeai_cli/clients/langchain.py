"""A program on LangChain's `ChatOpenAI` (langchain-openai), which sits on openai-python.

Run: langchain-openai 1.7.3 with langchain-core 1.7.2 and openai-python 3.54.0 against each wire condition of the tests,
2026-11; its source was not read. Judged is what `stream` and `invoke` give to a careful program.
"""

import json
from collections.abc import Iterable

from lumeai_cli.clients.openai_sdk import NAMES, refused
from lumeai_cli.clients.outcome import OK, SILENT, Outcome, OutcomeKind, Words, error, retry, unknown
from lumeai_cli.clients.profile import Profile, Protocol, bad_choices, redirect, streamed_events, without_answer
from lumeai_cli.clients.stainless import python_raised
from lumeai_cli.wire.event import CallPart, Event, Odd, OddKind, Text, Via
from lumeai_cli.wire.reading import Reading, Shape

INVALID_CALL = Outcome(
    OutcomeKind.SILENT,
    Words(
        "nothing is raised; the call stands in invalid_tool_calls, where few programs look",
        "исключения нет; вызов лежит в invalid_tool_calls, куда программы редко смотрят",
    ),
    quoted=False,
)

NO_CONNECTION = "OpenAIConnectionError: Connection error."
UNEXPECTED = error("ValueError: Unexpected response type from OpenAI-compatible endpoint.")

_NAMES = {
    **NAMES,
    400: "OpenAIInvalidRequestError",
    401: "OpenAIAuthenticationError",
    403: "OpenAIPermissionDeniedError",
    404: "OpenAIModelNotFoundError",
    429: "OpenAIRateLimitError",
    500: "OpenAIAPIError",
}

UNSURE = unknown(
    "token counts that are all text are fine, one such count beside numbers is not",
    "счётчики токенов сплошь текстом проходят, один такой счётчик среди чисел — нет",
)

_RAISED = {
    OddKind.CALL_BAD_ARGUMENTS: "ValidationError: tool_call_chunks.0.args",
    OddKind.CALL_BAD_ID: "ValidationError: tool_call_chunks.0.id",
    OddKind.BAD_CONTENT: "ValidationError: content",
    OddKind.BAD_CALLS: "TypeError: string indices must be integers",
    OddKind.NOT_AN_OBJECT: "AttributeError: object has no attribute 'model_dump'",
}
_LOST = (OddKind.MESSAGE_FOR_DELTA, OddKind.LEGACY_TEXT, OddKind.NO_DELTA)


def judge(reading: Reading) -> Outcome | None:
    """What `stream` or `invoke` raises or returns."""
    early = without_answer(reading, NO_CONNECTION) or redirect(reading)
    if early is not None:
        return early
    if not reading.ok:
        return refused(reading, _NAMES)
    return _stream(reading) if reading.asked.stream else _plain(reading)


def _stream(reading: Reading) -> Outcome:
    events = streamed_events(reading)
    for event in events:
        raised = python_raised(event) or (_RAISED.get(event.kind, "") if isinstance(event, Odd) else "")
        if raised:
            return error(raised)
    if not reading.ending.clean:
        return error(NO_CONNECTION)
    lost = {event.frame for event in events if isinstance(event, Odd) and event.kind in _LOST}
    if reading.shape is not Shape.SSE or len(reading.data_events) <= len(lost):
        return error("ValueError: No generation chunks were returned")
    if bad_choices(reading):
        return error("TypeError: the type of choices")
    if reading.odd(OddKind.BAD_USAGE):
        return UNSURE
    headless = any(isinstance(e, CallPart) and e.via is Via.DELTA and not e.name for e in events)
    if headless and any(isinstance(e, Odd) and e.kind is OddKind.CALL_NO_INDEX for e in events):
        return INVALID_CALL  # each piece without an index is a call of its own
    return _used(events, Via.DELTA, [call.arguments for call in reading.heard.calls if not _mended(call.arguments)])


def _plain(reading: Reading) -> Outcome:
    if not reading.ending.clean:
        return retry(NO_CONNECTION)
    if reading.shape is not Shape.JSON:
        return error("JSONDecodeError") if "json" in reading.content_type else UNEXPECTED
    if reading.odd(OddKind.NOT_AN_OBJECT):
        return UNEXPECTED
    errors = reading.answer.errors
    if errors:
        return error(f"ValueError: {errors[0].message}")
    if reading.odd(OddKind.EMPTY_CHOICES):
        return error("IndexError: list index out of range")
    if reading.odd(OddKind.NO_CHOICES):
        return error("TypeError: Received response with null value for 'choices'.")
    if reading.odd(OddKind.BAD_CONTENT):
        return error("ValidationError: content")
    calls = reading.heard.calls
    return _used(reading.events, Via.MESSAGE, [call.arguments for call in calls if not call.well_formed])


def _used(events: Iterable[Event], due: Via, broken: Iterable[str]) -> Outcome:
    """What the program gets of what stands where it is due; `broken` are the arguments that it cannot read."""
    if any(broken):
        return INVALID_CALL
    usable = any(
        (isinstance(event, Text) and event.via in (due, Via.PARTS) and event.text.strip())
        or (isinstance(event, CallPart) and event.via is due)
        for event in events
    )
    return OK if usable else SILENT


def _mended(arguments: str) -> bool:
    """Whether streamed arguments become an object: a text that is merely cut off is completed in silence."""
    try:
        return isinstance(json.loads(arguments), dict)
    except json.JSONDecodeError as cause:
        cut = cause.pos >= len(arguments.rstrip()) or cause.msg.startswith("Unterminated string")
        return cut and arguments.lstrip().startswith("{")
    except RecursionError:
        return False


PROFILE = Profile(
    "langchain",
    "LangChain",
    Protocol.SDK,
    "langchain-openai 1.7",
    "langchain-openai 1.7.3 run",
    judge,
)
