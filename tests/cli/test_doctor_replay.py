"""What was recorded is judged again without the server, and a file that is no recording does no harm."""

import json
from typing import Any

import pytest

from lumeai_cli.lab import LabServer, running_lab
from tests.cli.process import Home, Run

BIG = 10**400


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, str]:
    """An examination by a real process, and its recording. The server is gone afterwards."""
    home = Home(tmp_path_factory.mktemp("recorded"))
    with running_lab() as lab:
        done = home.doctor(lab.url("json-for-stream"), lab.url("healthy-plain"), "--quick", "--record", "x.jsonl")
    return done, home.read("x.jsonl")


def test_a_recording_gives_the_same_report(recorded: tuple[Run, str], home: Home) -> None:
    live, recording = recorded
    home.write("x.jsonl", recording)
    again = home.doctor("--replay", "x.jsonl")
    assert (again.exit_code, again.stderr) == (live.exit_code, "") == (1, "")
    for one, other in zip(live.targets, again.targets, strict=True):
        for key in ("name", "url", "base", "kind", "model", "healthy", "verdict", "next", "findings", "clients"):
            assert one[key] == other[key], key


@pytest.mark.parametrize("name", ["canned-answer", "server-error", "redirected", "base-url-missing-v1", "zero-events"])
def test_every_kind_of_cause_survives_recording(name: str, inside: Home, lab: LabServer) -> None:
    live = inside.doctor(lab.url(name), "--quick", "--record", "x.jsonl")
    again = inside.doctor("--replay", "x.jsonl")
    assert live.verdict == name
    for key in ("url", "base", "healthy", "verdict", "next", "findings", "clients"):
        assert live.target[key] == again.target[key], key


def test_a_recording_is_judged_for_the_clients_asked_for(recorded: tuple[Run, str], inside: Home) -> None:
    inside.write("x.jsonl", recorded[1])
    again = inside.doctor("--replay", "x.jsonl", "--client", "qwen-code")
    assert [list(target["clients"]) for target in again.targets] == [["qwen-code"], ["qwen-code"]]


def test_a_recording_of_nobody_there(inside: Home) -> None:
    live = inside.doctor("http://nobody.invalid/v1", "--record", "x.jsonl")
    again = inside.doctor("--replay", "x.jsonl")
    assert live.verdict == again.verdict == "dns-failure"


def test_the_requests_text_is_not_recorded(recorded: tuple[Run, str]) -> None:
    assert "maple" not in recorded[1]


def damaged(done: Run) -> str:
    """The one sentence about a file that cannot be judged."""
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("lumeai: --replay: x.jsonl: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b'{"form": "something else"}\n', "no recording"),
        (b"[1, 2]\n", "no recording"),
        (b"12\n", "no recording"),
        (b"# a text\n", "line 1"),
        (b"[" * 100_000, "line 1"),
        (b'{"form": "lumeai-recording", "version": 99}\n', "version 99"),
        (b"\x00" * 5000, "line 1"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 5000, "no text file"),
        ("в UTF-16".encode("utf-16"), "no text file"),
    ],
    ids=["empty", "blank", "foreign", "list", "number", "text", "deep", "newer", "zeros", "binary", "utf-16"],
)
def test_what_is_no_recording_is_told(data: bytes, said: str, inside: Home) -> None:
    inside.write("x.jsonl", data)
    assert said in damaged(inside.lumeai("doctor", "--replay", "x.jsonl"))


def test_a_recording_without_targets_is_empty(recorded: tuple[Run, str], inside: Home) -> None:
    inside.write("x.jsonl", recorded[1].splitlines()[0])
    assert "empty" in damaged(inside.lumeai("doctor", "--replay", "x.jsonl"))


