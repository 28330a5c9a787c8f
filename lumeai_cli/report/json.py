"""The report for programs; its schema ships beside it. Keys and codes are English, sentences in the chosen language."""

import json
from typing import Any

from lumeai_cli.doctor.result import Judged, ProbeResult, Rated, Report, TargetReport, Verdict
from lumeai_cli.report.verdict_text import fixes, summary

SCHEMA_VERSION = 1


def render(report: Report, language: str, *, ascii_only: bool = False) -> str:
    """The report as JSON text."""
    return json.dumps(document(report, language), ensure_ascii=ascii_only, indent=2) + "\n"


def document(report: Report, language: str) -> dict[str, Any]:
    """The report as JSON values."""
    return {
        "schema_version": SCHEMA_VERSION,
        "lumeai": report.version,
        "started": report.started,
        "seconds": report.seconds,
        "demo": report.demo,
        "interrupted": report.interrupted,
        "notes": [note.in_(language) for note in report.notes],
        "targets": [_target(target, language) for target in report.targets],
    }


def _target(target: TargetReport, language: str) -> dict[str, Any]:
    return {
        "name": target.name,
        "url": target.url,
        "base": target.base,
        "kind": target.kind.value,
        "model": target.model,
        "healthy": target.healthy,
        "verdict": None if target.verdict is None else _verdict(target.verdict, target, language),
        "next": list(target.next),
        "findings": [_finding(rated) for rated in target.findings],
        "clients": {judged.client: _client(judged, language) for judged in target.clients},
        "probes": [_probe(probe, language) for probe in target.probes],
        "notes": [note.in_(language) for note in target.notes],
    }


def _verdict(verdict: Verdict, target: TargetReport, language: str) -> dict[str, Any]:
    rated = verdict.rated
    return {
        "code": rated.diagnosis.code,
        "name": rated.diagnosis.name,
        "certainty": rated.finding.certainty.value,
        "summary": summary(rated, target, language),
        "fix": list(fixes(rated, target, language)),
        "explains": list(verdict.explains),
    }


def _finding(rated: Rated) -> dict[str, Any]:
    return {
        "code": rated.diagnosis.code,
        "name": rated.diagnosis.name,
        "severity": rated.severity.value,
        "certainty": rated.finding.certainty.value,
        "facts": dict(rated.finding.facts),
        "evidence": [
            {
                "exchange": evidence.exchange,
                "start": evidence.start,
                "end": evidence.end,
                "at": evidence.at,
                "excerpt": evidence.excerpt,
            }
            for evidence in rated.finding.evidence
        ],
    }


def _client(judged: Judged, language: str) -> dict[str, Any]:
    return {
        "outcome": judged.outcome.kind.value,
        "message": judged.outcome.message.in_(language),
        "because": judged.because or None,
    }


def _probe(probe: ProbeResult, language: str) -> dict[str, Any]:
    return {
        "name": probe.name,
        "status": probe.status.value,
        "reason": "" if probe.reason is None else probe.reason.in_(language),
        "seconds": probe.seconds,
        "prompt_tokens": probe.prompt_tokens,
        "completion_tokens": probe.completion_tokens,
    }
