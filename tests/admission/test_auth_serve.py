"""`lumeai serve` with keys, as real processes: who is let in, how often, how much, and what a lost store means."""

import asyncio
import contextlib
import json
import os
import resource
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lumeai_cli.admission.books import LOOK_SECONDS, WRITE_SECONDS
from lumeai_cli.keys.store import SqliteKeyStore
from lumeai_cli.keys.terms import Allowance, Terms
from lumeai_cli.keys.token import made_of, make
from tests.admission.served import (
    FULL,
    Answer,
    Backend,
    Served,
    in_one_minute,
    many,
    serving,
    short_of_room,
    streams,
)
from tests.cli.process import Home


@pytest.fixture(autouse=True)
def _room_for_sockets() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 8192:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A fresh one."""
    return Home(tmp_path)


# --- who is let in ----------------------------------------------------------------------------------------------------


def test_the_first_key_closes_an_open_proxy_and_a_revocation_is_known_everywhere(home: Home) -> None:
    with Backend() as backend, serving(home, "--backend", backend.url, "--workers", "4") as served:
        assert served.everywhere("", 200)
        assert served.everywhere("sk-anything", 200)
        key = served.key("anna")
        assert served.everywhere("", 401)
        assert served.ask(served.get("/healthz")).status == 200
        assert json.loads(served.ask(served.get("/readyz")).body) == {"ready": True}
        assert "backends" in json.loads(served.ask(served.get("/readyz", key)).body)
        assert served.ask(served.post(key)).status == 200
        assert served.ask(served.post("", f"x-api-key: {key}\r\n")).status == 200
        for path in ("/v1/models", "/models", "/v1/v1/models", "/v1/models/small"):
            assert served.ask(served.get(path)).status == 401
            assert served.ask(served.get(path, key)).status == 200
        with SqliteKeyStore.open(served.store) as store:
            store.revoke("anna", time.time())
        assert served.until(lambda: served.everywhere(key, 401)) < 2.0
        assert served.ask(served.post(key)).code == "LUM014"


def test_no_other_host_without_a_key_and_then_never_open(home: Home) -> None:
    done = home.lumeai("serve", "--host", "0.0.0.0", "--port", "0", "--backend", "builtin", LUMEAI_LANG="en")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "lumeai keys create" in done.stderr
    assert home.lumeai("keys", "create", "anna").exit_code == 0
    with serving(home, "--host", "0.0.0.0", "--backend", "builtin") as served:
        assert served.everywhere("", 401)
        home.lumeai("keys", "delete", "anna", "--yes")
        time.sleep(1.2)
        assert served.everywhere("", 401)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"authorization: Bearer \xd1\x82\xd0\xb2\xd0\xbe\xd0\xb9", "LUM011"),
        (b"authorization: Bearer ' OR 1=1 --", "LUM011"),
        (b"authorization: Bearer " + made_of(5).reveal().encode(), "LUM012"),
        (b"authorization: Bearer " + b"x" * 60_000, ""),
        (b"authorization: Bearer " + b"x" * 10_000_000, ""),
        (b"authorization: Bearer a\0b", ""),
        (b"host: evil.example", "LUM010"),
        (b"x-forwarded-for: 127.0.0.1", "LUM010"),
    ],
)
def test_what_is_no_key_is_refused_and_the_proxy_lives_on(header: bytes, code: str, closed: Served) -> None:
    request = closed.post().replace(b"connection: close", header + b"\r\nconnection: close", 1)
    answer = closed.ask(request)
    assert answer.status in (0, 400, 401, 431)
    if code:
        assert (answer.status, answer.code) == (401, code)
    assert closed.ask(closed.post(closed.made[0])).status == 200


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A proxy that asks, with one good key."""
    with Backend() as backend, serving(Home(tmp_path_factory.mktemp("closed")), "--backend", backend.url) as served:
        served.key("anna")
        yield served