def test_a_recording_that_is_cut_off_names_the_line(recorded: tuple[Run, str], home: Home) -> None:
    whole = recorded[1]
    cut = whole[: whole.index('"status"', len(whole) // 2)]
    home.write("x.jsonl", cut)
    line = cut.count("\n") + 1
    assert f"line {line} " in damaged(home.lumeai("doctor", "--replay", "x.jsonl"))


TARGET, EXCHANGE = 2, 4
"""Lines of the recording: the first target, and an exchange of it with a body."""


@pytest.mark.parametrize(
    ("line", "place", "value"),
    [
        (TARGET, ["given"], 1),
        (TARGET, ["given"], "nowhere"),
        (TARGET, ["kind"], "unheard-of"),
        (TARGET, ["base"], 3),
        (TARGET, ["target"], 5),
        (TARGET, ["model"], 5),
        (TARGET, ["models"], 5),
        (TARGET, ["models"], [5]),
        (TARGET, ["machine"], None),
        (TARGET, ["machine", "g4f"], 3),
        (TARGET, ["machine", "listening"], "0.0.0.0"),
        (TARGET, ["machine", "listening"], [1]),
        (TARGET, ["slow_after"], "soon"),
        (TARGET, ["behind"], None),
        (TARGET, ["behind"], ["x"]),
        (EXCHANGE, ["status"], "ok"),
        (EXCHANGE, ["status"], BIG),
        (EXCHANGE, ["status"], float("inf")),
        (EXCHANGE, ["headers"], {"a": "b"}),
        (EXCHANGE, ["headers"], [["a"]]),
        (EXCHANGE, ["headers_at"], BIG),
        (EXCHANGE, ["chunks"], None),
        (EXCHANGE, ["chunks"], [[0.1]]),
        (EXCHANGE, ["chunks"], [[0.1, "no base64!"]]),
        (EXCHANGE, ["chunks"], [[BIG, "aGk="]]),
        (EXCHANGE, ["ending", "kind"], "sudden"),
        (EXCHANGE, ["ending", "at"], float("nan")),
        (EXCHANGE, ["ending", "at"], float("inf")),
        (EXCHANGE, ["asked", "probe"], "unheard-of"),
        (EXCHANGE, ["asked", "probe"], []),
        (EXCHANGE, ["asked", "tools"], 1),
        (EXCHANGE, ["asked", "url"], 1),
        (EXCHANGE, ["asked", "wish"], "x"),
        (EXCHANGE, ["asked", "parameters"], "stream_options"),
        (EXCHANGE, ["asked", "parameters"], [1]),
        (EXCHANGE, ["asked", "words"], None),
        (EXCHANGE, ["asked", "together"], "yes"),
        (EXCHANGE, ["asked", "dialect"], "klingon"),
    ],
)
def test_a_damaged_value_is_told_with_its_line(
    line: int, place: list[str], value: Any, recorded: tuple[Run, str], inside: Home
) -> None:
    lines = recorded[1].splitlines()
    whole = json.loads(lines[line - 1])
    inner = whole
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    lines[line - 1] = json.dumps(whole)
    inside.write("x.jsonl", "\n".join(lines))
    assert f"line {line} " in damaged(inside.lumeai("doctor", "--replay", "x.jsonl"))


def test_a_recording_of_the_first_version_is_still_judged(recorded: tuple[Run, str], inside: Home) -> None:
    """It did not tell all of a request, nor of a target."""
    head, *lines = map(json.loads, recorded[1].splitlines())
    for line in lines:
        line.pop("behind", None)
        line.get("machine", {}).pop("listening", None)
        for name in ("together", "parameters", "words", "dialect"):
            line.get("asked", {}).pop(name, None)
    inside.write("x.jsonl", "\n".join(map(json.dumps, (head, *lines))))
    again = inside.doctor("--replay", "x.jsonl")
    assert again.exit_code == 1
    assert [target["verdict"] for target in again.targets] == [target["verdict"] for target in recorded[0].targets]


@pytest.mark.parametrize("name", ["given", "kind", "machine", "named"])
def test_a_missing_value_is_told_with_its_line(name: str, recorded: tuple[Run, str], inside: Home) -> None:
    lines = recorded[1].splitlines()
    lines[1] = json.dumps({key: value for key, value in json.loads(lines[1]).items() if key != name})
    inside.write("x.jsonl", "\n".join(lines))
    assert "line 2 " in damaged(inside.lumeai("doctor", "--replay", "x.jsonl"))


def test_an_exchange_without_a_target_is_damage(recorded: tuple[Run, str], inside: Home) -> None:
    lines = recorded[1].splitlines()
    inside.write("x.jsonl", f"{lines[0]}\n{lines[2]}\n")
    assert "line 2 " in damaged(inside.lumeai("doctor", "--replay", "x.jsonl"))


def test_a_target_without_exchanges_was_not_examined(recorded: tuple[Run, str], inside: Home) -> None:
    inside.write("x.jsonl", "\n".join(recorded[1].splitlines()[:2]))
    done = inside.doctor("--replay", "x.jsonl")
    assert (done.exit_code, done.target["healthy"]) == (3, None)


def test_a_foreign_recording_paints_no_terminal(recorded: tuple[Run, str], inside: Home) -> None:
    """Names in it are a stranger's words, as much as the bodies are."""
    lines = recorded[1].splitlines()
    head = json.loads(lines[1]) | {"target": "\x1b]0;owned\x07", "model": "\x1b[2Jgone"}
    inside.write("x.jsonl", "\n".join([lines[0], json.dumps(head), *lines[2:]]))
    for form in ("text", "markdown"):
        assert "\x1b" not in inside.lumeai("doctor", "--replay", "x.jsonl", "--format", form).stdout
