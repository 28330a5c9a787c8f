"""`lumeai serve` before it serves: which backends it takes, what it refuses, and what `--check` tells."""

import contextlib
import pickle
import re
import socket
from collections.abc import Callable, Iterator

import pytest

from lumeai_cli.backends.backend import Backend, Kind, Origin
from lumeai_cli.lab import LabServer
from lumeai_cli.proxy import run as proxy_run
from lumeai_cli.proxy.plan import Plan
from lumeai_cli.settings import ServeSettings, discovery
from tests.cli.process import Home, Run
from tests.doctor.raw import RawServer, http, models, raw_server

KEY = "sk-planted-7f3d9a1c5e8b2046"
DEAD = "http://127.0.0.1:9/v1"
ELSEWHERE = "http://192.0.2.1:3000/v1"
"""TEST-NET: nobody's, and never asked here."""


class Started:
    """What would be served: the plan, and how to make it again."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.plans: list[Plan] = []
        self.again: list[Callable[[], Plan]] = []
        self.told: list[tuple[bool, bool]] = []

    def __call__(self, *arguments: str, **environment: str) -> Plan:
        """The plan with which the proxy would be started at a free port."""
        self.done = self._home.lumeai("serve", "--port", "0", *arguments, **environment)
        assert self.done.exit_code == 0, self.done.stderr
        return self.plans[-1]


@pytest.fixture
def started(inside: Home, monkeypatch: pytest.MonkeyPatch) -> Started:
    """Everything up to the start; what is behind it is not here's to test."""
    started = Started(inside)

    def serve(plan_again: Callable[[], Plan], plan: Plan, *, quiet: bool, verbose: bool) -> int:
        started.plans.append(plan)
        started.told.append((quiet, verbose))
        started.again.append(plan_again)
        return 0

    monkeypatch.setattr(proxy_run, "serve", serve)
    return started


@pytest.fixture
def no_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Discovery without the usual ports: what happens to run on this machine is not here's to find."""
    monkeypatch.setattr(discovery, "_G4F", Backend("g4f", DEAD, Kind.G4F, origin=Origin.DISCOVERY))
    monkeypatch.setattr(discovery, "_OLLAMA", Backend("ollama", DEAD, Kind.OLLAMA, origin=Origin.DISCOVERY))
    monkeypatch.setattr(discovery, "_OTHER_GUESSES", ())


