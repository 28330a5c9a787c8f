"""Causes that G4F has of its own (measured with g4f 8.8.6, 2026-11)."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from lumeai_cli.backends.backend import Kind
from lumeai_cli.diagnoses.access import said
from lumeai_cli.diagnoses.case import ANSWERING, G4F_RAW, Case
from lumeai_cli.diagnoses.diagnosis import Diagnosis, Family, found
from lumeai_cli.diagnoses.finding import Certainty, Finding, of_body
from lumeai_cli.wire.exchange import EndingKind

GENERIC = "Request execution failed"
"""All that g4f 8.4 and later say of any failure but a missing key, a rate limit and an unknown provider."""

DEFAULT_PORT = 1337


def _hides(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, of_body(reading))
        for reading in case.of(*ANSWERING)
        if any(GENERIC in error.message for error in reading.answer.errors)
    ]
    uncovered = next(
        (r for r in case.of(G4F_RAW) if r.answer.errors and GENERIC not in r.answer.errors[0].message), None
    )
    if not hits:
        return
    if uncovered is None:
        yield from found("g4f-hides-cause", hits, {"cause": "", "said": said(hits[0][0])}, Certainty.LIKELY)
        return
    yield from found(
        "g4f-hides-cause",
        [(uncovered, of_body(uncovered)), *hits],
        {"cause": said(uncovered), "said": said(hits[0][0])},
    )


def _extra_missing(case: Case) -> Iterator[Finding]:
    """Nothing listens where G4F would, and the G4F of this machine lacks its server's packages."""
    refused = [reading for reading in case.readings if reading.ending.kind is EndingKind.REFUSED]
    if not refused or not case.machine.g4f or not case.loopback:
        return
    if case.kind is not Kind.G4F and urlsplit(case.given).port != DEFAULT_PORT:
        return
    if any(not install.missing for install in case.machine.g4f):
        return
    install = case.machine.g4f[0]
    yield from found(
        "g4f-server-extra-missing",
        [(refused[0], of_body(refused[0]))],
        {"version": install.version, "place": install.place, "missing": ", ".join(install.missing)},
    )


ENTRIES = (
    Diagnosis(
        "LUM901",
        "g4f-server-extra-missing",
        Family.GATEWAY,
        _extra_missing,
        explains=frozenset({"connection-refused"}),
    ),
    Diagnosis(
        "LUM902",
        "g4f-hides-cause",
        Family.GATEWAY,
        _hides,
        explains=frozenset({"server-error", "error-in-200", "request-refused"}),
    ),
)
