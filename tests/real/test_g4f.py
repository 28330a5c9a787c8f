"""The user's second case, against the real G4F: healthy, hiding its cause, and never able to start."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import openai
import pytest

from lumeai_cli.lab import running_lab
from tests.real.conftest import missing
from tests.real.servers import Examination, Server, real_g4f

pytestmark = pytest.mark.real

Doctor = Callable[..., Examination]
G4F_PORT = 1337
CAUSE = "Internal error in worker 3"  # what the lab's specimen `server-error` says


@pytest.fixture(scope="module")
def healthy_g4f(tmp_path_factory: pytest.TempPathFactory, g4f_venv: Path) -> Iterator[Server]:
    """G4F in front of a backend that does everything right."""
    with (
        running_lab() as lab,
        real_g4f(tmp_path_factory.mktemp("healthy"), g4f_venv, lab.url("healthy-plain")) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def sick_g4f(tmp_path_factory: pytest.TempPathFactory, g4f_venv: Path) -> Iterator[Server]:
    """G4F in front of a backend that fails, which G4F tells nobody."""
    with running_lab() as lab, real_g4f(tmp_path_factory.mktemp("sick"), g4f_venv, lab.url("server-error")) as server:
        yield server


def test_a_healthy_backend_behind_g4f(healthy_g4f: Server, examine: Doctor) -> None:
    """G4F is recognised, and no finding is invented about it."""
    examined = examine(healthy_g4f.url, "--format", "json")

    assert examined.target["kind"] == "g4f"
    assert examined.target["healthy"] is True
    assert examined.target["verdict"] is None
    assert examined.exit_code == 0


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
