"""What an examination came to: plain values that every renderer of a report reads."""

from dataclasses import dataclass
from enum import StrEnum

from lumeai_cli.backends.backend import Kind
from lumeai_cli.clients.outcome import Outcome
from lumeai_cli.diagnoses.diagnosis import Diagnosis
from lumeai_cli.diagnoses.finding import Finding, Severity
from lumeai_cli.text.phrase import Phrase


class ProbeStatus(StrEnum):
    """How one probe went. Not judged is a result of its own and always has a reason."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_JUDGED = "not-judged"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One probe: its status, why it is so, how long it took, and the tokens that it cost (0 where nobody counted)."""

    name: str
    status: ProbeStatus
    reason: Phrase | None = None
    seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    exchanges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rated:
    """A finding with its entry of the catalogue and the severity that the judged clients give it."""

    finding: Finding
    diagnosis: Diagnosis
    severity: Severity


@dataclass(frozen=True, slots=True)
class Judged:
    """What one client would show, and the code of the finding that explains it (empty: none needed, or none known)."""

    client: str
    title: str
    outcome: Outcome
    because: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The one cause, with the codes of the findings that it explains."""

    rated: Rated
    explains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetReport:
    """One target, examined. `healthy` is None where nothing decisive could be judged."""

    name: str
    url: str
    base: str
    kind: Kind
    model: str | None
    healthy: bool | None
    verdict: Verdict | None
    next: tuple[str, ...]
    findings: tuple[Rated, ...]
    clients: tuple[Judged, ...]
    probes: tuple[ProbeResult, ...]
    notes: tuple[Phrase, ...] = ()
    crashed: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one run of the doctor found. `started` is UTC, ISO 8601."""

    version: str
    started: str
    seconds: float
    targets: tuple[TargetReport, ...]
    notes: tuple[Phrase, ...] = ()
    demo: bool = False
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """130 interrupted, 1 a problem, 3 something could not be examined, 0 healthy; in this order."""
        if self.interrupted:
            return 130
        if any(target.healthy is False for target in self.targets):
            return 1
        if not self.targets or any(target.healthy is None or target.crashed for target in self.targets):
            return 3
        return 0