def guess(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Makes this URL one of the usual places."""
    place = Backend("llama-server", url, Kind.LLAMA_SERVER, origin=Origin.DISCOVERY)
    monkeypatch.setattr(discovery, "_OTHER_GUESSES", (place,))


@contextlib.contextmanager
def listing(answer: bytes) -> Iterator[RawServer]:
    """A server with this answer to everything."""
    with raw_server(lambda _: [answer]) as server:
        yield server


def refused(done: Run) -> str:
    """The one sentence of a refusal."""
    assert (done.exit_code, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("lumeai: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def named(plan: Plan) -> list[tuple[str, str]]:
    """Names and URLs."""
    return [(backend.name, backend.url) for backend in plan.backends]


# --- what was given ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "taken", "said"),
    [
        (["http://127.0.0.1:9/v1"], [("127.0.0.1:9", DEAD)], ""),
        (["http://127.0.0.1:9/v1/"], [("127.0.0.1:9", DEAD)], ""),
        (["http://127.0.0.1:9"], [("127.0.0.1:9", DEAD)], f"no path was given: {DEAD} is used"),
        ([f"{DEAD}/chat/completions"], [("127.0.0.1:9", DEAD)], f"ended in an endpoint's path: {DEAD} is used"),
        ([f"{DEAD}/chat/completions/?a=b"], [("127.0.0.1:9", DEAD)], "behind the `?`"),
        (["http://127.0.0.1:9/chat/completions"], [("127.0.0.1:9", "http://127.0.0.1:9")], "http://127.0.0.1:9 is"),
        (["http://[::1]:9/v1"], [("[::1]:9", "http://[::1]:9/v1")], ""),
        (["https://llm.example/v1"], [("llm.example", "https://llm.example/v1")], ""),
        (["builtin"], [("builtin", "")], ""),
        (["g4f"], [("g4f", "http://127.0.0.1:1337/v1")], ""),
        (["http://127.0.0.1:1337"], [("g4f", "http://127.0.0.1:1337/v1")], "http://127.0.0.1:1337/v1 is used"),
        ([DEAD, "builtin", "g4f"], [("127.0.0.1:9", DEAD), ("builtin", ""), ("g4f", "http://127.0.0.1:1337/v1")], ""),
        (
            ["http://127.0.0.1:9/a/v1", "http://127.0.0.1:9/b/v1"],
            [("127.0.0.1:9", "http://127.0.0.1:9/a/v1"), ("127.0.0.1:9-2", "http://127.0.0.1:9/b/v1")],
            "",
        ),
    ],
)  # fmt: skip
def test_backends_are_taken_as_given(
    given: list[str], taken: list[tuple[str, str]], said: str, started: Started
) -> None:
    plan = started(*(word for name in given for word in ("--backend", name)))
    assert named(plan) == taken
    assert said in started.done.stderr
    assert bool(said) is bool(started.done.stderr)


def test_a_configured_one_is_taken_by_its_name_and_by_its_url_with_all_that_belongs_to_it(
    inside: Home, started: Started
) -> None:
    inside.write("lumeai.yaml", f"backends:\n- {{name: mine, url: '{DEAD}', key: {KEY}, model: qwen3, kind: vllm}}\n")
    for given in ("mine", DEAD, "http://127.0.0.1:9", f"{DEAD}/chat/completions"):
        [backend] = started("--backend", given).backends
        assert (backend.name, backend.url, backend.kind, backend.model) == ("mine", DEAD, Kind.VLLM, "qwen3")
        assert backend.key is not None
        assert backend.key.reveal() == KEY


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--backend", "olama"], "'olama' is no backend. Did you mean 'ollama'?"),
        (["--backend", "buildin"], "Did you mean 'builtin'?"),
        (["--backend", ""], "'' is no backend"),
        (["--backend", "127.0.0.1:9/v1"], "A URL begins with http:// or https://"),
        (["--backend", "ftp://127.0.0.1/v1"], "only http and https"),
        (["--backend", "file:///etc/passwd"], "only http and https"),
        (["--backend", "http://"], "no host"),
        (["--backend", "http://127.0.0.1:99999/v1"], "no usable URL"),
        (["--backend", "http://127.0.0.1:0/v1"], "port 0"),
        (["--backend", "http://127.0.0.1 /v1"], "no usable URL"),
        (["--backend", "http://me:secret@127.0.0.1/v1"], "must not hold a user name"),
        (["--backend", DEAD, "--backend", DEAD], "is given twice"),
        (["--backend", DEAD, "--backend", f"{DEAD}/chat/completions"], "is given twice"),
        (["--backend", "g4f", "--backend", "http://127.0.0.1:1337/v1"], "is given twice"),
        (["--backend", "builtin", "--backend", "builtin"], "is given twice"),
        (["--backend", "http://127.0.0.1:5863/v1"], "the proxy itself"),
        (["--backend", "http://localhost:5863"], "the proxy itself"),
        (["--backend", "http://[::1]:5863/v1"], "the proxy itself"),
        (["--backend", "http://0.0.0.0:5863/v1"], "the proxy itself"),
        (["--backend", "http://127.0.0.1:7000/v1", "--port", "7000"], "the proxy itself"),
        (["--backend", "http://127.0.0.1:7000/v1", "--port", "7000", "--host", "[::1]"], "the proxy itself"),
        (["--host", "0.0.0.0"], "--host: '0.0.0.0' can be reached from other machines"),
        (["--host", "::"], "can be reached from other machines"),
        (["--host", "192.168.0.7"], "can be reached from other machines"),
        (["--host", "my-machine"], "can be reached from other machines"),
        (["--host", ""], "can be reached from other machines"),
        (["--lang", "de"], "Known are: en, ru"),
        (["--config", "absent.yaml"], "absent.yaml: there is no such file"),
        (["--api-key-env", "KEY"], "needs exactly one --backend"),
        (["--api-key-env", "KEY", "--backend", DEAD, "--backend", "g4f"], "needs exactly one --backend"),
        (["--api-key-env", "KEY", "--backend", DEAD], "'KEY' is not set"),
        (["--api-key-env", "PATH", "--backend", "builtin"], "needs exactly one --backend"),
    ],
)
@pytest.mark.parametrize("check", [(), ("--check",)], ids=["start", "check"])
def test_what_cannot_be_meant_is_told(arguments: list[str], said: str, check: tuple[str, ...], inside: Home) -> None:
    assert said in refused(inside.lumeai("serve", *arguments, *check))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("serve: {host: 0.0.0.0}", "lumeai.yaml:1: '0.0.0.0' can be reached from other machines"),
        ("serve:\n  atempts: 3", 'lumeai.yaml:2: unknown key "atempts"; did you mean "attempts"?'),
        ("backends: [{name: a, url: 'http://127.0.0.1:5863/v1'}]", "a: http://127.0.0.1:5863/v1 is the address"),
        ("serve: {port: 7000}\nbackends: [{name: a, url: 'http://localhost:7000/v1'}]", "the proxy itself"),
        (f"backends: [{{name: a, url: '{DEAD}'}}, {{name: a, url: '{ELSEWHERE}'}}]", "two backends are called"),
        (f"backends: [{{name: a, url: '{DEAD}', key: sk-твой-ключ}}]", "not Latin"),
        ("backends: [{name: a, url: 'ws://127.0.0.1/v1'}]", "lumeai.yaml:1: the URL must start with http"),
    ],
)
def test_what_cannot_be_meant_in_the_settings_is_told(text: str, said: str, inside: Home) -> None:
    inside.write("lumeai.yaml", text)
    assert said in refused(inside.lumeai("serve"))


@pytest.mark.parametrize("arguments", [["--host", "0.0.0.0"], ["--backend", "olama"], ["--backend", "gopher://a"]])
def test_a_refusal_is_the_same_from_a_real_process_and_in_russian(arguments: list[str], home: Home) -> None:
    refused(home.lumeai("serve", *arguments))
    assert re.search("[а-яё]{5}", refused(home.lumeai("serve", *arguments, "--lang", "ru")))


@pytest.mark.parametrize("argument", ["--port=70000", "--port=http", "--workers=0", "--backends=a"])
def test_what_the_command_line_does_not_know_is_exit_2(argument: str, inside: Home) -> None:
    done = inside.lumeai("serve", argument)
    assert (done.exit_code, done.stdout) == (2, "")
    assert argument.partition("=")[0] in done.stderr


# --- keys -------------------------------------------------------------------------------------------------------------


def test_no_key_over_plain_http_to_another_machine(inside: Home, started: Started) -> None:
    inside.write("lumeai.yaml", f"backends: [{{name: far, url: '{ELSEWHERE}', key: {KEY}}}]")
    [backend] = started().backends
    assert backend.key is None
    assert "far: the key from lumeai.yaml:1 is not sent" in started.done.stderr
    assert KEY not in started.done.stderr


@pytest.mark.parametrize("url", [DEAD, "https://llm.example/v1"])
def test_a_key_goes_to_the_one_backend_for_which_it_is_named(url: str, started: Started) -> None:
    [backend] = started("--backend", url, "--api-key-env", "THEIR_KEY", THEIR_KEY=KEY).backends
    assert backend.key is not None
    assert (backend.key.reveal(), backend.key.source) == (KEY, "environment THEIR_KEY")


def test_a_key_of_the_environment_goes_to_its_vendor_alone(started: Started) -> None:
    backends = started(
        "--backend", "https://api.openai.com/v1", "--backend", "https://llm.example/v1", OPENAI_API_KEY=KEY
    ).backends
    assert [(backend.name, backend.key is not None) for backend in backends] == [
        ("openai", True),
        ("llm.example", False),
    ]


def test_a_key_that_no_header_can_carry_is_told_where_it_is_needed(inside: Home, started: Started) -> None:
    environment = {"OPENAI_API_KEY": "sk-твой-ключ"}
    for arguments in ([], ["--backend", "openai"]):
        assert "environment OPENAI_API_KEY: " in refused(inside.lumeai("serve", *arguments, **environment))
    started("--backend", DEAD, **environment)


# --- what is configured, and what is found ----------------------------------------------------------------------------


def test_without_a_name_everything_configured_is_taken_in_its_order_and_nothing_is_looked_for(
    inside: Home, started: Started, lab: LabServer
) -> None:
    inside.write(
        "lumeai.yaml",
        f"backends: [{{name: b, url: '{DEAD}'}}, {{name: a, url: '{ELSEWHERE}'}}, {{name: last, kind: builtin}}]",
    )
    plan = started(LUMEAI_BASE_URL=lab.url("healthy-plain"))
    assert named(plan) == [("b", DEAD), ("a", ELSEWHERE), ("last", "")]
    assert started.done.stderr == ""


def test_the_command_line_beats_the_settings(inside: Home, started: Started) -> None:
    inside.write("lumeai.yaml", "language: ru\nserve: {host: '::1', port: 7000, workers: 3, hold: 5}\n")
    plan = started("--backend", "builtin", "--host", "localhost", "--workers", "2")
    assert plan.settings == ServeSettings("localhost", 0, 2, hold=5.0)
    assert plan.language == "ru"
    assert started("--backend", "builtin", "--host", "[::1]", "--lang", "en").settings.host == "::1"
    assert started.plans[-1].language == "en"


@pytest.mark.usefixtures("no_guesses")
def test_what_is_found_alive_is_taken_and_announced(
    started: Started, lab: LabServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = lab.url("healthy-crlf")
    with listing(models("qwen3")) as other:
        guess(monkeypatch, other.url)
        plan = started(LUMEAI_BASE_URL=mine)
        assert named(plan) == [("lumeai", mine), ("llama-server", other.url)]
        assert started.done.stderr.splitlines() == [
            f"lumeai: found: lumeai at {mine}",
            f"lumeai: found: llama-server at {other.url}",
        ]
        assert started("-q", LUMEAI_BASE_URL=mine) == plan
        assert started.done.stderr == ""


@pytest.mark.usefixtures("no_guesses")
def test_with_nothing_there_lumeai_itself_answers_and_that_is_said(started: Started) -> None:
    [backend] = started().backends
    assert (backend.name, backend.kind, backend.url) == ("builtin", Kind.BUILTIN, "")
    assert started.done.stderr.count("\n") == 1
    for word in ("no real model", "builtin", "ollama serve", "lumeai serve --backend"):
        assert word in started.done.stderr
    started("--lang", "ru")
    assert "настоящая модель не настроена" in started.done.stderr


@pytest.mark.usefixtures("no_guesses")
@pytest.mark.parametrize(
    ("answer", "taken", "said"),
    [
        (models("qwen3"), True, "found: llama-server"),
        (http(b'{"object": "list", "data": null}'), False, "has no models"),
        (http(b'{"object": "list", "data": []}'), False, "has no models"),
        (http(b'{"error": {"message": "no"}}', "401 Unauthorized"), False, "wants a key (HTTP 401)"),
        (http(b"<html>", "403 Forbidden", "text/html"), False, ""),
        (http(b"<html><title>Files</title></html>", "200 OK", "text/html"), False, ""),
        (http(b'{"status": "ok"}'), False, ""),
        (http(b'{"error": "no"}', "404 Not Found"), False, ""),
        (http(b"{}", "500 Internal Server Error"), False, ""),
        (b"SSH-2.0-OpenSSH_9.2\r\n", False, ""),
        (b"", False, ""),
    ],
    ids=["models", "null", "empty", "401", "403-page", "page", "other-json", "404", "500", "ssh", "hung-up"],
)
def test_a_stranger_at_a_usual_port_is_no_backend(
    answer: bytes, *, taken: bool, said: str, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a list with models proves that somebody is there who can answer."""
    with listing(answer) as server:
        guess(monkeypatch, server.url)
        plan = started()
    assert [backend.name for backend in plan.backends] == (["llama-server"] if taken else ["builtin"])
    assert ("llama-server at" in started.done.stderr) is bool(said)
    assert said in started.done.stderr


@pytest.mark.usefixtures("no_guesses")
@pytest.mark.parametrize(
    ("answer", "taken", "said"),
    [
        (models("qwen3"), True, "found: lumeai"),
        (http(b"Cannot GET /v1/models", "404 Not Found", "text/html"), True, "found: lumeai"),
        (http(b"", "405 Method Not Allowed"), True, "found: lumeai"),
        (http(b'{"error": {"message": "no"}}', "401 Unauthorized"), False, "refuses the key (HTTP 401)"),
        (http(b"", "302 Found", "text/html", ("location", "/login")), False, "HTTP 302"),
        (http(b"{}", "503 Service Unavailable"), False, "HTTP 503"),
        (http(b"<html></html>", "200 OK", "text/html"), False, "a web page"),
        (b"", False, "no answer (reset)"),
    ],
    ids=["models", "404", "405", "401", "302", "503", "page", "hung-up"],
)
def test_what_the_environment_names_is_taken_if_it_can_answer_and_else_told(
    answer: bytes, *, taken: bool, said: str, started: Started
) -> None:
    """Many servers of people's own have no list of models."""
    with listing(answer) as server:
        plan = started(LUMEAI_BASE_URL=server.url, LUMEAI_API_KEY=KEY)
    assert [backend.name for backend in plan.backends] == (["lumeai"] if taken else ["builtin"])
    assert said in started.done.stderr
    assert KEY not in started.done.stderr


@pytest.mark.usefixtures("no_guesses")
def test_a_key_of_the_environment_goes_with_the_question_to_its_own_server_alone(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listing(models("a")) as mine, listing(models("b")) as other:
        guess(monkeypatch, other.url)
        started(LUMEAI_BASE_URL=mine.url, LUMEAI_API_KEY=KEY)
    assert [(request.path, request.headers.get("authorization")) for request in mine.requests] == [
        ("/v1/models", f"Bearer {KEY}")
    ]
    assert [request.headers.get("authorization") for request in other.requests] == [None]


@pytest.mark.usefixtures("no_guesses")
def test_a_foreign_dotenv_draws_no_key_out_of_the_environment(inside: Home, started: Started) -> None:
    with listing(models("a")) as server:
        inside.write(".env", f"OPENAI_BASE_URL={server.url}\n")
        plan = started(OPENAI_API_KEY=KEY)
    assert [(backend.name, backend.key) for backend in plan.backends] == [("openai", None)]
    assert [request.headers.get("authorization") for request in server.requests] == [None]
    assert "OPENAI_API_KEY" in started.done.stderr


@pytest.mark.usefixtures("no_guesses")
def test_agents_are_pointed_at_the_proxy_by_the_same_variables_and_that_is_no_backend(inside: Home) -> None:
    done = inside.lumeai("serve", "--check", OPENAI_BASE_URL="http://127.0.0.1:5863/v1")
    assert (done.exit_code, done.stdout.split()[0]) == (0, "builtin")
    assert "openai at http://127.0.0.1:5863/v1 is the proxy's own address" in done.stderr


@pytest.mark.usefixtures("no_guesses")
def test_who_accepts_a_connection_and_never_answers_does_not_hold_the_start(
    started: Started, monkeypatch: pytest.MonkeyPatch, lab: LabServer
) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        guess(monkeypatch, f"http://127.0.0.1:{mute.getsockname()[1]}/v1")
        plan = started(LUMEAI_BASE_URL=lab.url("healthy-plain"))
    assert [backend.name for backend in plan.backends] == ["lumeai"]


# --- again ------------------------------------------------------------------------------------------------------------


def test_the_plan_is_made_again_from_what_the_settings_say_then(inside: Home, started: Started) -> None:
    inside.write("lumeai.yaml", f"backends: [{{name: a, url: '{DEAD}'}}]")
    assert named(started("--workers", "2")) == [("a", DEAD)]
    inside.write("lumeai.yaml", f"backends: [{{name: b, url: '{ELSEWHERE}'}}]\nserve: {{hold: 3, workers: 5}}")
    with contextlib.chdir(inside.path):
        plan = started.again[-1]()
    assert named(plan) == [("b", ELSEWHERE)]
    assert (plan.settings.hold, plan.settings.workers) == (3.0, 2)


def test_a_plan_and_its_maker_go_to_other_processes(started: Started) -> None:
    plan = started("--backend", DEAD, "--api-key-env", "THEIR_KEY", THEIR_KEY=KEY)
    assert pickle.loads(pickle.dumps(plan)) == plan  # noqa: S301  # it was made here
    assert callable(pickle.loads(pickle.dumps(started.again[-1])))  # noqa: S301  # likewise


# --- the port ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_port_in_use_is_one_sentence_with_the_port_and_exit_3(language: str, home: Home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = home.lumeai("serve", "--backend", "builtin", "--port", port, "--lang", language)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert f"127.0.0.1:{port}: " in done.stderr
    assert "--port" in done.stderr


def test_a_port_that_merely_lingers_is_free(started: Started) -> None:
    """After a server that hung up first; the next one must start at once."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()
            assert client.recv(1) == b""
    started("--backend", "builtin", "--port", str(port))


def test_check_needs_no_port(inside: Home) -> None:
    """It is asked beside the proxy that runs."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = inside.lumeai("serve", "--check", "--backend", "builtin", "--port", str(other.getsockname()[1]))
    assert done.exit_code == 0


# --- --check ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "alive", "said"),
    [
        (models("qwen3", "gpt-4o"), True, "alive, 2 models, default qwen3"),
        (models("text-embedding-3", "qwen3"), True, "alive, 2 models, default qwen3"),
        (models("whisper-1"), True, "alive, 1 model, no default model"),
        (http(b'{"data": []}'), True, "alive, has no models, no default model"),
        (http(b"no", "404 Not Found"), True, "alive, tells no list of models (HTTP 404)"),
        (models("evil\x1b[31m"), True, "default evil\\x1b[31m"),
        (http(b"{}", "401 Unauthorized"), False, "not alive: wants a key (HTTP 401)"),
        (http(b"{}", "502 Bad Gateway"), False, "not alive: HTTP 502"),
        (b"", False, "not alive: no answer (reset)"),
    ],
)
def test_check_tells_what_each_backend_answers(answer: bytes, *, alive: bool, said: str, inside: Home) -> None:
    with listing(answer) as server:
        done = inside.lumeai("serve", "--check", "--backend", server.url)
    assert (done.exit_code, done.stderr) == (0 if alive else 1, "")
    assert done.stdout.count("\n") == 1
    assert server.url in done.stdout
    assert said in done.stdout


@pytest.mark.parametrize(("model", "said"), [("qwen3", "default qwen3\n"), ("qwen4", "qwen4 (not in its list)\n")])
def test_check_tells_whether_the_configured_model_is_offered(model: str, said: str, inside: Home) -> None:
    with listing(models("other", "qwen3")) as server:
        inside.write("lumeai.yaml", f"backends: [{{name: a, url: '{server.url}', model: {model}}}]")
        done = inside.lumeai("serve", "--check")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.endswith(said)


def test_one_backend_that_answers_is_enough(inside: Home, lab: LabServer) -> None:
    inside.write(
        "lumeai.yaml",
        f"backends:\n- {{name: gone, url: '{DEAD}'}}\n- {{name: here, url: '{lab.url('healthy-plain')}'}}\n",
    )
    done = inside.lumeai("serve", "--check")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["gone", "here"]
    assert done.exit_code == 0
    assert inside.lumeai("serve", "--check", "--backend", "gone").exit_code == 1
    assert inside.lumeai("serve", "--check", "--backend", "gone", "--backend", "builtin").exit_code == 0


def test_check_is_the_same_from_a_real_process_and_starts_nothing(home: Home, lab: LabServer) -> None:
    done = home.lumeai("serve", "--check", "--lang", "ru", "--backend", lab.url("healthy-plain"))
    assert (done.exit_code, done.stderr) == (0, "")
    assert "работает, " in done.stdout


@pytest.mark.parametrize(("option", "quiet", "verbose"), [("", False, False), ("-q", True, False), ("-v", False, True)])
def test_how_much_the_log_tells(option: str, *, quiet: bool, verbose: bool, started: Started) -> None:
    """Each client's requests; with -q failures alone, with -v each attempt, too."""
    started("--backend", DEAD, *option.split())
    assert started.told == [(quiet, verbose)]
