"""The guarantee of `serve` as playbooks: what happens to one request, and what is done about it, line by line."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lumeai_cli.backends.backend import Backend
from lumeai_cli.clients.request import small_xml
from lumeai_cli.flow.attempt import Attempt, Candidate
from lumeai_cli.flow.event import (
    Arrived,
    Cancel,
    Ended,
    Event,
    Finish,
    Left,
    Note,
    Open,
    Opened,
    Read,
    Send,
    Start,
    Stopping,
    Tick,
    WakeAt,
)
from lumeai_cli.flow.explanation import Explanation
from lumeai_cli.flow.flow import KEPT_OF_ERROR, Flow, State
from lumeai_cli.flow.underway import KEPT, KEPT_OF_END
from lumeai_cli.repair import stream
from lumeai_cli.wire.event import Event as WireEvent
from lumeai_cli.wire.exchange import Ending, EndingKind, Headers
from lumeai_cli.wire.frame import Frame
from lumeai_cli.wire.openai import events_of
from tests.clients.wire import chunk, completion, line
from tests.flow.playbook import (
    ANY,
    ASK_A,
    ASK_B,
    COMMENT,
    ERROR,
    PLAIN_A,
    PLAIN_B,
    RULES,
    STREAM,
    A,
    B,
    BrokenPlaybookError,
    Playbook,
    because,
    chat_of,
    clean,
    headers,
    holding,
    playbook,
    reset,
)

ROLE = line(chunk({"role": "assistant", "content": ""}))
HI = line(chunk({"content": "Hi"}))
SPACE = line(chunk({"content": " \n\t"}))
THOUGHT = line(chunk({"reasoning_content": "Hm."}))
STOP = line(chunk({}, "stop"))
DONE = b"data: [DONE]\n\n"

EMPTY = ROLE + STOP + DONE
WHOLE = completion({"content": "Hi"})
NOTHING = completion({"content": ""})


def error_of(play: Playbook) -> dict[str, str]:
    """The error of a JSON body."""
    told: dict[str, str] = json.loads(play.sent)["error"]
    return told


def in_turn(pieces: tuple[bytes, ...]) -> list[tuple[float, bytes]]:
    """The pieces, each a moment after the one before it."""
    return [(place / 100, piece) for place, piece in enumerate(pieces)]


# A backend that is there and says nothing.


@pytest.mark.parametrize("sign", [b": ping\n\n", b": OPENROUTER PROCESSING\r\n\r\n", b"\n", b" ", b"\n: a\n\n: b\n\n"])
def test_signs_of_life_alone_are_no_answer_for_ever(sign: bytes) -> None:
    """They keep the connection from being silent, so its own limit never comes: the next backend is asked."""
    play = playbook(to=(A, B)).freely(Arrived(0), Opened(0.1, 200), *(Read(at, sign) for at in range(1, 300)))
    assert not any(isinstance(command, Cancel) for command in play.commands)
    assert (
        play
        >> Read(300, sign)
        << Cancel()
        << Note(ASK_A, because("no-answer"), ())
        << Open(ASK_B)
    )  # fmt: skip


SAYING_NOTHING = {
    "no content": line(chunk({"content": ""})),
    "white space": line(chunk({"content": " \n"})),
    "the role": ROLE,
    "an empty delta": line(chunk({})),
    "a call without anything": line(chunk({"tool_calls": [{"index": 0, "function": {"arguments": " "}}]})),
    "no choices": b'data: {"id":"x","choices":[]}\n\n',
    "token counts": b'data: {"id":"x","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":0}}\n\n',
    "Anthropic's ping": b'event: ping\ndata: {"type":"ping"}\n\n',
    "a line that nobody reads": b"processing\n",
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("chunk", SAYING_NOTHING.values(), ids=SAYING_NOTHING)
def test_chunks_that_say_nothing_are_no_answer_for_ever(chunk: bytes, *, stream: bool) -> None:
    """They are signs of life in another dress, however they are cut."""
    for pieces in ((chunk,), (chunk[:9], chunk[9:])):
        play = playbook(stream=stream, to=(A, B), rules=replace(RULES, first_byte=2, attempts=2))
        play.freely(Arrived(0), Opened(0.1, 200))
        play.freely(*(Read(0.2 + tick / 10 + part, each) for tick in range(9) for part, each in in_turn(pieces)))
        assert sum(isinstance(command, Open) for command in play.commands) == 1
        play.freely(Read(2.1, chunk))
        opened = [command.attempt.candidate.backend for command in play.commands if isinstance(command, Open)]
        assert opened == [A, B]
        assert play.commands.count(Cancel()) == 1


def test_signs_of_life_between_words_are_bounded_too() -> None:
    """Counted from the last word on."""
    play = playbook().freely(
        Arrived(0), Opened(0.1, 200), Read(1, b": a\n\n"), Read(290, ROLE + HI), Read(400, b": a\n\n")
    )
    assert not any(isinstance(command, Finish) for command in play.commands)
    play.freely(Read(591, b": a\n\n"))
    assert play.finish == Finish("cut", because("no-answer"))
    assert b'data: {"error"' in play.sent


OF_VALUE = {
    "a text": HI,
    "a thought": THOUGHT,
    "a piece of a call": line(chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]})),
    "text that is held": line(chunk({"content": "<thi"})),
    "one that is skimmed": HI + HI,
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("chunk", OF_VALUE.values(), ids=OF_VALUE)
def test_whatever_brings_the_answer_further_is_waited_for(chunk: bytes, *, stream: bool) -> None:
    """Held or given out: patience begins anew with it, and ends after it."""
    play = playbook(stream=stream, to=(A, B), rules=replace(RULES, first_byte=2))
    play.freely(Arrived(0), Opened(0.1, 200), Read(0.2, chunk))
    play.freely(*(Read(at / 10, one) for at in range(3, 40, 3) for one in (chunk, SPACE)))
    assert Cancel() not in play.commands
    play.freely(Read(5.8, SPACE))
    assert Cancel() not in play.commands
    play.freely(Read(5.9, SPACE))
    assert Cancel() in play.commands


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("body", [WHOLE, line(chunk({"content": "x" * 9000}))], ids=["JSON", "a long event"])
def test_a_body_that_comes_slowly_is_waited_for(body: bytes, *, stream: bool) -> None:
    """Its bytes are of value, though no event is whole yet."""
    play = playbook(stream=stream, rules=replace(RULES, first_byte=2))
    pieces = (
        [body[:5000], *(body[at : at + 900] for at in range(5000, len(body), 900))]
        if body[:1] == b"d"
        else [body[at : at + 9] for at in range(0, len(body), 9)]
    )
    play.freely(Arrived(0), Opened(0.1, 200), *(Read(at, piece) for at, piece in enumerate(pieces, 1)))
    assert Cancel() not in play.commands


def test_nothing_behind_the_finish_reason_is_waited_for_for_ever() -> None:
    """The answer is whole: chunks that say nothing more do not take it back."""
    play = playbook(rules=replace(RULES, first_byte=2)).freely(Arrived(0), Opened(0.1, 200), Read(1, ROLE + HI + STOP))
    play.freely(*(Read(1 + tick / 5, b'data: {"id":"x","choices":[]}\n\n') for tick in range(11)))
    assert play.finish == Finish("ok")
    assert play.sent.endswith(DONE)


# A healthy answer.


def test_a_healthy_stream_passes_byte_for_byte() -> None:
    """The role waits for the content; each further piece goes out as it comes, and the end of the dialect ends all."""
    assert (
        playbook()
        >> Arrived(0)
        << Open(ASK_A)
        << WakeAt(20)
        >> Opened(0.1, 200)
        >> Read(0.2, ROLE)
        >> Read(0.3, HI)
        << Start(200, STREAM)
        << Send(ROLE + HI)
        >> Read(0.4, HI)
        << Send(HI)
        >> Read(0.5, STOP)
        << Send(STOP)
        >> Read(0.6, DONE)
        << Cancel()
        << Note(ASK_A, None)
        << Send(DONE)
        << Finish("ok")
    )


def test_a_stream_names_its_request_and_its_backend() -> None:
    play = playbook(to=(Backend("мой\n", "http://a.test/v1"),)).freely(
        Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + HI)
    )
    name = r"'\u043c\u043e\u0439\n'"
    assert play.start.headers == headers(x_lumeai_request_id="r1", x_lumeai_backend=name, x_lumeai_diagnosis=None)


def test_a_reset_behind_the_finish_reason_takes_nothing_from_the_answer() -> None:
    """The answer had come to its end: that is no cut, and only `[DONE]` was owed."""
    assert (
        playbook()
        >> Arrived(0)
        << Open(ASK_A)
        << WakeAt(20)
        >> Opened(0.1, 200)
        >> Read(0.2, ROLE + HI + STOP)
        << Start(200, STREAM)
        << Send(ROLE + HI + STOP)
        >> Ended(0.5, reset())
        << Note(ASK_A, None, ("done",))
        << Send(b": lumeai backend=a repairs=done\n\n")
        << Send(DONE)
        << Finish("ok")
    )


@pytest.mark.parametrize("last", [STOP[:-1], STOP[:-2], STOP + DONE[:-1], STOP + DONE[:-2]])
def test_a_last_event_that_nothing_ends_is_ended(last: bytes) -> None:
    """Else it would melt with what goes out behind it."""
    play = playbook().freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + HI + last), Ended(0.5, clean()))
    told = [event for event in play.sent.split(b"\n\n") if not event.startswith(b":")]
    assert told == (ROLE + HI + STOP + DONE).split(b"\n\n")
    assert play.finish == Finish("ok")


def test_a_json_body_becomes_the_stream_that_was_asked_for() -> None:
    """The repair is announced in the header, for it is known when the status goes out."""
    play = playbook().freely(
        Arrived(0), Opened(0.1, 200), Read(0.2, WHOLE[:20]), Read(0.3, WHOLE[20:]), Ended(0.4, clean())
    )
    assert play.start == Start(200, headers(content_type="text/event-stream", x_lumeai_repairs="json-to-sse"))
    assert play.sent == holding(b'"content":"Hi"', b'"finish_reason":"stop"', b"\n\ndata: [DONE]\n\n")
    assert play.finish == Finish("ok")


def test_a_repair_that_came_later_is_told_in_one_comment_before_the_end() -> None:
    """The headers are gone by then."""
    play = playbook().freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + HI), Read(0.3, DONE))
    assert play.start == Start(200, headers(content_type="text/event-stream", x_lumeai_repairs=None))
    assert play.sent.endswith(b": lumeai backend=a repairs=finish-reason\n\n" + DONE)
    assert play.sent.count(b"\n: ") == 1
    assert play.finish == Finish("ok")


def test_a_plain_client_gets_nothing_before_the_whole_body() -> None:
    assert (
        playbook(stream=False)
        >> Arrived(0)
        << Open(PLAIN_A)
        >> Opened(0.1, 200)
        >> Read(0.2, WHOLE[:30])
        >> Tick(20)
        >> Tick(35)
        >> Read(40, WHOLE[30:])
        >> Ended(41, clean(41))
        << Start(200, headers(content_type="application/json", content_length=str(len(WHOLE)), x_lumeai_backend="a"))
        << Send(WHOLE)
        << Note(PLAIN_A, None)
        << Finish("ok")
    )


def test_a_plain_client_gets_one_body_of_a_stream_too() -> None:
    play = playbook(stream=False).freely(
        Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + HI + HI + STOP + DONE), Ended(0.3, clean())
    )
    size = str(len(play.sent))
    assert play.start == Start(200, headers(content_type="application/json", content_length=size))
    assert json.loads(play.sent)["choices"][0]["message"]["content"] == "HiHi"


# Waiting.


def test_nothing_goes_out_before_the_hold_has_passed() -> None:
    """Then a status and a comment, and one more every fifteen seconds for as long as nothing comes."""
    assert (
        playbook()
        >> Arrived(0)
        << Open(ASK_A)
        << WakeAt(20)
        >> Tick(19.9)
        << WakeAt(20)
        >> Tick(20)
        << Start(200, STREAM)
        << Send(COMMENT)
        << WakeAt(35)
        >> Opened(30, 200)
        >> Tick(35)
        << Send(COMMENT)
        << WakeAt(50)
        >> Read(40, ROLE + HI)
        << Send(ROLE + HI)
        >> Tick(50)
        << WakeAt(55)
        >> Tick(55)
        << Send(COMMENT)
        << WakeAt(70)
    )


def test_no_keep_alive_stands_between_pieces_that_flow() -> None:
    """A tick that comes while content flows only asks for the next one."""
    play = playbook().freely(Arrived(0), Opened(0.1, 200), Read(1, ROLE + HI))
    for second in range(2, 120):
        assert play >> Read(second, HI) << Send(HI) >> Tick(second + 0.5) << WakeAt(second + 15.0)


@pytest.mark.parametrize("start", [0.1, 0.7, 3.3, 7.9, 1234.567, 1e6 + 0.1])
def test_the_tick_that_was_asked_for_is_never_too_early(start: float) -> None:
    """However the seconds round: a flow that is woken when it wished to be has something to say."""
    play = playbook().freely(Arrived(0), Opened(0.1, 200), Read(start - 0.1, ROLE + HI))
    wake = play.flow.handle(Tick(start))
    for _ in range(20):
        (due,) = (command.at for command in wake if isinstance(command, WakeAt))
        wake = play.flow.handle(Tick(due))
        assert wake[0] == Send(COMMENT)


def test_a_thought_commits_the_status_but_not_the_content() -> None:
    """What a model thinks is passed on as it comes; another backend may still answer."""
    assert (
        playbook(to=(A, B))
        >> Arrived(0)
        << Open(ASK_A)
        << WakeAt(20)
        >> Opened(0.1, 200)
        >> Read(0.2, ROLE + THOUGHT)
        << Start(200, STREAM)
        << Send(holding(b'"reasoning_content":"Hm."'))
        >> Ended(0.5, reset())
        << Note(ASK_A, because("stream-cut"), ("reasoning",))
        << Open(PLAIN_A)
        >> Ended(0.2, Ending(EndingKind.REFUSED, 0.2))
        << Note(PLAIN_A, because("connection-refused"))
        << Open(ASK_B)
        >> Opened(0.8, 200)
        >> Read(0.3, ROLE + HI)
        << Send(ROLE + HI)
        >> Read(0.3, STOP + DONE)
        << Send(STOP)
        << Cancel()
        << Note(ASK_B, None)
        << Send(b": lumeai backend=b repairs=\n\n")
        << Send(DONE)
        << Finish("ok")
    )


def test_a_thought_waits_for_the_answer_where_a_classic_client_reads() -> None:
    """Behind a thought it would show no error; nothing has gone out, so that the error is a status."""
    assert (
        playbook(rules=replace(RULES, attempts=1), **CLASSIC)
        >> Arrived(0)
        << Open(ASK_A)
        << WakeAt(20)
        >> Opened(0.1, 200)
        >> Read(0.2, ROLE + THOUGHT)
        >> Read(0.3, STOP + DONE)
        << Cancel()
        << Note(ASK_A, because("reasoning-only"), ("reasoning",))
        << Start(422, ANY)
        << Send(holding(b"LUM701"))
        << Finish("error", because("reasoning-only"))
    )


def test_a_thought_that_has_waited_goes_out_with_the_answer_or_behind_the_hold() -> None:
    """In its order; of an attempt that came to nothing it is lost."""
    early = playbook(**CLASSIC).freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + THOUGHT), Read(0.3, HI))
    assert early.sent == holding(b'"Hm."', b'"Hi"')
    assert early.sent.index(b"Hm.") < early.sent.index(b"Hi")
    late = playbook(**CLASSIC).freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + THOUGHT), Tick(20.0))
    assert late.start.status == 200
    assert late.sent == holding(b'"Hm."')
    late.freely(Read(20.5, THOUGHT))
    assert late.sent.count(b'"Hm."') == 4  # each under both names
    other = playbook(to=(A, B), **CLASSIC).freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + THOUGHT))
    other.freely(Ended(0.3, reset()), Ended(0.4, reset()), Opened(0.5, 200), Read(0.6, ROLE + HI))
    assert other.sent == holding(b'"Hi"', never=[b"Hm."])


def test_white_space_is_no_content() -> None:
    """It waits; with nothing else it is an empty answer, and asked for again."""
    assert (
        playbook()
        >> Arrived(0)
        << Open(ASK_A)
        << WakeAt(20)
        >> Opened(0.1, 200)
        >> Read(0.2, ROLE + SPACE)
        >> Read(0.3, STOP + DONE)
        << Cancel()
        << Note(ASK_A, because("empty-answer"))
        << Open(PLAIN_A)
    )


def test_white_space_before_content_goes_out_with_it() -> None:
    assert (
        playbook().freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + SPACE))
        >> Read(0.3, HI)
        << Start(200, STREAM)
        << Send(ROLE + SPACE + HI)
    )


# Attempts.


def empties(*, before: float) -> Playbook:
    """Two backends of which nothing but empty answers come; the last one waits to be told, `before` is when."""
    return playbook(to=(A, B)).freely(
        Arrived(0),
        Opened(0.1, 200),
        Read(0.2, EMPTY),  # in the mode that was asked
        Opened(0.4, 200),
        Read(0.2, NOTHING),
        Ended(0.3, clean(0.3)),  # in the other mode
        Opened(0.8, 200),
        Read(0.2, EMPTY),
        Tick(before),
        Opened(before, 200),
        Read(0.2, NOTHING),
    )


def test_an_empty_answer_is_asked_for_in_the_other_mode_and_of_the_next_backend() -> None:
    """And then the end is explained, with a status that clients show and do not repeat."""
    play = empties(before=19)
    assert [one.attempt for one in play.commands if isinstance(one, Open)] == [ASK_A, PLAIN_A, ASK_B, PLAIN_B]
    assert (
        play
        >> Ended(0.3, clean(0.3))
        << Note(PLAIN_B, because("empty-answer"), ANY)
        << Start(422, headers(content_type="application/json", x_lumeai_diagnosis="empty-answer", retry_after=None))
        << Send(holding(b'"code":"LUM803"', b"b (empty-answer)"))
        << Finish("error", because("empty-answer"))
    )


def test_the_same_is_explained_in_the_stream_once_the_status_is_out() -> None:
    """One comment, one error frame, no `[DONE]`."""
    play = empties(before=20)
    assert play.start.status == 200
    assert (
        play
        >> Ended(0.3, clean(0.3))
        << Note(PLAIN_B, because("empty-answer"), ANY)
        << Send(COMMENT)
        << Send(ERROR)
        << Finish("error", because("empty-answer"))
    )
    assert b"[DONE]" not in play.sent


@pytest.mark.parametrize(
    ("ending", "name"),
    [
        (clean(), "missing-finish-reason"),
        (reset(), "stream-cut"),
        (Ending(EndingKind.CUT, 0.5, "incomplete chunked read"), "stream-cut"),
    ],
)
def test_a_cut_behind_content_is_told_as_one(ending: Ending, name: str) -> None:
    """No `[DONE]`, no invented finish reason, and no other attempt: the client has read half an answer."""
    play = playbook(to=(A, B)).freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + HI))
    assert (
        play
        >> Ended(0.5, ending)
        << Note(ASK_A, because(name))
        << Send(holding(b": lumeai backend=a repairs= diagnosis=" + name.encode()))
        << Send(ERROR)
        << Finish("cut", because(name))
    )
    assert b"[DONE]" not in play.sent
    assert b'"finish_reason": "stop"' not in play.sent


@pytest.mark.parametrize("ending", [clean(), reset()])
def test_a_long_answer_is_cut_like_a_short_one(ending: Ending) -> None:
    """What is kept of it tells no less of its end than the whole would."""
    name = "missing-finish-reason" if ending.clean else "stream-cut"
    play = playbook().freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + HI))
    play.freely(*(Read(0.3, HI * 7) for _ in range(KEPT_OF_END // len(HI))))
    assert len(play.sent) > 5 * KEPT_OF_END
    assert play.freely(Ended(0.5, ending)).finish == Finish("cut", because(name))


def test_the_error_that_broke_an_answer_off_is_the_one_that_is_told() -> None:
    broke = line({"error": {"message": "the GPU fell off the bus"}})
    play = playbook().freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + HI), Read(0.3, broke))
    assert play.finish == Finish("cut", because("error-in-200"))
    assert b"the GPU fell off the bus" in play.sent


@pytest.mark.parametrize("heard", [b"", ROLE, ROLE + SPACE, HI[:40], ROLE + HI[:-1]])
def test_an_unclean_end_before_content_is_tried_again(heard: bytes) -> None:
    """The client has not heard a word of it."""
    play = playbook().freely(Arrived(0), Opened(0.1, 200), *([Read(0.2, heard)] if heard else []), Ended(0.5, reset()))
    assert isinstance(play.commands[-1], Open | WakeAt)
    assert play.sent == b""


def test_a_long_thought_without_an_answer_is_judged_by_its_end_too() -> None:
    """A megabyte of thoughts, then the budget is spent: the finish reason is what names the cause."""
    play = playbook(max_tokens=100).freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE))
    thoughts = THOUGHT * 100
    play.freely(*(Read(0.3, thoughts) for _ in range(KEPT // len(thoughts) + 1)))
    play.freely(Read(0.4, THOUGHT[:50]), Read(0.4, THOUGHT[50:] + line(chunk({}, "length")) + DONE))
    notes = [command for command in play.commands if isinstance(command, Note)]
    assert [note.why for note in notes] == [because("output-budget-spent")]


SLOW_DOWN = b'{"error": {"message": "slow down"}}'


def refused(status: int, body: bytes, *, told: Headers = (), at: float = 0.0) -> Iterator[Event]:
    """A backend's refusal; `at` is when the attempt began."""
    yield Opened(at + 0.1, status, told)
    yield Read(0.2, body)
    yield Ended(0.5, clean(0.5))


