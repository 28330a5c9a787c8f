"""Without a target: everything configured and what can be found; what was only looked for may be absent."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from lumeai_cli.backends.backend import Backend, Kind, Origin
from lumeai_cli.lab import LabServer
from lumeai_cli.settings import discovery
from tests.cli.process import Home

GUESSES = {"g4f": 1337, "ollama": 11434, "llama-server": 8080, "lm-studio": 1234, "vllm": 8000}
LOOKED_FOR = (*GUESSES, "openai", "anthropic", "lumeai")


@pytest.fixture(autouse=True)
def free_ports() -> None:
    """Skips where something listens at one of the usual ports: then there is something to find."""
    for port in GUESSES.values():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            pytest.skip(f"SKIPPED: something listens at port {port} of this machine")


@pytest.fixture
def dead() -> Iterator[str]:
    """A loopback origin that refuses."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_with_nothing_to_examine_it_says_what_it_looked_for_and_how_to_start_each(home: Home) -> None:
    done = home.lumeai("doctor")
    assert (done.exit_code, done.stderr) == (3, "")
    assert all(f"\n  {name} " in done.stdout for name in LOOKED_FOR)
    for start in ("g4f api --no-gui", "ollama serve", "llama-server -m", "lms server start", "vllm serve"):
        assert start in done.stdout
    assert "OPENAI_API_KEY" in done.stdout
    assert "lumeai doctor http://HOST:PORT/v1" in done.stdout


def test_for_programs_nothing_is_an_empty_list(inside: Home) -> None:
    done = inside.doctor()
    assert (done.exit_code, done.targets) == (3, [])
    assert [any(name in note for note in done.report["notes"]) for name in GUESSES] == [True] * len(GUESSES)


def test_nothing_in_russian(inside: Home) -> None:
    done = inside.lumeai("doctor", "--lang", "ru")
    assert done.exit_code == 3
    assert "ollama serve" in done.stdout
    assert "There is nothing" not in done.stdout


@pytest.mark.parametrize("variable", ["OLLAMA_BASE_URL", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "LUMEAI_BASE_URL"])
def test_what_a_variable_names_is_examined(variable: str, inside: Home, own_lab: LabServer) -> None:
    done = inside.doctor("--quick", **{variable: own_lab.url("healthy-plain")})
    assert (done.exit_code, done.target["name"]) == (0, variable.split("_", maxsplit=1)[0].lower())
    assert done.target["url"] == own_lab.url("healthy-plain")
    assert {request.specimen for request in own_lab.requests} == {"healthy-plain"}


def test_what_dotenv_names_is_examined(inside: Home, lab: LabServer) -> None:
    inside.write(".env", f"OLLAMA_BASE_URL={lab.url('canned-answer')}\n")
    done = inside.doctor("--quick")
    assert (done.exit_code, done.target["name"], done.verdict) == (1, "ollama", "canned-answer")


@pytest.mark.parametrize("variable", ["OLLAMA_BASE_URL", "OLLAMA_HOST"])
def test_what_a_variable_names_and_is_not_there_is_a_problem(variable: str, inside: Home, dead: str) -> None:
    done = inside.doctor(**{variable: dead})
    assert (done.exit_code, done.target["name"], done.verdict) == (1, "ollama", "connection-refused")


def test_a_guess_that_is_not_there_is_a_note_beside_what_is(inside: Home, lab: LabServer) -> None:
    done = inside.doctor("--quick", OLLAMA_BASE_URL=lab.url("healthy-plain"))
    assert (done.exit_code, len(done.targets)) == (0, 1)
    notes = done.report["notes"]
    assert sorted(note.partition(":")[0] for note in notes) == sorted(GUESSES.keys() - {"ollama"})


def test_a_guess_that_is_named_is_no_guess_any_more(inside: Home) -> None:
    done = inside.doctor("ollama")
    assert (done.exit_code, done.target["name"], done.verdict) == (1, "ollama", "connection-refused")


@pytest.mark.parametrize("name", ["not-an-llm-api", "html-instead-of-api", "endpoint-not-found", "connection-reset"])
def test_a_stranger_at_a_usual_port_is_no_problem(
    name: str, inside: Home, lab: LabServer, own_lab: LabServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Port 8080 belongs to everybody: a web server there was never meant to be a model."""
    stranger = Backend("llama-server", own_lab.url(name), Kind.LLAMA_SERVER, origin=Origin.DISCOVERY)
    monkeypatch.setattr(discovery, "_OTHER_GUESSES", (stranger,))
    done = inside.doctor("--quick", OLLAMA_BASE_URL=lab.url("healthy-plain"))
    assert (done.exit_code, [target["name"] for target in done.targets]) == (0, ["ollama"])
    assert any(note.startswith("llama-server") for note in done.report["notes"])


@pytest.mark.parametrize("name", ["json-for-stream", "server-error", "key-missing", "forbidden"])
def test_a_guess_that_comes_true_is_examined_like_any_other(
    name: str, inside: Home, lab: LabServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever refuses in the words of the API is there: nobody may be told to start what is running."""
    guess = Backend("llama-server", lab.url(name), Kind.LLAMA_SERVER, origin=Origin.DISCOVERY)
    monkeypatch.setattr(discovery, "_OTHER_GUESSES", (guess,))
    done = inside.doctor("--quick")
    assert (done.exit_code, done.target["name"], done.verdict) == (1, "llama-server", name)


def test_what_is_configured_is_examined_with_what_is_found(inside: Home, own_lab: LabServer, dead: str) -> None:
    inside.write(
        "lumeai.yaml",
        f"backends:\n- name: mine\n  url: {own_lab.url('healthy-plain')}\n- name: gone\n  url: {dead}/v1\n",
    )
    done = inside.doctor("--quick", OPENAI_BASE_URL=own_lab.url("healthy-crlf"))
    assert [target["name"] for target in done.targets] == ["mine", "gone", "openai"]
    assert [target["healthy"] for target in done.targets] == [True, False, True]
    assert done.exit_code == 1


def test_a_configured_backend_is_examined_alone_by_its_name(inside: Home, own_lab: LabServer, dead: str) -> None:
    inside.write(
        "lumeai.yaml",
        f"backends:\n- name: mine\n  url: {own_lab.url('model-not-found')}\n  model: lab-only-model\n"
        f"- name: gone\n  url: {dead}/v1\n",
    )
    done = inside.doctor("mine", "--quick")
    assert (done.exit_code, done.target["name"], done.target["model"]) == (0, "mine", "lab-only-model")


def test_one_server_configured_and_found_is_examined_once(inside: Home, own_lab: LabServer) -> None:
    url = own_lab.url("healthy-plain")
    inside.write("lumeai.yaml", f"backends:\n- name: mine\n  url: {url}\n")
    done = inside.doctor("--quick", OPENAI_BASE_URL=url)
    assert [target["name"] for target in done.targets] == ["mine"]


def test_lumeai_itself_is_no_server_to_examine(inside: Home, own_lab: LabServer) -> None:
    """It stands in the list for the proxy's sake."""
    url = own_lab.url("healthy-plain")
    inside.write("lumeai.yaml", f"backends: [{{name: mine, url: '{url}'}}, {{name: last, kind: builtin}}]")
    assert [target["name"] for target in inside.doctor("--quick").targets] == ["mine"]
    refused = inside.lumeai("doctor", "last")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "'last' is lumeai itself" in refused.stderr
