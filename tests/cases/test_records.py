"""Every public report that could be rebuilt gets the name that its wire evidence has by definition."""

from importlib import import_module
from pathlib import Path

import pytest

from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.diagnoses.finding import Severity
from lumeai_cli.doctor.cause import Conclusion, conclude
from tests.cases.record import HEALTHY, Recorded, beside

TABLES = [
    import_module(f"tests.cases.{path.stem}")
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if not path.stem.startswith("test_")
]
RECORDS: tuple[Recorded, ...] = tuple(record for table in TABLES for record in getattr(table, "RECORDS", ()))


def severities(found: Conclusion) -> dict[str, Severity]:
    """All findings with their severities."""
    return {rated.finding.name: rated.severity for rated in found.findings}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.url.removeprefix("https://"))
def test_the_wire_has_the_name_that_the_definitions_give_it(record: Recorded) -> None:
    """An error is the verdict, a warning or a note stands in the report, and a client's own fault is none of these."""
    found = conclude(record.case, list(PROFILES.values()))
    findings = severities(found)
    verdict = found.verdict.rated.finding.name if found.verdict is not None else ""
    if record.name == HEALTHY:
        assert found.healthy is True, findings
        assert set(findings.values()) <= {Severity.NOTE}, findings
    elif record.severity is Severity.ERROR:
        assert verdict == record.name, findings
    else:
        assert found.healthy is True, findings
        assert findings.get(record.name) is record.severity, findings


@pytest.mark.parametrize("record", [one for one in RECORDS if one.facts], ids=lambda record: record.url)
def test_the_finding_tells_the_numbers_and_names_of_the_report(record: Recorded) -> None:
    """A cause without its numbers helps half as much."""
    found = conclude(record.case, list(PROFILES.values()))
    facts = next((rated.finding.facts for rated in found.findings if rated.finding.name == record.name), {})
    assert {name: facts.get(name) for name in record.facts} == record.facts


@pytest.mark.parametrize("record", [one for one in RECORDS if one.meets], ids=lambda record: record.url)
def test_the_clients_users_meet_what_the_report_tells(record: Recorded) -> None:
    """The symptom of the report comes from the same bytes as its cause."""
    found = conclude(record.case, list(PROFILES.values()))
    met = {judged.client: judged.outcome.kind for judged in found.clients if judged.client in record.meets}
    assert met == record.meets


def test_the_server_that_answers_all_other_questions_is_healthy() -> None:
    """What is found in a record comes from what the record says, and from nothing else."""
    found = conclude(Recorded("", "nothing is wrong", HEALTHY, beside()).case, list(PROFILES.values()))
    assert (found.healthy, severities(found)) == (True, {})
