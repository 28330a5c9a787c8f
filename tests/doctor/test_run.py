"""What is asked, in which order and form, what the answers change about it, and what the report makes of it all."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from lumeai_cli.backends.backend import Backend, Kind, Origin, Secret
from lumeai_cli.backends.models import FALLBACK, ModelList, read_models
from lumeai_cli.clients.request import NATIVE_SIZE, XML_SIZE
from lumeai_cli.diagnoses.finding import Severity
from lumeai_cli.doctor.probe import PROBES, chosen
from lumeai_cli.doctor.result import ProbeStatus, Report, TargetReport
from lumeai_cli.lab import LabServer, running_lab
from lumeai_cli.text.phrase import Phrase
from lumeai_cli.wire.reading import Reading
from tests.doctor.conftest import Doctor, outcome
from tests.doctor.raw import (
    DONE,
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
from tests.doctor.reports import names, status, verdict

CANNED = "Привет! Я - LumeAI. Чем могу помочь?"
PATIENCE = 30.0


def listed(answer: Callable[[Request], Iterable[bytes | Act]]) -> Callable[[Request], Iterable[bytes | Act]]:
    """A server with a list of one model and this answer to every chat."""
    return lambda request: [models("m")] if request.method == "GET" else answer(request)


def chats(server: RawServer) -> list[Request]:
    return [request for request in server.requests if request.method == "POST"]


@pytest.fixture
def dead() -> Iterator[int]:
    """A loopback port that refuses."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


# --- behind a fault ---------------------------------------------------------------------------------------------------


def mock(request: Request) -> Iterable[bytes]:
    """The user's own server: one sentence for everybody, JSON whatever is asked, and Express' limit of 100 KiB."""
    if len(request.body) > 102_400:
        yield http("<pre>PayloadTooLargeError: request entity too large</pre>", "413 Payload Too Large", "text/html")
    else:
        yield completion(CANNED)


def test_after_the_first_cause_comes_the_second(doctor: Doctor) -> None:
    with raw_server(listed(mock)) as server:
        report = doctor(server.url)
    assert verdict(report) == "json-for-stream"
    assert report.next == ("canned-answer", "body-too-large")
    assert report.verdict is not None
    assert report.verdict.rated.finding.certainty == "proven"


def mute(request: Request) -> Iterable[bytes]:
    """Whoever asks for a stream gets nothing."""
    yield event_stream() + DONE if request.stream else completion("maple")


@pytest.mark.parametrize(
    ("answer", "agents"), [(mock, [True, True]), (mute, [True, False, True, False])], ids=["json", "nothing"]
)
def test_where_streams_are_broken_the_small_questions_are_asked_without(
    answer: Callable[[Request], Iterable[bytes]], agents: list[bool], doctor: Doctor
) -> None:
    """Agent-sized requests stay streamed, as agents send them; where that told no answer, they are sent once more."""
    with raw_server(listed(answer)) as server:
        doctor(server.url)
        asked = chats(server)
    small = [request for request in asked if len(request.body) < 10_000]
    large = [request for request in asked if 50_000 < len(request.body) < 80_000]
    assert [request.stream for request in small].count(True) == 1
    assert [request.stream for request in large] == agents


def test_where_streams_are_sound_everything_is_streamed_but_the_one_comparison(doctor: Doctor, lab: LabServer) -> None:
    with raw_server(listed(lambda request: [streamed("ok") if request.stream else completion("ok")])) as server:
        doctor(server.url, quick=True)
        assert [request.stream for request in chats(server)].count(False) == 1
    assert doctor(lab.url("healthy-plain")).healthy is True


def test_a_stream_that_is_cut_changes_the_form_too(doctor: Doctor) -> None:
    def cut(request: Request) -> Iterable[bytes]:
        if request.stream:
            yield b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            frame = delta(content="ma")
            yield f"{len(frame):x}\r\n".encode() + frame + b"\r\n"
        else:
            yield completion("maple")

    with raw_server(listed(cut)) as server:
        report = doctor(server.url, quick=True)
        # Once: it was the first in any queue, so nobody else can be to blame.
        assert [request.stream for request in chats(server)].count(True) == 1
    assert verdict(report) == "stream-cut"


