"""What the doctor's command line promises to people and to programs: exit codes, the report's form, the options."""

import contextlib
import importlib.resources
import json
import os
import pty
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import pytest

from lumeai_cli.clients.request import NATIVE_SIZE, XML_SIZE
from lumeai_cli.doctor.probe import PROBES
from lumeai_cli.lab import LabServer
from lumeai_cli.lab.request import LabRequest
from tests.cli.process import PROGRAM, Home, Run

TARGET_KEYS = {"name", "url", "kind", "model", "healthy", "verdict", "next", "findings", "clients", "probes"}
VERDICT_KEYS = {"code", "name", "certainty", "summary", "fix", "explains"}
FINDING_KEYS = {"code", "name", "severity", "certainty", "facts", "evidence"}
EVIDENCE_KEYS = {"exchange", "start", "end", "at", "excerpt"}
PROBE_KEYS = {"name", "status", "reason", "seconds", "prompt_tokens", "completion_tokens"}
SMALL = "--quick"
LARGE = {"agent-xml", "agent-native", "body-size"}


@pytest.fixture
def dead() -> Iterator[str]:
    """The base URL of a loopback port that refuses: it is bound all the while, and nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"


def chats(lab: LabServer) -> list[LabRequest]:
    """The chat requests that a lab has got."""
    return [request for request in lab.requests if request.method == "POST"]


def size_of(request: LabRequest) -> int:
    """The characters of everything that a model would have to read, tools as the JSON that was sent."""
    tools = request.fields.get("tools")
    return request.prompt_chars + (len(json.dumps(tools, ensure_ascii=False)) if tools else 0)


# --- exit codes -------------------------------------------------------------------------------------------------------


def test_a_healthy_server_is_exit_0(inside: Home, lab: LabServer) -> None:
    done = inside.doctor(lab.url("healthy-plain"))
    assert done.exit_code == 0
    assert done.target["healthy"] is True
    assert done.target["verdict"] is None
    assert {client["outcome"] for client in done.target["clients"].values()} == {"ok"}


def test_a_problem_is_exit_1(home: Home, lab: LabServer) -> None:
    done = home.doctor(lab.url("json-for-stream"), SMALL)
    assert (done.exit_code, done.verdict) == (1, "json-for-stream")


def test_exit_zero_turns_1_into_0_and_nothing_else(inside: Home, lab: LabServer) -> None:
    sick = inside.doctor(lab.url("json-for-stream"), SMALL, "--exit-zero")
    unexamined = inside.doctor(lab.url("healthy-plain"), "--budget", "0", "--exit-zero")
    unusable = inside.doctor("nowhere", "--exit-zero")
    assert (sick.exit_code, sick.verdict) == (0, "json-for-stream")
    assert unexamined.exit_code == 3
    assert unusable.exit_code == 2


def test_a_named_target_that_refuses_is_a_problem(home: Home, dead: str) -> None:
    done = home.doctor(dead)
    assert (done.exit_code, done.verdict) == (1, "connection-refused")
    assert done.target["healthy"] is False


def test_a_problem_beats_an_unexamined_target_and_a_healthy_one(inside: Home, lab: LabServer, dead: str) -> None:
    """Without a chat request the lab's server stays unjudged; that the other refuses is known all the same."""
    done = inside.doctor(lab.url("healthy-plain"), dead, "--budget", "0")
    assert [target["healthy"] for target in done.targets] == [None, False]
    assert done.exit_code == 1


def test_a_wrong_word_beats_everything_before_anything_is_sent(inside: Home, own_lab: LabServer) -> None:
    done = inside.doctor(own_lab.url("json-for-stream"), "nowhere")
    assert (done.exit_code, done.stdout, own_lab.requests) == (2, "", [])


# --- the report -------------------------------------------------------------------------------------------------------


def test_the_json_report_has_what_the_contract_says(inside: Home, lab: LabServer) -> None:
    done = inside.doctor(lab.url("json-for-stream"), lab.url("healthy-plain"), SMALL)
    report = done.report
    assert report["schema_version"] == 1
    assert {"lumeai", "started", "seconds", "targets"} <= report.keys()
    for target in report["targets"]:
        assert target.keys() >= TARGET_KEYS
        assert [probe["name"] for probe in target["probes"]] == list(PROBES)
        assert all(probe.keys() >= PROBE_KEYS for probe in target["probes"])
        assert all(client.keys() >= {"outcome", "message", "because"} for client in target["clients"].values())
        for finding in target["findings"]:
            assert finding.keys() >= FINDING_KEYS
            assert all(evidence.keys() >= EVIDENCE_KEYS for evidence in finding["evidence"])
    sick = report["targets"][0]
    assert sick["verdict"].keys() >= VERDICT_KEYS
    assert sick["verdict"]["code"] in {finding["code"] for finding in sick["findings"]}


