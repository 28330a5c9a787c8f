"""What clients meet before a backend is asked: routes, bad input, and how long they are waited for."""

import contextlib
import json
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from lumeai_cli.admission.guard import Guard
from lumeai_cli.backends.backend import Kind
from lumeai_cli.keys.terms import Allowance
from lumeai_cli.lab import LabServer
from lumeai_cli.proxy.patience import Patience
from tests.doctor.raw import (
    DONE,
    RawServer,
    Request,
    Script,
    completion,
    event_stream,
    http,
    models,
    raw_server,
    streamed,
)
from tests.proxy.serving import Answer, Client, Serving, asked, body, chat, get, request, served, upstream

CHAT = "/v1/chat/completions"
BUILTIN = upstream("", "builtin", Kind.BUILTIN)


def echo(asked_of: Request) -> Iterator[bytes]:
    """A backend that has one model and gives a request's last words back."""
    if asked_of.path.endswith("/models"):
        yield models("m", "qwen3-coder", "org/deep-seek")
        return
    said = asked_of.json["messages"][-1]["content"]
    yield streamed(f"said {said}") if asked_of.stream else completion(f"said {said}")


@contextlib.contextmanager
def in_front_of(script: Script, **settings: object) -> Iterator[tuple[Serving, RawServer]]:
    with raw_server(script) as server, served(upstream(server.url), **settings) as serving:
        yield serving, server


@pytest.fixture(scope="module")
def echoing() -> Iterator[tuple[Serving, RawServer]]:
    with in_front_of(echo, substitute=False, max_body=1, aliases=(("fast", "m"), ("deep", "up/org/deep-seek"))) as both:
        yield both


