"""Mends an answer for a client that wants one JSON body: all of the backend's bytes in, one completion out.

A completion that every known client takes passes as the bytes that it was, unknown fields included.
"""

from typing import Any

from lumeai_cli.repair import chunk as shape
from lumeai_cli.repair import step
from lumeai_cli.repair.chunk import COMPLETION, Json
from lumeai_cli.repair.fault import NOTHING_SAID, Fault
from lumeai_cli.repair.stream import MENDED_BY
from lumeai_cli.repair.turn import Turn, mend
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.answer import Answer, fold
from lumeai_cli.wire.body import BodyReader, BrokenJsonError, loads
from lumeai_cli.wire.event import BackendError, Done, Event, Finish, Odd, OddKind, Usage
from lumeai_cli.wire.exchange import Ending
from lumeai_cli.wire.frame import Frame, FrameKind
from lumeai_cli.wire.openai import events_of

_HARMLESS = frozenset({OddKind.EMPTY_CHOICES})


class PlainMender:
    """One answer. Nothing is given out before `close`, which gives the whole body or sets `fault`."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._body = BodyReader()
        self._frames: list[Frame] = []
        self._raw: list[bytes] = []
        self._usage: Usage | None = None
        self.fault: Fault | None = None
        self.complete = False
        self.repairs: dict[str, None] = {}

    @property
    def usage(self) -> Usage | None:
        """The token counts, as far as the backend told any."""
        return self._usage

    def feed(self, data: bytes, at: float) -> bytes:
        """The next bytes of the body."""
        self._raw.append(data)
        self._frames += self._body.feed(data, at)
        return b""

    def close(self, ending: Ending) -> bytes:
        """The body has ended like this."""
        self._frames += self._body.close(ending.at)
        frames = self._split()
        events = [event for number, frame in enumerate(frames) for event in events_of(frame, number)]
        self._usage = next((event for event in reversed(events) if isinstance(event, Usage)), None)
        self.fault = self._broken(frames, events, ending)
        if self.fault is not None:
            return b""
        answer = fold(events)
        turn = mend(answer, self._wanted)
        if isinstance(turn, Fault):
            self.fault = turn
            return b""
        odd = {event.kind for event in events if isinstance(event, Odd)} - _HARMLESS
        self.complete = True
        one = len(frames) == 1 and frames[0].kind is FrameKind.JSON
        if one and not odd and not turn.repairs and turn.finish == answer.finish and turn.finish:
            return b"".join(self._raw)
        self._explain(turn, odd, answer, one=one)
        return shape.encoded(self._completion(frames, turn))

    def _split(self) -> list[Frame]:
        """The frames that say something; what stands behind `[DONE]` does not, and melted events are parted."""
        frames: list[Frame] = []
        for frame in self._frames:
            if frame.kind in (FrameKind.COMMENT, FrameKind.JUNK) and not _error_in(frame):
                continue
            if frame.lines > 1 and _melted(frame):
                self.repairs[step.NEWLINES.name] = None
                frames += [
                    Frame(FrameKind.EVENT, frame.start, frame.end, frame.at, line) for line in frame.data.split(b"\n")
                ]
            else:
                frames.append(frame)
            if any(one.done for one in frames[-1 if frame.lines == 1 else -frame.lines :]):
                break
        return frames

    def _broken(self, frames: list[Frame], events: list[Event], ending: Ending) -> Fault | None:
        """What makes this body no answer, whatever else it says."""
        error = next((event for event in events if isinstance(event, BackendError)), None)
        if error is not None:
            junk = frames[error.frame].kind is FrameKind.JUNK
            return Fault("unframed-error-in-stream" if junk else "error-in-200", error.message)
        if any(frame.kind is FrameKind.OVERSIZE for frame in frames):
            return Fault("endless-answer")
        kinds = {event.kind for event in events if isinstance(event, Odd)}
        if kinds & {OddKind.BROKEN_JSON, OddKind.NOT_AN_OBJECT}:
            return Fault("broken-json-frame")
        ended = any(isinstance(event, Finish | Done) for event in events)
        if not ending.clean and not ended:
            return Fault("stream-cut" if fold(events).usable else "", ending.detail)
        if not ended and not (len(frames) == 1 and frames[0].kind is FrameKind.JSON):
            return Fault("missing-finish-reason") if fold(events).usable else NOTHING_SAID
        return None

    def _explain(self, turn: Turn, odd: set[OddKind], answer: Answer, *, one: bool) -> None:
        if not one:
            self.repairs[step.SSE_TO_JSON.name] = None
        for kind in odd - ({OddKind.MESSAGE_FOR_DELTA} if not one else set()):
            if kind is OddKind.DELTA_FOR_MESSAGE:
                self.repairs[step.MESSAGE.name] = None
            elif kind in MENDED_BY:
                self.repairs[MENDED_BY[kind].name] = None
        for repair in turn.repairs:
            self.repairs[repair.name] = None
        if not answer.finish:
            self.repairs[step.FINISH.name] = None

    def _completion(self, frames: list[Frame], turn: Turn) -> Json:
        value = _first_object(frames)
        message: Json = {"role": "assistant", "content": turn.text}
        if turn.reasoning:
            message |= shape.reasoning(turn.reasoning)
        if turn.calls:
            message["tool_calls"] = [shape.call_entry(call) for call in turn.calls]
            message["content"] = turn.text or None
        finish = turn.finish or ("tool_calls" if turn.calls else "stop")
        told = shape.envelope_of(value, COMPLETION, self._wanted.seed)
        told["choices"] = [{**_further(value), "index": 0, "message": message, "finish_reason": finish}]
        if self._usage is not None:
            told["usage"] = shape.usage_of(self._usage)
        return told


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


def _further(value: Json) -> Json:
    """The further fields of the first choice."""
    choices = value.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    known = ("index", "message", "delta", "text", "finish_reason")
    return {key: item for key, item in choice.items() if key not in known}
