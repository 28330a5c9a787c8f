"""Mends an answer for a client that wants one JSON body: all of the backend's bytes in, one completion out.

A completion that every known client takes passes as the bytes that it was, unknown fields included.
"""

from collections.abc import Mapping
from typing import Any

from lumeai_cli.repair import chunk as shape
from lumeai_cli.repair import step
from lumeai_cli.repair.choice import choices_of, parted
from lumeai_cli.repair.chunk import COMPLETION, Json
from lumeai_cli.repair.fault import ENDLESS, NOTHING_SAID, Fault
from lumeai_cli.repair.ink import shows
from lumeai_cli.repair.pardon import without_constants, without_empty_error
from lumeai_cli.repair.step import Repair
from lumeai_cli.repair.tail import fragment, unterminated
from lumeai_cli.repair.turn import Turn, finish_for, mend
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.repair.worth import LONG_EVENT, of_value
from lumeai_cli.wire.answer import Answer, fold
from lumeai_cli.wire.body import BOM, BodyReader, BrokenJsonError, loads
from lumeai_cli.wire.event import BackendError, Done, Event, Finish, Odd, OddKind, Usage
from lumeai_cli.wire.exchange import Ending
from lumeai_cli.wire.frame import Frame, FrameKind
from lumeai_cli.wire.openai import REASONING_FIELDS, events_of
from lumeai_cli.wire.sse import DEFAULT_LIMIT

_HARMLESS = frozenset({OddKind.EMPTY_CHOICES})
_SENSELESS = frozenset({OddKind.BROKEN_JSON, OddKind.NOT_AN_OBJECT})


