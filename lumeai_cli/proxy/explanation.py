"""Why an attempt failed, in the words of the catalogue: the exchange is judged as the doctor judges it.

What retries cannot cure gets a status that clients show at once and do not repeat (measured with real clients, 2026-11:
400, 401, 403, 404 and 422 are shown word for word; 429 and every 5xx are repeated in silence for a minute or more; 413
and the words "context length" make agents shorten the conversation, so they stand for that alone).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lumeai_cli.backends.models import FALLBACK
from lumeai_cli.diagnoses.case import STREAMED, Case
from lumeai_cli.diagnoses.catalogue import CATALOGUE, findings_of
from lumeai_cli.diagnoses.content import UNEXPLAINED
from lumeai_cli.diagnoses.diagnosis import EVERYTHING, Diagnosis
from lumeai_cli.diagnoses.finding import Fact, Finding, Severity
from lumeai_cli.diagnoses.page import fill, page
from lumeai_cli.proxy.attempt import Attempt, asked_of
from lumeai_cli.proxy.chat import Chat
from lumeai_cli.repair.fault import Fault
from lumeai_cli.text.phrase import say
from lumeai_cli.text.visible import visible
from lumeai_cli.wire.exchange import Ending, EndingKind, Exchange, header
from lumeai_cli.wire.reading import Reading, read

LONGEST_WAIT = 30
"""Seconds of the longest `Retry-After` that is passed on; agents wait for more in silence, and say nothing."""

UNPROCESSABLE = 422

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
    """`name` and `code` are those of a diagnosis; `said` are the backend's own words; `retry_after` seconds, or 0."""

    code: str
    name: str
    facts: Mapping[str, Fact] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    said: str = ""
    retry_after: int = 0

    @property
    def status(self) -> int:
        """The HTTP status under which it is told."""
        return _STATUS.get(self.name, UNPROCESSABLE)

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed a moment later."""
        return self.name in PASSING

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
        sentences = [plain(fill(told.summary, self.facts, language))]
        if self.said and self.said not in sentences[0]:
            sentences.append(say(language, "backend-said", said=self.said))
        cures = [cure for cure in told.fixes if OURSELVES not in cure]
        if cures:
            sentences.append(say(language, "what-to-do", cure=plain(fill(cures[0], self.facts, language))))
        sentences.append(say(language, "more-about", code=self.code, name=self.name))
        return " ".join(sentences)


OURSELVES = "lumeai serve"
"""Cures that begin with what already stands in between are none."""

_CODE_BLOCK = re.compile(r"\s*```.*?(?:```|\Z)", re.DOTALL)


def plain(markdown: str) -> str:
    """A page's sentence as plain text on one line, without the code blocks below it."""
    text = _CODE_BLOCK.sub("", markdown)
    return " ".join(text.replace("**", "").replace("`", "").split())


def explain(exchange: Exchange, attempt: Attempt, fault: Fault) -> Explanation:
    """What the exchange shows, or what the mender met in it where the catalogue has no name for the whole."""
    reading = read(exchange)
    case = Case(attempt.candidate.url, attempt.candidate.url, model=reading.asked.model, readings=(reading,))
    root = _root(findings_of(case))
    named = CATALOGUE.get(fault.name)
    if named is not None and (root is None or fault.name in _MENDER_KNOWS):
        root = named, Finding(fault.name, facts={"said": fault.said})
    if root is None:
        root = _by_ending(reading)
    diagnosis, finding = root
    said = fault.said or _said(finding)
    return Explanation(
        diagnosis.code, diagnosis.name, MappingProxyType(_facts(finding, attempt)), said[:300], _wait(exchange)
    )


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


def exchange_of(identity: str, attempt: Attempt, chat: Chat) -> Exchange:
    """The exchange of an attempt, before anything of it has come."""
    return Exchange(identity, asked_of(attempt, chat, STREAMED), None, (), None, (), Ending(EndingKind.CANCELLED))


def _root(findings: tuple[Finding, ...]) -> tuple[Diagnosis, Finding] | None:
    """The error that no other explains; the families' order breaks ties."""
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
    roots = [pair for pair in errors if pair[0].name not in explained] or errors
    return min(roots, key=lambda pair: (pair[0].family, pair[0].code), default=None)


def _by_ending(reading: Reading) -> tuple[Diagnosis, Finding]:
    """A name for what the catalogue does not judge by one exchange."""
    kind = reading.ending.kind
    if kind in (EndingKind.TIMEOUT_FIRST, EndingKind.TIMEOUT_SILENCE, EndingKind.TIMEOUT_TOTAL):
        name = "no-answer"
    elif kind in (EndingKind.RESET, EndingKind.CUT):
        name = "stream-cut" if reading.body else "connection-reset"
    elif reading.ok and not reading.answer.usable:
        name = "empty-answer"
    else:
        name = UNEXPLAINED
    return CATALOGUE[name], Finding(name)


def _said(finding: Finding) -> str:
    said = finding.facts.get("said", "")
    return said if isinstance(said, str) else ""


def _facts(finding: Finding, attempt: Attempt) -> dict[str, Fact]:
    facts: dict[str, Fact] = {
        "url": attempt.candidate.url,
        "base": attempt.candidate.base or attempt.candidate.backend.url,
        "model": attempt.candidate.model or FALLBACK,
        "target": attempt.candidate.backend.name,
        **finding.facts,
    }
    return {name: visible(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}


def _wait(exchange: Exchange) -> int:
    """The seconds that the backend wants to be left alone, as far as it tells them in seconds."""
    told = header(exchange.headers, "retry-after").strip()
    return int(told) if told.isascii() and told.isdigit() and len(told) < 8 else 0
