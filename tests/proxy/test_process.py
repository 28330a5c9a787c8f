"""`lumeai serve` as a process: how it starts, ends, reads its settings anew, and what it writes."""

import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.process import PROGRAM, Home
from tests.doctor.raw import (
    Act,
    RawServer,
    Request,
    completion,
    delta,
    event_stream,
    http,
    models,
    raw_server,
    streamed,
)
from tests.proxy.serving import Client, asked, chat, process, refused_to_start, request, until

KEY = "sk-planted-7f3d9a1c5e8b2046"
PROMPT = "planted-prompt-3b7e"
BUILTIN = ("--backend", "builtin")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals and processes as POSIX has them")


def slow(asked_of: Request) -> Iterator[bytes | Act]:
    """Begins an answer, and ends it when the test's file says so; `never` is not ended at all."""
    if asked_of.path.endswith("/models"):
        yield models("m")
        return
    said = asked_of.json["messages"][-1]["content"]
    if not asked_of.stream:
        yield Act.HOLD
        return
    yield event_stream() + delta(role="assistant", content="begun ")
    if "never" in said:
        yield Act.HOLD
        return
    gate = Path(said)
    deadline = time.monotonic() + 30
    while not gate.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    yield delta(content="ended") + delta("stop") + b"data: [DONE]\n\n"


def quick(asked_of: Request) -> list[bytes]:
    if asked_of.path.endswith("/models"):
        return [models("m")]
    return [streamed("hello") if asked_of.stream else completion("hello")]


def config(home: Home, *backends: tuple[str, RawServer], **settings: object) -> str:
    lines = ["backends:", *(f"- {{name: {name}, url: '{server.url}', key: {KEY}}}" for name, server in backends)]
    lines += ["serve:", *(f"  {name}: {value}" for name, value in {"hold": 20, **settings}.items())]
    return home.write("lumeai.yaml", "\n".join(lines) + "\n")


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# --- start ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_says_that_it_serves_when_it_does(workers: str, home: Home) -> None:
    with process(home, *BUILTIN, "--workers", workers) as serving:
        with Client(serving.port) as client:  # no second try: the very first connection is accepted
            client.send(request("GET", "/healthz"))
            assert client.answer().json["status"] == "ok"
        assert asked(serving.port, chat(stream=True)).text.startswith("Hello!")
        assert "".join(serving.out).count("serves at") == 1
        assert serving.err == [] or all(json.loads(line) for line in serving.err)


