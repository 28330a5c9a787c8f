"""A running proxy's view of the keys: all of them in memory, kept fresh, and what happens if the store is lost.

`look` is called about twice a second: without news it costs one short question. A file that is gone, was replaced, or
cannot be read is a lost store: what is known stays good for a while, and nothing that is not known is let in.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from lumeai_cli.keys.database import StoreError, gone
from lumeai_cli.keys.loss import Loss
from lumeai_cli.keys.store import KeyStore, Place, SqliteKeyStore
from lumeai_cli.text.phrase import phrase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lumeai_cli.keys.key import Grant


class Watch:
    """`grants` are the known tokens by their digests. `asks`: there are keys, so whoever has none stays outside.

    `asked_before`: there were keys when the proxy was started, so that a store that is not there is a lost one. Only
    one thread at a time may `look`; others may read meanwhile.
    """

    def __init__(self, path: Path, *, asked_before: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.grants: dict[bytes, Grant] = {}
        self.asks = asked_before
        self.loss = Loss(clock)
        self._clock = clock
        self.generation = 0
        self._store: KeyStore | None = None
        self._file: tuple[int, int] | None = None
        self._place = Place()
        self._replaced = False

    @property
    def store(self) -> KeyStore | None:
        """The store, if there is one; for the thread that looks."""
        return self._store

    def look(self) -> None:
        """Reads what is new; never raises."""
        began = self._clock()
        try:
            self._look()
        except StoreError as error:
            self._lost(error, began)
        except Exception as error:  # noqa: BLE001  # whatever it is, what is known must not be trusted for ever
            self._lost(StoreError(phrase("store-else", words=type(error).__name__), str(self.path)), began)
        else:
            self.loss.ends()

    def close(self) -> None:
        """Lets the store go."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _lost(self, why: StoreError, began: float) -> None:
        self.loss.begins(why, self._clock() - began)
        # Whoever has a store has keys, as far as can be known.
        self.asks = self.asks or os.path.lexists(self.path)

    def _look(self) -> None:
        found = _identity(self.path)
        if found is None:
            if self.asks:
                raise gone(self.path)
            return
        if self._store is None or found != self._file:
            self._open(found)
        if self._store is None:
            return
        news = self._store.news(self._place)
        if news.place == self._place:
            return
        if news.whole and self._replaced and not news.keys:
            raise StoreError(phrase("store-emptied"), str(self.path))
        if news.whole:
            self.grants = {grant.digest: grant for grant in news.grants}
        else:
            self.grants.update((grant.digest, grant) for grant in news.grants)
        self._place = news.place
        self._replaced = False
        self.asks = news.keys > 0

    def _open(self, found: tuple[int, int]) -> None:
        self.close()
        self._store = SqliteKeyStore.existing(self.path)
        self._file = found
        self._place = Place(-1, -1)
        self._replaced = self.asks
        self.generation += 1


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file this is, wherever it is moved; None where none is."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
