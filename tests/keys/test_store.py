"""The store: what was acknowledged is there, names are taken once, news tells all, what cannot be is told in words."""

import errno
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lumeai_cli.keys import database
from lumeai_cli.keys.database import MIGRATIONS, BusyError, StoreError, connect
from lumeai_cli.keys.key import Verdict, verdict
from lumeai_cli.keys.sqlite_limits import SqliteLimits
from lumeai_cli.keys.store import Place, SqliteKeyStore
from lumeai_cli.keys.terms import Allowance, KeysError, Terms
from lumeai_cli.keys.token import make

NOW = 1_800_000_000.0
TERMS = Terms(NOW + 60, ("gpt-*",), ("ollama", "g4f"), Allowance(100, 5000, 3))
POSIX = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


def test_what_is_kept_is_read_again(path: Path) -> None:
    token = make()
    with SqliteKeyStore.open(path) as store:
        made = store.create("anna", token, TERMS, NOW)
    with SqliteKeyStore.open(path) as store:
        assert store.key("anna") == made
        assert store.owner(token.digest) == made
        assert store.keys() == (made,)
    assert (made.name, made.created, made.terms, made.revoked, made.last_used) == ("anna", NOW, TERMS, None, None)
    assert made.token.shown == f"{token.reveal()[:14]}...{token.reveal()[-4:]}"


def test_a_stolen_file_yields_no_key(store: SqliteKeyStore, path: Path) -> None:
    tokens = [make() for _ in range(20)]
    for number, token in enumerate(tokens):
        store.create(f"k{number}", token, Terms(), NOW)
    store.tidy()
    data = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for token in tokens:
        assert token.head.encode() in data
        assert token.reveal()[14:22].encode() not in data


@POSIX
def test_it_is_for_its_owners_eyes_alone(store: SqliteKeyStore, path: Path) -> None:
    store.create("anna", make(), Terms(), NOW)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"keys.db": 0o600, "keys.db-wal": 0o600, "keys.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@POSIX
def test_a_mode_that_grew_loose_is_tightened(path: Path) -> None:
    SqliteKeyStore.open(path).close()
    path.chmod(0o644)
    SqliteKeyStore.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_name_belongs_to_one_living_key(store: SqliteKeyStore) -> None:
    first = store.create("anna", make(), Terms(), NOW)
    with pytest.raises(KeysError, match="exists already"):
        store.create("anna", make(), Terms(), NOW)
    store.revoke("anna", NOW + 1)
    second = store.create("anna", make(), Terms(), NOW + 2)
    assert store.key("anna").id == second.id != first.id
    assert len(store.keys()) == 2


def test_two_that_make_one_name_at_once_are_one_and_a_sentence(path: Path) -> None:
    SqliteKeyStore.open(path).close()
    done: list[str] = []
    barrier = threading.Barrier(8)

    def create() -> None:
        with SqliteKeyStore.open(path) as store:
            barrier.wait()
            try:
                done.append(store.create("anna", make(), Terms(), NOW).name)
            except KeysError as error:
                done.append(str(error))

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done)[-1:] == ["anna"]
    assert done.count("anna") == 1
    assert len(done) == 8
    with SqliteKeyStore.open(path) as store:
        assert len(store.keys()) == 1


def test_names_that_are_made_up_are_all_different(store: SqliteKeyStore) -> None:
    assert len({store.create(None, make(), Terms(), NOW).name for _ in range(50)}) == 50


@pytest.mark.parametrize("name", ["nobody", "'; DROP TABLE key; --", "anna'--", "ann%", "ANNA", ""])
def test_a_name_that_nobody_has_is_told(name: str, store: SqliteKeyStore) -> None:
    store.create("anna", make(), Terms(), NOW)
    for ask in (
        lambda: store.key(name),
        lambda: store.change(name, lambda terms: terms),
        lambda: store.revoke(name, NOW),
        lambda: store.rotate(name, make(), NOW, 0),
        lambda: store.delete(name),
    ):
        with pytest.raises(KeysError, match="there is no key"):
            ask()
    assert [key.name for key in store.keys()] == ["anna"]  # noqa: SIM118  # no mapping


def test_a_revoked_key_stays_revoked(store: SqliteKeyStore) -> None:
    store.create("anna", make(), TERMS, NOW)
    assert store.revoke("anna", NOW + 1).revoked == NOW + 1
    assert store.revoke("anna", NOW + 9).revoked == NOW + 1
    for change in (lambda: store.change("anna", lambda terms: terms), lambda: store.rotate("anna", make(), NOW, 5)):
        with pytest.raises(KeysError, match="does not come back"):
            change()


