"""Who is asked for a model: by its name, by an alias, by a backend's name before it, or because another failed."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from lumeai_cli.backends.backend import Backend, Kind
from lumeai_cli.backends.models import ModelList
from lumeai_cli.flow.attempt import Candidate
from lumeai_cli.flow.refusal import Refusal
from lumeai_cli.flow.route import Offers, choose, near
from tests.flow.playbook import A, B

BUILTIN = Backend("builtin", "", Kind.BUILTIN)


def offers(
    lists: Mapping[str, Sequence[str] | None] | None = None,
    *,
    backends: tuple[Backend, ...] = (A, B),
    aliases: Mapping[str, str] | None = None,
    substitute: bool | None = None,
) -> Offers:
    """What these backends tell of their models; None: nothing."""
    known = {name: None if ids is None else ModelList(tuple(ids), tuple(ids)) for name, ids in (lists or {}).items()}
    return Offers(backends, known, aliases or {}, substitute)


def chosen(model: str, told: Offers) -> list[tuple[str, str, str]]:
    """Backend, model and substitute of each candidate, in their order."""
    candidates = choose(model, told)
    assert not isinstance(candidates, Refusal)
    return [(one.backend.name, one.model, one.substitute) for one in candidates]


def refused(model: str, told: Offers) -> str:
    """The sentence of the refusal."""
    refusal = choose(model, told)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.status, refusal.param) == ("LUM005", 404, "model")
    return refusal.sentence.in_("en")


TWO = {"a": ["maple", "birch"], "b": ["maple", "cedar"]}


@pytest.mark.parametrize("model", ["", "default", "auto", "lumeai"])
def test_a_name_that_leaves_the_choice_gets_each_backends_own_model(model: str) -> None:
    assert chosen(model, offers(TWO)) == [("a", "maple", ""), ("b", "maple", "")]


def test_the_first_backend_that_offers_it_is_asked_first() -> None:
    """The others come behind it, for the case that it fails, each under a model that it has."""
    assert chosen("maple", offers(TWO)) == [("a", "maple", ""), ("b", "maple", "")]
    assert chosen("cedar", offers(TWO)) == [("b", "cedar", ""), ("a", "maple", "")]


def test_a_backend_that_tells_no_list_may_have_it() -> None:
    assert chosen("cedar", offers({"a": None, "b": ["cedar"]})) == [("b", "cedar", ""), ("a", "cedar", "")]
    assert chosen("oak", offers({"a": ["maple"], "b": None})) == [("b", "oak", ""), ("a", "maple", "")]


def test_a_backends_name_before_the_model_picks_it() -> None:
    assert chosen("b/maple", offers(TWO)) == [("b", "maple", ""), ("a", "maple", "")]
    assert chosen("b/cedar", offers(TWO)) == [("b", "cedar", ""), ("a", "maple", "")]


def test_a_slash_within_a_models_name_is_no_backend() -> None:
    told = offers({"a": ["qwen/qwen3"], "b": ["b/qwen3"]})
    assert chosen("qwen/qwen3", told)[0] == ("a", "qwen/qwen3", "")


@pytest.mark.parametrize(
    ("model", "first"),
    [("fast", ("b", "cedar", "")), ("best", ("a", "birch", "")), ("gpt-4o", ("a", "maple", ""))],
)
def test_an_alias_stands_for_what_it_names(model: str, first: tuple[str, str, str]) -> None:
    aliases = {"fast": "b/cedar", "best": "birch", "gpt-4o": "a/maple"}
    assert chosen(model, offers(TWO, aliases=aliases))[0] == first


def test_an_alias_beats_the_names_that_leave_the_choice() -> None:
    assert chosen("default", offers(TWO, aliases={"default": "b/cedar"}))[0] == ("b", "cedar", "")


def test_a_model_that_no_backend_has_is_refused_with_near_names() -> None:
    """Both the models' and the aliases'."""
    assert "'cedr'" in refused("cedr", offers(TWO))
    assert "cedar" in refused("cedr", offers(TWO))
    assert "fast-one" in refused("fastone", offers(TWO, aliases={"fast-one": "cedar"}))
    assert near("MAPLE", offers(TWO)) == ["maple"]
    assert near("xyz", offers(TWO)) == ["maple", "birch", "cedar"]
    assert near("xyz", offers({})) == []


def test_a_single_backend_answers_under_its_own_model() -> None:
    """Unless the settings forbid it."""
    alone = {"a": ["maple"]}
    assert chosen("gpt-4o", offers(alone, backends=(A,))) == [("a", "maple", "")]
    assert chosen("gpt-4o", offers(alone, backends=(A,), substitute=True)) == [("a", "maple", "")]
    assert "maple" in refused("gpt-4o", offers(alone, backends=(A,), substitute=False))


def test_several_backends_do_so_only_where_the_settings_allow_it() -> None:
    assert chosen("gpt-4o", offers(TWO, substitute=True)) == [("a", "maple", ""), ("b", "maple", "")]
    for substitute in (None, False):
        assert isinstance(choose("gpt-4o", offers(TWO, substitute=substitute)), Refusal)


def test_where_substitutes_are_forbidden_only_those_that_have_it_are_asked() -> None:
    assert chosen("cedar", offers(TWO, substitute=False)) == [("b", "cedar", "")]


def test_a_backend_whose_list_is_not_known_may_fall_back_to_its_own_model() -> None:
    own = Backend("a", "http://a.test/v1", model="own")
    assert chosen("gpt-4o", offers({"a": None}, backends=(own,))) == [("a", "gpt-4o", "own")]
    assert chosen("gpt-4o", offers({"a": None}, backends=(own,), substitute=False)) == [("a", "gpt-4o", "")]
    assert chosen("own", offers({"a": None}, backends=(own,))) == [("a", "own", "")]


def test_a_configured_model_counts_as_known_even_where_the_list_lacks_it() -> None:
    own = Backend("a", "http://a.test/v1", model="own")
    assert chosen("own", offers({"a": ["maple"]}, backends=(own, B)))[0] == ("a", "own", "")
    assert chosen("", offers({"a": ["maple"]}, backends=(own,))) == [("a", "own", "")]


def test_an_empty_list_tells_nothing() -> None:
    assert chosen("oak", offers({"a": []}, backends=(A,))) == [("a", "oak", "")]


def test_the_builtin_answers_under_its_own_name_alone() -> None:
    """Behind real backends it is the last resort, and never pretends to be the model that was asked for."""
    told = offers({"a": ["maple"]}, backends=(A, BUILTIN))
    assert chosen("maple", told) == [("a", "maple", ""), ("builtin", "lumeai-builtin", "")]
    assert chosen("gpt-4o", offers(backends=(BUILTIN,))) == [("builtin", "lumeai-builtin", "")]
    assert chosen("lumeai-builtin", told)[0] == ("builtin", "lumeai-builtin", "")


@pytest.mark.parametrize("model", ["", "auto", "maple", "oak", "a/maple", "b/oak", "c/maple", "/", "a/", "/maple"])
@pytest.mark.parametrize("substitute", [None, True, False])
@pytest.mark.parametrize("lists", [{}, TWO, {"a": None, "b": ["oak"]}, {"a": [], "b": []}])
@pytest.mark.parametrize("backends", [(A,), (A, B), (A, BUILTIN)])
def test_there_is_a_candidate_or_a_refusal(
    model: str,
    substitute: bool | None,  # noqa: FBT001  # a column
    lists: dict[str, Any],
    backends: tuple[Backend, ...],
) -> None:
    """Never an empty list, and no backend twice."""
    candidates = choose(model, offers(lists, backends=backends, substitute=substitute))
    if not isinstance(candidates, Refusal):
        names = [one.backend.name for one in candidates]
        assert names
        assert len(names) == len(set(names))
        assert all(isinstance(one, Candidate) for one in candidates)
