"""The server survives its clients, and stops at once."""

import asyncio
import contextlib
import http.client
import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from lumeai_cli import lab as lab_module
from lumeai_cli.lab import HOSTILE, SPECIMENS, UNLISTED, LabServer, server
from lumeai_cli.lab import running_lab as run
from lumeai_cli.lab.specimen import sick

HELLO = json.dumps({"stream": True, "messages": [{"role": "user", "content": "Hello"}]}).encode()


def chat(name: str, body: bytes = HELLO) -> bytes:
    return b"POST /%b/v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (name.encode(), len(body), body)


@pytest.fixture
def lab() -> Iterator[LabServer]:
    with run(time_scale=0.05) as running:
        yield running


def connect(lab: LabServer) -> socket.socket:
    return socket.create_connection((lab.host, lab.port), timeout=5)


def talk(lab: LabServer, *sent: bytes) -> bytes:
    """Everything that comes back for these writes, until the server closes."""
    with connect(lab) as client:
        for data in sent:
            client.sendall(data)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_the_root_lists_the_specimens(lab: LabServer) -> None:
    head, _, body = talk(lab, b"GET / HTTP/1.1\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    listed = {one["name"]: one for one in json.loads(body)["specimens"]}
    assert listed.keys() == SPECIMENS.keys()
    assert (listed["healthy-plain"]["healthy"], listed["healthy-plain"]["shows"]) == (True, None)
    assert (listed["buffered-stream"]["healthy"], listed["buffered-stream"]["shows"]) == (True, "buffered-stream")
    assert listed["json-for-stream"]["url"] == lab.url("json-for-stream") == f"{lab.base}/json-for-stream/v1"
    beside = {one["name"]: one["because"] for one in json.loads(body)["unlisted"]}
    assert beside == {name: specimen.unlisted for name, specimen in UNLISTED.items()}


def test_every_answer_says_that_it_closes(lab: LabServer) -> None:
    assert b"\r\nconnection: close\r\n" in talk(lab, chat("healthy-plain"))


@pytest.mark.parametrize("path", [b"/unknown/v1/models", b"/endless-body/v1/models", b"/favicon.ico"])
def test_an_unknown_specimen_is_a_404(path: bytes, lab: LabServer) -> None:
    assert talk(lab, b"GET %b HTTP/1.1\r\n\r\n" % path).startswith(b"HTTP/1.1 404 ")


def test_a_bad_request_is_refused_and_the_answer_arrives(lab: LabServer) -> None:
    assert talk(lab, b"hello\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    with connect(lab) as client, contextlib.suppress(OSError):
        client.sendall(b"POST / HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n")
        client.sendall(b"a" * 1_000_000)
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_waits_is_told_to_go_on(lab: LabServer) -> None:
    head, body = chat("healthy-plain").split(b"\r\n\r\n")
    with connect(lab) as client:
        client.sendall(head + b"\r\nexpect: 100-continue\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_requests_are_remembered_with_their_specimen(lab: LabServer) -> None:
    talk(lab, chat("healthy-plain"))
    talk(lab, b"GET /done-only/v1/models HTTP/1.1\r\nX-Mark: 7\r\n\r\n")
    first, second = lab.requests
    assert (first.specimen, first.path, first.stream) == ("healthy-plain", "/v1/chat/completions", True)
    assert (second.specimen, second.method, second.headers["x-mark"]) == ("done-only", "GET", "7")


def test_the_memory_of_requests_is_bounded(lab: LabServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LOGGED_BYTES", 3 * len(HELLO))
    for _ in range(5):
        talk(lab, chat("done-only"))
    assert len(lab.requests) == 3


def test_equal_requests_are_counted_and_the_oldest_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "COUNTED_REQUESTS", 2)
    other = HELLO.replace(b"Hello", b"Howdy")
    with run() as lab:
        name = "intermittent-empty"
        sent = [chat(name), chat(name), chat("empty-answer"), chat(name, other), chat(name)]
        spoken = [b"Understood" in talk(lab, request) for request in sent]
    with run() as another:
        spoken.append(b"Understood" in talk(another, chat("intermittent-empty")))
    assert spoken == [True, False, False, True, True, True]


def test_the_hostile_are_served_only_if_asked_for(lab: LabServer) -> None:
    assert lab.specimens == {**SPECIMENS, **UNLISTED}
    assert LabServer(hostile=True).specimens == {**lab.specimens, **HOSTILE}


def test_more_connections_than_allowed_are_dropped(lab: LabServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 2)
    with connect(lab), connect(lab), connect(lab) as third, contextlib.suppress(ConnectionResetError):
        assert third.recv(10) == b""


def test_a_client_that_never_finishes_its_request_is_dropped(lab: LabServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "READ_SECONDS", 0.1)
    with connect(lab) as client:
        client.sendall(b"POST / HT")
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(10) == b""


def test_clients_that_go_away_are_no_error(lab: LabServer, caplog: pytest.LogCaptureFixture) -> None:
    for sent in (b"", b"POST /", chat("healthy-slow"), chat("healthy-plain")):
        with connect(lab) as client:
            client.sendall(sent)
    assert b"[DONE]" in talk(lab, chat("healthy-plain"))
    assert caplog.records == []


def test_a_broken_specimen_stops_nobody_else(lab: LabServer, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_request: object) -> tuple[()]:
        raise LookupError("a specimen's own mistake")

    lab.specimens = {**lab.specimens, "broken": sick("broken", ".", ".", fail)}
    with caplog.at_level(logging.ERROR, logger=server.__name__), contextlib.suppress(ConnectionResetError):
        assert talk(lab, chat("broken")) == b""
    assert [record.message for record in caplog.records] == ["a specimen failed to answer"]
    assert b"[DONE]" in talk(lab, chat("healthy-plain"))


def test_stopping_is_prompt_whatever_the_clients_do() -> None:
    names = ("stall", "silent", "drip", "endless-body", "huge-line")
    with contextlib.ExitStack() as clients:
        with run(hostile=True) as lab:
            for name in names * 4:
                clients.enter_context(connect(lab)).sendall(chat(name))
            clients.enter_context(connect(lab))
            time.sleep(0.2)
            asked = time.monotonic()
        assert time.monotonic() - asked < 1
    with pytest.raises(ConnectionRefusedError):
        connect(lab)


def test_it_runs_in_an_event_loop_of_the_caller() -> None:
    async def models() -> bytes:
        async with LabServer() as lab:
            reader, writer = await asyncio.open_connection(lab.host, lab.port)
            writer.write(b"GET /healthy-plain/v1/models HTTP/1.1\r\n\r\n")
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    assert b"lab-model" in asyncio.run(models())


def test_a_taken_port_is_an_os_error(lab: LabServer) -> None:
    with pytest.raises(OSError, match="address already in use"), run(port=lab.port):
        pass


def test_what_fails_inside_the_block_is_raised_and_the_server_stops() -> None:
    with pytest.raises(LookupError), run() as lab:
        raise LookupError
    with pytest.raises(ConnectionRefusedError):
        connect(lab)


def test_an_ipv6_origin_is_bracketed() -> None:
    assert LabServer("::1", 80).base == "http://[::1]:80"


def test_many_clients_at_once_are_served(lab: LabServer) -> None:
    connections = [http.client.HTTPConnection(lab.host, lab.port, timeout=5) for _ in range(50)]
    try:
        for connection in connections:
            connection.request("POST", "/healthy-slow/v1/chat/completions", HELLO)
        assert all(connection.getresponse().read().endswith(b"data: [DONE]\n\n") for connection in connections)
    finally:
        for connection in connections:
            connection.close()


def test_listing_the_specimens_needs_no_event_loop() -> None:
    program = "import sys, lumeai_cli.lab as lab; assert lab.SPECIMENS; sys.exit('asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_public_names_are_all_there() -> None:
    assert all(getattr(lab_module, name) is not None for name in lab_module.__all__)
    assert not hasattr(lab_module, "nothing")
