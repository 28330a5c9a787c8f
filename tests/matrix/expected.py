"""What must come of every cell, as data: where a cell is not named here, its clients get their answer.

Each exception says why neither a repair nor (in `PAIRED`) a healthy second backend can save the cell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lumeai_cli.lab import SPECIMENS
from lumeai_cli.lab.registry import UNLISTED
from tests.matrix.ask import FORMS
from tests.matrix.rig import Way


class Mark(StrEnum):
    """What the clients of one cell meet."""

    OK = "ok"
    ERROR = "error"  # explained under a status that every client shows at once
    PASSING = "passing"  # explained under a status on which clients try again: it may pass
    UNDERWAY = "underway"  # explained within the stream: something of the answer had gone out
    NUDGE = "nudge"  # the client tells the model that it used no tool


@dataclass(frozen=True, slots=True)
class Due:
    """Such a mark in these forms; `named` is the diagnosis that the explanation names."""

    mark: Mark
    forms: frozenset[str]
    why: str
    named: str = ""


def _forms(*beginnings: str) -> frozenset[str]:
    return frozenset(form.name for form in FORMS if form.name.startswith(beginnings or ("",)))


ALL = _forms()
STREAMS = frozenset(form.name for form in FORMS if form.stream)
CALLS = _forms("native", "closing")
TOOLS = CALLS | _forms("result")
AGENTS = _forms("xml-agent", "native-agent")
XML = _forms("xml")
TEXTS = _forms("sdk stream", "result")
"""Streams of mere text: it goes out as it comes, while a call waits until it is whole. A classic client's text goes out
as well, but that client begins again by itself, and gets the answer in one piece.
"""

_BROKEN = "what comes is no answer in either mode"
_REACH = "nobody answers there"
_URL = "no neighbouring address is an API either"
_REFUSES = "the backend refuses, and says why"
_GONE = "a part of the text has gone out before the fault: it cannot be taken back, and must not pass for the whole"
_PROSE = "well-formed words: nothing about them says that they are not the model's answer"


def _error(why: str, forms: frozenset[str] = ALL, named: str = "") -> tuple[Due, ...]:
    return (Due(Mark.ERROR, forms, why, named),)


def _passing(why: str, named: str = "") -> tuple[Due, ...]:
    return (Due(Mark.PASSING, ALL, why, named),)


_CUT = (Due(Mark.UNDERWAY, TEXTS, _GONE),)
_NUDGED = (Due(Mark.NUDGE, XML | _forms("closing"), _PROSE),)

ALONE: Mapping[str, tuple[Due, ...]] = {
    "connection-refused": _error(_REACH),
    "dns-failure": _error(_REACH),
    "connection-reset": _passing(_REACH),
    "silent": _passing("it never answers", "no-answer"),
    "stall": _passing("it stops before the first word, in either mode", "no-answer"),
    "no-http": _error(_BROKEN, named="not-http"),
    "header-flood": _error(_BROKEN, named="not-http"),
    "half-chunk": _error(_BROKEN, named="stream-cut"),
    "deep-json": _error(_BROKEN, named="broken-json-frame"),
    "redirect-loop": _error(_URL, named="redirected"),
    "redirected": _error(_URL),
    "endpoint-not-found": _error(_URL),
    "html-instead-of-api": _error(_URL),
    "not-an-llm-api": _error(_URL),
    "key-missing": _error(_REFUSES),
    "models-list-proves-nothing": _error(_REFUSES, named="key-missing"),
    "forbidden": _error(_REFUSES),
    "model-not-found": _error(_REFUSES),
    "body-too-large": _error(_REFUSES, AGENTS),
    "context-exceeded": _error(_REFUSES, AGENTS),
    "quota-exhausted": _error(_REFUSES),
    "request-refused": _error("the field that it names was never sent"),
    "tools-unsupported": _error(_REFUSES, TOOLS),
    "tool-parser-off": _error(_REFUSES, TOOLS),
    "tool-result-rejected": _error(_REFUSES, _forms("result")),
    "error-in-200": _passing("it stands for a server's failure, which may pass", "server-error"),
    "server-error": _passing(_REFUSES),
    "rate-limited": _passing(_REFUSES),
    "g4f-hides-cause": _error(
        "what G4F hides is asked for in its raw mode: a refusal of the provider behind it", named="context-exceeded"
    ),
    "empty-answer": _error("it is empty in either mode"),
    "context-window-small": _error(
        "it is empty in either mode; that a window is the reason stands on pages that only the doctor reads",
        AGENTS,
        "empty-answer",
    ),
    "output-budget-spent": _error("a larger budget does not help it"),
    "content-filtered": _error("what a filter has removed is not asked for again"),
    "reasoning-only": (
        Due(Mark.UNDERWAY, STREAMS - XML, "thoughts are passed on as they come, and nothing follows"),
        Due(Mark.ERROR, ALL - (STREAMS - XML), "it only thinks, in either mode; a classic client's thoughts wait"),
    ),
    "tool-call-missing-name": _error("which tool was meant nobody knows, and a guess might delete a file", CALLS),
    "finish-tool-calls-without-call": _error("the call is nowhere, in either mode", CALLS),
    "ollama-hides-error": (
        Due(Mark.UNDERWAY, TEXTS, _GONE, "missing-finish-reason"),
        Due(
            Mark.UNDERWAY,
            _forms("xml stream", "xml-agent"),
            "the beginning has gone out; asked again, in one piece, the backend tells its error",
            "missing-finish-reason",
        ),
        Due(Mark.PASSING, CALLS | _forms("xml plain", "sdk plain"), "in one piece it tells its error", "server-error"),
    ),
    "unframed-error-in-stream": _CUT,
    "missing-finish-reason": _CUT,
    "stream-cut": _CUT,
    "silence-cut": (Due(Mark.UNDERWAY, TEXTS, _GONE, "stream-cut"),),
    "context-truncated": (Due(Mark.NUDGE, _forms("xml-agent"), _PROSE),),
    "refusal-only": (Due(Mark.NUDGE, XML | _forms("closing"), "the refusal is the model's answer, told as its text"),),
    "quota-text-as-answer": _error("what comes is a sentence about a limit, in the place of an answer"),
    "canned-answer": _NUDGED,
    "plain-text-instead-of-tool": _NUDGED,
    "surrogates": _NUDGED,
    "tools-ignored": (Due(Mark.NUDGE, _forms("closing"), _PROSE),),
}

PAIRED: Mapping[str, tuple[Due, ...]] = {
    "content-filtered": ALONE["content-filtered"],
    "ollama-hides-error": (Due(Mark.UNDERWAY, TEXTS, _GONE, "missing-finish-reason"),),
    **{
        name: ALONE[name]
        for name in (
            "unframed-error-in-stream",
            "missing-finish-reason",
            "stream-cut",
            "silence-cut",
            "context-truncated",
            "refusal-only",
            "canned-answer",
            "plain-text-instead-of-tool",
            "surrogates",
            "tools-ignored",
        )
    },
}


def due(name: str, way: Way, form: str) -> Due:
    """What must come of this cell."""
    table = ALONE if way is Way.ALONE else PAIRED
    return next((one for one in table.get(name, ()) if form in one.forms), Due(Mark.OK, ALL, "it is answered"))


def diagnosis(name: str, told: Due) -> str:
    """The diagnosis that the explanation of this cell must name: the specimen's own, if nothing else is said."""
    specimen = SPECIMENS.get(name) or UNLISTED.get(name)
    return told.named or (specimen.shows if specimen is not None else "") or name


REPAIRED = {
    "healthy-bom": "byte-order-mark",
    "healthy-no-done": "done",
    "healthy-reasoning-first": "reasoning",
}
"""Healthy specimens whose streams some client does not take as they are, and the repair that is announced for it."""

ALSO_PLAIN = frozenset({"healthy-reasoning-first"})
"""Those whose plain answers it takes as well."""
