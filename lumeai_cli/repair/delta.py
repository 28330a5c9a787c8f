"""Mends what the chunks of a stream say, one after the other, up to the answer's end.

A chunk that is plain and healthy passes as the bytes that it was; what another says is told anew.
"""

from collections.abc import Callable, Sequence

from lumeai_cli.repair import chunk as shape
from lumeai_cli.repair import step
from lumeai_cli.repair.calls import CallsUnderWay, without_nulls
from lumeai_cli.repair.choice import choices_of, index_of
from lumeai_cli.repair.chunk import Json
from lumeai_cli.repair.fast import Skimmer
from lumeai_cli.repair.fault import NOTHING_SAID, Fault
from lumeai_cli.repair.ink import shows
from lumeai_cli.repair.lane import Passing, TextLane
from lumeai_cli.repair.speech import MOST_WAITING, Speech, Spoken, weight_of
from lumeai_cli.repair.turn import finish_for, mend, parted, pieces_within, unclosed
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.answer import fold
from lumeai_cli.wire.body import BrokenJsonError, loads
from lumeai_cli.wire.event import (
    BackendError,
    CallPart,
    Done,
    Event,
    Finish,
    Odd,
    OddKind,
    Reasoning,
    Refusal,
    Started,
    Text,
    Usage,
)
from lumeai_cli.wire.exchange import Ending
from lumeai_cli.wire.frame import Frame, FrameKind
from lumeai_cli.wire.openai import REASONING_FIELDS, events_of

Raw = Callable[[Frame], bytes]