def test_a_backend_that_asks_for_two_seconds_gets_them() -> None:
    """Then it is asked again; a client that streams hears of it when it is time, and not before."""
    again = refused(429, SLOW_DOWN, told=(("retry-after", "2"),))
    assert (
        playbook()
        >> Arrived(0)
        << Open(ASK_A)
        << WakeAt(20)
        >> next(again)
        >> next(again)
        >> next(again)
        << Note(ASK_A, because("rate-limited"))
        << WakeAt(2.5)
        >> Tick(2.4)
        << WakeAt(2.5)
        >> Tick(2.5)
        << Open(ASK_A)
        << WakeAt(20)
    )


def test_a_backend_that_asks_for_an_hour_is_left_alone() -> None:
    """The client is told so at once, and never to wait longer than half a minute."""
    play = playbook().freely(Arrived(0), *refused(429, SLOW_DOWN, told=(("retry-after", "3600"),)))
    assert play.start == Start(429, headers(retry_after="30", x_lumeai_diagnosis="rate-limited"))
    assert error_of(play)["type"] == "rate_limit_error"
    assert play.finish == Finish("error", because("rate-limited"))


@pytest.mark.parametrize("told", ["-1", "soon", "1e3", "99999999999", "²", ""])
def test_a_wait_that_is_none_is_not_passed_on(told: str) -> None:
    play = playbook(rules=replace(RULES, attempts=1)).freely(
        Arrived(0), *refused(429, SLOW_DOWN, told=(("retry-after", told),))
    )
    assert play.start == Start(429, headers(retry_after="1"))


