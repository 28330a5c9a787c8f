"""Mends an answer for a client that reads a stream, while it comes: the backend's bytes in, the client's bytes out.

Frames that every known client takes pass as the bytes that they were. Whatever else the backend sends (one JSON body,
lines, another dialect, odd chunks) is told anew as the chunks that it means. The same bytes go out however the
backend's were cut.

Nothing is given out before there is something to tell: frames without content wait until content comes. A tool call
waits until it is whole, so that a broken one can still be mended or asked for again; a long one flows once it has
grown over `LONG_CALL` and nothing about it is odd.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from lumeai_cli.repair import chunk as shape
from lumeai_cli.repair import step
from lumeai_cli.repair.chunk import CHUNK, Json
from lumeai_cli.repair.fast import Skimmer
from lumeai_cli.repair.fault import NOTHING_SAID, Fault
from lumeai_cli.repair.lane import Passing, Same, TextLane
from lumeai_cli.repair.step import Repair
from lumeai_cli.repair.thought import Thought
from lumeai_cli.repair.turn import Turn, as_text, finish_for, mend, mended_calls, unclosed
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.answer import ToolCall, fold
from lumeai_cli.wire.body import BOM, BodyReader, BrokenJsonError, loads
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
from lumeai_cli.wire.openai import events_of

LONG_CALL = 4096
"""Characters of arguments from which on a healthy call flows before it is whole."""

_HARMLESS = frozenset({OddKind.EMPTY_CHOICES})


class Spoken(IntEnum):
    """What the client has been given so far."""

    NOTHING = 0
    THOUGHT = 1  # the status had to go out for it; another backend may still be asked
    CONTENT = 2


class StreamMender:
    """One answer. `feed` the body as it comes and `close` it with its ending; both give what goes to the client now.

    `spoken` tells what the client has been given; `fault` what is beyond mending, and after `close` it is None only if
    the answer came to a real end. `complete` is set at that end: what the backend sends behind it counts no more, and
    `end` are the last bytes for the client, its `[DONE]`. `repairs` are those that it took.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._body = BodyReader()
        self._lane = TextLane(wanted)
        self._skimmer = Skimmer()
        self._bytes = bytearray()  # the body from `_base` on
        self._base = 0
        self._passed = 0  # up to this place the body has been told, or left out
        self._clean = True  # nothing but blank lines and comments stands between there and the next frame
        self._number = 0
        self._out: list[bytes] = []
        self._waiting: list[bytes] = []
        self._envelope: Json = {}
        self._role = False
        self._parts: list[CallPart] = []
        self._part_frames: list[bytes] = []
        self._parts_odd = False
        self._parts_size = 0
        self._flowing = False
        self._called = 0  # calls that were told
        self._refusal = ""
        self._finish = ""
        self._ended = False  # a finish reason went out, or waits
        self._usage: Usage | None = None
        self.spoken = Spoken.NOTHING
        self.fault: Fault | None = None
        self.complete = False
        self.end = b""
        self.repairs: dict[str, None] = {}

    @property
    def usage(self) -> Usage | None:
        """The token counts, as far as the backend told any."""
        return self._usage

    def feed(self, data: bytes, at: float) -> bytes:
        """The next bytes of the body."""
        if self.complete or self.fault is not None:
            return b""
        if self._skimmer.ready and not self._bytes and self._lane.idle and not self._parts:
            skimmed = self._skimmer.skim(data, self._lane if self._lane.looks else None)
            if skimmed.passed == len(data):
                return data
            # The reader never sees those bytes: it goes on behind them, between two events.
            self._out.append(data[: skimmed.passed])
            self._pass(skimmed.pieces)
            data = data[skimmed.taken :]
        self._bytes += data
        for frame in self._body.feed(data, at):
            self._take(frame)
        self._forget()
        return self._given()

    def close(self, ending: Ending) -> bytes:
        """The body has ended like this."""
        if not self.complete and self.fault is None:
            for frame in self._body.close(ending.at):
                if frame.kind is FrameKind.EVENT and not frame.terminated and not frame.done:
                    if ending.clean:
                        self._told(step.UNTERMINATED)
                        self._clean = False
                        self._take(frame)
                else:
                    self._take(frame)
        if not self.complete and self.fault is None:
            self._close(ending)
        return self._given()

    def _close(self, ending: Ending) -> None:
        if self._ended:
            self._done(None)
        elif ending.clean and self._parts and not self._flowing and self.spoken < Spoken.CONTENT:
            # Whether more calls, or more of this one, should have come, nobody can tell.
            self.fault = Fault("missing-finish-reason" if fold(self._parts).calls[-1].well_formed else "stream-cut")
        else:
            self._release()
            if not ending.clean:
                self.fault = Fault("stream-cut" if self.spoken is Spoken.CONTENT else "", ending.detail)
            else:
                self.fault = Fault("missing-finish-reason") if self.spoken is Spoken.CONTENT else NOTHING_SAID

    def _release(self) -> None:
        """What was held of an answer that came to no end is given out, if the client has heard the rest of it."""
        if self.spoken is Spoken.CONTENT:
            self._pass(self._lane.close())

    # One frame.

    def _take(self, frame: Frame) -> None:
        if self.complete or self.fault is not None:
            return
        number, self._number = self._number, self._number + 1
        match frame.kind:
            case FrameKind.EVENT:
                self._event(frame, number)
            case FrameKind.COMMENT:
                return
            case FrameKind.JSON:
                self._whole(frame, number)
            case FrameKind.LINE:
                self._told(step.LINES_TO_SSE)
                self._clean = False
                self._event(frame, number)
            case FrameKind.OVERSIZE:
                self.fault = Fault("endless-answer")
            case FrameKind.JUNK:
                self._junk(frame, number)
            case _:
                self._clean = False
        self._passed = frame.end

    def _raw(self, frame: Frame) -> bytes:
        """The frame's bytes, with the blank lines and comments before it if nothing else is there."""
        start = self._passed if self._clean else frame.start
        if start == 0 and self._base == 0 and self._bytes.startswith(BOM):
            start = len(BOM)
            self._told(step.BYTE_ORDER_MARK)
        self._clean = True
        raw = bytes(self._bytes[start - self._base : frame.end - self._base])
        # What follows must not melt into an event that the body's end cut off from its blank line.
        return raw if frame.terminated else raw.rstrip(b"\r\n") + b"\n\n"

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
            self.fault = Fault("unframed-error-in-stream", error.message)

    def _event(self, frame: Frame, number: int) -> None:
        if frame.done:
            self._done(self._raw(frame) if frame.kind is FrameKind.EVENT else None)
            return
        if frame.kind is FrameKind.EVENT and not frame.lines:
            self._clean = False
            return
        events = events_of(frame, number)
        kinds = {event.kind for event in events if isinstance(event, Odd)}
        error = next((event for event in events if isinstance(event, BackendError)), None)
        if error is not None:
            self.fault = Fault("error-in-200", error.message)
        elif OddKind.SEVERAL_IN_ONE in kinds:
            self._split(frame)
        elif kinds & {OddKind.BROKEN_JSON, OddKind.NOT_AN_OBJECT}:
            self.fault = Fault("broken-json-frame", frame.data[:200].decode("utf-8", "replace"))
        else:
            self._chunk(frame, events, kinds - _HARMLESS)

    def _split(self, frame: Frame) -> None:
        """Several events that nothing but one newline parts: each of their lines is one."""
        self._told(step.NEWLINES)
        for line in frame.data.split(b"\n"):
            self._clean = False
            number, self._number = self._number, self._number + 1
            if not self.complete and self.fault is None:
                self._event(Frame(FrameKind.LINE, frame.start, frame.end, frame.at, line), number)

    def _chunk(self, frame: Frame, events: list[Event], odd: set[OddKind]) -> None:
        """A chunk: told as it is if it is plain and healthy, else piece by piece."""
        choiceless = odd & {OddKind.NO_CHOICES, OddKind.BAD_CHOICES} and OddKind.FOREIGN_DIALECT not in odd
        if choiceless and not _counts(events):
            self._told(step.DROPPED)
            self._clean = False
            return
        healthy = not odd and frame.kind is FrameKind.EVENT and not frame.name.startswith("thread.")
        says = {type(event) for event in events} - {Odd}
        if healthy and says <= {Started, Usage, Finish}:
            self._neutral(frame, events)
        elif healthy and says <= {Started, Text} and self._named(events):
            self._plain_text(frame, events)
        elif healthy and says <= {Started, CallPart} and self._named(events) and self._wanted.native:
            self._keep_envelope(frame)
            self._call_parts(events, self._raw(frame))
        else:
            self._clean = False
            self._anew(frame, events, odd)

    def _named(self, events: list[Event]) -> bool:
        """Whether the assistant's role has been named, by this frame at the latest."""
        self._role = self._role or any(isinstance(event, Started) for event in events)
        return self._role

    def _neutral(self, frame: Frame, events: list[Event]) -> None:
        """A frame without content: role, finish, usage."""
        self._named(events)
        finish = next((event.reason for event in events if isinstance(event, Finish)), "")
        self._count(events)
        if not self._envelope:
            self._keep_envelope(frame)
        if not finish:
            if self._part_frames:
                self._part_frames.append(self._raw(frame))
            else:
                self._say(self._raw(frame), Spoken.NOTHING)
            return
        self._settle(finish)
        if self.fault is not None:
            return
        reason = finish_for(finish, called=self._called > 0)
        if reason == finish:
            self._ended = True
            self._say(self._raw(frame), Spoken.NOTHING)
        else:
            self._clean = False
            self._told(step.FINISH)
            self._tell_finish(reason, self._usage if _counts(events) else None)

    def _plain_text(self, frame: Frame, events: list[Event]) -> None:
        text = "".join(event.text for event in events if isinstance(event, Text))
        raw = self._raw(frame)
        if not self._lane.looks and self._lane.idle:
            self._say(raw, _weight(text))
        else:
            self._keep_envelope(frame)
            self._pass(self._lane.feed(text, raw))
        if self.spoken is Spoken.CONTENT:
            self._skimmer.learn(frame, raw, text)

    def _anew(self, frame: Frame, events: list[Event], odd: set[OddKind]) -> None:
        """Tells what a frame says in chunks of our own, around which its own further fields stand."""
        value = self._keep_envelope(frame)
        self._explain(odd, events, value)
        rest, extra = _further(value)
        if any(isinstance(event, Started) for event in events):
            self._begin()
        parts: list[CallPart] = []
        finish = ""
        for event in events:
            match event:
                case Reasoning(text=text):
                    self._tell({**shape.reasoning(text), **extra}, Spoken.THOUGHT, rest)
                case Text(text=text):
                    self._pass(self._lane.feed(text, None), rest, extra)
                case Refusal(text=text):
                    self._refusal += text
                case CallPart():
                    parts.append(event)
                case Finish(reason=reason):
                    finish = reason
                case _:
                    continue
            rest, extra = {}, {}
        self._count(events)
        if parts:
            self._call_parts(parts, None)
        done = any(isinstance(event, Done) for event in events)
        if finish:
            self._settle(finish)
            if self.fault is None:
                self._tell_finish(finish_for(finish, called=self._called > 0), self._usage if _counts(events) else None)
        elif _counts(events) and self._usage is not None and not done and self._wanted.usage:
            self._say(
                shape.event(self._around() | {"choices": [], "usage": shape.usage_of(self._usage)}), Spoken.NOTHING
            )
        if done and self.fault is None:
            self._done(None)

    def _explain(self, odd: set[OddKind], events: list[Event], value: Json) -> None:
        """Names the repairs that telling this frame anew amounts to."""
        for kind in odd:
            if kind in MENDED_BY:
                self._told(MENDED_BY[kind])
        thought = next((event for event in events if isinstance(event, Reasoning)), None)
        if thought is not None and not odd:
            self._told(step.REASONING)
        if not self._role and value and not any(isinstance(event, Started) for event in events):
            self._told(step.ROLE)

    def _keep_envelope(self, frame: Frame) -> Json:
        """The frame's object; what stands around its choices is kept for the chunks that are told anew."""
        try:
            value = loads(frame.data)
        except BrokenJsonError:
            return {}
        if not isinstance(value, dict):
            return {}
        if "choices" not in value:
            value = {key: value[key] for key in ("id", "model", "created") if key in value}
        self._envelope = shape.envelope_of({**self._envelope, **value}, CHUNK, self._wanted.seed)
        return value

    def _around(self) -> Json:
        return self._envelope or shape.envelope_of({}, CHUNK, self._wanted.seed)

    # A body that is one JSON text.

    def _whole(self, frame: Frame, number: int) -> None:
        events = events_of(frame, number)
        error = next((event for event in events if isinstance(event, BackendError)), None)
        if error is not None:
            self.fault = Fault("error-in-200", error.message)
            return
        self._told(step.JSON_TO_SSE)
        value = self._keep_envelope(frame)
        kinds = {event.kind for event in events if isinstance(event, Odd)} - {OddKind.DELTA_FOR_MESSAGE}
        self._explain(kinds - _HARMLESS, [Started(number, frame.at, "", ""), *events], value)
        answer = fold(events)
        turn = mend(answer, self._wanted)
        if isinstance(turn, Fault):
            self.fault = turn
            return
        self._count(events)
        self._turn(turn)

    def _turn(self, turn: Turn) -> None:
        """A whole turn as the chunks of a stream; a complete body has come to its end, whether it says why or not."""
        for repair in turn.repairs:
            self._told(repair)
        if turn.reasoning:
            self._tell(shape.reasoning(turn.reasoning), Spoken.THOUGHT)
        if turn.text:
            self._tell({"content": turn.text}, _weight(turn.text))
        for call in turn.calls:
            self._tell_call(call)
        if not turn.finish:
            self._told(step.FINISH)
        self._tell_finish(turn.finish or ("tool_calls" if turn.calls else "stop"), None)
        if self._wanted.usage and self._usage is not None:
            self._say(
                shape.event(self._around() | {"choices": [], "usage": shape.usage_of(self._usage)}), Spoken.NOTHING
            )
        self.end = shape.DONE
        self.complete = True

    # Calls.

    def _call_parts(self, events: Sequence[Event], raw: bytes | None) -> None:
        """Pieces of calls; `raw` is their frame if nothing about it is odd."""
        parts = [event for event in events if isinstance(event, CallPart)]
        if self._flowing:
            if raw is not None:
                self._say(raw, Spoken.CONTENT)
            else:
                entries = [{"index": part.slot, "function": {"arguments": part.arguments}} for part in parts]
                self._tell({"tool_calls": entries}, Spoken.CONTENT)
            self._parts += parts
            return
        known = {part.slot for part in self._parts if part.name}
        self._parts += parts
        self._parts_size += sum(len(part.arguments) for part in parts)
        # A later piece needs no name; the first one does, and comes before the arguments.
        begun = all(part.slot in known or (part.name and part.id) for part in parts)
        repeated = any(part.slot in known and part.name for part in parts)
        if not begun or repeated:
            self._told(step.CALL_SHAPE)
        if raw is None or not begun or repeated:
            self._parts_odd = True
        else:
            self._part_frames.append(raw)
        if self._parts_size > LONG_CALL and not self._parts_odd:
            self._pass(self._lane.close())
            self._flow()

    def _flow(self) -> None:
        """The calls so far go out as they came."""
        for raw in self._part_frames:
            self._say(raw, Spoken.CONTENT)
        self._part_frames.clear()
        self._flowing = True

    def _settle(self, finish: str) -> None:
        """The answer has ended: what was held is decided now, before its finish reason goes out."""
        splitter = self._lane.splitter
        open_thought = splitter.open
        self._pass(self._lane.close())
        if open_thought and self.spoken < Spoken.CONTENT and not self._parts:
            text = unclosed(splitter.thought, finish)
            if text.strip():
                self._told(step.UNCLOSED)
                self._tell({"content": text}, Spoken.CONTENT)
        if self._refusal and self.spoken < Spoken.CONTENT and not self._parts:
            self._told(step.REFUSAL)
            self._tell({"content": self._refusal}, Spoken.CONTENT)
        if self._parts:
            self._settle_calls()

    def _settle_calls(self) -> None:
        calls = fold(self._parts).calls
        self._parts.clear()
        if self._flowing:
            self._called += len(calls)
            return
        if self._wanted.xml:
            text = as_text(calls, self._wanted)
            if isinstance(text, Fault):
                self.fault = text
                return
            self._told(step.CALL_TO_XML)
            between = "\n\n" if self.spoken is Spoken.CONTENT else ""
            self._tell({"content": between + text}, Spoken.CONTENT)
            return
        if not self._parts_odd and all(call.well_formed for call in calls):
            self._flow()
            self._called += len(calls)
            return
        mended = mended_calls(calls, self._wanted, must=self.spoken < Spoken.CONTENT)
        if isinstance(mended, Fault):
            self.fault = mended
            return
        calls, repairs = mended
        for repair in repairs:
            self._told(repair)
        for call in calls:
            self._tell_call(call)

    def _tell_call(self, call: ToolCall) -> None:
        (call,) = shape.named([call], self._wanted.seed, self._called)
        self._tell({"tool_calls": [shape.call_entry(call, self._called)]}, Spoken.CONTENT)
        self._called += 1

    # Giving out.

    def _pass(self, pieces: list[Passing], rest: Json | None = None, extra: Json | None = None) -> None:
        """Text as it comes out of the lane."""
        for piece in pieces:
            match piece:
                case Same(raw, text):
                    self._say(raw, _weight(text))
                case Thought(text):
                    self._told(step.THINK)
                    self._tell(shape.reasoning(text), Spoken.THOUGHT)
                case ToolCall():
                    self._told(step.TEXT_TO_CALL)
                    self._tell_call(piece)
                case str():
                    self._tell({"content": piece, **(extra or {})}, _weight(piece), rest)
                    rest, extra = None, None

    def _begin(self) -> None:
        """The assistant's role, told once."""
        if not self._role:
            self._role = True
            delta = {"role": "assistant", "content": ""}
            self._say(shape.event(shape.chunk(self._around(), delta)), Spoken.NOTHING)

    def _tell(self, delta: Json, weight: Spoken, rest: Json | None = None) -> None:
        self._begin()
        self._say(shape.event(shape.chunk(self._around(), delta, rest=rest or {})), weight)

    def _tell_finish(self, reason: str, usage: Usage | None) -> None:
        self._ended = True
        told = shape.chunk(self._around(), {}, reason)
        if usage is not None:
            told["usage"] = shape.usage_of(usage)
        self._say(shape.event(told), Spoken.NOTHING)

    def _done(self, raw: bytes | None) -> None:
        """The end that the dialect announces, or a body that ended behind its finish reason."""
        if not self._ended:
            self._settle("stop")
            if self.fault is None and self.spoken is Spoken.CONTENT:
                self._told(step.FINISH)
                self._tell_finish("tool_calls" if self._called else "stop", None)
        if self.fault is not None:
            return
        if self.spoken < Spoken.CONTENT:
            self.fault = NOTHING_SAID
            return
        if raw is None:
            self._told(step.DONE)
        self.end = raw or shape.DONE
        self.complete = True

    def _say(self, data: bytes, weight: Spoken) -> None:
        """Gives bytes out, or lets them wait: those without content go out behind content only."""
        self.spoken = max(self.spoken, weight)
        if weight is not Spoken.NOTHING:
            self._out += self._waiting
            self._waiting.clear()
        (self._out if weight is not Spoken.NOTHING or self.spoken is Spoken.CONTENT else self._waiting).append(data)

    def _given(self) -> bytes:
        out = b"".join(self._out)
        self._out.clear()
        return out

    def _told(self, repair: Repair) -> None:
        self.repairs[repair.name] = None

    def _count(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Usage):
                self._usage = event


