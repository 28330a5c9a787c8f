"""A store in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lumeai_cli.keys.store import SqliteKeyStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store would be; nothing is there yet."""
    return tmp_path / "data" / "keys.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteKeyStore]:
    """An empty store."""
    with SqliteKeyStore.open(path) as opened:
        yield opened
