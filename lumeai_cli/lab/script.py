"""What a specimen says on the socket, as values: a script is a series of steps, and the server only plays it.

The builders are pure. They never set a delay or a length behind the caller's back, because a wrong length, half a chunk
or a silence is exactly what some specimens are made of.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

FOREVER = math.inf

TYPE_JSON = "application/json; charset=utf-8"
TYPE_HTML = "text/html; charset=utf-8"
# Exactly this, without a charset: some clients compare the whole value.
TYPE_SSE = "text/event-stream"

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes that go out in one write, and are flushed before the next step."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence of so many seconds, times the server's time scale; `FOREVER` lasts until the client goes away."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Close:
    """An orderly end (FIN); the end of a script means the same."""


@dataclass(frozen=True, slots=True)
class Reset:
    """A reset (RST), as a crashed process or a firewall gives it."""


Step = Send | Pause | Close | Reset
Script = Iterable[Step]


def head(status: int, headers: Headers) -> bytes:
    """The status line and the headers with the blank line; nothing is added but `connection: close`."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in (*headers, ("connection", "close"))]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def response(status: int, body: bytes | str, content_type: str = TYPE_JSON, headers: Headers = ()) -> tuple[Step, ...]:
    """One whole answer with its right content-length."""
    data = body.encode() if isinstance(body, str) else body
    length = ("content-length", str(len(data)))
    return (Send(head(status, (("content-type", content_type), *headers, length)) + data), Close())


def json_response(status: int, value: object, headers: Headers = ()) -> tuple[Step, ...]:
    """One whole JSON answer."""
    return response(status, encode(value), headers=headers)


def html_response(status: int, page: str) -> tuple[Step, ...]:
    """One whole HTML page."""
    return response(status, page, TYPE_HTML)


def error_response(status: int, message: str, kind: str, code: str | None = None) -> tuple[Step, ...]:
    """An error as OpenAI words it."""
    return json_response(status, error(message, kind, code))


def error(message: str, kind: str, code: str | None = None, param: str | None = None) -> dict[str, object]:
    """The JSON value of an OpenAI error."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def http_chunk(data: bytes) -> bytes:
    """One chunk of the chunked transfer coding."""
    return f"{len(data):x}\r\n".encode("ascii") + data + b"\r\n"


def stream_head(content_type: str = TYPE_SSE, headers: Headers = (), *, chunked: bool = True) -> bytes:
    """The head of a streamed 200: chunked, or delimited by the close of the connection."""
    coding: Headers = (("transfer-encoding", "chunked"),) if chunked else ()
    return head(200, (("content-type", content_type), ("cache-control", "no-cache"), *headers, *coding))


def lazy_stream(
    frames: Iterable[bytes],
    content_type: str = TYPE_SSE,
    headers: Headers = (),
    *,
    chunked: bool = True,
    pause: float = 0.0,
) -> Iterator[Step]:
    """A streamed 200, one write (and one HTTP chunk) a frame, built while it is played: `frames` may be endless."""
    yield Send(stream_head(content_type, headers, chunked=chunked))
    for frame in frames:
        if pause:
            yield Pause(pause)
        yield Send(http_chunk(frame) if chunked else frame)
    if chunked:
        yield Send(b"0\r\n\r\n")
    yield Close()


def stream(
    frames: Iterable[bytes],
    content_type: str = TYPE_SSE,
    headers: Headers = (),
    *,
    chunked: bool = True,
    pause: float = 0.0,
) -> tuple[Step, ...]:
    """`lazy_stream` as a value, for frames that are few."""
    return tuple(lazy_stream(frames, content_type, headers, chunked=chunked, pause=pause))


def encode(value: object) -> bytes:
    """JSON as servers write it: no spaces, UTF-8 instead of escapes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def sse(data: Mapping[str, object] | str) -> bytes:
    """One `data:` frame with the blank line that makes it an event."""
    return b"data: " + (data.encode() if isinstance(data, str) else encode(data)) + b"\n\n"


DONE = sse("[DONE]")
