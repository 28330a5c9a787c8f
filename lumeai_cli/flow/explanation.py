"""Why an attempt failed, in the words of the catalogue: the exchange is judged as the doctor judges it.

What retries cannot cure gets a status that clients show at once and do not repeat (measured with real clients, 2026-11:
400, 401, 403, 404 and 422 are shown word for word; 429 and every 5xx are repeated in silence for a minute or more; 413
and the words "context length" make agents shorten the conversation, so they stand for that alone).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from lumeai_cli.backends.models import FALLBACK
from lumeai_cli.diagnoses.case import Case
from lumeai_cli.diagnoses.catalogue import CATALOGUE, findings_of
from lumeai_cli.diagnoses.content import UNEXPLAINED
from lumeai_cli.diagnoses.diagnosis import EVERYTHING, Diagnosis
from lumeai_cli.diagnoses.finding import Fact, Finding, Severity, excerpt
from lumeai_cli.diagnoses.g4f import GENERIC
from lumeai_cli.diagnoses.page import Page, fill, page
from lumeai_cli.flow.attempt import Attempt
from lumeai_cli.flow.cure import CURES, VAIN
from lumeai_cli.flow.detail import told_detail
from lumeai_cli.flow.peculiar import meant, packed_in_vain, sentence_of, words_of_page
from lumeai_cli.repair.fault import Fault
from lumeai_cli.repair.ink import shows
from lumeai_cli.text.phrase import Phrase, say
from lumeai_cli.text.visible import visible
from lumeai_cli.wire.event import OddKind
from lumeai_cli.wire.exchange import EndingKind, Exchange, header
from lumeai_cli.wire.reading import Reading, Shape, read

LONGEST_WAIT = 30
"""Seconds of the longest `Retry-After` that is passed on; agents wait for more in silence, and say nothing."""

UNPROCESSABLE = 422
TIMED_OUT = 408

_STATUS: Mapping[str, int] = MappingProxyType(
    {
        "key-missing": 401,
        "key-rejected": 401,
        "forbidden": 403,
        "model-not-found": 404,
        "body-too-large": 413,
        "context-exceeded": 400,
        "request-refused": 400,
        "unsupported-parameter": 400,
        "tools-unsupported": 400,
        "tool-parser-off": 400,
        "tool-result-rejected": 400,
        "endpoint-not-found": 404,
        "rate-limited": 429,
        "server-error": 502,
        "g4f-hides-cause": 502,
        "silence-cut": 504,
        "no-answer": 504,
        "connection-reset": 502,
    }
)
"""All others are unprocessable: somebody has to mend something."""

PASSING = frozenset({"rate-limited", "server-error", "g4f-hides-cause", "silence-cut", "no-answer", "connection-reset"})
"""Names of what may pass by itself: a repeat of the request is a new request."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """`name` and `code` are those of a diagnosis; `said` are the backend's own words; `retry_after` seconds, or 0.

    `backend` is the last one that was asked and `others` are those besides the first, where it is told once more.
    `sentence` stands for that of the page where that one would be wrong. `final`: what may pass by itself has not
    passed for so long that a client shall show it and repeat itself no more.
    """

    code: str
    name: str
    facts: Mapping[str, Fact] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    said: str = ""
    retry_after: int = 0
    final: bool = False
    backend: str = ""
    others: str = ""
    sentence: Phrase | None = None

    @property
    def status(self) -> int:
        """The HTTP status under which it is told."""
        return UNPROCESSABLE if self.final else _STATUS.get(self.name, UNPROCESSABLE)

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed a moment later."""
        return self.name in PASSING and not self.final

    @property
    def type(self) -> str:
        """The type of the error, by which clients tell whose fault it is."""
        by_status = {
            401: "authentication_error",
            403: "permission_error",
            404: "not_found_error",
            429: "rate_limit_error",
        }
        return by_status.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")

    def text(self, language: str) -> str:
        """What happened, why, and what to do: one paragraph without markup, with the code."""
        told = page(self.name, language)
        facts = {**self.facts, "detail": told_detail(self.name, str(self.facts.get("detail") or ""), language)}
        if self.sentence is not None:
            summary = self.sentence.in_(language)
        else:
            summary = _known(plain(fill(told.summary, facts, language)))
        if summary and summary[-1] not in ".!?":
            summary += "."
        sentences = [summary or say(language, "failed-somehow", target=str(self.facts.get("target", "-")))]
        if self.said and not any(said in sentences[0] for said in (self.said, plain(self.said))):
            sentences.append(say(language, "backend-said", said=self.said))
        cure = self._cure(told, language)
        if cure:
            sentences.append(say(language, "what-to-do", cure=cure))
        sentences.append(say(language, "more-about", code=self.code, name=self.name))
        if self.others:
            sentences.append(say(language, "also-asked", others=self.others))
        return " ".join(sentences)

    def _cure(self, told: Page, language: str) -> str:
        """The first cure that is one for whoever stands behind the proxy."""
        if self.name in CURES:
            own = {name: str(self.facts.get(name) or "-") for name in ("target", "base")}
            return say(language, CURES[self.name], **own)
        cures = (plain(fill(cure, self.facts, language)) for cure in told.fixes if not VAIN.search(cure))
        return next((cure for cure in cures if cure and _known(cure) == cure), "")


