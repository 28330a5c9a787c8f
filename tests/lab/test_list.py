"""`lumeai lab list`: what programs and people read about each specimen."""

import json

import pytest

from lumeai_cli.cli.lab import list_
from lumeai_cli.diagnoses.catalogue import CATALOGUE
from lumeai_cli.diagnoses.finding import Severity
from lumeai_cli.lab import SPECIMENS, UNLISTED

WORDS = {
    "en": {"sick": "sick", "healthy": "healthy", "warning": "warning", "note": "note"},
    "ru": {"sick": "болен", "healthy": "здоров", "warning": "предупреждение", "note": "заметка"},
}
both = pytest.mark.parametrize("language", WORDS)


def test_every_diagnosis_that_a_specimen_shows_is_in_the_catalogue() -> None:
    shown = {specimen.shows for specimen in (*SPECIMENS.values(), *UNLISTED.values())} - {""}
    assert shown <= CATALOGUE.keys()
    risks = {specimen.shows for specimen in SPECIMENS.values() if specimen.warns}
    assert {CATALOGUE[name].severity for name in risks} == {Severity.WARNING}


@both
def test_programs_read_the_code_beside_the_health(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A warning or a note has a code, too, and its server is healthy all the same."""
    assert list_(json=True, lang=language) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "name": specimen.name,
            "code": CATALOGUE[specimen.shows].code if specimen.shows else None,
            "healthy": specimen.healthy,
            "sentence": {"en": specimen.sentence_en, "ru": specimen.sentence_ru}[language],
        }
        for specimen in SPECIMENS.values()
    ]


@both
def test_people_see_at_a_glance_who_is_sick(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert list_(json=False, lang=language) == 0
    lines = capsys.readouterr().out.splitlines()
    columns = set()
    for line, specimen in zip(lines, SPECIMENS.values(), strict=True):
        code, name, state, _ = line.split(maxsplit=3)
        assert (code, name) == (CATALOGUE[specimen.shows].code if specimen.shows else "-", specimen.name)
        beside = "warning" if specimen.warns else "note" if specimen.shows else "healthy"
        assert state == WORDS[language][beside if specimen.healthy else "sick"]
        columns.add(line.index(specimen.sentence(language)))
    assert len(columns) == 1