def test_signs_of_life_go_on_while_a_backend_rests() -> None:
    """The rest is no reason to be silent for longer than was promised."""
    rules = replace(RULES, hold=1.0, keep_alive=2.0)
    play = playbook(rules=rules).freely(Arrived(0))
    wait = refused(429, SLOW_DOWN, told=(("retry-after", "6"),))
    assert (
        play
        >> next(wait)
        >> next(wait)
        >> next(wait)
        << Note(ASK_A, because("rate-limited"))
        << WakeAt(1)
        >> Tick(1)
        << Start(200, STREAM)
        << Send(COMMENT)
        << WakeAt(3)
        >> Tick(3)
        << Send(COMMENT)
        << WakeAt(5)
        >> Tick(5)
        << Send(COMMENT)
        << WakeAt(6.5)
        >> Tick(6.5)
        << Open(ASK_A)
        << WakeAt(7)
    )


@pytest.mark.parametrize("finish", ["content_filter"])
def test_a_filters_verdict_is_not_asked_for_twice(finish: str) -> None:
    play = playbook(to=(A, B)).freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + line(chunk({}, finish)) + DONE))
    assert play.finish == Finish("error", because("content-filtered"))
    assert [one for one in play.commands if isinstance(one, Open)] == [Open(ASK_A)]


