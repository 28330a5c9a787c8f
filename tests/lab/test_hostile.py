"""The hostile specimens do what they threaten, and cost the lab itself next to nothing."""

import contextlib
import itertools
import json
import socket
import time
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest

from lumeai_cli.lab import HOSTILE, LabServer, running_lab
from lumeai_cli.lab.hostile import DEEP, FLOOD_HEADERS, HUGE
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Send

MODES = pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with running_lab(time_scale=0.01, hostile=True) as running:
        yield running


def connect(lab: LabServer, name: str, *, stream: bool, path: str = "/v1/chat/completions") -> socket.socket:
    body = json.dumps({"stream": stream, "messages": [{"role": "user", "content": "Hello"}]}).encode()
    client = socket.create_connection((lab.host, lab.port), timeout=5)
    client.sendall(f"POST /{name}{path} HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
    return client


def read(lab: LabServer, name: str, *, stream: bool, limit: int = 1 << 30) -> tuple[bytes, bytes]:
    """The raw head and the raw body, until the end or the limit."""
    with connect(lab, name, stream=stream) as client:
        data = bytearray()
        while len(data) < limit and (portion := client.recv(1 << 20)):
            data += portion
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    return head, body


def unchunked(body: bytes) -> bytes:
    parts = []
    while body:
        size, _, body = body.partition(b"\r\n")
        parts.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return b"".join(parts)


def test_every_hostile_name_is_there() -> None:
    assert HOSTILE.keys() == {
        "endless-body",
        "huge-line",
        "gzip-bomb",
        "header-flood",
        "drip",
        "redirect-loop",
        "deep-json",
        "nan",
        "surrogates",
        "no-http",
        "half-chunk",
        "short-body",
        "stall",
        "silent",
    }


@MODES
def test_an_endless_body_goes_on(*, stream: bool, lab: LabServer) -> None:
    head, body = read(lab, "endless-body", stream=stream, limit=3_000_000)
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body.count(b"and so on ") > 10_000


@pytest.mark.parametrize("name", ["endless-body", "huge-line", "gzip-bomb"])
@MODES
def test_the_lab_never_holds_what_it_sends(*, name: str, stream: bool) -> None:
    asked = LabRequest(
        "POST", "/v1/chat/completions", json={"stream": stream, "messages": [{"role": "user", "content": "Hello"}]}
    )
    tracemalloc.start()
    for step in itertools.islice(HOSTILE[name].respond(asked), 50):
        del step
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


@MODES
def test_one_line_is_a_hundred_megabytes(*, stream: bool, lab: LabServer) -> None:
    total, tail = 0, b""
    with connect(lab, "huge-line", stream=stream) as client:
        while portion := client.recv(1 << 20):
            total += portion.count(b"a")
            tail = (tail + portion)[-1000:]
    assert total >= HUGE
    assert (b"[DONE]" in tail) == stream


def test_the_huge_line_is_one_line() -> None:
    asked = LabRequest("POST", "/v1/chat/completions", json={"stream": True, "messages": [{}]})
    first, second, *_, last = (step.data for step in HOSTILE["huge-line"].respond(asked) if isinstance(step, Send))
    assert first.startswith(b"HTTP/1.1 200 OK")
    assert unchunked(second).startswith(b"data: {")
    assert b"\n" not in unchunked(second)
    assert last == b"0\r\n\r\n"


@MODES
def test_a_small_body_unpacks_to_a_hundred_megabytes(*, stream: bool, lab: LabServer) -> None:
    head, body = read(lab, "gzip-bomb", stream=stream)
    assert b"content-encoding: gzip" in head
    assert len(body) < 2_000_000
    unpacker, total, rest = zlib.decompressobj(wbits=31), 0, unchunked(body)
    first = unpacker.decompress(rest, 100)
    while rest := unpacker.unconsumed_tail:
        total += len(unpacker.decompress(rest, 1 << 20))
    assert first.startswith(b"data: {" if stream else b"{")
    assert total > HUGE * 0.99
    assert unpacker.eof


def test_headers_flood(lab: LabServer) -> None:
    head, body = read(lab, "header-flood", stream=True)
    assert head.count(b"\r\nx-flood-") == FLOOD_HEADERS
    assert len(head) > 1_000_000
    assert json.loads(body)["object"] == "chat.completion"


@MODES
def test_a_body_drips(*, stream: bool, lab: LabServer) -> None:
    started = time.monotonic()
    _, body = read(lab, "drip", stream=stream, limit=140)
    assert body.startswith(b"data: {" if stream else b'{"id"')
    assert time.monotonic() - started > 0.01 * len(body)


def test_redirects_never_end(lab: LabServer) -> None:
    path = "/v1/chat/completions"
    for hop in (1, 2, 3):
        with connect(lab, "redirect-loop", stream=True, path=path) as client:
            head = client.recv(65536)
        path = f"/v1/hop/{hop}"
        assert head.startswith(b"HTTP/1.1 302 Found")
        assert f"\r\nlocation: /redirect-loop{path}\r\n".encode() in head
    with connect(lab, "redirect-loop", stream=True, path="/v1/hop/1000") as client:
        assert b"/hop/1001\r\n" in client.recv(65536)


@MODES
def test_json_is_deeper_than_a_parser_bears(*, stream: bool, lab: LabServer) -> None:
    _, body = read(lab, "deep-json", stream=stream)
    text = unchunked(body)
    assert text.count(b"[") > DEEP
    line = next(line for line in text.splitlines() if b"[[" in line).removeprefix(b"data: ")
    with pytest.raises(RecursionError):
        json.loads(line)


@MODES
def test_numbers_are_none(*, stream: bool, lab: LabServer) -> None:
    _, body = read(lab, "nan", stream=stream)
    assert b'"created":NaN' in body
    assert b'"completion_tokens":Infinity' in body


@MODES
def test_half_surrogates_are_escaped(*, stream: bool, lab: LabServer) -> None:
    head, body = read(lab, "surrogates", stream=stream)
    assert rb"\ud83d" in body
    assert rb"\ud800" in body
    assert body.isascii()
    assert head.startswith(b"HTTP/1.1 200 OK")


def test_garbage_is_no_http(lab: LabServer) -> None:
    head, _ = read(lab, "no-http", stream=True)
    assert not head.startswith(b"HTTP/")


@MODES
def test_a_chunk_is_cut_in_half(*, stream: bool, lab: LabServer) -> None:
    _, body = read(lab, "half-chunk", stream=stream)
    size, _, rest = body.partition(b"\r\n")
    second, _, cut = rest[int(size, 16) + 2 :].partition(b"\r\n")
    assert 0 < len(cut) < int(second, 16)


@MODES
def test_a_body_is_shorter_than_promised(*, stream: bool, lab: LabServer) -> None:
    head, body = read(lab, "short-body", stream=stream)
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    assert int(length.partition(b":")[2]) == len(body) + 1000


@pytest.mark.parametrize(("name", "bytes_first"), [("stall", True), ("silent", False)])
def test_silence_lasts(*, name: str, bytes_first: bool, lab: LabServer) -> None:
    with connect(lab, name, stream=True) as client:
        client.settimeout(0.3)
        data = b""
        with contextlib.suppress(TimeoutError):
            while portion := client.recv(65536):
                data += portion
            pytest.fail("the server closed")
    assert (b"data: {" in data) == bytes_first


def test_a_silent_specimen_lets_go_of_a_client_that_left(lab: LabServer) -> None:
    for _ in range(5):
        connect(lab, "silent", stream=True).close()
    head, _ = read(lab, "half-chunk", stream=True)
    assert head.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("name", ["endless-body", "deep-json", "nan", "surrogates", "stall", "half-chunk"])
def test_the_list_of_models_stays_healthy(name: str) -> None:
    sent = [step.data for step in HOSTILE[name].respond(LabRequest("GET", "/v1/models")) if isinstance(step, Send)]
    assert b'"id":"lab-model"' in sent[0]
