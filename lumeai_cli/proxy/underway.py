"""One exchange with a backend on its way, and what of it is kept for whoever will judge it.

A long body costs no more memory than a short one: its beginning and its end are kept, or, once the client reads an
answer, its end alone, for only how that came to an end can be in question then.
"""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from lumeai_cli.proxy.attempt import Attempt
from lumeai_cli.repair.plain import PlainMender
from lumeai_cli.repair.stream import StreamMender
from lumeai_cli.wire.exchange import Chunk, Exchange

KEPT = 1024 * 1024
"""Bytes of a body's beginning that are kept to be judged, if it comes to that, as long as nothing of it is content."""

KEPT_OF_END = 64 * 1024
"""Bytes of its end that are kept besides, and of an answer that the client has begun to read they alone."""

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


@dataclass(slots=True)
class Underway:
    """One exchange with a backend, as far as it has come; `began` in the flow's time."""

    attempt: Attempt
    exchange: Exchange
    mender: StreamMender | PlainMender
    began: float
    kept: int = 0
    _head: list[Chunk] = field(default_factory=list)
    _tail: deque[Chunk] = field(default_factory=deque)
    _trailing: int = 0
    _whole: bool = True  # nothing between head and tail was dropped

    def keep(self, at: float, data: bytes) -> None:
        """Keeps a piece of the body for whoever will judge it: of a long one the beginning and the end."""
        if self.kept < KEPT:
            self._head.append(Chunk(at, data))
            self.kept += len(data)
        else:
            self._tail.append(Chunk(at, data))
            self._trailing += len(data)
            self._trim()

    def began_to_answer(self) -> None:
        """Content has gone out: only how it ends is in question from here on."""
        self._tail.extendleft(reversed(self._head))
        self._trailing += sum(len(chunk.data) for chunk in self._head)
        self._head.clear()
        self.kept = KEPT
        self._trim()

    def _trim(self) -> None:
        while self._trailing - len(self._tail[0].data) >= KEPT_OF_END:
            self._trailing -= len(self._tail.popleft().data)
            self._whole = False

    @property
    def heard(self) -> tuple[Chunk, ...]:
        """What was kept; where something is missing, it is whole events that are."""
        if self._whole:
            return (*self._head, *self._tail)
        head, tail = _joined(self._head), _joined(self._tail)
        last = max((place.end() for place in _BLANK_LINE.finditer(head)), default=len(head))
        first = _BLANK_LINE.search(tail)
        return (*_cut(self._head, 0, last), *_cut(self._tail, first.end() if first is not None else 0, len(tail)))


def _joined(chunks: Iterable[Chunk]) -> bytes:
    return b"".join(chunk.data for chunk in chunks)


def _cut(chunks: Iterable[Chunk], start: int, end: int) -> list[Chunk]:
    """The chunks of the body from one place to another."""
    found: list[Chunk] = []
    place = 0
    for chunk in chunks:
        data = chunk.data[max(0, start - place) : max(0, end - place)]
        place += len(chunk.data)
        if data:
            found.append(Chunk(chunk.at, data))
    return found
