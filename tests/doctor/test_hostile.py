"""Servers made to exhaust or break their client: lumeai says what is wrong, in time and in little memory."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lumeai_cli.lab import HOSTILE, running_lab
from tests.cli.process import PROGRAM, Home

MEMORY = 150 * 1024  # KiB
GRACE = 5.0  # seconds after the timeout by which the process has ended
TIMEOUTS = {"drip": 6, "stall": 6, "silent": 6}
"""Seconds for the specimens that never come to an end; the others do long before the default."""

DEFAULT_TIMEOUT = 20
NOT_JUDGED = ("stall", "silent")

EXPECTED = {
    "endless-body": "endless-answer",
    "huge-line": "endless-answer",
    "gzip-bomb": "endless-answer",
    "drip": "endless-answer",
    "header-flood": "not-http",
    "redirect-loop": "redirected",
    "no-http": "not-http",
    "half-chunk": "stream-cut",
    "short-body": "stream-cut",
}
"""The verdict where there is only one that is true; the others may be named by any of their faults."""


@dataclass(frozen=True, slots=True)
class Ordeal:
    """One finished process: how it ended, what it wrote, what it took."""

    exit_code: int
    stdout: str
    stderr: str
    seconds: float
    kibibytes: int
    requests: int

    @property
    def target(self) -> dict[str, Any]:
        """The only target of the report."""
        [target] = json.loads(self.stdout)["targets"]
        found: dict[str, Any] = target
        return found


PARENT = """
import os, sys
child = os.spawnv(os.P_NOWAIT, sys.argv[2], sys.argv[2:])
_, status, used = os.wait4(child, 0)
open(sys.argv[1], "w").write(str(used.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def endure(home: Home, name: str) -> Ordeal:
    """Runs the doctor against a specimen; its own small parent tells its peak memory (a fork inherits that of ours)."""
    environment = home.environment({}, measured=False)
    with running_lab(hostile=True) as lab, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        arguments = ["doctor", lab.url(name), "--format", "json", "--timeout", str(TIMEOUTS.get(name, DEFAULT_TIMEOUT))]
        started = time.monotonic()
        peak = home.path / f"{name}.peak"
        command = [sys.executable, "-c", PARENT, str(peak), *PROGRAM, *arguments]
        process = subprocess.run(command, cwd=home.path, env=environment, stdout=out, stderr=err, check=False)
        seconds = time.monotonic() - started
        out.seek(0)
        err.seek(0)
        return Ordeal(
            process.returncode,
            out.read().decode(),
            err.read().decode(),
            seconds,
            int(peak.read_text()),
            len(lab.requests),
        )


@pytest.fixture(scope="module")
def ordeals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ordeal]]:
    """All specimens, some at a time; the slow ones first, for they only wait."""
    home = Home(tmp_path_factory.mktemp("home"))
    names = sorted(HOSTILE, key=lambda name: name not in TIMEOUTS)
    with ThreadPoolExecutor(max_workers=4) as pool:
        yield dict(zip(names, pool.map(lambda name: endure(home, name), names), strict=True))


EVERY = pytest.mark.parametrize("name", HOSTILE)


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in NOT_JUDGED])
def test_there_is_a_finding(name: str, ordeals: dict[str, Ordeal]) -> None:
    ordeal = ordeals[name]
    assert ordeal.exit_code == 1, ordeal.stderr
    assert ordeal.target["verdict"] is not None
    assert ordeal.target["verdict"]["name"] == EXPECTED.get(name, ordeal.target["verdict"]["name"])
    assert all(probe["status"] != "crashed" for probe in ordeal.target["probes"])


@pytest.mark.parametrize("name", NOT_JUDGED)
def test_what_the_users_own_timeout_cut_off_is_not_judged(name: str, ordeals: dict[str, Ordeal]) -> None:
    """In six seconds nobody can know that there is no answer; a model may think for longer."""
    ordeal = ordeals[name]
    assert (ordeal.exit_code, ordeal.target["healthy"], ordeal.target["verdict"]) == (3, None, None), ordeal.stderr
    [stream] = [probe for probe in ordeal.target["probes"] if probe["name"] == "stream"]
    assert (stream["status"], "--timeout" in stream["reason"]) == ("not-judged", True)


@EVERY
def test_nothing_is_foretold_that_only_our_own_limits_made(name: str, ordeals: dict[str, Ordeal]) -> None:
    """A body that was given up in the middle ends in half a frame; that is no fault of the server."""
    if EXPECTED.get(name) in ("endless-answer", "stream-cut"):
        assert "broken-json-frame" not in ordeals[name].target["next"]


@EVERY
def test_nobody_sees_a_traceback(name: str, ordeals: dict[str, Ordeal]) -> None:
    assert "Traceback" not in ordeals[name].stderr
    assert "Exception ignored" not in ordeals[name].stderr


@EVERY
def test_it_ends_in_time(name: str, ordeals: dict[str, Ordeal]) -> None:
    assert ordeals[name].seconds < TIMEOUTS.get(name, DEFAULT_TIMEOUT) + GRACE


@EVERY
def test_it_stays_small(name: str, ordeals: dict[str, Ordeal]) -> None:
    assert ordeals[name].kibibytes < MEMORY


@EVERY
def test_the_report_keeps_to_its_schema(name: str, ordeals: dict[str, Ordeal]) -> None:
    schema = Path(__file__).parents[2] / "lumeai_cli" / "report" / "report.schema.json"
    jsonschema.validate(json.loads(ordeals[name].stdout), json.loads(schema.read_text("utf-8")))


def test_a_thousand_redirects_are_not_followed(ordeals: dict[str, Ordeal]) -> None:
    """One request a question at most; the first redirect is the finding."""
    assert ordeals["redirect-loop"].requests < 30