def test_an_empty_turn_behind_a_tools_result_is_asked_for_once_more_and_no_more() -> None:
    """It may be right: the model has nothing to add."""
    messages = [{"role": "user", "content": "Look."}, {"role": "tool", "tool_call_id": "c1", "content": "maple"}]
    play = playbook(to=(A, B), messages=messages).freely(
        Arrived(0), Opened(0.1, 200), Read(0.2, EMPTY), Opened(0.3, 200), Read(0.2, EMPTY)
    )
    assert len([one for one in play.commands if isinstance(one, Open)]) == 2
    assert play.finish == Finish("error", because("empty-answer"))


def test_a_parameter_that_was_refused_is_left_out_once() -> None:
    said = b'{"error": {"message": "Unknown parameter: \'parallel_tool_calls\'", "param": "parallel_tool_calls"}}'
    play = playbook(parallel_tool_calls=True).freely(Arrived(0), *refused(400, said))
    assert play.commands[-1] == Open(replace(ASK_A, dropped=frozenset({"parallel_tool_calls"})))
    assert play.freely(*refused(400, said, at=0.5)).finish.outcome == "error"
    assert play.start.status == 400


def test_a_budget_that_went_into_thoughts_is_raised_once() -> None:
    spent = ROLE + THOUGHT + line(chunk({}, "length")) + DONE
    play = playbook(max_tokens=500).freely(Arrived(0), Opened(0.1, 200), Read(0.2, spent))
    assert play.commands[-1] == Open(replace(ASK_A, max_tokens=8192))
    play.freely(Opened(0.1, 200), Read(0.2, spent))
    assert play.finish == Finish("error", because("output-budget-spent"))
    assert b"[DONE]" not in play.sent


