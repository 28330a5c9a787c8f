"""Behind `lumeai serve` nobody meets an empty answer, silence, a loop or a hang, whatever the backend does."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest

from lumeai_cli.clients.outcome import OutcomeKind
from lumeai_cli.lab import SPECIMENS
from lumeai_cli.lab.registry import UNLISTED
from lumeai_cli.transport.httpx_engine import HttpxEngine
from tests.matrix import table
from tests.matrix.ask import FORMS, Cell, cells, exchange
from tests.matrix.expected import ALONE, ALSO_PLAIN, PAIRED, REPAIRED, Mark, diagnosis, due
from tests.matrix.rig import HEALTHY, NAMES, Way, running_rig
from tests.matrix.table import Judged, judged

LISTED = (*SPECIMENS, *UNLISTED)
NEVER = frozenset({OutcomeKind.EMPTY, OutcomeKind.SILENT, OutcomeKind.LOOP, OutcomeKind.HANG, OutcomeKind.NOT_JUDGED})
SMALL = tuple(form for form in FORMS if not form.name.startswith(("xml-agent", "native-agent")))


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lab is this machine, whatever proxies its user has."""
    for scheme in ("http", "https", "all"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_proxy".upper(), raising=False)


@pytest.mark.timeout(400)
def test_every_cell_of_the_matrix_is_what_it_must_be() -> None:
    """Every specimen, alone and with a healthy second backend; every client, streamed and not, in real sizes, too."""
    with running_rig() as rig:
        told = [judged(cell) for cell in cells(rig, NAMES, tuple(Way))]
    assert len(told) == len(NAMES) * len(Way) * len(FORMS)
    assert not any(one.wrong for one in told), "\n".join(table.table(told))


def test_the_expectations_are_about_what_there_is() -> None:
    """No line of the tables names what does not exist, and none that a healthy second backend saves is excused."""
    assert set(ALONE) | set(PAIRED) <= set(NAMES)
    assert set(PAIRED) <= set(ALONE)
    excused = {
        (name, form.name)
        for name in PAIRED
        for form in FORMS
        if due(name, Way.WITH_HEALTHY, form.name).mark is not Mark.OK
    }
    alone = {
        (name, form.name) for name in ALONE for form in FORMS if due(name, Way.ALONE, form.name).mark is not Mark.OK
    }
    assert excused <= alone
    assert not any(SPECIMENS[name].healthy for name in ALONE if name in SPECIMENS)


def test_an_error_after_the_status_is_explained_as_well() -> None:
    """A backend that takes longer than `hold`: the status is out, and every end is an answer or an error in words."""
    streams = [form for form in SMALL if form.stream]
    with running_rig(tuple(ALONE), hold=0.0) as rig:
        told = cells(rig, ALONE, (Way.ALONE,), streams)
    assert not _faults(told)
    sent_before = [cell for cell in told if cell.reading.status == 200 and cell.told]
    assert len({cell.name for cell in sent_before}) > len(ALONE) // 2


def test_an_explanation_as_a_message_is_taken_by_every_client() -> None:
    """With `explain: message` the words are the answer, in the form with which each client ends its task."""
    names = ("endpoint-not-found", "key-missing", "empty-answer", "connection-refused")
    with running_rig(names, explain="message") as rig:
        told = cells(rig, names, (Way.ALONE,))
    for cell in told:
        assert cell.kinds == {OutcomeKind.OK}, (cell.name, cell.form.name, cell.met)
        said = cell.reading.answer.text + "".join(call.arguments for call in cell.reading.answer.calls)
        assert f"({table.CATALOGUE[cell.name].code};" in said


def test_the_words_are_russian_where_that_is_the_language() -> None:
    """The same causes in the other language."""
    chosen = [form for form in FORMS if form.name in ("xml plain", "native stream", "result stream")]
    with running_rig(tuple(ALONE), language="ru") as rig:
        told = [judged(cell) for cell in cells(rig, ALONE, (Way.ALONE,), chosen)]
    assert not [(one.cell.name, one.wrong, one.cell.told) for one in told if one.wrong]
    for one in told:
        if one.due.mark not in (Mark.OK, Mark.NUDGE):
            assert "Что делать: " in one.cell.told, one.cell.name
            assert "What to do" not in one.cell.told


def test_a_healthy_answer_passes_byte_for_byte() -> None:
    """But for the repairs that are announced, and comments behind the end."""
    asyncio.run(_compare())


async def _compare() -> None:
    names = [name for name in LISTED if (SPECIMENS.get(name) or UNLISTED[name]).healthy]
    with running_rig(names) as rig:
        async with HttpxEngine(proxied=False, tls=False) as engine:
            for name in names:
                model = "lab-model:latest" if name == "healthy-ollama" else "lab-model"
                for form in SMALL:
                    direct = await exchange(engine, rig.lab.url(name), form, model)
                    through = await exchange(engine, rig.url(name, Way.ALONE), form, model)
                    repairs = dict(through.headers).get("x-lumeai-repairs", "") + through.body.decode("utf-8")
                    if name in REPAIRED and (form.stream or name in ALSO_PLAIN):
                        assert REPAIRED[name] in repairs, name
                        assert through.body != direct.body
                    elif name == "healthy-comments" and form.stream:
                        assert direct.body.removesuffix(b": still here\n\n") == through.body
                    else:
                        assert through.body == direct.body, (name, form.name)


def _faults(told: Iterable[Cell]) -> list[tuple[str, str, object]]:
    """Cells in which a user meets what must never be met, or an error without its cause."""
    faults: list[tuple[str, str, object]] = []
    for cell in told:
        wanted = due(cell.name, cell.way, cell.form.name)
        if cell.kinds & NEVER:
            faults.append((cell.name, cell.form.name, cell.met))
        named = table.CATALOGUE.get(diagnosis(cell.name, wanted))
        explained = named is not None and f"({named.code};" in cell.told
        if wanted.mark not in (Mark.OK, Mark.NUDGE) and not explained:
            faults.append((cell.name, cell.form.name, cell.told))
    return faults


@pytest.fixture(scope="module")
def sample() -> dict[str, Cell]:
    """One answered cell and one explained one, as they really come."""
    (form,) = (form for form in FORMS if form.name == "sdk stream")
    with running_rig((HEALTHY, "key-missing")) as rig:
        return {cell.name: cell for cell in cells(rig, (HEALTHY, "key-missing"), (Way.ALONE,), (form,))}


@pytest.mark.parametrize(
    ("shown", "name", "wrong"),
    [
        (HEALTHY, HEALTHY, ""),
        ("key-missing", "key-missing", ""),
        (HEALTHY, "key-missing", "error is due, met is"),
        ("key-missing", HEALTHY, "ok is due, met is"),
        ("key-missing", "forbidden", "it does not name forbidden"),
        ("key-missing", "server-error", "the status is 401"),
        ("key-missing", "stream-cut", "the status is 401"),
    ],
)
def test_a_cell_is_right_or_wrong(shown: str, name: str, wrong: str, sample: dict[str, Cell]) -> None:
    """By what its clients meet, by the status, and by the cause that is named."""
    found = judged(replace(sample[shown], name=name)).wrong
    assert wrong in found
    assert bool(wrong) == bool(found)


def test_a_cell_that_nobody_met_is_wrong(sample: dict[str, Cell]) -> None:
    """A client that sends no such request proves nothing."""
    assert judged(replace(sample[HEALTHY], met={})).wrong


def test_the_script_fails_where_a_cell_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sample: dict[str, Cell]
) -> None:
    """And says which."""
    good = sample[HEALTHY]
    monkeypatch.setattr(table, "cells", lambda *_: [good, replace(good, name="key-missing")])
    assert table.main([HEALTHY]) == 1
    printed = capsys.readouterr().out
    assert "WRONG key-missing, alone, sdk stream: error is due" in printed
    assert printed.splitlines()[-1] == "2 pairs, 2 cells, 6 clients: 1 WRONG"
    monkeypatch.setattr(table, "cells", lambda *_: [good])
    assert table.main([HEALTHY]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 pairs, 1 cells, 3 clients: all right"


def test_a_specimen_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the finger must not look like a table without a fault."""
    assert table.main(["zero-evnts"]) == 2
    assert "zero-evnts" in capsys.readouterr().err


def test_a_table_shows_what_is_wrong(sample: dict[str, Cell]) -> None:
    """The mark where it is right, the word where it is not, a dash where nothing was asked."""
    form = sample[HEALTHY].form
    right, wrong = judged(sample[HEALTHY]), Judged(sample["key-missing"], due("x", Way.ALONE, form.name), "because")
    lines = list(table.table([right, wrong]))
    assert lines[1].split() == [HEALTHY, "alone", *("ok" if one == form else "-" for one in FORMS)]
    assert "WRONG" in lines[2]
