"""What comes over the wire in the tests of the repairs, and what a mender makes of it, however it is cut."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lumeai_cli.repair.fault import Fault
from lumeai_cli.repair.plain import PlainMender
from lumeai_cli.repair.prompt import XmlTool
from lumeai_cli.repair.speech import Spoken
from lumeai_cli.repair.stream import StreamMender
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.answer import Answer, fold
from lumeai_cli.wire.event import Event, Odd, OddKind
from lumeai_cli.wire.exchange import Ending, EndingKind
from lumeai_cli.wire.frame import FrameKind
from lumeai_cli.wire.reading import Reader

CLEAN = Ending(EndingKind.CLEAN, 2.0)
CUT = Ending(EndingKind.CUT, 2.0, "incomplete chunked read")

READ = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "lines": {"type": "integer"}},
    "required": ["path"],
}
SEED = "seed"
SDK = Wanted(stream=True, seed=SEED)
COUNTING = Wanted(stream=True, usage=True, seed=SEED)
NATIVE = Wanted(stream=True, tools={"read": READ, "stop": {"type": "object"}}, usage=True, seed=SEED)
XML = Wanted(
    stream=True,
    xml_tools=(XmlTool("read_file", ("path",)), XmlTool("attempt_completion", ("result",))),
    usage=True,
    seed=SEED,
)

DONE = b"data: [DONE]\n\n"
ROLE: dict[str, Any] = {"role": "assistant", "content": ""}


@dataclass(frozen=True)
class Mended:
    """All that a mender gave."""

    out: bytes
    repairs: tuple[str, ...]
    fault: Fault | None
    spoken: Spoken
    complete: bool

    @property
    def answer(self) -> Answer:
        """What a client hears."""
        return heard(self.out)

    @property
    def why(self) -> str | None:
        """The name of the fault; None if there is none."""
        return None if self.fault is None else self.fault.name


def mended(portions: Iterable[bytes], wanted: Wanted = SDK, ending: Ending = CLEAN) -> Mended:
    """What a stream's client gets of a body that came in these portions, the end included."""
    mender = StreamMender(wanted)
    out = [mender.feed(portion, 1.0) for portion in portions]
    out.append(mender.close(ending))
    assert mender.complete is (mender.fault is None)
    return Mended(
        b"".join(out) + mender.end, tuple(mender.repairs), mender.fault, mender.spoken, complete=mender.complete
    )


def whole(portions: Iterable[bytes], wanted: Wanted = SDK, ending: Ending = CLEAN) -> Mended:
    """What a client that wants one body gets."""
    mender = PlainMender(wanted)
    for portion in portions:
        assert mender.feed(portion, 1.0) == b""
    out = mender.close(ending)
    assert mender.complete is (mender.fault is None)
    assert bool(out) is mender.complete
    return Mended(out, tuple(mender.repairs), mender.fault, Spoken.NOTHING, complete=mender.complete)


def read(body: bytes) -> tuple[list[Event], list[FrameKind]]:
    """The events and kinds of frames of a body, those that no SDK delivers left out."""
    reader = Reader()
    reader.feed(body, 1.0)
    reader.close(1.0)
    frames = [frame.kind for frame in reader.frames]
    kept = {number for number, frame in enumerate(reader.frames) if frame.terminated or frame.done}
    return [event for event in reader.events if event.frame in kept], frames


def heard(body: bytes) -> Answer:
    """What a lenient client hears in a body."""
    return fold(read(body)[0])


def odd(body: bytes) -> set[OddKind]:
    """What is unusual about a body."""
    return {event.kind for event in read(body)[0] if isinstance(event, Odd)}


def bytewise(body: bytes) -> list[bytes]:
    """Each byte alone."""
    return [body[place : place + 1] for place in range(len(body))]


def in_two(body: bytes, steps: int = 40) -> Iterable[Sequence[bytes]]:
    """The body cut in two, at so many places."""
    for place in range(1, len(body), max(1, len(body) // steps)):
        yield body[:place], body[place:]


def cut_anyhow(
    body: bytes,
    wanted: Wanted = SDK,
    ending: Ending = CLEAN,
    mender: Callable[[Iterable[bytes], Wanted, Ending], Mended] = mended,
) -> Mended:
    """What a mender gives, having asserted that it gives the same however the body comes."""
    told = mender([body], wanted, ending)
    assert mender(bytewise(body), wanted, ending) == told, "byte by byte"
    for pieces in in_two(body):
        assert mender(pieces, wanted, ending) == told, f"cut at {len(pieces[0])}"
    return told


def event(value: object) -> bytes:
    """One event."""
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


def choice(delta: Any, finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    """One choice of a chunk."""
    return {"index": index, "delta": delta, **more, "finish_reason": finish}


def chunk(delta: Any = None, finish: str | None = None, *, index: int = 0, **more: Any) -> dict[str, Any]:
    """One chunk of a stream."""
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**head, "choices": [choice(delta, finish, index)], **more}


def sse(*values: object, done: bool = True) -> bytes:
    """A stream of these chunks, with `[DONE]`."""
    return b"".join(map(event, values)) + (DONE if done else b"")


def said(*texts: str, finish: str | None = "stop", done: bool = True) -> bytes:
    """A sound stream with these pieces of text."""
    last = [chunk({}, finish)] if finish else []
    return sse(chunk(ROLE), *(chunk({"content": text}) for text in texts), *last, done=done)


def called(*deltas: Mapping[str, Any], finish: str = "tool_calls") -> bytes:
    """A stream of a role, these deltas and a finish reason."""
    return sse(chunk(ROLE), *map(chunk, deltas), chunk({}, finish))


def piece(
    arguments: Any = None, *, index: Any = 0, identity: Any = None, name: Any = None, **more: Any
) -> dict[str, Any]:
    """A delta with one piece of a call; what is None is left out."""
    function = {"name": name, "arguments": arguments}
    entry = {"index": index, "id": identity, "type": "function" if name else None, **more}
    kept = {key: value for key, value in entry.items() if value is not None}
    return {"tool_calls": [{**kept, "function": {key: value for key, value in function.items() if value is not None}}]}


def completion(message: Any, finish: str | None = "stop", **more: Any) -> bytes:
    """A whole JSON completion."""
    told = {"role": "assistant", **message} if isinstance(message, dict) else message
    return json.dumps(
        {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "message": told, "finish_reason": finish}],
            **more,
        }
    ).encode()