def based(attempt: Attempt, base: str) -> Attempt:
    """The same attempt at another base URL."""
    return replace(attempt, candidate=replace(attempt.candidate, base=base))


@pytest.mark.parametrize(
    ("url", "status", "body", "then"),
    [
        ("http://a.test", 404, b'{"detail":"Not Found"}', "http://a.test/v1"),
        ("http://a.test", 404, b"404 page not found\n", "http://a.test/v1"),
        ("http://a.test/v1/chat/completions", 404, b"", "http://a.test/v1"),
        ("http://a.test", 200, b"<!DOCTYPE html><html><body>Welcome</body></html>", "http://a.test/v1"),
        (
            "http://a.test/v1/chat/completions",
            200,
            b"<!DOCTYPE html><html><body>Welcome</body></html>",
            "http://a.test/v1",
        ),
    ],
)
def test_a_wrong_path_is_tried_with_its_neighbour(url: str, status: int, body: bytes, then: str) -> None:
    backend = Backend("a", url)
    play = playbook(to=(backend,)).freely(Arrived(0), *refused(status, body))
    assert play.commands[-1] == Open(based(Attempt(Candidate(backend), stream=True), then))


def test_a_redirect_within_the_server_is_followed() -> None:
    there = (("location", "http://a.test/api/v1/chat/completions"),)
    play = playbook().freely(Arrived(0), *refused(307, b"", told=there))
    assert play.commands[-1] == Open(based(ASK_A, "http://a.test/api/v1"))


