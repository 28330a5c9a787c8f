"""What it costs to start lumeai, and how long an examination takes beyond what the servers take.

Run from the project's root, on an idle machine, with the environment's Python:

    .venv/bin/python bench/startup.py

The first part measures the CPU of `--version` and `--help` against that of `python -c pass`, each in a process of its
own, in turn; medians. The second part measures the wall time of `lumeai doctor --quick`: of one healthy server of the
lab, and of twenty servers of which one takes five seconds for every completion (not for its list of models). The
twenty give one text to every question, so their verdict is `canned-answer` and the exit code 1. It needs a system with
`os.wait4`, and always ends with exit code 0.
"""

import json
import os
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from lumeai_cli.lab import running_lab

ROUNDS = 15
LUMEAI = [sys.executable, "-m", "lumeai_cli"]
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "lumeai --version": [*LUMEAI, "--version"],
    "lumeai --help": [*LUMEAI, "--help"],
}
TARGETS = {"lumeai --version": 2.0, "lumeai --help": 10.0}

ONE_SERVER = 1.5  # seconds that `doctor --quick` may take for one healthy server
SERVERS = 20
SLOW_BY = 5.0
MANY_SERVERS = 7.0  # and for twenty of which one takes five seconds per completion

# Nobody's proxy, settings or keys may take part, and nothing is found that was not named.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "SYSTEMROOT")}


def met(value: float, target: float) -> str:
    """Whether the target is met, in a word."""
    return "met" if value <= target else "MISSED"


def cpu(command: list[str]) -> float:
    """The CPU seconds of one run of this command."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(f"{' '.join(command)} ended with exit code {process.returncode}: the figures are WRONG")
    return used.ru_utime + used.ru_stime


def measure_starts() -> None:
    """The CPU of each command, and its ratio to a bare Python."""
    for command in COMMANDS.values():
        cpu(command)  # compiles what is not compiled yet
    runs: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            runs[name].append(cpu(command))
    bare = median(runs["python -c pass"])
    for name, times in runs.items():
        used = median(times)
        target = TARGETS.get(name)
        verdict = f", ratio {used / bare:.2f}; target <= {target:g}: {met(used / bare, target)}" if target else ""
        print(f"{name:>18}: {used * 1000:.1f} ms of CPU{verdict}")


class Answering(socketserver.StreamRequestHandler):
    """One request, one answer, later by what the server is slow by; then the connection is closed."""

    server: "Backend"

    def handle(self) -> None:
        """Reads the request and gives models or a completion, streamed if that was asked for."""
        target = self.rfile.readline().split(b" ")[1:2]
        length = 0
        while line := self.rfile.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = self.rfile.read(length)
        if not target:
            return
        if not body:
            self._send(b"application/json", json.dumps({"object": "list", "data": [{"id": "bench"}]}).encode())
            return
        time.sleep(self.server.slow_by)
        if json.loads(body).get("stream"):
            self._send(b"text/event-stream", streamed({"role": "assistant", "content": ""}, {"content": "Hi there."}))
        else:
            said = {"role": "assistant", "content": "Hi there."}
            choice = {"index": 0, "message": said, "finish_reason": "stop"}
            whole: dict[str, object] = {
                "id": "c1",
                "object": "chat.completion",
                "created": 1,
                "model": "bench",
                "choices": [choice],
            }
            usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
            self._send(b"application/json", json.dumps(whole | {"usage": usage}).encode())

    def _send(self, label: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        self.wfile.write(head % (label, len(body)) + body)


def streamed(*deltas: dict[str, str]) -> bytes:
    """A correct stream of these deltas."""
    base: dict[str, object] = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "bench"}
    choices: list[dict[str, object]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    frames = [json.dumps(base | {"choices": [choice]}) for choice in choices]
    return b"".join(b"data: %b\n\n" % frame.encode() for frame in [*frames, "[DONE]"])


class Backend(socketserver.ThreadingTCPServer):
    """A backend on a free port, slow by so many seconds per completion."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, slow_by: float) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.slow_by = slow_by

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""


@contextmanager
def running_backend(slow_by: float) -> Iterator[str]:
    """The base URL of a backend that runs meanwhile."""
    with Backend(slow_by) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()


def examine(targets: list[str], home: str) -> tuple[float, int]:
    """The wall seconds and the exit code of `doctor --quick` for these targets."""
    started = time.monotonic()
    done = subprocess.run(
        [*LUMEAI, "doctor", "--quick", "--quiet", *targets],
        cwd=home,
        env=ENVIRONMENT | {"HOME": home, "XDG_CONFIG_HOME": home},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    return time.monotonic() - started, done.returncode


def measure_examinations() -> None:
    """One healthy server of the lab; then many servers of which one is slow."""
    with tempfile.TemporaryDirectory() as home:
        with running_lab() as lab:
            seconds, codes = zip(*(examine([lab.url("healthy-plain")], home) for _ in range(5)), strict=True)
        wall = median(seconds)
        print(
            f"doctor --quick, healthy-plain: {wall:.2f} s (median of 5), exit codes {sorted(set(codes))}; "
            f"target < {ONE_SERVER:g} s: {met(wall, ONE_SERVER)}"
        )
        with ExitStack() as servers:
            urls = [servers.enter_context(running_backend(SLOW_BY if place == 0 else 0.0)) for place in range(SERVERS)]
            wall, code = examine(urls, home)
        print(
            f"doctor --quick, {SERVERS} servers, one slow by {SLOW_BY:g} s: {wall:.2f} s, exit code {code}; "
            f"target < {MANY_SERVERS:g} s: {met(wall, MANY_SERVERS)}"
        )


if __name__ == "__main__":
    if Path.cwd().joinpath("lumeai_cli").is_dir():
        ENVIRONMENT["PYTHONPATH"] = str(Path.cwd())
    measure_starts()
    measure_examinations()
