"""A client that repeats itself gets the same explanation at once, for a moment."""

from dataclasses import replace

import pytest

from lumeai_cli.proxy.attempt import Attempt, Candidate
from lumeai_cli.proxy.circuit import FAILURES, Circuits
from lumeai_cli.proxy.event import Finish, Note
from lumeai_cli.proxy.explanation import Explanation
from lumeai_cli.proxy.record import Memory, Story
from tests.proxy.playbook import ASK_A, A

WHY, OTHER = Explanation("LUM803", "empty-answer"), Explanation("LUM301", "json-for-stream")
PASSING = Explanation("LUM403", "rate-limited", retry_after=3)


def test_the_same_request_is_known_for_a_moment_and_no_longer() -> None:
    memory = Memory()
    memory.keep(b"one", WHY, 100.0)
    assert memory.known(b"one", 100.0) is WHY
    assert memory.known(b"one", 100.0 + Memory.SECONDS) is WHY
    assert memory.known(b"two", 100.0) is None
    assert memory.known(b"one", 100.1 + Memory.SECONDS) is None


def test_a_repeat_makes_the_moment_no_longer() -> None:
    """Else a client that repeats itself for ever would never reach a backend again."""
    memory = Memory()
    memory.keep(b"one", WHY, 0.0)
    known = [memory.known(b"one", second) for second in range(30)]
    assert known.count(WHY) == int(Memory.SECONDS) + 1


def test_the_last_word_counts() -> None:
    memory = Memory()
    memory.keep(b"one", WHY, 0.0)
    memory.keep(b"one", OTHER, 10.0)
    assert memory.known(b"one", 20.0) is OTHER


def test_it_does_not_grow() -> None:
    """The oldest go first; one that was told anew is none of them."""
    memory = Memory()
    memory.keep(b"0", WHY, 0.0)
    memory.keep(b"1", WHY, 0.0)
    memory.keep(b"0", OTHER, 1.0)
    for number in range(2, Memory.MOST + 1):
        memory.keep(str(number).encode(), WHY, 1.0)
    assert memory.known(b"0", 1.0) is OTHER
    assert memory.known(b"1", 1.0) is None
    assert memory.known(str(Memory.MOST).encode(), 1.0) is WHY


def test_what_may_pass_is_told_for_good_only_once_it_has_not_passed() -> None:
    """Each repeat is a new request, until patience is at its end; and whoever then asks again is asked for again."""
    memory = Memory(patience=20)
    for second in (0.0, 10.0, 19.0):
        memory.keep(b"one", PASSING, second)
        assert memory.known(b"one", second) is None
    assert memory.known(b"one", 20.0) == replace(PASSING, final=True)
    assert memory.known(b"one", 20.0) is None


def test_another_cause_begins_the_patience_anew() -> None:
    memory = Memory(patience=20)
    memory.keep(b"one", PASSING, 0.0)
    memory.keep(b"one", Explanation("LUM402", "server-error"), 15.0)
    assert memory.known(b"one", 30.0) is None


def test_what_was_answered_in_between_is_forgotten() -> None:
    memory = Memory()
    memory.keep(b"one", WHY, 0.0)
    memory.forget(b"one")
    memory.forget(b"two")
    assert memory.known(b"one", 0.0) is None


def test_what_was_cut_is_asked_for_again_and_known_as_such() -> None:
    """For as long as repeats may come, and in its whole row."""
    memory = Memory()
    memory.keep(b"one", WHY, 0.0, cut=True)
    assert memory.known(b"one", 1.0) is None
    assert memory.was_cut(b"one", 1.0)
    memory.keep(b"one", WHY, 2.0)
    assert memory.known(b"one", 3.0) is WHY
    assert memory.was_cut(b"one", 3.0)
    assert not memory.was_cut(b"two", 3.0)
    assert not memory.was_cut(b"one", 2.1 + Memory.PATIENCE)


class Keeping(Memory):
    """A memory that tells what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def keep(self, digest: bytes, why: Explanation, at: float, *, cut: bool = False) -> None:
        """Remembers, and tells that it did."""
        super().keep(digest, why, at, cut=cut)
        self.told.append("cut" if cut else "kept")

    def forget(self, digest: bytes) -> None:
        """Forgets, and tells that it did."""
        super().forget(digest)
        self.told.append("forgotten")


def story(memory: Memory, circuits: Circuits) -> Story:
    """What is told of one request."""
    return Story("r1", "m", stream=True, circuits=circuits, memory=memory, digest=b"one")


@pytest.mark.parametrize(
    ("finish", "told"),
    [
        (Finish("error", WHY), ["kept"]),
        (Finish("error", PASSING), ["kept"]),
        (Finish("cut", WHY), ["cut"]),
        (Finish("ok"), ["forgotten"]),
        (Finish("repeated", WHY), []),
        (Finish("left"), []),
        (Finish("stopped"), []),
    ],
    ids=lambda value: value.outcome if isinstance(value, Finish) else "-".join(value),
)
def test_a_story_tells_the_memory_how_it_ended(finish: Finish, told: list[str]) -> None:
    """A repeat does not renew itself, and whoever left or was sent away has heard of no cause."""
    memory = Keeping()
    story(memory, Circuits()).finished(finish, 1.0)
    assert memory.told == told


def test_a_story_tells_the_circuits_how_a_backend_did() -> None:
    circuits = Circuits()
    told = story(Memory(), circuits)
    for _ in range(FAILURES):
        told.noted(Note(ASK_A, Explanation("LUM402", "server-error")))
    assert circuits.health("a").failures == FAILURES
    told.noted(Note(Attempt(Candidate(A, base="http://a.test/api/v1"), stream=True), None))
    assert (circuits.health("a").failures, circuits.health("a").base) == (0, "http://a.test/api/v1")
