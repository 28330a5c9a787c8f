"""What keys cost: the CPU of a small request without keys, with one, with one with limits; and 100,000 keys.

Run from the project's root, on an idle Linux machine with two cores, with the environment's Python:

    .venv/bin/python bench/auth.py

Upstream and clients as in `bench/serve.py` run on one core, three proxies on the other: one that is open, one that asks
for keys, one whose key has limits that are far away. They take turns; what is compared is each round's CPU per request
with that of the open one in the same round (`schedstat`). Two processes of one program differ by several percent for as
long as they live, so all three are started anew several times; the figures are medians over all rounds. The second part
fills a store and measures how long
`create` and a first look-up take, and how much memory a proxy's view of it takes. Always exit code 0.
"""

import asyncio
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from serve import LOADS, UPSTREAM, cpu, running

from lumeai_cli.keys.store import SqliteKeyStore
from lumeai_cli.keys.terms import Allowance, Terms
from lumeai_cli.keys.token import make
from lumeai_cli.keys.watch import Watch

STARTS = 8
ROUNDS = 4
SECONDS = 1.0
CLIENTS = 16
KEYS = 100_000
PORTS = {"open": 9111, "key": 9112, "limits": 9113}
TARGETS = {"key": 1.05, "limits": 1.20}
FAR = Allowance(rpm=10**9, tokens_per_day=10**12, concurrent=10**6)


def met(value: float, target: float) -> str:
    """Whether the target is met, in a word."""
    return "met" if value <= target else "MISSED"


async def client(port: int, request: bytes, until: float) -> int:
    """Sends requests one after the other; how many were answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    count = 0
    while time.monotonic() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:16]:
            raise RuntimeError(head.decode("latin-1"))
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]))
        count += 1
    writer.close()
    return count


async def played(port: int, key: str) -> int:
    """All clients at once, for a while; every one shows a key, as clients do."""
    body = LOADS[0].body
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
    request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    until = time.monotonic() + SECONDS
    return sum(await asyncio.gather(*(client(port, request, until) for _ in range(CLIENTS))))


@contextmanager
def proxy(name: str, folder: str) -> Iterator[tuple[int, str]]:
    """A proxy of this kind; its process id and a key for it."""
    home, token = Path(folder, name), make()
    home.mkdir()
    if name != "open":
        with SqliteKeyStore.open(home / "keys.db") as store:
            store.create("bench", token, Terms(allowance=FAR) if name == "limits" else Terms(), time.time())
    os.environ["LUMEAI_HOME"] = str(home)
    url = f"http://127.0.0.1:{UPSTREAM}/v1"
    command = (sys.executable, "-m", "lumeai_cli", "serve", "-q", "--port", str(PORTS[name]), "--backend", url)
    with running(0, PORTS[name], *command) as pid:
        yield pid, token.reveal()


def measure_requests() -> None:
    """The three proxies in turn."""
    costs: dict[str, list[float]] = {name: [] for name in PORTS}
    script = str(Path(__file__).with_name("serve.py"))
    with running(1, UPSTREAM, sys.executable, script, "--upstream"):
        for _ in range(STARTS):
            with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
                proxies = {name: stack.enter_context(proxy(name, folder)) for name in PORTS}
                for number in range(ROUNDS + 1):
                    for name, (pid, key) in proxies.items():
                        before = cpu(pid)
                        count = asyncio.run(played(PORTS[name], key))
                        if number:  # the first one warms up
                            costs[name].append((cpu(pid) - before) / 1000 / max(count, 1))
    print(f"   open: {median(costs['open']):.0f} us of CPU a request")
    for name, target in TARGETS.items():
        ratio = median(mine / other for mine, other in zip(costs[name], costs["open"], strict=True))
        verdict = met(ratio, target)
        print(f"{name:>7}: {median(costs[name]):.0f} us, {ratio:.3f} of that; target <= {target:g}: {verdict}")


def fill(store: SqliteKeyStore) -> None:
    """So many keys, in one transaction: what is measured is what comes after."""
    connection = store._connection  # noqa: SLF001  # a short way in
    connection.execute("BEGIN")
    for number in range(KEYS):
        token = make()
        connection.execute(
            "INSERT INTO key (name, created, models, backends, rpm, changed) VALUES (?, 1, '[\"gpt-*\"]', '[]', ?, ?)",
            (f"key of person {number}", number % 7 + 1, number + 1),
        )
        connection.execute(
            "INSERT INTO token VALUES (?, last_insert_rowid(), ?, ?, 1, NULL)", (token.digest, token.head, token.tail)
        )
    connection.execute("UPDATE state SET changes = ?", (KEYS,))
    connection.execute("COMMIT")


def memory() -> float:
    """MiB of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def measure_store() -> None:
    """Create and look up among very many keys."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "keys.db")
        with SqliteKeyStore.open(path) as store:
            fill(store)
        token = make()
        began = time.perf_counter()
        with SqliteKeyStore.open(path) as store:
            store.create("anna", token, Terms(), 2.0)
        made = time.perf_counter()
        with SqliteKeyStore.open(path) as store:
            store.owner(token.digest)
        found = time.perf_counter()
        for what, seconds in (("create", made - began), ("first look-up", found - made)):
            print(f"{KEYS} keys, {what}: {seconds * 1000:.1f} ms; target <= 50 ms: {met(seconds, 0.05)}")
        before = memory()
        watch = Watch(path)
        began = time.perf_counter()
        watch.look()
        first = time.perf_counter() - began
        more = memory() - before
        print(f"{KEYS} keys, a proxy's view: {more:.0f} MiB, read in {first:.2f} s; target <= 60: {met(more, 60)}")
        with SqliteKeyStore.open(path) as store:
            store.revoke("anna", 3.0)
        began = time.perf_counter()
        watch.look()
        print(f"{KEYS} keys, the news of one change: {(time.perf_counter() - began) * 1000:.1f} ms")
        watch.close()


if __name__ == "__main__":
    os.sched_setaffinity(0, {1})
    measure_store()
    measure_requests()