@pytest.mark.parametrize(
    "there",
    [
        "https://b.test/v1/chat/completions",
        "https://a.test/v1/chat/completions",
        "http://a.test:81/v1/chat/completions",
        "//evil.test/v1/chat/completions",
        "http://a.test@evil.test/v1/chat/completions",
        "/login",
        "",
    ],
)
def test_a_redirect_to_anywhere_else_is_not_followed(there: str) -> None:
    """A key must not go where nobody sent it."""
    play = playbook().freely(Arrived(0), *refused(308, b"", told=(("location", there),)))
    for command in play.commands:
        if isinstance(command, Open):
            assert command.attempt.candidate.url.startswith("http://a.test/")


@pytest.mark.parametrize("status", [204, 205, 206, 300, 303, 304, 399])
def test_a_status_without_an_answer_is_a_failure_and_no_answer(status: int) -> None:
    """The client is told something, whatever it is called."""
    play = playbook(rules=replace(RULES, attempts=1)).freely(Arrived(0), Opened(0.1, status), Ended(0.2, clean(0.2)))
    assert play.start.status >= 400
    assert play.finish.outcome == "error"


def test_a_partial_content_that_holds_an_answer_is_one() -> None:
    play = playbook().freely(Arrived(0), Opened(0.1, 206), Read(0.2, ROLE + HI + STOP + DONE))
    assert play.finish == Finish("ok")


