"""What the log tells of a request, in which form, and what it makes the circuits and the memory know."""

import json
import logging
import time
from dataclasses import replace

import pytest

from lumeai_cli.flow.circuit import Circuits
from lumeai_cli.flow.event import Arrived, Finish, Note
from lumeai_cli.flow.explanation import Explanation
from lumeai_cli.proxy.record import LOG, JsonLines, Memory, Story, start_log
from tests.flow.playbook import ASK_A, ASK_B, PLAIN_A, headers, playbook

FAILED = Explanation("LUM402", "server-error")
REFUSED = Explanation("LUM404", "request-refused")


def story(circuits: Circuits, memory: Memory) -> Story:
    """That of one request."""
    return Story("r1", "m", stream=True, circuits=circuits, memory=memory, digest=b"d", conversation=lambda: b"c")


def told(message: str, **more: object) -> logging.LogRecord:
    """A record of the log."""
    return LOG.makeRecord(LOG.name, logging.INFO, __file__, 1, message, (), None, extra=more)


@pytest.mark.parametrize(
    ("text", "readable", "ascii_only"),
    [
        ("модель", '"модель"', r'"\u043c\u043e\u0434\u0435\u043b\u044c"'),
        ("a\nb\x1b[0m", r'"a\nb\u001b[0m"', r'"a\nb\u001b[0m"'),
        ("a\x9b\u202eb", r'"a\u009b\u202eb"', r'"a\u009b\u202eb"'),
        ("\ud800 \U0001f600", '"\\ud800 \U0001f600"', r'"\ud800 \ud83d\ude00"'),
    ],
)
def test_letters_stand_as_they_are_where_they_can_be_shown(text: str, readable: str, ascii_only: str) -> None:
    """What steers a terminal, or is no character, never does."""
    for form, wanted in ((JsonLines(readable=True), readable), (JsonLines(), ascii_only)):
        line = form.format(told(text))
        assert f'"message": {wanted}' in line
        assert json.loads(line)["message"] == text
        assert "\n" not in line


def test_all_attempts_of_a_request_count_once_for_each_backend() -> None:
    """Four attempts of one request are one bad answer."""
    circuits = Circuits()
    one = story(circuits, Memory())
    for attempt, why in [(ASK_A, REFUSED), (ASK_A, FAILED), (PLAIN_A, FAILED), (ASK_B, FAILED), (ASK_A, FAILED)]:
        one.noted(Note(attempt, why))
    assert (circuits.health("a").failures, circuits.health("b").failures) == (1, 1)
    story(circuits, Memory()).noted(Note(ASK_A, FAILED))
    assert circuits.health("a").failures == 2


def test_what_is_told_again_names_the_others_as_well() -> None:
    """The whole text, and the backend whose name went out with it."""
    memory = Memory()
    one = story(Circuits(), memory)
    one.noted(Note(ASK_A, REFUSED))
    one.noted(Note(ASK_B, FAILED))
    one.finished(Finish("error", REFUSED), 0.1)
    known = memory.known(b"d", time.monotonic())
    assert known is not None
    assert (known.backend, known.others) == ("b", "b (server-error)")
    assert known.text("en").endswith("Also asked in vain: b (server-error).")
    assert known.text("ru").endswith("Не помогли и другие: b (server-error).")


def test_who_was_being_asked_is_named_when_the_client_leaves(caplog: pytest.LogCaptureFixture) -> None:
    """Be it that this attempt has come to nothing yet."""
    with caplog.at_level(logging.INFO, LOG.name):
        one = story(Circuits(), Memory())
        one.finished(Finish("left", backend="a"), 0.1)
        one.noted(Note(ASK_A, FAILED))
        one.finished(Finish("left", backend="b"), 0.1)
    assert [record.__dict__["story"]["backend"] for record in caplog.records] == ["a", "b"]


@pytest.mark.parametrize(
    ("quiet", "verbose", "level"),
    [(False, False, logging.INFO), (True, False, logging.WARNING), (False, True, logging.DEBUG)],
)
def test_how_much_is_told(*, quiet: bool, verbose: bool, level: int) -> None:
    """The log's own level says it."""
    loggers = [LOG, *map(logging.getLogger, ("uvicorn", "asyncio", "aiohttp"))]
    before = [(logger, logger.handlers, logger.propagate, logger.level) for logger in loggers]
    try:
        start_log(quiet=quiet, verbose=verbose)
        assert LOG.level == level
    finally:
        for logger, handlers, propagate, was in before:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(was)


def test_each_failed_attempt_is_told_to_whoever_wants_more(caplog: pytest.LogCaptureFixture) -> None:
    """With the request that it belongs to."""
    with caplog.at_level(logging.DEBUG, LOG.name):
        story(Circuits(), Memory()).noted(Note(ASK_A, FAILED))
    assert caplog.records[0].__dict__["told"] == {"request": "r1", "backend": "a", "diagnosis": "server-error"}


def test_the_header_of_what_is_told_again_names_the_backend() -> None:
    """As the first time; of one that is not known any more, none."""
    told_again = playbook(known=replace(REFUSED, backend="a")).freely(Arrived(0))
    assert told_again.start.headers == headers(x_lumeai_backend="a", x_lumeai_diagnosis="request-refused")
    assert playbook(known=REFUSED).freely(Arrived(0)).start.headers == headers(x_lumeai_backend=None)