def test_wrong_keys_wait_and_good_ones_never_do(closed: Served) -> None:
    wrong, good = closed.post(made_of(6).reveal()), closed.post(closed.made[0])
    for _ in range(8):
        assert closed.ask(wrong).status == 401

    async def both() -> tuple[list[Answer], float, float]:
        began = time.monotonic()
        slow = asyncio.ensure_future(many([wrong] * 30, closed.port))  # noqa: TID251  # held, and awaited below
        await asyncio.sleep(0.05)
        assert (await many([good], closed.port))[0].status == 200
        quick = time.monotonic() - began
        return await slow, quick, time.monotonic() - began

    answers, quick, slow = asyncio.run(both())
    assert slow > 2.5
    assert quick < slow / 2
    statuses = [answer.status for answer in answers]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= 16


def test_a_key_reaches_its_own_models_alone(closed: Served) -> None:
    key = closed.key("narrow", Terms(models=("oth*",)))
    assert [entry["id"] for entry in json.loads(closed.ask(closed.get("/v1/models", key)).body)["data"]] == ["other"]
    assert closed.ask(closed.get("/v1/models/small", key)).status == 404
    assert closed.ask(closed.post(key)).code == "LUM015"
    assert closed.ask(closed.post(key, model="other")).status == 200
    other = closed.key("elsewhere", Terms(backends=("nobody",)))
    assert json.loads(closed.ask(closed.get("/v1/models", other)).body)["data"] == []
    assert closed.ask(closed.post(other)).code == "LUM016"


def test_a_key_in_the_wrong_place_is_neither_repeated_nor_kept(home: Home) -> None:
    with Backend() as backend, serving(home, "--backend", backend.url, "-v") as served:
        key = served.key("anna")
        for request in (
            served.post(key, model=key),
            served.get(f"/v1/models/{key}", key),
            served.get(f"/v1/{key}"),
            served.post(key).replace(b"/v1/chat", f"/{key}/v1/chat".encode()),
        ):
            answer = served.ask(request)
            assert key[14:-4].encode() not in answer.body
        served.until(lambda: served.usage() != [])
        assert key not in str(served.usage())


# --- how much ---------------------------------------------------------------------------------------------------------


def test_exactly_a_hundred_of_two_thousand_at_once_pass_over_four_workers(home: Home) -> None:
    with Backend() as backend, serving(home, "--backend", backend.url, "--workers", "4", "-q") as served:
        keys = iter([served.key(f"k{number}", Terms(allowance=Allowance(rpm=100))) for number in range(3)])

        def burst() -> list[Answer]:
            backend.asked = 0
            return asyncio.run(many([served.post(next(keys))] * 2000, served.port))

        answers = in_one_minute(burst)
        passed = [answer for answer in answers if answer.status == 200]
        refused = [answer for answer in answers if answer.status == 429]
        assert (len(passed), len(refused), backend.asked) == (100, 1900, 100)
        assert {answer.code for answer in refused} == {"LUM017"}
        assert sorted(int(answer.headers["x-ratelimit-remaining-requests"]) for answer in passed) == list(range(100))
        assert all(1 <= int(answer.headers["retry-after"]) <= 30 for answer in refused)


def test_exactly_so_many_streams_are_open_over_four_workers(home: Home) -> None:
    with Backend() as backend, serving(home, "--backend", backend.url, "--workers", "4", "-q") as served:
        key = served.key("anna", Terms(allowance=Allowance(concurrent=5)))

        async def open_many() -> list[int]:
            async with streams([served.post(key, stream=True)] * 40, served.port) as found:
                return [status for _, _, status in found]

        for _ in range(2):
            statuses = asyncio.run(open_many())
            assert (statuses.count(200), statuses.count(429)) == (5, 35)
            served.until(lambda: backend.open == 0)
        assert backend.most == 5


def test_a_dead_workers_streams_are_free_again(home: Home) -> None:
    with Backend() as backend, serving(home, "--backend", backend.url, "--workers", "2", "-q") as served:
        key = served.key("anna", Terms(allowance=Allowance(concurrent=2)))

        async def kill() -> None:
            async with streams([served.post(key, stream=True)] * 2, served.port) as found:
                assert [status for _, _, status in found] == [200, 200]
                assert (await many([served.post(key)], served.port))[0].code == "LUM019"
                for worker in served.workers:
                    os.kill(worker, signal.SIGKILL)

        asyncio.run(kill())
        served.until(lambda: served.ask(served.post(key)).status == 200 if _alive(served) else False)