def test_a_large_error_is_read_no_further_than_needed() -> None:
    """Nor does its text go out at full length."""
    play = playbook(rules=replace(RULES, attempts=1)).freely(Arrived(0), Opened(0.1, 500))
    size = KEPT_OF_ERROR // 8
    play.freely(*(Read(0.2, b"e" * size) for _ in range(8)))
    assert play.flow.state is State.REFUSED
    play.freely(Read(0.3, b"e" * size))
    assert play.commands[2] == Cancel()
    assert play.start.status == 502
    assert len(play.sent) < 4096


def test_attempts_are_bounded() -> None:
    play = playbook(to=(A, B), rules=replace(RULES, attempts=3)).freely(Arrived(0))
    at = 0.0
    while play.flow.state is not State.OVER:
        at += 30
        play.freely(Tick(at), *refused(503, b"Service Unavailable", at=at))
    assert len([one for one in play.commands if isinstance(one, Open)]) == 3


# Leaving and stopping.


def on_the_way(state: State, **fields: object) -> Playbook:
    """A request in this state."""
    ways: dict[State, list[Event]] = {
        State.NEW: [],
        State.ASKING: [Arrived(0)],
        State.READING: [Arrived(0), Opened(0.1, 200)],
        State.REFUSED: [Arrived(0), Opened(0.1, 500)],
        State.RESTING: [Arrived(0), *refused(429, SLOW_DOWN, told=(("retry-after", "2"),))],
    }
    play = playbook(**fields).freely(*ways[state])  # type: ignore[arg-type]  # fields of the body alone
    assert play.flow.state is state
    return play


LIVE = [state for state in State if state is not State.OVER]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("state", LIVE)
def test_a_client_that_leaves_ends_all_in_every_state(state: State, stream: bool) -> None:  # noqa: FBT001  # a column
    play = on_the_way(state, stream=stream)
    assert play >> Left(3) << Cancel() << Finish("left")
    for late in (Read(4, HI), Ended(4, clean()), Tick(40), Left(4), Stopping(4), Opened(4, 200), Arrived(4)):
        assert play >> late


def test_a_client_that_leaves_in_the_middle_hears_nothing_more() -> None:
    play = playbook().freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + HI))
    assert play >> Left(3) << Cancel() << Finish("left") >> Read(4, HI + STOP + DONE)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("state", LIVE)
def test_a_stop_is_explained_in_every_state(state: State, stream: bool) -> None:  # noqa: FBT001  # a column
    """With a status that says: come back."""
    assert (
        on_the_way(state, stream=stream)
        >> Stopping(3)
        << Cancel()
        << Start(503, headers(content_type="application/json", retry_after="1", x_lumeai_diagnosis=None))
        << Send(holding(b'"code":"LUM006"'))
        << Finish("stopped")
        >> Tick(40)
    )


@pytest.mark.parametrize("heard", [ROLE + THOUGHT, ROLE + HI])
def test_a_stop_behind_the_status_is_explained_in_the_stream(heard: bytes) -> None:
    play = playbook().freely(Arrived(0), Opened(0.1, 200), Read(0.2, heard))
    assert play >> Stopping(3) << Cancel() << Send(ERROR) << Finish("stopped")
    assert b"LUM006" in play.sent
    assert b"[DONE]" not in play.sent


# Explanations.

KNOWN = Explanation("LUM803", "empty-answer")


@pytest.mark.parametrize("stream", [True, False])
def test_a_repeat_of_a_request_that_was_explained_asks_nobody(stream: bool) -> None:  # noqa: FBT001  # a column
    assert (
        playbook(known=KNOWN, stream=stream)
        >> Arrived(0)
        << Start(422, headers(x_lumeai_diagnosis="empty-answer", x_lumeai_backend=None))
        << Send(holding(b'"code":"LUM803"'))
        << Finish("repeated", KNOWN)
    )


