"""What the commands of `lumeai keys` share: where the store is, and how keys come in and go out."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lumeai_cli.cli.options import COLORS, language, one_of
from lumeai_cli.cli.output import ReaderLeftError, complain, put

if TYPE_CHECKING:
    from lumeai_cli.keys.key import Key
    from lumeai_cli.keys.store import SqliteKeyStore
    from lumeai_cli.keys.terms import Terms
    from lumeai_cli.keys.token import Token
    from lumeai_cli.settings import Settings

LONGEST_INPUT = 100_000
"""Characters of what is read as a key; the rest cannot make one of it."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every command needs: the settings, the language, the store's place, and the time."""

    settings: Settings
    language: str
    path: Path
    now: float
    quiet: bool = False

    def tell(self, key: str, /, **values: str | int) -> None:
        """A sentence for whoever sits there; what programs read is on stdout."""
        from lumeai_cli.text.phrase import say
        from lumeai_cli.text.visible import visible

        if not self.quiet:
            complain(f"{visible(say(self.language, key, **values))}\n")

    def store(self) -> SqliteKeyStore:
        """The store, made if it is not there."""
        from lumeai_cli.keys.store import SqliteKeyStore

        return SqliteKeyStore.open(self.path)

    def existing(self) -> SqliteKeyStore | None:
        """The store, if there is one: who only asks makes none."""
        from lumeai_cli.keys.store import SqliteKeyStore

        return SqliteKeyStore.existing(self.path)

    def holding(self, name: str) -> SqliteKeyStore:
        """The store that has this key; without a store nobody has it."""
        from lumeai_cli.keys.terms import KeysError
        from lumeai_cli.text.phrase import phrase

        store = self.existing()
        if store is None:
            raise KeysError(phrase("keys-unknown", name=name))
        return store


def here_with(config: str, lang: str, color: str, *, verbose: bool, quiet: bool) -> Surroundings:
    """What the common options come to: nothing here is coloured, and there is no more to tell."""
    from lumeai_cli.settings import key_store, load

    settings = load(config=Path(config) if config else None, env=os.environ, cwd=Path.cwd())
    path = key_store(settings, os.environ, Path.cwd())
    one_of("--color", color, COLORS)
    return Surroundings(settings, language(lang, settings.language), path, time.time(), quiet and not verbose)


def checked(name: str) -> str:
    """The name in the form in which it was kept; what can be no name is unknown."""
    from unicodedata import normalize

    from lumeai_cli.keys.terms import KeysError, checked_name
    from lumeai_cli.text.phrase import phrase
    from lumeai_cli.text.secret import looks_like_a_key
    from lumeai_cli.text.visible import visible

    if looks_like_a_key(name):
        checked_name(name)
    if visible(name) != name or len(name) > 200:
        raise KeysError(phrase("keys-unknown", name=visible(name[:60])))
    return normalize("NFC", name)


def check_backends(here: Surroundings, terms: Terms) -> None:
    """A name that nobody configured may be one of `serve --backend`; it is told, and not refused."""
    known = [backend.name for backend in here.settings.backends]
    for name in terms.backends if known else ():
        if name not in known:
            here.tell("keys-backend-unknown", name=name, known=", ".join(known))


def hand_out(token: Token, here: Surroundings, key: Key, *, as_json: bool) -> None:
    """The one moment in which a key is to be seen; what nobody could see is taken back."""
    from lumeai_cli.keys.terms import KeysError
    from lumeai_cli.report.keys import key_json
    from lumeai_cli.text.phrase import phrase

    try:
        if as_json:
            described = key_json(key, here.now)
            put_json({"name": described.pop("name"), "key": token.reveal()} | described)
        else:
            put(f"{token.reveal()}\n")
    except (OSError, ReaderLeftError):
        raise KeysError(phrase("keys-undelivered"), "stdout") from None


def put_key(key: Key, here: Surroundings, *, as_json: bool) -> None:
    """All that is known of a key."""
    from lumeai_cli.report.keys import aligned, key_json, key_rows

    if as_json:
        put_json(key_json(key, here.now))
    else:
        put(aligned(key_rows(key, here.now, here.language)))


def done(key: Key, here: Surroundings, sentence: str, *, as_json: bool) -> None:
    """What became of a key."""
    from lumeai_cli.report.keys import key_json

    if as_json:
        put_json(key_json(key, here.now))
    else:
        here.tell(sentence, name=key.name)


def put_json(value: object) -> None:
    """Letters as they are where stdout can hold them; what steers a terminal is escaped in any case."""
    from json import dumps

    from lumeai_cli.text.encoding import speaks_unicode

    text = dumps(value, ensure_ascii=sys.stdout is None or not speaks_unicode(sys.stdout), indent=2)
    put("".join(one if one.isprintable() or one == "\n" else dumps(one)[1:-1] for one in text) + "\n")


def sure(key: Key, here: Surroundings) -> bool:
    """Whether the person means it; where nobody is to be asked, the option is named instead."""
    from lumeai_cli.keys.terms import KeysError
    from lumeai_cli.text.phrase import phrase, say
    from lumeai_cli.text.visible import visible

    complain(visible(say(here.language, "keys-delete-sure", name=key.name, shown=key.token.shown)) + " ")
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer:
        complain("\n")
        raise KeysError(phrase("keys-delete-yes"))
    return answer.strip().lower() in ("y", "yes", "д", "да")


def read_key(here: Surroundings) -> str:
    """The key, from a pipe or from the keyboard without an echo."""
    from lumeai_cli.text.phrase import say

    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        from getpass import getpass

        try:
            return getpass(say(here.language, "keys-prompt") + " ")
        except (EOFError, UnicodeDecodeError):
            return ""
    source = getattr(sys.stdin, "buffer", None)
    raw = source.read(LONGEST_INPUT + 1) if source is not None else sys.stdin.read(LONGEST_INPUT + 1).encode()
    # What is longer than anybody's key is none, whatever it begins with.
    return str(raw.decode("utf-8-sig", "replace")) if len(raw) <= LONGEST_INPUT else "x" * LONGEST_INPUT