def test_a_rotation_leaves_the_old_token_its_grace_and_the_key_its_terms(store: SqliteKeyStore) -> None:
    old, new, newest = make(), make(), make()
    made = store.create("anna", old, Terms(allowance=Allowance(5)), NOW)
    key = store.rotate("anna", new, NOW, 60)
    assert (key.id, key.terms) == (made.id, made.terms)
    assert key.token.digest == new.digest
    assert [verdict(key, NOW + at, old.digest) for at in (0, 59.9, 60)] == [Verdict.GOOD, Verdict.GOOD, Verdict.EXPIRED]
    assert verdict(key, NOW + 1e9, new.digest) is Verdict.GOOD
    again = store.rotate("anna", newest, NOW + 10, 3600)
    ends = {token.digest: token.ends for token in again.older}
    assert ends == {old.digest: NOW + 60, new.digest: NOW + 3610}
    last = store.rotate("anna", make(), NOW + 20, 0)
    assert last.older == ()
    assert [store.owner(token.digest) for token in (old, new, newest)] == [None, None, None]


def test_a_store_behind_a_link_that_leads_nowhere_yet_is_as_private(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "real.db")
    before = os.umask(0)
    try:
        with SqliteKeyStore.open(path) as store:
            store.create("anna", make(), Terms(), NOW)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("real.db*")}
    finally:
        os.umask(before)
    assert modes == {"real.db": 0o600, "real.db-wal": 0o600, "real.db-shm": 0o600}


def test_a_link_that_leads_to_itself_is_told(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(path)
    for opened in (SqliteKeyStore.open, SqliteKeyStore.existing):
        with pytest.raises(StoreError):
            opened(path)


def test_what_no_program_wrote_there_is_told(store: SqliteKeyStore) -> None:
    store.create("anna", make(), Terms(), NOW)
    store._connection.execute("UPDATE key SET models = 'nonsense'")  # noqa: SLF001  # as nobody should
    for read in (store.keys, lambda: store.key("anna"), lambda: store.news(Place(-1, -1))):
        with pytest.raises(StoreError, match="damaged"):
            read()


def test_what_is_deleted_is_gone(store: SqliteKeyStore, path: Path) -> None:
    token = make()
    store.create("anna", token, Terms(), NOW)
    store.delete("anna")
    assert store.count() == 0
    assert store.owner(token.digest) is None
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT count(*) FROM token").fetchone() == (0,)
    raw.close()


def test_another_process_that_comes_and_goes_takes_nothing_away(path: Path) -> None:
    """Were a lock of this process lost, the other one would throw SQLite's log away as nobody's."""
    with SqliteKeyStore.open(path) as store:
        limits = SqliteLimits.open_at(path, time.time)
        second = SqliteKeyStore.existing(path)
        assert second is not None
        code = (
            "from pathlib import Path; from lumeai_cli.keys.store import SqliteKeyStore\n"
            f"with SqliteKeyStore.open(Path({str(path)!r})) as store: print(*(key.name for key in (*store.keys(),)))"
        )
        for number in range(3):
            store.create(f"k{number}", make(), Terms(), NOW)
            told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            assert told.stdout.split() == [f"k{before}" for before in range(number + 1)]
        second.close()
        limits.close()


# --- news -------------------------------------------------------------------------------------------------------------


def test_news_is_what_has_changed_and_nothing_else(store: SqliteKeyStore) -> None:
    tokens = [make() for _ in range(3)]
    for number, token in enumerate(tokens):
        store.create(f"k{number}", token, Terms(), NOW)
    first = store.news(Place(-1, -1))
    assert first.whole
    assert {grant.digest for grant in first.grants} == {token.digest for token in tokens}
    assert store.news(first.place).grants == ()
    store.revoke("k1", NOW + 1)
    second = store.news(first.place)
    assert [(grant.digest, grant.revoked, second.whole) for grant in second.grants] == [
        (tokens[1].digest, NOW + 1, False)
    ]
    store.delete("k0")
    third = store.news(second.place)
    assert third.whole
    assert third.keys == 2
    assert {grant.digest for grant in third.grants} == {tokens[1].digest, tokens[2].digest}


def test_a_store_that_went_back_in_time_is_read_anew(store: SqliteKeyStore) -> None:
    store.create("anna", make(), Terms(), NOW)
    assert store.news(Place(99, 0)).whole


# --- forms ------------------------------------------------------------------------------------------------------------

LATER = (*MIGRATIONS, ("ALTER TABLE key ADD COLUMN note TEXT", "UPDATE key SET note = 'was here before'"))


def opened(path: Path, migrations: tuple[tuple[str, ...], ...]) -> sqlite3.Connection:
    """A connection of a lumeai that knows these forms."""
    connection = connect(path, migrations=migrations)
    assert connection is not None
    return connection


def test_an_older_store_is_brought_forward_with_all_that_is_in_it(path: Path) -> None:
    with SqliteKeyStore.open(path) as store:
        store.create("anna", make(), Terms(), NOW)
    raw = opened(path, LATER)
    assert raw.execute("SELECT name, note FROM key").fetchall() == [("anna", "was here before")]
    assert raw.execute("PRAGMA user_version").fetchone() == (2,)
    raw.close()


def test_a_newer_store_is_refused_and_stays_as_it_is(path: Path) -> None:
    opened(path, LATER).close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="has form 2, written by a newer lumeai; this one knows forms up to 1: update"):
        SqliteKeyStore.open(path)
    assert path.read_bytes() == before


