"""What tests ask of a report."""

from lumeai_cli.diagnoses.finding import Finding, Severity
from lumeai_cli.doctor.result import ProbeStatus, TargetReport


def names(report: TargetReport, *severities: Severity) -> list[str]:
    """The findings of these severities."""
    return [rated.finding.name for rated in report.findings if rated.severity in (severities or tuple(Severity))]


def finding(report: TargetReport, name: str) -> Finding:
    """The finding of this name, which there must be."""
    [found] = [rated.finding for rated in report.findings if rated.finding.name == name]
    return found


def verdict(report: TargetReport) -> str | None:
    """The name of the verdict."""
    return None if report.verdict is None else report.verdict.rated.finding.name


def status(report: TargetReport, probe: str) -> tuple[ProbeStatus, str]:
    """How a probe went, and the key of the reason."""
    [result] = [result for result in report.probes if result.name == probe]
    return result.status, "" if result.reason is None else result.reason.key
