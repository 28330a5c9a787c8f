"""Mends an answer for a client that reads a stream, while it comes: the backend's bytes in, the client's bytes out.

Frames that every known client takes pass as the bytes that they were. Whatever else the backend sends (one JSON body,
lines, another dialect, odd chunks) is told anew as the chunks that it means (`delta`). The same bytes go out however
the backend's were cut.

Nothing is given out before there is something to tell (`speech`). A tool call waits until it is whole (`calls`), and
what may be no text waits until it is known (`lane`).
"""

import re

from lumeai_cli.repair import chunk as shape
from lumeai_cli.repair import step
from lumeai_cli.repair.choice import alone, choices_of, index_of, only
from lumeai_cli.repair.delta import DeltaMender
from lumeai_cli.repair.fault import ENDLESS, Fault
from lumeai_cli.repair.pardon import without_constants, without_empty_error
from lumeai_cli.repair.speech import Speech, Spoken
from lumeai_cli.repair.tail import fragment, unterminated
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.repair.worth import LONG_EVENT, of_value
from lumeai_cli.wire.body import BOM, BodyReader
from lumeai_cli.wire.event import BackendError, Event, Odd, OddKind, Usage
from lumeai_cli.wire.exchange import Ending
from lumeai_cli.wire.frame import Frame, FrameKind
from lumeai_cli.wire.openai import events_of
from lumeai_cli.wire.sse import DEFAULT_LIMIT

MOST_BETWEEN = 1024 * 1024
"""Bytes of blank lines, comments and junk between two events; who sends more of them has no answer."""

_LIKE_DONE = re.compile(rb"\W{0,8}done\W{0,8}", re.IGNORECASE)

_MOST_HELD = DEFAULT_LIMIT + MOST_BETWEEN