def test_the_json_report_keeps_to_the_schema_that_ships_with_it(inside: Home, lab: LabServer, dead: str) -> None:
    schema = json.loads((importlib.resources.files("lumeai_cli.report") / "report.schema.json").read_text("utf-8"))
    done = inside.doctor(lab.url("canned-answer"), lab.url("healthy-plain"), dead)
    jsonschema.validate(done.report, schema)


def test_stdout_holds_the_report_alone_and_progress_is_on_stderr(home: Home, lab: LabServer) -> None:
    done = home.doctor(lab.url("healthy-plain"))
    assert done.target["healthy"] is True
    assert "agent-xml" in done.stderr
    assert "tokens" in done.stderr


def test_on_a_terminal_progress_is_one_line_that_goes_away(home: Home, lab: LabServer) -> None:
    """Whatever was written over it, nothing of it is left when the report comes."""
    screen, terminal = pty.openpty()
    with ThreadPoolExecutor(1) as pool:
        shown = pool.submit(everything, screen)
        environment = home.environment({"TERM": "xterm", "COLUMNS": "60", "LINES": "20"})
        arguments = ["doctor", lab.url("healthy-plain"), SMALL]
        done = subprocess.run(
            [*PROGRAM, *arguments], cwd=home.path, env=environment, stdout=subprocess.PIPE, stderr=terminal, check=False
        )
        os.close(terminal)
        written = shown.result()
    os.close(screen)
    assert done.returncode == 0
    assert "\n" not in written
    assert written.count("\r\x1b[K") > 5
    assert written.endswith("\r\x1b[K")
    assert all(len(line) < 60 for line in written.split("\r\x1b[K"))


def everything(screen: int) -> str:
    """What comes out of a terminal until nobody writes to it any more."""
    data = b""
    with contextlib.suppress(OSError):  # Linux says EIO when the other end is closed
        while more := os.read(screen, 65536):
            data += more
    return data.decode()


def test_quiet_means_no_progress(inside: Home, lab: LabServer) -> None:
    assert inside.doctor(lab.url("healthy-plain"), "-q").stderr == ""


def test_a_report_in_a_file_leaves_stdout_empty(home: Home, lab: LabServer) -> None:
    done = home.doctor(lab.url("healthy-plain"), SMALL, "--output", "report.json")
    assert (done.exit_code, done.stdout) == (0, "")
    assert json.loads(home.read("report.json"))["targets"][0]["healthy"] is True


def test_a_healthy_server_is_one_line_for_people(inside: Home, lab: LabServer) -> None:
    done = inside.lumeai("doctor", lab.url("healthy-plain"))
    line, _, rest = done.stdout.partition("\n")
    assert lab.url("healthy-plain") in line
    assert "healthy" in line
    assert len(rest.split("\n")) <= 3


def test_off_a_terminal_nothing_is_cut_or_coloured(home: Home, lab: LabServer) -> None:
    done = home.lumeai("doctor", lab.url("json-for-stream"), SMALL, COLUMNS="40")
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.split("\n"))) > 120


@pytest.mark.parametrize(("arguments", "coloured"), [(["--color", "always"], True), (["--color", "never"], False)])
def test_colours_are_the_users_choice(arguments: list[str], *, coloured: bool, inside: Home, lab: LabServer) -> None:
    done = inside.lumeai("doctor", lab.url("json-for-stream"), SMALL, *arguments, FORCE_COLOR="1")
    assert ("\x1b[" in done.stdout) is coloured


def test_the_language_changes_the_sentences_and_not_the_names(inside: Home, lab: LabServer) -> None:
    english = inside.doctor(lab.url("json-for-stream"), SMALL, "--lang", "en", LUMEAI_LANG="ru")
    russian = inside.doctor(lab.url("json-for-stream"), SMALL, LUMEAI_LANG="ru")
    one, other = english.target["verdict"], russian.target["verdict"]
    assert "stream" in one["summary"]
    assert "поток" in other["summary"]
    assert one["summary"] != other["summary"]
    assert (one["code"], one["name"], one["certainty"]) == (other["code"], other["name"], other["certainty"])
    assert english.target.keys() == russian.target.keys()


def test_the_locale_chooses_the_language_where_nobody_does(inside: Home, dead: str) -> None:
    assert "Nothing listens" in inside.lumeai("doctor", dead, LC_ALL="C.UTF-8", LANG="ru_RU.UTF-8").stdout
    assert "Nothing listens" not in inside.lumeai("doctor", dead, LANG="ru_RU.UTF-8").stdout


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "ascii"])
def test_russian_survives_every_console(encoding: str, home: Home, lab: LabServer) -> None:
    done = home.start("doctor", lab.url("json-for-stream"), SMALL, "--lang", "ru", PYTHONIOENCODING=encoding)
    with done:
        assert done.stdout is not None
        assert done.stderr is not None
        written = done.stdout.buffer.read().decode(encoding)
        assert done.stderr.read() == ""
    assert done.returncode == 1
    assert "json-for-stream" in written
    assert "res.write" in written
    assert written.count("?") < 5


