"""The brain of one request: events in, commands out. No I/O, no clock.

1. Nothing goes to the client before there is content, an error, or `hold` has passed: until then the status is open.
2. The status and the content are two commit points. Until content goes out, another attempt may still be made.
3. What goes out as an answer ends as one: with a real finish, or with an error that says why there is none.

Everything that may happen in a state stands in `Flow.TABLE`; what is not there cannot happen, or changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any, ClassVar

from lumeai_cli.diagnoses.case import STREAMED
from lumeai_cli.flow.attempt import Attempt, Candidate, asked_of
from lumeai_cli.flow.chat import Chat
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
from lumeai_cli.flow.explanation import LONGEST_WAIT, Explanation, explain
from lumeai_cli.flow.refusal import error_body, stopping
from lumeai_cli.flow.retry import Tried, following, moved_to, telling
from lumeai_cli.flow.spoken import spoken
from lumeai_cli.flow.underway import Underway
from lumeai_cli.repair.chunk import comment, error_event
from lumeai_cli.repair.fault import NOTHING_SAID, Fault
from lumeai_cli.repair.plain import PlainMender
from lumeai_cli.repair.speech import Spoken
from lumeai_cli.repair.stream import StreamMender
from lumeai_cli.text.phrase import say
from lumeai_cli.wire.event import Usage
from lumeai_cli.wire.exchange import Ending, EndingKind

KEPT_OF_ERROR = 64 * 1024


class State(Enum):
    """Where the request to the backends stands."""

    NEW = "new"
    ASKING = "asking"  # a request is out, and no head of an answer has come
    READING = "reading"  # an answer is coming
    REFUSED = "refused"  # an answer with another status than a success is coming
    RESTING = "resting"  # waiting before the next attempt
    OVER = "over"


class Told(IntEnum):
    """What the client has got."""

    NOTHING = 0
    STATUS = 1
    CONTENT = 2


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings and the request's surroundings say: see `settings.model.ServeSettings` for the first ones.

    `first_byte` bounds signs of life and chunks that say nothing, too: a backend that sends nothing else for so long
    gives no answer.
    `whole`: an answer in this conversation was cut lately after its beginning had gone out. The next ones are asked for
    in one piece, of which nothing goes out before all of it is there, so that no client is cut off for ever.
    """

    hold: float = 20.0
    keep_alive: float = 15.0
    attempts: int = 4
    first_byte: float = 300.0
    explain: str = "error"
    language: str = "en"
    request_id: str = ""
    whole: bool = False


LIVE = tuple(state for state in State if state is not State.OVER)


