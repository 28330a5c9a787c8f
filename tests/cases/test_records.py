"""Every public report that could be rebuilt gets the name that its wire evidence has by definition."""

from importlib import import_module
from pathlib import Path

import pytest

from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.diagnoses.finding import Severity
from lumeai_cli.doctor.cause import conclude
from tests.cases.record import HEALTHY, Recorded, beside

TABLES = [
    import_module(f"tests.cases.{path.stem}")
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if not path.stem.startswith("test_")
]
RECORDS: tuple[Recorded, ...] = tuple(record for table in TABLES for record in getattr(table, "RECORDS", ()))


def told(record: Recorded) -> tuple[str, dict[str, Severity]]:
    """What the doctor says of it: the verdict's name, and all findings with their severities."""
    found = conclude(record.case, list(PROFILES.values()))
    verdict = found.verdict.rated.finding.name if found.verdict is not None else HEALTHY
    return verdict, {rated.finding.name: rated.severity for rated in found.findings}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.url.removeprefix("https://"))
def test_the_wire_has_the_name_that_the_definitions_give_it(record: Recorded) -> None:
    """An error is the verdict, a warning or a note stands in the report, and a client's own fault is none of these."""
    verdict, findings = told(record)
    if record.name == HEALTHY:
        assert not verdict, findings
        assert Severity.WARNING not in findings.values(), findings
    elif record.severity is Severity.ERROR:
        assert verdict == record.name, findings
    else:
        assert not verdict, findings
        assert findings.get(record.name) is record.severity, findings


def test_the_server_that_answers_all_other_questions_is_healthy() -> None:
    """What is found in a record comes from what the record says, and from nothing else."""
    record = Recorded("", "nothing is wrong", HEALTHY, beside())
    assert conclude(record.case, list(PROFILES.values())).healthy is True
    assert told(record) == (HEALTHY, {})
