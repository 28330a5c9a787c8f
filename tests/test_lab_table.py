"""The lab and the doctor agree: every listed specimen gets its name, its certainty, its health and its exit code."""

from dataclasses import replace

import pytest

from tests import lab_table
from tests.lab_table import NOBODY, Diagnosed, Row, expected, rows, table

SICK = Diagnosed("zero-events", "proven", healthy=False, exit_code=1)
WELL = Diagnosed(NOBODY, NOBODY, healthy=True, exit_code=0)
WARNED = Diagnosed("buffered-stream", "proven", healthy=True, exit_code=0)


@pytest.mark.parametrize("patience", [pytest.param(60.0, id="patient"), pytest.param(0.0, id="hurried")])
def test_every_specimen_of_the_lab_gets_what_it_must(patience: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the lab's own pace, so that slow specimens are as slow as they say; and whether or not the doctor takes every
    server for a slow one, of which it asks more at once.
    """
    monkeypatch.setattr("lumeai_cli.doctor.conversation.PATIENCE", patience)
    for scheme in ("http", "https", "all"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_proxy".upper(), raising=False)
    told = rows()
    assert all(row.right for row in told), "\n".join(table(told))


@pytest.mark.parametrize(
    ("name", "healthy", "due"),
    [
        ("zero-events", False, SICK),
        ("healthy-plain", True, WELL),
        ("healthy-no-done", True, replace(WELL, name="(missing-done)", certainty="proven")),
        ("buffered-stream", True, WARNED),
        ("buffered-stream", False, replace(SICK, name="buffered-stream")),
        ("g4f-cuts-history", True, replace(WARNED, name="g4f-cuts-history", certainty="likely")),
        ("models-list-proves-nothing", True, replace(WARNED, name="(models-list-proves-nothing)")),
    ],
)
def test_what_is_due(name: str, *, healthy: bool, due: Diagnosed) -> None:
    """A sick specimen its own name, a risk a warning, an observation a note, a healthy one nothing."""
    assert expected(name, healthy=healthy) == due


@pytest.mark.parametrize(
    ("due", "got", "name_right", "health_right"),
    [
        (SICK, SICK, True, True),
        (SICK, replace(SICK, name="done-only"), False, True),
        (SICK, replace(SICK, name="zero-events + done-only"), False, True),
        (SICK, replace(SICK, certainty="likely"), False, True),
        (SICK, replace(SICK, exit_code=3), True, False),
        (SICK, replace(SICK, healthy=None), True, False),
        (SICK, WELL, False, False),
        (WELL, WELL, True, True),
        (WELL, WARNED, False, True),
        (WELL, SICK, False, False),
        (replace(WARNED, certainty="likely"), WARNED, True, True),
        (WARNED, replace(WARNED, certainty="likely"), False, True),
    ],
)
def test_a_row_is_right_or_wrong_by_column(
    due: Diagnosed, got: Diagnosed, *, name_right: bool, health_right: bool
) -> None:
    """The name with its certainty is one matter, health with the exit code the other; more proof is no fault."""
    row = Row("x", due, got)
    assert (row.name_right, row.health_right, row.right) == (name_right, health_right, name_right and health_right)


def test_a_crash_of_lumeai_makes_a_row_wrong() -> None:
    """Whatever it still found."""
    assert not Row("x", SICK, SICK, crashed=True).right


def test_the_script_fails_where_a_row_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says which."""
    told = [Row("a", SICK, SICK), Row("b", SICK, WELL), Row("c", SICK, replace(SICK, certainty="likely"))]
    monkeypatch.setattr(lab_table, "rows", lambda _names: told)
    assert lab_table.main([]) == 1
    *lines, summary = capsys.readouterr().out.splitlines()
    assert [line.count("WRONG") for line in lines] == [0, 0, 2, 1]
    assert lines[3].split()[-5:] == ["likely", "for", "proven", "WRONG", "right"]
    assert summary == "3 specimens (3 sick, 0 healthy): 2 WRONG: b, c"
    monkeypatch.setattr(lab_table, "rows", lambda _names: told[:1])
    assert lab_table.main([]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 specimens (1 sick, 0 healthy): all right"


def test_a_specimen_that_the_lab_does_not_list_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the finger must not look like a table without a fault."""
    assert lab_table.main(["zero-evnts"]) == 2
    assert "zero-evnts" in capsys.readouterr().err