CLOSING = {
    "type": "function",
    "function": {
        "name": "attempt_completion",
        "parameters": {"type": "object", "properties": {"result": {"type": "string"}}, "required": ["result"]},
    },
}
READS = {"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}
IN_WORDS = replace(RULES, explain="message")
NATIVE, CLASSIC = {"tools": [CLOSING]}, {"messages": list(small_xml().messages)}


def in_words(*, stream: bool, before: float = 1.0, **fields: object) -> Playbook:
    """A request that comes to nothing where explanations are told as messages."""
    play = playbook(rules=replace(IN_WORDS, attempts=1), stream=stream, **fields)  # type: ignore[arg-type]  # likewise
    body = EMPTY if stream else NOTHING
    return play.freely(Arrived(0), Tick(before), Opened(before, 200), Read(0.2, body), Ended(0.3, clean()))


@pytest.mark.parametrize("before", [1.0, 25.0])
@pytest.mark.parametrize(
    ("fields", "telling"),
    [
        ({}, b'"content":"lumeai: '),
        ({"tools": [READS]}, b'"content":"lumeai: '),
        (NATIVE, b'"name":"attempt_completion"'),
        (CLASSIC, b"<attempt_completion>\\n<result>\\n"),
    ],
    ids=["chat", "native", "native-closing", "classic"],
)
def test_an_explanation_can_be_told_as_a_message(fields: dict[str, object], telling: bytes, before: float) -> None:
    """In the protocol of the client, so that it shows it and ends its turn; before the hold and behind it."""
    play = in_words(stream=True, before=before, **fields)
    assert play.start.status == 200
    assert play.sent == holding(telling, b"LUM803", b'"finish_reason":', DONE, never=[b'"error"'])
    assert play.finish == Finish("error", because("empty-answer"))


@pytest.mark.parametrize("fields", [{}, NATIVE, CLASSIC], ids=["chat", "native-closing", "classic"])
def test_an_explanation_can_be_told_as_one_body(fields: dict[str, object]) -> None:
    play = in_words(stream=False, **fields)
    assert play.start == Start(
        200,
        headers(content_type="application/json", content_length=str(len(play.sent)), x_lumeai_diagnosis="empty-answer"),
    )
    message = json.loads(play.sent)["choices"][0]["message"]
    assert "LUM803" in json.dumps(message)
    assert ("tool_calls" in message) == ("tools" in fields)


def test_what_may_pass_is_an_error_even_where_explanations_are_messages() -> None:
    """Its status lets the client try again by itself."""
    play = playbook(rules=replace(IN_WORDS, attempts=1)).freely(Arrived(0), *refused(503, b"Service Unavailable"))
    assert play.start.status >= 500


def test_a_repeat_is_explained_in_words_too() -> None:
    play = playbook(rules=IN_WORDS, known=KNOWN).freely(Arrived(0))
    assert play.start.status == 200
    assert play.sent == holding(b"LUM803", DONE)


def test_an_explanation_speaks_the_language_of_the_settings() -> None:
    play = playbook(rules=replace(RULES, language="ru"), known=KNOWN).freely(Arrived(0))
    assert "Что делать" in error_of(play)["message"]


# What cannot happen.


@pytest.mark.parametrize("late", [Read(4, HI), Ended(4, clean()), Tick(40), Opened(4, 200), Left(4), Stopping(4)])
def test_what_comes_behind_the_end_changes_nothing(late: Event) -> None:
    assert playbook().freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + HI + STOP + DONE)) >> late


@pytest.mark.parametrize("early", [Read(0, HI), Ended(0, clean()), Tick(0), Opened(0, 200)])
def test_what_comes_before_the_request_changes_nothing(early: Event) -> None:
    assert playbook() >> early >> Arrived(0) << Open(ASK_A) << WakeAt(20)


def test_bytes_before_the_head_of_an_answer_are_none() -> None:
    assert playbook().freely(Arrived(0)) >> Read(0.1, ROLE + HI) >> Arrived(0.2)


# The playbook itself.


def test_a_broken_playbook_shows_what_happened() -> None:
    with pytest.raises(BrokenPlaybookError, match=r"(?s)>> Arrived.*<< Open.*<< WakeAt\(at=19\).*-- but it was WakeAt"):
        playbook() >> Arrived(0) << Open(ASK_A) << WakeAt(19)
    with pytest.raises(BrokenPlaybookError, match="was to be done, too: WakeAt"):
        bool(playbook() >> Arrived(0) << Open(ASK_A))
    with pytest.raises(BrokenPlaybookError, match="nothing was to be done"):
        playbook() >> Tick(0) << Cancel()


def test_every_state_is_in_the_table() -> None:
    """A client may leave, and the proxy may stop, in each that is not the last."""
    for state in LIVE:
        assert (state, Left) in Flow.TABLE
        assert (state, Stopping) in Flow.TABLE
    assert not [key for key in Flow.TABLE if key[0] is State.OVER]


# What a healthy stream costs.


def test_a_healthy_stream_costs_one_command_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no piece that follows the pattern of the one before is decoded again."""
    decoded: list[int] = []

    def counted(frame: Frame, number: int) -> list[WireEvent]:
        decoded.append(number)
        return events_of(frame, number)

    monkeypatch.setattr(stream, "events_of", counted)
    play = playbook().freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + HI))
    before = len(decoded)
    for number in range(500):
        assert play >> Read(0.3 + number, data := line(chunk({"content": f"word {number} "}))) << Send(data)
    assert len(decoded) == before <= 2
    play.freely(Read(1000, STOP + DONE))
    assert len(decoded) == before + 1
    assert play.finish == Finish("ok")


@pytest.mark.parametrize("tools", [None, [READS]])
def test_many_pieces_that_come_together_leave_together(tools: object) -> None:
    play = playbook(tools=tools).freely(Arrived(0), Opened(0.1, 200), Read(0.2, ROLE + HI))
    assert play >> Read(0.3, HI * 50) << Send(HI * 50)


def test_a_request_is_a_value_that_can_be_played_twice() -> None:
    """The same events give the same commands: nothing in a flow depends on anything else."""
    events: list[Event] = [Arrived(0), Opened(0.1, 200), Read(0.2, WHOLE), Ended(0.3, clean())]
    first, second = (Playbook(Flow(chat_of(), [Candidate(A)], RULES)).freely(*events) for _ in range(2))
    assert first.commands == second.commands
