"""What is tried after a failure, as a table of failures."""

import json
from typing import Any

import pytest

from lumeai_cli.backends.backend import Backend
from lumeai_cli.diagnoses.catalogue import CATALOGUE
from lumeai_cli.flow.attempt import Attempt, Candidate
from lumeai_cli.flow.chat import Chat, read_chat
from lumeai_cli.flow.explanation import Explanation
from lumeai_cli.flow.refusal import Refusal
from lumeai_cli.flow.retry import EMPTY, FINAL, OTHER_MODE, OTHER_URL, PATIENTLY, Next, Tried, following, telling

ONE = Candidate(Backend("one", "http://one/api/v1"), "m")
TWO = Candidate(Backend("two", "http://two/v1"), "m")
STREAM = Attempt(ONE, stream=True)
PLAIN = Attempt(ONE, stream=False)


def chat(last: str = "user", **fields: Any) -> Chat:
    """A client's streaming request whose last message has this role."""
    body = {"model": "m", "stream": True, "messages": [{"role": last, "content": "x"}], **fields}
    found = read_chat(json.dumps(body).encode(), seed="s")
    assert not isinstance(found, Refusal)
    return found


def failed(attempt: Attempt, name: str, said: str = "", wait: int = 0) -> Tried:
    """An attempt that failed by the diagnosis of this name."""
    return Tried(attempt, Explanation(CATALOGUE[name].code, name, said=said, retry_after=wait))


def test_all_names_are_those_of_diagnoses() -> None:
    """A slip of the pen would switch a cure off."""
    assert set(CATALOGUE) >= FINAL | EMPTY | OTHER_MODE | OTHER_URL | PATIENTLY


@pytest.mark.parametrize(
    ("name", "alone", "paired"),
    [
        ("zero-events", Next(PLAIN), Next(PLAIN)),
        ("empty-answer", Next(PLAIN), Next(PLAIN)),
        ("server-error", Next(STREAM, 0.5), Next(Attempt(TWO, stream=True))),
        ("connection-refused", None, Next(Attempt(TWO, stream=True))),
        ("no-answer", None, Next(Attempt(TWO, stream=True))),
        ("key-missing", None, Next(Attempt(TWO, stream=True))),
        ("content-filtered", None, None),
        ("refusal-only", None, None),
    ],
)
def test_after_the_first_failure(name: str, alone: Next | None, paired: Next | None) -> None:
    """A cheap cure first, then another backend; what has cost the full patience is not asked twice."""
    tried = [failed(STREAM, name)]
    assert following(chat(), (ONE,), tried, 4) == alone
    assert following(chat(), (ONE, TWO), tried, 4) == paired


@pytest.mark.parametrize("name", sorted(EMPTY))
def test_an_empty_turn_after_a_tools_result_is_asked_again_once(name: str) -> None:
    """Of another backend if there is one, else in the other mode."""
    first = failed(STREAM, name)
    assert following(chat("tool"), (ONE,), [first], 4) == Next(PLAIN)
    assert following(chat("tool"), (ONE, TWO), [first], 4) == Next(Attempt(TWO, stream=True))
    assert following(chat("tool"), (ONE,), [first, failed(PLAIN, name)], 4) is None
    assert following(chat("tool"), (ONE, TWO), [first, failed(Attempt(TWO, stream=True), name)], 4) is None


def test_neighbouring_urls_are_tried_once_each() -> None:
    """Seen from the URL that was written, which does not come again."""
    tried = [failed(STREAM, "endpoint-not-found")]
    while (step := following(chat(), (ONE,), tried, 10)) is not None:
        tried.append(failed(step.attempt, "endpoint-not-found"))
    bases = [one.attempt.candidate.base for one in tried]
    assert bases[:3] == ["", "http://one/api/v1/v1", "http://one/api"]
    assert len(bases) == len(set(bases))
    assert "http://one/api/v1" not in bases


@pytest.mark.parametrize(("wait", "step"), [(2, Next(STREAM, 2.0)), (10, Next(STREAM, 10.0)), (11, None), (3600, None)])
def test_a_backend_is_waited_for_within_bounds(wait: int, step: Next | None) -> None:
    """As it asks, but no longer than a client bears."""
    assert following(chat(), (ONE,), [failed(STREAM, "rate-limited", wait=wait)], 4) == step


def test_a_refused_field_is_dropped_once() -> None:
    """The one that the refusal names."""
    tried = [failed(STREAM, "unsupported-parameter", "Unrecognized request argument supplied: top_k")]
    step = following(chat(top_k=1), (ONE, TWO), tried, 4)
    dropping = Attempt(ONE, stream=True, dropped=frozenset({"top_k"}))
    assert step == Next(dropping)
    assert following(chat(top_k=1), (ONE, TWO), [*tried, failed(dropping, "request-refused", "top_k")], 4) == Next(
        Attempt(TWO, stream=True)
    )


def test_the_number_of_attempts_is_bounded() -> None:
    """Whatever could still be tried."""
    assert following(chat(), (ONE, TWO), [failed(STREAM, "zero-events")], 1) is None


GUESS = Attempt(Candidate(ONE.backend, "m", base="http://one"), stream=True)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([(STREAM, "empty-answer", ""), (PLAIN, "empty-answer", "")], 0),
        ([(STREAM, "zero-events", ""), (PLAIN, "server-error", "out of memory")], 1),
        ([(STREAM, "server-error", "first"), (STREAM, "server-error", "second")], 0),
        ([(STREAM, "endpoint-not-found", ""), (GUESS, "endpoint-not-found", "")], 0),
        ([(STREAM, "endpoint-not-found", ""), (GUESS, "key-missing", "")], 1),
        ([(STREAM, "html-instead-of-api", ""), (GUESS, "request-refused", "No such page")], 0),
        ([(STREAM, "zero-events", ""), (Attempt(TWO, stream=True), "server-error", "other")], 0),
        (
            [
                (STREAM, "unsupported-parameter", "top_k"),
                (Attempt(ONE, stream=True, dropped=frozenset({"top_k"})), "empty-answer", ""),
            ],
            1,
        ),
    ],
)
def test_the_explanation_is_the_one_that_tells_most(names: list[tuple[Attempt, str, str]], told: int) -> None:
    """Of the first backend: what stands behind a cured fault, and what is said beats silence."""
    tried = [failed(*each) for each in names]
    assert telling(tried) is tried[told].why
