"""Disguises: the same answers in other bytes, for whoever must know a fault by its nature and not by its looks.

A disguise takes a request and the script that answers it, and gives the script to play instead. It leaves pauses,
endings and faults as they are, and holds back nothing of an endless script.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from lumeai_cli.lab.request import LabRequest, parse_json
from lumeai_cli.lab.script import Script, Send, Step, http_chunk

Disguise = Callable[[LabRequest, Script], Script]

PIECE = 7
LARGEST_WRITE = 1 << 20

_HEAD = re.compile(rb"HTTP/1\.[01] \d{3} [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n")
_LENGTH = re.compile(rb"(?<=\r\ncontent-length: )(\d+)(?=\r\n)", re.IGNORECASE)
_CODED = re.compile(rb"\r\ncontent-encoding:", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: chunked\r\n", re.IGNORECASE)
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_LINE_END = re.compile(rb"(\r\n|\r|\n)")
_JSON_LINE = re.compile(rb"((?:\xef\xbb\xbf)?(?:data:)?[ \t]*)(\{.*\})([ \t]*)", re.DOTALL)

_OF_CHATS = frozenset({"choices", "error", "object"})
_TOP: Mapping[str, object] = {"provider": "acme", "system_fingerprint": None, "x_timing": {"ms": 1}}
_CHOICE: Mapping[str, object] = {"x_rank": 1}
_MESSAGE: Mapping[str, object] = {"x_trace": "acme-1"}


def undisguised(_request: LabRequest, script: Script) -> Script:
    """The script as it is."""
    return script


def in_pieces(size: int) -> Disguise:
    """The same bytes in writes of `size` each, wherever nothing but writes stood between them."""

    def disguise(_request: LabRequest, script: Script) -> Iterator[Step]:
        waiting = bytearray()
        for step in script:
            if isinstance(step, Send):
                waiting += step.data
                while len(waiting) >= size:
                    yield Send(bytes(waiting[:size]))
                    del waiting[:size]
                continue
            if waiting:
                yield Send(bytes(waiting))
                waiting.clear()
            yield step
        if waiting:
            yield Send(bytes(waiting))

    return disguise


def with_vendor_fields(request: LabRequest, script: Script) -> Script:
    """Fields that no standard knows in every JSON object of a chat answer; lengths and chunks are counted anew.

    What is compressed, no JSON, or shorter than its headers promise stays as it is.
    """
    return _enriched(script) if request.path.endswith("/chat/completions") else script


def _enriched(script: Script) -> Iterator[Step]:
    rewrite: Callable[[bytes], bytes] | None = None
    for step in script:
        if not isinstance(step, Send):
            yield step
        elif rewrite is None:
            data, rewrite = _begun(step.data)
            yield Send(data)
        else:
            yield Send(rewrite(step.data))


def _begun(data: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    """The first write, rewritten, and what rewrites those that follow."""
    found = _HEAD.match(data)
    if found is None or _CODED.search(found[0]):
        return data, bytes
    head, body = found[0], data[found.end() :]
    if _CHUNKED.search(head):
        return head + _chunks(body), _chunks
    length = _LENGTH.search(head)
    if length is None:
        return head + _lines(body), _lines
    if int(length[1]) != len(body):
        return data, bytes
    body = _lines(body)
    return _LENGTH.sub(str(len(body)).encode("ascii"), head) + body, bytes


def _chunks(data: bytes) -> bytes:
    """The whole chunks of a write with their text rewritten; half a chunk stays half a chunk."""
    told = bytearray()
    place = 0
    while size := _SIZE.match(data, place):
        end = size.end() + int(size[1], 16)
        if end == size.end() or data[end : end + 2] != b"\r\n":
            break
        told += http_chunk(_lines(data[size.end() : end]))
        place = end + 2
    return bytes(told) + data[place:]


def _lines(text: bytes) -> bytes:
    return b"".join(map(_line, _LINE_END.split(text)))


def _line(line: bytes) -> bytes:
    """A line of an event stream, of JSON lines, or a whole JSON body."""
    found = _JSON_LINE.fullmatch(line)
    value = parse_json(found[2]) if found is not None else None
    if found is None or not isinstance(value, dict) or not _OF_CHATS & value.keys():
        return line
    told = json.dumps(_labelled(value), ensure_ascii=line.isascii(), separators=(",", ":"))
    return found[1] + told.encode() + found[3]


def _labelled(value: dict[str, Any]) -> dict[str, Any]:
    """The object with the foreign fields in front; a field of its own stays."""
    told = {**_TOP, **value}
    if isinstance(value.get("choices"), list):
        told["choices"] = [_choice(choice) for choice in value["choices"]]
    return told


def _choice(choice: Any) -> Any:
    if not isinstance(choice, dict):
        return choice
    inner = {key: {**_MESSAGE, **choice[key]} for key in ("delta", "message") if isinstance(choice.get(key), dict)}
    return {**_CHOICE, **choice, **inner}


DISGUISES: Mapping[str, Disguise] = MappingProxyType(
    {
        "pieces": in_pieces(PIECE),
        "one-write": in_pieces(LARGEST_WRITE),
        "vendor-fields": with_vendor_fields,
    }
)
"""Every disguise by its name."""
