"""A key goes to the server that it belongs to, to nobody else, and into nothing that lumeai writes."""

import base64
import json
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from lumeai_cli.lab import LabServer, running_lab
from tests.cli.process import Home, Run
from tests.doctor.raw import DONE, RawServer, Request, Script, delta, event_stream, http, models, raw_server

KEY = "sk-planted-7f3d9a1c5e8b2046"
OTHER_KEY = "sk-other-0d1e2f3a4b5c6d7e"
ECHOED = "My key is"


def keys_seen(lab: LabServer) -> set[str]:
    """What a lab was sent as a key; an empty text for a request without one."""
    return {request.headers.get("authorization", "").removeprefix("Bearer ") for request in lab.requests}


def traces(folder: Path, done: Run) -> bytes:
    """Everything that a run wrote: both streams, every file, and the bodies inside its recordings."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in (".env", "lumeai.yaml")]
    written = [path.read_bytes() for path in files]
    for path in files:
        if path.suffix == ".jsonl":
            for line in path.read_text("utf-8").splitlines():
                chunks = json.loads(line).get("chunks", [])
                written.append(b"".join(base64.b64decode(data) for _, data in chunks))
    return b"\n".join([done.stdout.encode(), done.stderr.encode(), *written])


# --- who gets it ------------------------------------------------------------------------------------------------------


def test_a_key_goes_with_the_target_it_was_given_for(inside: Home, own_lab: LabServer) -> None:
    done = inside.doctor(own_lab.url("key-missing"), "--quick", "--api-key-env", "THEIR_KEY", THEIR_KEY=KEY)
    assert (done.exit_code, keys_seen(own_lab)) == (0, {KEY})


def test_without_a_key_none_is_sent(inside: Home, own_lab: LabServer) -> None:
    """Keys that lie about in the environment belong to others."""
    done = inside.doctor(own_lab.url("key-missing"), "--quick", OPENAI_API_KEY=KEY, LUMEAI_API_KEY=KEY, API_KEY=KEY)
    assert (done.verdict, keys_seen(own_lab)) == ("key-missing", {""})


def test_a_configured_key_goes_to_its_own_backend_alone(inside: Home) -> None:
    with running_lab() as mine, running_lab() as theirs:
        inside.write(
            "lumeai.yaml",
            f"backends:\n- name: mine\n  url: {mine.url('key-missing')}\n  key_env: MY_KEY\n"
            f"- name: theirs\n  url: {theirs.url('key-missing')}\n",
        )
        done = inside.doctor("mine", "theirs", "--quick", MY_KEY=KEY)
        assert [target["healthy"] for target in done.targets] == [True, False]
        assert (keys_seen(mine), keys_seen(theirs)) == ({KEY}, {""})


def test_a_backend_named_by_its_url_keeps_its_key(inside: Home, own_lab: LabServer) -> None:
    url = own_lab.url("key-missing")
    inside.write("lumeai.yaml", f"backends:\n- name: mine\n  url: {url}\n  key_env: MY_KEY\n")
    done = inside.doctor(f"{url}/", "--quick", MY_KEY=KEY)
    assert (done.exit_code, done.target["name"], keys_seen(own_lab)) == (0, "mine", {KEY})


def test_another_path_of_the_same_server_is_another_backend(inside: Home, own_lab: LabServer) -> None:
    inside.write("lumeai.yaml", f"backends:\n- name: mine\n  url: {own_lab.url('key-missing')}\n  key_env: MY_KEY\n")
    inside.doctor(own_lab.url("healthy-plain"), "--quick", MY_KEY=KEY)
    assert keys_seen(own_lab) == {""}


def test_a_key_from_dotenv_goes_to_the_url_from_dotenv(inside: Home, own_lab: LabServer) -> None:
    inside.write(".env", f"LUMEAI_BASE_URL={own_lab.url('key-missing')}\nLUMEAI_API_KEY={KEY}\n")
    done = inside.doctor("lumeai", "--quick")
    assert (done.exit_code, keys_seen(own_lab)) == (0, {KEY})


@pytest.mark.parametrize("url_in_dotenv", [True, False], ids=["foreign-dotenv", "foreign-environment"])
def test_a_key_does_not_cross_between_dotenv_and_environment(
    *, url_in_dotenv: bool, home: Home, own_lab: LabServer
) -> None:
    """A `.env` that came with a project must not draw the user's own key to a server of its choice."""
    url = {"OPENAI_BASE_URL": own_lab.url("key-missing")}
    key = {"OPENAI_API_KEY": KEY}
    in_file, in_environment = (url, key) if url_in_dotenv else (key, url)
    home.write(".env", "".join(f"{name}={text}\n" for name, text in in_file.items()))
    done = home.doctor("--quick", **in_environment)
    assert keys_seen(own_lab) == {""}
    assert "OPENAI_API_KEY" in done.stderr
    assert "is not sent" in done.stderr
    assert KEY not in done.stderr + done.stdout