def _alive(served: Served) -> bool:
    try:
        return served.ask(served.get("/healthz")).status == 200
    except (ConnectionError, IndexError):
        return False


def test_a_budget_of_tokens_is_exceeded_by_open_requests_at_most(closed: Served) -> None:
    key = closed.key("thrifty", Terms(allowance=Allowance(tokens_per_day=100)))
    answers = [closed.ask(closed.post(key)) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 429, 429]
    assert answers[2].code == "LUM018"
    assert answers[2].headers["x-should-retry"] == "false"
    assert answers[0].headers["x-ratelimit-limit-tokens"] == "100"
    assert closed.tokens_left("thrifty") == 100 - 2 * 60
    refusal = json.loads(answers[2].body)["error"]
    assert refusal["type"] == "insufficient_quota"


def test_a_stream_that_ends_early_is_charged_what_was_read(home: Home) -> None:
    with Backend() as backend, serving(home, "--backend", backend.url) as served:
        key = served.key("anna", Terms(allowance=Allowance(tokens_per_day=100_000)))

        async def leave() -> None:
            async with streams([served.post(key, stream=True)], served.port) as [(reader, _, status)]:
                assert status == 200
                await reader.readuntil(b"word29")

        asyncio.run(leave())
        served.until(lambda: served.usage() != [] and backend.open == 0)
        [line] = served.usage()
        assert line["use"].requests == 1
        assert line["use"].completion == 30
        assert (line["model"], line["backend"]) == ("small", backend.url.split("/")[2])
        assert line["use"].estimated == line["use"].tokens
        assert served.tokens_left("anna") == 100_000 - line["use"].tokens


def test_usage_tells_what_was_used(home: Home) -> None:
    with Backend() as backend, serving(home, "--backend", backend.url, "--workers", "2") as served:
        key = served.key("anna")
        for _ in range(7):
            assert served.ask(served.post(key)).status == 200
        served.until(lambda: sum(line["use"].requests for line in served.usage()) == 7)
        assert {line["model"] for line in served.usage()} == {"small"}
        assert sum(line["use"].tokens for line in served.usage()) == 7 * 60
        assert sum(line["use"].estimated for line in served.usage()) == 0
        with SqliteKeyStore.open(served.store) as store:
            assert store.key("anna").last_used == pytest.approx(time.time(), abs=60)


def test_all_keys_together_have_a_limit_of_their_own(home: Home) -> None:
    home.write("lumeai.yaml", "keys: {rpm: 4}\n")
    with Backend() as backend, serving(home, "--backend", backend.url, "--workers", "2") as served:
        keys = [served.key(name) for name in ("a", "b")]

        def burst() -> list[Answer]:
            return asyncio.run(many([served.post(key) for key in keys * 5], served.port))

        answers = in_one_minute(burst)
        assert [answer.status for answer in answers].count(200) == 4
        assert {answer.code for answer in answers if answer.status != 200} == {"LUM017"}


def test_an_open_proxy_has_limits_too_if_it_is_told_so(home: Home) -> None:
    home.write("lumeai.yaml", "keys: {rpm: 4}\n")
    with Backend() as backend, serving(home, "--backend", backend.url, "--workers", "2") as served:
        answers = in_one_minute(lambda: asyncio.run(many([served.post()] * 10, served.port)))
        assert [answer.status for answer in answers].count(200) == 4
        refused = [answer for answer in answers if answer.status != 200]
        assert {answer.code for answer in refused} == {"LUM017"}
        assert {answer.headers["x-ratelimit-limit-requests"] for answer in refused} == {"4"}
        assert served.ask(served.get("/v1/models")).status == 200


# --- a lost store -----------------------------------------------------------------------------------------------------


def move(folder: Path, there: Path) -> None:
    """The store and what lies beside it."""
    there.mkdir(exist_ok=True)
    for file in folder.glob("keys.db*"):
        shutil.move(file, there / file.name)


