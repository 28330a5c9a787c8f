"""Ctrl-C: what is known by then is reported, and the exit code says that it is not all."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from lumeai_cli.lab import LabServer, running_lab
from tests.cli.process import SECONDS, Home, Run, ended, finished

MOMENTS = (0.02, 0.06, 0.1, 0.15, 0.2)
"""Seconds after the start of a process in which it still imports things, on a fast machine and on a slow one."""


@pytest.fixture
def hostile() -> Iterator[LabServer]:
    """A lab with its hostile specimens, of which one is silent for ever."""
    with running_lab(hostile=True) as lab:
        yield lab


def wait_until(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Waits for something that the process brings about; what it does instead is told."""
    deadline = time.monotonic() + SECONDS
    while not true():
        assert process.poll() is None, finished(process)
        assert time.monotonic() < deadline
        time.sleep(0.01)


def interrupted(process: subprocess.Popen[str]) -> Run:
    process.send_signal(signal.SIGINT)
    done = finished(process)
    assert done.exit_code == 130
    return done


def test_what_was_known_is_reported(home: Home, hostile: LabServer) -> None:
    """One target is examined to its end, the other keeps silent."""
    process = home.start("doctor", hostile.url("json-for-stream"), hostile.url("silent"), "--quick", "--format", "json")
    wait_until(lambda: any(request.specimen == "silent" for request in hostile.requests), process)
    last = {"tool-xml", "tool-native", "other-prompt"}
    wait_until(lambda: sum(request.specimen == "json-for-stream" for request in hostile.requests) >= 6, process)
    time.sleep(0.3)  # for the last answer to be read; if that was too short, less is known and nothing here fails
    done = interrupted(process)
    sick, silent = done.targets
    assert done.report["interrupted"] is True
    assert sick["verdict"]["name"] == "json-for-stream"
    assert silent["healthy"] is None
    statuses = {probe["name"]: (probe["status"], probe["reason"]) for probe in silent["probes"]}
    assert all(statuses[name] == ("not-judged", "interrupted") for name in last)


def test_a_question_without_an_answer_was_not_judged(home: Home, hostile: LabServer) -> None:
    process = home.start("doctor", hostile.url("silent"), "--format", "json")
    wait_until(lambda: bool(hostile.requests), process)
    done = interrupted(process)
    assert done.target["healthy"] is None
    assert {probe["status"] for probe in done.target["probes"] if probe["name"] != "connect"} == {"not-judged"}
    assert {client["outcome"] for client in done.target["clients"].values()} == {"not-judged"}


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_people_are_told_that_it_is_not_all(form: str, home: Home, hostile: LabServer) -> None:
    process = home.start("doctor", hostile.url("silent"), "--format", form, "--record", "x.jsonl")
    wait_until(lambda: bool(hostile.requests), process)
    done = interrupted(process)
    assert "Interrupted" in done.stdout
    assert hostile.url("silent") in done.stdout
    assert json.loads(home.read("x.jsonl").splitlines()[0])["form"] == "lumeai-recording"


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_program_that_is_still_starting_ends_without_a_traceback(
    moment: float, home: Home, hostile: LabServer
) -> None:
    """Where in the start the signal hits is chance; nowhere may lumeai show a traceback or call it a crash of its own.

    Before lumeai's first line the interpreter itself dies of the signal, or swallows it and the examination goes on.
    """
    process = home.start("doctor", hostile.url("healthy-plain"), "--quick", measured=False)
    time.sleep(moment)
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert "lumeai_cli" not in done.stderr
    assert "its own fault" not in done.stderr
    if done.exit_code == 130:
        assert done.stdout == "" or "Interrupted" in done.stdout
    else:
        assert done.exit_code in (0, 1, -signal.SIGINT)
