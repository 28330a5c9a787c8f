"""One process's gate: what it knows, what it forgets to ask for never, and that nothing ends it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lumeai_cli.admission.books import Books
from lumeai_cli.admission.entry import Entry
from lumeai_cli.admission.gate import Gate, Guest
from lumeai_cli.admission.guard import Guard
from lumeai_cli.flow.refusal import Refusal, model_not_allowed
from lumeai_cli.keys.store import SqliteKeyStore
from lumeai_cli.keys.terms import Allowance, Terms
from lumeai_cli.keys.token import made_of, make
from lumeai_cli.keys.usage import Use
from lumeai_cli.keys.watch import Watch

ONE = Use(requests=1, prompt=5, completion=5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "keys.db"


def key(path: Path, name: str, terms: Terms | None = None) -> list[tuple[bytes, bytes]]:
    """A new key's headers."""
    token = make()
    with SqliteKeyStore.open(path) as store:
        store.create(name, token, terms or Terms(), time.time())
    return [(b"authorization", f"Bearer {token.reveal()}".encode())]


@asynccontextmanager
async def entered(path: Path, **more: Any) -> AsyncIterator[Gate]:
    """A gate at work."""
    async with Gate(Guard(path, keys=1, **more)) as gate:
        yield gate


async def guest(gate: Gate, headers: list[tuple[bytes, bytes]]) -> Guest:
    """One that is let in."""
    found = await gate.admit(headers, "127.0.0.1")
    assert isinstance(found, Guest), found
    return found


async def code(gate: Gate, headers: list[tuple[bytes, bytes]]) -> str:
    """Why one is not."""
    found = await gate.admit(headers, "127.0.0.1")
    assert isinstance(found, Refusal), found
    return found.code


async def until(holds: Callable[[], bool]) -> None:
    """Waits until it holds."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # whoever makes it true tells nobody
            await asyncio.sleep(0.001)


def books(gate: Gate) -> Books:
    """What it keeps."""
    found = gate._books  # noqa: SLF001  # to look inside
    assert found is not None
    return found


def look(gate: Gate) -> None:
    """What it does twice a second."""
    books(gate).watch.look()


def used(path: Path) -> list[tuple[str, int]]:
    """Models and requests, as they are written."""
    with SqliteKeyStore.open(path) as store:
        return [(line.model, use.requests) for line, use in store.usage.read(0)]


def test_a_key_that_is_taken_back_while_its_request_comes_is_not_served(path: Path) -> None:
    headers = key(path, "anna", Terms(allowance=Allowance(rpm=5)))
    changed = key(path, "bert")

    async def play() -> None:
        async with entered(path) as gate:
            anna, bert = await guest(gate, headers), await guest(gate, changed)
            with SqliteKeyStore.open(path) as store:
                store.revoke("anna", time.time())
                store.change("bert", lambda _: Terms(allowance=Allowance(rpm=1)))
            look(gate)
            refused = await gate.enter(anna, 10)
            assert isinstance(refused, Refusal)
            assert refused.code == "LUM014"
            entry = await gate.enter(bert, 10)
            assert isinstance(entry, Entry)
            assert entry.ticket is not None, "the limits are those of now"
            with SqliteKeyStore.open(path) as store:
                store.delete("bert")
            look(gate)
            refused = await gate.enter(bert, 10)
            assert isinstance(refused, Refusal)
            assert refused.code == "LUM012"

    asyncio.run(play())


def test_who_has_never_read_the_store_knows_nobody_and_says_so(path: Path) -> None:
    async def play() -> None:
        async with entered(path) as gate:
            for headers in ([], [(b"x-api-key", made_of(3).reveal().encode())]):
                assert await code(gate, headers) == "LUM021"
            good = key(path, "anna")
            look(gate)
            await guest(gate, good)
            assert await code(gate, []) == "LUM010"

    asyncio.run(play())


def test_new_settings_open_no_proxy_that_others_reach(path: Path) -> None:
    headers = key(path, "anna")

    async def play() -> None:
        async with entered(path, loopback=False) as gate:
            gate.reload(Guard(path, loopback=True, allowance=Allowance(rpm=1)))
            with SqliteKeyStore.open(path) as store:
                store.delete("anna")
            look(gate)
            assert not gate.open
            assert await code(gate, headers) == "LUM012"

    asyncio.run(play())


def test_a_web_page_reads_nothing_of_an_open_proxys_backends(path: Path) -> None:
    async def play() -> None:
        async with Gate(Guard(path)) as gate:
            assert gate.open
            assert gate.admits([(b"host", b"127.0.0.1:4141")])
            assert not gate.admits([(b"host", b"evil.example")])
            assert not gate.admits([(b"host", b"127.0.0.1"), (b"origin", b"https://evil.example")])

    asyncio.run(play())


def test_whatever_breaks_in_its_rounds_it_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("lumeai_cli.admission.books.LOOK_SECONDS", 0.001)
    headers = key(path, "anna")
    rounds = 0

    def broken(_: Watch) -> None:
        nonlocal rounds
        rounds += 1
        raise ValueError("a row that nobody wrote")

    async def play() -> None:
        async with entered(path) as gate:
            with monkeypatch.context() as patch:
                patch.setattr(Watch, "_look", broken)
                await until(lambda: rounds >= 5)
                assert books(gate).watch.loss, "what is known is not trusted for ever"
            with monkeypatch.context() as patch:
                patch.setattr("lumeai_cli.admission.books.Books._tell_losses", broken)
                before = rounds
                await until(lambda: rounds >= before + 5)
            await until(lambda: not books(gate).watch.loss)
            await guest(gate, headers)

    with caplog.at_level(logging.ERROR, "lumeai.serve"):
        asyncio.run(play())
    assert "a row that nobody wrote" in caplog.text


def test_a_use_that_cannot_be_written_is_told_and_stands_in_nobodys_way(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    headers = key(path, "anna")

    async def play() -> None:
        async with entered(path) as gate:
            entry = await gate.enter(await guest(gate, headers), 10)
            assert isinstance(entry, Entry)
            gate.leave(entry, "first", "b", ONE)
            with monkeypatch.context() as patch:
                patch.setattr("lumeai_cli.keys.usage._sums", lambda _: (1 / 0,))
                await books(gate)._write()  # noqa: SLF001  # what it does every other second
            gate.leave(entry, "second", "b", ONE)

    with caplog.at_level(logging.ERROR, "lumeai.serve"):
        asyncio.run(play())
    assert "first" in caplog.text
    assert used(path) == [("second", 1)]


def test_what_was_used_is_written_at_the_end(path: Path) -> None:
    headers = key(path, "anna")

    async def play() -> None:
        async with entered(path) as gate:
            entry = await gate.enter(await guest(gate, headers), 10)
            assert isinstance(entry, Entry)
            for _ in range(3):
                gate.leave(entry, "m", "b", ONE)

    asyncio.run(play())
    assert used(path) == [("m", 3)]


def test_who_is_turned_away_with_a_key_is_told_in_its_use(path: Path) -> None:
    headers = key(path, "anna")

    async def play() -> None:
        async with entered(path) as gate:
            anna = await guest(gate, headers)
            for _ in range(2):
                assert gate.turned_away(anna, model_not_allowed("big"), "big").code == "LUM015"
            assert gate.turned_away(Guest(), model_not_allowed("big"), "big").code == "LUM015"

    asyncio.run(play())
    with SqliteKeyStore.open(path) as store:
        [(line, use)] = store.usage.read(0)
    assert (line.model, use.requests, use.failed, use.codes) == ("big", 2, 2, (("LUM015", 2),))