class PlainMender:
    """One answer. Nothing is given out before `close`, which gives the whole body or sets `fault`.

    `worth` grows with whatever is of value; with signs of life and chunks that say nothing it does not.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._body = BodyReader()
        self._frames: list[Frame] = []
        self._raw: list[bytes] = []
        self._size = 0
        self._usage: Usage | None = None
        self._read_to = 0  # the end of the last frame
        self._finished = False
        self.worth = 0
        self.fault: Fault | None = None
        self.complete = False
        self.repairs: dict[str, None] = {}

    @property
    def usage(self) -> Usage | None:
        """The token counts, as far as the backend told any."""
        return self._usage

    def feed(self, data: bytes, at: float) -> bytes:
        """The next bytes of the body."""
        if self.fault is not None:
            return b""
        self._size += len(data)
        if self._size > DEFAULT_LIMIT:
            self.fault = ENDLESS
            self._raw.clear()
            self._frames.clear()
            return b""
        self._raw.append(data)
        frames = self._body.feed(data, at)
        self._frames += frames
        for frame in frames:
            self._read_to = max(self._read_to, frame.end)
            self._weigh(frame)
        if not data.isspace():
            self.worth += self._body.collects or self._size - self._read_to > LONG_EVENT
        return b""

    def _weigh(self, frame: Frame) -> None:
        events = events_of(frame, 0)
        self.worth += of_value(events) and not self._finished
        self._finished = self._finished or any(isinstance(event, Finish) for event in events)

    def close(self, ending: Ending) -> bytes:
        """The body has ended like this."""
        if self.fault is not None:
            return b""
        self._frames += self._body.close(ending.at)
        frames, others = self._parted(ending)
        events = _events(frames)
        senseless = _behind_the_end(events)
        if senseless:
            self._told(step.DROPPED)
            frames = [frame for number, frame in enumerate(frames) if number not in senseless]
            events = _events(frames)
        self._usage = fold(events).usage
        self.fault = self._broken(frames, events, others, ending)
        if self.fault is not None:
            return b""
        answer = fold(events)
        turn = mend(answer, self._wanted)
        if isinstance(turn, Fault):
            self.fault = turn
            return b""
        odd = {event.kind for event in events if isinstance(event, Odd)} - _HARMLESS
        self.complete = True
        one = _is_one(frames)
        if one and turn.reasoning and not _under_both_names(frames[0]):
            self._told(step.REASONING)
        elif one and not odd and not turn.repairs and turn.finish == answer.finish and turn.finish:
            return self._as_it_was()
        self._explain(turn, odd, answer, one=one)
        told = self._completion(frames, turn)
        told["choices"] += self._further_choices(frames, others)
        return shape.encoded(told)

    def _as_it_was(self) -> bytes:
        body = b"".join(self._raw)
        if body.startswith(BOM):
            self._told(step.BYTE_ORDER_MARK)
        return body.removeprefix(BOM)

    def _told(self, repair: Repair) -> None:
        self.repairs[repair.name] = None

    def _parted(self, ending: Ending) -> tuple[list[Frame], dict[int, list[Frame]]]:
        """The frames that say something, those of other choices apart. What stands behind `[DONE]` says nothing, nor
        does what a cut left of an event; melted events are parted.
        """
        frames: list[Frame] = []
        for frame in self._frames:
            if frame.kind in (FrameKind.COMMENT, FrameKind.JUNK) and not _error_in(frame):
                continue
            if unterminated(frame) and not (ending.clean and (frame.lines > 1 or not fragment(frame))):
                continue
            frame = self._pardoned(frame)  # noqa: PLW2901  # the same frame, mended
            if frame.lines > 1 and _melted(frame):
                self._told(step.NEWLINES)
                frames += [
                    Frame(FrameKind.EVENT, frame.start, frame.end, frame.at, line) for line in frame.data.split(b"\n")
                ]
            else:
                frames.append(frame)
            if any(one.done for one in frames[-1 if frame.lines == 1 else -frame.lines :]):
                break
        return (frames, {}) if _is_one(frames) else parted(frames)

    def _pardoned(self, frame: Frame) -> Frame:
        """The frame without what only looks like a failure."""
        sound = without_constants(frame)
        if sound is not None:
            self._told(step.SCHEMA)
        frame = sound or frame
        return without_empty_error(frame) or frame

    def _broken(
        self, frames: list[Frame], events: list[Event], others: Mapping[int, list[Frame]], ending: Ending
    ) -> Fault | None:
        """What makes this body no answer, whatever else it says."""
        error = next((event for event in events if isinstance(event, BackendError)), None)
        if error is not None:
            junk = frames[error.frame].kind is FrameKind.JUNK
            return Fault("unframed-error-in-stream" if junk else "error-in-200", error.message)
        if any(frame.kind is FrameKind.OVERSIZE for frame in frames):
            return ENDLESS
        kinds = {event.kind for event in events if isinstance(event, Odd)}
        if kinds & _SENSELESS:
            return Fault("broken-json-frame")
        done = any(isinstance(event, Done) for event in events) or _is_one(frames)
        ended = done or (
            any(isinstance(event, Finish) for event in events)
            and all(fold(_events(each)).finish for each in others.values())
        )
        if ended:
            return None
        answer = fold(events)
        usable = bool(shows(answer.text) or answer.calls)
        if not ending.clean:
            return Fault("stream-cut" if usable else "", ending.detail)
        return Fault("missing-finish-reason") if usable else NOTHING_SAID

    def _explain(self, turn: Turn, odd: set[OddKind], answer: Answer, *, one: bool) -> None:
        if not one:
            self._told(step.SSE_TO_JSON)
        # What stands in a delta and what in a message is another question where a stream becomes a body.
        for repair in (*step.repairs_of(odd - ({OddKind.MESSAGE_FOR_DELTA} if not one else set())), *turn.repairs):
            self._told(repair)
        if not answer.finish:
            self._told(step.FINISH)

    def _completion(self, frames: list[Frame], turn: Turn) -> Json:
        value = _first_object(frames)
        rest, extra = _further(frames)
        message: Json = {"role": "assistant", "content": turn.text, **extra}
        if turn.reasoning:
            message |= shape.reasoning(turn.reasoning)
        if turn.calls:
            message["tool_calls"] = [shape.call_entry(call) for call in turn.calls]
            message["content"] = turn.text or None
        finish = turn.finish or ("tool_calls" if turn.calls else "stop")
        told = shape.envelope_of(value, COMPLETION, self._wanted.seed, self._wanted.model)
        told["choices"] = [{**rest, "index": 0, "message": message, "finish_reason": finish}]
        if self._usage is not None:
            told["usage"] = shape.usage_of(self._usage)
        return told

    def _further_choices(self, frames: list[Frame], others: Mapping[int, list[Frame]]) -> list[Json]:
        """The other choices: of one body as they are, of a stream put together."""
        if _is_one(frames):
            return choices_of(frames[0])[1][1:]
        told: list[Json] = []
        for index, each in sorted(others.items()):
            answer = fold(_events(each))
            message: Json = {"role": "assistant", "content": answer.text}
            if answer.reasoning:
                message |= shape.reasoning(answer.reasoning)
            if answer.calls:
                message["tool_calls"] = [shape.call_entry(call) for call in answer.calls]
            finish = finish_for(answer.finish, called=bool(answer.calls)) or "stop"
            told.append({"index": index, "message": message, "finish_reason": finish})
        return told


def _is_one(frames: list[Frame]) -> bool:
    """Whether the body is one JSON text."""
    return len(frames) == 1 and frames[0].kind is FrameKind.JSON


def _events(frames: list[Frame]) -> list[Event]:
    return [event for number, frame in enumerate(frames) for event in events_of(frame, number)]


def _behind_the_end(events: list[Event]) -> set[int]:
    """The numbers of the frames that are no chunks and stand behind the finish reason: they take nothing from it."""
    end = next((event.frame for event in events if isinstance(event, Finish)), None)
    if end is None:
        return set()
    return {
        event.frame for event in events if isinstance(event, Odd) and event.kind in _SENSELESS and event.frame > end
    }


def _melted(frame: Frame) -> bool:
    """Whether its data lines are events of their own, which one newline parts."""
    return any(isinstance(event, Odd) and event.kind is OddKind.SEVERAL_IN_ONE for event in events_of(frame, 0))


def _error_in(frame: Frame) -> bool:
    return frame.kind is FrameKind.JUNK and any(isinstance(event, BackendError) for event in events_of(frame, 0))


def _first_object(frames: list[Frame]) -> Json:
    """The first object of the body, in whose further fields the answer is wrapped again."""
    for frame in frames:
        try:
            value: Any = loads(frame.data)
        except BrokenJsonError:
            continue
        if isinstance(value, dict):
            return (
                value if "choices" in value else {key: value[key] for key in ("id", "model", "created") if key in value}
            )
    return {}


def _further(frames: list[Frame]) -> tuple[Json, Json]:
    """The further fields of the first choice and of its message, where they stand in one place."""
    _, choices = choices_of(frames[0]) if _is_one(frames) else ({}, [])
    return shape.further(choices[0]) if choices else ({}, {})


def _under_both_names(frame: Frame) -> bool:
    _, choices = choices_of(frame)
    message = choices[0].get("message") if choices else None
    told = {message.get(name) for name in REASONING_FIELDS} if isinstance(message, dict) else set()
    return len(told) == 1
