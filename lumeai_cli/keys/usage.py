"""What the keys have used: gathered in a worker, added to the store at times, told by key, day, model and backend.

A line is compact: sums, and the codes of what failed. Whoever wants each request reads the proxy's log.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from lumeai_cli.keys.database import told, transaction
from lumeai_cli.keys.limits import DAY
from lumeai_cli.text.secret import masked

MOST_LINES = 512
"""Lines that are gathered between two writings, of one key a quarter: names of models may come from clients."""

OTHER = "(other)"
LONGEST = 100


class Line(NamedTuple):
    """Where a use is written: the UTC day as days since 1970, the key's number, model and backend (empty: none)."""

    day: int
    key: int
    model: str
    backend: str


@dataclass(frozen=True, slots=True)
class Use:
    """One request, or a sum of them. `failed`: no answer; `cured`: empty answers that the client was spared;
    `estimated`: how many of the tokens were not told by the backend; `codes`: what failed, and how often.
    """

    requests: int = 0
    failed: int = 0
    cured: int = 0
    prompt: int = 0
    completion: int = 0
    estimated: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    codes: tuple[tuple[str, int], ...] = ()

    def __add__(self, other: "Use") -> "Use":
        codes = self.codes
        if other.codes:
            counts = dict(codes)
            for code, count in other.codes:
                counts[code] = counts.get(code, 0) + count
            codes = tuple(sorted(counts.items()))
        return Use(
            self.requests + other.requests,
            self.failed + other.failed,
            self.cured + other.cured,
            self.prompt + other.prompt,
            self.completion + other.completion,
            self.estimated + other.estimated,
            self.seconds + other.seconds,
            max(self.slowest, other.slowest),
            codes,
        )

    @property
    def tokens(self) -> int:
        """Of prompt and answer."""
        return self.prompt + self.completion


@dataclass(slots=True)
class Gathered:
    """What has been used and is not written yet, and when each key was used last."""

    lines: dict[Line, Use] = field(default_factory=dict)
    used: dict[int, float] = field(default_factory=dict)

    def add(self, key: int, model: str, backend: str, use: Use, at: float) -> None:
        """One more request; a name that no file can hold is written as far as it can."""
        line = Line(int(at // DAY), key, _written(model), _written(backend))
        self._add(line, use)
        self.used[key] = max(at, self.used.get(key, 0.0))

    def take(self) -> "Gathered":
        """All of it, to be written; nothing is left."""
        taken = Gathered(self.lines, self.used)
        self.lines, self.used = {}, {}
        return taken

    def put_back(self, taken: "Gathered") -> None:
        """What could not be written is kept for the next time."""
        for line, use in taken.lines.items():
            self._add(line, use)
        for key, at in taken.used.items():
            self.used[key] = max(at, self.used.get(key, 0.0))

    def _add(self, line: Line, use: Use) -> None:
        if line not in self.lines and not self._room_for(line.key):
            line = line._replace(model=OTHER)
        known = self.lines.get(line)
        self.lines[line] = use if known is None else known + use

    def _room_for(self, key: int) -> bool:
        if len(self.lines) < MOST_LINES // 4:
            return True
        return len(self.lines) < MOST_LINES and sum(line.key == key for line in self.lines) < MOST_LINES // 4

    def __bool__(self) -> bool:
        return bool(self.lines)


class UsageStore(Protocol):
    """Keeps what was used."""

    def write(self, gathered: Gathered) -> None:
        """Adds what was gathered; keys that are gone meanwhile get no lines."""

    def read(self, first_day: int, key: int | None = None) -> tuple[tuple[Line, Use], ...]:
        """The lines from this day on, of one key or of all, the oldest first."""

    def forget(self, before_day: int) -> None:
        """Drops the lines of earlier days."""


class SqliteUsage:
    """The `UsageStore` in the file of the keys."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def write(self, gathered: Gathered) -> None:
        """Adds what was gathered."""
        with told(self._path), transaction(self._connection):
            there = {
                key
                for key in {line.key for line in gathered.lines}
                if self._connection.execute("SELECT 1 FROM key WHERE id = ?", (key,)).fetchone()
            }
            lines = [(line, use) for line, use in gathered.lines.items() if line.key in there]
            self._connection.executemany(
                "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " requests = requests + excluded.requests, failed = failed + excluded.failed,"
                " cured = cured + excluded.cured, prompt = prompt + excluded.prompt,"
                " completion = completion + excluded.completion, estimated = estimated + excluded.estimated,"
                " seconds = seconds + excluded.seconds, slowest = max(slowest, excluded.slowest)",
                [(*line, *_sums(use)) for line, use in lines],
            )
            self._connection.executemany(
                "INSERT INTO failure VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET count = count + excluded.count",
                [(*line, code, count) for line, use in lines for code, count in use.codes],
            )
            self._connection.executemany(
                "UPDATE key SET last_used = max(coalesce(last_used, 0), ?) WHERE id = ?",
                [(at, key) for key, at in gathered.used.items()],
            )

    def read(self, first_day: int, key: int | None = None) -> tuple[tuple[Line, Use], ...]:
        """The lines from this day on."""
        wanted = (first_day, key, key)
        with told(self._path):
            codes: dict[Line, list[tuple[str, int]]] = {}
            for *place, code, count in self._connection.execute(
                "SELECT day, key, model, backend, code, count FROM failure"
                " WHERE day >= ? AND (? IS NULL OR key = ?) ORDER BY code",
                wanted,
            ):
                codes.setdefault(Line(*place), []).append((code, count))
            rows = self._connection.execute(
                "SELECT * FROM usage WHERE day >= ? AND (? IS NULL OR key = ?) ORDER BY day, key, model, backend",
                wanted,
            ).fetchall()
        found = ((Line(*row[:4]), Use(*row[4:])) for row in rows)
        return tuple((line, replace(use, codes=tuple(codes.get(line, ())))) for line, use in found)

    def forget(self, before_day: int) -> None:
        """Drops earlier lines."""
        with told(self._path), transaction(self._connection):
            self._connection.execute("DELETE FROM usage WHERE day < ?", (before_day,))
            self._connection.execute("DELETE FROM failure WHERE day < ?", (before_day,))


def total(uses: Iterable[Use]) -> Use:
    """All of them together."""
    return sum(uses, Use())


def date_of(day: int) -> str:
    """A day as people and programs write it."""
    return datetime.fromtimestamp(day * DAY, UTC).date().isoformat()


def _written(name: str) -> str:
    return masked(name[: 2 * LONGEST])[:LONGEST].encode("utf-8", "replace").decode()


def _sums(use: Use) -> tuple[float, ...]:
    return (
        use.requests,
        use.failed,
        use.cured,
        use.prompt,
        use.completion,
        use.estimated,
        use.seconds,
        use.slowest,
    )
