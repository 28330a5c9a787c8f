"""Remembers how each backend has done lately: after several failures in a row it is asked last, until it recovers.

One bad answer condemns nobody, nor do all the attempts of one request, which count once at most. An open circuit closes
by itself: after a while one request is let through first, and its success makes the backend what it was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lumeai_cli.flow.attempt import Attempt, Candidate

FAILURES = 5
"""Failures in a row that open the circuit."""

OPEN_SECONDS = 30.0
TRIAL_SECONDS = 10.0
"""While the one request of a half-open circuit is under way, others go elsewhere."""

_CLIENTS_OWN = frozenset(
    {
        "request-refused",
        "model-not-found",
        "context-exceeded",
        "body-too-large",
        "content-filtered",
        "refusal-only",
        "unsupported-parameter",
        "tools-unsupported",
        "tool-parser-off",
        "tool-result-rejected",
        "output-budget-spent",
    }
)
"""What depends on the request, and says nothing of the backend's health."""


@dataclass(frozen=True, slots=True)
class Health:
    """`failures` in a row, and when the circuit opened or was last tried; `base` is the URL at which it answered."""

    failures: int = 0
    since: float = 0.0
    trial: float = -TRIAL_SECONDS
    base: str = ""

    def open(self, at: float) -> bool:
        """Whether it should be asked last."""
        if self.failures < FAILURES:
            return False
        return at - self.since < OPEN_SECONDS or at - self.trial < TRIAL_SECONDS


class Circuits:
    """The health of all backends by name; `at` is the caller's clock, in seconds."""

    __slots__ = ("_health",)

    def __init__(self) -> None:
        self._health: dict[str, Health] = {}

    def health(self, name: str) -> Health:
        """How this backend has done."""
        return self._health.get(name, Health())

    def failed(self, attempt: Attempt, name: str, at: float) -> bool:
        """An attempt has failed by the cause with this name; whether that counts against its backend."""
        if name in _CLIENTS_OWN:
            return False
        health = self.health(attempt.candidate.backend.name)
        self._health[attempt.candidate.backend.name] = replace(health, failures=health.failures + 1, since=at)
        return True

    def answered(self, attempt: Attempt) -> None:
        """An attempt has succeeded; the URL that was found for it is kept for the next one."""
        name = attempt.candidate.backend.name
        health = Health(base=attempt.candidate.base)
        if self._health.get(name) != health:
            self._health[name] = health

    def ordered(self, candidates: Iterable[Candidate], at: float) -> tuple[Candidate, ...]:
        """The candidates as they should be asked: at the URLs that were found to work, the open ones last."""
        known = [replace(one, base=base) if (base := self.health(one.backend.name).base) else one for one in candidates]
        closed = [one for one in known if not self.health(one.backend.name).open(at)]
        for one in closed:
            health = self.health(one.backend.name)
            if health.failures >= FAILURES:
                self._health[one.backend.name] = replace(health, trial=at)
        return (*closed, *(one for one in known if one not in closed))

    def opened(self, at: float) -> Sequence[str]:
        """The names of the backends that are asked last."""
        return [name for name, health in self._health.items() if health.open(at)]
