"""Running proxies, in a thread or as a process, and a client whose every byte the test writes."""

import asyncio
import contextlib
import json
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import IO, Any, Self, TypeVar

import uvicorn

from lumeai_cli.admission.guard import Guard
from lumeai_cli.backends.backend import Backend, Kind
from lumeai_cli.proxy.listening import listen
from lumeai_cli.proxy.patience import Patience
from lumeai_cli.proxy.plan import Plan
from lumeai_cli.proxy.proxy import Proxy
from lumeai_cli.proxy.server import config_of
from lumeai_cli.settings import ServeSettings
from tests.cli.process import Home, Run, finished

T = TypeVar("T")

PATIENCE = Patience()

SECONDS = 30.0
"""After which something that should have happened long ago is given up."""


def until(true: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Waits for something that others bring about."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object of the body."""
        value: dict[str, Any] = json.loads(self.body)
        return value

    @property
    def error(self) -> dict[str, Any]:
        """The error of the body, which has to be in OpenAI's form."""
        error: dict[str, Any] = self.json["error"]
        assert self.headers["content-type"] == "application/json"
        assert error.keys() == {"message", "type", "code", "param"}
        assert len(error["message"]) > 20
        assert "Traceback" not in error["message"]
        return error

    @property
    def frames(self) -> list[Any]:
        """What stands in the data of a stream's events."""
        found = re.findall(rb"^data: (.*)$", self.body, re.MULTILINE)
        return [one if one == b"[DONE]" else json.loads(one) for one in found]

    @property
    def text(self) -> str:
        """The words of a streamed answer."""
        choices = [frame["choices"][0] for frame in self.frames if isinstance(frame, dict) and frame.get("choices")]
        return "".join(choice["delta"].get("content") or "" for choice in choices)


class Client:
    """One connection."""

    def __init__(self, port: int, receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(SECONDS)
        self.socket.connect(("127.0.0.1", port))
        self.seen = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """These bytes."""
        self.socket.sendall(data)

    def more(self) -> bool:
        """Reads what has come; False at the end of the connection."""
        data = self.socket.recv(65536)
        self.seen += data
        return bool(data)

    def read_until(self, mark: bytes) -> bytes:
        """Everything up to this mark, which has to come."""
        while mark not in self.seen:
            assert self.more(), self.seen
        head, _, self.seen = self.seen.partition(mark)
        return head + mark

    def read(self, count: int) -> bytes:
        """So many bytes."""
        while len(self.seen) < count:
            assert self.more(), self.seen
        data, self.seen = self.seen[:count], self.seen[count:]
        return data

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        while self.more():
            pass
        data, self.seen = self.seen, b""
        return data

    def answer(self, *, head_only: bool = False) -> Answer:
        """The next answer, however its body is framed."""
        status, headers = self.head()
        if head_only:
            body = b""
        elif "content-length" in headers:
            body = self.read(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self.read_until(b"\r\n"), 16):
                body += self.read(size + 2)[:-2]
            self.read(2)
        else:
            body = self.rest()
        return Answer(status, headers, body)

    def head(self) -> tuple[int, dict[str, str]]:
        """The status and the headers of the next answer."""
        first, *lines = self.read_until(b"\r\n\r\n").decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        assert first.startswith("HTTP/1.1 "), first
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split(" ")[1]), headers


def request(method: str, path: str, body: bytes = b"", *headers: str, version: str = "1.1") -> bytes:
    """A whole request."""
    length = [f"content-length: {len(body)}"] if body else []
    return "\r\n".join([f"{method} {path} HTTP/{version}", "host: lumeai", *length, *headers, "", ""]).encode() + body


def body(text: str = "hello", **fields: Any) -> bytes:
    """A chat request's body."""
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}], **fields}).encode()


def chat(text: str = "hello", path: str = "/v1/chat/completions", **fields: Any) -> bytes:
    """A chat request."""
    return request("POST", path, body(text, **fields), "content-type: application/json")


def asked(port: int, data: bytes) -> Answer:
    """The answer to one request on a connection of its own."""
    with Client(port) as client:
        client.send(data)
        return client.answer()


def get(port: int, path: str) -> Answer:
    """The answer to a GET."""
    return asked(port, request("GET", path))


