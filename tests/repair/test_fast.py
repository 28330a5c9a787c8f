"""Skimming healthy frames: what follows the pattern passes, and everything else is left to be read."""

import json

import pytest

from lumeai_cli.repair import stream as stream_module
from lumeai_cli.repair.fast import VAIN, Skimmer
from lumeai_cli.repair.lane import TextLane
from lumeai_cli.repair.stream import StreamMender
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.event import Event
from lumeai_cli.wire.frame import Frame, FrameKind
from lumeai_cli.wire.openai import events_of
from tests.repair.wire import NATIVE, chunk, event


def learnt() -> Skimmer:
    raw = event(chunk({"content": "Hello"}))
    skimmer = Skimmer()
    skimmer.learn(Frame(FrameKind.EVENT, 0, len(raw), 0.0, raw[6:-2]), raw, "Hello")
    assert skimmer.ready
    return skimmer


LIKE = [
    event(chunk({"content": text})) for text in ("a", "two words", 'a "quote"', "line\nend", "Привет", "\\", "\u2028")
] + [b"data: " + json.dumps(chunk({"content": "Привет"}), ensure_ascii=False).encode() + b"\n\n"]


@pytest.mark.parametrize("frame", LIKE)
def test_a_frame_of_another_text_passes(frame: bytes) -> None:
    skimmed = learnt().skim(frame * 3, 0, None)
    assert (skimmed.passed, skimmed.taken, skimmed.pieces) == (3 * len(frame), 3 * len(frame), [])


UNLIKE = [
    event(chunk({"content": ""})),
    event(chunk({"content": "a"}, "stop")),
    event(chunk({"content": "a", "x": 1})),
    event(chunk({"content": "a"}, index=1)),
    event(chunk({"content": "a"}))[:-1],
    event(chunk({"content": "a"})).replace(b"\n\n", b"\r\n\r\n"),
    event(chunk({"content": "a"})).replace(b'"a"', b'"\xff"'),
    event(chunk({"content": "a"})).replace(b'"a"', b'"\\ud800"'),
    event(chunk({"content": "a"})).replace(b'"a"', b'"\\x"'),
    event(chunk({"content": "a"})).replace(b'"a"', b'"a\x01"'),
    b": on\n\n",
    b"data: [DONE]\n\n",
]


@pytest.mark.parametrize("frame", UNLIKE)
def test_any_other_frame_is_left_to_be_read(frame: bytes) -> None:
    good = LIKE[0]
    skimmed = learnt().skim(good + frame + good, 0, None)
    assert (skimmed.passed, skimmed.taken) == (len(good), len(good))


def test_what_the_lane_holds_ends_it() -> None:
    lane = TextLane(NATIVE)
    for piece in ("So ", "far"):
        lane.feed(piece, piece.encode())
    good, sign = LIKE[0], event(chunk({"content": "<tool_call>"}))
    skimmed = learnt().skim(good + sign + good, 0, lane)
    assert (skimmed.passed, skimmed.taken, skimmed.pieces) == (len(good), len(good) + len(sign), [])


@pytest.mark.parametrize(
    "raw",
    [
        event(chunk({"content": "a"})).replace(b"\n", b"\r\n"),
        b": on\n\n" + event(chunk({"content": "a"})),
        b"event: x\n" + event(chunk({"content": "a"})),
        event(chunk({"content": "a"}, logprobs={"content": "b"})),
    ],
)
def test_no_pattern_is_learnt_from_a_frame_that_is_written_otherwise(raw: bytes) -> None:
    skimmer = Skimmer()
    skimmer.learn(Frame(FrameKind.EVENT, 0, len(raw), 0.0, b""), raw, "a")
    assert not skimmer.ready


def test_a_server_that_writes_every_frame_differently_is_learnt_from_no_more() -> None:
    """An id of its own in each: looking for the pattern would cost more than it saves."""
    skimmer = Skimmer()
    for number in range(2 * VAIN):
        raw = event({**chunk({"content": "a"}), "id": f"chatcmpl-{number}"})
        if skimmer.ready:
            assert skimmer.skim(raw, 0, None).passed == 0
        skimmer.learn(Frame(FrameKind.EVENT, 0, len(raw), 0.0, raw[6:-2]), raw, "a")
    assert not skimmer.ready


def test_behind_a_frame_that_had_to_be_read_the_pattern_counts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the bytes are cut: a piece of a frame at the end of each packet must not cost all of the next one."""
    read: list[int] = []

    def counted(frame: Frame, number: int) -> list[Event]:
        read.append(number)
        return events_of(frame, number)

    monkeypatch.setattr(stream_module, "events_of", counted)
    texts = [event(chunk({"content": f"word {number} "})) for number in range(99)]
    first, last = event(chunk({"role": "assistant", "content": ""})), event(chunk({}, "stop"))
    body = b"".join([first, *texts, last, b"data: [DONE]\n\n"])
    mender = StreamMender(Wanted(stream=True))
    out = b"".join(mender.feed(body[start : start + 1000], 0.0) for start in range(0, len(body), 1000))
    assert out + mender.end == body
    assert len(read) < 99 // 3  # the frames across the packets' ends, and the first and last ones
