"""Causes in tool calls: refused, ignored, in the wrong protocol, left in the text, or broken on the way."""

import re
from collections.abc import Iterator
from dataclasses import replace

from lumeai_cli.backends.words import EXCEEDED, QUOTA
from lumeai_cli.diagnoses.access import said
from lumeai_cli.diagnoses.case import (
    AGENT_NATIVE,
    ANSWERING,
    PARAMETERS,
    PLAIN,
    STREAMED,
    TOOL_ABSENT,
    TOOL_NATIVE,
    TOOL_RESULT,
    Case,
)
from lumeai_cli.diagnoses.diagnosis import Detector, Diagnosis, Family, Hit, found
from lumeai_cli.diagnoses.dialect import odd, odd_hits
from lumeai_cli.diagnoses.finding import COUNT, Certainty, Evidence, Finding, near, of_body, of_frame, of_text
from lumeai_cli.diagnoses.parameters import refused, refused_parameters
from lumeai_cli.wire.event import CallPart, Finish, OddKind
from lumeai_cli.wire.markup import written_calls
from lumeai_cli.wire.reading import Reading
from lumeai_cli.wire.xmltags import find_calls

PARSER_OFF = re.compile(
    r"requires? --jinja|--enable-auto-tool-choice|--tool-call-parser|Cannot use tools with stream", re.IGNORECASE
)
UNSUPPORTED = re.compile(
    r"does not support tools|not support (tool|function)|tool(s| use| calling)? (is|are) not supported"
    r"|No endpoints found that support tool|Unsupported param: tools",
    re.IGNORECASE,
)


def _refused(name: str, pattern: re.Pattern[str]) -> Detector:
    def detect(case: Case) -> Iterator[Finding]:
        hits = [
            (reading, of_body(reading))
            for reading in case.of(*ANSWERING)
            if reading.asked.tools and any(pattern.search(error.message) for error in reading.answer.errors)
        ]
        yield from found(name, hits, {"said": said(hits[0][0]) if hits else ""})

    return detect


def _without_tools_only(case: Case) -> Iterator[Finding]:
    """A text that is known for it, or every request with tools turned down in the same words and none without them."""
    known = list(_refused("tools-unsupported", UNSUPPORTED)(case))
    if known:
        yield from known
        return
    asked = [reading for reading in case.of(*ANSWERING, TOOL_RESULT, PARAMETERS) if reading.status is not None]
    with_tools = [reading for reading in asked if reading.asked.tools]
    words = {said(reading) if refused(reading) else "" for reading in with_tools}
    text = next(iter(words)) if len(words) == 1 else ""
    without = [reading for reading in asked if not reading.asked.tools]
    answered = any(r.ok and not r.answer.errors for r in without) and not any(said(r) == text for r in without)
    named = any(known.search(text) for known in (PARSER_OFF, EXCEEDED, QUOTA, _HIDDEN))
    if len(with_tools) > 1 and text and answered and not named and not refused_parameters(case.readings):
        hits = [(reading, of_body(reading)) for reading in with_tools]
        yield from found("tools-unsupported", hits, {"said": text}, Certainty.LIKELY)


_HIDDEN = re.compile("Request execution failed")  # G4F says this of everything


def _mismatch(case: Case) -> Iterator[Finding]:
    """Native calls to an XML client, or a known tool's XML tags to a native one."""
    native: list[Hit] = []
    tags: list[Hit] = []
    for reading in _wanted(case):
        answer = reading.answer
        if reading.asked.xml_tools and answer.calls and not find_calls(answer.text, reading.asked.xml_tools):
            native.append((reading, _of_call(reading)))
        elif reading.asked.tools and not answer.calls and find_calls(answer.text, (*reading.asked.tools, *_CLASSIC)):
            tags.append((reading, of_text(reading)))
    kind = "tool_calls" if native else "XML"
    yield from found("tool-protocol-mismatch", [*native, *tags], {"found": kind})


_CLASSIC = ("read_file", "write_to_file", "execute_command", "list_files", "search_files", "attempt_completion")