@pytest.fixture
def port(echoing: tuple[Serving, RawServer]) -> int:
    return echoing[0].port


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status", "code", "named"),
    [
        (request("POST", CHAT), 400, "LUM001", "JSON"),
        (request("POST", CHAT, b" "), 400, "LUM001", "JSON"),
        (request("POST", CHAT, b"hello"), 400, "LUM001", "JSON"),
        (request("POST", CHAT, b'{"model":"m","messages":['), 400, "LUM001", "JSON"),
        (request("POST", CHAT, b"\xff\xfe\x00"), 400, "LUM001", "JSON"),
        (request("POST", CHAT, b'{"model":"m","messages":[],"n":NaN}'), 400, "LUM001", "JSON"),
        (request("POST", CHAT, b"[" * 100_000), 400, "LUM001", "JSON"),
        (request("POST", CHAT, b"9" * 10_000), 400, "LUM001", "JSON"),
        (request("POST", CHAT, b"[]"), 400, "LUM003", "'body' must be of type object, and is array"),
        (request("POST", CHAT, b"null"), 400, "LUM003", "'body' must be of type object, and is null"),
        (request("POST", CHAT, b"{}"), 400, "LUM003", "'messages' must be of type array, and is null"),
        (request("POST", CHAT, b'{"messages":{}}'), 400, "LUM003", "'messages' must be of type array"),
        (request("POST", CHAT, b'{"messages":["x"]}'), 400, "LUM003", "'messages[0]' must be of type object"),
        (chat(model=7), 400, "LUM003", "'model' must be of type string, and is number"),
        (chat(model=["m"]), 400, "LUM003", "'model' must be of type string, and is array"),
        (chat(stream="yes"), 400, "LUM003", "'stream' must be of type boolean, and is string"),
        (chat(stream=1), 400, "LUM003", "'stream' must be of type boolean, and is number"),
        (chat(tools={}), 400, "LUM003", "'tools' must be of type array, and is object"),
        (chat(stream_options=[]), 400, "LUM003", "'stream_options' must be of type object, and is array"),
        (chat(model="qwen-coder"), 404, "LUM005", "Near it are: qwen3-coder"),
        (chat(model="x\r\nset-cookie: a"), 404, "LUM005", "set-cookie"),
        (chat(model="\x00\x1b[2J"), 404, "LUM005", "No backend offers"),
        (chat(model="модель"), 404, "LUM005", "модель"),
        (chat(model="\ud800"), 404, "LUM005", "No backend offers"),
        (chat(model="m" * 500_000), 404, "LUM005", "No backend offers"),
        (request("POST", CHAT, body("x" * 1_100_000)), 413, "LUM002", "larger than 1 MiB"),
        (request("GET", "/v1/models/nothing"), 404, "LUM005", "No backend offers"),
        (request("GET", "/v1/models/%00%0d%0aset-cookie:%20a"), 404, "LUM004", "no route"),
        (request("GET", "/v1/nothing"), 404, "LUM004", "no route GET /v1/nothing"),
        (request("POST", "/v1/embeddings", b"{}"), 404, "LUM004", "no route POST /v1/embeddings"),
        (request("GET", "/" + "x" * 10_000), 404, "LUM004", "no route GET /xxx"),
        (request("GET", "/a%0d%0aset-cookie:%20a"), 404, "LUM004", "no route"),
        (request("GET", "/%ff%fe"), 404, "LUM004", "no route"),
        (b"GET /nothing HTTP/1.1\r\nhost: [\r\n\r\n", 404, "LUM004", "no route GET /nothing"),
        (b"GET /nothing HTTP/1.1\r\nhost: a b\xff\r\n\r\n", 404, "LUM004", "no route GET /nothing"),
        (request("GET", CHAT), 405, "LUM008", "does not take GET: use POST"),
        (request("GET", CHAT, body()), 405, "LUM008", "does not take GET: use POST"),
        (request("OPTIONS", CHAT), 405, "LUM008", "does not take OPTIONS: use POST"),
        (request("DELETE", "/v1/models"), 405, "LUM008", "does not take DELETE: use GET"),
        (request("POST", "/healthz", b"x"), 405, "LUM008", "does not take POST: use GET"),
        (b"hello\r\n\r\n", 400, "LUM032", "no HTTP/1.1 request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x5a" * 400, 400, "LUM032", "begins with http://"),
        (b"POST /v1/chat/completions HTTP/1.1\r\nno header\r\n\r\n", 400, "LUM032", "no HTTP/1.1 request"),
        (request("POST", CHAT, b"{}", "content-length: 3"), 400, "LUM032", "no HTTP/1.1 request"),
        (request("POST", CHAT, b"{}", "transfer-encoding: chunked"), 400, "LUM032", "no HTTP/1.1 request"),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400, "LUM032", "no HTTP/1.1 request"),
        (b"POST /v1/models HTTP/1.1\r\ncontent-length: 9" + b"9" * 30 + b"\r\n\r\n", 400, "LUM032", "no HTTP/1.1"),
        (b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", 400, "LUM032", "no HTTP"),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else str(value)[:30],
)  # fmt: skip
def test_bad_input_is_a_clear_error(
    sent: bytes, status: int, code: str, named: str, echoing: tuple[Serving, RawServer]
) -> None:
    serving, server = echoing
    before = len(server.requests)
    answer = asked(serving.port, sent)
    assert (answer.status, answer.error["code"]) == (status, code)
    assert named in answer.error["message"]
    assert len(answer.body) < 3000
    assert "set-cookie" not in answer.headers
    assert [one.path for one in server.requests[before:]] in ([], ["/v1/models"])


