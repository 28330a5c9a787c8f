"""A backend that waits, `lumeai serve` with keys before it as real processes, and disks that can be filled."""

import asyncio
import contextlib
import http.client
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

from lumeai_cli.keys.limits import DAY
from lumeai_cli.keys.store import SqliteKeyStore
from lumeai_cli.keys.terms import Terms
from lumeai_cli.keys.token import make
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
        self._lines: dict[int, http.client.HTTPConnection] = {}
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
        return text

    def everywhere(self, key: str, status: int) -> bool:
        """Whether each of the workers answers so to a request for the list of models."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        found = set()
        for worker, line in self._to_all().items():
            try:
                line.request("GET", "/v1/models", headers=headers)
                answer = line.getresponse()
                answer.read()
            except (http.client.HTTPException, OSError):
                self._lines.pop(worker).close()
                return False
            found.add(answer.status)
        return found == {status}

    @property
    def workers(self) -> set[int]:
        """The processes that answer."""
        root = self.process.pid
        children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
        return set(map(int, children)) or {root}

    def _to_all(self) -> dict[int, http.client.HTTPConnection]:
        """A connection to each worker: which one takes a new connection is left to chance."""
        for worker in self._lines.keys() - self.workers:
            self._lines.pop(worker).close()
        for _ in range(5000):
            if self._lines.keys() >= self.workers:
                return dict(self._lines)
            line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            line.request("GET", "/healthz")
            line.getresponse().read()
            owner = self._owner(line)
            if owner is None or owner in self._lines:
                line.close()
            else:
                self._lines[owner] = line
        raise AssertionError("a worker never took a connection")

    def _owner(self, line: http.client.HTTPConnection) -> int | None:
        """The worker at the other end."""
        mine = f"{line.sock.getsockname()[1]:04X}"
        for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = row.split()
            ports = fields[1].rpartition(":")[2], fields[2].rpartition(":")[2]
            if ports == (f"{self.port:04X}", mine):
                inode = f"socket:[{fields[9]}]"
                return next((pid for pid in self.workers if inode in opened(pid)), None)
        return None

    def close(self) -> None:
        """Lets all connections go."""
        for line in self._lines.values():
            line.close()

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
        return [
            {"key": names[line.key], "model": line.model, "backend": line.backend, "use": use} for line, use in lines
        ]

    def tokens_left(self, name: str) -> int:
        """Of the day's budget, as the counters have it."""
        with SqliteKeyStore.open(self.store) as store:
            key = store.key(name)
        with contextlib.closing(sqlite3.connect(self.store)) as raw:
            used = raw.execute("SELECT sum(tokens) FROM day WHERE key = ?", (key.id,)).fetchone()[0] or 0
        return (key.terms.allowance.tokens_per_day or 0) - used


def opened(pid: int) -> set[str]:
    """What this process has open."""
    found = set()
    for place in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.add(str(place.readlink()))
    return found


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
        served.close()
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=60)
        served.log = stderr
    files = b"".join(file.read_bytes() for file in home.path.rglob("*") if file.is_file())
    for key in served.made:
        assert key[14:-4] not in stdout + stderr
        assert key[14:-4].encode() not in files


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
        for pid in self._served.workers:
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