_SIGNS = ("<|", "<｜", "</", "[TOOL_CALLS]")
"""What a template's markup leaves in a tool's name if it was parsed by halves."""


def _as_text(case: Case) -> Iterator[Finding]:
    """Markup of a call in the text, or what is left of it in the name of a native call."""
    hits: list[Hit] = []
    markup = ""
    for reading in _wanted(case):
        answer = reading.answer
        residue = next((sign for call in answer.calls for sign in _SIGNS if sign in call.name), "")
        if residue:
            hits.append((reading, _of_call(reading)))
            markup = markup or residue
        if answer.calls or find_calls(answer.text, reading.asked.xml_tools):
            continue
        known = (*reading.asked.tools, *reading.asked.xml_tools)
        calls = [call for call in written_calls(answer.text) if call.name in known]
        if calls:
            hits.append((reading, of_text(reading)))
            markup = markup or calls[0].markup.value
    yield from found("tool-call-as-text", hits, {"markup": markup})


def _wanted(case: Case) -> Iterator[Reading]:
    return (reading for reading in case.answers() if reading.asked.wants_tool)


def _of_call(reading: Reading) -> Evidence:
    part = next(event for event in reading.events if isinstance(event, CallPart))
    return of_frame(reading, reading.frames[part.frame])


_ARGUMENTS = re.compile(rb'"arguments"')


def _not_json(case: Case) -> Iterator[Finding]:
    """Arguments that are no JSON object, the empty text among them; a call that was cut belongs to the cut."""
    hits: list[Hit] = []
    shown = ""
    for reading in case.answers():
        if not reading.ending.clean or reading.answer.finish == "length" or reading.odd(OddKind.CALL_BAD_ARGUMENTS):
            continue
        broken = [call for call in reading.answer.calls if not call.well_formed]
        if broken and not reading.odd(OddKind.CALL_NO_INDEX, OddKind.FUNCTION_CALL):
            hits.append((reading, near(reading, _ARGUMENTS)))
            shown = shown or broken[0].arguments[:120]
    yield from found("tool-arguments-not-json", hits, {"arguments": shown})


def _no_id(case: Case) -> Iterator[Finding]:
    """A call that begins without an id and gets none later."""
    kinds = (OddKind.CALL_NO_ID, OddKind.CALL_EMPTY_ID)
    hits = odd_hits(case, lambda reading, event: event.kind in kinds and any(not c.id for c in reading.answer.calls))
    yield from found("tool-call-missing-id", hits)


def _no_name(case: Case) -> Iterator[Finding]:
    """A call whose first piece has no name; one that comes later is too late for some clients."""
    hits: list[Hit] = []
    for reading in case.answers():
        first: dict[int, CallPart] = {}
        for event in reading.events:
            if isinstance(event, CallPart):
                first.setdefault(event.slot, event)
        nameless = [part for part in first.values() if not part.name]
        if nameless:
            hits.append((reading, of_frame(reading, reading.frames[nameless[0].frame])))
    yield from found("tool-call-missing-name", hits)


def _without_call(case: Case) -> Iterator[Finding]:
    hits: list[Hit] = []
    for reading in case.answers():
        finish = next((event for event in reading.events if isinstance(event, Finish)), None)
        if finish is not None and finish.reason == "tool_calls" and not reading.answer.calls:
            hits.append((reading, of_frame(reading, reading.frames[finish.frame])))
    yield from found("finish-tool-calls-without-call", hits)


def tools_uncounted(case: Case) -> tuple[Reading, ...]:
    """The requests with a tool for which the server counts the same prompt tokens as for the one without.

    A server whose counts do not grow with the prompt makes them up, and proves nothing.
    """
    without = [_count(reading) for reading in case.of(TOOL_ABSENT) if _count(reading) > 0]
    tiny = [_count(reading) for reading in case.of(STREAMED, PLAIN) if _count(reading) > 0]
    if not without or not tiny or without[0] <= tiny[0]:
        return ()
    return tuple(
        reading
        for reading in case.of(TOOL_NATIVE)
        if _count(reading) == without[0] and not (reading.answer.calls or written_calls(reading.answer.text))
    )


