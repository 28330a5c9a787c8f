"""One entry of the catalogue: a permanent code, a name with one definition, what it explains, and its detector."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from lumeai_cli.diagnoses.case import Case
from lumeai_cli.diagnoses.finding import Certainty, Evidence, Fact, Finding, Severity
from lumeai_cli.wire.reading import Reading

QUOTED = 3  # pieces of evidence that a finding quotes

EVERYTHING = frozenset({"*"})
"""What a cause explains behind which no other can be seen."""

Detector = Callable[[Case], Iterator[Finding]]


class Family(IntEnum):
    """The families in the order that breaks ties between findings of which neither explains the other."""

    GATEWAY = 0  # what lies in between beats all
    REACH = 1
    URL = 2
    KEY = 3
    MODEL = 4
    SIZE = 5
    STREAM = 6
    ERROR = 7
    FRAMING = 8
    DIALECT = 9
    WINDOW = 10
    BUDGET = 11
    REASONING = 12
    TOOLS = 13
    CONTENT = 14
    TIME = 15


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`severity` is the worst it can be: the judged clients may lower an error to a warning, never raise it.

    `explains` names the findings that vanish with this one, or is `EVERYTHING`.
    """

    code: str
    name: str
    family: Family
    detect: Detector
    severity: Severity = Severity.ERROR
    explains: frozenset[str] = frozenset()


Hit = tuple[Reading, Evidence]


def found(
    name: str,
    hits: Iterable[Hit],
    facts: Mapping[str, Fact] | None = None,
    certainty: Certainty = Certainty.PROVEN,
    at_most: Severity = Severity.ERROR,
) -> Iterator[Finding]:
    """One finding from all the readings in which it shows, or none."""
    listed = list(hits)
    if not listed:
        return
    # The same bytes once more prove no more.
    distinct: dict[str, Evidence] = {}
    for _, evidence in listed:
        distinct.setdefault(evidence.excerpt, evidence)
    yield Finding(
        name,
        certainty,
        {**(facts or {}), "probes": ", ".join(dict.fromkeys(reading.asked.probe for reading, _ in listed))},
        tuple(distinct.values())[:QUOTED],
        tuple(reading.exchange for reading, _ in listed),
        at_most,
    )