def test_a_refused_method_tells_which_are_allowed(port: int) -> None:
    assert asked(port, request("PUT", CHAT, b"x")).headers["allow"] == "POST"
    assert set(asked(port, request("PUT", "/v1/models", b"x")).headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/v1/models", 200), (CHAT, 405), ("/nothing", 404)])
def test_head_is_answered_without_a_body(path: str, status: int, port: int) -> None:
    with Client(port) as client:
        client.send(request("HEAD", path) + request("GET", "/healthz"))
        assert client.answer(head_only=True).status == status
        assert client.answer().json["status"] == "ok"


def test_a_body_that_grows_past_the_limit_is_refused_while_it_comes_and_not_kept(port: int) -> None:
    tracemalloc.start()
    with Client(port) as client:
        client.send(request("POST", CHAT, b"", "transfer-encoding: chunked"))
        piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        for _ in range(4):
            client.send(piece)
        answer = client.answer()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in range(40):
            client.send(piece)
        client.send(b"0\r\n\r\n" + request("GET", "/healthz"))
        assert client.answer().json["status"] == "ok"
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (answer.status, answer.error["code"]) == (413, "LUM002")
    assert peak - before < 8 * 0x100000, "40 MiB were sent behind the refusal"


def test_the_announced_length_of_a_body_that_is_too_large_is_enough(port: int) -> None:
    with Client(port) as client:
        client.send(request("POST", CHAT, b"", "content-length: 99999999999"))
        assert client.answer().error["code"] == "LUM002"


@pytest.mark.parametrize("garbage", [b"garbage\r\n\r\n", b"\x00\x01\x02", b"POST / HTTP/9.9\r\n\r\n", b"GET\r\n\r\n"])
def test_garbage_behind_a_request_ends_its_own_connection_after_the_answer(garbage: bytes, port: int) -> None:
    with Client(port) as other, Client(port) as client:
        other.send(chat("other")[:-5])
        client.send(chat("first", stream=True) + garbage + chat("never"))
        first = client.answer()
        assert first.text == "said first"
        assert first.frames[-1] == b"[DONE]"
        second = client.answer()
        assert (second.status, second.error["code"]) == (400, "LUM032")
        assert client.rest() == b""
        other.send(chat("other")[-5:])
        assert other.answer().json["choices"][0]["message"]["content"] == "said other"


def test_garbage_on_a_kept_connection_is_answered_and_ends_it(port: int) -> None:
    with Client(port) as client:
        client.send(chat("first"))
        assert client.answer().status == 200
        client.send(b"garbage\r\n\r\n")
        assert client.answer().error["code"] == "LUM032"
        assert client.rest() == b""


def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    with Client(port) as client:
        client.send(b"".join(chat(f"word {number}", stream=number % 2 == 0) for number in range(6)))
        for number in range(6):
            answer = client.answer()
            text = answer.text if number % 2 == 0 else answer.json["choices"][0]["message"]["content"]
            assert text == f"said word {number}"


def test_headers_without_end_are_refused(port: int) -> None:
    with Client(port) as client:
        client.send(b"GET /healthz HTTP/1.1\r\n")
        with contextlib.suppress(OSError):  # it may be refused in the middle of this
            for _ in range(100):
                client.send(b"x-filler: " + b"y" * 8000 + b"\r\n")
        answer = client.answer()
        assert (answer.status, answer.error["code"]) == (431, "LUM033")


def test_one_header_without_end_is_refused(port: int) -> None:
    with Client(port) as client:
        client.send(b"GET /healthz HTTP/1.1\r\nx-filler: ")
        with contextlib.suppress(OSError):
            for _ in range(100):
                client.send(b"y" * 8000)
        assert client.answer().status == 431


def test_large_headers_that_clients_do_send_are_taken(port: int) -> None:
    answer = asked(port, request("POST", CHAT, body("x"), f"cookie: {'y' * 30_000}"))
    assert answer.status == 200


# --- slow clients -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /v1/chat/comp", 408),
        (b"POST /v1/chat/completions HTTP/1.1\r\ncontent-le", 408),
        (request("POST", CHAT, b"", "content-length: 100") + b'{"model":', 408),
        (request("POST", CHAT, b"", "transfer-encoding: chunked") + b"5\r\n{", 408),
        (b"", 0),
    ],
)  # fmt: skip
def test_half_a_request_and_then_silence_is_told_and_ends_the_connection(sent: bytes, status: int) -> None:
    with served(BUILTIN, patience=Patience(head=0.2, body=0.2)) as serving, Client(serving.port) as client:
        client.send(sent)
        if status:
            answer = client.answer()
            assert (answer.status, answer.error["code"]) == (status, "LUM009")
            assert "0.2 s" in answer.error["message"]
            assert answer.headers["connection"] == "close"
        assert client.rest() == b""


def test_half_a_second_request_waits_for_the_first_ones_answer() -> None:
    with served(BUILTIN, patience=Patience(head=0.2)) as serving, Client(serving.port) as client:
        client.send(request("GET", "/healthz") + b"GET /he")
        assert client.answer().status == 200
        assert client.answer().status == 408
        assert client.rest() == b""


def test_a_kept_connection_may_rest_longer_than_a_head_may_take() -> None:
    with served(BUILTIN, patience=Patience(head=0.1)) as serving, Client(serving.port) as client:
        client.send(request("GET", "/healthz"))
        assert client.answer().status == 200
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.more()
        client.socket.settimeout(30)
        client.send(request("GET", "/healthz"))
        assert client.answer().status == 200


