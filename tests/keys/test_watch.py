"""A proxy's view of the keys: fresh, and careful with a store that is lost."""

import os
import shutil
from pathlib import Path

import pytest

from lumeai_cli.keys.store import SqliteKeyStore
from lumeai_cli.keys.terms import Terms
from lumeai_cli.keys.token import Token, make
from lumeai_cli.keys.watch import Watch

NOW = 1_800_000_000.0


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands."""
    return Clock()


def key(path: Path, name: str) -> Token:
    """A new key."""
    token = make()
    with SqliteKeyStore.open(path) as store:
        store.create(name, token, Terms(), NOW)
    return token


def looked(watch: Watch) -> Watch:
    """After a look."""
    watch.look()
    return watch


def test_without_a_store_everybody_is_let_in_until_there_is_a_key(path: Path) -> None:
    watch = Watch(path)
    assert not looked(watch).asks
    SqliteKeyStore.open(path).close()
    assert not looked(watch).asks
    token = key(path, "anna")
    assert looked(watch).asks
    assert token.digest in watch.grants
    watch.close()


def test_changes_are_seen_at_the_next_look(path: Path) -> None:
    token = key(path, "anna")
    watch = looked(Watch(path))
    with SqliteKeyStore.open(path) as store:
        store.revoke("anna", NOW + 1)
    assert watch.grants[token.digest].revoked is None
    assert looked(watch).grants[token.digest].revoked == NOW + 1
    with SqliteKeyStore.open(path) as store:
        store.delete("anna")
    assert looked(watch).grants == {}
    assert not watch.asks
    watch.close()


def test_a_store_that_was_there_at_the_start_and_is_not_now_is_lost(path: Path) -> None:
    watch = looked(Watch(path, asked_before=True))
    assert watch.asks
    assert watch.loss


@pytest.mark.parametrize("how", ["moved", "emptied", "damaged", "foreign"])
def test_a_lost_store_lets_nobody_new_in_and_is_found_again(how: str, path: Path, clock: Clock) -> None:
    token = key(path, "anna")
    watch = looked(Watch(path, clock=clock))
    aside = path.with_name("aside")
    with SqliteKeyStore.open(path) as store:
        store.tidy()
    shutil.copy(path, aside)
    for beside in path.parent.glob("keys.db*"):
        beside.unlink()
    if how == "emptied":
        SqliteKeyStore.open(path).close()
    elif how == "damaged":
        path.write_bytes(b"no database " * 1000)
    elif how == "foreign":
        path.write_bytes(b"SQLite format 3\0" + bytes(5000))
    for _ in range(3):
        looked(watch)
        assert watch.asks
        assert watch.loss.why is not None
        assert list(watch.grants) == [token.digest]
        clock.now += 10
    clock.now += 30
    assert not watch.loss.longer_than(60.0)
    clock.now += 0.1
    assert watch.loss.longer_than(60.0)
    for beside in path.parent.glob("keys.db*"):
        beside.unlink()
    os.replace(aside, path)  # noqa: PTH105  # as `mv` does it
    assert not looked(watch).loss
    later = key(path, "bert")
    assert later.digest in looked(watch).grants
    watch.close()


def test_another_store_with_keys_takes_the_place_of_the_old_one(path: Path, tmp_path: Path) -> None:
    old = key(path, "anna")
    watch = looked(Watch(path))
    new = key(tmp_path / "other.db", "bert")
    for beside in path.parent.glob("keys.db*"):
        beside.unlink()
    shutil.copy(tmp_path / "other.db", path)
    assert list(looked(watch).grants) == [new.digest]
    assert old.digest not in watch.grants
    watch.close()
