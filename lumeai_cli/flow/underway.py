"""One exchange with a backend on its way, and what of it is kept for whoever will judge it.

A long body costs no more memory than a short one: its beginning and its end are kept, or, once the client reads an
answer, its end alone, for only how that came to an end can be in question then.
"""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from lumeai_cli.flow.attempt import Attempt
from lumeai_cli.flow.event import Opened
from lumeai_cli.repair.plain import PlainMender
from lumeai_cli.repair.stream import StreamMender
from lumeai_cli.wire.exchange import Asked, Chunk, Ending, Exchange

KEPT = 256 * 1024
"""Bytes of a body's beginning that are kept to be judged, if it comes to that, as long as nothing of it is content.

To judge them takes some fifty milliseconds in which no other request is served.
"""

KEPT_OF_END = 64 * 1024
"""Bytes of its end that are kept besides, and of an answer that the client has begun to read they alone."""

Piece = tuple[float, bytes]
"""A time and what came then: a chunk that is not yet one, for most of them nobody will ever judge."""

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


@dataclass(slots=True)
class Underway:
    """One exchange with a backend, as far as it has come; `began` in the flow's time."""

    attempt: Attempt
    mender: StreamMender | PlainMender
    began: float
    opened: Opened | None = None  # the head of the answer
    spoke: float = 0.0  # when something of value came for the last time
    worth: int = 0  # what the mender's worth was then
    kept: int = 0
    _head: list[Piece] = field(default_factory=list)
    _tail: deque[Piece] = field(default_factory=deque)
    _trailing: int = 0
    _whole: bool = True  # nothing between head and tail was dropped

    def silent_for(self, at: float) -> float:
        """The seconds since something of value came, or since the attempt began; `at` is when the last piece did."""
        if self.mender.worth != self.worth:
            self.worth, self.spoke = self.mender.worth, at
        return at - self.spoke

    def keep(self, at: float, data: bytes) -> None:
        """Keeps a piece of the body for whoever will judge it: of a long one the beginning and the end."""
        if self.kept < KEPT:
            self._head.append((at, data))
            self.kept += len(data)
        else:
            self._tail.append((at, data))
            self._trailing += len(data)
            self._trim()

    def began_to_answer(self) -> None:
        """Content has gone out: only how it ends is in question from here on."""
        self._tail.extendleft(reversed(self._head))
        self._trailing += sum(len(data) for _, data in self._head)
        self._head.clear()
        self.kept = KEPT
        self._trim()

    def _trim(self) -> None:
        while self._trailing - len(self._tail[0][1]) >= KEPT_OF_END:
            self._trailing -= len(self._tail.popleft()[1])
            self._whole = False

    def exchange(self, identity: str, asked: Asked, ending: Ending) -> Exchange:
        """All that came of it, as the value that is judged."""
        head, body = self.opened, self.heard
        if head is None:
            return Exchange(identity, asked, None, (), None, body, ending)
        return Exchange(identity, asked, head.status, head.headers, head.at - self.began, body, ending, head.encoding)

    @property
    def heard(self) -> tuple[Chunk, ...]:
        """What was kept; where something is missing, it is whole events that are."""
        if self._whole:
            return tuple(Chunk(at, data) for at, data in (*self._head, *self._tail))
        head, tail = _joined(self._head), _joined(self._tail)
        last = max((place.end() for place in _BLANK_LINE.finditer(head)), default=len(head))
        first = _BLANK_LINE.search(tail)
        return (*_cut(self._head, 0, last), *_cut(self._tail, first.end() if first is not None else 0, len(tail)))


def _joined(pieces: Iterable[Piece]) -> bytes:
    return b"".join(data for _, data in pieces)


def _cut(pieces: Iterable[Piece], start: int, end: int) -> list[Chunk]:
    """The part of these pieces from one place to another."""
    found: list[Chunk] = []
    place = 0
    for at, data in pieces:
        part = data[max(0, start - place) : max(0, end - place)]
        place += len(data)
        if part:
            found.append(Chunk(at, part))
    return found
