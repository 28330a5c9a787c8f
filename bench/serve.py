"""What the proxy costs: its CPU for each request and each event, against nginx as the practical limit.

Run from the project's root, on an idle Linux machine with two cores, with the environment's Python:

    .venv/bin/python bench/serve.py [LOAD ...]

A small upstream of this file and the load generator run on one core, the proxy that is measured on the other. What is
printed is the CPU time of its process tree (`/proc/PID/task/*/schedstat`), which a busy machine disturbs far less than
the rate; medians over rounds in which the programs take turns, and the ratio to nginx of the same run (Debian's
`nginx-light`; without it the absolute figures stand alone, and that is said). Always exit code 0.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROUNDS = 5
SECONDS = 2.0
UPSTREAM, NGINX, LUMEAI = 9100, 9101, 9102
PIECE = "a few words of an answer, again. "

TOOL = {
    "type": "function",
    "function": {
        "name": "read",
        "description": "Reads a file.",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    },
}


@dataclass(frozen=True, slots=True)
class Load:
    """`events` of a stream, 0 for a plain answer; `pause` seconds between them; how many clients at once."""

    name: str
    events: int
    pause: float
    clients: int
    chars: int = 100
    tools: bool = False

    @property
    def unit(self) -> str:
        """What is counted."""
        return "event" if self.events else "request"

    @property
    def body(self) -> bytes:
        """The client's request; its model's name steers the upstream."""
        model = f"s-{self.events}-{int(self.pause * 1e6)}"
        asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "x" * self.chars}]}
        if self.tools:
            asked["tools"] = [TOOL]
        return json.dumps(asked | {"stream": self.events > 0}).encode()


LOADS = (
    Load("small", 0, 0, 16),
    Load("big", 0, 0, 16, chars=100_000),
    Load("stream", 200, 0, 16),
    Load("tools", 200, 0, 16, tools=True),
    Load("paced", 40, 0.05, 200),
)


def frame(delta: dict[str, str], finish: str | None = None) -> bytes:
    """One event of the upstream's stream, in an HTTP chunk."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    value = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    data = b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


FIRST, EVENT, LAST = frame({"role": "assistant", "content": ""}), frame({"content": PIECE}), frame({}, "stop")
DONE = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
WHOLE = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": PIECE * 18}, "finish_reason": "stop"},
        ],
    }
).encode()


async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The upstream's side of one connection."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        body = await reader.readexactly(length)
        steer = body.partition(b'"s-')[2].partition(b'"')[0].split(b"-")
        events, pause = (int(steer[0]), int(steer[1]) / 1e6) if len(steer) == 2 else (0, 0.0)
        if not events:
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(WHOLE)
            )
            writer.write(WHOLE)
            continue
        writer.write(HEAD + FIRST)
        for _ in range(events):
            writer.write(EVENT)
            await asyncio.sleep(pause)
        writer.write(LAST + DONE)
        await writer.drain()


async def upstream() -> None:
    """Serves until it is killed."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answered(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", UPSTREAM, limit=1 << 22) as server:
        await server.serve_forever()


async def client(port: int, load: Load, until: Callable[[], bool]) -> int:
    """Sends requests one after the other; how many of the load's units came back whole."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(load.body)}\r\n\r\n".encode()
    request, end, count = head + load.body, b"data: [DONE]\n\n\r\n0\r\n\r\n", 0
    while not until():
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answer[:16]:
            raise RuntimeError(answer.decode("latin-1"))
        if load.events:
            count += (await reader.readuntil(end)).count(b'"content":"a')
        else:
            await reader.readexactly(int(answer.lower().partition(b"content-length:")[2].split(b"\r\n")[0]))
            count += 1
    writer.close()
    return count


async def played(port: int, load: Load) -> int:
    """All clients of a load at once, for a while; the units that came back."""
    end = time.monotonic() + SECONDS
    counts = await asyncio.gather(*(client(port, load, lambda: time.monotonic() > end) for _ in range(load.clients)))
    return sum(counts)


def cpu(pid: int) -> int:
    """The nanoseconds of CPU that this process and its children have used."""
    used = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        used += int((task / "schedstat").read_text().split()[0])
        used += sum(cpu(int(child)) for child in (task / "children").read_text().split())
    return used


@contextmanager
def running(core: int, port: int, *command: str, folder: str | None = None) -> Iterator[int]:
    """A program on this core that has begun to listen; its process id."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    os.sched_setaffinity(process.pid, {core})  # before it starts a thread
    try:
        for _ in range(200):
            time.sleep(0.05)
            if not asyncio.run(refused(port)):
                break
        yield process.pid
    finally:
        process.terminate()
        process.wait()


async def refused(port: int) -> bool:
    """Whether nobody listens there."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.close()
    return False


NGINX_CONF = f"""daemon off; worker_processes 1; error_log stderr error; pid nginx.pid;
events {{ worker_connections 8192; }}
http {{ access_log off; client_max_body_size 64m; client_body_buffer_size 512k; keepalive_requests 1000000;
  client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  upstream up {{ server 127.0.0.1:{UPSTREAM}; keepalive 1024; keepalive_requests 1000000; }}
  server {{ listen 127.0.0.1:{NGINX}; location / {{ proxy_pass http://up; proxy_http_version 1.1;
    proxy_set_header Connection ""; proxy_buffering off; }} }} }}
"""


def main(names: list[str]) -> None:
    """Measures, and prints a line for each load."""
    os.sched_setaffinity(0, {1})
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stack.enter_context(running(1, UPSTREAM, sys.executable, __file__, "--upstream"))
        serve = (sys.executable, "-m", "lumeai_cli", "serve", "-q", "--port", str(LUMEAI))
        backend = ("--backend", f"http://127.0.0.1:{UPSTREAM}/v1")
        programs = {"lumeai": (LUMEAI, stack.enter_context(running(0, LUMEAI, *serve, *backend)))}
        if shutil.which("nginx"):
            Path(folder, "nginx.conf").write_text(NGINX_CONF, "utf-8")
            command = ("nginx", "-p", folder, "-c", "nginx.conf")
            programs["nginx"] = (NGINX, stack.enter_context(running(0, NGINX, *command, folder=folder)))
        else:
            print("nginx is not installed: there is no ratio")
        for load in (load for load in LOADS if not names or load.name in names):
            measured: dict[str, list[float]] = {name: [] for name in programs}
            for _ in range(ROUNDS):
                for name, (port, pid) in programs.items():
                    before = cpu(pid)
                    units = asyncio.run(played(port, load))
                    measured[name].append((cpu(pid) - before) / 1000 / max(units, 1))
            told = ", ".join(f"{name} {median(costs):.1f} us" for name, costs in measured.items())
            ratio = median(measured["lumeai"]) / median(measured["nginx"]) if "nginx" in measured else 0.0
            print(f"{load.name:>7} a {load.unit:<8} {told}" + (f", ratio {ratio:.1f}" if ratio else ""))


if __name__ == "__main__":
    if sys.argv[1:] == ["--upstream"]:
        asyncio.run(upstream())
    else:
        main(sys.argv[1:])