_CODE_BLOCK = re.compile(r"\s*```.*\Z", re.DOTALL)
_ANNOUNCING = re.compile(r"(?<=[.!?])\s[^.!?]*:\Z")
_UNKNOWN = re.compile(r"<[a-z_]+>")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZА-ЯЁ])")


def plain(markdown: str) -> str:
    """A page's sentences as plain text on one line: up to the first code block, without the words that announce it."""
    text = _CODE_BLOCK.sub("", markdown)
    text = " ".join(text.replace("**", "").replace("`", "").split())
    text = _ANNOUNCING.sub("", text)
    return f"{text[:-1]}." if text.endswith(":") else text


def _known(text: str) -> str:
    """The text without the sentences in which a fact is missing."""
    if not _UNKNOWN.search(text):
        return text
    return " ".join(sentence for sentence in _SENTENCE.split(text) if not _UNKNOWN.search(sentence))


def explain(exchange: Exchange, attempt: Attempt, fault: Fault, *, after_tool: bool = False) -> Explanation:
    """What the exchange shows, or what the mender met in it where the catalogue has no name for the whole.

    `after_tool`: the conversation ends in a tool's result. Of an answer that has gone out to the client, the exchange
    keeps no body: there the mender alone knows.
    """
    reading = read(exchange)
    base = attempt.candidate.base or attempt.candidate.backend.url
    case = Case(base, base, model=reading.asked.model, readings=(reading,))
    found = findings_of(case)
    root = _root(found, but=_MENDED)
    named = CATALOGUE.get(fault.name)
    if named is not None and (root is None or fault.name in _MENDER_KNOWS or not exchange.chunks):
        root = named, Finding(fault.name, facts={"said": fault.said} if fault.said != exchange.ending.detail else {})
    if root is None:
        root = _by_ending(reading)
        if root[0].name == UNEXPLAINED:
            root = _root(found) or root
    if root[0].name == "stream-cut" and not (reading.body or fault.name) and reading.ending.kind in _BROKEN:
        root = CATALOGUE["connection-reset"], replace(root[1], name="connection-reset")
    packed = packed_in_vain(reading)
    if packed is not None:
        return _unreadable(root, packed, attempt, reading)
    diagnosis, finding = _told_apart(root, reading, after_tool=after_tool)
    if attempt.raw and diagnosis.name in ("error-in-200", "server-error"):
        # G4F's raw mode gives every error of its provider the status 200.
        facts = {"said": GENERIC, "cause": _short(_said(finding))}
        diagnosis, finding = CATALOGUE["g4f-hides-cause"], Finding("g4f-hides-cause", facts=facts)
    said = (fault.said if fault.said != exchange.ending.detail else "") or _said(finding)
    if not said and not reading.ok:
        said = words_of_page(reading)
    if not said and diagnosis.name == "not-an-llm-api":
        said = excerpt(reading.body)  # an error in a form of its own, perhaps: whoever reads it knows
    return Explanation(
        diagnosis.code,
        diagnosis.name,
        MappingProxyType(_facts(finding, attempt, reading)),
        _short(said),
        _wait(exchange),
        sentence=sentence_of(diagnosis.name, reading),
    )


def _unreadable(root: tuple[Diagnosis, Finding], packed: Phrase, attempt: Attempt, reading: Reading) -> Explanation:
    """Of what nobody can read the status tells, and the label; the bytes are no words."""
    name = UNEXPLAINED if reading.ok else root[0].name
    facts = MappingProxyType(_facts(Finding(name), attempt, reading))
    return Explanation(CATALOGUE[name].code, name, facts, sentence=packed)


_NO_ROUTE = re.compile(
    r"\A\W*(?:404\W*)?(?:(?:page|route|path|url|endpoint|resource)\s)?not found\W*\Z"
    r"|invalid url|cannot post|no (?:such )?route|unknown (?:url|path|route)",
    re.IGNORECASE,
)
_NO_RESULTS = re.compile(
    r"\btool\b.{0,80}\b(?:role|messages?)\b|\brole\b.{0,80}\btool\b|\btool_call_id\b", re.IGNORECASE
)


def _told_apart(root: tuple[Diagnosis, Finding], reading: Reading, *, after_tool: bool) -> tuple[Diagnosis, Finding]:
    """What the doctor finds out by further questions, as far as one exchange tells it as well."""
    diagnosis, finding = root
    said = _said(finding)
    name = ""
    if diagnosis.name == "error-in-200" and (status := meant(reading)):
        name = "rate-limited" if status == 429 else "server-error" if status >= 500 or status == TIMED_OUT else ""
        facts = {**finding.facts, "inside": status}
        return (CATALOGUE[name], replace(finding, name=name, facts=facts)) if name else root
    if diagnosis.name in _CUT_SHORT and reading.answer.finish == "length":
        return CATALOGUE["output-budget-spent"], Finding("output-budget-spent")
    if diagnosis.name == "request-refused":
        if reading.status == TIMED_OUT:
            name = "server-error"  # as a 504 would be
        elif reading.status == 405 or (reading.status == 404 and (not said or _NO_ROUTE.search(said))):
            name = "endpoint-not-found"
        elif after_tool and _NO_RESULTS.search(said):
            name = "tool-result-rejected"
    elif diagnosis.name in ("empty-answer", UNEXPLAINED):
        speaks = reading.odd(OddKind.FOREIGN_DIALECT) or reading.answer.errors
        foreign = reading.odd(OddKind.NO_CHOICES) and reading.shape is Shape.JSON
        if reading.ok and not speaks and (foreign or reading.shape is Shape.TEXT):
            name = "not-an-llm-api"
    return (CATALOGUE[name], replace(finding, name=name)) if name else root