@pytest.fixture
def far() -> Iterator[LabServer]:
    """A lab at this machine's own address, which is no loopback one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        try:
            route.connect(("192.0.2.1", 9))  # TEST-NET; connecting a datagram socket sends nothing
        except OSError:
            pytest.skip("SKIPPED: this machine has no route, so it has no address but loopback")
        address = route.getsockname()[0]
    if address.startswith("127."):
        pytest.skip("SKIPPED: this machine has no address but loopback")
    with running_lab(address) as lab:
        yield lab


def test_no_key_over_plain_http_to_another_machine(inside: Home, far: LabServer) -> None:
    done = inside.doctor(far.url("key-missing"), "--quick", "--api-key-env", "THEIR_KEY", THEIR_KEY=KEY)
    assert (done.verdict, keys_seen(far)) == ("key-missing", {""})
    assert any("THEIR_KEY" in note and "--insecure" in note for note in done.target["notes"])


def test_unless_the_user_insists(inside: Home, far: LabServer) -> None:
    arguments = ["--quick", "--insecure", "--api-key-env", "THEIR_KEY"]
    done = inside.doctor(far.url("key-missing"), *arguments, THEIR_KEY=KEY)
    assert (done.exit_code, keys_seen(far)) == (0, {KEY})


def test_another_machine_has_a_budget_by_default(inside: Home, far: LabServer) -> None:
    """Loopback has none: there nobody pays."""
    done = inside.doctor(far.url("healthy-plain"), "--prompt-chars", "300000")
    assert {done.probe(name)["status"] for name in ("agent-xml", "agent-native")} == {"not-judged"}
    assert "60000" in done.probe("agent-xml")["reason"]


def test_no_key_across_a_redirect(inside: Home, own_lab: LabServer) -> None:
    def move(_: Request) -> Iterable[bytes]:
        location = f"{own_lab.url('healthy-plain')}/chat/completions"
        yield http("", "307 Temporary Redirect", "text/plain", ("location", location))

    with raw_server(move) as server:
        done = inside.doctor(server.url, "--quick", "--api-key-env", "THEIR_KEY", THEIR_KEY=KEY)
        assert {request.headers.get("authorization") for request in server.requests} == {f"Bearer {KEY}"}
    assert (done.verdict, own_lab.requests) == ("redirected", [])


def test_no_key_to_whoever_the_proxy_variable_names(inside: Home, own_lab: LabServer) -> None:
    """The detour that shows what a proxy does to loopback traffic goes without the key."""
    with raw_server(lambda _: [http("no", "502 Bad Gateway")]) as proxy:
        done = inside.doctor(
            own_lab.url("key-missing"), "--quick", "--api-key-env", "MY_KEY", MY_KEY=KEY, HTTP_PROXY=proxy.origin
        )
        assert proxy.requests
        assert all("authorization" not in request.headers for request in proxy.requests)
    assert done.verdict == "proxy-intercepts-loopback"


# --- where it never stands --------------------------------------------------------------------------------------------


def auth(request: Request) -> str:
    return request.headers.get("authorization", "none")


def listed(answer: Callable[[Request], Iterable[bytes]]) -> Script:
    """A server with a model list and this answer to every chat."""
    return lambda request: [models("m")] if request.method == "GET" else answer(request)


def whole(request: Request) -> Iterable[bytes]:
    yield http(json.dumps({"error": {"message": f"Wrong key: {auth(request)}", "code": auth(request)}}), "401 Nope")


def split(request: Request) -> Iterable[bytes]:
    """Every byte of the stream in a chunk of its own, so that the key is never whole in one."""
    yield event_stream()
    for byte in delta(content=f"{ECHOED} {auth(request)}") + delta("stop") + DONE:
        yield bytes([byte])


def in_pieces(request: Request) -> Iterable[bytes]:
    """The key in two frames: whole only in the text that is put together from them."""
    text = f"{ECHOED} {auth(request)}"
    yield event_stream() + delta(content=text[:-9]) + delta(content=text[-9:]) + delta("stop") + DONE


def error_frame(request: Request) -> Iterable[bytes]:
    yield event_stream() + b"data: " + json.dumps({"error": {"message": auth(request)}}).encode() + b"\n\n"


def escaped(request: Request) -> Iterable[bytes]:
    """Every letter as a JSON escape: another form of the same text."""
    text = "".join(f"\\u{ord(character):04x}" for character in auth(request))
    yield http(f'{{"error": {{"message": "{text}"}}}}', "500 Broken")


def in_headers(request: Request) -> Iterable[bytes]:
    key = auth(request)
    yield http("", f"401 {key}", "text/plain", ("www-authenticate", key), ("set-cookie", f"k={key}"), ("x-key", key))


def in_location(request: Request) -> Iterable[bytes]:
    yield http("", "302 Found", "text/plain", ("location", f"/login?key={auth(request).split()[-1]}"))


def in_a_redirect_that_is_followed(request: Request) -> Iterable[bytes]:
    """Within one origin; what is asked next has the key in its path."""
    place = f"/v1/chat/completions/{auth(request).split()[-1]}"
    yield http("", "307 There", "text/plain", ("location", place)) if request.path != place else http("no", "404 No")


def as_content_type(request: Request) -> Iterable[bytes]:
    yield http("hello", "200 OK", auth(request))


def as_encoding(request: Request) -> Iterable[bytes]:
    yield http("hello", "200 OK", "text/plain", ("content-encoding", auth(request).split()[-1]))


def as_status_line(request: Request) -> Iterable[bytes]:
    yield f"{auth(request)}\r\n\r\n".encode()


def as_broken_header(request: Request) -> Iterable[bytes]:
    yield f"HTTP/1.1 200 OK\r\nno header at all {auth(request)}\r\n\r\n".encode()


def as_header_name(request: Request) -> Iterable[bytes]:
    yield http("hello", "200 OK", "text/plain", (auth(request).split()[-1], "x"))


def echo(request: Request) -> Iterable[bytes]:
    """The whole request comes back as a page: a debugging server."""
    yield http("\n".join(f"{name}: {text}" for name, text in request.headers.items()), "200 OK", "text/html")


ECHOES = [
    whole,
    split,
    in_pieces,
    error_frame,
    escaped,
    in_headers,
    in_location,
    in_a_redirect_that_is_followed,
    as_content_type,
    as_encoding,
    as_status_line,
    as_broken_header,
    as_header_name,
    echo,
]


@pytest.mark.parametrize("answer", ECHOES)
@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_a_key_that_a_server_sends_back_stands_nowhere(
    answer: Callable[[Request], Iterable[bytes]], form: str, inside: Home
) -> None:
    with raw_server(listed(answer)) as server:
        arguments = ["--quick", "-v", "--format", form, "--record", "x.jsonl", "--api-key-env", "MY_KEY"]
        done = inside.lumeai("doctor", server.url, *arguments, MY_KEY=KEY)
        assert auth(server.requests[-1]) == f"Bearer {KEY}"
    assert done.exit_code in (0, 1, 3)
    assert done.stdout
    assert KEY.encode() not in traces(inside.path, done)


def test_a_model_that_is_called_like_the_key(inside: Home) -> None:
    def boast(request: Request) -> Iterable[bytes]:
        yield models(auth(request)) if request.method == "GET" else http("no", "500 No")

    with raw_server(boast) as server:
        done = inside.doctor(server.url, "--record", "x.jsonl", "--api-key-env", "MY_KEY", MY_KEY=KEY)
    assert KEY.encode() not in traces(inside.path, done)


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_configured_keys_stand_nowhere_either(form: str, home: Home) -> None:
    """In a real process, with everything on: two keys, a report in a file, a recording, every probe told."""
    with raw_server(listed(whole)) as one, raw_server(listed(split)) as other:
        home.write(
            "lumeai.yaml",
            f"backends:\n- name: one\n  url: {one.url}\n  key: {KEY}\n- name: other\n  url: {other.url}\n"
            "  key_env: OTHER\n",
        )
        home.write(".env", f"OTHER={OTHER_KEY}\n")
        arguments = ["-v", "--format", form, "--record", "x.jsonl", "--output", "report.txt"]
        done = home.lumeai("doctor", "one", "other", *arguments)
        assert {auth(server.requests[-1]) for server in (one, other)} == {f"Bearer {KEY}", f"Bearer {OTHER_KEY}"}
    assert done.exit_code == 1
    written = traces(home.path, done)
    assert b"********" in written
    assert KEY.encode() not in written
    assert OTHER_KEY.encode() not in written


@pytest.mark.parametrize("key", ["lumeai", "null", "none", "ollama", "x", "e", "unknown", "lm-studio"])
def test_a_placeholder_for_a_key_does_not_damage_the_report(key: str, inside: Home, lab: LabServer) -> None:
    """Local servers take any key, and people choose short words."""
    without = inside.doctor(lab.url("json-for-stream"), "--quick")
    done = inside.doctor(lab.url("json-for-stream"), "--quick", "--api-key-env", "MY_KEY", MY_KEY=key)
    assert done.report.keys() == without.report.keys()
    assert done.report["lumeai"] == without.report["lumeai"]
    assert done.target["kind"] == without.target["kind"]
    assert done.target["verdict"] == without.target["verdict"]


def test_a_key_that_json_escapes_stands_nowhere(inside: Home) -> None:
    key = 'sk-"planted\\7f3d9a1c'
    with raw_server(listed(whole)) as server:
        done = inside.doctor(server.url, "--quick", "--record", "x.jsonl", "--api-key-env", "MY_KEY", MY_KEY=key)
    written = traces(inside.path, done)
    assert b"planted" not in written


def test_a_crash_does_not_show_the_key(inside: Home, own_lab: LabServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(KEY)

    monkeypatch.setattr("lumeai_cli.doctor.run.read_models", fail)
    done = inside.doctor(own_lab.url("healthy-plain"), "--api-key-env", "MY_KEY", "-v", MY_KEY=KEY)
    assert (done.exit_code, done.target["healthy"]) == (3, None)
    assert KEY.encode() not in traces(inside.path, done)


def test_the_raw_server_of_these_tests_is_healthy_without_an_echo(inside: Home) -> None:
    """So that what the other tests find is not an accident of their server."""

    def plain(request: Request) -> Iterable[bytes]:
        if request.stream:
            yield event_stream() + delta(content="ok") + delta("stop") + DONE
        else:
            yield http('{"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}]}')

    server: RawServer
    with raw_server(listed(plain)) as server:
        done = inside.doctor(server.url, "--only", "plain")
    assert (done.exit_code, done.target["healthy"]) == (0, True)
