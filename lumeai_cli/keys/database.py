"""The SQLite file behind keys, limits and usage: private, of the newest form, its failures told in words.

Its form has a number (`PRAGMA user_version`). An older file is brought forward in one transaction; a newer one is left
alone. Write-ahead logging lets proxies read while somebody writes; a transaction that was committed outlives the
process, and, where `durable`, the machine.
"""

import errno
import os
import secrets
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from lumeai_cli.text.mendable import MendableError, reason
from lumeai_cli.text.phrase import phrase

APPLICATION = 0x6C756D65
"""`lume`: marks the file as ours."""

BUSY_SECONDS = 5.0
"""How long a statement waits for another process that writes."""

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE key (
            id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, created REAL NOT NULL,
            expires REAL, models TEXT NOT NULL, backends TEXT NOT NULL,
            rpm INTEGER, tokens_per_day INTEGER, concurrent INTEGER,
            revoked REAL, last_used REAL, changed INTEGER NOT NULL) STRICT""",
        "CREATE UNIQUE INDEX key_live ON key(name) WHERE revoked IS NULL",
        "CREATE INDEX key_name ON key(name)",
        "CREATE INDEX key_changed ON key(changed)",
        """CREATE TABLE token (
            digest BLOB PRIMARY KEY, key INTEGER NOT NULL REFERENCES key(id) ON DELETE CASCADE,
            head TEXT NOT NULL, tail TEXT NOT NULL, created REAL NOT NULL, ends REAL) STRICT, WITHOUT ROWID""",
        "CREATE INDEX token_key ON token(key)",
        # `changes` counts what proxies have to hear of, `deletions` what they cannot see in the rows.
        "CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), changes INTEGER, deletions INTEGER) STRICT",
        "INSERT INTO state VALUES (1, 0, 0)",
        # Key 0 is all keys together.
        """CREATE TABLE minute (
            key INTEGER, minute INTEGER, requests INTEGER NOT NULL, PRIMARY KEY (key, minute)) STRICT, WITHOUT ROWID""",
        """CREATE TABLE day (
            key INTEGER, day INTEGER, tokens INTEGER NOT NULL, PRIMARY KEY (key, day)) STRICT, WITHOUT ROWID""",
        "CREATE TABLE worker (id TEXT PRIMARY KEY, pid INTEGER NOT NULL, beat REAL NOT NULL) STRICT, WITHOUT ROWID",
        """CREATE TABLE stream (
            key INTEGER, worker TEXT REFERENCES worker(id) ON DELETE CASCADE, open INTEGER NOT NULL,
            PRIMARY KEY (key, worker)) STRICT, WITHOUT ROWID""",
        "CREATE INDEX stream_worker ON stream(worker)",
        """CREATE TABLE usage (
            day INTEGER, key INTEGER, model TEXT, backend TEXT, requests INTEGER NOT NULL, failed INTEGER NOT NULL,
            cured INTEGER NOT NULL, prompt INTEGER NOT NULL, completion INTEGER NOT NULL, estimated INTEGER NOT NULL,
            seconds REAL NOT NULL, slowest REAL NOT NULL,
            PRIMARY KEY (day, key, model, backend)) STRICT, WITHOUT ROWID""",
        """CREATE TABLE failure (
            day INTEGER, key INTEGER, model TEXT, backend TEXT, code TEXT, count INTEGER NOT NULL,
            PRIMARY KEY (day, key, model, backend, code)) STRICT, WITHOUT ROWID""",
    ),
)
"""What brings the file from each form to the next; what stands here once is never changed, only added to."""


class StoreError(MendableError):
    """The store cannot be used, and why: nothing was half written."""


class BusyError(StoreError):
    """Somebody else writes to the store, and did so for as long as was waited."""


class GoneError(StoreError):
    """There is no store where one should be."""


def connect(
    path: Path,
    *,
    create: bool = True,
    durable: bool = True,
    wait: float = BUSY_SECONDS,
    migrations: Sequence[Sequence[str]] = MIGRATIONS,
) -> sqlite3.Connection:
    """A connection in autocommit mode, usable from one thread at a time; without `create` a file has to be there.

    Not to be carried over a fork.
    """
    try:
        _find(path, create=create)
    except OSError as error:
        raise StoreError(phrase("store-unopened", reason=reason(error)), str(path)) from None
    with told(path):
        connection = sqlite3.connect(path, timeout=wait, isolation_level=None, check_same_thread=False)
    with ExitStack() as stack:
        stack.callback(connection.close)
        with told(path):
            _prepare(connection, path, migrations, durable=durable)
        stack.pop_all()
    return connection


def _find(path: Path, *, create: bool) -> None:
    """The file is there afterwards, or was never to be made.

    It is never opened here: with the first descriptor that a process closes, POSIX takes away all its locks on that
    file, and another process would take SQLite's log for nobody's.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if not create:
            raise gone(path) from None
    else:
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(phrase("store-foreign"), str(path))
        return
    real = Path(os.path.realpath(path))  # a link may lead to what is to be made
    real.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    _make_empty(real)


def _make_private(path: Path) -> None:
    """Our file, and those that SQLite puts beside it, for nobody else's eyes."""
    path = Path(os.path.realpath(path))
    for file in (path, *(path.with_name(path.name + beside) for beside in ("-wal", "-shm"))):
        with suppress(OSError):  # it is not there, or another's, who has to see to it
            if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
                file.chmod(PRIVATE_FILE)


def _make_empty(path: Path) -> None:
    """An empty private file, unless somebody else makes it first."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
    finally:
        draft.unlink()


def _prepare(connection: sqlite3.Connection, path: Path, migrations: Sequence[Sequence[str]], *, durable: bool) -> None:
    _check_ours(connection, path, len(migrations))
    _make_private(path)
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StoreError(phrase("store-no-wal"), str(path))
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    if _form(connection) == len(migrations):
        return
    with transaction(connection):
        # Another process may have been here first.
        for number in range(_form(connection), len(migrations)):
            for statement in migrations[number]:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")


def _check_ours(connection: sqlite3.Connection, path: Path, newest: int) -> None:
    with snapshot(connection):
        mark = connection.execute("PRAGMA application_id").fetchone()[0]
        form = _form(connection)
        empty = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
    if mark != APPLICATION and (mark or form or not empty):
        raise StoreError(phrase("store-foreign"), str(path))
    if form > newest:
        raise StoreError(phrase("store-newer", form=form, known=newest), str(path))


def _form(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; others that want to write wait meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is read is of one moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Whatever SQLite objects to becomes a `StoreError` in words."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(error, path) from None


def gone(path: Path) -> GoneError:
    """There was a store, and there is none."""
    return GoneError(phrase("store-gone"), str(path))


def store_error(error: sqlite3.Error, path: Path) -> StoreError:
    """The sentence for what SQLite objects to. Its own words hold no values, so they may be shown."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    kind = BusyError if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) else StoreError
    return kind(phrase(_WORDS.get(code, "store-else"), words=str(error)), str(path))


_WORDS = {
    sqlite3.SQLITE_BUSY: "store-locked",
    sqlite3.SQLITE_LOCKED: "store-locked",
    sqlite3.SQLITE_READONLY: "store-read-only",
    sqlite3.SQLITE_PERM: "store-read-only",
    sqlite3.SQLITE_FULL: "store-full",
    sqlite3.SQLITE_IOERR: "store-io",
    sqlite3.SQLITE_CORRUPT: "store-corrupt",
    sqlite3.SQLITE_NOTADB: "store-corrupt",
    sqlite3.SQLITE_CANTOPEN: "store-cannot-open",
}
