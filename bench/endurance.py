"""Whether `lumeai serve` leaks: thousands of requests to every failure of the lab, clients that leave, backends that
are started again, and one process; prints the figures, and ends with 1 if something was left behind.

    python bench/endurance.py [--requests 10000] [--at-once 32] [--seed 1]

Linux only: open files and memory are read from /proc.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lumeai_cli.lab import SPECIMENS, LabServer

QUIET_SECONDS = 30.0
"""Within which everything has to be as it was before; idle connections to backends are kept for 4."""

IDLE_SECONDS = 6.0
"""After which no idle connection to a backend is kept."""

GROWTH = 16 * 1024
"""KiB by which the memory may grow between the first tenth of the requests and the end."""

PATIENCE = 60.0

BAD = ("nothing", "hang", "half an answer")
"""What no client may get."""


@dataclass
class Figures:
    """What one process holds."""

    tasks: int
    connections: int
    answers: int
    files: int
    kib: int

    def __str__(self) -> str:
        return (
            f"tasks {self.tasks}, client connections {self.connections}, answers under way {self.answers}, "
            f"open files {self.files}, memory {self.kib / 1024:.1f} MiB"
        )


@dataclass
class Result:
    """One run."""

    before: Figures
    warm: Figures
    after: Figures
    upstream: int
    restarts: int
    seconds: float
    outcomes: Counter[str] = field(default_factory=Counter)
    exit_code: int | None = None

    @property
    def leaks(self) -> list[str]:
        """What was left behind."""
        found = []
        for name in ("tasks", "connections", "answers", "files"):
            was, now = getattr(self.before, name), getattr(self.after, name)
            if now > was:
                found.append(f"{name}: {was} before, {now} after")
        if self.after.kib - self.warm.kib > GROWTH:
            found.append(f"memory: {self.warm.kib} KiB when warm, {self.after.kib} KiB after")
        if self.upstream:
            found.append(f"{self.upstream} connections to backends")
        bad = [outcome for outcome in self.outcomes if outcome.startswith(BAD)]
        found += [f"{self.outcomes[outcome]} requests ended with {outcome}" for outcome in bad]
        if self.exit_code != 0:
            found.append(f"exit code {self.exit_code}")
        return found


class Proxy:
    """The process under test."""

    def __init__(self, process: subprocess.Popen[str], log: Path, port: int) -> None:
        self.process = process
        self.log = log
        self.port = port

    async def figures(self) -> Figures:
        """What it tells of itself, and the system of it."""
        return await asyncio.to_thread(self._figures)

    def _figures(self) -> Figures:
        count = len(self._told())
        self.process.send_signal(signal.SIGUSR1)
        while len(told := self._told()) == count:
            time.sleep(0.05)
        pid = self.process.pid
        status = Path(f"/proc/{pid}/status").read_text("ascii")
        resident = re.search(r"VmRSS:\s+(\d+)", status)
        assert resident is not None  # noqa: S101  # every process has it
        files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        one = told[-1]
        return Figures(one["tasks"], one["connections"], one["answers"], files, int(resident[1]))

    def _told(self) -> list[dict[str, int]]:
        return [json.loads(line) for line in self.log.read_text("utf-8").splitlines() if '"figures: ' in line]

    async def settled(self, like: Figures) -> Figures:
        """Its figures as soon as nothing is left of what was, or when that has been waited for in vain."""
        deadline = time.monotonic() + QUIET_SECONDS
        while True:
            now = await self.figures()
            calm = now.tasks <= like.tasks and now.files <= like.files and not now.connections
            if calm or time.monotonic() > deadline:
                return now
            await asyncio.sleep(0.5)


@contextlib.contextmanager
def serving(folder: Path, lab: LabServer) -> Iterator[Proxy]:
    """`lumeai serve` with each specimen as a backend of its own."""
    lines = ["backends:", *(f"- {{name: {name}, url: '{lab.url(name)}', model: lab-model}}" for name in SPECIMENS)]
    lines += ["serve:", "  hold: 0.3", "  keep_alive: 0.2", "  first_byte: 2", "  silence: 2", "  attempts: 3"]
    (folder / "lumeai.yaml").write_text("\n".join(lines), "utf-8")
    log = folder / "log"
    with log.open("w", encoding="utf-8") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "lumeai_cli", "serve", "--port", "0", "--config", "lumeai.yaml"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "LUMEAI_HOME": str(folder / "home")},
            stdout=subprocess.PIPE,
            stderr=written,
            text=True,
        )
        assert process.stdout is not None  # noqa: S101  # it was started with a pipe
        try:
            first = process.stdout.readline()
            port = re.search(r":(\d+)/v1", first)
            if port is None:
                raise RuntimeError(log.read_text("utf-8"))
            yield Proxy(process, log, int(port[1]))
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def request(name: str, number: int, dice: random.Random) -> tuple[bytes, bool]:
    """One request to one specimen, and whether it asks for a stream."""
    stream = dice.random() < 0.8
    tools = [{"type": "function", "function": {"name": "read_file", "parameters": {"type": "object"}}}]
    value = {
        "model": f"{name}/lab-model",
        "messages": [{"role": "user", "content": f"request {number}"}],
        "stream": stream,
        **({"tools": tools} if dice.random() < 0.3 else {}),
    }
    body = json.dumps(value).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body, stream


async def one(port: int, data: bytes, leave_after: float | None, *, stream: bool) -> str:
    """Sends it, and says in a word what came of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        if leave_after is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(leave_after):
                    await reader.read()
            return "left"
        async with asyncio.timeout(PATIENCE):
            return judged(await reader.read(), stream=stream)
    except TimeoutError:
        return "hang"
    finally:
        writer.transport.abort()


