"""Tells the log what became of a request: a line each, for people or for programs; no bodies, no keys."""

import json
import logging
import sys
import time
import traceback
from dataclasses import dataclass, field, replace
from pathlib import Path

from lumeai_cli.proxy.circuit import Circuits
from lumeai_cli.proxy.event import Finish, Note
from lumeai_cli.proxy.explanation import Explanation
from lumeai_cli.text.visible import visible

LOG = logging.getLogger("lumeai.serve")

DEEPEST = 4
"""Frames of a fault of our own that are told."""


@dataclass(slots=True)
class Story:
    """One request's way through the backends, told when it is over."""

    request_id: str
    model: str
    stream: bool
    circuits: Circuits
    memory: "Memory"
    digest: bytes
    notes: list[Note] = field(default_factory=list)

    def noted(self, note: Note) -> None:
        """An attempt came to an end."""
        self.notes.append(note)
        if note.why is None:
            self.circuits.answered(note.attempt)
        else:
            self.circuits.failed(note.attempt, note.why.name, time.monotonic())

    def finished(self, finish: Finish, seconds: float) -> None:
        """The request did."""
        if finish.outcome in ("error", "cut") and finish.why is not None:
            self.memory.keep(self.digest, finish.why, time.monotonic(), cut=finish.outcome == "cut")
        elif finish.outcome == "ok":
            self.memory.forget(self.digest)
        level = logging.INFO if finish.outcome in ("ok", "left") else logging.WARNING
        last = self.notes[-1] if self.notes else None
        LOG.log(
            level,
            finish.outcome,
            extra={
                "story": {
                    "request": self.request_id,
                    "model": self.model[:200],
                    "stream": self.stream,
                    "outcome": finish.outcome,
                    "seconds": round(seconds, 3),
                    "backend": last.attempt.candidate.backend.name if last is not None else None,
                    "repairs": list(last.repairs) if last is not None else [],
                    "failed": [
                        f"{note.attempt.candidate.backend.name}: {note.why.code} {note.why.name}"
                        for note in self.notes
                        if note.why is not None
                    ],
                    "diagnosis": finish.why.name if finish.why is not None else None,
                }
            },
        )


@dataclass(frozen=True, slots=True)
class Remembered:
    """How a request ended last; `first` and `last` time in a row.

    `cut`: in the midst of its answer, this time; `mid`: at some time in this row.
    """

    why: Explanation
    first: float
    last: float
    cut: bool
    mid: bool


class Memory:
    """How the requests of the last moments ended: a client that sends the very same bytes again gets the same at once.

    Counted from the answer of the backends, so that they are asked again after `SECONDS`, however often a client
    repeats itself. What may pass by itself is told again only once it has not passed for `patience` seconds, and then
    for good: some clients repeat themselves without end as long as they are told that it may pass. What was cut after
    its beginning is asked for again, in one piece.
    """

    SECONDS = 15.0
    PATIENCE = 60.0
    MOST = 256

    __slots__ = ("_known", "_patience")

    def __init__(self, patience: float = PATIENCE) -> None:
        self._known: dict[bytes, Remembered] = {}
        self._patience = patience

    def keep(self, digest: bytes, why: Explanation, at: float, *, cut: bool = False) -> None:
        """Remembers with what a request ended; `cut`: its client had a part of an answer by then."""
        known = self._fresh(digest, at)
        first = known.first if known is not None and known.why.name == why.name else at
        self._known.pop(digest, None)
        self._known[digest] = Remembered(why, first, at, cut, cut or (known is not None and known.mid))
        while len(self._known) > self.MOST:
            del self._known[next(iter(self._known))]

    def forget(self, digest: bytes) -> None:
        """The request was answered."""
        self._known.pop(digest, None)

    def known(self, digest: bytes, at: float) -> Explanation | None:
        """With what this very request is to be answered at once."""
        known = self._fresh(digest, at)
        if known is None or known.cut:
            return None
        if known.why.passing:
            if at - known.first < self._patience:
                return None
            del self._known[digest]  # whoever asks again after that is no machine
            return replace(known.why, final=True)
        return known.why if at - known.last <= self.SECONDS else None

    def was_cut(self, digest: bytes, at: float) -> bool:
        """Whether this very request has lately been cut in the midst of its answer."""
        known = self._fresh(digest, at)
        return known is not None and known.mid

    def _fresh(self, digest: bytes, at: float) -> Remembered | None:
        found = self._known.get(digest)
        if found is not None and at - found.last > self.PATIENCE:
            del self._known[digest]
            return None
        return found


class Lines(logging.Formatter):
    """A line for people: time, outcome, backend, what it took, and why not."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        story = getattr(record, "story", None)
        if story is None:
            told = getattr(record, "told", {})
            parts = [record.getMessage(), *(f"{name}={value}" for name, value in told.items())]
            if record.exc_info and record.exc_info[1]:
                parts.append(faults(record.exc_info[1]))
            return visible(f"{clock} {'  '.join(parts)}")
        parts = [f"{clock} {story['outcome']:<8} {story['seconds']:>7.2f} s  {story['backend'] or '-'}"]
        parts.append(f"model={story['model'] or '-'} {'stream' if story['stream'] else 'plain'} {story['request']}")
        if story["repairs"]:
            parts.append(f"repairs={','.join(story['repairs'])}")
        if story["failed"]:
            parts.append(f"failed: {'; '.join(story['failed'])}")
        return visible("  ".join(parts))


class JsonLines(logging.Formatter):
    """The same as one JSON object a line, for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line = {"time": round(record.created, 3), "level": record.levelname.lower()}
        story = getattr(record, "story", None)
        line |= story or {"message": record.getMessage(), **getattr(record, "told", {})}
        if record.exc_info and record.exc_info[1]:
            line["fault"] = faults(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True)


def faults(error: BaseException) -> str:
    """What broke, and where, without the errors' own words: these may hold what a client has sent."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(faults(one) for one in error.exceptions)
    frames = traceback.extract_tb(error.__traceback__)[-DEEPEST:]
    places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__} at {places}"


def start_log(*, quiet: bool) -> None:
    """Sends the log, and what the libraries complain of, to stderr, in the form that fits who reads it there."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines() if sys.stderr.isatty() else JsonLines())
    LOG.setLevel(logging.WARNING if quiet else logging.INFO)
    for logger in (LOG, *map(logging.getLogger, ("uvicorn", "asyncio", "aiohttp"))):
        logger.handlers = [handler]
        logger.propagate = False