# --- unusual clients --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_http_1_0_is_answered_without_chunks(port: int, *, stream: bool) -> None:
    with Client(port) as client:
        client.send(request("POST", CHAT, body("x", stream=stream), version="1.0"))
        answer = client.answer()
        assert "transfer-encoding" not in answer.headers
        assert (answer.text if stream else answer.json["choices"][0]["message"]["content"]) == "said x"
        assert client.rest() == b""


def test_who_expects_100_continue_is_invited(port: int) -> None:
    data = body("x")
    with Client(port) as client:
        client.send(request("POST", CHAT, b"", f"content-length: {len(data)}", "expect: 100-continue"))
        assert client.head()[0] == 100
        client.send(data)
        assert client.answer().status == 200


def test_who_expects_100_continue_for_too_much_is_not_invited(port: int) -> None:
    with Client(port) as client:
        client.send(request("POST", CHAT, b"", "content-length: 9999999", "expect: 100-continue"))
        assert client.answer().status == 413
        assert client.rest() == b"", "what comes next on this connection could be the body, or not"


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
def test_an_offered_upgrade_is_passed_over(upgrade: str, port: int) -> None:
    with Client(port) as client:
        client.send(request("POST", CHAT, body("x"), "connection: upgrade", f"upgrade: {upgrade}"))
        answer = client.answer()
        assert answer.json["choices"][0]["message"]["content"] == "said x"


def test_a_body_in_chunks_of_one_byte_is_read(port: int) -> None:
    with Client(port) as client:
        client.send(request("POST", CHAT, b"", "transfer-encoding: chunked"))
        client.send(b"".join(b"1\r\n%c\r\n" % byte for byte in body("x")) + b"0\r\n\r\n")
        assert client.answer().json["choices"][0]["message"]["content"] == "said x"


# --- routes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["/v1", "", "/v1/v1"])
@pytest.mark.parametrize("path", ["/chat/completions", "/chat/completions/", "/chat/completions/chat/completions"])
def test_the_usual_mistakes_in_a_base_url_are_served(prefix: str, path: str, port: int) -> None:
    assert asked(port, chat("x", prefix + path, stream=True)).text == "said x"


@pytest.mark.parametrize("prefix", ["/v1", "", "/v1/v1"])
def test_the_models_are_listed_with_aliases(prefix: str, port: int) -> None:
    listed = get(port, f"{prefix}/models").json
    assert get(port, f"{prefix}/models/").json == listed
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["fast", "deep", "m", "qwen3-coder", "org/deep-seek"]
    for model in listed["data"]:
        assert get(port, f"{prefix}/models/{model['id']}").json == model
    assert get(port, f"{prefix}/models/org%2Fdeep-seek").json["id"] == "org/deep-seek"


@pytest.mark.parametrize(
    ("named", "sent"),
    [("fast", "m"), ("deep", "org/deep-seek"), ("up/m", "m"), ("up/org/deep-seek", "org/deep-seek"), ("m", "m")],
)
def test_a_model_is_asked_for_by_the_name_that_its_backend_knows(
    named: str, sent: str, echoing: tuple[Serving, RawServer]
) -> None:
    serving, server = echoing
    assert asked(serving.port, chat("x", model=named)).status == 200
    assert server.requests[-1].json["model"] == sent


def test_a_name_with_line_ends_reaches_the_backend_as_a_name_and_no_header() -> None:
    with in_front_of(echo, substitute=None) as (serving, server):
        get(serving.port, "/readyz")
        answer = asked(serving.port, chat("x", model="up/x\r\nset-cookie: a", stream=True))
        assert "set-cookie" not in answer.headers
        assert answer.text == "said x"
        assert server.requests[-1].headers.keys() == {
            "host", "content-type", "accept", "user-agent", "accept-encoding", "content-length",
        }  # fmt: skip


def test_health_is_told_at_once_and_readiness_by_whether_a_backend_answers() -> None:
    alive = True

    def script(_: Request) -> list[bytes]:
        return [models("m") if alive else http("{}", "503 Service Unavailable")]

    with in_front_of(script) as (serving, _):
        assert get(serving.port, "/healthz").json["status"] == "ok"
        ready = get(serving.port, "/readyz")
        assert (ready.status, ready.json) == (200, {"ready": True, "backends": {"up": {"answers": True, "models": 1}}})
    alive = False
    with in_front_of(script) as (serving, _):
        assert get(serving.port, "/healthz").status == 200
        ready = get(serving.port, "/readyz")
        assert (ready.status, ready.json["ready"]) == (503, False)


