"""The request reader: bytes in, a request out, no socket in sight.

It reads what real clients send (content-length, chunked, absolute targets) and refuses the rest by name, because the
lab stands in for broken *servers* and must never be the broken part itself.
"""

import re
from urllib.parse import urlsplit

from lumeai_cli.lab.request import LabRequest, parse_json

MAX_HEAD = 64 * 1024
MAX_BODY = 20 * 1024 * 1024
_MAX_LINE = 1024

_REQUEST_LINE = re.compile(r"([A-Z]{1,20}) (\S+) HTTP/1\.[01]")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)", re.DOTALL)
_LENGTH = re.compile(r"[0-9]{1,12}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?")


class RefusedError(Exception):
    """A request that the lab does not read, with the status that tells so."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class RequestReader:
    """Fed with bytes in any portions, it returns the request once, when its last byte is there.

    Raises `RefusedError` for what is no HTTP/1.x request or is larger than `MAX_HEAD` and `MAX_BODY`.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._body = bytearray()
        self._head: tuple[str, str, dict[str, str]] | None = None
        self._chunked = False
        self._trailers = False
        self._wanted = 0

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body."""
        return self._head is not None and self._head[2].get("expect", "").lower() == "100-continue"

    def feed(self, data: bytes) -> LabRequest | None:
        """The request, or None while bytes are missing."""
        self._buffer += data
        if self._head is None and not self._read_head(len(data)):
            return None
        complete = self._read_chunks() if self._chunked else self._read_length()
        if not complete or self._head is None:
            return None
        method, path, headers = self._head
        body = bytes(self._body)
        return LabRequest(method, path, headers, body, parse_json(body))

    def _read_head(self, fresh: int) -> bool:
        end = self._buffer.find(b"\r\n\r\n", max(0, len(self._buffer) - fresh - 3))
        if (end if end >= 0 else len(self._buffer)) > MAX_HEAD:
            raise RefusedError(431, "the headers are larger than 64 KiB")
        if end < 0:
            return False
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        matched = _REQUEST_LINE.fullmatch(first)
        if matched is None:
            raise RefusedError(400, "this is no HTTP/1.1 request line")
        headers = _headers(lines)
        self._head = (matched[1], _path(matched[2]), headers)
        self._frame(headers)
        return True

    def _frame(self, headers: dict[str, str]) -> None:
        coding = headers.get("transfer-encoding", "").lower()
        if coding:
            if coding != "chunked":
                raise RefusedError(501, "the only transfer coding read here is chunked")
            self._chunked = True
            return
        length = headers.get("content-length", "0")
        if _LENGTH.fullmatch(length) is None:
            raise RefusedError(400, "content-length is no number")
        self._wanted = int(length)
        if self._wanted > MAX_BODY:
            raise RefusedError(413, "the body is larger than 20 MiB")

    def _read_length(self) -> bool:
        if len(self._buffer) < self._wanted:
            return False
        self._body = self._buffer[: self._wanted]
        return True

    def _read_chunks(self) -> bool:
        while True:
            if self._wanted:
                # A chunk's data and its CRLF are taken together.
                if len(self._buffer) < self._wanted:
                    return False
                if self._buffer[self._wanted - 2 : self._wanted] != b"\r\n":
                    raise RefusedError(400, "a chunk does not end where its size says")
                self._body += self._buffer[: self._wanted - 2]
                del self._buffer[: self._wanted]
                self._wanted = 0
            line = self._line()
            if line is None:
                return False
            if self._trailers:
                if not line:
                    return True
                continue
            size = _CHUNK_SIZE.fullmatch(line)
            if size is None:
                raise RefusedError(400, "a chunk has no size")
            length = int(size[1], 16)
            if len(self._body) + length > MAX_BODY:
                raise RefusedError(413, "the body is larger than 20 MiB")
            self._trailers = length == 0
            self._wanted = length + 2 if length else 0

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n", 0, _MAX_LINE)
        if end < 0:
            if len(self._buffer) >= _MAX_LINE:
                raise RefusedError(400, "a chunk's size line is too long")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        matched = _HEADER.fullmatch(line)
        if matched is None:
            raise RefusedError(400, "a header line has no name")
        name, value = matched[1].lower(), matched[2].strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _path(target: str) -> str:
    if target.startswith("/"):
        return re.split(r"[?#]", target, maxsplit=1)[0]
    try:
        return urlsplit(target).path or "/"
    except ValueError:
        raise RefusedError(400, "the request target is no URL") from None