class DeltaMender:
    """`take` the chunks, or one `whole` body; `done` when the dialect says so, `broken_off` where it does not.

    `fault` is what is beyond mending; `end` are the last bytes for the client, set when the answer came to its end.
    `raw` gives a frame's own bytes. `skimmer` learns from plain frames.
    """

    def __init__(self, wanted: Wanted, speech: Speech, raw: Raw) -> None:
        self._wanted = wanted
        self._speech = speech
        self._raw = raw
        self._calls = CallsUnderWay(wanted, speech)
        self._refusal: list[str] = []
        self._refused = 0
        self._finish = ""
        self.lane = TextLane(wanted)
        self.skimmer = Skimmer()
        self.fault: Fault | None = None
        self.end = b""

    @property
    def idle(self) -> bool:
        """Whether nothing is held."""
        return self.lane.idle and not self._calls.pending

    @property
    def full(self) -> bool:
        """Whether more is held than any answer needs."""
        return self._speech.full or self._calls.full or self.lane.splitter.full or self._refused > MOST_WAITING

    def fail(self, fault: Fault) -> None:
        """Of several faults the first counts."""
        self.fault = self.fault or fault

    def pass_on(self, pieces: list[Passing], rest: Json | None = None, extra: Json | None = None) -> None:
        """Gives out what came out of the lane, and names what was dropped there."""
        self._speech.pass_on(pieces, rest, extra)
        if self.lane.splitter.found:
            self._speech.mended(step.THINK)
        elif self.lane.dropped and not self._speech.lifted:
            self._speech.mended(step.MARKS)

    def take(self, frame: Frame, events: list[Event], odd: set[OddKind]) -> None:
        """A chunk: told as it is if it is plain and healthy, else piece by piece."""
        says = {type(event) for event in events} - {Odd, Usage}
        choiceless = odd & {OddKind.NO_CHOICES, OddKind.BAD_CHOICES} and OddKind.FOREIGN_DIALECT not in odd
        if choiceless and not any(isinstance(event, Usage) for event in events):
            self._speech.mended(step.DROPPED)
            return
        healthy = not odd and frame.kind is FrameKind.EVENT and not frame.name.startswith("thread.")
        if healthy and says <= {Started, Finish}:
            self._neutral(frame, events)
        elif not healthy or not (self._speech.begun or Started in says):
            self._anew(frame, events, odd)
        elif says <= {Started, Text, Finish}:
            self._plain_text(frame, events, learn=says <= {Started, Text})
        elif says <= {Started, CallPart, Finish} and not self._wanted.xml:
            self._plain_calls(frame, events)
        elif says <= {Started, Reasoning} and _under_both_names(frame):
            self._speech.name_role()
            self._speech.count(events)
            self._speech.say(self._raw(frame), Spoken.THOUGHT)
        else:
            self._anew(frame, events, odd)

    def _neutral(self, frame: Frame, events: list[Event]) -> None:
        """A frame without content: role, finish, usage."""
        if any(isinstance(event, Started) for event in events):
            self._speech.name_role()
        counted = self._speech.count(events)
        if not self._speech.enveloped:
            self._keep_envelope(frame)
        finish = _finish(events)
        if not finish:
            raw = self._raw(frame)
            if not self._calls.beside(raw) and not self.lane.beside(raw):
                self._speech.say(raw, Spoken.NOTHING)
        elif self._settle(finish):
            if finish_for(finish, called=self._speech.called > 0) == finish:
                self._speech.ended = True
                self._speech.say(self._raw(frame), Spoken.NOTHING)
            else:
                self._end(finish, counted=counted)

    def _plain_text(self, frame: Frame, events: list[Event], *, learn: bool) -> None:
        """A text, perhaps the last one with the finish reason."""
        text = "".join(event.text for event in events if isinstance(event, Text))
        raw, finish, speech = self._raw(frame), _finish(events), self._speech
        speech.promise_role(raw)
        counted = speech.count(events)
        if finish:
            self._keep_envelope(frame)
            speech.last, speech.ended = (raw, finish), False
            self.pass_on(self.lane.feed(text, raw))
            if self._settle(finish) and not speech.ended:
                self._end(finish, counted=counted)
            speech.last = None
            return
        if not self.lane.looks and self.lane.idle:
            speech.say_frame(raw, weight_of(text))
        else:
            self._keep_envelope(frame)
            self.pass_on(self.lane.feed(text, raw))
        if speech.spoken is Spoken.CONTENT and learn:
            self.skimmer.learn(frame, raw, text)

    def _plain_calls(self, frame: Frame, events: list[Event]) -> None:
        """Pieces of calls, perhaps whole ones with the finish reason."""
        value = self._keep_envelope(frame)
        counted, finish = self._speech.count(events), _finish(events)
        fits = not finish or finish_for(finish, called=True) == finish
        raw = self._raw(frame)
        if without_nulls(value):
            self._speech.mended(step.CALL_SHAPE)
            raw = shape.event(value)
        self._speech.promise_role(raw)
        self._call_parts(events, raw if fits else None)
        if finish and self._settle(finish):
            if fits and self._calls.as_it_was:
                self._speech.ended = True
            else:
                self._end(finish, counted=counted)

    def _call_parts(self, events: Sequence[Event], raw: bytes | None) -> None:
        parts = [event for event in events if isinstance(event, CallPart)]
        if self._calls.take(parts, raw):
            self.pass_on(self.lane.close())
            self._calls.flow()

    def _anew(self, frame: Frame, events: list[Event], odd: set[OddKind]) -> None:
        """Tells what a frame says in chunks of our own, around which its own further fields stand."""
        self._keep_envelope(frame)
        self._explain(frame, odd, events)
        _, choices = choices_of(frame)
        rest, extra = shape.further(choices[0]) if choices else ({}, {})
        if any(isinstance(event, Started) for event in events):
            self._speech.begin()
        counted = self._speech.count(events)
        told = False
        for event in events:
            match event:
                case Reasoning(text=text):
                    self._speech.tell({**shape.reasoning(text), **extra}, Spoken.THOUGHT, rest, counted=counted)
                case Text(text=text):
                    self.pass_on(self.lane.feed(text, None), rest, extra)
                case Refusal(text=text):
                    self._refusal.append(text)
                    self._refused += len(text)
                case _:
                    continue
            rest, extra, told = {}, {}, True
        if any(isinstance(event, CallPart) for event in events):
            self._call_parts(events, None)
            told = True
        finish, done = _finish(events), any(isinstance(event, Done) for event in events)
        if finish:
            if self._settle(finish):
                self._end(finish, counted=counted)
        elif counted and not told and not done:
            self._speech.tell_usage()
        if done and self.fault is None:
            self.done(None)

    def _explain(self, frame: Frame, odd: set[OddKind], events: list[Event]) -> None:
        """Names the repairs that telling this frame anew amounts to."""
        for repair in step.repairs_of(odd):
            self._speech.mended(repair)
        says = {type(event) for event in events} - {Odd, Usage, Done, Finish}
        if frame.name.startswith("thread."):
            self._speech.mended(step.SCHEMA)
        if says and Started not in says and not self._speech.begun:
            self._speech.mended(step.ROLE)
        if Reasoning in says and not odd:
            self._speech.mended(step.REASONING)
        if len(says - {Started}) > 1 and not odd:
            self._speech.mended(step.SPLIT)

    def _keep_envelope(self, frame: Frame) -> Json:
        """The frame's object; what stands around its choices is kept for the chunks that are told anew."""
        try:
            value = loads(frame.data)
        except BrokenJsonError:
            return {}
        if not isinstance(value, dict):
            return {}
        self._speech.keep_envelope(value)
        return value

    # The end.

    def _settle(self, finish: str) -> bool:
        """The answer has ended: what was held is decided now, before its finish reason goes out."""
        self._finish = finish
        if not self._calls.pending and not self._speech.called and self._speech.spoken < Spoken.CONTENT:
            excuse = self.lane.excuse()
            if excuse is not None:
                self.fail(excuse)
                return False
        thought = self.lane.splitter.open
        self.pass_on(self.lane.close())
        if thought and self._silent:
            self._tell_thought(unclosed(self.lane.splitter.thought, finish))
        if self._refusal and self._silent:
            self._speech.mended(step.REFUSAL)
            self._speech.tell_text("".join(self._refusal))
        if self._calls.pending:
            fault = self._calls.settle()
            if fault is not None:
                self.fail(fault)
        return self.fault is None

    @property
    def _silent(self) -> bool:
        return self._speech.spoken < Spoken.CONTENT and not self._calls.pending

    def _tell_thought(self, thought: str) -> None:
        """A thought that was never closed, in the place of an answer."""
        text, calls = parted(pieces_within(thought, self._wanted))
        if shows(text) or calls:
            self._speech.mended(step.UNCLOSED)
        self._speech.pass_on([*([text] if shows(text) else []), *calls])

    def _end(self, finish: str, *, counted: bool) -> None:
        """The finish reason, in a chunk of its own."""
        reason = finish_for(finish, called=self._speech.called > 0)
        if reason != finish:
            self._speech.mended(step.FINISH)
        self._speech.tell_finish(reason, counted=counted)

    def done(self, raw: bytes | None) -> None:
        """The end that the dialect announces, or a body that ended behind its finish reason."""
        if (not self._speech.ended or not self.idle) and not self._settle(self._finish or "stop"):
            return
        if self._speech.spoken < Spoken.CONTENT:
            self.fail(NOTHING_SAID)
            return
        if not self._speech.ended:
            self._speech.mended(step.FINISH)
            self._speech.tell_finish("tool_calls" if self._speech.called else "stop")
        if raw is None:
            self._speech.mended(step.DONE)
        self.end = raw or shape.DONE

    def broken_off(self, ending: Ending) -> None:
        """The body has ended, and the answer has not."""
        content, held = self._speech.spoken is Spoken.CONTENT, shows(self.lane.held)
        if ending.clean and self._calls.pending and not content:
            # Whether more calls, or more of this one, should have come, nobody can tell.
            self.fail(Fault("missing-finish-reason" if self._calls.whole else "stream-cut"))
            return
        if content:  # what was held of an answer whose rest the client has heard is given out
            self.pass_on(self.lane.close(whole=False))
        if not ending.clean:
            self.fail(Fault("stream-cut" if content else "", ending.detail))
        else:
            self.fail(Fault("missing-finish-reason") if content or held else NOTHING_SAID)

    # A body that is one JSON text.

    def whole(self, frame: Frame, number: int) -> None:
        """A whole completion as the chunks of a stream: it has come to its end, whether it says why or not."""
        events = events_of(frame, number)
        error = next((event for event in events if isinstance(event, BackendError)), None)
        if error is not None:
            self.fail(Fault("error-in-200", error.message))
            return
        speech = self._speech
        speech.mended(step.JSON_TO_SSE)
        self._keep_envelope(frame)
        kinds = {event.kind for event in events if isinstance(event, Odd)}
        for repair in step.repairs_of(kinds - {OddKind.DELTA_FOR_MESSAGE, OddKind.EMPTY_CHOICES}):
            speech.mended(repair)
        turn = mend(fold(events), self._wanted)
        if isinstance(turn, Fault):
            self.fail(turn)
            return
        speech.count(events)
        for repair in turn.repairs:
            speech.mended(repair)
        _, choices = choices_of(frame)
        rest, extra = shape.further(choices[0]) if choices else ({}, {})
        if turn.reasoning:
            speech.tell(shape.reasoning(turn.reasoning), Spoken.THOUGHT)
        if turn.text:
            speech.tell_text(turn.text, rest, extra)
        for call in turn.calls:
            speech.tell_call(call)
        if not turn.finish:
            speech.mended(step.FINISH)
        speech.tell_finish(turn.finish or ("tool_calls" if turn.calls else "stop"))
        for choice in choices[1:]:
            speech.tell_other(index_of(choice), choice)
        speech.tell_usage()
        self.end = shape.DONE


def _finish(events: Sequence[Event]) -> str:
    return next((event.reason for event in events if isinstance(event, Finish)), "")


def _under_both_names(frame: Frame) -> bool:
    """Whether the frame tells its thought under both names that clients read."""
    _, choices = choices_of(frame)
    delta = choices[0].get("delta") if choices else None
    told = {delta.get(name) for name in REASONING_FIELDS} if isinstance(delta, dict) else set()
    return len(told) == 1
