"""The user's second case, against the real G4F: healthy, hiding its cause, and never able to start."""

import os
import shlex
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from lumeai_cli.lab import running_lab
from tests.real.conftest import missing
from tests.real.servers import Examination, Server, real_g4f

pytestmark = pytest.mark.real

Doctor = Callable[..., Examination]
G4F_PORT = 1337
CAUSE = "Internal error in worker 3"  # what the lab's specimen `server-error` says
REWRITES = ("g4f-drops-repeated-turns", "g4f-cuts-history", "g4f-rewrites-tools")


@pytest.fixture(scope="module")
def healthy_g4f(tmp_path_factory: pytest.TempPathFactory, g4f_venv: Path) -> Iterator[Server]:
    """G4F in front of a backend that does everything right."""
    with (
        running_lab() as lab,
        real_g4f(tmp_path_factory.mktemp("healthy"), g4f_venv, lab.url("healthy-plain")) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def open_g4f(tmp_path_factory: pytest.TempPathFactory, g4f_venv: Path) -> Iterator[Server]:
    """The same, bound to every address of the machine, as it is if only a port is named."""
    venv = tmp_path_factory.mktemp("venv")
    (venv / "bin").mkdir()
    script = venv / "bin" / "g4f"
    program = shlex.quote(str(g4f_venv / "bin" / "g4f"))
    script.write_text(f'#!/usr/bin/env bash\nexec {program} "${{@/#127.0.0.1:/0.0.0.0:}}"\n', "utf-8")
    script.chmod(0o755)
    with running_lab() as lab, real_g4f(tmp_path_factory.mktemp("open"), venv, lab.url("healthy-plain")) as server:
        yield server


@pytest.fixture(scope="module")
def sick_g4f(tmp_path_factory: pytest.TempPathFactory, g4f_venv: Path) -> Iterator[Server]:
    """G4F in front of a backend that fails, which G4F tells nobody."""
    with running_lab() as lab, real_g4f(tmp_path_factory.mktemp("sick"), g4f_venv, lab.url("server-error")) as server:
        yield server


@pytest.fixture(scope="module")
def healthy(healthy_g4f: Server, examine: Doctor) -> Examination:
    """What the doctor says of it."""
    return examine(healthy_g4f.url, "--format", "json")


def found(examined: Examination, *names: str) -> dict[str, dict[str, Any]]:
    """The findings of these names."""
    return {each["name"]: each for each in examined.target["findings"] if each["name"] in names}


def test_a_healthy_backend_behind_g4f(healthy: Examination) -> None:
    """G4F is recognised, and no finding is invented about it."""
    assert healthy.target["kind"] == "g4f"
    assert healthy.target["healthy"] is True
    assert healthy.target["verdict"] is None
    assert [each["name"] for each in healthy.target["findings"] if each["severity"] != "note"] == list(REWRITES)
    assert healthy.exit_code == 0


@pytest.mark.parametrize("name", REWRITES)
def test_what_g4f_does_to_prompts_is_counted(name: str, healthy: Examination) -> None:
    """The backend counts what arrives, so two prompts of each kind tell what did not."""
    finding = found(healthy, name)[name]
    assert (finding["severity"], finding["certainty"]) == ("warning", "proven")
    assert 0 < finding["facts"]["short"] < finding["facts"]["long"]


def test_what_a_provider_gets_to_see(tmp_path: Path, g4f_venv: Path) -> None:
    """The facts that those three rest on, so that a newer G4F which changes them is noticed here."""
    turns = [{"role": ("user", "assistant")[place % 2], "content": f"turn {place}"} for place in range(81)]
    repeated = [{"role": "user", "content": "Once."}, {"role": "assistant", "content": "OK"}] * 2
    described = {"type": "object", "properties": {"part": {"type": "string", "description": "Long. " * 250}}}
    tool = {"type": "function", "function": {"name": "lookup", "description": "Look.", "parameters": described}}
    with (
        running_lab() as lab,
        real_g4f(tmp_path, g4f_venv, lab.url("healthy-plain")) as server,
        openai.OpenAI(base_url=server.url, api_key="unused", max_retries=0) as sdk,
    ):
        for messages, tools in ((turns, []), (repeated[:3], []), (turns[:1], [tool])):
            extra = {"tools": tools} if tools else {}
            sdk.chat.completions.create(model="gpt-4o", messages=messages, **extra)
        history, repeats, tooled = (request for request in lab.requests if request.messages)

    assert [text for _, text in history.messages] == [f"turn {place}" for place in range(41, 81)]
    assert [text for _, text in repeats.messages] == ["Once.", "OK"]
    assert len(tooled.tools[0]["parameters"]["properties"]["part"]["description"]) <= 160


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells on which addresses a port is open")
def test_a_g4f_that_the_network_can_reach_is_told(open_g4f: Server, examine: Doctor) -> None:
    """It asks nobody for a key, and `--port` alone binds it to every address."""
    examined = examine(open_g4f.url, "--quick", "--format", "json")
    finding = found(examined, "g4f-open-to-network")["g4f-open-to-network"]
    assert (finding["severity"], finding["certainty"]) == ("warning", "proven")
    assert finding["facts"]["address"] == "0.0.0.0"
    assert (examined.target["healthy"], examined.exit_code) == (True, 0)


def test_a_g4f_on_loopback_is_open_to_nobody(healthy: Examination) -> None:
    assert found(healthy, "g4f-open-to-network") == {}


def test_the_hidden_cause_is_fetched(sick_g4f: Server, examine: Doctor) -> None:
    """G4F says `Request execution failed`; the doctor says what really happened behind it."""
    examined = examine(sick_g4f.url, "--format", "json")

    assert examined.verdict["name"] == "g4f-hides-cause"
    assert examined.verdict["certainty"] == "proven"
    assert examined.target["healthy"] is False
    assert examined.exit_code == 1
    facts = [each["facts"] for each in examined.target["findings"] if each["name"] == "g4f-hides-cause"]
    assert CAUSE in examined.verdict["summary"] + str(facts)


def test_g4f_hides_and_its_raw_mode_tells(sick_g4f: Server) -> None:
    """The two facts that the doctor's rule rests on, so that a newer G4F which changes them is noticed here."""
    with openai.OpenAI(base_url=sick_g4f.url, api_key="unused", max_retries=0) as sdk:
        with pytest.raises(openai.InternalServerError, match="Request execution failed") as hidden:
            sdk.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hello"}])
        told = sdk.chat.completions.with_raw_response.create(
            model="gpt-4o", messages=[{"role": "user", "content": "hello"}], extra_body={"raw": True}
        )

    assert CAUSE not in hidden.value.response.text
    assert told.status_code == 200
    assert CAUSE in told.text


def test_the_old_recipe_gives_no_server(g4f_bare_venv: Path, examine: Doctor) -> None:
    """`pip install g4f[interference]` says that it succeeded, and its server cannot start: both are told."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", G4F_PORT)) == 0:
            missing(f"port {G4F_PORT} of this machine must be free for this test, and something listens there")
    path = f"{g4f_bare_venv / 'bin'}{os.pathsep}{os.environ['PATH']}"
    examined = examine(f"http://127.0.0.1:{G4F_PORT}/v1", "--format", "json", PATH=path)

    assert examined.verdict["name"] == "g4f-server-extra-missing"
    assert examined.exit_code == 1
    fix = "\n".join(examined.verdict["fix"])
    assert 'pip install -U "g4f[api]"' in fix
    assert f"g4f api --no-gui --bind 127.0.0.1:{G4F_PORT}" in fix
