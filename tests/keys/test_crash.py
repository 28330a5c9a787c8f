"""Processes that are killed in the midst of writing: what was acknowledged is there, and the file is whole."""

import multiprocessing
import os
import random
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from lumeai_cli.keys.database import StoreError
from lumeai_cli.keys.key import Verdict, verdict
from lumeai_cli.keys.limits import Holder, Ticket
from lumeai_cli.keys.sqlite_limits import SqliteLimits
from lumeai_cli.keys.store import SqliteKeyStore
from lumeai_cli.keys.terms import Allowance, Terms
from lumeai_cli.keys.token import make

FORK = multiprocessing.get_context("fork")
CHANGES = 1000
WORKERS = 4
BUDGET = 10**9


def work(path: Path, number: int, log: int, seed: int) -> None:
    """Creates, revokes and charges without end; a line in the log is an acknowledgement that outlives this process."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    store = SqliteKeyStore.open(path)
    limits = SqliteLimits.open_at(path, time.time, wait=20.0)
    living: list[str] = []
    holder = [Holder(0, Allowance(tokens_per_day=BUDGET))]
    step = 0
    while True:
        step += 1
        name = f"{number}-{seed}-{step}"
        dice = chance.random()
        if living and dice < 0.3:
            gone = living.pop()
            os.write(log, f"revoking {gone}\n".encode())
            store.revoke(gone, time.time())
            os.write(log, f"revoked {gone}\n".encode())
        elif dice < 0.5:
            os.write(log, b"charging 3\n")
            ticket = limits.reserve(holder, 0, time.time())
            assert isinstance(ticket, Ticket)
            limits.settle(ticket, 3)
            os.write(log, b"charged 3\n")
        else:
            token = make()
            store.create(name, token, Terms(), time.time())
            os.write(log, f"created {name} {token.digest.hex()}\n".encode())
            living.append(name)


def test_kill_at_random_moments_loses_nothing_that_was_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least a thousand changes by four processes, each killed and started again and again.

    Without leases, so that what was charged can be told to the token; a lease goes with whoever is killed.
    """
    monkeypatch.setattr("lumeai_cli.keys.sqlite_limits.SHARE", 10 * BUDGET)
    path = tmp_path / "keys.db"
    SqliteKeyStore.open(path).close()
    chance = random.Random(5)  # noqa: S311  # no secret
    logs = [os.open(tmp_path / f"log{number}", os.O_CREAT | os.O_WRONLY | os.O_APPEND) for number in range(WORKERS)]
    lines = [tmp_path / f"log{number}" for number in range(WORKERS)]
    workers = [FORK.Process(target=work, args=(path, number, logs[number], number)) for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    kills = 0
    until = time.monotonic() + 90
    while sum(file.read_text().count("ed ") for file in lines) < CHANGES or kills < 20:
        assert time.monotonic() < until, "too slow to tell"
        time.sleep(chance.uniform(0.01, 0.25))
        number = chance.randrange(WORKERS)
        workers[number].kill()
        workers[number].join()
        kills += 1
        workers[number] = FORK.Process(target=work, args=(path, number, logs[number], 1000 + kills))
        workers[number].start()
    for worker in workers:
        worker.kill()
        worker.join()
        os.close(logs.pop())
    told = [line.split() for file in lines for line in file.read_text().splitlines()]
    created = {words[1]: bytes.fromhex(words[2]) for words in told if words[0] == "created"}
    revoked = {words[1] for words in told if words[0] == "revoked"}
    revoking = {words[1] for words in told if words[0] == "revoking"}
    charged = 3 * sum(words[0] == "charged" for words in told)
    charging = 3 * sum(words[0] == "charging" for words in told)

    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    raw.close()
    with SqliteKeyStore.open(path) as store:
        for name, digest in created.items():
            key = store.owner(digest)
            assert key is not None, f"{name} was acknowledged, and is lost"
            assert key.name == name
            if name in revoked:
                assert verdict(key, time.time(), digest) is Verdict.REVOKED, f"{name} was revoked, and is alive"
            elif name not in revoking:
                assert verdict(key, time.time(), digest) is Verdict.GOOD
        assert store.create("after", make(), Terms(), time.time()).name == "after"
    limits = SqliteLimits.open_at(path, time.time, wait=5.0)
    now = limits.reserve([Holder(0, Allowance(tokens_per_day=BUDGET))], 0, time.time())
    limits.close()
    assert isinstance(now, Ticket)
    used = BUDGET - now.standings[0].left
    assert charged <= used <= charging
    assert len(created) + len(revoked) + charged // 3 >= CHANGES


def test_a_process_that_dies_within_a_transaction_leaves_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "keys.db"
    with SqliteKeyStore.open(path) as store:
        store.create("anna", make(), Terms(), 1.0)

    def die() -> None:
        mine = SqliteKeyStore.open(path)
        mine._connection.execute("BEGIN IMMEDIATE")  # noqa: SLF001  # the worst moment
        mine._connection.execute("UPDATE key SET name = 'half'")  # noqa: SLF001  # likewise
        os.kill(os.getpid(), signal.SIGKILL)

    process = FORK.Process(target=die)
    process.start()
    process.join()
    with SqliteKeyStore.open(path) as store:
        assert store.key("anna").name == "anna"
        try:
            store.create("bert", make(), Terms(), 1.0)
        except StoreError as error:  # pragma: no cover
            raise AssertionError("the dead one's lock is still there") from error
