"""A server whose every byte is written by the test: for what the lab has no specimen for."""

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Act(Enum):
    """What a script can do beside sending bytes."""

    RESET = "reset"
    HOLD = "hold"  # stay silent until the client leaves


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object of the body."""
        value: dict[str, Any] = json.loads(self.body) if self.body else {}
        return value

    @property
    def stream(self) -> bool:
        """Whether a stream was asked for."""
        return self.json.get("stream") is True


Script = Callable[[Request], Iterable[bytes | Act]]


@dataclass
class RawServer:
    """A running server: its origin, and the requests that it has read, oldest first."""

    origin: str
    requests: list[Request] = field(default_factory=list)
    open_connections: int = 0

    @property
    def url(self) -> str:
        """The base URL that a client would be given."""
        return f"{self.origin}/v1"

    def wait_until(self, true: Callable[[], bool], seconds: float = 30.0) -> None:
        """Waits for something that a client brings about."""
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {seconds:g} s: {len(self.requests)} requests so far")
            time.sleep(0.002)


@contextmanager
def raw_server(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """Serves the script, a thread a connection; all of them have ended when the block is left."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(None)  # it may rest for long; the last connection to it is the one that ends it
    scheme = "http" if tls is None else "https"
    server = RawServer(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
    threads: list[threading.Thread] = []
    stopped = threading.Event()
    lock = threading.Lock()

    def serve(connection: socket.socket) -> None:
        with lock:
            server.open_connections += 1
        with connection, contextlib.suppress(OSError):
            connection.settimeout(30)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection if tls is None else tls.wrap_socket(connection, server_side=True) as stream:
                request = _read(stream)
                if request is not None:
                    with lock:
                        server.requests.append(request)
                    _play(stream, script(request))
        with lock:
            server.open_connections -= 1

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            if stopped.is_set():
                connection.close()
                return
            thread = threading.Thread(target=serve, args=(connection,))
            threads.append(thread)
            thread.start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield server
    finally:
        stopped.set()
        with contextlib.suppress(OSError):
            socket.create_connection(listener.getsockname()).close()
        acceptor.join()
        for thread in threads:
            thread.join()
        listener.close()


def _read(connection: socket.socket) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    method, path, _ = first.split(" ")
    return Request(method, path, headers, body)


def _play(connection: socket.socket, script: Iterable[bytes | Act]) -> None:
    for step in script:
        if isinstance(step, bytes):
            connection.sendall(step)
        elif step is Act.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        else:
            while connection.recv(65536):
                pass
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536):
        pass


def http(
    body: bytes | str, status: str = "200 OK", content_type: str = "application/json", *headers: tuple[str, str]
) -> bytes:
    """One whole answer."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"content-type: {content_type}", *(f"{name}: {value}" for name, value in headers)]
    lines += [f"content-length: {len(data)}", "connection: close"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def event_stream() -> bytes:
    """The head of a stream that ends with its connection."""
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def delta(finish: str | None = None, **fields: object) -> bytes:
    """One frame of a chat stream."""
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    value = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def streamed(text: str) -> bytes:
    """A whole healthy stream."""
    parts = delta(role="assistant", content=""), delta(content=text), delta("stop"), DONE
    return event_stream() + b"".join(parts)


def completion(text: str) -> bytes:
    """A whole healthy JSON answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    value = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return http(json.dumps(value, ensure_ascii=False))


def models(*names: str) -> bytes:
    """A list of models."""
    entries = [{"id": name, "object": "model", "created": 1, "owned_by": "test"} for name in names]
    return http(json.dumps({"object": "list", "data": entries}))