_BROKEN = (EndingKind.CUT, EndingKind.RESET)

_CUT_SHORT = frozenset({"tool-arguments-not-json", "tool-protocol-mismatch"})
"""What a call looks like in the middle of which the model was stopped."""

_MENDER_KNOWS = frozenset(
    {
        "tool-call-missing-name",
        "tool-arguments-not-json",
        "tool-protocol-mismatch",
        "broken-json-frame",
        "endless-answer",
    }
)
"""Faults that show only to whoever put the answer together for this very client."""


_MENDED = frozenset(
    {
        "content-not-a-string",
        "json-for-stream",
        "legacy-function-call",
        "legacy-text-field",
        "message-instead-of-delta",
        "ndjson-for-sse",
        "single-newline-framing",
        "sse-for-plain",
        "tool-arguments-not-string",
        "tool-call-missing-id",
        "tool-call-missing-index",
        "unterminated-last-event",
        "wrong-content-type",
    }
)
"""What the menders put right in every answer: one that came to nothing all the same failed by something else."""


def _root(findings: tuple[Finding, ...], but: frozenset[str] = frozenset()) -> tuple[Diagnosis, Finding] | None:
    """The error that no other explains; the families' order breaks ties. What `but` names explains, and is no cause."""
    errors = [
        (CATALOGUE[finding.name], finding)
        for finding in findings
        if CATALOGUE[finding.name].severity is Severity.ERROR and finding.at_most is Severity.ERROR
    ]
    names = {diagnosis.name for diagnosis, _ in errors}
    explained = {
        name
        for diagnosis, _ in errors
        for name in (names - {diagnosis.name} if diagnosis.explains == EVERYTHING else diagnosis.explains)
    }
    left = [pair for pair in errors if pair[0].name not in but]
    roots = [pair for pair in left if pair[0].name not in explained]
    if not roots and not names & but:
        roots = left
    return min(roots, key=lambda pair: (pair[0].family, pair[0].code), default=None)


def _by_ending(reading: Reading) -> tuple[Diagnosis, Finding]:
    """A name for what the catalogue does not judge by one exchange."""
    kind = reading.ending.kind
    if kind in (EndingKind.TIMEOUT_FIRST, EndingKind.TIMEOUT_SILENCE, EndingKind.TIMEOUT_TOTAL):
        name = "no-answer"
    elif kind in (EndingKind.RESET, EndingKind.CUT):
        name = "stream-cut" if reading.body else "connection-reset"
    elif reading.ok and not (reading.answer.calls or shows(reading.answer.text)):
        name = "empty-answer"
    else:
        name = UNEXPLAINED
    return CATALOGUE[name], Finding(name)


def _said(finding: Finding) -> str:
    said = finding.facts.get("said", "")
    return said if isinstance(said, str) else ""


def _facts(finding: Finding, attempt: Attempt, reading: Reading) -> dict[str, Fact]:
    base = attempt.candidate.base or attempt.candidate.backend.url
    facts: dict[str, Fact] = {
        "url": base,
        "base": base,
        "model": attempt.candidate.model or FALLBACK,
        "target": attempt.candidate.backend.name,
        "status": reading.status or 0,
        "seconds": reading.ending.at,
        "finish": reading.answer.finish or "none",
        "found": "tool_calls" if reading.asked.xml_tools and not reading.asked.tools else "XML",
        **finding.facts,
    }
    for name in ("said", "detail"):
        if isinstance(facts.get(name), str):
            facts[name] = _short(str(facts[name]))
    return {name: visible(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}


_LONGEST, _LONGEST_CODE = 300, 80
_INNARDS = re.compile(r"(?:\AResponse payload\b|:?\s*(?:\n|<\w+(?:Error|Exception)\b|b')).*\Z", re.DOTALL)


def _short(said: str) -> str:
    """Somebody else's words for a sentence of ours: the first line, without a program's innards and the last stop."""
    said = visible(_INNARDS.sub("", " ".join(said.split()))).rstrip(".:")
    most = _LONGEST_CODE if said.startswith(("{", "[")) else _LONGEST
    return said if len(said) <= most else f"{said[:most]}..."


def _wait(exchange: Exchange) -> int:
    """The seconds that the backend wants to be left alone, as far as it tells them in seconds."""
    told = header(exchange.headers, "retry-after").strip()
    return int(told) if told.isascii() and told.isdigit() and len(told) < 8 else 0