def test_a_step_forward_that_fails_leaves_the_old_form(path: Path) -> None:
    with SqliteKeyStore.open(path) as store:
        made = store.create("anna", make(), Terms(), NOW)
    broken = (*MIGRATIONS, ("ALTER TABLE key ADD COLUMN note TEXT", "UPDATE nothing SET note = 1"))
    with pytest.raises(StoreError, match="refuses"):
        connect(path, migrations=broken)
    with SqliteKeyStore.open(path) as store:
        assert store.keys() == (made,)


def test_several_that_open_a_new_store_at_once_make_one(path: Path) -> None:
    failed: list[BaseException] = []
    barrier = threading.Barrier(8)

    def open_() -> None:
        barrier.wait()
        try:
            with SqliteKeyStore.open(path) as store:
                store.create(None, make(), Terms(), NOW)
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=open_) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with SqliteKeyStore.open(path) as store:
        assert store.count() == 8


# --- what cannot be ---------------------------------------------------------------------------------------------------


def test_who_only_asks_makes_no_file(path: Path) -> None:
    assert SqliteKeyStore.existing(path) is None
    assert not path.parent.exists()


@pytest.mark.parametrize(
    "content", [b"not a database at all, " * 50, b"\0" * 4096, b"SQLite format 3\0" + b"\xff" * 4000]
)
def test_a_file_that_is_no_store_is_told_and_left_alone(content: bytes, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"keys\.db: "):
        SqliteKeyStore.open(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_told_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE bookmarks (url TEXT)")
    raw.commit()
    raw.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="a database of another program"):
        SqliteKeyStore.open(path)
    assert path.read_bytes() == before


def test_what_is_another_programs_keeps_its_mode(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    path.chmod(0o664)
    with pytest.raises(StoreError):
        SqliteKeyStore.open(path)
    assert path.stat().st_mode & 0o777 == 0o664


def test_where_there_are_no_hard_links_a_store_is_made_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refused)
    with SqliteKeyStore.open(path) as store:
        assert store.count() == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["keys.db"]


@pytest.mark.parametrize("create", [True, False])
def test_a_place_where_nothing_can_be_is_told(create: bool, tmp_path: Path) -> None:  # noqa: FBT001  # a column
    place = tmp_path / ("x" * 5000)
    with pytest.raises(StoreError):
        SqliteKeyStore.open(place) if create else SqliteKeyStore.existing(place)


def test_a_damaged_page_is_told(path: Path) -> None:
    with SqliteKeyStore.open(path) as store:
        for number in range(500):
            store.create(f"k{number}", make(), Terms(), NOW)
    data = bytearray(path.read_bytes())
    data[4096 : len(data)] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="is no store of keys, or is damaged"), SqliteKeyStore.open(path) as store:
        store.keys()


def test_a_folder_in_the_files_place_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteKeyStore.open(path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteKeyStore.open(tmp_path / "file" / "keys.db")


def test_a_lock_that_stays_is_told_and_nothing_is_half_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with SqliteKeyStore.open(path) as store:
        store.create("anna", make(), Terms(), NOW)
    other = sqlite3.connect(path, isolation_level=None)
    connection = connect(path, wait=0.05)
    assert connection is not None
    mine = SqliteKeyStore(path, connection)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BusyError, match="locked"):
        mine.create("bert", make(), Terms(), NOW)
    assert [key.name for key in mine.keys()] == ["anna"]  # noqa: SIM118  # no mapping
    other.execute("COMMIT")
    other.close()
    mine.create("bert", make(), Terms(), NOW)
    mine.close()
    monkeypatch.undo()


def until_it_fails(store: SqliteKeyStore) -> int:
    """How many keys were acknowledged before the disk was full."""
    for made in range(5000):
        try:
            store.create(f"k{made}", make(), Terms(), NOW)
        except StoreError as error:
            assert "space" in str(error) or "disk" in str(error)  # noqa: PT017  # which key it is cannot be known
            return made
    return 5000


@pytest.mark.skipif(not shutil.which("mount") or os.name != "posix" or os.geteuid() != 0, reason="mounts a small disk")
def test_a_full_and_a_read_only_disk_are_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size=400k tmpfs {disk} 2>/dev/null"):  # noqa: S605  # our own path
        pytest.skip("no mounts are allowed here")
    try:
        with SqliteKeyStore.open(disk / "keys.db") as store:
            made = until_it_fails(store)
            assert 0 < made < 5000
            assert store.count() == made
        os.system(f"mount -o remount,ro {disk}")  # noqa: S605  # our own path
        with SqliteKeyStore.open(disk / "keys.db") as store, pytest.raises(StoreError, match="read-only"):
            store.create("x", make(), Terms(), NOW)
    finally:
        os.system(f"umount {disk}")  # noqa: S605  # our own path


def test_the_words_for_every_failure_of_the_disk_exist() -> None:
    for code in (*database._WORDS, sqlite3.SQLITE_ERROR):  # noqa: SLF001  # the table itself
        error = sqlite3.OperationalError("words")
        error.sqlite_errorcode = code
        told = database.store_error(error, Path("x"))
        assert told.in_("en").startswith("x: ")
        assert told.in_("ru") != told.in_("en")
