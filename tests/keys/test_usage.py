"""What was used: sums that lose nothing, lines that stay few, and old ones that go."""

import sqlite3

import pytest

from lumeai_cli.keys.database import StoreError
from lumeai_cli.keys.limits import DAY
from lumeai_cli.keys.store import SqliteKeyStore
from lumeai_cli.keys.terms import Terms
from lumeai_cli.keys.token import make
from lumeai_cli.keys.usage import MOST_LINES, OTHER, Gathered, Line, Use, date_of, total

NOW = 1_800_000_000.0
ONE = Use(1, 0, 1, 10, 5, 3, 1.5, 1.5)
FAILED = Use(1, 1, seconds=0.5, slowest=0.5, codes=(("LUM401", 1),))


def test_uses_add_up() -> None:
    both = total([ONE, FAILED, ONE, FAILED])
    assert both == Use(4, 2, 2, 20, 10, 6, 4.0, 1.5, (("LUM401", 2),))
    assert both.tokens == 30
    assert total([]) == Use()


def test_what_is_written_twice_is_added(store: SqliteKeyStore) -> None:
    key = store.create("anna", make(), Terms(), NOW).id
    for at in (NOW, NOW + 1, NOW + DAY):
        gathered = Gathered()
        gathered.add(key, "m", "b", ONE, at)
        gathered.add(key, "m", "b", FAILED, at)
        store.usage.write(gathered.take())
        assert not gathered
    first, second = store.usage.read(0)
    assert first == (Line(int(NOW // DAY), key, "m", "b"), total([ONE, FAILED] * 2))
    assert second[0].day == first[0].day + 1
    assert store.usage.read(second[0].day) == (second,)
    assert store.usage.read(0, key + 1) == ()
    assert store.key("anna").last_used == NOW + DAY
    store.usage.forget(second[0].day)
    assert store.usage.read(0) == (second,)


def test_a_deleted_key_gets_no_lines(store: SqliteKeyStore) -> None:
    gathered = Gathered()
    gathered.add(store.create("anna", make(), Terms(), NOW).id, "m", "b", ONE, NOW)
    store.delete("anna")
    store.usage.write(gathered)
    assert store.usage.read(0) == ()


def test_what_could_not_be_written_is_kept(store: SqliteKeyStore) -> None:
    key = store.create("anna", make(), Terms(), NOW).id
    gathered = Gathered()
    gathered.add(key, "m", "b", ONE, NOW)
    taken = gathered.take()
    store._connection.execute("PRAGMA query_only = ON")  # noqa: SLF001  # a disk that fails
    with pytest.raises(StoreError):
        store.usage.write(taken)
    store._connection.execute("PRAGMA query_only = OFF")  # noqa: SLF001  # and is mended
    gathered.add(key, "m", "b", ONE, NOW)
    gathered.put_back(taken)
    store.usage.write(gathered.take())
    assert [use for _, use in store.usage.read(0)] == [total([ONE, ONE])]


def test_a_client_that_makes_up_models_fills_its_own_quarter_alone() -> None:
    gathered = Gathered()
    for number in range(5000):
        gathered.add(1, f"model-{number}", "b", ONE, NOW)
    gathered.add(2, "real", "b", ONE, NOW)
    assert len(gathered.lines) <= MOST_LINES // 4 + 2
    assert any(line.model == OTHER for line in gathered.lines)
    assert any(line.model == "real" for line in gathered.lines)
    assert total(gathered.lines.values()).requests == 5001


def test_names_are_bound_and_bind_nothing(store: SqliteKeyStore) -> None:
    key = store.create("anna", make(), Terms(), NOW).id
    gathered = Gathered()
    gathered.add(key, "'); DROP TABLE usage; --" * 50, "\0", ONE, NOW)
    store.usage.write(gathered)
    [(line, _)] = store.usage.read(0)
    assert line.model.startswith("'); DROP TABLE usage; --")
    assert len(line.model) == 100
    assert isinstance(store._connection, sqlite3.Connection)  # noqa: SLF001  # still one
    assert date_of(line.day) == "2027-01-15"


def test_a_name_that_no_file_can_hold_is_written_as_far_as_it_can(store: SqliteKeyStore) -> None:
    key = store.create("anna", make(), Terms(), NOW).id
    gathered = Gathered()
    gathered.add(key, "a\ud800b", "b\udfff", ONE, NOW)
    store.usage.write(gathered)
    [(line, _)] = store.usage.read(0)
    assert (line.model, line.backend) == ("a?b", "b?")


def test_what_is_put_back_stays_few() -> None:
    gathered = Gathered()
    for turn in range(5):
        for number in range(MOST_LINES):
            gathered.add(1, f"{turn} {number}", "b", ONE, NOW)
        taken = gathered.take()
        gathered.add(1, f"late {turn}", "b", ONE, NOW)
        gathered.put_back(taken)
    assert len(gathered.lines) <= MOST_LINES
    assert total(gathered.lines.values()).requests == 5 * (MOST_LINES + 1)