def test_markdown_can_be_pasted(inside: Home, lab: LabServer) -> None:
    done = inside.lumeai("doctor", lab.url("json-for-stream"), SMALL, "--format", "markdown")
    assert done.exit_code == 1
    assert done.stdout.startswith("# lumeai doctor")
    assert "**LUM301 json-for-stream**" in done.stdout
    assert done.stdout.count("```") % 2 == 0


def test_verbose_tells_every_probe(inside: Home, lab: LabServer) -> None:
    done = inside.lumeai("doctor", lab.url("healthy-plain"), SMALL, "-v")
    assert all(f"\n    {name} " in done.stdout for name in PROBES)


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_one_large_request_a_protocol_by_default(inside: Home, own_lab: LabServer) -> None:
    """Each is streamed, as an agent does it, and as large as an agent's own."""
    inside.doctor(own_lab.url("healthy-plain"))
    large = [request for request in chats(own_lab) if size_of(request) > 10_000]
    assert all(request.stream for request in large)
    [native] = [request for request in large if request.tools]
    [xml] = [request for request in large if not request.tools]
    assert len(xml.system_text) == XML_SIZE == 72_000
    assert size_of(native) == pytest.approx(NATIVE_SIZE, rel=0.01)


def test_prompt_chars_is_the_size_of_system_prompt_and_tools(inside: Home, own_lab: LabServer) -> None:
    inside.doctor(own_lab.url("healthy-plain"), "--prompt-chars", "30000")
    large = [request for request in chats(own_lab) if size_of(request) > 10_000]
    [native] = [request for request in large if request.tools]
    [xml] = [request for request in large if not request.tools]
    assert len(xml.system_text) == 30_000
    assert size_of(native) == pytest.approx(30_000, rel=0.01)


def test_quick_says_what_it_did_not_judge(inside: Home, own_lab: LabServer) -> None:
    done = inside.doctor(own_lab.url("healthy-plain"), SMALL)
    assert max(map(size_of, chats(own_lab))) < 3_000
    for name in LARGE:
        assert (done.probe(name)["status"], "--quick" in done.probe(name)["reason"]) == ("skipped", True)
    assert all(name in inside.lumeai("doctor", own_lab.url("healthy-plain"), SMALL).stdout for name in LARGE)


def test_a_budget_of_nothing_asks_for_metadata_only(inside: Home, own_lab: LabServer) -> None:
    done = inside.doctor(own_lab.url("healthy-plain"), "--budget", "0")
    assert [request.path for request in own_lab.requests] == ["/v1/models"]
    assert (done.exit_code, done.target["healthy"]) == (3, None)
    assert done.target["model"] == "lab-model"
    assert {client["outcome"] for client in done.target["clients"].values()} == {"not-judged"}
    assert (done.probe("stream")["status"], "--budget" in done.probe("stream")["reason"]) == ("not-judged", True)


def test_a_budget_that_is_too_small_for_the_large_requests_cuts_only_them(inside: Home, own_lab: LabServer) -> None:
    done = inside.doctor(own_lab.url("healthy-plain"), "--budget", "5000")
    assert max(map(size_of, chats(own_lab))) < 3_000
    assert (done.exit_code, done.target["healthy"]) == (0, True)
    assert {done.probe(name)["status"] for name in ("agent-xml", "agent-native")} == {"not-judged"}
    spent = sum(probe["prompt_tokens"] + probe["completion_tokens"] for probe in done.target["probes"])
    assert 0 < spent <= 5000


def test_only_sends_a_probe_and_what_it_needs(inside: Home, own_lab: LabServer) -> None:
    done = inside.doctor(own_lab.url("healthy-plain"), "--only", "tool-native", "--repeat", "1")
    assert [(request.path, bool(request.tools)) for request in own_lab.requests] == [
        ("/v1/models", False),
        ("/v1/chat/completions", False),
        ("/v1/chat/completions", True),
    ]
    assert done.probe("plain")["status"] == "skipped"
    assert "--only" in done.probe("plain")["reason"]


def test_skip_leaves_probes_out(inside: Home, own_lab: LabServer) -> None:
    done = inside.doctor(own_lab.url("healthy-plain"), SMALL, "--skip", "tool-xml,plain", "--skip", "models")
    assert "/v1/models" not in {request.path for request in own_lab.requests}
    assert all(request.stream for request in chats(own_lab))
    assert {done.probe(name)["status"] for name in ("tool-xml", "plain", "models")} == {"skipped"}
    assert done.target["healthy"] is True


