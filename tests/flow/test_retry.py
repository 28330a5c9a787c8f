"""What is tried next: a table of what failed and of what follows, and what holds for all of it."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.backends.backend import Backend
from lumeai_cli.diagnoses.catalogue import CATALOGUE
from lumeai_cli.flow.attempt import Attempt, Candidate
from lumeai_cli.flow.explanation import Explanation
from lumeai_cli.flow.retry import (
    EMPTY,
    FINAL,
    LONGEST_REST,
    OTHER_MODE,
    OTHER_URL,
    Next,
    Tried,
    following,
)
from tests.flow.playbook import ASK_A, ASK_B, PLAIN_A, A, B, chat_of

BOTH = (Candidate(A), Candidate(B))
ALONE = (Candidate(A),)


def failed(attempt: Attempt, name: str, *, moved: str = "", wait: int = 0, **facts: Any) -> Tried:
    """An attempt that failed by this cause."""
    return Tried(attempt, Explanation(CATALOGUE[name].code, name, MappingProxyType(facts), retry_after=wait), moved)


def after(*tried: Tried, to: tuple[Candidate, ...] = BOTH, most: int = 8, **fields: object) -> Next | None:
    """What follows."""
    return following(chat_of(**fields), to, tried, most)


def test_the_names_of_the_rules_are_diagnoses() -> None:
    assert set(CATALOGUE) >= FINAL | EMPTY | OTHER_MODE | OTHER_URL


@pytest.mark.parametrize("name", sorted(FINAL))
def test_a_filters_verdict_is_final(name: str) -> None:
    assert after(failed(ASK_A, name)) is None


@pytest.mark.parametrize("name", sorted(OTHER_MODE))
def test_the_other_mode_is_tried_first_and_once(name: str) -> None:
    """Then the next backend, in the mode of the client."""
    assert after(failed(ASK_A, name)) == Next(PLAIN_A)
    assert after(failed(ASK_A, name), failed(PLAIN_A, name)) == Next(ASK_B)


@pytest.mark.parametrize("name", ["rate-limited", "server-error", "no-answer", "connection-reset", "key-rejected"])
def test_what_another_mode_does_not_cure_goes_to_the_next_backend_at_once(name: str) -> None:
    """Without a rest: that one has done nothing wrong."""
    assert after(failed(ASK_A, name, wait=30)) == Next(ASK_B)


@pytest.mark.parametrize("name", ["rate-limited", "server-error", "connection-reset"])
def test_what_may_pass_is_asked_again_after_a_rest_that_grows(name: str) -> None:
    """Where there is nobody else."""
    rests: list[float] = []
    tried = [failed(ASK_A, name)]
    while (then := after(*tried, to=ALONE, most=9)) is not None:
        assert then.attempt == ASK_A
        rests.append(then.wait)
        tried.append(failed(then.attempt, name))
    assert len(rests) == 8
    assert rests == sorted(rests)
    assert 0 < rests[0] <= 1
    assert rests[-1] == LONGEST_REST


@pytest.mark.parametrize(("wait", "rest"), [(1, 1.0), (2, 2.0), (10, 10.0), (11, None), (3600, None)])
def test_a_backend_gets_the_rest_that_it_asks_for_within_bounds(wait: int, rest: float | None) -> None:
    told = after(failed(ASK_A, "rate-limited", wait=wait), to=ALONE)
    assert told == (None if rest is None else Next(ASK_A, rest))


@pytest.mark.parametrize("name", ["key-rejected", "forbidden", "context-exceeded", "body-too-large"])
def test_what_no_repeat_cures_is_not_repeated(name: str) -> None:
    assert after(failed(ASK_A, name), to=ALONE) is None


@pytest.mark.parametrize("name", sorted(EMPTY))
def test_an_empty_turn_behind_a_tools_result_is_asked_for_once_more(name: str) -> None:
    result = [{"role": "tool", "content": "maple"}]
    first = failed(ASK_A, name)
    assert after(first, messages=result) is not None
    assert after(first, failed(PLAIN_A, name), messages=result) is None
    assert after(first, failed(PLAIN_A, "server-error"), messages=result) is not None


@pytest.mark.parametrize(("bound", "then"), [(1, 8192), (2048, 8192), (4096, 16384), (8192, 32768), (20_000, 32768)])
def test_a_budget_that_was_spent_is_raised_within_bounds(bound: int, then: int) -> None:
    spent = failed(ASK_A, "output-budget-spent")
    assert after(spent, max_tokens=bound) == Next(replace(ASK_A, max_tokens=then))
    again = failed(replace(ASK_A, max_tokens=then), "output-budget-spent")
    assert after(spent, again, max_tokens=bound) == Next(ASK_B)
    assert after(spent, again, max_tokens=bound, to=ALONE) is None


def test_a_model_is_replaced_only_where_that_is_wished() -> None:
    willing = Attempt(Candidate(A, "gpt-9", substitute="own"), stream=True)
    assert after(failed(willing, "model-not-found"), to=(willing.candidate,)) == Next(
        Attempt(Candidate(A, "own"), stream=True)
    )
    assert after(failed(ASK_A, "model-not-found"), to=ALONE) is None


@pytest.mark.parametrize(
    ("name", "said", "fields", "dropped"),
    [
        ("request-refused", "Unknown parameter: 'top_k'", {"top_k": 4}, "top_k"),
        ("unsupported-parameter", "top_k is not supported", {"seed": 1, "top_k": 4}, "top_k"),
        ("request-refused", "stream_options: extra fields not permitted", {"stream_options": {}}, "stream_options"),
        ("request-refused", "top_keys is wrong", {"top_k": 4}, ""),
        ("request-refused", "messages: field required; model unknown; tools no; stream no", {"tools": []}, ""),
        ("request-refused", "no such thing", {"thing": 1}, "thing"),
        ("request-refused", "", {"top_k": 4}, ""),
    ],
)
def test_the_parameter_that_a_refusal_names_is_left_out(
    name: str, said: str, fields: dict[str, object], dropped: str
) -> None:
    """Once; what makes the request what it is stays."""
    first = failed(ASK_A, name, said=said)
    then = after(first, to=ALONE, **fields)
    assert then == (Next(replace(ASK_A, dropped=frozenset({dropped}))) if dropped else None)
    if then is not None:
        assert after(first, failed(then.attempt, name, said=said), to=ALONE, **fields) is None


@pytest.mark.parametrize(
    ("said", "cured"),
    [
        ("This model only support stream mode, please enable the stream parameter to access the model.", True),
        ("parameter.enable_thinking must be set to false for non-streaming calls", True),
        ("stream not supported", True),
        ("Streaming is not supported for this model", True),
        ("only stream mode is supported, please set stream=true", True),
        ("upstream must be set", False),
        ("stream no", False),
        ("", False),
    ],
)
def test_a_server_that_has_one_mode_alone_is_asked_in_that_one(*, said: str, cured: bool) -> None:
    """Once."""
    first = failed(ASK_A, "request-refused", said=said)
    assert after(first, to=ALONE) == (Next(PLAIN_A) if cured else None)
    assert after(first, failed(PLAIN_A, "request-refused", said=said), to=ALONE) is None


@pytest.mark.parametrize(("bound", "more"), [(None, 8_192), (1_000, 8_192), (8_192, 32_768), (32_000, 32_768)])
def test_a_spent_budget_is_raised(bound: int | None, more: int) -> None:
    fields = {} if bound is None else {"max_tokens": bound}
    assert after(failed(ASK_A, "output-budget-spent"), to=ALONE, **fields) == Next(replace(ASK_A, max_tokens=more))


@pytest.mark.parametrize("bound", [32_768, 64_000, 10**9])
def test_a_large_budget_is_not_lowered(bound: int) -> None:
    assert after(failed(ASK_A, "output-budget-spent"), to=ALONE, max_tokens=bound) is None


@pytest.mark.parametrize("name", sorted(OTHER_URL))
def test_the_neighbouring_urls_are_tried_each_once(name: str) -> None:
    backend = Backend("a", "http://a.test")
    tried = [failed(Attempt(Candidate(backend), stream=True), name)]
    while (then := after(*tried, to=(Candidate(backend),), most=9)) is not None:
        assert then.wait == 0
        tried.append(failed(then.attempt, name))
    urls = [one.attempt.candidate.url for one in tried]
    assert urls[:2] == ["http://a.test/chat/completions", "http://a.test/v1/chat/completions"]
    assert len(urls) == len(set(urls)) > 2


def test_a_redirect_leads_where_it_says() -> None:
    told = after(failed(ASK_A, "redirected", moved="http://a.test/api/v1"))
    assert told == Next(replace(ASK_A, candidate=replace(ASK_A.candidate, base="http://a.test/api/v1")))


@given(
    st.lists(st.sampled_from(sorted(CATALOGUE)), min_size=9, max_size=9),
    st.integers(1, 9),
    st.integers(1, 3),
    st.integers(0, 60),
)
def test_attempts_come_to_an_end_and_no_cure_is_tried_twice(
    names: list[str], most: int, backends: int, wait: int
) -> None:
    """Whatever goes wrong: only a rest asks the very same again, and no backend is left and come back to."""
    candidates = tuple(Candidate(Backend(name, f"http://{name}.test/v1")) for name in "abc"[:backends])
    tried = [failed(Attempt(candidates[0], stream=True), names[0], wait=wait, said="temperature")]
    while (then := after(*tried, to=candidates, most=most, temperature=0, max_tokens=5)) is not None:
        assert len(tried) < most
        assert 0 <= then.wait <= LONGEST_REST
        if then.wait == 0:
            assert then.attempt not in [one.attempt for one in tried]
        tried.append(failed(then.attempt, names[len(tried)], wait=wait, said="temperature"))
    order = [one.attempt.candidate.backend.name for one in tried]
    assert order == sorted(order)