@pytest.mark.parametrize(("given", "right"), [("", "/v1"), ("/v1/chat/completions", "/v1"), ("/v1", "/api/v1")])
def test_the_examination_moves_to_the_url_that_works(given: str, right: str, doctor: Doctor) -> None:
    def answer(request: Request) -> Iterable[bytes]:
        if not request.path.startswith(f"{right}/"):
            yield http("Cannot POST", "404 Not Found", "text/html")
        elif request.path == f"{right}/models":
            yield models("moved-model")
        elif request.path == f"{right}/chat/completions":
            yield completion(CANNED)
        else:
            yield http("Cannot POST", "404 Not Found", "text/html")

    with raw_server(answer) as server:
        # An origin without a path is completed with /v1; one behind a first segment is not.
        report = doctor(f"{server.origin}{given}" if given else f"{server.origin}/v1/nothing")
        late = [request.path for request in server.requests[-3:]]
    assert report.base == f"{server.origin}{right}"
    assert (verdict(report) or "").startswith("base-url-") or verdict(report) == "endpoint-not-found"
    assert {"json-for-stream", "canned-answer"} <= set(report.next)
    assert report.model == "moved-model"
    assert set(late) == {f"{right}/chat/completions"}


def test_where_no_url_is_an_api_nothing_more_is_asked(doctor: Doctor) -> None:
    with raw_server(lambda _: [http("Cannot POST", "404 Not Found", "text/html")]) as server:
        report = doctor(server.url)
        assert all(len(request.body) < 1_000 for request in chats(server))
    assert verdict(report) == "endpoint-not-found"
    assert status(report, "agent-xml") == (ProbeStatus.SKIPPED, "skip-no-api")


def test_what_refuses_the_first_questions_is_not_asked_large_ones(doctor: Doctor, own_lab: LabServer) -> None:
    report = doctor(own_lab.url("server-error"))
    assert max(len(request.body) for request in own_lab.requests) < 1_000
    assert status(report, "agent-xml") == (ProbeStatus.SKIPPED, "skip-refused")


def test_a_server_without_a_list_of_models_can_be_healthy(doctor: Doctor) -> None:
    def answer(request: Request) -> Iterable[bytes]:
        if request.method == "GET":
            yield http('{"error": "no such route"}', "404 Not Found")
        elif "tools" in request.json or "<read_file>" in request.body.decode():
            yield completion("I need the tool.")
        else:
            yield streamed("maple") if request.stream else completion("maple")

    with raw_server(answer) as server:
        report = doctor(server.url, probes=chosen(["plain"], []))
        assert {request.json["model"] for request in chats(server)} == {FALLBACK}
    assert (report.healthy, report.model) == (True, FALLBACK)
    assert [note.key for note in report.notes] == ["note-fallback-model"]


def test_the_first_model_that_can_chat_is_asked(doctor: Doctor) -> None:
    def answer(request: Request) -> Iterable[bytes]:
        several = models("text-embedding-3", "whisper-1", "qwen3-coder", "gpt-5")
        yield several if request.method == "GET" else streamed("ok")

    with raw_server(answer) as server:
        report = doctor(server.url, quick=True)
        assert {request.json["model"] for request in chats(server)} == {"qwen3-coder"}
    assert report.model == "qwen3-coder"


# --- time and size ----------------------------------------------------------------------------------------------------


def test_a_slow_server_is_asked_its_small_questions_together(doctor: Doctor) -> None:
    """It answers nobody before all of them are waiting; asked one after the other it would never answer."""
    small = 10  # the prompt streamed three times and once plain, an unrelated one, and six about tools
    together = threading.Barrier(small, timeout=PATIENCE)

    def answer(request: Request) -> Iterable[bytes]:
        if len(request.body) < 10_000:
            together.wait()
        yield streamed("maple") if request.stream else completion("maple")

    with raw_server(listed(answer)) as server:
        report = doctor(server.url, quick=True)
        assert len(chats(server)) == small
    assert status(report, "tool-native")[0] is not ProbeStatus.NOT_JUDGED
    assert not together.broken


def test_targets_are_examined_side_by_side() -> None:
    """Nobody's list of models comes before all twenty were asked for theirs."""
    together = threading.Barrier(20, timeout=PATIENCE)

    def answer(request: Request) -> Iterable[bytes]:
        if request.method == "GET":
            together.wait()
            yield models("m")
        else:
            yield streamed("maple") if request.stream else completion("maple")

    with raw_server(answer) as server:
        urls = [f"{server.origin}/{number}/v1" for number in range(20)]
        done = outcome(*urls, probes=chosen(["plain"], []))
    assert not together.broken
    assert [target.url for target in done.report.targets] == urls
    assert done.report.exit_code == 0