# --- what an answer says of itself ------------------------------------------------------------------------------------


def test_a_stream_is_neither_held_back_nor_packed(port: int) -> None:
    answer = asked(port, request("POST", CHAT, body(stream=True), "accept-encoding: gzip, br, deflate"))
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["cache-control"] == "no-cache"
    assert "content-encoding" not in answer.headers
    assert answer.text == "said hello"


@pytest.mark.parametrize(
    ("specimen", "stream", "status", "named", "comment"),
    [
        ("healthy-plain", True, 200, {"backend": "up"}, b""),
        ("healthy-plain", False, 200, {"backend": "up"}, b""),
        ("json-for-stream", True, 200, {"backend": "up"}, b""),
        ("key-missing", True, 401, {"backend": "up", "diagnosis": "key-missing"}, b""),
        ("key-missing", False, 401, {"backend": "up", "diagnosis": "key-missing"}, b""),
        ("stream-cut", True, 200, {"backend": "up"}, b": lumeai backend=up repairs="),
    ],
)
def test_the_headers_tell_who_answered_and_what_was_done(
    specimen: str, status: int, named: dict[str, str], comment: bytes, lab: LabServer, *, stream: bool
) -> None:
    with served(upstream(lab.url(specimen)), attempts=1) as serving:
        answer = asked(serving.port, chat(stream=stream, model=""))
    assert answer.status == status
    told = {name.removeprefix("x-lumeai-"): value for name, value in answer.headers.items() if name[:9] == "x-lumeai-"}
    assert len(told.pop("request-id")) == 16
    repairs = told.pop("repairs", "").split(",")
    assert told == named
    assert (repairs != [""]) is (specimen == "json-for-stream")
    assert comment in answer.body
    assert (b"\n: lumeai" in answer.body) is bool(comment)
    if status != 200:
        assert answer.error["code"].startswith("LUM")


def test_what_came_of_a_repair_after_the_status_stands_in_a_comment_before_the_end() -> None:
    status_seen = threading.Event()

    def script(asked_of: Request) -> Iterator[bytes]:
        if asked_of.path.endswith("/models"):
            yield models("m")
            return
        call = {"index": 0, "function": {"name": "f", "arguments": "{}"}}
        first = {"choices": [{"index": 0, "delta": {"content": "hi"}}]}
        second = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
        last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
        frames = [b"data: " + json.dumps(frame).encode() + b"\n\n" for frame in (first, second, last)]
        yield event_stream() + frames[0]
        assert status_seen.wait(30)
        yield b"".join(frames[1:]) + DONE

    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    with in_front_of(script) as (serving, _), Client(serving.port) as client:
        client.send(chat(stream=True, tools=tools))
        status, headers = client.head()
        status_seen.set()
        answer = Answer(status, headers, client.read_until(b"[DONE]"))
    assert "call-shape" not in headers["x-lumeai-repairs"]
    comments = [line for line in answer.body.split(b"\n") if line.startswith(b":")]
    assert len(comments) == 1
    assert comments[0].startswith(b": lumeai backend=up repairs=")
    assert b"call-shape" in comments[0]
    assert answer.body.index(comments[0]) < answer.body.index(b"[DONE]")


def test_refusals_carry_a_request_id(port: int) -> None:
    ids = [asked(port, sent).headers["x-lumeai-request-id"] for sent in (chat(stream=3), request("GET", "/x"))]
    assert len(set(ids)) == 2


def test_a_request_that_breaks_before_it_is_sent_is_counted_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("on purpose")

    guard = Guard(tmp_path / "keys.db", allowance=Allowance(concurrent=1))
    with served(upstream("", kind=Kind.BUILTIN), guard=guard) as serving:
        with monkeypatch.context() as patch:
            patch.setattr("lumeai_cli.proxy.endpoint.Flow", broken)
            for _ in range(2):
                assert asked(serving.port, chat()).error["code"] == "LUM007"
        assert asked(serving.port, chat()).status == 200
