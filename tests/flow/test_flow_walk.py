"""Walks at random through everything that may happen to a request; the guarantee of `serve` holds on every way."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumeai_cli.backends.backend import Backend
from lumeai_cli.clients.request import small_xml
from lumeai_cli.flow.attempt import Candidate
from lumeai_cli.flow.event import (
    Arrived,
    Cancel,
    Command,
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
from lumeai_cli.flow.explanation import LONGEST_WAIT, Explanation
from lumeai_cli.flow.flow import Flow, Rules, State
from lumeai_cli.wire.event import Done
from lumeai_cli.wire.exchange import Asked, Chunk, Ending, EndingKind, Exchange
from lumeai_cli.wire.reading import Reading, Shape, read
from tests.clients.wire import call, chunk, completion, line
from tests.flow.playbook import chat_of, clean

GOOD = [
    line(chunk({"role": "assistant", "content": ""})),
    line(chunk({"content": "Hi"})),
    line(chunk({"content": "Привет, \U0001f98a"})),
    line(chunk({"content": " \n"})),
    line(chunk({"reasoning_content": "Hm."})),
    line(chunk(call())),
    line(chunk({}, "stop")),
    line(chunk({}, "length")),
    line(chunk({}, "tool_calls")),
    line({**chunk({}), "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}),
    b": a comment\n\n",
    b"data: [DONE]\n\n",
]
ODD = [
    line({**chunk(), "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}}]}),
    line({**chunk(), "choices": [{"index": 0, "text": "Hi", "finish_reason": None}]}),
    line(chunk({"content": [{"type": "text", "text": "Hi"}]})),
    line(chunk({"content": "<think>"})),
    line(chunk({"content": "hm</think>"})),
    line(chunk({"content": "<tool_call>"})),
    line(chunk({"content": '{"name": "read", "arguments": {"filePath": "a"}}</tool_call>'})),
    line(chunk({"tool_calls": [{"function": {"name": "read", "arguments": {"filePath": "a"}}}]})),
    line(chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"filePath": "a'}}]})),
    line(chunk({"refusal": "No."})),
    line(chunk({}, "end_turn")),
    line({**chunk({"content": "Hi"}), "error": None}),
    line(chunk({"content": "Hi"}))[:-1],
    line(chunk({"content": "Hi"})).replace(b"\n", b"\r\n"),
    b'{"model":"m","message":{"role":"assistant","content":"Hi"},"done":false}\n',
    b'{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"}\n',
    b"\xef\xbb\xbf",
    b"\n",
]
BAD = [
    line({"error": {"message": "out of memory", "code": 500}}),
    b'event: error\ndata: {"message": "broken"}\n\n',
    b'{"error": {"message": "unframed"}}\n\n',
    line(b"{nothing"),
    line([1]),
    line({"choices": None}),
    b"data: \xff\xfe\n\n",
    b"\x00",
    b"<html><body>502</body></html>",
]
WHOLE = [
    completion({"content": "Hi"}),
    completion({"content": ""}),
    completion({"content": None, "tool_calls": call()["tool_calls"]}),
    completion({"content": "Hi"}).replace(b'"finish_reason": "stop"', b'"finish_reason": null'),
    b'{"error": {"message": "Unknown parameter: temperature"}}',
    b'{"error": "no such model"}',
    b"[]",
    b"null",
    b"",
]

HEALTHY = [GOOD[0] + GOOD[1], GOOD[1] + GOOD[6] + GOOD[11], GOOD[0] + GOOD[4] + GOOD[1]]

bodies = st.one_of(
    st.lists(st.sampled_from(GOOD), max_size=8).map(b"".join),
    st.lists(st.sampled_from(GOOD + HEALTHY + ODD), max_size=8).map(b"".join),
    st.lists(st.sampled_from(GOOD + HEALTHY + ODD + BAD), max_size=8).map(b"".join),
    st.sampled_from(WHOLE),
)


@st.composite
def pieces(draw: st.DrawFn) -> list[bytes]:
    """A body, whole or cut off, in pieces."""
    body = draw(bodies)
    if draw(st.booleans()):
        body = body[: draw(st.integers(0, len(body)))]
    places = sorted(draw(st.lists(st.integers(0, len(body)), max_size=5)))
    return [piece for piece in split(body, places) if piece]


def split(body: bytes, places: Sequence[int]) -> Iterator[bytes]:
    """The body cut at these places."""
    for start, end in zip((0, *places), (*places, len(body)), strict=True):
        yield body[start:end]


endings = st.sampled_from([kind for kind in EndingKind if kind is not EndingKind.CLEAN]) | st.just(EndingKind.CLEAN)
statuses = st.sampled_from([200] * 8 + [201, 204, 206, 301, 307, 400, 401, 404, 413, 422, 429, 500, 502, 503])
told = st.sampled_from(
    [
        (),
        (("retry-after", "2"),),
        (("retry-after", "3600"),),
        (("location", "/v2/chat/completions"),),
        (("content-type", "text/event-stream"),),
    ]
)

FIELDS: list[dict[str, Any]] = [
    {},
    {"stream": False},
    {"temperature": 0, "max_tokens": 10},
    {"tools": [{"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}]},
    {"messages": list(small_xml().messages)},
    {"messages": list(small_xml().messages), "stream": False},
    {"messages": [{"role": "tool", "content": "maple"}]},
    {"stream_options": {"include_usage": True}},
]
CHATS = [chat_of(**fields) for fields in FIELDS]
CANDIDATES = [Candidate(Backend(name, f"http://{name}.test/v1")) for name in "abc"]
KNOWN = Explanation("LUM803", "empty-answer")


def heard(body: bytes, *, stream: bool, ending: EndingKind = EndingKind.CLEAN) -> Reading:
    """What these bytes say to whoever reads them."""
    asked = Asked("walk", "http://serve.test/v1/chat/completions", stream=stream)
    return read(Exchange("e1", asked, 200, (), 0.0, (Chunk(0.0, body),), Ending(ending)))


@dataclass
class Walk:
    """A flow on its way, and all that must hold of it; `at` is the time."""

    flow: Flow
    stream: bool
    rules: Rules
    at: float = 0.0
    began: float = 0.0
    start: Start | None = None
    finish: Finish | None = None
    sent: bytes = b""
    opens: int = 0
    under_way: bool = False
    wake: float | None = None
    upstream: list[bytes] = field(default_factory=list)
    notes: int = 0

    def happens(self, event: Event) -> None:
        """Feeds one event, legal or not, and looks at what is said."""
        if isinstance(event, Ended):
            self.under_way = False
        if isinstance(event, Tick) and self.wake is not None and event.at >= self.wake:
            self.wake = None
        if isinstance(event, Read) and self.flow.state is State.READING:
            self.upstream[-1] += event.data
        over = self.finish is not None
        commands = self.flow.handle(event)
        assert not (over and commands), "something behind the end"
        for command in commands:
            self._said(command)
        assert (self.flow.state is State.OVER) == (self.finish is not None)
        waits = self.flow.state is not State.NEW and self.finish is None
        if waits and (self.stream or self.flow.state is State.RESTING):
            assert self.wake is not None, "nobody will ever wake it"
        if self.finish is None:
            assert self.under_way == (self.flow.state in (State.ASKING, State.READING, State.REFUSED))

    def _said(self, command: Command) -> None:
        assert self.finish is None, "something behind the end"
        match command:
            case Start():
                assert self.start is None, "two statuses"
                self.start = command
            case Send(data):
                assert self.start is not None, "a body without a status"
                assert data, "nothing was sent"
                assert b": ping" not in data
                self.sent += data
            case Open():
                assert not self.under_way, "two at once"
                assert not self.answered, "another attempt behind content"
                self.opens += 1
                assert self.opens <= self.rules.attempts, "too many attempts"
                self.under_way = True
                self.began = self.at
                self.upstream.append(b"")
            case Cancel():
                self.under_way = False
            case WakeAt(at):
                self.wake = at
            case Note():
                self.notes += 1
                assert self.notes == self.opens, "an attempt of which nobody tells"
            case Finish():
                self.finish = command

    @property
    def answered(self) -> bool:
        """Whether the client has read a word of an answer."""
        return (
            self.start is not None and self.start.status == 200 and heard(self.sent, stream=self.stream).answer.usable
        )

    def over(self) -> None:
        """What must hold of the whole."""
        assert self.finish is not None
        outcome = self.finish.outcome
        assert outcome in ("ok", "error", "repeated", "cut", "left", "stopped")
        if outcome == "left":
            return
        assert self.start is not None
        headers = dict(self.start.headers)
        assert len(headers) == len(self.start.headers)
        assert int(headers.get(b"retry-after", b"0")) <= LONGEST_WAIT
        if b"content-length" in headers:
            assert int(headers[b"content-length"]) == len(self.sent)
        if self.start.status != 200:
            assert outcome in ("error", "repeated", "stopped")
            error = json.loads(self.sent)["error"]
            assert error["message"]
            assert error["code"].startswith("LUM")
            return
        told = heard(self.sent, stream=self.stream)
        assert told.shape is (Shape.SSE if self.stream else Shape.JSON)
        if told.answer.errors:
            assert len(told.answer.errors) == 1
            assert told.answer.errors[0].code.startswith("LUM")
            assert outcome != "ok"
            assert not told.answer.done
            assert not self.sent.rstrip(b"\n").endswith(b"[DONE]")
            assert self.sent.rstrip(b"\n").rpartition(b"\n")[2].startswith(b'data: {"error"'), "something behind it"
        else:
            assert told.answer.usable, "an empty answer"
            assert told.answer.finish, "an answer without an end"
            assert told.answer.done == self.stream
            assert outcome == "ok" or self.rules.explain == "message"
        if told.answer.finish and outcome in ("ok", "cut", "stopped"):
            assert any(map(ended, self.upstream)), "an invented finish reason"


REASON = re.compile(rb'"finish_reason": "')


def ended(body: bytes) -> bool:
    """Whether a backend has said that its answer is whole: by a reason, by its dialect, or as one JSON text."""
    told = heard(body, stream=True)
    done = any(isinstance(event, Done) for event in told.events)
    melted = REASON.search(body) is not None  # two events that one newline parts
    return melted or done or bool(told.answer.finish) or told.shape is Shape.JSON or b"[DONE]" in body


def walk(draw: st.DrawFn) -> Walk:
    """A request on its way, to whom and by whichever rules."""
    chat = draw(st.sampled_from(CHATS))
    rules = Rules(
        hold=draw(st.sampled_from([0.0, 1.0, 20.0])),
        keep_alive=draw(st.sampled_from([0.5, 15.0])),
        attempts=draw(st.integers(1, 6)),
        explain=draw(st.sampled_from(["error", "error", "message"])),
        language=draw(st.sampled_from(["en", "ru"])),
        request_id="r1",
    )
    candidates = CANDIDATES[: draw(st.integers(1, 3))]
    known = draw(st.sampled_from([None] * 9 + [KNOWN]))
    return Walk(Flow(chat, candidates, rules, known), chat.wanted.stream, rules)


def one(draw: st.DrawFn, at: float, since: float) -> Event:
    """Anything at all, whether it can happen now or not."""
    return draw(
        st.one_of(
            st.just(Arrived(at)),
            st.builds(Opened, st.just(at), statuses, told),
            bodies.map(lambda body: Read(since, body)),
            endings.map(lambda kind: Ended(since, Ending(kind, since))),
            st.just(Tick(at)),
        )
    )


@st.composite
def walks(draw: st.DrawFn) -> Walk:
    """A whole way, from the request to its end: answers of backends, time that passes, events out of their order."""
    way = walk(draw)
    way.happens(Arrived(0.0))
    for _ in range(draw(st.integers(0, 10))):
        way.at += draw(st.sampled_from([0.0, 0.1, 1.0, 7.0, 16.0]))
        move = draw(st.sampled_from(["answer"] * 6 + ["tick", "tick", "any", "leave", "stop"]))
        since = way.at - way.began
        if move == "answer":
            if way.flow.state is State.RESTING:
                way.at = max(way.at, way.wake or 0.0)
                way.happens(Tick(way.at))
            since = way.at - way.began
            way.happens(Opened(way.at, draw(statuses), draw(told)))
            for piece in draw(pieces()):
                if not way.under_way:
                    break
                way.happens(Read(since, piece))
                if draw(st.integers(0, 9)) == 0:
                    way.happens(Tick(way.at))
            if way.under_way and draw(st.integers(0, 9)):
                kind = draw(endings)
                way.happens(Ended(since, Ending(kind, since)))
        elif move == "tick":
            way.happens(Tick(max(way.at, way.wake or 0.0) if draw(st.booleans()) else way.at))
            way.at = max(way.at, way.wake or 0.0) if draw(st.booleans()) else way.at
        elif move == "any":
            event = one(draw, way.at, since)
            if isinstance(event, Ended) and not way.under_way:
                continue
            way.happens(event)
        elif draw(st.integers(0, 3)) == 0:
            way.happens(Left(way.at) if move == "leave" else Stopping(way.at))
    return way


@settings(max_examples=300, deadline=None)
@given(walks(), st.booleans())
def test_the_guarantee_holds_on_every_way(way: Walk, patience: bool) -> None:  # noqa: FBT001  # a coin
    """At most one status, one end, one backend at a time; nothing empty, nothing invented, nothing asked twice."""
    for _ in range(400):  # a rest of ten seconds holds twenty signs of life
        if way.finish is not None:
            break
        if not patience:
            way.happens(Stopping(way.at))
        elif way.under_way:
            since = way.at - way.began
            way.happens(Ended(since, Ending(EndingKind.RESET, since)))
        else:
            assert way.wake is not None
            way.at = max(way.at, way.wake)
            way.happens(Tick(way.at))
    way.over()
    for event in (Arrived(way.at), Tick(way.at), Left(way.at), Stopping(way.at), Read(way.at, GOOD[1]), Opened(0, 200)):
        way.happens(event)


def given_for(parts: Sequence[bytes], ending: EndingKind, fields: dict[str, Any]) -> list[tuple[str, Any]]:
    """What a client gets for one answer in these parts: its bytes but for comments, its end, who is asked next."""
    flow = Flow(chat_of(**fields), CANDIDATES[:2], Rules(request_id="r1"))
    commands = [
        command
        for event in (
            Arrived(0.0),
            Opened(0.1, 200),
            *(Read(0.2, part) for part in parts),
            Ended(0.3, Ending(ending, 0.2)),
        )
        for command in flow.handle(event)
    ]
    body = b"".join(command.data for command in commands if isinstance(command, Send))
    told = b"".join(piece + b"\n\n" for piece in body.split(b"\n\n") if piece and not piece.startswith(b":"))
    return [
        ("body", told),
        *(("status", command.status) for command in commands if isinstance(command, Start)),
        *(("open", command.attempt) for command in commands if isinstance(command, Open)),
        *(("note", (command.why, sorted(command.repairs))) for command in commands if isinstance(command, Note)),
        *(("finish", command.outcome) for command in commands if isinstance(command, Finish)),
    ]


@settings(max_examples=150, deadline=None)
@given(bodies, st.lists(st.integers(0, 2000), max_size=8), st.sampled_from(FIELDS), endings)
def test_the_same_bytes_leave_however_they_came(
    body: bytes, places: list[int], fields: dict[str, Any], ending: EndingKind
) -> None:
    """Cut at any places: the client's bytes, the causes and the next attempt are those of the whole."""
    body = body[: needed(body, fields)]  # what comes behind the end of an answer, but with it, may be judged with it
    cuts = sorted(place for place in places if place <= len(body))
    whole = given_for([body] if body else [], ending, fields)
    assert given_for([piece for piece in split(body, cuts) if piece], ending, fields) == whole


