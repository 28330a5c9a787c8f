"""Every two names of the catalogue, both found: exactly one verdict, the promised one, however the findings came."""

from collections.abc import Iterator
from itertools import combinations

import pytest

from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.diagnoses.case import STREAMED, Case
from lumeai_cli.diagnoses.catalogue import CATALOGUE
from lumeai_cli.diagnoses.diagnosis import EVERYTHING, Family
from lumeai_cli.diagnoses.finding import Finding, Severity
from lumeai_cli.doctor import cause
from lumeai_cli.doctor.cause import Conclusion, conclude
from lumeai_cli.wire.exchange import Asked, Ending, EndingKind, Exchange
from lumeai_cli.wire.reading import Reading, read
from tests.lab_pairs.order import EXPLAINS, FAMILIES, PLACE, first, place

URL = "http://127.0.0.1:8080/v1"
NAMES = tuple(CATALOGUE)
ERRORS = tuple(name for name, entry in CATALOGUE.items() if entry.severity is Severity.ERROR)


def mute(exchange: str) -> Reading:
    """A stream that says nothing: every client fails."""
    asked = Asked(STREAMED, f"{URL}/chat/completions", stream=True)
    ending = Ending(EndingKind.CLEAN, 1.0)
    return read(Exchange(exchange, asked, 200, (("content-type", "text/event-stream"),), 0.5, (), ending))


CASE = Case(URL, URL, readings=(mute("e1"), mute("e2")))
CLIENTS = tuple(PROFILES.values())


def explained(one: str, other: str) -> bool:
    """Whether the catalogue lets the other vanish with the one."""
    explains = CATALOGUE[one].explains
    return other in explains or explains == EVERYTHING


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Finding]]:
    """What all detectors together find, to be filled in."""
    findings: list[Finding] = []
    monkeypatch.setattr(cause, "findings_of", lambda _case: tuple(findings))
    return findings


def concluded(found: list[Finding], *names: tuple[str, str]) -> Conclusion:
    """The conclusion from findings of these names in these exchanges."""
    found[:] = [Finding(name, exchanges=tuple(exchanges.split())) for name, exchanges in names]
    return conclude(CASE, CLIENTS)


def verdict(conclusion: Conclusion) -> str | None:
    """The verdict's name."""
    return None if conclusion.verdict is None else conclusion.verdict.rated.finding.name


def test_the_promised_order_speaks_of_names_that_are_there() -> None:
    """Each stands in one family; there are as many families here as in the catalogue."""
    assert PLACE.keys() <= CATALOGUE.keys()
    assert len(PLACE) == sum(map(len, FAMILIES)), "a name stands in two families"
    assert len(FAMILIES) == len(Family)


def test_the_families_of_the_catalogue_are_in_the_promised_order() -> None:
    """Two errors of different families come in the same order here and there."""
    wrong = [
        (one, other)
        for one, other in combinations(ERRORS, 2)
        if (place(one) < place(other) and CATALOGUE[one].family > CATALOGUE[other].family)
        or (place(one) > place(other) and CATALOGUE[one].family < CATALOGUE[other].family)
    ]
    assert wrong == []


def test_no_name_explains_itself_however_far_around() -> None:
    """In a ring every one would be explained away, and no verdict would be left."""
    beyond = {name: {other for other in NAMES if other != name and explained(name, other)} for name in NAMES}
    for _ in NAMES:
        beyond = {name: names.union(*(beyond[other] for other in names)) for name, names in beyond.items()}
    assert [name for name in NAMES if name in beyond[name]] == []


@pytest.mark.parametrize(
    ("name", "other"), [(name, other) for name, names in EXPLAINS.items() for other in sorted(names)]
)
def test_what_was_promised_to_be_explained_is(name: str, other: str) -> None:
    """By name."""
    assert explained(name, other)


@pytest.mark.parametrize("one", NAMES)
def test_in_one_exchange_there_is_one_verdict_whatever_came_first(one: str, found: list[Finding]) -> None:
    """The explaining one, else the first in order; the other is explained, or comes next."""
    for other in NAMES:
        if other == one:
            continue
        there = concluded(found, (one, "e1"), (other, "e1"))
        back = concluded(found, (other, "e1"), (one, "e1"))
        assert (verdict(there), there.next, there.verdict) == (verdict(back), back.next, back.verdict), other
        errors = {name for name in (one, other) if name in ERRORS}
        if errors == {one, other}:
            explaining = {one} if explained(one, other) else {other} if explained(other, one) else set[str]()
            assert verdict(there) in (explaining or first(one, other)), other
            assert there.next == (() if explaining else tuple({one, other} - {verdict(there)})), other
        else:
            assert verdict(there) in (errors or {"unexplained-failure"}), other


@pytest.mark.parametrize("one", ERRORS)
def test_in_two_exchanges_neither_explains_the_other(one: str, found: list[Finding]) -> None:
    """What shows elsewhere is another fault: the order decides, and the second comes next."""
    for other in ERRORS:
        if other == one:
            continue
        there = concluded(found, (one, "e1"), (other, "e2"))
        back = concluded(found, (other, "e2"), (one, "e1"))
        assert (verdict(there), there.next) == (verdict(back), back.next), other
        assert verdict(there) in first(one, other), other
        assert there.next == tuple({one, other} - {verdict(there)}), other


def test_what_shows_elsewhere_too_is_not_explained_away(found: list[Finding]) -> None:
    """The cause of one failing request is not the cause of all."""
    wrong = [
        (one, other)
        for one in ERRORS
        for other in ERRORS
        if explained(one, other) and verdict(concluded(found, (one, "e1"), (other, "e1 e2"))) not in first(one, other)
    ]
    assert wrong == []


def test_what_two_causes_explain_together_is_not_claimed(found: list[Finding]) -> None:
    """A general name stands for neither where each of its exchanges has a cause with a name of its own."""
    wrong = [
        (one, two, other)
        for other in ERRORS
        for one, two in combinations([name for name in ERRORS if explained(name, other)], 2)
        if other in _claimed(concluded(found, (one, "e1"), (two, "e2"), (other, "e1 e2")))
    ]
    assert wrong == []


def _claimed(conclusion: Conclusion) -> set[str | None]:
    return {verdict(conclusion), *conclusion.next}
