"""What the lab's servers say, as recorded bytes: the realistic beginnings of every fuzzed answer.

Recorded without a network: a specimen is a function, and its script is read here as an HTTP client would read it.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from lumeai_cli.clients import request as requests
from lumeai_cli.clients.request import ChatRequest
from lumeai_cli.lab import HOSTILE, SPECIMENS
from lumeai_cli.lab.api import CHAT
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import FOREVER, Pause, Reset, Send, encode
from lumeai_cli.lab.specimen import Specimen
from lumeai_cli.wire.exchange import EndingKind, Headers

MOST = 24 * 1024  # bytes that are kept of a body
MOST_SENT = 2 * 1024 * 1024  # bytes of a script that are looked at

_HEAD = re.compile(rb"HTTP/1\.[01] (\d{3})[^\r\n]*\r\n(.*?)\r\n\r\n", re.DOTALL)
_SIZE = re.compile(rb"([0-9a-f]{1,8})\r\n")

PROMPTS: dict[str, ChatRequest] = {
    "text": requests.simple("Reply with exactly one word: maple"),
    "xml": requests.small_xml(),
    "native": requests.small_native(),
}
"""The questions by name: plain words, tools described as XML tags, one native tool."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One answer: its status (None where none came), headers, decoded body and how it ended."""

    status: int | None
    headers: Headers
    body: bytes
    ending: EndingKind = EndingKind.CLEAN


@cache
def recorded(specimen: str, prompt: str, *, stream: bool) -> Recorded:
    """What this specimen answers to this question."""
    asked = PROMPTS[prompt].body("lab-model", stream=stream)
    body = encode(asked)
    steps = _specimens()[specimen].respond(LabRequest("POST", CHAT, {}, body, asked, specimen))
    data, reset = bytearray(), False
    for step in steps:
        data += step.data if isinstance(step, Send) else b""
        reset = reset or isinstance(step, Reset) or (isinstance(step, Pause) and step.seconds == FOREVER)
        if reset or len(data) >= MOST_SENT:
            break
    return _read(bytes(data), reset=reset)


@cache
def names(*, healthy: bool) -> tuple[str, ...]:
    """The specimens that may be recorded."""
    return tuple(name for name, specimen in _specimens().items() if specimen.healthy is healthy)


@cache
def bodies() -> tuple[bytes, ...]:
    """Every recorded body once, the shortest first."""
    found = {recorded(name, prompt, stream=stream).body for name, prompt, stream in _questions()}
    return tuple(sorted(found, key=lambda body: (len(body), body)))


@cache
def fragments() -> tuple[bytes, ...]:
    """The lines of all recorded bodies, with their ends, once each and short."""
    lines = {line for body in bodies() for line in body.splitlines(keepends=True) if len(line) < 400}
    return tuple(sorted(lines, key=lambda line: (len(line), line)))


def _questions() -> Iterator[tuple[str, str, bool]]:
    return ((name, prompt, stream) for name in _specimens() for prompt in PROMPTS for stream in (True, False))


@cache
def _specimens() -> dict[str, Specimen]:
    return {**SPECIMENS, **HOSTILE}


def _read(data: bytes, *, reset: bool) -> Recorded:
    """The answer as an HTTP client reads it."""
    head = _HEAD.match(data)
    if head is None:
        kind = EndingKind.RESET if reset or not data else EndingKind.PROTOCOL
        return Recorded(None, (), b"", kind)
    lines = (line.decode("latin-1").partition(":") for line in head[2].split(b"\r\n"))
    headers = tuple((name.strip(), value.strip()) for name, _, value in lines)[:40]
    fields = {name.lower(): value for name, value in headers}
    body, ending = data[head.end() :], EndingKind.CLEAN
    if fields.get("transfer-encoding") == "chunked":
        body, whole = _dechunked(body)
        ending = EndingKind.CLEAN if whole else EndingKind.CUT
    elif len(body) < int(fields.get("content-length", "0")):
        ending = EndingKind.CUT
    if fields.get("content-encoding") == "gzip":
        body = zlib.decompressobj(wbits=31).decompress(body, MOST)
    return Recorded(int(head[1]), headers, body[:MOST], EndingKind.RESET if reset else ending)


def _dechunked(data: bytes) -> tuple[bytes, bool]:
    """The body of these chunks, and whether its end came."""
    body, place = bytearray(), 0
    while (size := _SIZE.match(data, place)) is not None:
        length = int(size[1], 16)
        body += data[size.end() : size.end() + length]
        place = size.end() + length + 2
        if not length:
            return bytes(body), True
    return bytes(body), False
