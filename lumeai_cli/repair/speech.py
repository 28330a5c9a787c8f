"""What an answer under way has told its client, and how the next thing is told: in order, and nothing before content.

Frames without content wait until content comes, so that an answer in which none comes can still be asked for again.
"""

from enum import IntEnum

from lumeai_cli.repair import chunk as shape
from lumeai_cli.repair import step
from lumeai_cli.repair.chunk import CHUNK, Json
from lumeai_cli.repair.ink import shows
from lumeai_cli.repair.lane import Passing, Same
from lumeai_cli.repair.step import Repair
from lumeai_cli.repair.thought import Thought
from lumeai_cli.repair.turn import as_text, finish_for
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.answer import ToolCall, fold
from lumeai_cli.wire.event import Event, Usage

MOST_WAITING = 4 * 1024 * 1024
"""Bytes of frames without content that wait for some; an answer that says nothing for longer says nothing."""


class Spoken(IntEnum):
    """What the client has been given so far."""

    NOTHING = 0
    THOUGHT = 1  # the status had to go out for it; another backend may still be asked
    CONTENT = 2


class Speech:
    """The client's side of one answer. `called` is one more than the highest index of a call that was told.

    `ended`: a finish reason went out, or waits. `index` is that of the choice that is told. `last` is the frame that
    holds the end of the text and the finish reason together, with that reason: it passes as it is if its text does.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._out: list[bytes] = []
        self._waiting: list[bytes] = []
        self._behind: list[bytes] = []  # waits for the first content of the choice that is told
        self._waits = 0
        self._envelope: Json = {}
        self._ids: set[str] = set()
        self._role = False
        self._promise: bytes | None = None  # a frame that is held, and names the role when it passes
        self.index = 0
        self.called = 0
        self.ended = False
        self.last: tuple[bytes, str] | None = None
        self.usage: Usage | None = None
        self.spoken = Spoken.NOTHING
        self.repairs: dict[str, None] = {}

    @property
    def full(self) -> bool:
        """Whether more waits than ever should."""
        return self._waits > MOST_WAITING

    @property
    def begun(self) -> bool:
        """Whether the assistant's role has been named, or is by a frame that is held."""
        return self._role or self._promise is not None

    @property
    def enveloped(self) -> bool:
        """Whether it is known what stands around the choices."""
        return bool(self._envelope)

    def given(self) -> bytes:
        """What the client gets now."""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def mended(self, repair: Repair) -> None:
        """Names a repair."""
        self.repairs[repair.name] = None

    def count(self, events: list[Event]) -> bool:
        """Keeps the token counts among these events, and says whether there are some."""
        counts = [event for event in events if isinstance(event, Usage)]
        if counts:
            self.usage = fold(counts if self.usage is None else [self.usage, *counts]).usage
        return bool(counts)

    def keep_envelope(self, value: Json) -> None:
        """Keeps what stands around this object's choices, for the chunks that are told anew."""
        if "choices" not in value:
            value = {key: value[key] for key in ("id", "model", "created") if key in value}
        self._envelope = shape.envelope_of({**self._envelope, **value}, CHUNK, self._wanted.seed, self._wanted.model)

    def name_role(self) -> None:
        """The role is named by a frame that passes."""
        self._role = True

    def promise_role(self, raw: bytes) -> None:
        """The role is named by a frame that is held, and passes if nothing about it changes."""
        if not self.begun:
            self._promise = raw

    def begin(self) -> None:
        """The assistant's role, told once."""
        if not self._role:
            self._role = True
            self._chunk({"role": "assistant", "content": ""}, Spoken.NOTHING)

    def say(self, data: bytes, weight: Spoken) -> None:
        """Gives bytes out, or lets them wait: those without content go out behind content only."""
        self.spoken = max(self.spoken, weight)
        if weight is Spoken.NOTHING and self.spoken is not Spoken.CONTENT:
            self._waiting.append(data)
            self._waits += len(data)
            return
        self._out += self._waiting
        self._out.append(data)
        self._waiting.clear()
        self._waits = 0
        if self._behind:
            self._out += self._behind
            self._behind.clear()

    def say_other(self, data: bytes) -> None:
        """A frame of another choice, never before the first of the one that is told."""
        if self.spoken is not Spoken.NOTHING or self._waiting:
            self.say(data, Spoken.NOTHING)
        else:
            self._behind.append(data)
            self._waits += len(data)

    def say_frame(self, raw: bytes, weight: Spoken) -> None:
        """A frame with content as it was, behind the role."""
        if raw is self._promise:
            self._role = True
        self.begin()
        self.say(raw, weight)

    def tell(self, delta: Json, weight: Spoken, rest: Json | None = None, *, counted: bool = False) -> None:
        """A delta in a chunk of its own; `rest` are further fields of its choice. `counted`: with the token counts."""
        self.begin()
        self._chunk(delta, weight, rest=rest, counted=counted)

    def tell_text(self, text: str, rest: Json | None = None, extra: Json | None = None) -> None:
        """A text; `extra` are further fields of its delta."""
        self.tell({"content": text, **(extra or {})}, weight_of(text), rest)

    def tell_call(self, call: ToolCall) -> None:
        """A whole call, under the next index, with an id that no other has."""
        (call,) = shape.named([call], self._wanted.seed, self.called, self._ids)
        self.tell({"tool_calls": [shape.call_entry(call, self.called)]}, Spoken.CONTENT)
        self.called += 1

    def tell_usage(self) -> None:
        """The token counts in a chunk of their own, for a client that asked for one."""
        if self.usage is not None and self._wanted.usage:
            self.say(shape.event(self._around() | {"choices": [], "usage": shape.usage_of(self.usage)}), Spoken.NOTHING)

    def tell_finish(self, reason: str, *, counted: bool = False) -> None:
        """The finish reason, with the token counts if they stood beside it."""
        self.ended = True
        self._chunk({}, Spoken.NOTHING, reason, counted=counted)

    def tell_other(self, index: int, choice: Json) -> None:
        """Another choice of a whole body, in a chunk of its own."""
        said = choice.get("message", choice.get("delta"))
        delta = dict(said) if isinstance(said, dict) else {"role": "assistant", "content": choice.get("text") or ""}
        if isinstance(delta.get("tool_calls"), list):
            calls = [call for call in delta["tool_calls"] if isinstance(call, dict)]
            delta["tool_calls"] = [{"index": place, **call} for place, call in enumerate(calls)]
        rest, _ = shape.further(choice)
        finish = choice.get("finish_reason") or "stop"
        self.say(shape.event(shape.chunk(self._around(), delta, finish, rest, index)), Spoken.NOTHING)

    def pass_on(self, pieces: list[Passing], rest: Json | None = None, extra: Json | None = None) -> None:
        """Text as it comes out of the lane."""
        for piece in pieces:
            match piece:
                case Same(raw, text):
                    self._pass_same(raw, text)
                case Thought(text):
                    self.mended(step.THINK)
                    self.tell(shape.reasoning(text), Spoken.THOUGHT)
                case ToolCall():
                    self._tell_lifted(piece)
                case str():
                    self.tell_text(piece, rest, extra)
                    rest, extra = None, None

    @property
    def lifted(self) -> bool:
        """Whether a call that stood in the text was told."""
        return not {step.TEXT_TO_CALL.name, step.TEXT_TO_XML.name}.isdisjoint(self.repairs)

    def _tell_lifted(self, call: ToolCall) -> None:
        """A call that stood in the text, as this client reads it."""
        told = as_text([call], self._wanted) if self._wanted.xml else None
        if isinstance(told, str):
            self.mended(step.TEXT_TO_XML)
            self.tell_text(("\n\n" if self.spoken is Spoken.CONTENT else "") + told)
        else:
            self.mended(step.TEXT_TO_CALL)
            self.tell_call(call)

    def _pass_same(self, raw: bytes, text: str) -> None:
        if self.last is None or raw is not self.last[0]:
            self.say_frame(raw, weight_of(text))
            return
        reason, self.last = self.last[1], None
        if finish_for(reason, called=self.called > 0) == reason:
            self.ended = True
            self.say_frame(raw, weight_of(text))
        else:
            self.tell_text(text)

    def _chunk(
        self,
        delta: Json,
        weight: Spoken,
        finish: str | None = None,
        rest: Json | None = None,
        *,
        counted: bool = False,
    ) -> None:
        told = shape.chunk(self._around(), delta, finish, rest, self.index)
        if counted and self.usage is not None:
            told["usage"] = shape.usage_of(self.usage)
        self.say(shape.event(told), weight)

    def _around(self) -> Json:
        return self._envelope or shape.envelope_of({}, CHUNK, self._wanted.seed, self._wanted.model)


def weight_of(text: str) -> Spoken:
    """What nobody sees is no content."""
    return Spoken.CONTENT if shows(text) else Spoken.NOTHING
