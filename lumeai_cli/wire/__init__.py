"""Reads what came over the wire: bytes and times in, a `Reading` out. No I/O, no clock, only the standard library.

The path of one answer: `exchange` (what happened) -> `body` and `sse` (frames) -> `openai` (events) -> `answer` (the
default fold) -> `reading` (all of it in one value).
"""