def judged(answer: bytes, *, stream: bool) -> str:
    """A word for a whole answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 "):
        return "nothing"
    status = head[9:12].decode()
    if status != "200":
        return f"error {status}" if b'"error":{"message":' in body else "nothing"
    if b'"error":{"message":' in body or b'"error": {' in body:
        return "error in the stream"
    whole = b"[DONE]" in body and body.endswith(b"0\r\n\r\n") if stream else body.endswith(b"}")
    return "answered" if whole else "half an answer"


async def endure(requests: int, at_once: int, seed: int) -> Result:
    """The whole run."""
    dice = random.Random(seed)  # noqa: S311  # a run shall be the same again
    began = time.monotonic()
    outcomes: Counter[str] = Counter()
    restarts = 0
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lab = await LabServer(time_scale=0.05).__aenter__()
        try:
            proxy = stack.enter_context(serving(folder, lab))
            await one(proxy.port, request("healthy-plain", -1, dice)[0], None, stream=True)
            await asyncio.sleep(IDLE_SECONDS)
            before = warm = await proxy.figures()
            names = list(SPECIMENS)
            numbers = iter(range(requests))

            async def client() -> None:
                for number in numbers:
                    data, stream = request(names[number % len(names)], number, dice)
                    leave = dice.expovariate(10) if dice.random() < 0.25 else None
                    outcome = await one(proxy.port, data, leave, stream=stream)
                    name = names[number % len(names)]
                    outcomes[f"{outcome} ({name})" if outcome in BAD else outcome] += 1

            for share in range(10):
                until = requests * (share + 1) // 10
                numbers = iter(range(requests * share // 10, until))
                async with asyncio.TaskGroup() as group:
                    for _ in range(at_once):
                        group.create_task(client())
                    if share % 3 == 2:
                        port = lab.port
                        await asyncio.sleep(0.2)
                        await lab.__aexit__(None, None, None)
                        await asyncio.sleep(0.5)
                        lab = await LabServer(port=port, time_scale=0.05).__aenter__()
                        restarts += 1
                if not share:
                    warm = await proxy.figures()
                print(f"{until:>7} of {requests}  {await proxy.figures()}", file=sys.stderr, flush=True)
            after = await proxy.settled(before)
            upstream = len(lab._connections)  # noqa: SLF001  # nobody else needs to know
            result = Result(before, warm, after, upstream, restarts, time.monotonic() - began, outcomes)
            proxy.process.terminate()
            result.exit_code = await asyncio.to_thread(proxy.process.wait, 60)
        finally:
            await lab.__aexit__(None, None, None)
    return result


def told(result: Result) -> str:
    """The figures for people."""
    lines = [
        f"before  {result.before}",
        f"warm    {result.warm}",
        f"after   {result.after}",
        f"connections to backends left: {result.upstream}; backends were started again {result.restarts} times",
        *(f"{count:>7}  {outcome}" for outcome, count in sorted(result.outcomes.items())),
        f"{result.seconds:.0f} s, exit code {result.exit_code}",
        *(f"LEAK: {leak}" for leak in result.leaks),
    ]
    return "\n".join(lines)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    result = asyncio.run(endure(options.requests, options.at_once, options.seed))
    print(told(result))
    return 1 if result.leaks else 0


if __name__ == "__main__":
    sys.exit(main())
