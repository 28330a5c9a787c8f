"""`lumeai serve` with keys, as real processes: who is let in, how often, how much, and what a lost store means."""

import asyncio
import contextlib
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from lumeai_cli.admission.gate import LOOK_SECONDS, WRITE_SECONDS
from lumeai_cli.keys.limits import DAY
from lumeai_cli.keys.store import SqliteKeyStore
from lumeai_cli.keys.terms import Allowance, Terms
from lumeai_cli.keys.token import made_of, make
from tests.cli.process import Home

USAGE = {"prompt_tokens": 40, "completion_tokens": 20, "total_tokens": 60}
CHAT = {"model": "small", "messages": [{"role": "user", "content": "Say something."}]}


class Backend:
    """A server whose streams wait for a word to go on, in a thread of its own. `open`: how many there are."""

    def __init__(self) -> None:
        self.open = self.most = self.asked = 0
        self.gate = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=4096))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r")[0] or 0)
            body = json.loads(await reader.readexactly(length)) if length else None
            if body is None:
                self._plain(writer, {"object": "list", "data": [{"id": "small"}, {"id": "other"}]})
            elif body.get("stream"):
                await self._stream(writer)
            else:
                self.asked += 1
                message = {"role": "assistant", "content": "Something."}
                choice = {"index": 0, "message": message, "finish_reason": "stop"}
                self._plain(writer, {"id": "c", "object": "chat.completion", "choices": [choice], "usage": USAGE})
            await writer.drain()
        writer.close()

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
            for delta in ({"role": "assistant", "content": ""}, *({"content": f" word{place}"} for place in range(30))):
                choice = {"index": 0, "delta": delta, "finish_reason": None}
                chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
                writer.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
            await writer.drain()
            while not self.gate.is_set() and not writer.is_closing():
                await asyncio.sleep(0.01)
                writer.write(b": wait\n\n")
                await writer.drain()
            chunk["choices"] = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
            writer.write(b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n")
            await writer.drain()
        finally:
            self.open -= 1

    def _plain(self, writer: asyncio.StreamWriter, value: object) -> None:
        body = json.dumps(value).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        writer.write(f"{head}connection: close\r\n\r\n".encode() + body)


class Served:
    """A running proxy, its home, and the keys that were made for it."""

    def __init__(self, home: Home, port: int, process: subprocess.Popen[str]) -> None:
        self.home = home
        self.port = port
        self.process = process
        self.store = home.path / "lumeai" / "keys.db"
        self.made: list[str] = []
        self.log = ""
        """All that it wrote, once it has ended."""

    def key(self, name: str, terms: Terms | None = None) -> str:
        """A new key, known to every worker."""
        token = make()
        with SqliteKeyStore.open(self.store) as store:
            store.create(name, token, terms or Terms(), time.time())
        text = token.reveal()
        self.made.append(text)
        self.until(lambda: self.everywhere("", 401) and self.everywhere(text, 200))
        time.sleep(2 * LOOK_SECONDS)  # a worker that none of these connections met has looked by now, too
        return text

    def everywhere(self, key: str, status: int) -> bool:
        """Whether each of many connections, over all workers, gets this status for the list of models."""
        answers = asyncio.run(many([self.get("/v1/models", key)] * 24, self.port))
        return {answer.status for answer in answers} == {status}

    def get(self, path: str, key: str = "") -> bytes:
        """A request's bytes."""
        own = f"authorization: Bearer {key}\r\n" if key else ""
        return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{own}connection: close\r\n\r\n".encode()

    def post(self, key: str = "", headers: str = "", **more: Any) -> bytes:
        """A chat request's bytes."""
        body = json.dumps(CHAT | more).encode()
        own = f"authorization: Bearer {key}\r\n" if key else ""
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n{own}{headers}"
        return f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body

    def ask(self, request: bytes) -> "Answer":
        """One answer."""
        return asyncio.run(many([request], self.port))[0]

    def until(self, holds: Callable[[], bool], seconds: float = 20.0) -> float:
        """Waits until it holds; how long that took."""
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < seconds, "never came true"
            time.sleep(0.05)
        return time.monotonic() - began

    def usage(self) -> list[dict[str, Any]]:
        """What was used, as the store has it."""
        with SqliteKeyStore.open(self.store) as store:
            names = {key.id: key.name for key in (*store.keys(),)}
            lines = store.usage.read(int(time.time() // DAY) - 1)
        return [{"key": names[line.key], "model": line.model, "use": use} for line, use in lines]

    def tokens_left(self, name: str) -> int:
        """Of the day's budget, as the counters have it."""
        with SqliteKeyStore.open(self.store) as store:
            key = store.key(name)
        with contextlib.closing(sqlite3.connect(self.store)) as raw:
            used = raw.execute("SELECT sum(tokens) FROM day WHERE key = ?", (key.id,)).fetchone()[0] or 0
        return (key.terms.allowance.tokens_per_day or 0) - used


class Answer:
    """One answer, read to its end."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if data else 0
        self.headers = dict(line.lower().split(": ", 1) for line in lines[1:])

    @property
    def code(self) -> str:
        """The error's code."""
        return str(json.loads(self.body)["error"]["code"])


async def many(requests: list[bytes], port: int) -> list[Answer]:
    """All of them at once, each on a connection of its own."""

    async def one(request: bytes) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        writer.write(request)
        data = b""
        with contextlib.suppress(ConnectionError):
            data = await reader.read(-1)
        writer.close()
        return Answer(data)

    return list(await asyncio.gather(*map(one, requests)))


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter, int]
"""Both ends, and the status."""


@contextlib.asynccontextmanager
async def streams(requests: list[bytes], port: int) -> AsyncIterator[list[Stream]]:
    """Open streams, each with its status."""
    found = []
    for request in requests:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        status = int((await reader.readline()).split(b" ")[1])
        found.append((reader, writer, status))
    try:
        yield found
    finally:
        for _, writer, _ in found:
            writer.close()


@contextmanager
def serving(home: Home, *arguments: str) -> Iterator[Served]:
    """`lumeai serve` at a free port, until the end of the block."""
    process = home.start("serve", "--port", "0", *arguments, measured=False, LUMEAI_LANG="en")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "http://" in line, process.stderr.read() if process.stderr else ""
    served = Served(home, int(line.split("/v1")[0].rpartition(":")[2]), process)
    try:
        yield served
    finally:
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=60)
        served.log = stderr
    files = b"".join(file.read_bytes() for file in home.path.rglob("*") if file.is_file())
    for key in served.made:
        assert key[14:-4] not in stdout + stderr
        assert key[14:-4].encode() not in files


@pytest.fixture(autouse=True)
def _room_for_sockets() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 8192:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A fresh one."""
    return Home(tmp_path)


def in_one_minute(burst: Callable[[], list[Answer]]) -> list[Answer]:
    """A burst that began and ended within the same UTC minute."""
    for _ in range(3):
        if time.time() % 60 > 40:
            time.sleep(61 - time.time() % 60)
        minute = time.time() // 60
        answers = burst()
        if time.time() // 60 == minute:
            return answers
    raise AssertionError("no burst fits into a minute here")


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
                children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()  # noqa: ASYNC240  # no disk
                for child in children:
                    os.kill(int(child), signal.SIGKILL)

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
        assert 25 <= line["use"].completion <= 40
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


class Growth:
    """Forbids the processes of a proxy to make any file longer: what a full disk is to a store, without root."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def fill(self) -> None:
        """Nothing more can be written."""
        self._limit(0)

    def free(self) -> None:
        """It can."""
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        root = self._served.process.pid
        children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
        for pid in (root, *map(int, children)):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


class Disk:
    """A real disk, and a small one; a reader keeps the store from using room again that it has already."""

    def __init__(self, store: Path) -> None:
        self._filling = store.with_name("filling")
        self._reader = sqlite3.connect(store, isolation_level=None)
        self._writer = sqlite3.connect(store, isolation_level=None, timeout=20)

    def fill(self) -> None:
        """Not one byte is free any more."""
        self._reader.execute("BEGIN")
        self._reader.execute("SELECT count(*) FROM key").fetchall()
        with self._filling.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(512))
        while self._room_for_one_more():
            pass

    def free(self) -> None:
        """All of it is."""
        self._filling.unlink()
        self._reader.execute("COMMIT")

    def close(self) -> None:
        """Lets the disk go."""
        self._reader.close()
        self._writer.close()

    def _room_for_one_more(self) -> bool:
        """Whether the store's log takes the smallest transaction."""
        try:
            self._writer.execute("UPDATE state SET changes = changes + 1")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            return False
        return True


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """A disk of one megabyte there, which ends with the block."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def short_of_room(how: str, home: Home, *arguments: str) -> Iterator[tuple[Served, Growth | Disk]]:
    """A proxy whose disk can be filled."""
    with contextlib.ExitStack() as stack:
        if how == "disk":
            stack.enter_context(mounted(home.path / "lumeai"))
        served = stack.enter_context(serving(home, *arguments))
        if how == "disk":
            yield served, stack.enter_context(contextlib.closing(Disk(served.store)))
        else:
            yield served, Growth(served)


def mounts() -> bool:
    """Whether a disk may be mounted here."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False, capture_output=True)
        return done.returncode == 0 and subprocess.run(["umount", folder], check=True).returncode == 0


FULL = ["growth", pytest.param("disk", marks=pytest.mark.skipif(not mounts(), reason="no disk may be mounted here"))]


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
        served.until(lambda: all(served.ask(served.post(key)).status == 503 for key in keys * 12))
        assert {served.ask(served.post(key)).code for key in keys * 4} == {"LUM021"}
        assert served.ask(served.get("/healthz")).status == 200
        disk.free()
        served.until(lambda: all(served.ask(served.post(key)).status == 200 for key in keys * 12))
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