class Flow:
    """One request. `candidates` in the order in which they shall be asked; `known` is the explanation with which the
    very same request ended a moment ago, which is given again at once.
    """

    __slots__ = (
        "_candidates",
        "_chat",
        "_held",
        "_known",
        "_last",
        "_next",
        "_out",
        "_rules",
        "_shown",
        "_until",
        "_way",
        "state",
        "told",
        "tried",
    )

    def __init__(
        self, chat: Chat, candidates: Sequence[Candidate], rules: Rules, known: Explanation | None = None
    ) -> None:
        self._chat = chat
        self._candidates = candidates
        self._rules = rules
        self._known = known
        self._next = Attempt(candidates[0], chat.wanted.stream and not rules.whole)  # what is to be opened after a rest
        self._until = 0.0  # how long that rest lasts
        self._last = 0.0  # when the client got something for the last time
        self._shown = ""  # what the headers said of backend and repairs
        self._held = b""  # thoughts of the attempt under way that shall not commit the status
        self._out: list[Command] = []
        self.state = State.NEW
        self.told = Told.NOTHING
        self.tried: list[Tried] = []
        self._way = self._underway(self._next, 0.0)

    def handle(self, event: Event) -> list[Command]:
        """What is to be done now that this has happened, in order."""
        handler = self.TABLE.get((self.state, type(event)))
        if handler is None:
            return []
        handler(self, event)
        out, self._out = self._out, []
        return out

    @property
    def usage(self) -> Usage | None:
        """The token counts of the answer, as far as its backend told any."""
        return self._way.mender.usage

    @property
    def candidate(self) -> Candidate:
        """Who answers, or is asked, or was asked last."""
        return self._way.attempt.candidate

    # What can happen.

    def _arrived(self, event: Arrived) -> None:
        if self._known is not None:
            self._end(self._known, repeated=True)
            return
        self.state = State.ASKING
        self._way.began = event.at
        self._out.append(Open(self._next))
        self._wake()

    def _opened(self, event: Opened) -> None:
        self._way.opened = event
        self.state = State.READING if 200 <= event.status < 300 else State.REFUSED

    def _read(self, event: Read) -> None:
        way = self._way
        mender = way.mender
        way.keep(event.at, event.data)
        data = mender.feed(event.data, event.at)
        silence = way.silent_for(event.at)
        if data:
            self._give(data, way.began + event.at)
        if mender.complete:
            self._out.append(Cancel())
            self._answered()
        elif mender.fault is not None:
            self._out.append(Cancel())
            # What has come tells all that there is to tell: for the judge it is the whole body.
            self._failed(mender.fault, Ending(EndingKind.CLEAN, event.at))
        elif silence >= self._rules.first_byte:
            self._out.append(Cancel())
            self._given_up(event.at)

    def _given_up(self, at: float) -> None:
        """Whatever came lately says nothing; behind a finish reason that is no matter."""
        mender, ending = self._way.mender, Ending(EndingKind.TIMEOUT_SILENCE, at)
        data = mender.close(ending)
        if data:
            self._give(data, self._way.began + at)
        if mender.complete:
            self._answered()
        else:
            self._failed(NOTHING_SAID, ending)

    def _read_refusal(self, event: Read) -> None:
        self._way.keep(event.at, event.data)
        if self._way.kept > KEPT_OF_ERROR:
            self._out.append(Cancel())
            self._failed(NOTHING_SAID, Ending(EndingKind.CLEAN, event.at))

    def _ended(self, event: Ended) -> None:
        self._failed(NOTHING_SAID, event.ending)

    def _read_to_the_end(self, event: Ended) -> None:
        mender = self._way.mender
        data = mender.close(event.ending)
        if data:
            self._give(data, self._way.began + event.at)
        if mender.complete:
            self._answered()
        else:
            self._failed(mender.fault or NOTHING_SAID, event.ending)

    def _waited(self, event: Tick) -> None:
        """Nothing has come for a while."""
        if self._chat.wanted.stream and event.at >= self._due:
            if self.told is Told.NOTHING:
                self._start(event.at)
            if self._held:
                self._give(b"", event.at)
            else:
                self._sign_of_life(event.at)
        self._wake()

    def _rested(self, event: Tick) -> None:
        if event.at >= self._until:
            self._open(self._next, event.at)
        self._waited(event)

    @property
    def _due(self) -> float:
        """When a client that reads a stream must hear something."""
        return self._rules.hold if self.told is Told.NOTHING else self._last + self._rules.keep_alive

    def _wake(self) -> None:
        """Asks for the next tick, if one is needed."""
        times = [self._due] if self._chat.wanted.stream else []
        if self.state is State.RESTING:
            times.append(self._until)
        if times:
            self._out.append(WakeAt(min(times)))

    def _left(self, _event: Left) -> None:
        self._out.append(Cancel())
        self._over(Finish("left"))

    def _stopped(self, _event: Stopping) -> None:
        """Whoever has to go says so: what was promised is taken back in words, not by silence."""
        self._out.append(Cancel())
        refusal = stopping()
        if self.told is Told.NOTHING:
            self._refuse(refusal.status, refusal.body(self._rules.language), "", 1)
        else:
            self._out.append(Send(error_event(refusal.sentence.in_(self._rules.language), refusal.code)))
        self._over(Finish("stopped"))

    # Attempts.

    def _underway(self, attempt: Attempt, at: float) -> Underway:
        wanted = self._chat.wanted
        mender = StreamMender(wanted) if wanted.stream else PlainMender(wanted)
        return Underway(attempt, mender, at)

    def _open(self, attempt: Attempt, at: float) -> None:
        self.state = State.ASKING
        self._way = self._underway(attempt, at)
        self._held = b""
        self._out.append(Open(attempt))

    def _answered(self) -> None:
        way = self._way
        self._out.append(Note(way.attempt, None, tuple(way.mender.repairs)))
        if isinstance(way.mender, StreamMender):
            if self._about() != self._shown:
                self._out.append(Send(comment(f"lumeai {self._about()}")))
            self._out.append(Send(way.mender.end))
        self._over(Finish("ok"))

    def _failed(self, fault: Fault, ending: Ending) -> None:
        """An attempt came to nothing: something else is tried, or the client is told why not."""
        way = self._way
        at = way.began + ending.at
        exchange = way.exchange(f"a{len(self.tried) + 1}", asked_of(way.attempt, self._chat, STREAMED), ending)
        why = explain(exchange, way.attempt, fault, after_tool=self._chat.after_tool)
        self._out.append(Note(way.attempt, why, tuple(way.mender.repairs)))
        self.tried.append(Tried(way.attempt, why, moved_to(exchange)))
        if self.told is Told.CONTENT:
            self._cut(why)
            return
        following_one = following(self._chat, self._candidates, self.tried, self._rules.attempts)
        if following_one is None:
            self._end(telling(self.tried))
        elif following_one.wait:
            self.state = State.RESTING
            self._next = following_one.attempt
            self._until = at + following_one.wait
            self._wake()
        else:
            self._open(following_one.attempt, at)

    # What the client gets.

    def _give(self, data: bytes, at: float) -> None:
        if self.told is not Told.CONTENT:
            mender = self._way.mender
            content = not isinstance(mender, StreamMender) or mender.spoken is Spoken.CONTENT
            if self.told is Told.NOTHING:
                if not content and self._chat.wanted.xml:
                    # Behind a thought a classic client shows no error, but begins again: one may yet come.
                    self._held += data
                    return
                self._start(at, len(data))
            if content:
                self.told = Told.CONTENT
                self._way.began_to_answer()
            data, self._held = self._held + data, b""
        self._last = at
        self._out.append(Send(data))

    def _start(self, at: float, size: int = 0) -> None:
        """The status of an answer goes out; a whole one tells its size."""
        self.told = Told.STATUS
        self._last = at
        self._shown = self._about()
        kind = SSE_HEADERS if self._chat.wanted.stream else whole(size)
        self._out.append(Start(200, (*kind, *self._headers(None))))

    def _sign_of_life(self, at: float) -> None:
        self._last = at
        self._out.append(Send(comment(f"lumeai is waiting for {ascii_of(self._way.attempt.candidate.backend.name)}")))

    def _cut(self, why: Explanation) -> None:
        """An answer that has begun and cannot be brought to its end: the client is told, and does not wait for more."""
        self._out.append(Send(comment(f"lumeai {self._about()} diagnosis={why.name}")))
        self._out.append(Send(error_event(self._message(why), why.code)))
        self._over(Finish("cut", why))

    def _end(self, why: Explanation, *, repeated: bool = False) -> None:
        """No attempt came to anything."""
        message = self._message(why)
        if self._rules.explain == "message" and not why.passing:
            self._end_in_words(message, why)
        elif self.told is Told.NOTHING:
            wait = min(max(why.retry_after, 1), LONGEST_WAIT) if why.status == 429 else 0
            self._refuse(why.status, error_body(message, why.type, why.code), why.name, wait)
        else:
            self._out.append(Send(comment(f"lumeai {self._about()} diagnosis={why.name}")))
            self._out.append(Send(error_event(message, why.code)))
        self._over(Finish("repeated" if repeated else "error", why))

    def _end_in_words(self, message: str, why: Explanation) -> None:
        """The explanation as an assistant's message that the client shows, and ends its task with."""
        body = spoken(message, self._chat.wanted, self._chat.model)
        if self.told is Told.NOTHING:
            kind = SSE_HEADERS if self._chat.wanted.stream else whole(len(body))
            self._out.append(Start(200, (*kind, *self._headers(why.name))))
        self._out.append(Send(body))

    def _refuse(self, status: int, body: bytes, diagnosis: str, wait: int = 0) -> None:
        headers = [*whole(len(body)), *self._headers(diagnosis)]
        if wait:
            headers.append((b"retry-after", str(wait).encode()))
        self._out += [Start(status, tuple(headers)), Send(body)]

    def _message(self, why: Explanation) -> str:
        """Why, in the words of the first attempt, and which other backends were asked in vain."""
        language = self._rules.language
        first = self.tried[0].attempt.candidate.backend.name if self.tried else ""
        others = dict.fromkeys(
            f"{one.attempt.candidate.backend.name} ({one.why.name})"
            for one in self.tried
            if one.attempt.candidate.backend.name != first
        )
        text = f"lumeai: {why.text(language)}"
        if others and self.told is not Told.CONTENT:
            text += " " + say(language, "also-asked", others=", ".join(others))
        return text

    def _headers(self, diagnosis: str | None) -> list[tuple[bytes, bytes]]:
        headers = [(b"x-lumeai-request-id", self._rules.request_id.encode())]
        if self.state is not State.NEW or (self._known is not None and self._known.backend):
            headers.append((b"x-lumeai-backend", ascii_of(self._way.attempt.candidate.backend.name).encode()))
        if diagnosis is None and self._way.mender.repairs:
            headers.append((b"x-lumeai-repairs", ",".join(self._way.mender.repairs).encode()))
        if diagnosis is None and self.tried:
            diagnosis = self.tried[0].why.name
        if diagnosis:
            headers.append((b"x-lumeai-diagnosis", diagnosis.encode()))
        return headers

    def _about(self) -> str:
        """Backend and repairs as they are now, as the last comment of a stream tells them."""
        name = ascii_of(self._way.attempt.candidate.backend.name)
        return f"backend={name} repairs={','.join(self._way.mender.repairs)}"

    def _over(self, finish: Finish) -> None:
        self.state = State.OVER
        self._out.append(finish)

    TABLE: ClassVar[Mapping[tuple[State, type[Event]], Callable[["Flow", Any], None]]] = MappingProxyType(
        {
            (State.NEW, Arrived): _arrived,
            (State.ASKING, Opened): _opened,
            (State.ASKING, Ended): _ended,
            (State.ASKING, Tick): _waited,
            (State.READING, Read): _read,
            (State.READING, Ended): _read_to_the_end,
            (State.READING, Tick): _waited,
            (State.REFUSED, Read): _read_refusal,
            (State.REFUSED, Ended): _ended,
            (State.REFUSED, Tick): _waited,
            (State.RESTING, Tick): _rested,
            **dict.fromkeys([(state, Left) for state in LIVE], _left),
            **dict.fromkeys([(state, Stopping) for state in LIVE], _stopped),
        }
    )


SSE_HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)


def whole(size: int) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of one JSON body."""
    return (b"content-type", b"application/json"), (b"content-length", str(size).encode())


def ascii_of(name: str) -> str:
    """A name as a header can carry it."""
    return name.encode("ascii", "backslashreplace").decode() if name.isprintable() else ascii(name)
