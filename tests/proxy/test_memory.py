"""A client that repeats itself gets the same explanation at once, for a moment."""

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
    assert memory.known(b"one", 100.0) is None


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


class Keeping(Memory):
    """A memory that tells what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[bytes, Explanation]] = []

    def keep(self, digest: bytes, why: Explanation, at: float) -> None:
        """Remembers, and tells that it did."""
        super().keep(digest, why, at)
        self.kept.append((digest, why))


def story(memory: Memory, circuits: Circuits) -> Story:
    """What is told of one request."""
    return Story("r1", "m", stream=True, circuits=circuits, memory=memory, digest=b"one")


@pytest.mark.parametrize(
    ("finish", "kept"),
    [
        (Finish("error", WHY), True),
        (Finish("error", PASSING), False),
        (Finish("repeated", WHY), False),
        (Finish("cut", WHY), False),
        (Finish("ok"), False),
        (Finish("left"), False),
        (Finish("stopped"), False),
    ],
    ids=lambda value: f"{value.outcome}-{value.why.name if value.why else None}" if isinstance(value, Finish) else None,
)
def test_only_an_end_that_will_not_pass_by_itself_is_remembered(finish: Finish, kept: bool) -> None:  # noqa: FBT001  # a column
    """What may pass is a new request; and a repeat does not renew itself."""
    memory = Keeping()
    story(memory, Circuits()).finished(finish, 1.0)
    assert memory.kept == ([(b"one", WHY)] if kept else [])


def test_a_story_tells_the_circuits_how_a_backend_did() -> None:
    circuits = Circuits()
    told = story(Memory(), circuits)
    for _ in range(FAILURES):
        told.noted(Note(ASK_A, Explanation("LUM402", "server-error")))
    assert circuits.health("a").failures == FAILURES
    told.noted(Note(Attempt(Candidate(A, base="http://a.test/api/v1"), stream=True), None))
    assert (circuits.health("a").failures, circuits.health("a").base) == (0, "http://a.test/api/v1")