def upstream(url: str, name: str = "up", kind: Kind = Kind.UNKNOWN, **more: Any) -> Backend:
    """A backend of this URL."""
    return Backend(name, url, kind, **more)


OPEN = Guard()
"""No keys, no limits."""


@dataclass
class Serving:
    """A proxy that serves in a thread of this process."""

    proxy: Proxy
    port: int
    loop: asyncio.AbstractEventLoop

    def on_loop(self, function: Callable[[], T]) -> T:
        """What the function gives, called where the proxy lives."""
        done: Future[T] = Future()

        def call() -> None:
            try:
                done.set_result(function())
            except BaseException as error:  # noqa: BLE001  # whatever it is, the test shall meet it
                done.set_exception(error)

        self.loop.call_soon_threadsafe(call)
        return done.result(SECONDS)

    @property
    def tasks(self) -> int:
        """How many the proxy's loop has."""
        return self.on_loop(lambda: len(asyncio.all_tasks(self.loop)))


@contextlib.contextmanager
def served(
    *backends: Backend, patience: Patience = PATIENCE, language: str = "en", guard: Guard = OPEN, **settings: Any
) -> Iterator[Serving]:
    """A proxy in a thread, with uvicorn as the process has it."""
    sock = listen("127.0.0.1", 0)
    ready: Future[asyncio.AbstractEventLoop] = Future()
    proxy = Proxy(Plan(backends, ServeSettings(port=0, **settings), language, guard=guard), patience)
    server = uvicorn.Server(config_of(proxy))

    async def run() -> None:
        ready.set_result(asyncio.get_running_loop())
        await server.serve([sock])

    def serve() -> None:
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(run())

    thread = threading.Thread(target=serve)
    port = sock.getsockname()[1]
    thread.start()
    try:
        loop = ready.result(SECONDS)
        until(lambda: server.started)
        yield Serving(proxy, port, loop)
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        sock.close()
    assert not thread.is_alive()


@dataclass
class Process:
    """`lumeai serve` as a process: where it serves, and what it has written so far."""

    process: subprocess.Popen[str]
    port: int = 0
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    def signal(self, number: signal.Signals) -> None:
        """Sends it."""
        self.process.send_signal(number)

    def log(self, word: str) -> list[str]:
        """The log's lines that hold this word."""
        return [line for line in self.err if word in line]

    def wait_for_log(self, word: str, count: int = 1) -> list[str]:
        """The same, as soon as there are so many."""
        until(lambda: len(self.log(word)) >= count)
        return self.log(word)

    def figures(self) -> dict[str, int]:
        """What it tells of itself."""
        before = len(self.log("figures"))
        self.signal(signal.SIGUSR1)
        told: dict[str, int] = json.loads(self.wait_for_log("figures", before + 1)[-1])
        return told

    def ended(self) -> int:
        """Its exit code, as soon as it has ended."""
        return self.process.wait(SECONDS)


@contextlib.contextmanager
def process(home: Home, *arguments: str, **environment: str) -> Iterator[Process]:
    """A proxy at a free port that has said that it serves; it is killed at the end, if it has not ended."""
    running = home.start("serve", "--port", "0", *arguments, measured=False, **environment)
    one = Process(running)
    readers = [
        threading.Thread(target=_collect, args=(pipe, lines))
        for pipe, lines in ((running.stdout, one.out), (running.stderr, one.err))
    ]
    for reader in readers:
        reader.start()
    try:
        until(lambda: any("serves at" in line for line in one.out) or running.poll() is not None)
        place = re.search(r":(\d+)/v1", "".join(one.out))
        assert place is not None, "".join(one.err)
        one.port = int(place[1])
        yield one
    finally:
        running.kill()
        running.wait()
        for reader in readers:
            reader.join(SECONDS)
        for pipe in (running.stdout, running.stderr):
            assert pipe is not None
            pipe.close()
    assert "Traceback" not in "".join(one.err)


def _collect(pipe: IO[str] | None, lines: list[str]) -> None:
    assert pipe is not None
    for line in pipe:
        lines.append(line)  # noqa: PERF402  # one at a time, for others look at them meanwhile


def refused_to_start(home: Home, *arguments: str) -> Run:
    """A process that ends by itself."""
    return finished(home.start("serve", *arguments))
