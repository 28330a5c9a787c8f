"""No report is forgotten: each stands among those that are judged, or among those that cannot be, with the reason."""

from importlib import import_module
from pathlib import Path

from tests.cases.sources import SOURCES

TABLES = [
    import_module(f"tests.cases.{path.stem}")
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if not path.stem.startswith("test_")
]
JUDGED = {record.url for table in TABLES for record in getattr(table, "RECORDS", ())}
UNJUDGED = [item for table in TABLES for item in getattr(table, "UNJUDGED", {}).items()]


def test_every_report_is_judged_or_has_its_reason() -> None:
    """One report may be several records, of what it tells of several answers, but never both, judged and not."""
    left_out = [url for url, _ in UNJUDGED]
    assert len(left_out) == len(set(left_out))
    assert not JUDGED & set(left_out)
    assert sorted(JUDGED | set(left_out)) == sorted(SOURCES)


def test_a_reason_is_a_sentence() -> None:
    """Nobody has to guess why a report is left out."""
    for url, reason in UNJUDGED:
        assert len(reason.split()) > 8, url


def test_the_list_of_reports_is_whole() -> None:
    """Each of the 139 threads once, under its own name."""
    assert len(SOURCES) == len(set(SOURCES.values())) == 139
