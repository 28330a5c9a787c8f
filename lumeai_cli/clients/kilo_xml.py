"""Kilo Code 4.83 to 4.124, provider "OpenAI Compatible": the classic XML client, the user's own.

Source read: Kilo-Org/kilocode-legacy at v4.124.0 (`Task.recursivelyMakeClineRequests`, `OpenAiHandler`,
`AssistantMessageParser`); its SDK openai-node 5.12.2 run against misbehaving servers, 2026-11. The extension itself
could not be run.
"""

from lumeai_cli.clients.deltas import text_of
from lumeai_cli.clients.outcome import OK, Outcome, OutcomeKind, Words, error, retry
from lumeai_cli.clients.profile import Profile, Protocol, redirect, streamed_events, without_answer
from lumeai_cli.clients.stainless import node_status, node_thrown, repeated
from lumeai_cli.wire.event import BackendError, Event, Odd, OddKind, Text, Via
from lumeai_cli.wire.reading import Reading, Shape
from lumeai_cli.wire.xmltags import find_calls

EMPTY = Outcome(
    OutcomeKind.EMPTY,
    Words(
        "The model's response ended unexpectedly (no assistant messages). This may be a sign of rate limiting.",
        "Ответ модели неожиданно завершился (нет сообщений ассистента). "
        "Это может быть признаком ограничения скорости запросов.",
    ),
)
"""`kilocode:task.noAssistantMessages`; half of it is a guess of its authors. No retry follows."""

NUDGE = Outcome(
    OutcomeKind.NUDGE,
    Words(
        "[ERROR] You did not use a tool in your previous response! Please retry with a tool use. (three times, then "
        "Kilo gives up)",
        "[ERROR] You did not use a tool in your previous response! Please retry with a tool use. (три раза, потом "
        "Kilo сдаётся)",
    ),
)

_TYPE_ERROR = "Cannot read properties of undefined (reading '0')"


def judge(reading: Reading) -> Outcome | None:
    """What the panel shows for this answer, streamed (the default) or not ("Enable streaming" unticked)."""
    early = without_answer(reading, "OpenAI completion error: Connection error.") or redirect(reading)
    if early is not None:
        return early
    if not reading.ok:
        words = f"OpenAI completion error: {node_status(reading)}"
        return retry(words) if repeated(reading.status or 0) else error(words)
    if reading.status == 204:
        return error("OpenAI completion error: Attempted to iterate over a response with no body")
    return _stream(reading) if reading.asked.stream else _plain(reading)


def _stream(reading: Reading) -> Outcome:
    events = streamed_events(reading)
    for event in events:
        failure = _failure(event)
        if failure:
            # A failure of the first chunk is shown; a later one is repeated at once and without limit.
            first = event.frame == events[0].frame
            return error(f"OpenAI completion error: {failure}") if first else _loop(failure)
    if not reading.ending.clean:
        return _loop("terminated") if events else error("OpenAI completion error: terminated")
    return _said(text_of(events, Via.DELTA), reading)


def _failure(event: Event) -> str:
    """What the SDK or the handler throws on this event; empty if it goes on."""
    lacking = isinstance(event, Odd) and event.kind in (OddKind.NO_CHOICES, OddKind.NOT_AN_OBJECT)
    return node_thrown(event) or (_TYPE_ERROR if lacking or isinstance(event, BackendError) else "")


def _loop(message: str) -> Outcome:
    return Outcome(OutcomeKind.LOOP, Words(message))


def _plain(reading: Reading) -> Outcome:
    if not reading.ending.clean:
        return error("OpenAI completion error: terminated")
    labelled = reading.content_type == "application/json" or reading.content_type.endswith("+json")
    if reading.shape is not Shape.JSON or not labelled:
        return error("OpenAI completion error: Cannot read properties of undefined")
    if reading.odd(OddKind.NO_CHOICES, OddKind.NOT_AN_OBJECT, OddKind.EMPTY_CHOICES) or reading.answer.errors:
        return error("OpenAI completion error: Cannot read properties of undefined")
    text = "".join(e.text for e in reading.events if isinstance(e, Text) and e.via is Via.MESSAGE)
    return _said(text, reading)


def _said(text: str, reading: Reading) -> Outcome:
    """The gate: any text passes, reasoning and native calls do not; then a tool must be in it."""
    text = without_thought(text)
    if not text:
        return EMPTY
    if reading.asked.wants_tool and not find_calls(text, reading.asked.xml_tools):
        return NUDGE
    return OK


def without_thought(text: str) -> str:
    """`<think>` counts only as the very first characters (`XmlMatcher`); unclosed, it swallows the rest."""
    if not text.startswith("<think>"):
        return text
    _, closed, rest = text.partition("</think>")
    return rest if closed else ""


PROFILE = Profile(
    "kilo-xml",
    "Kilo Code 4.x",
    Protocol.XML,
    "Kilo Code 4.83.1 to 4.124.0, OpenAI Compatible",
    "source of v4.124.0, openai-node 5.12.2 run",
    judge,
)