def test_a_port_in_use_is_one_sentence(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = refused_to_start(home, *BUILTIN, "--port", str(port))
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith(f"lumeai: 127.0.0.1:{port}: ")
    assert done.stderr.count("\n") == 1


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_ends_it(number: signal.Signals, code: int, workers: str, home: Home) -> None:
    with process(home, *BUILTIN, "--workers", workers) as serving:
        pids = children(serving.process.pid)
        with Client(serving.port) as idle:
            idle.send(request("GET", "/healthz"))
            idle.answer()
            serving.signal(number)
            assert idle.rest() == b""
        assert serving.ended() == code
        assert not any(alive(pid) for pid in pids)


def test_open_answers_finish_within_the_grace(home: Home) -> None:
    with raw_server(slow) as server, process(home, "--config", config(home, ("up", server))) as serving:
        with Client(serving.port) as client:
            gate = home.path / "gate"
            client.send(chat(str(gate), stream=True))
            client.read_until(b"begun")
            serving.signal(signal.SIGTERM)
            with contextlib.suppress(ConnectionRefusedError):
                until(lambda: not _accepts(serving.port))
            gate.touch()
            assert b"[DONE]" in client.rest()
        assert serving.ended() == 0


def _accepts(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 5):
        return True


@pytest.mark.parametrize(("signals", "grace"), [(1, 1), (2, 600)])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_does_not_finish_is_ended_in_words(signals: int, grace: int, workers: str, home: Home) -> None:
    """After the grace, or at once if a second signal says that there is none."""
    with raw_server(slow) as server:
        arguments = ("--config", config(home, ("up", server), grace=grace), "--workers", workers)
        with (
            process(home, *arguments) as serving,
            Client(serving.port) as stream,
            Client(serving.port) as plain,
            Client(serving.port) as half,
        ):
            pids = children(serving.process.pid)
            stream.send(chat("never", stream=True))
            stream.read_until(b"begun")
            plain.send(chat("plain"))
            half.send(chat()[:-3])
            until(lambda: len([one for one in server.requests if one.method == "POST"]) == 2)
            for _ in range(signals):
                serving.signal(signal.SIGTERM)
                time.sleep(0.3)  # two signals of one kind at the same moment are one
            rest = stream.rest()
            assert b'"code":"LUM006"' in rest
            assert b"[DONE]" not in rest
            answer = plain.answer()
            assert (answer.status, answer.error["code"], answer.headers["retry-after"]) == (503, "LUM006", "1")
            assert plain.rest() == half.rest() == b""
            assert serving.ended() == 0
            assert not any(alive(pid) for pid in pids)
            assert {json.loads(line)["outcome"] for line in serving.log('"outcome"')} == {"stopped"}


def test_a_request_on_a_kept_connection_is_told_that_the_end_has_begun(home: Home) -> None:
    with raw_server(slow) as server, process(home, "--config", config(home, ("up", server))) as serving:
        with Client(serving.port) as client:
            gate = home.path / "gate"
            client.send(chat(str(gate), stream=True) + chat("next"))
            client.read_until(b"begun")
            serving.signal(signal.SIGTERM)
            time.sleep(0.3)
            gate.touch()
            rest = client.rest()
            assert b"[DONE]" in rest
        assert serving.ended() == 0


# --- settings anew ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_sighup_brings_new_settings_to_new_requests(workers: int, home: Home) -> None:
    with (
        raw_server(slow) as first,
        raw_server(quick) as second,
        process(home, "--config", config(home, ("one", first)), "--workers", str(workers)) as serving,
        Client(serving.port) as under_way,
    ):
        gate = home.path / "gate"
        under_way.send(chat(str(gate), stream=True))
        under_way.read_until(b"begun")
        config(home, ("two", second), ("one", first))
        serving.signal(signal.SIGHUP)
        serving.wait_for_log("reloaded", workers)
        for _ in range(10):
            assert asked(serving.port, chat("x", stream=True)).headers["x-lumeai-backend"] == "two"
        assert second.requests[-1].headers["authorization"] == f"Bearer {KEY}"
        gate.touch()
        assert b"ended" in under_way.read_until(b"[DONE]")

        home.write("lumeai.yaml", "backends: [oops\n")
        serving.signal(signal.SIGHUP)
        [told] = serving.wait_for_log("lumeai.yaml")
        assert "the old ones stay" in told
        for _ in range(10):
            assert asked(serving.port, chat("x", stream=True)).text == "hello"
        assert serving.process.poll() is None
        assert len(serving.log("the old ones stay")) == 1


# --- workers ----------------------------------------------------------------------------------------------------------


def test_two_workers_answer_and_one_that_is_killed_is_started_again(home: Home) -> None:
    with (
        raw_server(quick) as server,
        process(home, "--config", config(home, ("up", server)), "--workers", "2") as serving,
    ):
        parent = serving.process.pid
        until(lambda: len(children(parent)) == 2)
        before = children(parent)
        for _ in range(40):
            assert asked(serving.port, chat("x", stream=True)).text == "hello"
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(children(parent)) == 2 and before[0] not in children(parent))
        assert "-9" in serving.wait_for_log("a worker ended")[0]
        for _ in range(40):
            assert asked(serving.port, chat("x", stream=True)).text == "hello"
        pids = children(parent)
        serving.signal(signal.SIGTERM)
        assert serving.ended() == 0
        assert not any(alive(pid) for pid in (*before, *pids))


def test_a_worker_that_is_started_later_has_the_newest_settings(home: Home) -> None:
    with (
        raw_server(quick) as first,
        raw_server(quick) as second,
        process(home, "--config", config(home, ("one", first)), "--workers", "2") as serving,
    ):
        config(home, ("two", second))
        serving.signal(signal.SIGHUP)
        serving.wait_for_log("reloaded", 2)
        for pid in children(serving.process.pid):
            os.kill(pid, signal.SIGKILL)
        serving.wait_for_log("a worker ended", 2)
        for _ in range(10):
            assert asked(serving.port, chat("x")).headers["x-lumeai-backend"] == "two"


def test_workers_end_with_the_one_that_watches_over_them_however_it_ends(home: Home) -> None:
    with process(home, *BUILTIN, "--workers", "2") as serving:
        pids = children(serving.process.pid)
        assert len(pids) == 2
        serving.signal(signal.SIGKILL)
        serving.ended()
        until(lambda: not any(alive(pid) for pid in pids))


