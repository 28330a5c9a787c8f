"""Tells the choices of an answer apart: a client that asks for several gets them in turn, each with its `index`.

Only the first that comes is mended, for no agent reads another; what belongs to the others passes as it is, and is
neither mixed into the first nor lost.
"""

import re
from dataclasses import replace
from typing import Any

from lumeai_cli.repair.chunk import Json, encoded
from lumeai_cli.wire.body import BrokenJsonError, loads
from lumeai_cli.wire.frame import Frame, FrameKind

_INDEX = re.compile(rb'"index"\s*:\s*(-?\d+)')
_FIRST = [b"0"]


def alone(frame: Frame) -> bool:
    """Whether the frame surely tells of the first choice alone; most do, and need no second reading."""
    found = _INDEX.findall(frame.data)
    return not found or found == _FIRST


def choices_of(frame: Frame) -> tuple[Json, list[Json]]:
    """The frame's object and its choices; none if anything about them is odd."""
    try:
        value: Any = loads(frame.data)
    except BrokenJsonError:
        return {}, []
    choices = value.get("choices") if isinstance(value, dict) else None
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        return {}, []
    return value, choices


def index_of(choice: Json) -> int:
    """The number of the choice; one that tells none is the first."""
    index = choice.get("index")
    return index if isinstance(index, int) and not isinstance(index, bool) else 0


def only(frame: Frame, value: Json, choice: Json) -> Frame:
    """The frame as if it told of this choice alone."""
    kind = FrameKind.JSON if frame.kind is FrameKind.JSON else FrameKind.LINE
    return replace(frame, kind=kind, data=encoded({**value, "choices": [choice]}), lines=1)


def parted(frames: list[Frame]) -> tuple[list[Frame], dict[int, list[Frame]]]:
    """The frames of the first choice that comes, and of every other by its number."""
    mine: list[Frame] = []
    others: dict[int, list[Frame]] = {}
    main: int | None = None
    for frame in frames:
        value, choices = ({}, []) if alone(frame) and main in (None, 0) else choices_of(frame)
        if not choices:
            mine.append(frame)
            if main is None and _INDEX.search(frame.data) is not None:
                main = 0
            continue
        main = index_of(choices[0]) if main is None else main
        own = [choice for choice in choices if index_of(choice) == main]
        if len(own) == len(choices) == 1:
            mine.append(frame)
            continue
        mine += [only(frame, value, choice) for choice in own[:1]]
        for choice in choices:
            if index_of(choice) != main:
                others.setdefault(index_of(choice), []).append(only(frame, value, choice))
    return mine, others
