"""Tells what the end of a body left of its last event."""

from lumeai_cli.wire.body import BrokenJsonError, loads
from lumeai_cli.wire.frame import Frame, FrameKind


def unterminated(frame: Frame) -> bool:
    """Whether the frame is an event whose blank line never came; behind `[DONE]` nobody misses it."""
    return frame.kind is FrameKind.EVENT and not frame.terminated and not frame.done


def fragment(frame: Frame) -> bool:
    """Whether it is only the beginning of an event."""
    try:
        loads(frame.data)
    except BrokenJsonError:
        return True
    return False