def test_one_slow_target_holds_nobody_up() -> None:
    """The slow one answers only when all of the others are done."""
    quick = threading.Event()
    finished: set[str] = set()

    def answer(request: Request) -> Iterable[bytes]:
        if request.method == "GET":
            yield models("m")
        elif request.path.startswith("/slow/"):
            assert quick.wait(PATIENCE)
            yield streamed("maple") if request.stream else completion("maple")
        else:
            yield streamed("maple") if request.stream else completion("maple")
            if not request.stream:
                finished.add(request.path)
                if len(finished) == 9:
                    quick.set()

    with raw_server(answer) as server:
        done = outcome(
            *(f"{server.origin}/{name}/v1" for name in ("slow", *range(9))), probes=chosen(["plain"], []), repeat=1
        )
    assert [target.healthy for target in done.report.targets] == [True] * 10


def test_agents_requests_have_an_agents_size_and_are_streamed(doctor: Doctor, own_lab: LabServer) -> None:
    doctor(own_lab.url("healthy-plain"))
    xml, native = (request for request in own_lab.requests if 50_000 < len(request.body) < 80_000)
    assert len(xml.system_text) == XML_SIZE
    assert len(native.system_text) + len(json.dumps(native.fields["tools"])) == pytest.approx(NATIVE_SIZE, rel=0.01)
    assert (xml.stream, native.stream) == (True, True)
    assert {"read", "write", "bash"} <= set(native.tool_names)
    assert "<read_file>" in xml.system_text


def announced(told: Iterable[Phrase]) -> list[dict[str, str | int | float]]:
    """What was said before the large probes."""
    return [dict(sentence.values) for sentence in told if sentence.key == "progress-large"]


def test_a_large_request_is_announced_with_its_cost(doctor: Doctor, lab: LabServer) -> None:
    told = []
    doctor(lab.url("healthy-plain"), told=told)
    assert [one["probe"] for one in announced(told)] == ["agent-xml", "agent-native"]
    assert all(10_000 < int(one["tokens"]) < 25_000 for one in announced(told))


def test_the_ladder_of_sizes_stops_at_the_first_refusal(doctor: Doctor) -> None:
    def answer(request: Request) -> Iterable[bytes]:
        if len(request.body) > 100_000:
            yield http('{"error": {"message": "request entity too large"}}', "413 Payload Too Large")
        else:
            yield streamed("maple") if request.stream else completion("maple")

    with raw_server(listed(answer)) as server:
        report = doctor(server.url)
        sizes = [len(request.body) for request in chats(server) if len(request.body) > 80_000]
    assert sizes == [90 * 1024, 101 * 1024]
    assert "body-too-large" in names(report, Severity.WARNING)


def test_the_ladder_weighs_bytes_and_costs_no_tokens(doctor: Doctor, own_lab: LabServer) -> None:
    doctor(own_lab.url("healthy-plain"))
    large = [request for request in own_lab.requests if len(request.body) > 80_000]
    assert [len(request.body) for request in large] == [90 * 1024, 101 * 1024, 1126 * 1024]
    assert len({request.last_user_text for request in large}) == 1
    assert max(request.prompt_chars for request in large) < 100


def test_identical_requests_are_repeated(doctor: Doctor) -> None:
    for repeat in (1, 4):
        with raw_server(listed(lambda request: [streamed("a") if request.stream else completion("a")])) as server:
            doctor(server.url, quick=True, repeat=repeat)
            bodies = [request.body for request in chats(server) if request.stream]
        assert max(map(bodies.count, bodies)) == repeat


