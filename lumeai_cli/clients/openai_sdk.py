"""A program on the official `openai` packages: Python 3.54 and Node 6.49, run against misbehaving servers, 2026-11.

Judged is what the SDK gives to a careful program. A program that indexes `choices[0]` on a usage-only chunk crashes
by its own fault: that is no outcome.
"""

from collections.abc import Mapping

from lumeai_cli.clients.outcome import OK, SILENT, Outcome, OutcomeKind, Words, error, retry
from lumeai_cli.clients.profile import Profile, Protocol, redirect, streamed_events, without_answer
from lumeai_cli.clients.stainless import python_raised, quoted_body, repeated
from lumeai_cli.wire.event import CallPart, Text, Via
from lumeai_cli.wire.reading import Reading, Shape

NAMES: Mapping[int, str] = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
}
"""The exceptions for HTTP statuses; 500 stands for all above it, every other status is an `APIStatusError`."""


RAW = Outcome(
    OutcomeKind.ERROR,
    Words("the program gets the raw body as a string", "программа получает тело ответа строкой, как есть"),
    quoted=False,
)


def judge(reading: Reading) -> Outcome | None:
    """What the SDK raises or returns, streamed and not."""
    early = without_answer(reading, "APIConnectionError: Connection error.") or redirect(reading)
    if early is not None:
        return early
    if not reading.ok:
        return refused(reading, NAMES)
    return _stream(reading) if reading.asked.stream else _plain(reading)


def refused(reading: Reading, names: Mapping[int, str]) -> Outcome:
    """The exception for an HTTP error, under these names."""
    status = reading.status or 0
    name = names.get(min(status, 500), "APIStatusError")
    words = f"{name}: Error code: {status} {quoted_body(reading)}".rstrip()
    return retry(words) if repeated(status) else error(words)


def _stream(reading: Reading) -> Outcome:
    usable = False
    for event in streamed_events(reading):
        raised = python_raised(event)
        if raised:
            return error(raised)
        if isinstance(event, Text) and event.via in (Via.DELTA, Via.PARTS):
            usable = usable or bool(event.text.strip())
        elif isinstance(event, CallPart) and event.via is Via.DELTA:
            usable = True
    if not reading.ending.clean:
        return error("APIConnectionError: Connection error.")
    return OK if usable else SILENT


def _plain(reading: Reading) -> Outcome:
    if not reading.ending.clean:
        return retry("APIConnectionError: Connection error.")
    labelled = "json" in reading.content_type
    if reading.shape is not Shape.JSON:
        return error("JSONDecodeError") if labelled else RAW
    if not labelled:
        return RAW
    usable = any(
        (isinstance(event, Text) and event.via in (Via.MESSAGE, Via.PARTS) and event.text.strip())
        or (isinstance(event, CallPart) and event.via is Via.MESSAGE)
        for event in reading.events
    )
    return OK if usable else SILENT


PROFILE = Profile(
    "openai-sdk",
    "openai SDK",
    Protocol.SDK,
    "openai-python 3.x, openai-node 4 to 6",
    "openai-python 3.54.0 and openai-node 5.23.2 run",
    judge,
)