def test_the_probes_can_be_listed(inside: Home) -> None:
    done = inside.lumeai("doctor", "--list-probes")
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(PROBES)


def test_repeat_is_the_number_of_the_streamed_probe(inside: Home, own_lab: LabServer) -> None:
    inside.doctor(own_lab.url("healthy-plain"), SMALL, "--repeat", "5")
    bodies = [request.body for request in chats(own_lab)]
    assert max(map(bodies.count, bodies)) == 5


def test_a_slow_first_byte_is_a_warning(inside: Home, lab: LabServer) -> None:
    """The specimen waits for a second, so that a limit far below it needs no exact clock."""
    done = inside.doctor(lab.url("healthy-slow"), "--slow-after", "0.2", "--only", "agent-native")
    assert [(finding["name"], finding["severity"]) for finding in done.target["findings"]] == [
        ("slow-first-byte", "warning")
    ]
    assert done.exit_code == 0
    assert done.target["healthy"] is True


def test_the_model_is_the_users_choice(inside: Home, own_lab: LabServer) -> None:
    done = inside.doctor(own_lab.url("model-not-found"), SMALL, "--model", "lab-only-model")
    assert {request.model for request in chats(own_lab)} == {"lab-only-model"}
    assert (done.exit_code, done.target["model"]) == (0, "lab-only-model")
    assert inside.doctor(own_lab.url("model-not-found"), SMALL).verdict == "model-not-found"


def test_a_client_is_judged_alone(inside: Home, lab: LabServer) -> None:
    done = inside.doctor(lab.url("json-for-stream"), SMALL, "--client", "kilo7,openai-sdk", "--client", "kilo7")
    assert list(done.target["clients"]) == ["kilo7", "openai-sdk"]


def test_a_size_that_breaks_no_judged_client_is_no_error(inside: Home, lab: LabServer) -> None:
    """A program on the SDK sends small requests: this server's limit is only a risk for it."""
    done = inside.doctor(lab.url("body-too-large"), "--client", "openai-sdk")
    assert done.target["clients"]["openai-sdk"]["outcome"] == "ok"
    assert {finding["severity"] for finding in done.target["findings"]} <= {"warning", "note"}
    assert done.exit_code == 0


# --- the URL ----------------------------------------------------------------------------------------------------------


def test_a_bare_origin_is_completed_and_that_is_noted(inside: Home, own_lab: LabServer) -> None:
    done = inside.doctor(own_lab.base, SMALL)
    assert done.target["url"] == f"{own_lab.base}/v1"
    assert any(f"{own_lab.base}/v1" in note for note in done.target["notes"])
    assert own_lab.requests[0].specimen == "v1"


@pytest.mark.parametrize(
    ("suffix", "verdict"), [("", "base-url-missing-v1"), ("/v1/chat/completions", "base-url-doubled-path")]
)
def test_a_url_with_a_path_is_judged_as_it_was_given(
    suffix: str, verdict: str, inside: Home, own_lab: LabServer
) -> None:
    """And the examination goes on where the API is."""
    given = f"{own_lab.base}/healthy-plain{suffix}"
    done = inside.doctor(given, SMALL)
    assert (done.exit_code, done.verdict) == (1, verdict)
    assert (done.target["url"], done.target["base"]) == (given, own_lab.url("healthy-plain"))
    assert done.probe("tool-native")["status"] == "passed"


def test_several_targets_come_back_in_their_order(inside: Home, lab: LabServer) -> None:
    names = ("healthy-slow", "canned-answer", "healthy-plain")
    done = inside.doctor(*map(lab.url, names), SMALL)
    assert [target["url"] for target in done.targets] == [lab.url(name) for name in names]
    assert [target["healthy"] for target in done.targets] == [True, False, True]


def test_one_target_in_two_spellings_is_examined_once(inside: Home, lab: LabServer) -> None:
    done = inside.doctor(lab.url("healthy-plain"), lab.url("healthy-plain") + "/", SMALL)
    assert len(done.targets) == 1


def test_the_demonstration_says_so_and_ends_well(home: Home) -> None:
    done = home.lumeai("doctor", "--demo", SMALL)
    assert done.exit_code == 0
    assert "demonstration" in done.stdout.splitlines()[0]
    assert all(name in done.stdout for name in ("json-for-stream", "empty-answer", "canned-answer", "healthy-plain"))


def test_the_demonstration_for_programs(inside: Home) -> None:
    done: Run = inside.doctor("--demo", SMALL)
    assert (done.exit_code, done.report["demo"]) == (0, True)
    assert [target["healthy"] for target in done.targets] == [False, False, False, True]
