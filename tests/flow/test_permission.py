"""Which models a key reaches: not by another name, not by an alias, not by a fallback."""

from collections.abc import Mapping

import pytest

from lumeai_cli.backends.backend import Backend
from lumeai_cli.backends.models import ModelList
from lumeai_cli.flow.permission import choose_allowed, visible_entries
from lumeai_cli.flow.refusal import Refusal
from lumeai_cli.flow.route import Offers
from lumeai_cli.keys.terms import Terms

A, B = Backend("a", "http://127.0.0.1:1/v1"), Backend("b", "http://127.0.0.1:2/v1")
LISTS: Mapping[str, ModelList | None] = {
    "a": ModelList(("gpt-4o", "secret-1"), ("gpt-4o", "secret-1")),
    "b": ModelList(("secret-2", "qwen3", "org/big"), ("secret-2", "qwen3")),
}
ALIASES = {"fast": "a/gpt-4o", "hidden": "b/secret-2", "gpt-x": "b/secret-2"}


def asked(
    model: str, terms: Terms, *, substitute: bool | None = True, backends: tuple[Backend, ...] = (A, B)
) -> object:
    """The backends and models that would be asked in the end, or the refusal's code."""
    offers = Offers(backends, LISTS, ALIASES, substitute)
    found = choose_allowed(model, offers, terms)
    if isinstance(found, Refusal):
        return found.code
    return [(one.backend.name, one.model, *([one.substitute] if one.substitute else [])) for one in found]


GPT, QWEN = Terms(models=("gpt-*",)), Terms(models=("qwen*",))


@pytest.mark.parametrize(
    ("model", "terms", "found"),
    [
        ("gpt-4o", GPT, [("a", "gpt-4o")]),
        ("a/gpt-4o", GPT, [("a", "gpt-4o")]),
        ("secret-1", GPT, "LUM015"),
        ("a/secret-1", GPT, "LUM015"),
        ("no-such-model", GPT, "LUM015"),
        ("gpt-none", GPT, [("a", "gpt-4o")]),
        ("hidden", GPT, "LUM015"),
        ("gpt-x", GPT, [("b", "secret-2"), ("a", "gpt-4o")]),
        ("fast", Terms(models=("fast",)), [("a", "gpt-4o")]),
        ("gpt-4o", Terms(models=("fast",)), "LUM015"),
        ("", GPT, [("a", "gpt-4o")]),
        ("auto", QWEN, [("b", "qwen3")]),
        ("auto", Terms(models=("nothing",)), "LUM015"),
        ("qwen3", Terms(models=("b/*",)), [("b", "qwen3", "secret-2")]),
        ("org/big", Terms(models=("org/*",)), [("b", "org/big")]),
        ("gpt-4o", Terms(backends=("a",)), [("a", "gpt-4o")]),
        ("secret-2", Terms(backends=("a",)), [("a", "gpt-4o")]),
        ("b/secret-2", Terms(backends=("a",)), [("a", "gpt-4o")]),
        ("hidden", Terms(backends=("a",)), [("a", "gpt-4o")]),
        ("gpt-4o", Terms(backends=("c",)), "LUM016"),
        ("gpt-4o", Terms(models=("gpt-*",), backends=("b",)), "LUM015"),
    ],
)
def test_what_is_asked_in_the_end_is_allowed(model: str, terms: Terms, found: object) -> None:
    assert asked(model, terms) == found


@pytest.mark.parametrize(
    "model", ["gpt-4o", "gpt-none", "a/gpt-4o", "b/gpt-4o", "fast", "hidden", "", "auto", "secret-1"]
)
@pytest.mark.parametrize("substitute", [True, False, None])
@pytest.mark.parametrize("backends", [(A,), (B,), (A, B)])
def test_no_way_leads_to_a_model_that_is_not_allowed(
    model: str,
    substitute: bool | None,  # noqa: FBT001  # a column
    backends: tuple[Backend, ...],
) -> None:
    """But where an alias that is allowed by its own name leads there."""
    found = asked(model, GPT, substitute=substitute, backends=backends)
    if isinstance(found, list):
        assert all(name.startswith("gpt-") for _, *names in found for name in names)
    else:
        assert found in ("LUM015", "LUM005")


def test_a_key_without_bounds_is_asked_nothing() -> None:
    assert asked("secret-2", Terms())[0] == ("b", "secret-2")  # type: ignore[index]  # a list here


def test_a_refusal_names_no_model_that_the_key_may_not_use() -> None:
    found = choose_allowed("gpt-none", Offers((A, B), LISTS, ALIASES, substitute=False), GPT)
    assert isinstance(found, Refusal)
    assert found.code == "LUM005"
    assert "secret" not in found.sentence.in_("en")


def test_the_list_shows_what_may_be_asked_for() -> None:
    entries = dict.fromkeys(("fast", "hidden", "gpt-4o", "a/gpt-4o", "secret-1", "qwen3", "b/qwen3"), 0)
    owners = {"fast": "a/gpt-4o", "hidden": "b/secret-2", "gpt-4o": "a", "a/gpt-4o": "a", "secret-1": "a", "qwen3": "b"}
    owners["b/qwen3"] = "b"

    def shown(terms: Terms) -> list[str]:
        return list(visible_entries(entries, owners, (A, B), terms))

    assert shown(Terms()) == list(entries)
    assert shown(GPT) == ["gpt-4o", "a/gpt-4o"]
    assert shown(Terms(backends=("b",))) == ["hidden", "qwen3", "b/qwen3"]
    assert shown(Terms(models=("b/*",))) == ["qwen3", "b/qwen3"]
    assert shown(Terms(models=("fast",), backends=("b",))) == []
