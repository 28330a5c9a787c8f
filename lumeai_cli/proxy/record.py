"""Tells the log what became of a request: a line each, for people or for programs; no bodies, no keys."""

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from lumeai_cli.flow.circuit import Circuits
from lumeai_cli.flow.event import Finish, Note
from lumeai_cli.flow.explanation import Explanation
from lumeai_cli.text.encoding import speaks_unicode
from lumeai_cli.text.secret import masked
from lumeai_cli.text.visible import visible

LOG = logging.getLogger("lumeai.serve")

CHEAP = frozenset({"connection-refused", "dns-failure"})
"""Causes that are found out anew at no cost: whoever has just started the backend shall not be told that it is gone."""

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
    conversation: Callable[[], bytes]
    notes: list[Note] = field(default_factory=list)
    blamed: set[str] = field(default_factory=set)  # the backends against which this request counts already

    def noted(self, note: Note) -> None:
        """An attempt came to an end."""
        self.notes.append(note)
        if note.why is None:
            self.circuits.answered(note.attempt)
            return
        backend = note.attempt.candidate.backend.name
        LOG.debug(
            "attempt %d failed",
            len(self.notes),
            extra={"told": {"request": self.request_id, "backend": backend, "diagnosis": note.why.name}},
        )
        if backend not in self.blamed and self.circuits.failed(note.attempt, note.why.name, time.monotonic()):
            self.blamed.add(backend)

    def finished(self, finish: Finish, seconds: float) -> None:
        """The request did."""
        now = time.monotonic()
        if finish.outcome == "error" and finish.why is not None and finish.why.name not in CHEAP:
            self.memory.keep(self.digest, self._whole(finish.why), now)
        elif finish.outcome == "cut":
            self.memory.keep_cut(self.conversation(), now)
        elif finish.outcome == "ok":
            self.memory.forget(self.digest)
        level = logging.INFO if finish.outcome in ("ok", "left") else logging.WARNING
        last = self.notes[-1] if self.notes else None
        backend = last.attempt.candidate.backend.name if last is not None else ""
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
                    "backend": finish.backend or backend or None,
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

    def _whole(self, why: Explanation) -> Explanation:
        """With what was told of the backends besides, for whoever hears it again without their being asked."""
        failed = [(note.attempt.candidate.backend.name, note.why.name) for note in self.notes if note.why is not None]
        if not failed:
            return why
        others = dict.fromkeys(f"{backend} ({name})" for backend, name in failed if backend != failed[0][0])
        return replace(why, backend=failed[-1][0], others=", ".join(others))


@dataclass(frozen=True, slots=True)
class Remembered:
    """How a request ended last; `first` and `last` time in a row."""

    why: Explanation
    first: float
    last: float


class Memory:
    """How the requests of the last moments ended: a client that sends the very same bytes again gets the same at once.

    Counted from the answer of the backends, so that they are asked again after `SECONDS`, however often a client
    repeats itself. What may pass by itself is told again only once it has not passed for `patience` seconds, and then
    for good: some clients repeat themselves without end as long as they are told that it may pass, and show nothing. A
    limit of requests a minute needs more of it (`LIMITED` times as much). Repeats that are more than `LATELY` seconds
    apart are requests of their own.

    A conversation in which an answer was cut after its beginning gets the next ones in one piece: some clients begin
    again without end, and a server that does not end one stream rarely ends the next.
    """

    SECONDS = 15.0
    PATIENCE = 20.0
    LIMITED = 6
    LATELY = 60.0
    CUT_SECONDS = 600.0
    MOST = 256

    __slots__ = ("_cut", "_known", "_patience")

    def __init__(self, patience: float = PATIENCE) -> None:
        self._known: dict[bytes, Remembered] = {}
        self._cut: dict[bytes, float] = {}
        self._patience = patience

    def keep(self, digest: bytes, why: Explanation, at: float) -> None:
        """Remembers with what a request ended before anything of an answer."""
        known = self._known.pop(digest, None)
        lately = known is not None and at - known.last <= self.LATELY and known.why.name == why.name
        self._known[digest] = Remembered(why, known.first if lately and known is not None else at, at)
        if len(self._known) > self.MOST:
            del self._known[next(iter(self._known))]

    def keep_cut(self, conversation: bytes, at: float) -> None:
        """Remembers that an answer was cut after its client had got a part of it."""
        self._cut.pop(conversation, None)
        self._cut[conversation] = at
        if len(self._cut) > self.MOST:
            del self._cut[next(iter(self._cut))]

    def forget(self, digest: bytes) -> None:
        """The request was answered."""
        self._known.pop(digest, None)

    def known(self, digest: bytes, at: float) -> Explanation | None:
        """With what this very request is to be answered at once."""
        known = self._known.get(digest)
        if known is None:
            return None
        since = at - known.last
        if since > (self.LATELY if known.why.passing else self.SECONDS):
            del self._known[digest]
            return None
        if not known.why.passing:
            return known.why
        patience = self._patience * (self.LIMITED if known.why.name == "rate-limited" else 1)
        if at - known.first < patience:
            return None
        del self._known[digest]  # whoever asks again after that is no machine
        return replace(known.why, final=True)

    def was_cut(self, conversation: Callable[[], bytes], at: float) -> bool:
        """Whether an answer in this conversation was cut lately; which one it is, is asked only if any was."""
        if not self._cut:
            return False
        last = self._cut.get(conversation())
        return last is not None and at - last <= self.CUT_SECONDS


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
            return visible(masked(f"{clock} {'  '.join(parts)}"))
        parts = [f"{clock} {story['outcome']:<8} {story['seconds']:>7.2f} s  {story['backend'] or '-'}"]
        parts.append(f"model={story['model'] or '-'} {'stream' if story['stream'] else 'plain'} {story['request']}")
        if story["repairs"]:
            parts.append(f"repairs={','.join(story['repairs'])}")
        if story["failed"]:
            parts.append(f"failed: {'; '.join(story['failed'])}")
        return visible(masked("  ".join(parts)))


class JsonLines(logging.Formatter):
    """The same as one JSON object a line, for programs; `readable`: letters of every language stand as they are."""

    def __init__(self, *, readable: bool = False) -> None:
        super().__init__()
        self._readable = readable

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line = {"time": round(record.created, 3), "level": record.levelname.lower()}
        story = getattr(record, "story", None)
        line |= story or {"message": record.getMessage(), **getattr(record, "told", {})}
        if record.exc_info and record.exc_info[1]:
            line["fault"] = faults(record.exc_info[1])
        text = masked(json.dumps(line, ensure_ascii=not self._readable))
        if text.isprintable():
            return text
        return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def faults(error: BaseException) -> str:
    """What broke, and where, without the errors' own words: these may hold what a client has sent."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(faults(one) for one in error.exceptions)
    frames = traceback.extract_tb(error.__traceback__)[-DEEPEST:]
    places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__} at {places}"


def start_log(*, quiet: bool, verbose: bool = False) -> None:
    """Sends the log, and what the libraries complain of, to stderr, in the form that fits who reads it there.

    `verbose` tells of each attempt that failed, too.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines() if sys.stderr.isatty() else JsonLines(readable=speaks_unicode(sys.stderr)))
    LOG.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
    for logger in (LOG, *map(logging.getLogger, ("uvicorn", "asyncio", "aiohttp"))):
        logger.handlers = [handler]
        logger.propagate = False