def test_when_the_time_is_up_the_rest_is_not_judged(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of this test jumps when the first agent-sized request has come."""
    late = threading.Event()
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + (1000.0 if late.is_set() else 0.0))

    def answer(request: Request) -> Iterable[bytes]:
        if len(request.body) > 50_000:
            late.set()
        yield streamed("maple") if request.stream else completion("maple")

    monkeypatch.setattr("lumeai_cli.doctor.inquirer.time", clock)
    with raw_server(listed(answer)) as server:
        report = doctor(server.url, timeout=300.0)
        assert max(len(request.body) for request in chats(server)) < 80_000
    assert status(report, "agent-native") == (ProbeStatus.NOT_JUDGED, "skip-time")
    assert status(report, "body-size") == (ProbeStatus.NOT_JUDGED, "skip-time")
    assert status(report, "tool-native")[0] is not ProbeStatus.NOT_JUDGED


def test_a_list_of_models_that_never_comes_leaves_time_for_the_rest(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not worth the patience that an answer is."""
    monkeypatch.setattr("lumeai_cli.doctor.inquirer.METADATA", 0.3)

    def answer(request: Request) -> Iterable[bytes | Act]:
        if request.method == "GET":
            yield Act.HOLD
        else:
            yield streamed("maple") if request.stream else completion("maple")

    with raw_server(answer) as server:
        report = doctor(server.url, probes=chosen(["plain"], []))
    assert status(report, "plain")[0] is ProbeStatus.PASSED
    assert report.healthy is True


@pytest.mark.parametrize("name", ["silent", "stall"])
def test_silence_for_as_long_as_an_agent_waits_is_the_servers_fault(
    name: str, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two minutes in truth; a fraction of a second here, and the time of the examination is far from over."""
    monkeypatch.setattr("lumeai_cli.doctor.inquirer.SILENCE", 0.3)
    monkeypatch.setattr("lumeai_cli.doctor.inquirer.METADATA", 0.3)
    with running_lab(hostile=True) as lab:
        report = doctor(lab.url(name), quick=True)
    assert (verdict(report), report.healthy) == ("no-answer", False)


def test_no_connection_outlives_the_examination(doctor: Doctor) -> None:
    with raw_server(listed(lambda request: [streamed("a") if request.stream else completion("a")])) as server:
        doctor(server.url)
        server.wait_until(lambda: not server.open_connections)


# --- requests that stand in each other's way --------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", ["429 Too Many Requests", "503 Busy"])
def test_a_server_that_takes_one_request_at_a_time_is_healthy(refusal: str, doctor: Doctor) -> None:
    """Small questions go out together; agents send one after the other, so that is what counts."""
    busy = threading.Lock()

    def answer(request: Request) -> Iterable[bytes]:
        if not busy.acquire(blocking=False):
            yield http('{"error": {"message": "one at a time"}}', refusal, "application/json", ("retry-after", "0"))
            return
        try:
            time.sleep(0.02)
            yield streamed("maple") if request.stream else completion("maple")
        finally:
            busy.release()

    with raw_server(listed(answer)) as server:
        report = doctor(server.url, probes=chosen(["plain"], []))
    assert (report.healthy, names(report, Severity.ERROR)) == (True, [])


def test_a_server_that_always_refuses_is_not_excused(doctor: Doctor) -> None:
    refusal = http('{"error": {"message": "too many"}}', "429 Too Many", "application/json", ("retry-after", "0"))
    with raw_server(listed(lambda _: [refusal])) as server:
        report = doctor(server.url)
        assert len(chats(server)) <= 6
    assert report.healthy is False


# --- redirects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_server_is_not_followed(code: int, doctor: Doctor, own_lab: LabServer) -> None:
    location = ("location", f"{own_lab.url('healthy-plain')}/chat/completions")
    with raw_server(listed(lambda _: [http("", f"{code} Elsewhere", "text/plain", location)])) as server:
        report = doctor(server.url)
    assert own_lab.requests == []
    assert verdict(report) == "redirected"


@pytest.mark.parametrize("code", [307, 308])
def test_a_redirect_within_a_server_is_followed_as_clients_do(code: int, doctor: Doctor) -> None:
    """A slash too few or too many: the method and the body stay, and the answer is an answer."""

    def answer(request: Request) -> Iterable[bytes]:
        if request.path == "/v1/chat/completions":
            yield http("", f"{code} Slash", "text/plain", ("location", "/v1/chat/completions/"))
        else:
            yield streamed("maple") if request.stream else completion("maple")

    with raw_server(listed(answer)) as server:
        report = doctor(server.url, probes=chosen(["plain"], []))
    assert report.healthy is not None
    assert "endpoint-not-found" not in names(report)


def test_redirects_in_a_circle_end(doctor: Doctor) -> None:
    def answer(request: Request) -> Iterable[bytes]:
        yield http("", "307 Again", "text/plain", ("location", f"{request.path}?again"))

    with raw_server(answer) as server:
        report = doctor(server.url)
        assert len(server.requests) < 30
    assert verdict(report) == "redirected"


# --- models -----------------------------------------------------------------------------------------------------------


def test_a_model_that_only_we_chose_is_exchanged_when_the_server_refuses_it(doctor: Doctor) -> None:
    def answer(request: Request) -> Iterable[bytes]:
        if request.method == "GET":
            yield models("retired-model", "good-model")
        elif request.json["model"] != "good-model":
            error = {"message": f"model '{request.json['model']}' not found", "code": "model_not_found"}
            yield http(json.dumps({"error": error}), "404 Not Found")
        else:
            yield streamed("maple") if request.stream else completion("maple")

    with raw_server(answer) as server:
        report = doctor(server.url, probes=chosen(["plain"], []))
        named = doctor(server.url, probes=chosen(["plain"], []), model="retired-model")
    assert (report.healthy, report.model) == (True, "good-model")
    assert (verdict(named), named.model) == ("model-not-found", "retired-model")


def test_where_no_model_is_known_the_server_is_not_blamed_for_refusing_ours(doctor: Doctor) -> None:
    """It lists none, and nobody named one: what was asked for was a guess."""

    def answer(request: Request) -> Iterable[bytes]:
        if request.method == "GET":
            yield http('{"error": {"message": "no list"}}', "404 Not Found")
        else:
            error = {"message": f"The model '{request.json['model']}' does not exist", "code": "model_not_found"}
            yield http(json.dumps({"error": error}), "404 Not Found")

    with raw_server(answer) as server:
        report = doctor(server.url)
    assert (report.healthy, report.model) == (None, None)
    assert status(report, "stream") == (ProbeStatus.NOT_JUDGED, "skip-name-a-model")


def test_anthropic_gets_its_key_in_its_own_header_too(doctor: Doctor) -> None:
    with raw_server(listed(lambda request: [streamed("a") if request.stream else completion("a")])) as server:
        backend = Backend("anthropic", server.url, Kind.ANTHROPIC, Secret("sk-ant-planted", "test"))
        doctor(backend, quick=True)
        headers = server.requests[-1].headers
    assert headers["x-api-key"] == "sk-ant-planted"
    assert headers["authorization"] == "Bearer sk-ant-planted"
    assert "anthropic-version" in headers


# --- the budget -------------------------------------------------------------------------------------------------------


def test_what_the_server_counted_is_what_was_spent(doctor: Doctor) -> None:
    """An answer that cost all of the budget ends the questions, whatever was estimated."""

    def answer(request: Request) -> Iterable[bytes]:
        usage = {"choices": [], "usage": {"prompt_tokens": 900, "completion_tokens": 90, "total_tokens": 990}}
        frames = delta(content="maple") + delta("stop") + b"data: " + json.dumps(usage).encode() + b"\n\n" + DONE
        yield event_stream() + frames if request.stream else completion("maple")

    with raw_server(listed(answer)) as server:
        report = doctor(server.url, budget=500)
    assert status(report, "agent-xml") == (ProbeStatus.NOT_JUDGED, "skip-budget")
    [spent] = [result for result in report.probes if result.name == "stream"]
    assert spent.prompt_tokens >= 900
    assert spent.completion_tokens >= 90


# --- G4F --------------------------------------------------------------------------------------------------------------


def test_the_cause_that_g4f_hides_is_asked_for(doctor: Doctor, own_lab: LabServer) -> None:
    report = doctor(own_lab.url("g4f-hides-cause"))
    raw = [request for request in own_lab.requests if request.fields.get("raw") is True]
    assert (verdict(report), report.kind) == ("g4f-hides-cause", Kind.G4F)
    assert len(raw) == 1
    assert report.verdict is not None
    assert "10000 characters per message" in str(report.verdict.rated.finding.facts["cause"])


def test_nobody_else_is_asked_in_g4fs_way(doctor: Doctor, own_lab: LabServer) -> None:
    for name in ("healthy-plain", "server-error", "error-in-200"):
        doctor(own_lab.url(name), quick=True)
    assert all("raw" not in request.fields for request in own_lab.requests)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the packages of the only Python on PATH."""
    site = tmp_path / "venv" / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True)
    program = tmp_path / "venv" / "bin" / "python3"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{tmp_path / 'absent'}")
    return site


def g4f_at(port: int) -> Backend:
    return Backend("g4f", f"http://127.0.0.1:{port}/v1", Kind.G4F, origin=Origin.CONFIG)


def test_a_g4f_without_its_server_is_named_by_what_lies_on_the_disk(doctor: Doctor, place: Path, dead: int) -> None:
    """The old recipe `g4f[interference]` installs no server any more, and pip does not fail over it."""
    (place / "g4f-8.8.6.dist-info").mkdir()
    report = doctor(g4f_at(dead))
    assert verdict(report) == "g4f-server-extra-missing"
    assert report.verdict is not None
    assert report.verdict.rated.finding.facts["version"] == "8.8.6"
    assert str(place) in str(report.verdict.rated.finding.facts["place"])
    assert report.verdict.explains == ("LUM102",)


def test_a_g4f_with_its_server_was_just_not_started(doctor: Doctor, place: Path, dead: int) -> None:
    for name in ("g4f-8.8.6.dist-info", "uvicorn", "fastapi"):
        (place / name).mkdir()
    assert verdict(doctor(g4f_at(dead))) == "connection-refused"


def test_without_any_g4f_nothing_is_said_of_it(doctor: Doctor, place: Path, dead: int) -> None:
    assert place.exists()
    assert verdict(doctor(g4f_at(dead))) == "connection-refused"


def test_a_g4f_is_not_blamed_for_another_servers_port(doctor: Doctor, place: Path, dead: int) -> None:
    (place / "g4f-8.8.6.dist-info").mkdir()
    assert verdict(doctor(f"http://127.0.0.1:{dead}/v1")) == "connection-refused"


# --- proxies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_that_takes_loopback_traffic_is_the_cause(
    variable: str, doctor: Doctor, lab: LabServer, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, f"http://user:secret-word@127.0.0.1:{dead}")
    report = doctor(lab.url("healthy-plain"), quick=True)
    assert (verdict(report), report.healthy) == ("proxy-intercepts-loopback", False)
    assert report.verdict is not None
    facts = report.verdict.rated.finding.facts
    assert facts["variable"] in (variable, variable.lower())  # Windows knows one case only
    assert "secret-word" not in repr(report)
    assert report.verdict.rated.finding.certainty == "proven"


