"""Takes out of a frame what makes clients fail and means nothing: an error that is empty, numbers that JSON lacks.

Some servers write `"error": {}` or `"error": ""` into every chunk, and `NaN` where they have no figure.
"""

import json
from dataclasses import replace
from typing import Any

from lumeai_cli.repair.chunk import encoded
from lumeai_cli.wire.body import BrokenJsonError, loads
from lumeai_cli.wire.frame import Frame, FrameKind


def without_constants(frame: Frame) -> Frame | None:
    """The event with null for `NaN` and `Infinity`, as a line, for no client takes it as it is; None where that is not
    all that is wrong with it.
    """
    if frame.kind is not FrameKind.EVENT or not (b"NaN" in frame.data or b"Infinity" in frame.data):
        return None
    try:
        loads(frame.data)
    except BrokenJsonError:
        pass
    else:
        return None
    try:
        value: Any = json.loads(frame.data.decode("utf-8", "replace"), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    return replace(frame, kind=FrameKind.LINE, data=encoded(value), lines=1) if isinstance(value, dict) else None


def without_empty_error(frame: Frame) -> Frame | None:
    """The frame with null for an error without anything in it, beside which an answer stands; None if there is none."""
    if b'"error"' not in frame.data:
        return None
    try:
        value: Any = loads(frame.data)
    except BrokenJsonError:
        return None
    if not isinstance(value, dict) or value.get("error") is None or value["error"]:
        return None
    if not value.get("choices") and not ("choices" in value and value.get("usage")):
        return None
    return replace(frame, data=encoded({**value, "error": None}), lines=1)