def test_ctrl_c_in_a_terminal_reaches_all_processes_and_is_one_signal_all_the_same(home: Home) -> None:
    with raw_server(slow) as server:
        arguments = ("--config", config(home, ("up", server), grace=600), "--workers", "2")
        with process(home, *arguments) as serving, Client(serving.port) as client:
            gate = home.path / "gate"
            client.send(chat(str(gate), stream=True))
            client.read_until(b"begun")
            for pid in (*children(serving.process.pid), serving.process.pid):
                os.kill(pid, signal.SIGINT)
            time.sleep(0.5)
            gate.touch()
            assert b"[DONE]" in client.rest()
            assert serving.ended() == 130


# --- the log ----------------------------------------------------------------------------------------------------------


def failing(asked_of: Request) -> list[bytes]:
    if asked_of.path.endswith("/models"):
        return [models("m")]
    leaky = {"error": {"message": f"bad key {KEY} in {PROMPT}", "type": "x", "code": None}}
    return [http(json.dumps(leaky), "500 Internal Server Error")]


def test_the_log_holds_no_key_and_nothing_of_a_body(home: Home) -> None:
    with raw_server(quick) as good, raw_server(failing) as bad:
        name = config(home, ("good", good), ("bad", bad))
        with process(home, "--config", name) as serving:
            for stream in (True, False):
                assert asked(serving.port, chat(PROMPT, stream=stream)).status == 200
                asked(serving.port, chat(PROMPT, stream=stream, model="bad/m"))
            asked(serving.port, request("POST", "/v1/chat/completions", PROMPT.encode()))
            asked(serving.port, chat(PROMPT, stream=PROMPT))
            asked(serving.port, f"{PROMPT}\r\n\r\n".encode())
            asked(serving.port, chat(PROMPT, path="/v1/v1/chat/completions"))
            asked(serving.port, request("GET", "/v1/models", b"", f"authorization: Bearer {KEY}"))
            with Client(serving.port) as client:
                client.send(chat(PROMPT)[:-1])
            serving.signal(signal.SIGHUP)
            serving.wait_for_log("reloaded")
            serving.signal(signal.SIGTERM)
            serving.ended()
        written = "".join((*serving.out, *serving.err))
    assert KEY not in written
    assert KEY[-8:] not in written
    assert PROMPT not in written
    stories = [json.loads(line) for line in serving.err]
    assert {story["level"] for story in stories} <= {"info", "warning"}
    told = [story for story in stories if "outcome" in story]
    assert {story["outcome"] for story in told} == {"ok"}
    assert told[0].keys() == {
        "time", "level", "request", "model", "stream", "outcome", "seconds", "backend", "repairs", "failed",
        "diagnosis",
    }  # fmt: skip
    assert any("bad: LUM" in why for story in told for why in story["failed"])
    [noted] = [story for story in stories if "/v1/v1/chat/completions" in story.get("message", "")]
    assert "should end in /v1" in noted["message"]


def test_a_terminal_gets_lines_for_people(home: Home) -> None:
    master, slave = pty.openpty()
    with raw_server(quick) as server, open(master, "rb", buffering=0, closefd=True) as terminal:  # noqa: PTH123  # it has no path
        command = [*PROGRAM, "serve", "--port", "0", "--backend", server.url]
        running = subprocess.Popen(
            command, env=home.environment({}), cwd=home.path, stdout=subprocess.PIPE, stderr=slave, text=True
        )
        os.close(slave)
        with running:
            assert running.stdout is not None
            port = int(running.stdout.readline().partition("127.0.0.1:")[2].partition("/")[0])
            asked(port, chat("x", stream=True, model="m\x1b[2J"))
            asked(port, request("GET", "/nothing"))
            shown = b""
            while b"LUM004" not in shown:
                shown += terminal.read(4096)
            running.terminate()
            running.communicate(timeout=30)
    assert running.returncode == 0
    line, refused, *_ = shown.decode().splitlines()
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d ok +\d+\.\d\d s  127\.0\.0\.1:\d+  model=m\\x1b\[2J stream [0-9a-f]{16}.*", line
    )
    assert re.fullmatch(r"\d\d:\d\d:\d\d refused: LUM004  request=[0-9a-f]{16}  status=404", refused)