def test_a_store_that_is_moved_away_lets_known_keys_in_for_a_while_and_nobody_else(home: Home) -> None:
    home.write("lumeai.yaml", "keys: {lost_store_grace: 6}\n")
    with Backend() as backend, serving(home, "--backend", backend.url) as served:
        known, limited = served.key("known"), served.key("limited", Terms(allowance=Allowance(rpm=50)))
        folder = served.store.parent
        move(folder, folder / "away")
        time.sleep(1)
        assert [served.ask(served.post(key)).status for key in (known, limited)] == [200, 200]
        assert served.ask(served.post(make().reveal())).code == "LUM012"
        assert served.ask(served.post()).code == "LUM010"
        with SqliteKeyStore.open(served.store):
            pass  # an empty store in its place is no better than none
        served.until(lambda: served.ask(served.post(known)).status == 503)
        assert served.ask(served.post()).code == "LUM021"
        assert served.ask(served.get("/healthz")).status == 200
        for file in folder.glob("keys.db*"):
            file.unlink()
        move(folder / "away", folder)
        served.until(lambda: served.ask(served.post(known)).status == 200)
        assert served.ask(served.post(limited)).status == 200
        assert served.ask(served.post()).code == "LUM010"


@pytest.mark.parametrize("how", FULL)
def test_on_a_full_disk_counting_goes_on_and_nothing_is_lost(how: str, home: Home) -> None:
    with Backend() as backend, short_of_room(how, home, "--backend", backend.url) as (served, disk):
        names = iter("abc")
        made: list[str] = []

        def minute() -> list[Answer]:
            made[:] = [next(names)]
            free = served.key(f"free {made[0]}")
            few = served.key(made[0], Terms(allowance=Allowance(rpm=5, tokens_per_day=100_000)))
            answers = [served.ask(served.post(few)) for _ in range(2)]
            disk.fill()
            served.until(lambda: served.ask(served.post(free)).status == 200)
            answers += [served.ask(served.post(few)) for _ in range(5)]
            assert served.ask(served.post(made_of(7).reveal())).code == "LUM012"
            disk.free()
            time.sleep(WRITE_SECONDS + 2 * LOOK_SECONDS)
            return [*answers, *(served.ask(served.post(few)) for _ in range(3))]

        answers = in_one_minute(minute)
        assert [answer.status for answer in answers] == [200] * 5 + [429] * 5
        assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers[:5]] == list("43210")
        [name] = made
        served.until(lambda: served.tokens_left(name) == 100_000 - 5 * 60)
        served.until(lambda: sum(line["use"].requests for line in served.usage() if line["key"] == name) == 10)


@pytest.mark.parametrize("how", FULL)
def test_a_disk_that_stays_full_ends_in_a_clear_error_and_then_in_good_order(how: str, home: Home) -> None:
    home.write("lumeai.yaml", "keys: {lost_store_grace: 4}\n")
    with (
        Backend() as backend,
        short_of_room(how, home, "--backend", backend.url, "--workers", "2", "-q") as (served, disk),
    ):
        keys = [served.key("free"), served.key("limited", Terms(allowance=Allowance(rpm=5000)))]
        disk.fill()
        for _ in range(12):  # both workers shall have something to write
            assert [served.ask(served.post(key)).status for key in keys] == [200, 200]
        served.until(lambda: served.everywhere(keys[0], 503))
        assert {served.ask(served.post(key)).code for key in keys * 4} == {"LUM021"}
        assert served.ask(served.get("/healthz")).status == 200
        disk.free()
        served.until(lambda: served.everywhere(keys[0], 200))
        assert [served.ask(served.post(key)).status for key in keys] == [200, 200]
    assert "Traceback" not in served.log
    told = {"growth": "the disk", "disk": "no space left"}[how]
    assert served.log.count(told) == 4, served.log  # two workers tell of two things that they cannot do, once


def test_a_store_that_is_held_locked_is_counted_without_and_paid_later(home: Home) -> None:
    with Backend() as backend, serving(home, "--backend", backend.url) as served:
        key = served.key("anna", Terms(allowance=Allowance(tokens_per_day=1000, rpm=1000)))
        assert served.ask(served.post(key)).status == 200
        served.until(lambda: served.tokens_left("anna") == 940)
        with contextlib.closing(sqlite3.connect(served.store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert [served.ask(served.post(key)).status for _ in range(3)] == [200, 200, 200]
            other.execute("COMMIT")
        served.until(lambda: served.tokens_left("anna") == 1000 - 4 * 60)