def test_the_examination_itself_goes_past_the_proxy(
    doctor: Doctor, lab: LabServer, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what is wrong with the server itself is told too."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{dead}")
    report = doctor(lab.url("json-for-stream"), quick=True)
    assert verdict(report) == "proxy-intercepts-loopback"
    assert "json-for-stream" in report.next


@pytest.mark.parametrize("exceptions", ["127.0.0.1", "localhost,127.0.0.1", "*", "127.0.0.1:{port}"])
def test_no_proxy_cures_it(
    exceptions: str, doctor: Doctor, lab: LabServer, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{dead}")
    monkeypatch.setenv("NO_PROXY", exceptions.format(port=lab.port))
    report = doctor(lab.url("healthy-plain"), quick=True)
    assert (verdict(report), report.healthy) == (None, True)
    assert status(report, "proxy-environment")[0] is ProbeStatus.SKIPPED


def test_a_proxy_that_hands_loopback_traffic_on_is_no_problem(
    doctor: Doctor, lab: LabServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_server(lambda _: [models("lab-model")]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        report = doctor(lab.url("healthy-plain"), quick=True)
        assert [request.path for request in proxy.requests] == [f"{lab.url('healthy-plain')}/models"]
    assert (report.healthy, status(report, "proxy-environment")[0]) == (True, ProbeStatus.PASSED)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "::::", "ftp://127.0.0.1:9", "127.0.0.1", "nonsense"])
def test_a_proxy_variable_that_nobody_can_use_is_no_crash(
    proxy: str, doctor: Doctor, lab: LabServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    report = doctor(lab.url("healthy-plain"), quick=True)
    assert not report.crashed
    assert verdict(report) == "proxy-intercepts-loopback"
    assert status(report, "tool-native")[0] is ProbeStatus.PASSED


def test_a_proxy_beats_the_refusal_behind_it(doctor: Doctor, dead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens and the variable is set: the programs would not even get as far as to the refusal."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{dead}")
    report = doctor(f"http://127.0.0.1:{dead}/v1")
    assert verdict(report) == "proxy-intercepts-loopback"
    assert "connection-refused" in names(report)


def test_another_machine_is_asked_through_the_proxy_that_is_set(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name need not even be known here; whether a direct connection stands proves nothing."""

    def hand_on(request: Request) -> Iterable[bytes]:
        assert request.path.startswith("http://api.invalid/v1/")
        if request.method == "GET":
            yield models("far-model")
        else:
            yield streamed("maple") if request.stream else completion("maple")

    with raw_server(hand_on) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        report = doctor("http://api.invalid/v1", quick=True)
    assert report.model == "far-model"
    assert status(report, "connect") == (ProbeStatus.SKIPPED, "skip-system-proxy")
    assert "dns-failure" not in names(report)


def test_a_proxy_that_is_gone_is_the_proxys_failure_not_the_servers(
    doctor: Doctor, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{dead}")
    report = doctor("http://api.invalid/v1", quick=True)
    assert (verdict(report), report.healthy) == ("proxy-failure", False)
    assert "connection-refused" not in names(report)


# --- crashes and what it all comes to ---------------------------------------------------------------------------------


def fail(*_: object, **__: object) -> None:
    raise LookupError("a secret of the inside")


def test_a_fault_of_lumeais_own_is_told_as_one(lab: LabServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lumeai_cli.doctor.conversation.requests.agent_native", fail)
    done = outcome(lab.url("healthy-plain"))
    [report] = done.report.targets
    assert report.crashed
    assert status(report, "agent-native") == (ProbeStatus.CRASHED, "crashed")
    assert status(report, "plain")[0] is ProbeStatus.PASSED
    assert done.report.exit_code == 3
    assert "secret" not in repr(done.report)
    assert "LookupError" in repr(done.report)


def test_a_crash_at_one_target_spares_the_others(lab: LabServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def crashing(reading: Reading) -> ModelList:
        if "canned-answer" in reading.asked.url:
            raise LookupError
        return read_models(reading)

    monkeypatch.setattr("lumeai_cli.doctor.run.read_models", crashing)
    done = outcome(lab.url("canned-answer"), lab.url("healthy-plain"), lab.url("json-for-stream"), quick=True)
    assert [target.crashed for target in done.report.targets] == [True, False, False]
    assert [target.healthy for target in done.report.targets] == [None, True, False]
    assert done.report.exit_code == 1


def test_a_crash_after_a_cause_was_found_does_not_hide_it(lab: LabServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lumeai_cli.doctor.conversation.requests.agent_xml", fail)
    done = outcome(lab.url("json-for-stream"))
    [report] = done.report.targets
    assert (verdict(report), report.crashed, done.report.exit_code) == ("json-for-stream", True, 1)


def target(*, healthy: bool | None, crashed: bool = False) -> TargetReport:
    return TargetReport("", "", "", Kind.UNKNOWN, None, healthy, None, (), (), (), (), crashed=crashed)


WELL, SICK, OPEN = target(healthy=True), target(healthy=False), target(healthy=None)


@pytest.mark.parametrize(
    ("targets", "exit_code"),
    [
        ((), 3),
        ((WELL,), 0),
        ((OPEN,), 3),
        ((SICK,), 1),
        ((WELL, WELL), 0),
        ((WELL, OPEN), 3),
        ((OPEN, SICK, WELL), 1),
        ((target(healthy=True, crashed=True),), 3),
        ((WELL, target(healthy=None, crashed=True)), 3),
        ((target(healthy=False, crashed=True),), 1),
    ],
)
def test_the_exit_code_of_several_targets(targets: tuple[TargetReport, ...], exit_code: int) -> None:
    """130 beats 1 beats 3 beats 0 (2 is decided before anything is examined)."""
    assert Report("0", "", 0.0, targets).exit_code == exit_code
    assert Report("0", "", 0.0, targets, interrupted=True).exit_code == 130


def test_a_probe_brings_what_it_needs() -> None:
    assert chosen(["agent-xml"], []) == {"connect", "models", "stream", "agent-xml"}
    assert chosen([], []) == set(PROBES)
    assert chosen([], ["connect", "plain"]) == set(PROBES) - {"plain"}
    assert chosen(["agent-xml"], ["models"]) == {"connect", "stream", "agent-xml"}
