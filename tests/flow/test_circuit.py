"""A backend that fails again and again is asked last, and comes back by itself."""

from dataclasses import replace

import pytest

from lumeai_cli.flow.attempt import Attempt, Candidate
from lumeai_cli.flow.circuit import FAILURES, OPEN_SECONDS, TRIAL_SECONDS, Circuits
from tests.flow.playbook import ASK_A, ASK_B, A, B

BOTH = (Candidate(A), Candidate(B))


def order(circuits: Circuits, at: float) -> str:
    """The names in the order in which they are asked."""
    return "".join(one.backend.name for one in circuits.ordered(BOTH, at))


def broken(*attempts: Attempt, times: int = FAILURES) -> Circuits:
    """What is known after so many failures of each, one a second."""
    circuits = Circuits()
    for second in range(times):
        for attempt in attempts:
            circuits.failed(attempt, "server-error", float(second))
    return circuits


LAST = FAILURES - 1.0
"""The second of the last failure."""


def test_one_bad_answer_condemns_nobody() -> None:
    """Nor do all but one of the number that does."""
    for times in range(FAILURES):
        circuits = broken(ASK_A, times=times)
        assert order(circuits, times) == "ab"
        assert circuits.opened(times) == []


def test_several_failures_in_a_row_open_the_circuit() -> None:
    circuits = broken(ASK_A)
    assert order(circuits, LAST) == "ba"
    assert order(circuits, LAST + OPEN_SECONDS - 0.1) == "ba"
    assert circuits.opened(LAST) == ["a"]


def test_a_success_in_between_begins_the_count_anew() -> None:
    circuits = broken(ASK_A, times=FAILURES - 1)
    circuits.answered(ASK_A)
    circuits.failed(ASK_A, "server-error", 10.0)
    assert order(circuits, 10.0) == "ab"


def test_it_is_tried_again_by_itself_with_one_request() -> None:
    """The others go elsewhere while that one is under way; its success makes it what it was."""
    circuits = broken(ASK_A)
    then = LAST + OPEN_SECONDS
    assert order(circuits, then) == "ab"
    assert order(circuits, then + 0.1) == "ba"
    circuits.answered(ASK_A)
    assert order(circuits, then + 0.2) == "ab"
    assert order(circuits, then + 0.3) == "ab"


def test_a_trial_that_fails_opens_it_again() -> None:
    circuits = broken(ASK_A)
    then = LAST + OPEN_SECONDS
    assert order(circuits, then) == "ab"
    circuits.failed(ASK_A, "server-error", then + 1)
    assert order(circuits, then + OPEN_SECONDS) == "ba"
    assert order(circuits, then + 1 + OPEN_SECONDS) == "ab"


def test_a_trial_of_which_nobody_heard_is_made_again() -> None:
    """Its client may have left."""
    circuits = broken(ASK_A)
    then = LAST + OPEN_SECONDS
    assert [order(circuits, then + late) for late in (0, TRIAL_SECONDS - 0.1, TRIAL_SECONDS)] == ["ab", "ba", "ab"]


def test_where_all_are_open_all_are_still_asked() -> None:
    assert order(broken(ASK_A, ASK_B), LAST) == "ab"


@pytest.mark.parametrize("name", ["request-refused", "context-exceeded", "content-filtered", "model-not-found"])
def test_what_the_client_asked_amiss_is_no_failure_of_the_backend(name: str) -> None:
    circuits = Circuits()
    for _ in range(FAILURES * 2):
        circuits.failed(ASK_A, name, 0.0)
    assert order(circuits, 0.0) == "ab"


def test_the_url_that_was_found_is_asked_from_then_on() -> None:
    """Until the first one answers again, or another is found."""
    circuits = Circuits()
    found = replace(ASK_A.candidate, base="http://a.test/api/v1")
    circuits.answered(replace(ASK_A, candidate=found))
    assert circuits.ordered(BOTH, 0.0) == (found, BOTH[1])
    circuits.failed(replace(ASK_A, candidate=found), "server-error", 0.0)
    assert circuits.ordered(BOTH, 0.0) == (found, BOTH[1])
    circuits.answered(ASK_A)
    assert circuits.ordered(BOTH, 0.0) == BOTH


def test_the_order_of_those_that_are_well_is_kept() -> None:
    candidates = [Candidate(replace(A, name=name)) for name in "abcde"]
    circuits = broken(*(Attempt(candidates[place], stream=True) for place in (1, 3)))
    assert "".join(one.backend.name for one in circuits.ordered(candidates, LAST)) == "acebd"
