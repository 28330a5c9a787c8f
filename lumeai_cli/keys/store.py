"""Where keys are kept: the protocol, and SQLite behind it.

Every change counts the store's `changes` up and marks the key with the new number, so that a proxy reads what is new
and nothing else. A key that goes leaves no row to mark: `deletions` tells that all has to be read anew.
"""

import json
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from lumeai_cli.keys.database import GoneError, StoreError, connect, snapshot, told, transaction
from lumeai_cli.keys.key import Grant, Kept, Key
from lumeai_cli.keys.terms import Allowance, KeysError, Terms
from lumeai_cli.keys.token import Token
from lumeai_cli.keys.usage import SqliteUsage, UsageStore
from lumeai_cli.text.phrase import phrase
from lumeai_cli.text.visible import visible


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader of the store stands: `changes` and `deletions` as it has seen them."""

    changes: int = 0
    deletions: int = 0


@dataclass(frozen=True, slots=True)
class News:
    """What is new since a place: the grants of changed keys; `whole`: these are all, and there are no others."""

    place: Place
    grants: tuple[Grant, ...]
    whole: bool
    keys: int


def nobody(_key: Key) -> None:
    """Hands a token to nobody."""


class KeyStore(Protocol):
    """Keeps keys. `at` is the time in seconds since 1970; names mean the living key, else the last one revoked.

    A key is there, or gone, as soon as the call returns, whatever happens to the process then. Unknown and taken names
    are a `KeysError`; a store that cannot be used is a `StoreError`.
    """

    def create(
        self, name: str | None, token: Token, terms: Terms, at: float, deliver: Callable[[Key], None] = nobody
    ) -> Key:
        """Keeps a new key; without a name one is made up.

        `deliver` hands the token to its owner once it is kept; if that fails, the key goes again.
        """

    def keys(self) -> tuple[Key, ...]:
        """All keys, the oldest first."""

    def key(self, name: str) -> Key:
        """The key of this name."""

    def owner(self, digest: bytes) -> Key | None:
        """The key to which a token belongs."""

    def change(self, name: str, edit: Callable[[Terms], Terms]) -> Key:
        """Gives a living key other terms, made of those that it has."""

    def revoke(self, name: str, at: float) -> Key:
        """Takes a key back at once, with all its tokens; one that was revoked stays as it was."""

    def rotate(self, name: str, token: Token, at: float, grace: float, deliver: Callable[[Key], None] = nobody) -> Key:
        """Gives a good key a new token; the old ones are good for `grace` seconds more, at most.

        `deliver` as for `create`: the old tokens end only when the new one is in its owner's hands.
        """

    def delete(self, name: str) -> Key:
        """Forgets a key and what it has used."""

    def news(self, since: Place) -> News:
        """What has changed since a reader looked for the last time."""

    def count(self) -> int:
        """How many keys there are, good or not."""

    @property
    def usage(self) -> UsageStore:
        """What they have used."""

    def tidy(self) -> None:
        """What a store may do when there is time."""

    def close(self) -> None:
        """Lets the store go."""


class SqliteKeyStore:
    """The `KeyStore` in a file on this machine."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.usage = SqliteUsage(path, connection)
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """The store at this path, made if it is not there."""
        return cls(path, connect(path))

    @classmethod
    def existing(cls, path: Path) -> Self | None:
        """The store at this path, if there is one."""
        try:
            return cls(path, connect(path, create=False))
        except GoneError:
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create(
        self, name: str | None, token: Token, terms: Terms, at: float, deliver: Callable[[Key], None] = nobody
    ) -> Key:
        """Keeps a new key."""
        with told(self.path), transaction(self._connection):
            name = name or self._free_name()
            if self._living(name) is not None:
                raise KeysError(phrase("keys-taken", name=name))
            row = self._connection.execute(
                "INSERT INTO key (name, created, expires, models, backends, rpm, tokens_per_day, concurrent, changed)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (name, at, *_columns(terms), self._counted()),
            )
            self._keep(token, row.lastrowid or 0, at)
            key = self._key(row.lastrowid or 0)
        with ExitStack() as undo:
            undo.callback(self._unmake, key)
            deliver(key)
            undo.pop_all()
        return key

    def keys(self) -> tuple[Key, ...]:
        """All keys."""
        with told(self.path), snapshot(self._connection):
            tokens: dict[int, list[Kept]] = {}
            for key, *columns in self._connection.execute(f"SELECT key, {_KEPT} FROM token ORDER BY created DESC"):  # noqa: S608  # constant columns
                tokens.setdefault(key, []).append(Kept(*columns))
            rows = self._connection.execute(f"SELECT {_KEY} FROM key ORDER BY id").fetchall()  # noqa: S608  # likewise
            return tuple(_key(row, tokens[row[0]]) for row in rows)

    def key(self, name: str) -> Key:
        """The key of this name."""
        with told(self.path), snapshot(self._connection):
            return self._key(self._named(name))

    def owner(self, digest: bytes) -> Key | None:
        """The key of a token."""
        with told(self.path), snapshot(self._connection):
            row = self._connection.execute("SELECT key FROM token WHERE digest = ?", (digest,)).fetchone()
            return None if row is None else self._key(row[0])

    def change(self, name: str, edit: Callable[[Terms], Terms]) -> Key:
        """Other terms."""
        with told(self.path), transaction(self._connection):
            number = self._alive(name)
            terms = edit(self._key(number).terms)
            self._connection.execute(
                "UPDATE key SET expires = ?, models = ?, backends = ?, rpm = ?, tokens_per_day = ?, concurrent = ?,"
                " changed = ? WHERE id = ?",
                (*_columns(terms), self._counted(), number),
            )
            return self._key(number)

    def revoke(self, name: str, at: float) -> Key:
        """Takes it back."""
        with told(self.path), transaction(self._connection):
            number = self._named(name)
            self._connection.execute(
                "UPDATE key SET revoked = ?, changed = ? WHERE id = ? AND revoked IS NULL",
                (at, self._counted(), number),
            )
            return self._key(number)

    def rotate(self, name: str, token: Token, at: float, grace: float, deliver: Callable[[Key], None] = nobody) -> Key:
        """A new token."""
        with told(self.path), transaction(self._connection):
            number = self._alive(name)
            expires = self._key(number).terms.expires
            if expires is not None and expires <= at:
                raise KeysError(phrase("keys-expired-already", name=name))
            self._keep(token, number, at)
            self._connection.execute("UPDATE key SET changed = ? WHERE id = ?", (self._counted(), number))
            key = self._key(number)
        with ExitStack() as undo:
            undo.callback(self._take_back, token)
            deliver(key)
            undo.pop_all()
        with told(self.path), transaction(self._connection):
            ends = at + grace
            self._connection.execute(
                "UPDATE token SET ends = min(coalesce(ends, ?), ?) WHERE key = ? AND digest <> ?",
                (ends, ends, number, token.digest),
            )
            if self._connection.execute("DELETE FROM token WHERE key = ? AND ends <= ?", (number, at)).rowcount:
                self._gone()
            self._connection.execute("UPDATE key SET changed = ? WHERE id = ?", (self._counted(), number))
            return self._key(number)

    def delete(self, name: str) -> Key:
        """Forgets it."""
        with told(self.path), transaction(self._connection):
            number = self._named(name)
            key = self._key(number)
            self._forget(number)
            return key

    def news(self, since: Place) -> News:
        """What is new; without news it is one question."""
        with told(self.path), snapshot(self._connection):
            changes, deletions = self._connection.execute("SELECT changes, deletions FROM state").fetchone()
            place = Place(changes, deletions)
            whole = deletions != since.deletions or changes < since.changes
            if place == since:
                return News(place, (), whole=False, keys=-1)
            rows = self._connection.execute(_GRANTS, (-1 if whole else since.changes,))
            terms: dict[tuple[Any, ...], Terms] = {}
            grants = tuple(_grant(row, terms) for row in rows)
            keys = self._connection.execute("SELECT count(*) FROM key").fetchone()[0]
            return News(place, grants, whole, keys)

    def count(self) -> int:
        """How many there are."""
        with told(self.path):
            return int(self._connection.execute("SELECT count(*) FROM key").fetchone()[0])

    def tidy(self) -> None:
        """Brings what was written into the file itself, as far as nobody is in the way."""
        with told(self.path):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Lets the file go."""
        self._connection.close()

    def _counted(self) -> int:
        row = self._connection.execute("UPDATE state SET changes = changes + 1 RETURNING changes").fetchone()
        return int(row[0])

    def _unmake(self, key: Key) -> None:
        with told(self.path), transaction(self._connection):
            self._forget(key.id)

    def _take_back(self, token: Token) -> None:
        with told(self.path), transaction(self._connection):
            self._connection.execute("DELETE FROM token WHERE digest = ?", (token.digest,))
            self._gone()

    def _forget(self, number: int) -> None:
        for table in ("minute", "day", "stream", "usage", "failure"):
            self._connection.execute(f"DELETE FROM {table} WHERE key = ?", (number,))  # noqa: S608  # our own names
        self._connection.execute("DELETE FROM key WHERE id = ?", (number,))
        self._gone()

    def _gone(self) -> None:
        self._connection.execute("UPDATE state SET deletions = deletions + 1")

    def _keep(self, token: Token, number: int, at: float) -> None:
        self._connection.execute(
            "INSERT INTO token (digest, key, head, tail, created) VALUES (?, ?, ?, ?, ?)",
            (token.digest, number, token.head, token.tail, at),
        )

    def _key(self, number: int) -> Key:
        row = self._connection.execute(f"SELECT {_KEY} FROM key WHERE id = ?", (number,)).fetchone()  # noqa: S608  # constant columns
        tokens = self._connection.execute(
            f"SELECT {_KEPT} FROM token WHERE key = ? ORDER BY created DESC, ends IS NOT NULL",  # noqa: S608  # likewise
            (number,),
        ).fetchall()
        return _key(row, [Kept(*token) for token in tokens])

    def _living(self, name: str) -> int | None:
        row = self._connection.execute("SELECT id FROM key WHERE name = ? AND revoked IS NULL", (name,)).fetchone()
        return None if row is None else int(row[0])

    def _named(self, name: str) -> int:
        row = self._connection.execute(
            "SELECT id FROM key WHERE name = ? ORDER BY revoked IS NULL DESC, revoked DESC, id DESC LIMIT 1", (name,)
        ).fetchone()
        if row is None:
            raise KeysError(phrase("keys-unknown", name=visible(name)))
        return int(row[0])

    def _alive(self, name: str) -> int:
        number = self._living(name)
        if number is None:
            self._named(name)
            raise KeysError(phrase("keys-revoked-already", name=name))
        return number

    def _free_name(self) -> str:
        while True:
            name = f"key-{secrets.token_hex(3)}"
            if self._connection.execute("SELECT 1 FROM key WHERE name = ?", (name,)).fetchone() is None:
                return name


_TERMS = "expires, models, backends, rpm, tokens_per_day, concurrent"
_KEY = f"id, name, created, {_TERMS}, revoked, last_used"
_KEPT = "digest, head, tail, created, ends"
_GRANTS = (
    f"SELECT token.digest, key.id, name, ends, revoked, {_TERMS}"  # noqa: S608  # constant columns
    " FROM key JOIN token ON token.key = key.id WHERE changed > ?"
)


def _columns(terms: Terms) -> tuple[object, ...]:
    allowance = terms.allowance
    return (
        terms.expires,
        json.dumps(terms.models),
        json.dumps(terms.backends),
        allowance.rpm,
        allowance.tokens_per_day,
        allowance.concurrent,
    )


def _terms(columns: tuple[Any, ...]) -> Terms:
    expires, models, backends, *limits = columns
    try:
        return Terms(expires, tuple(json.loads(models)), tuple(json.loads(backends)), Allowance(*limits))
    except (ValueError, TypeError) as error:
        raise StoreError(phrase("store-corrupt", words=type(error).__name__)) from None


def _key(row: tuple[Any, ...], tokens: list[Kept]) -> Key:
    number, name, created, *rest, revoked, last_used = row
    newest = next((token for token in tokens if token.ends is None), tokens[0])
    older = tuple(token for token in tokens if token is not newest)
    return Key(number, name, created, _terms(tuple(rest)), newest, older, revoked, last_used)


def _grant(row: tuple[Any, ...], known: dict[tuple[Any, ...], Terms]) -> Grant:
    """Many keys have the same terms: one value stands for all of them."""
    digest, number, name, ends, revoked, *rest = row
    columns = tuple(rest)
    terms = known.get(columns)
    if terms is None:
        terms = known[columns] = _terms(columns)
    return Grant(digest, number, name, terms, ends, revoked)