def _weight(text: str) -> Spoken:
    """White space is no content."""
    return Spoken.CONTENT if text and not text.isspace() else Spoken.NOTHING


def _counts(events: list[Event]) -> bool:
    return any(isinstance(event, Usage) for event in events)


_KNOWN_OF_CHOICE = frozenset({"index", "delta", "message", "text", "finish_reason"})
_KNOWN_OF_DELTA = frozenset(
    {"role", "content", "reasoning", "reasoning_content", "refusal", "tool_calls", "function_call"}
)


def _further(value: Json) -> tuple[Json, Json]:
    """The fields of the first choice, and of its delta, that are no part of what is told anew."""
    choices: Any = value.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    delta = choice.get("delta", choice.get("message"))
    return (
        {key: item for key, item in choice.items() if key not in _KNOWN_OF_CHOICE},
        {key: item for key, item in delta.items() if key not in _KNOWN_OF_DELTA} if isinstance(delta, dict) else {},
    )


MENDED_BY = {
    OddKind.FOREIGN_DIALECT: step.DIALECT,
    OddKind.ERROR_NULL: step.ERROR_NULL,
    OddKind.MESSAGE_FOR_DELTA: step.MESSAGE,
    OddKind.LEGACY_TEXT: step.TEXT,
    OddKind.CONTENT_PARTS: step.PARTS,
    OddKind.FOREIGN_ROLE: step.ROLE,
    OddKind.BAD_USAGE: step.USAGE,
    OddKind.NO_DELTA: step.SCHEMA,
    OddKind.BAD_CONTENT: step.SCHEMA,
    OddKind.INVALID_UTF8: step.UTF8,
    OddKind.FUNCTION_CALL: step.FUNCTION_CALL,
    OddKind.CALL_NO_ID: step.CALL_SHAPE,
    OddKind.CALL_EMPTY_ID: step.CALL_SHAPE,
    OddKind.CALL_BAD_ID: step.CALL_SHAPE,
    OddKind.CALL_NO_INDEX: step.CALL_SHAPE,
    OddKind.CALL_NO_NAME: step.CALL_SHAPE,
    OddKind.CALL_BAD_ARGUMENTS: step.ARGUMENTS,
    OddKind.BAD_CALLS: step.CALL_SHAPE,
}
