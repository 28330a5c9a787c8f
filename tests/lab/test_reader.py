"""The request reader gives one and the same request, however its bytes are cut."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumeai_cli.lab.reader import MAX_BODY, MAX_HEAD, RefusedError, RequestReader
from lumeai_cli.lab.request import LabRequest

BODY = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "Привет"}]}).encode()
WITH_LENGTH = (
    b"POST /healthy-plain/v1/chat/completions?x=1 HTTP/1.1\r\n"
    b"Host: lab\r\nContent-Type: application/json\r\nX-Twice: a\r\nx-twice: b\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
CHUNKED = (
    b"POST /healthy-plain/v1/chat/completions HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\n%b\r\n%X;note=1\r\n%b\r\n0\r\nTrailer: t\r\n\r\n" % (BODY[:5], len(BODY) - 5, BODY[5:])
)
SAMPLES = pytest.mark.parametrize("sample", [WITH_LENGTH, CHUNKED], ids=["length", "chunked"])


def read(portions: list[bytes]) -> LabRequest:
    """The request of these portions; it must come with the last one and not before."""
    reader = RequestReader()
    early = [reader.feed(portion) for portion in portions[:-1]]
    assert early == [None] * len(early)
    request = reader.feed(portions[-1])
    assert request is not None
    return request


@SAMPLES
def test_a_request_is_read_whole(sample: bytes) -> None:
    request = read([sample])
    assert request.method == "POST"
    assert request.path == "/healthy-plain/v1/chat/completions"
    assert request.headers["host"] == "lab"
    assert request.body == BODY
    assert request.stream
    assert request.last_user_text == "Привет"


@SAMPLES
def test_a_request_is_read_byte_by_byte(sample: bytes) -> None:
    assert read([sample[at : at + 1] for at in range(len(sample))]) == read([sample])


@SAMPLES
@settings(deadline=None)
@given(data=st.data())
def test_a_request_is_read_in_any_portions(sample: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(sample) - 1), max_size=8)))
    portions = [sample[start:end] for start, end in zip([0, *cuts], [*cuts, len(sample)], strict=True)]
    assert read(portions) == read([sample])


def test_repeated_headers_are_joined() -> None:
    assert read([WITH_LENGTH]).headers["x-twice"] == "a, b"


def test_an_absolute_target_is_reduced_to_its_path() -> None:
    assert read([b"GET http://lab:1/a/v1/models?x HTTP/1.1\r\n\r\n"]).path == "/a/v1/models"


def test_the_specimen_is_the_first_segment() -> None:
    request = read([WITH_LENGTH]).below()
    assert (request.specimen, request.path) == ("healthy-plain", "/v1/chat/completions")


def test_a_client_that_waits_for_permission_is_noticed() -> None:
    reader = RequestReader()
    assert reader.feed(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n") is None
    assert reader.expects_continue
    assert reader.feed(b"{}") is not None


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01 hello\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 2000, 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", 413),
        (b"GET / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * MAX_HEAD, 431),
    ],
)
def test_what_is_no_request_is_refused_by_name(sent: bytes, status: int) -> None:
    with pytest.raises(RefusedError) as refused:
        RequestReader().feed(sent)
    assert refused.value.status == status


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(RefusedError):
        RequestReader().feed(b"POST / HTTP/1.1\r\n" + data)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff", b"1" * 5000])
def test_a_body_that_is_no_json_is_none(body: bytes) -> None:
    assert read([b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)]).json is None
