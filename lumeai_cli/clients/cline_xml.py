"""Classic Cline (extension 3.31 to 3.57, CLI 2) with XML tools, on openai-node: it says "Invalid API Response".

Run: Cline CLI 2.18.0 (core 3.82.0) against the wire conditions of the tests, headless, 2026-11; source read:
cline/cline 3.57. The panel repeats an empty answer three times by itself; headless it does not.
"""

from collections.abc import Sequence

from lumeai_cli.clients.complaint import mended
from lumeai_cli.clients.deltas import by_id, text_of
from lumeai_cli.clients.outcome import OK, Outcome, OutcomeKind, Words, error, retry, unknown
from lumeai_cli.clients.profile import UNTRIED, Profile, Protocol, redirect, streamed_events, without_answer
from lumeai_cli.clients.stainless import node_status, node_thrown, repeated
from lumeai_cli.wire.answer import ToolCall
from lumeai_cli.wire.event import Event, OddKind, Via
from lumeai_cli.wire.reading import Reading
from lumeai_cli.wire.xmltags import find_calls

EMPTY = Outcome(
    OutcomeKind.EMPTY,
    Words(
        "Invalid API Response: The provider returned an empty or unparsable response. This is a provider-side issue "
        "where the model failed to generate valid output or returned tool calls that Cline cannot process. Retrying "
        "the request may help resolve this issue."
    ),
)

NUDGE = Outcome(
    OutcomeKind.NUDGE,
    Words(
        "[ERROR] You did not use a tool in your previous response! Please retry with a tool use. (three times, then: "
        "Too many consecutive mistakes)",
        "[ERROR] You did not use a tool in your previous response! Please retry with a tool use. (три раза, потом: "
        "Too many consecutive mistakes)",
    ),
)

STUCK = Outcome(
    OutcomeKind.HANG,
    Words(
        "nothing is shown: four requests, then nothing for minutes (the panel asks whether to try again)",
        "ничего не показано: четыре запроса, потом минутами ничего (панель спрашивает, повторить ли)",
    ),
    quoted=False,
)

CUT_RESULT = unknown(
    "a cut within the final result was seen to pass for its end, and to be asked for again",
    "обрыв внутри итогового ответа и сходил за его конец, и вызывал повторный запрос",
)


def judge(reading: Reading) -> Outcome | None:
    """What Cline shows for this streamed answer; it never asks without streaming."""
    if not reading.asked.stream:
        return None
    early = without_answer(reading, "Connection error.") or redirect(reading)
    if early is not None:
        return early
    if not reading.ok:
        words = node_status(reading)
        return retry(words) if repeated(reading.status or 0) or "context length" in words else error(words)
    return _stream(reading)


def _stream(reading: Reading) -> Outcome:
    if reading.status == 204:
        return retry("Attempted to iterate over a response with no body")
    events = streamed_events(reading)
    for event in events:
        thrown = node_thrown(event)
        if thrown:
            return _failed(thrown, [earlier for earlier in events if earlier.frame < event.frame], reading)
    if not reading.ending.clean:
        return _failed("terminated", events, reading)
    if reading.odd(OddKind.BAD_CALLS, OddKind.BAD_CONTENT):
        return UNTRIED
    if reading.odd(OddKind.CALL_BAD_ID):
        return error("startsWith is not a function")
    # Native calls that it had not asked for are run; without arguments they are not even seen.
    native = [mended(call) for call in by_id(events) if call.arguments]
    if native:
        return _run(native, reading)
    text = text_of(events, Via.DELTA)
    if not text:
        return EMPTY
    return NUDGE if reading.asked.wants_tool and not find_calls(text, reading.asked.xml_tools) else OK


def _failed(thrown: str, before: Sequence[Event], reading: Reading) -> Outcome:
    """A failure within the stream is met three times more, after 2, 4 and 8 seconds; a result that stands, stands."""
    written = find_calls(text_of(before, Via.DELTA), reading.asked.xml_tools)
    results = [call for call in written if call.name == "attempt_completion"]
    if results:
        return OK if results[0].closed else CUT_RESULT
    return STUCK if before else retry(thrown)


def _run(calls: list[ToolCall], reading: Reading) -> Outcome:
    known = reading.asked.xml_tools
    if known and any(call.name not in known for call in calls):
        return unknown(
            "a native call to a tool that it does not have was not tried",
            "родной вызов инструмента, которого у него нет, не проверялся",
        )
    broken = next((call for call in calls if not call.well_formed), None)
    if broken is None:
        return OK
    return Outcome(
        OutcomeKind.NUDGE,
        Words(f"Cline tried to use {broken.name} without value for required parameter. Retrying..."),
    )


PROFILE = Profile(
    "cline-xml",
    "Cline 3 (XML)",
    Protocol.XML,
    "Cline 3.31 to 3.57 with XML tools, Cline CLI 2.18.0",
    "Cline CLI 2.18.0 run headless; source of 3.57",
    judge,
)
