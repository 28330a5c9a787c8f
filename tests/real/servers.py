"""Real servers, the doctor and the proxy as separate processes: only they can say whether lumeai is right."""

import datetime as dt
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

EXPRESS_SERVER = Path(__file__).with_name("express") / "server.mjs"
LLAMA_SERVER = Path(__file__).with_name("llama_server.py")
START_SECONDS = 60.0
STOP_SECONDS = 5.0  # a G4F with a request in flight would wait up to 600 s for it
DOCTOR_SECONDS = 110.0

T = TypeVar("T")

running: list["RealProcess"] = []
"""What is up right now, so that the report of a failed test can show the servers' own words."""


class RealProcess:
    """A server that is not ours: in a process group of its own, its output in a file, stopped for certain."""

    def __init__(self, name: str, argv: list[str], environment: dict[str, str], folder: Path) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                argv,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        running.append(self)

    @property
    def log(self) -> str:
        """All that the process has printed so far."""
        return self._log.read_text("utf-8", errors="replace")

    def wait_until(self, ready: Callable[[], T | None]) -> T:
        """Polls `ready` until it gives something; a process that dies or dawdles is told with its whole log."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            found = ready()
            if found is not None:
                return found
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self._process.returncode} while starting:\n{self.log}")
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} was not ready after {START_SECONDS:.0f} s:\n{self.log}")

    def stop(self) -> None:
        """Ends the process and whatever it started: politely first, then for certain."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self._signal(signal.SIGKILL)
        self._process.wait()
        running.remove(self)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM of a group of zombies
            os.killpg(self._process.pid, number)


@dataclass(frozen=True, slots=True)
class Server:
    """One real server that is ready: its process, and the base URL that a client would be given."""

    process: RealProcess
    url: str


def clean_environment(home: Path, **extra: str) -> dict[str, str]:
    """A fresh user's environment: no keys, no proxies, no settings of whoever runs the tests."""
    measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **measured, **extra}


def free_port() -> int:
    """A loopback port that nobody listens on; free for as long as it takes to start a server there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def real_express(folder: Path, packages: Path, *, key: str | None = None, fixed: bool = False) -> Iterator[Server]:
    """The user's Express server; `packages` is the folder that holds `node_modules`.

    The server is copied beside a link to the packages, because Node looks for modules beside the importing file.
    """
    shutil.copy(EXPRESS_SERVER, folder)
    (folder / "node_modules").symlink_to(packages / "node_modules", target_is_directory=True)
    environment = clean_environment(folder, PORT="0", FIXED="1" if fixed else "0")
    if key is not None:
        environment["LUMEAI_TEST_KEY"] = key
    node = shutil.which("node") or "node"
    process = RealProcess("express", [node, EXPRESS_SERVER.name], environment, folder)
    try:
        port = process.wait_until(lambda: _announced(process.log))
        yield Server(process, f"http://127.0.0.1:{port}/v1")
    finally:
        process.stop()


def _announced(log: str, words: str = "listening on ") -> str | None:
    """The port or the URL behind these words at the beginning of a line, once the whole line is there."""
    lines = [line for line in log.splitlines(keepends=True) if line.startswith(words) and line.endswith("\n")]
    return lines[0].removeprefix(words).split()[0] if lines else None


@contextmanager
def real_g4f(folder: Path, venv: Path, provider: str) -> Iterator[Server]:
    """A real G4F API without the internet, in front of `provider`, the base URL of an OpenAI-compatible server.

    G4F 8 fetches a list of providers while it is being imported; one prepared in its cache keeps it from asking. The
    cache is looked up by the local date, so tomorrow's is there too for a run over midnight.
    """
    cache = folder / "cache"
    today = dt.datetime.now().astimezone().date()
    for day in (today, today + dt.timedelta(days=1)):
        models = cache / ".models" / day.isoformat()
        models.mkdir(parents=True)
        prepared = {"providers": {"default": {"baseUrl": provider}}, "defaultModels": {}}
        (models / "providers.json").write_text(json.dumps(prepared), "utf-8")
    settings = {"G4F_CONFIG_DIR": str(folder / ".g4f"), "G4F_CACHE_DIR": str(cache)}
    bind = f"127.0.0.1:{free_port()}"
    options = ["--no-gui", "--disable-pa-auto-download", "--ignore-cookie-files", "--disable-colors"]
    argv = [str(venv / "bin" / "g4f"), "api", "--bind", bind, *options, "--provider", provider]
    process = RealProcess("g4f", argv, clean_environment(folder, **settings), folder)
    try:
        process.wait_until(lambda: _answers(f"http://{bind}/v1"))
        yield Server(process, f"http://{bind}/v1")
    finally:
        process.stop()


@contextmanager
def real_llama(
    folder: Path, venv: Path, model: Path, *, context: int, longest: int | None = None, grammar: str = ""
) -> Iterator[Server]:
    """A real llama.cpp with this model and a window of `context` tokens, on one thread.

    `longest` is the number of tokens at which it ends an answer whose request names no limit; `grammar` (GBNF) is what
    every answer follows. A model of two layers needs one, or it never ends. OpenMP must not wait by spinning: two such
    servers on few cores would take the time from each other.
    """
    argv = [str(venv / "bin" / "python"), str(LLAMA_SERVER), "--model", str(model), "--ctx-size", str(context)]
    argv += [] if longest is None else ["--n-predict", str(longest)]
    argv += ["--grammar", grammar] if grammar else []
    process = RealProcess("llama", argv, clean_environment(folder, OMP_WAIT_POLICY="passive"), folder)
    try:
        url = process.wait_until(lambda: _announced(process.log))
        process.wait_until(lambda: _answers(f"{url}/health"))
        yield Server(process, f"{url}/v1")
    finally:
        process.stop()


@contextmanager
def real_serve(folder: Path, *arguments: str, **environment: str) -> Iterator[Server]:
    """`lumeai serve` as a fresh user would start it, with these arguments, on a free port."""
    home = folder / "home"
    home.mkdir(parents=True)
    argv = [sys.executable, "-W", "error", "-m", "lumeai_cli", "serve", "--port", "0", *arguments]
    process = RealProcess(
        "serve", argv, clean_environment(home, LUMEAI_HOME=str(home / "lumeai"), **environment), folder
    )
    try:
        yield Server(process, process.wait_until(lambda: _announced(process.log, "lumeai serves at ")))
    finally:
        process.stop()


def _answers(url: str) -> bool | None:
    """Whether the URL gives a 200 by now; None, not False, because `wait_until` waits for something."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class Examination:
    """One finished run of `lumeai doctor`."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def target(self) -> dict[str, Any]:
        """The JSON report of the only target."""
        [target] = json.loads(self.stdout)["targets"]
        found: dict[str, Any] = target
        return found

    @property
    def verdict(self) -> dict[str, Any]:
        """The verdict on the only target, which must have one."""
        verdict: dict[str, Any] | None = self.target["verdict"]
        assert verdict is not None, self.stdout
        return verdict


def run_doctor(folder: Path, *arguments: str, seconds: float = DOCTOR_SECONDS, **environment: str) -> Examination:
    """Runs the doctor as a fresh user would, from another folder than the checkout, for so many seconds at most."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "lumeai_cli", "doctor", *arguments],
        cwd=home,
        env=clean_environment(home, LUMEAI_HOME=str(home / "lumeai"), **environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=seconds,
        check=False,
    )
    return Examination(done.returncode, done.stdout, done.stderr)
