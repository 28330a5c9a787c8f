"""The table of the lab: what the doctor says of every listed specimen beside what it must say.

`scripts/lab-table` prints it, `tests/test_lab_table.py` wants it all right.
"""

import asyncio
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from lumeai_cli.backends.backend import Backend
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.diagnoses.finding import Certainty, Severity
from lumeai_cli.doctor.examine import examine
from lumeai_cli.doctor.options import Options
from lumeai_cli.doctor.result import Report
from lumeai_cli.doctor.target import target_of
from lumeai_cli.lab import SPECIMENS, LabServer

NOTED = frozenset({"missing-done", "models-list-proves-nothing"})
"""Observations: where such a specimen is healthy, the doctor notes it by its name. Of other healthy specimens it warns
by their names; those that begin with `healthy-` have nothing to be told of.
"""

G4F_RISKS = frozenset({"g4f-cuts-history", "g4f-drops-repeated-turns", "g4f-rewrites-tools"})
"""Known of every G4F by its fingerprint, and told beside whatever else it shows."""

LESS_THAN_PROVEN: dict[str, Certainty] = {
    "g4f-cuts-history": Certainty.LIKELY,
    "g4f-drops-repeated-turns": Certainty.LIKELY,
    "g4f-rewrites-tools": Certainty.LIKELY,
}
"""Everywhere else the specimen shows the defining bytes, or a pair of probes reproduces it: proven. Whoever proves one
of these, too (by token counts, say), is right as well.
"""

NOTES_OF_HEALTHY = {"healthy-no-done": "missing-done", "healthy-text-plain": "wrong-content-type"}
"""The healthy specimens of which something is noted."""

NOBODY = "-"


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """What the doctor says of one specimen: the name, how sure it is, health and exit code of a report on it alone.

    `name` is that of the verdict; for a healthy specimen those of its warnings, and of its notes in brackets.
    """

    name: str
    certainty: str
    healthy: bool | None
    exit_code: int


@dataclass(frozen=True, slots=True)
class Row:
    """One specimen; the two columns are right or wrong by themselves."""

    specimen: str
    expected: Diagnosed
    got: Diagnosed
    crashed: bool = False

    @property
    def name_right(self) -> bool:
        """Whether name and certainty are as they must be."""
        same = self.got.name == self.expected.name
        proven = self.got.certainty == Certainty.PROVEN.value and self.expected.name != NOBODY
        return same and not self.crashed and (proven or self.got.certainty == self.expected.certainty)

    @property
    def health_right(self) -> bool:
        """Whether health and exit code are as they must be."""
        return (self.got.healthy, self.got.exit_code) == (self.expected.healthy, self.expected.exit_code)

    @property
    def right(self) -> bool:
        """Whether both columns are right."""
        return self.name_right and self.health_right


def expected(name: str, *, healthy: bool) -> Diagnosed:
    """What must be said of the specimen with this name."""
    certainty = LESS_THAN_PROVEN.get(name, Certainty.PROVEN).value
    if not healthy:
        return Diagnosed(name, certainty, healthy=False, exit_code=1)
    noted = NOTES_OF_HEALTHY.get(name) or (name if name in NOTED else "")
    if name.startswith("healthy-") and not noted:
        return Diagnosed(NOBODY, NOBODY, healthy=True, exit_code=0)
    return Diagnosed(f"({noted})" if noted else name, certainty, healthy=True, exit_code=0)


def rows(names: Iterable[str] = (), *, time_scale: float = 1.0) -> list[Row]:
    """The table of these specimens (of all listed ones if none is named), examined by the real doctor over sockets."""
    chosen = [SPECIMENS[name] for name in names] or list(SPECIMENS.values())
    report = asyncio.run(_examined([specimen.name for specimen in chosen], time_scale))
    return [
        Row(
            specimen.name,
            expected(specimen.name, healthy=specimen.healthy),
            _diagnosed(replace(report, targets=(target,))),
            target.crashed,
        )
        for specimen, target in zip(chosen, report.targets, strict=True)
    ]


async def _examined(names: Sequence[str], time_scale: float) -> Report:
    async with LabServer(time_scale=time_scale) as lab:
        targets = [target_of(Backend(name, lab.url(name))) for name in names]
        return (await examine(targets, Options(tuple(PROFILES.values())), lambda _name, _sentence: None)).report


def _diagnosed(report: Report) -> Diagnosed:
    """What a report on one target says."""
    (target,) = report.targets
    usual = G4F_RISKS - {target.name} if target.name.startswith("g4f-") else frozenset[str]()
    if target.verdict is not None:
        finding = target.verdict.rated.finding
        # A second cause beside the first is a wrong answer, too: every specimen has one fault.
        names = [finding.name, *(name for name in target.next if name not in usual)]
        return Diagnosed(" + ".join(names), finding.certainty.value, target.healthy, report.exit_code)
    told = [rated for rated in target.findings if rated.finding.name not in usual]
    names = [f"({rated.finding.name})" if rated.severity is Severity.NOTE else rated.finding.name for rated in told]
    certainty = told[0].finding.certainty.value if told else NOBODY
    return Diagnosed(" + ".join(names) or NOBODY, certainty, target.healthy, report.exit_code)


def table(told: Sequence[Row]) -> Iterator[str]:
    """The rows as lines of text, with a head and a summary."""
    head = ("specimen", "expected", "exit", "got", "exit", "healthy", "certainty", "name", "health")
    lines = [head, *map(_cells, told)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
    wrong = [row.specimen for row in told if not row.right]
    sick = sum(row.expected.healthy is False for row in told)
    summary = f"{len(wrong)} WRONG: {', '.join(wrong)}" if wrong else "all right"
    yield f"{len(told)} specimens ({sick} sick, {len(told) - sick} healthy): {summary}"


def _cells(row: Row) -> tuple[str, ...]:
    due, got = row.expected, row.got
    certainty = got.certainty if row.name_right or got.name != due.name else f"{got.certainty} for {due.certainty}"
    return (
        row.specimen,
        due.name,
        str(due.exit_code),
        f"{got.name} (lumeai crashed)" if row.crashed else got.name,
        str(got.exit_code),
        str(got.healthy),
        certainty,
        "right" if row.name_right else "WRONG",
        "right" if row.health_right else "WRONG",
    )


def main(names: Sequence[str]) -> int:
    """Prints the table; 1 if anything in it is wrong, 2 for a name that the lab does not know."""
    unknown = [name for name in names if name not in SPECIMENS]
    if unknown:
        sys.stderr.write(f"lab-table: the lab lists no specimen {', '.join(unknown)}\n")
        return 2
    for scheme in ("http", "https", "all"):
        for variable in (f"{scheme}_proxy", f"{scheme}_proxy".upper()):
            os.environ.pop(variable, None)  # the lab is this machine, whatever proxies its user has
    told = rows(names)
    sys.stdout.writelines(f"{line}\n" for line in table(told))
    return 0 if all(row.right for row in told) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