class StreamMender:
    """One answer. `feed` the body as it comes and `close` it with its ending; both give what goes to the client now.

    `spoken` tells what the client has been given; `fault` what is beyond mending, and after `close` it is None only if
    the answer came to a real end. `complete` is set at that end: what the backend sends behind it counts no more, and
    `end` are the last bytes for the client, its `[DONE]`. `repairs` are those that it took. `worth` grows with whatever
    is of value, given out or held; with signs of life and chunks that say nothing it does not.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._body = BodyReader()
        self._speech = Speech(wanted)
        self._deltas = DeltaMender(wanted, self._speech, self._raw)
        self._bytes = bytearray()  # the body from `_base` on
        self._base = 0
        self._passed = 0  # up to this place the body has been told, or left out
        self._clean = True  # nothing but blank lines and comments stands between there and the next frame
        self._blank = 0  # bytes of white space that came last, in pieces of nothing else
        self._lines = False  # lines of JSON came
        self._number = 0
        self._read_to = 0  # the end of the last frame of any kind
        self.worth = 0
        self._main: int | None = None  # the index of the choice that is told, once one has come
        self._others: dict[int, bool] = {}  # the other choices, and whether each has ended

    @property
    def fault(self) -> Fault | None:
        """What is wrong with the answer beyond mending."""
        return self._deltas.fault

    @property
    def complete(self) -> bool:
        """Whether the answer has come to a real end."""
        return bool(self._deltas.end)

    @property
    def end(self) -> bytes:
        """The last bytes for the client."""
        return self._deltas.end

    @property
    def spoken(self) -> Spoken:
        """What the client has been given so far."""
        return self._speech.spoken

    @property
    def repairs(self) -> dict[str, None]:
        """The names of the repairs, in the order in which they were first needed."""
        return self._speech.repairs

    @property
    def usage(self) -> Usage | None:
        """The token counts, as far as the backend told any."""
        return self._speech.usage

    def feed(self, data: bytes, at: float) -> bytes:
        """The next bytes of the body."""
        out: list[bytes] = []
        skimmer = self._deltas.skimmer
        place, size = 0, len(data)
        while place < size and not self.complete and self.fault is None:
            if skimmer.ready and not self._bytes and not self._lines and self._deltas.idle:
                skimmed = skimmer.skim(data, place, self._deltas.lane if self._deltas.lane.looks else None)
                if skimmed.passed == size and not place:
                    self._skimmed()
                    return data
                # The reader never sees those bytes: it goes on behind them, between two events.
                self._deltas.pass_on(skimmed.pieces)
                out += (data[place : skimmed.passed], self._speech.given())
                self._skimmed()
                place = skimmed.taken
            # Behind an event that does not follow the pattern the next one may.
            blank = data.find(b"\n\n", place) if skimmer.hopes else -1
            end = size if blank < 0 else blank + 2
            if place < end:
                self._read(data[place:end], at)
                out.append(self._speech.given())
                place = end
        return b"".join(out)

    def _skimmed(self) -> None:
        self.worth += self._deltas.skimmer.spoke
        self._deltas.skimmer.spoke = False

    def _read(self, data: bytes, at: float) -> None:
        """Bytes that have to be decoded."""
        self._bytes += data
        for frame in self._body.feed(data, at):
            self._read_to = max(self._read_to, frame.end)
            self._take(frame)
        if not data.isspace():
            long = self._base + len(self._bytes) - self._read_to > LONG_EVENT
            self.worth += self._body.collects or long
        self._forget()
        self._blank = self._blank + len(data) if data.isspace() else 0
        if len(self._bytes) > _MOST_HELD or self._blank > MOST_BETWEEN:
            self._deltas.fail(ENDLESS)

    def close(self, ending: Ending) -> bytes:
        """The body has ended like this."""
        if not self.complete and self.fault is None:
            for frame in self._body.close(ending.at):
                # Only a newline may part the events that melted into one of several lines.
                melted = frame.lines > 1 and not self._speech.ended
                if not unterminated(frame):
                    self._take(frame)
                elif ending.clean and (melted or not fragment(frame)):
                    self._speech.mended(step.UNTERMINATED)
                    self._clean = False
                    self._take(frame)
        if not self.complete and self.fault is None:
            self._close(ending)
        return self._speech.given()

    def _close(self, ending: Ending) -> None:
        if self._speech.ended and all(self._others.values()):
            self._deltas.done(None)
        else:
            self._deltas.broken_off(ending)

    # One frame.

    def _take(self, frame: Frame) -> None:
        if self.complete or self.fault is not None:
            return
        number, self._number = self._number, self._number + 1
        between = frame.kind in (FrameKind.COMMENT, FrameKind.JUNK)
        if (frame.end if between else frame.start) - self._passed > MOST_BETWEEN:
            self._deltas.fail(ENDLESS)
            return
        match frame.kind:
            case FrameKind.EVENT:
                self._event(frame, number)
            case FrameKind.COMMENT:
                return
            case FrameKind.JSON:
                self._deltas.whole(without_empty_error(frame) or frame, number)
            case FrameKind.LINE:
                self._speech.mended(step.LINES_TO_SSE)
                self._lines, self._clean = True, False
                self._event(frame, number)
            case FrameKind.OVERSIZE:
                self._deltas.fail(ENDLESS)
            case FrameKind.JUNK:
                self._junk(frame, number)
                return  # an event may be open around it
            case _:
                pass
        self._clean = True
        self._passed = max(self._passed, frame.end)
        if self._deltas.full:
            self._deltas.fail(ENDLESS)

    def _raw(self, frame: Frame) -> bytes:
        """The frame's bytes, with the blank lines and comments before it if nothing else is there."""
        start = self._passed if self._clean else frame.start
        if frame.start < self._passed or not frame.terminated:
            # A line of JSON stood within the event and has been told, or the event's blank line is missing.
            return b"".join(b"data: " + line + b"\n" for line in frame.data.split(b"\n")) + b"\n"
        if start == 0 and self._base == 0 and self._bytes.startswith(BOM):
            start = len(BOM)
            self._speech.mended(step.BYTE_ORDER_MARK)
        return bytes(self._bytes[start - self._base : frame.end - self._base])

    def _forget(self) -> None:
        """Drops the bytes that are done with."""
        done = self._passed - self._base
        if done == len(self._bytes):
            self._bytes.clear()
        elif done > 0:
            del self._bytes[:done]
        self._base = self._passed

    def _junk(self, frame: Frame, number: int) -> None:
        """A line that no client reads: an error may stand in it, without its `data:`."""
        self._clean = False
        error = next((event for event in events_of(frame, number) if isinstance(event, BackendError)), None)
        if error is not None:
            self._deltas.fail(Fault("unframed-error-in-stream", error.message))

    def _event(self, frame: Frame, number: int) -> None:
        if frame.done or frame.data == b"[DONE]":
            self._deltas.done(self._raw(frame) if frame.kind is FrameKind.EVENT else shape.DONE)
            return
        if frame.kind is FrameKind.EVENT and not frame.lines:
            return
        frame, events = self._pardoned(frame, number)
        kinds = {event.kind for event in events if isinstance(event, Odd)}
        self.worth += of_value(events) and not self._speech.ended
        error = next((event for event in events if isinstance(event, BackendError)), None)
        if error is not None:
            self._deltas.fail(Fault("error-in-200", error.message))
        elif OddKind.SEVERAL_IN_ONE in kinds:
            self._split(frame)
        elif kinds & {OddKind.BROKEN_JSON, OddKind.NOT_AN_OBJECT}:
            self._senseless(frame)
        elif self._main in (None, 0) and alone(frame):
            self._chunk(frame, events, kinds)
        else:
            self._choices(frame, events, kinds)

    def _pardoned(self, frame: Frame, number: int) -> tuple[Frame, list[Event]]:
        """The frame and what it says, without what only looks like a failure."""
        events = events_of(frame, number)
        if any(isinstance(event, Odd) and event.kind is OddKind.BROKEN_JSON for event in events):
            sound = without_constants(frame)
            if sound is not None:
                self._speech.mended(step.SCHEMA)
                frame, events = sound, events_of(sound, number)
        if any(isinstance(event, BackendError) for event in events):
            sound = without_empty_error(frame)
            if sound is not None:
                frame, events = sound, events_of(sound, number)
        return frame, events

    def _senseless(self, frame: Frame) -> None:
        """An event that is no chunk: behind the finish reason it takes nothing from the answer, and may be meant for
        its end.
        """
        if not self._speech.ended:
            self._deltas.fail(Fault("broken-json-frame", frame.data[:200].decode("utf-8", "replace")))
        elif _LIKE_DONE.fullmatch(frame.data) is not None:
            self._deltas.done(None)
        else:
            self._speech.mended(step.DROPPED)

    def _split(self, frame: Frame) -> None:
        """Several events that nothing but one newline parts: each of their lines is one."""
        self._speech.mended(step.NEWLINES)
        for line in frame.data.split(b"\n"):
            number, self._number = self._number, self._number + 1
            if not self.complete and self.fault is None:
                self._event(Frame(FrameKind.LINE, frame.start, frame.end, frame.at, line), number)

    def _choices(self, frame: Frame, events: list[Event], odd: set[OddKind]) -> None:
        """A chunk that may tell of other choices: those pass beside the one that is told."""
        value, choices = choices_of(frame)
        if not choices:
            self._chunk(frame, events, odd)
            return
        if self._main is None:
            self._main = self._speech.index = index_of(choices[0])
        own = [choice for choice in choices if index_of(choice) == self._main]
        if len(own) == len(choices) == 1:
            self._chunk(frame, events, odd)
            return
        for choice in choices:
            if index_of(choice) != self._main:
                ended = bool(choice.get("finish_reason"))
                self._others[index_of(choice)] = self._others.get(index_of(choice), False) or ended
        around = {key: item for key, item in value.items() if key != "usage" and (key != "error" or item is not None)}
        if not own:
            healthy = frame.kind is FrameKind.EVENT and not odd
            self._speech.say_other(self._raw(frame) if healthy else shape.event(around))
            return
        self._speech.mended(step.CHOICES)
        self._speech.begin()
        for choice in choices:
            part = only(frame, value, choice)
            if choice is own[0]:
                told = events_of(part, self._number)
                self._chunk(part, told, {event.kind for event in told if isinstance(event, Odd)})
            elif index_of(choice) != self._main:
                self._speech.say_other(shape.event({**around, "choices": [choice]}))

    def _chunk(self, frame: Frame, events: list[Event], odd: set[OddKind]) -> None:
        if self._main is None and not {type(event) for event in events} <= {Odd, Usage}:
            self._main = 0
        self._deltas.take(frame, events, odd - {OddKind.EMPTY_CHOICES})
