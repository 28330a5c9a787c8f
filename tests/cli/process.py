"""Runs lumeai as a fresh user would: a home folder of its own and nothing else in the environment."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lumeai_cli.cli.app import run

SECONDS = 60.0
"""After which a process that should have ended long ago is given up."""

PROGRAM = (sys.executable, "-W", "error", "-m", "lumeai_cli")


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report on stdout."""
        report: dict[str, Any] = json.loads(self.stdout, parse_constant=_no_json)
        return report

    @property
    def targets(self) -> list[dict[str, Any]]:
        """The targets of the JSON report."""
        targets: list[dict[str, Any]] = self.report["targets"]
        return targets

    @property
    def target(self) -> dict[str, Any]:
        """The only target of the JSON report."""
        [target] = self.targets
        return target

    @property
    def verdict(self) -> str | None:
        """The name of the verdict on the only target."""
        verdict = self.target["verdict"]
        return None if verdict is None else str(verdict["name"])

    def probe(self, name: str) -> dict[str, Any]:
        """One probe of the only target."""
        [probe] = [probe for probe in self.target["probes"] if probe["name"] == name]
        found: dict[str, Any] = probe
        return found


def _no_json(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


class Home:
    """A user's home folder, from which lumeai is started."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def environment(self, extra: Mapping[str, str], *, measured: bool = True) -> dict[str, str]:
        """No keys, no proxies, no settings of whoever runs the tests; only the coverage goes on counting.

        Not `measured`: for tests of time, memory and signals, since a tracer has a share of its own in all of them.
        """
        tracer = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_") and measured}
        own = {"PATH": os.environ["PATH"], "HOME": str(self.path), "LUMEAI_HOME": str(self.path / "lumeai")}
        return {**own, **tracer, **extra}

    def write(self, name: str, text: str | bytes) -> str:
        """Puts a file there and gives its name back."""
        path = self.path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    def read(self, name: str) -> str:
        """The text of a file there."""
        return (self.path / name).read_text("utf-8")

    def start(self, *arguments: str, measured: bool = True, **environment: str) -> subprocess.Popen[str]:
        """Starts lumeai and lets it run."""
        return subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=self.path,
            env=self.environment(environment, measured=measured),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def lumeai(self, *arguments: str, **environment: str) -> Run:
        """Runs lumeai to its end."""
        return finished(self.start(*arguments, **environment))

    def doctor(self, *arguments: str, **environment: str) -> Run:
        """Runs `lumeai doctor` for a JSON report."""
        return self.lumeai("doctor", *arguments, "--format", "json", **environment)


def ended(process: subprocess.Popen[str]) -> Run:
    """What the process wrote and how it ended; one that does not end is killed."""
    with process:
        try:
            stdout, stderr = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return Run(process.returncode, stdout, stderr)


def finished(process: subprocess.Popen[str]) -> Run:
    """The same; whatever it was asked, it must not have shown a traceback."""
    done = ended(process)
    assert "Traceback" not in done.stderr, done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    return done


class InProcess(Home):
    """The same home and the same command line without a process of its own: five times as fast, for what needs none."""

    def __init__(self, path: Path, capture: pytest.CaptureFixture[str]) -> None:
        super().__init__(path)
        self._capture = capture

    def lumeai(self, *arguments: str, **environment: str) -> Run:
        """Runs lumeai's `run` in this process."""
        with pytest.MonkeyPatch.context() as patch, contextlib.chdir(self.path):
            wanted = self.environment(environment)
            for name in os.environ.keys() - wanted.keys():
                patch.delenv(name)
            for name, value in wanted.items():
                patch.setenv(name, value)
            self._capture.readouterr()
            exit_code = run(arguments)
            written = self._capture.readouterr()
        return Run(int(exit_code), written.out, written.err)
