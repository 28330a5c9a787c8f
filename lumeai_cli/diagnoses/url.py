"""Causes in the base URL: something answers, but it is not the API, or not there."""

import re
from collections.abc import Iterator
from dataclasses import replace

from lumeai_cli.backends.address import ENDPOINTS
from lumeai_cli.diagnoses.case import STREAMED, VARIANT, Case
from lumeai_cli.diagnoses.diagnosis import Diagnosis, Family, found
from lumeai_cli.diagnoses.finding import Certainty, Fact, Finding, excerpt, of_body, of_text, span
from lumeai_cli.wire.event import BackendError, OddKind
from lumeai_cli.wire.exchange import header, redirect_target
from lumeai_cli.wire.reading import Reading, Shape

NAMES_A_MODEL = re.compile(r"\bmodels?\b", re.IGNORECASE)
_NO_SUCH_ROUTE = re.compile(
    r"unexpected endpoint|not found: (GET|POST)|unknown (request )?url|invalid url|no route", re.IGNORECASE
)
NO_ROUTE = (404, 405, 410, 501)
"""Statuses of a place where nothing stands."""

_TITLE = re.compile(rb"<title[^>]*>\s*([^<]{1,120})", re.IGNORECASE)


def is_api(reading: Reading) -> bool:
    """Whether what answered at this URL is the chat endpoint of an LLM API, be its answer good or bad.

    A 404 that names the model, a refused key, a full queue: all of them come from an API. A page, a bare 404, a JSON
    value of another kind do not.
    """
    status = reading.status
    if status is None:
        return False
    if not reading.readable:
        return True  # nobody here can tell
    errors = reading.answer.errors
    if 200 <= status < 300:
        if reading.shape is Shape.HTML or (errors and _NO_SUCH_ROUTE.search(errors[0].message)):
            return False
        if not reading.ending.clean and reading.shape in (Shape.TEXT, Shape.EMPTY):
            return True  # it has not said enough to be called anything else
        if reading.shape is Shape.JSON:
            return bool(errors) or not reading.odd(OddKind.NO_CHOICES, OddKind.NOT_AN_OBJECT)
        if reading.shape is Shape.TEXT and any(isinstance(event, BackendError) for event in reading.events):
            return True
        # What is no stream, or an empty one, may have been meant as one.
        return reading.shape not in (Shape.TEXT, Shape.EMPTY) or reading.content_type == "text/event-stream"
    if 300 <= status < 400 or status in (405, 501):
        return False
    if status == 404:
        return any(NAMES_A_MODEL.search(error.message) or "model" in error.code for error in errors)
    if status in (400, 422):
        return reading.shape is Shape.JSON
    return True


def title_of(reading: Reading) -> str:
    """The title of a page, for people to recognise what answered."""
    match = _TITLE.search(reading.body[:65536])
    return " ".join(match[1].decode("utf-8", "replace").split()) if match else ""


def _wrong_base(name: str, case: Case) -> Iterator[Finding]:
    first = case.first_chat
    if not case.moved or first is None or name != _name_of_wrong_base(case):
        return
    worked = next((reading for reading in case.of(VARIANT, STREAMED)[1:] if reading.ok), None)
    (finding,) = found(
        name,
        [(first, of_body(first))],
        certainty=Certainty.LIKELY if worked is None else Certainty.PROVEN,
        facts={"given": case.given, "works": case.base, "status": first.status or 0, "asked": first.asked.url},
    )
    yield finding if worked is None else replace(finding, evidence=(*finding.evidence, of_text(worked)))


def _missing_v1(case: Case) -> Iterator[Finding]:
    return _wrong_base("base-url-missing-v1", case)


def _doubled(case: Case) -> Iterator[Finding]:
    return _wrong_base("base-url-doubled-path", case)


def _extra_v1(case: Case) -> Iterator[Finding]:
    return _wrong_base("base-url-extra-v1", case)


def _name_of_wrong_base(case: Case) -> str:
    """What is wrong with the URL as given, seen from the one that works."""
    if any(case.given.endswith(endpoint) for endpoint in ENDPOINTS):
        return "base-url-doubled-path"
    return "base-url-extra-v1" if case.given.removesuffix("/v1") == case.base else "base-url-missing-v1"


def _lost(case: Case) -> tuple[Reading, ...]:
    """The attempts at all the URLs, if none of them met an API."""
    attempts = case.of(VARIANT)
    met = case.moved or case.of(STREAMED) or any(is_api(reading) for reading in attempts)
    return () if met else attempts


def _not_found(case: Case) -> Iterator[Finding]:
    attempts = _lost(case)
    if attempts and all(reading.status in NO_ROUTE for reading in attempts):
        yield from found("endpoint-not-found", [(attempts[0], of_body(attempts[0]))], _tried(attempts))


def _html(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, of_body(reading))
        for reading in (*case.of(VARIANT)[:1], *case.answers())
        if reading.ok and reading.shape is Shape.HTML
    ]
    if hits:
        yield from found("html-instead-of-api", hits, {"title": title_of(hits[0][0]), "url": hits[0][0].asked.url})


def _redirected(case: Case) -> Iterator[Finding]:
    """A redirect, and what was met where it leads, if it was followed."""
    chat = case.of(STREAMED, VARIANT)
    first = next(iter(chat), None)
    if first is None or not 300 <= (first.status or 0) < 400:
        return
    target = header(first.headers, "location")
    meant = redirect_target(first.asked.url, first.headers)
    there = [reading for reading in chat if meant and reading.asked.url == meant]
    shown = span(first, 0, 0)
    shown = replace(shown, excerpt=excerpt(f"HTTP {first.status}, Location: {target}".encode()))
    yield Finding(
        "redirected",
        facts={"status": first.status or 0, "location": target[:300], "url": first.asked.url},
        evidence=(shown,),
        exchanges=(first.exchange, *(reading.exchange for reading in there)),
    )


def _not_llm(case: Case) -> Iterator[Finding]:
    attempts = _lost(case)
    if not attempts or all(reading.status in NO_ROUTE for reading in attempts):
        return
    answered = [reading for reading in attempts if reading.status is not None]
    if answered:
        yield from found("not-an-llm-api", [(answered[0], of_body(answered[0]))], _tried(attempts))


def _tried(attempts: tuple[Reading, ...]) -> dict[str, Fact]:
    return {
        "status": attempts[0].status or 0,
        "tried": ", ".join(dict.fromkeys(f"{reading.asked.url} ({reading.status})" for reading in attempts)),
    }


_WRONG_PLACE = frozenset({"endpoint-not-found", "html-instead-of-api", "not-an-llm-api", "redirected"})

ENTRIES = (
    Diagnosis("LUM201", "base-url-missing-v1", Family.URL, _missing_v1, explains=_WRONG_PLACE),
    Diagnosis("LUM202", "base-url-doubled-path", Family.URL, _doubled, explains=_WRONG_PLACE),
    Diagnosis("LUM203", "endpoint-not-found", Family.URL, _not_found),
    Diagnosis(
        "LUM204",
        "html-instead-of-api",
        Family.URL,
        _html,
        explains=frozenset({"not-an-llm-api", "endpoint-not-found", "zero-events"}),
    ),
    Diagnosis(
        "LUM205", "redirected", Family.URL, _redirected, explains=frozenset({"not-an-llm-api", "endpoint-not-found"})
    ),
    Diagnosis("LUM206", "not-an-llm-api", Family.URL, _not_llm),
    Diagnosis("LUM207", "base-url-extra-v1", Family.URL, _extra_v1, explains=_WRONG_PLACE),
)