def _ignored(case: Case) -> Iterator[Finding]:
    """The same count of prompt tokens with and without `tools`, and no call: they never reached the model.

    The agent's own request with native tools suffers likewise, unless it brought a call all the same.
    """
    same = tools_uncounted(case)
    if same:
        large = [r for r in case.of(AGENT_NATIVE) if r.ok and not r.answer.calls]
        absent = case.of(TOOL_ABSENT)[0]
        hits = [(reading, near(reading, COUNT)) for reading in (*same, absent, *large)]
        (finding,) = found("tools-ignored", hits, {"prompt_tokens": _count(same[0])})
        # The pair is the proof, be it of the same bytes.
        yield replace(finding, evidence=(near(same[0], COUNT), near(absent, COUNT)))


def _count(reading: Reading) -> int:
    usage = reading.answer.usage
    return usage.prompt if usage is not None and reading.ok else 0


def _result_rejected(case: Case) -> Iterator[Finding]:
    """The second turn, with a tool's result in it, is turned down where the first turn worked.

    What the server says without such a result as well has another cause.
    """
    second = case.of(TOOL_RESULT)[-1:]
    worked = any(reading.ok and not reading.answer.errors for reading in case.of(TOOL_NATIVE))
    elsewhere = {said(reading) for reading in case.of(*ANSWERING) if refused(reading)}
    hits = [(r, of_body(r)) for r in second if worked and refused(r) and said(r) not in elsewhere]
    if hits:
        yield from found("tool-result-rejected", hits, {"status": second[0].status or 0, "said": said(second[0])})


_REFUSALS = frozenset({"request-refused", "server-error", "error-in-200"})
_MISUNDERSTOOD = frozenset({"plain-text-instead-of-tool", "missing-finish-reason"})

ENTRIES = (
    Diagnosis(
        "LUM751",
        "tools-unsupported",
        Family.TOOLS,
        _without_tools_only,
        explains=_REFUSALS | {"model-not-found"},
    ),
    Diagnosis("LUM752", "tool-parser-off", Family.TOOLS, _refused("tool-parser-off", PARSER_OFF), explains=_REFUSALS),
    Diagnosis(
        "LUM753",
        "tools-ignored",
        Family.TOOLS,
        _ignored,
        explains=frozenset({"plain-text-instead-of-tool", "canned-answer", "empty-answer"}),
    ),
    Diagnosis("LUM754", "tool-protocol-mismatch", Family.TOOLS, _mismatch, explains=_MISUNDERSTOOD),
    Diagnosis("LUM755", "tool-call-as-text", Family.TOOLS, _as_text, explains=_MISUNDERSTOOD),
    Diagnosis("LUM756", "tool-call-missing-id", Family.TOOLS, _no_id),
    Diagnosis(
        "LUM757",
        "tool-call-missing-index",
        Family.TOOLS,
        odd("tool-call-missing-index", OddKind.CALL_NO_INDEX),
        explains=frozenset({"tool-call-missing-id", "tool-call-missing-name", "tool-arguments-not-json"}),
    ),
    Diagnosis("LUM758", "tool-call-missing-name", Family.TOOLS, _no_name),
    Diagnosis("LUM759", "tool-arguments-not-json", Family.TOOLS, _not_json),
    Diagnosis(
        "LUM760",
        "tool-arguments-not-string",
        Family.TOOLS,
        odd("tool-arguments-not-string", OddKind.CALL_BAD_ARGUMENTS, fact="arguments"),
        explains=frozenset({"tool-arguments-not-json"}),
    ),
    Diagnosis(
        "LUM761",
        "finish-tool-calls-without-call",
        Family.TOOLS,
        _without_call,
        explains=frozenset({"empty-answer"}),
    ),
    Diagnosis("LUM762", "tool-result-rejected", Family.TOOLS, _result_rejected, explains=_REFUSALS),
)