def needed(body: bytes, fields: dict[str, Any]) -> int:
    """How many bytes of this body are read before nothing more of it is wanted."""
    flow = Flow(chat_of(**fields), CANDIDATES[:2], Rules())
    for event in (Arrived(0.0), Opened(0.1, 200)):
        flow.handle(event)
    for place in range(len(body)):
        flow.handle(Read(0.2, body[place : place + 1]))
        if flow.state is not State.READING:
            return place + 1
    return len(body)


@pytest.mark.parametrize("fields", [FIELDS[0], FIELDS[1], FIELDS[3]], ids=["stream", "plain", "native"])
@pytest.mark.parametrize("kind", [EndingKind.CLEAN, EndingKind.RESET])
def test_a_stream_cut_at_every_byte_is_whole_or_says_that_it_is_not(fields: dict[str, Any], kind: EndingKind) -> None:
    """A clean end in the middle, or a reset: never an answer that only looks complete."""
    body = b"".join((GOOD[0], GOOD[2], GOOD[1], GOOD[6], GOOD[11]))
    chat = chat_of(**fields)
    whole = heard(body, stream=True).answer.text
    for place in range(len(body) + 1):
        way = Walk(Flow(chat, CANDIDATES[:1], replace(Rules(request_id="r1"), attempts=1)), chat.wanted.stream, Rules())
        events = [Arrived(0.0), Opened(0.1, 200), *([Read(0.2, body[:place])] if place else [])]
        for event in events:
            way.happens(event)
        if way.finish is None:
            way.happens(Ended(0.3, clean(0.3) if kind is EndingKind.CLEAN else Ending(kind, 0.3)))
        way.over()
        assert way.finish is not None
        if way.finish.outcome == "ok":
            assert heard(way.sent, stream=chat.wanted.stream).answer.text == whole
