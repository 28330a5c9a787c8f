"""What the user asked of the doctor."""

from collections.abc import Sequence
from dataclasses import dataclass

from lumeai_cli.clients.profile import Profile
from lumeai_cli.clients.request import NATIVE_SIZE, XML_SIZE
from lumeai_cli.doctor.probe import PROBES

REMOTE_BUDGET = 60_000
"""Tokens that an examination of another machine may cost unless the user says otherwise."""


@dataclass(frozen=True, slots=True)
class Options:
    """`only` are the probes that were asked for by name; those about words and tools are then sent without a reason.

    `budget` is in tokens (None: the default of the target's place), `timeout` and `slow_after` in seconds.
    """

    profiles: Sequence[Profile]
    probes: frozenset[str] = frozenset(PROBES)
    xml_chars: int = XML_SIZE
    native_chars: int = NATIVE_SIZE
    quick: bool = False
    budget: int | None = None
    repeat: int = 3
    slow_after: float = 30.0
    timeout: float = 300.0
    model: str | None = None
    only: frozenset[str] = frozenset()

    def budget_for(self, *, loopback: bool) -> int | None:
        """The tokens that may be spent on a target there; None is without limit."""
        if self.budget is not None:
            return self.budget
        return None if loopback else REMOTE_BUDGET
