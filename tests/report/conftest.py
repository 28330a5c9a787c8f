"""Reports made by hand, for the renderers to put into words."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from lumeai_cli.backends.backend import Backend, Kind
from lumeai_cli.clients.outcome import OK, Outcome, OutcomeKind, Words
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.diagnoses.catalogue import CATALOGUE
from lumeai_cli.diagnoses.finding import Certainty, Evidence, Finding, Severity
from lumeai_cli.doctor.examine import examine
from lumeai_cli.doctor.options import Options
from lumeai_cli.doctor.result import Judged, ProbeResult, ProbeStatus, Rated, Report, TargetReport, Verdict
from lumeai_cli.doctor.target import target_of
from lumeai_cli.lab import running_lab
from lumeai_cli.text.phrase import phrase

Make = Callable[..., Any]


def _rated(name: str = "server-error", **changes: Any) -> Rated:
    """A finding of this name; `said` is what the server said, `excerpt` what is quoted of it."""
    facts = {"status": 500, "said": changes.pop("said", "worker 3 died"), "probes": "stream"}
    excerpt = changes.pop("excerpt", '{"error": "worker 3 died"}')
    severity = changes.pop("severity", Severity.ERROR)
    finding = Finding(name, Certainty.PROVEN, facts, (Evidence("e1", 0, 26, 0.412, excerpt),), ("e1",))
    return Rated(replace(finding, **changes), CATALOGUE[name], severity)


def _healthy(**changes: Any) -> TargetReport:
    """A target that is well."""
    probes = (
        ProbeResult("connect", ProbeStatus.PASSED, None, 0.001),
        ProbeResult("stream", ProbeStatus.PASSED, None, 0.41, 18, 2, ("e1",)),
        ProbeResult("url-variants", ProbeStatus.SKIPPED, phrase("skip-url-works")),
    )
    clients = tuple(Judged(name, profile.title, OK) for name, profile in PROFILES.items())
    well = TargetReport(
        "mine",
        "http://127.0.0.1:8080/v1",
        "http://127.0.0.1:8080/v1",
        Kind.UNKNOWN,
        "qwen3",
        healthy=True,
        verdict=None,
        next=(),
        findings=(),
        clients=clients,
        probes=probes,
    )
    return replace(well, **changes)


def _sick(rated: Rated | None = None, *others: Rated, **changes: Any) -> TargetReport:
    """A target with a verdict, its clients all failing with the server's words."""
    cause = rated or _rated()
    message = Words(changes.pop("message", "500 worker 3 died"))
    clients = tuple(
        Judged(name, profile.title, Outcome(OutcomeKind.RETRY, message), cause.diagnosis.code)
        for name, profile in PROFILES.items()
    )
    told = {
        "healthy": False,
        "verdict": Verdict(cause, ("LUM501",)),
        "next": tuple(rated.finding.name for rated in others),
        "findings": (cause, *others),
        "clients": clients,
    }
    return _healthy(**(told | changes))


def _report(*targets: TargetReport, **changes: Any) -> Report:
    """A report of these targets."""
    return replace(Report("0.1.0", "2026-11-22T12:00:00+00:00", 1.234, targets), **changes)


@pytest.fixture(scope="session")
def rated() -> Make:
    return _rated


@pytest.fixture(scope="session")
def healthy() -> Make:
    return _healthy


@pytest.fixture(scope="session")
def sick() -> Make:
    return _sick


@pytest.fixture(scope="session")
def report() -> Make:
    return _report


@pytest.fixture(scope="session")
def every_kind() -> Report:
    """One report with everything that a report may hold."""
    warning = _rated("slow-first-byte", severity=Severity.WARNING, facts={"seconds": 31.5, "probes": "stream"})
    note = _rated(
        "empty-answer", severity=Severity.NOTE, facts={"finish": "stop", "completion_tokens": 0, "probes": "x"}
    )
    crash = ProbeResult("stream", ProbeStatus.CRASHED, phrase("crashed", error="KeyError at _sizes:12"))
    late = ProbeResult("agent-xml", ProbeStatus.NOT_JUDGED, phrase("skip-time", seconds="300"))
    failed = ProbeResult("plain", ProbeStatus.FAILED, None, 0.2, 18, 2, ("e1",))
    unsure = Judged("kilo-xml", "Kilo Code 4.x", Outcome(OutcomeKind.NOT_JUDGED, Words("who knows", "кто знает")))
    return _report(
        _healthy(),
        _healthy(name="warned", findings=(warning,), next=("slow-first-byte",)),
        _sick(_rated(), warning, note, probes=(failed, late), notes=(phrase("note-completed", url="http://h/v1"),)),
        _healthy(name="unknown", healthy=None, model=None, clients=(unsure,), probes=(late,)),
        _healthy(name="crashed", healthy=None, clients=(), probes=(crash,), crashed=True),
        notes=(phrase("note-absent", name="ollama", url="http://127.0.0.1:11434/v1"),),
        demo=True,
        interrupted=True,
    )


@pytest.fixture(scope="session")
def examined() -> Iterator[Report]:
    """A real report: four servers of the lab, examined by the doctor."""
    names = ("healthy-plain", "json-for-stream", "canned-answer", "endpoint-not-found")
    with pytest.MonkeyPatch.context() as patch, running_lab(time_scale=0.05) as lab:
        for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.delenv(variable, raising=False)
            patch.delenv(variable.lower(), raising=False)
        targets = [target_of(Backend(name, lab.url(name))) for name in names]
        yield asyncio.run(examine(targets, Options(tuple(PROFILES.values())), lambda _name, _phrase: None)).report
