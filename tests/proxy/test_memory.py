"""A client that repeats itself gets the same end at once; one that repeats itself without end is told to stop."""

import json
import time

import pytest

from lumeai_cli.flow.chat import Chat, read_chat
from lumeai_cli.flow.circuit import Circuits
from lumeai_cli.flow.event import Finish
from lumeai_cli.flow.explanation import Explanation
from lumeai_cli.flow.refusal import Refusal
from lumeai_cli.proxy.record import Memory, Story

KEY = Explanation("LUM211", "key-missing")
FAILED = Explanation("LUM402", "server-error")
LIMITED = Explanation("LUM403", "rate-limited")
A, B = b"a", b"b"


@pytest.mark.parametrize(("after", "at_once"), [(0.0, True), (15.0, True), (15.1, False), (100.0, False)])
def test_what_no_repeat_cures_is_told_again_for_a_while(after: float, *, at_once: bool) -> None:
    """Without the backend; after that it may have been mended."""
    memory = Memory()
    memory.keep(A, KEY, 10.0)
    assert memory.known(A, 10.0 + after) == (KEY if at_once else None)
    assert memory.known(B, 10.0) is None


def test_the_time_counts_from_the_backends_answer() -> None:
    """However often the client asks meanwhile."""
    memory = Memory()
    memory.keep(A, KEY, 0.0)
    assert [memory.known(A, float(at)) is not None for at in range(0, 20, 5)] == [True, True, True, True]
    assert memory.known(A, 16.0) is None


def test_what_may_pass_is_asked_again_and_ends_for_good_after_a_while() -> None:
    """Under a status on which no client tries again; whoever asks after that is a person."""
    memory = Memory()
    for at in range(0, 20, 4):
        assert memory.known(A, float(at)) is None
        memory.keep(A, FAILED, float(at))
    told = memory.known(A, 20.0)
    assert told is not None
    assert (FAILED.status, told.status, told.passing, told.type) == (502, 422, False, "invalid_request_error")
    assert memory.known(A, 20.0) is None


def test_a_limit_of_requests_gets_the_time_in_which_it_passes() -> None:
    """Most count a minute."""
    memory = Memory()
    for at in range(0, 120, 30):
        assert memory.known(A, float(at)) is None
        memory.keep(A, LIMITED, float(at))
    told = memory.known(A, 120.0)
    assert told is not None
    assert told.status == 422


@pytest.mark.parametrize("between", ["pause", "answer", "other"])
def test_the_row_begins_anew(between: str) -> None:
    """After a pause of a minute, after an answer, and with another cause."""
    memory = Memory()
    memory.keep(A, FAILED, 0.0)
    again = 10.0
    match between:
        case "pause":
            again = 61.0
        case "answer":
            memory.forget(A)
        case "other":
            memory.keep(A, KEY, 5.0)
    memory.keep(A, FAILED, again)
    assert memory.known(A, again + 19.0) is None
    memory.keep(A, FAILED, again + 19.0)
    assert memory.known(A, again + 20.0) is not None


def test_after_a_cut_the_next_answer_is_asked_for_in_one_piece() -> None:
    """For ten minutes, in that conversation alone, whatever comes in between: the next stream would be cut as well."""
    memory = Memory()
    assert not memory.was_cut(lambda: A, 0.0)
    memory.keep_cut(A, 0.0)
    assert [memory.was_cut(lambda: A, at) for at in (0.0, 600.0, 600.1)] == [True, True, False]
    assert not memory.was_cut(lambda: B, 0.0)
    memory.forget(b"digest")
    assert memory.was_cut(lambda: A, 1.0)


def test_nobody_asks_which_conversation_it_is_if_none_was_cut() -> None:
    """That costs a healthy request nothing."""
    memory = Memory()
    memory.forget(A)
    assert not memory.was_cut(lambda: pytest.fail("asked"), 0.0)


def request(text: str, *, clock: str = "10:00", more: tuple[str, ...] = ()) -> Chat:
    """A classic client's request: its surroundings are told anew each time."""
    surroundings = f"<environment_details>\n# Current Time\n{clock}\n</environment_details>"
    said = [{"role": "system", "content": "Work."}, {"role": "user", "content": f"{text}\n{surroundings}"}]
    said += [{"role": "user", "content": f"{one}\n{surroundings}"} for one in more]
    found = read_chat(json.dumps({"model": "m", "messages": said}).encode(), seed="s")
    assert not isinstance(found, Refusal)
    return found


def test_the_clock_makes_no_other_request() -> None:
    """What a classic client tells of its surroundings differs from one repeat to the next."""
    first = request("a task")
    assert first.digest == request("a task", clock="10:01").digest
    assert first.digest != request("a task", more=("go on",)).digest
    assert first.digest != request("another task").digest


def test_a_conversation_is_known_by_its_beginning() -> None:
    """However long it has become."""
    first = request("a task")
    assert first.conversation == request("a task", clock="10:01", more=("go on",)).conversation
    assert first.conversation != request("another task").conversation


def test_it_never_grows_without_bound() -> None:
    """The oldest are forgotten."""
    memory = Memory()
    for number in range(Memory.MOST + 1):
        memory.keep(number.to_bytes(2), KEY, 0.0)
    assert memory.known((0).to_bytes(2), 0.0) is None
    assert memory.known((1).to_bytes(2), 0.0) == KEY


def test_a_backend_that_was_not_there_is_asked_again_at_once() -> None:
    """Its user has started it, and repeats the request."""
    circuits, memory = Circuits(), Memory()
    story = Story("r1", "m", stream=True, circuits=circuits, memory=memory, digest=b"one", conversation=lambda: b"c")
    story.finished(Finish("error", Explanation("LUM101", "connection-refused")), 0.1)
    assert memory.known(b"one", time.monotonic()) is None
    story.finished(Finish("error", Explanation("LUM803", "empty-answer")), 0.1)
    assert memory.known(b"one", time.monotonic()) is not None
