"""A backend before it was spoken to: its key cannot be printed by accident, and who named it is known."""

import copy

import pytest

from lumeai_cli.backends.backend import Backend, Kind, Origin, Secret

KEY = "sk-secret-0123456789"


def test_a_key_is_in_no_text_of_its_secret() -> None:
    """Not in its own, nor in that of whatever holds it."""
    secret = Secret(KEY, "environment LUMEAI_API_KEY")
    backend = Backend("mine", "http://127.0.0.1/v1", key=secret)
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>80}",
        repr(backend),
        str([backend]),
        repr({1: secret}),
    ):
        assert KEY not in shown
        assert "LUMEAI_API_KEY" in shown
    assert secret.reveal() == KEY


def test_secrets_compare_by_text_and_place() -> None:
    """The same key from two places is two secrets: a key belongs to where it stands."""
    assert Secret(KEY, "a") == Secret(KEY, "a")
    assert Secret(KEY, "a") != Secret(KEY, "b")
    assert Secret(KEY, "a") != Secret("other", "a")
    assert Secret(KEY, "a") != KEY
    assert len({Secret(KEY, "a"), Secret(KEY, "a"), Secret(KEY, "b")}) == 2


def test_a_secret_can_be_copied_with_its_backend() -> None:
    """`dataclasses.replace` and friends keep it whole."""
    backend = Backend("mine", "http://127.0.0.1/v1", key=Secret(KEY, "a"))
    assert copy.deepcopy(backend) == backend


@pytest.mark.parametrize(("origin", "named"), [(origin, origin is not Origin.DISCOVERY) for origin in Origin])
def test_only_what_was_merely_looked_for_may_be_absent(origin: Origin, named: bool) -> None:  # noqa: FBT001 - a column
    """Named or configured and not there is a problem, discovered and not there a note."""
    assert Backend("x", "http://x", origin=origin).named is named


def test_the_kinds_are_those_of_the_report() -> None:
    """Programs compare these words."""
    known = "g4f ollama openai anthropic lumeai llama-server lm-studio vllm builtin unknown"
    assert {kind.value for kind in Kind} == set(known.split())
