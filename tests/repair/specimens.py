"""The bodies that the lab's servers stream, taken from their scripts without a socket."""

import itertools
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from lumeai_cli.clients.request import ChatRequest, simple, small_native, small_xml
from lumeai_cli.flow.chat import Chat, read_chat
from lumeai_cli.lab.registry import SPECIMENS
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Send
from lumeai_cli.lab.specimen import Specimen
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.exchange import Ending, EndingKind

REQUESTS: Mapping[str, ChatRequest] = {
    "sdk": simple("Say in one sentence what you are."),
    "native": small_native(),
    "xml": small_xml(),
}
"""A request of each kind of client."""

MOST_STEPS = 2000


@dataclass(frozen=True)
class Streamed:
    """A body as it was streamed, with how it ended."""

    status: int
    body: bytes
    ending: Ending


def wanted_of(kind: str) -> Wanted:
    """What a client of this kind can take."""
    return _chat(kind).wanted


def _chat(kind: str) -> Chat:
    body = json.dumps(REQUESTS[kind].body("lab-model", stream=True)).encode()
    chat = read_chat(body, seed="seed")
    assert isinstance(chat, Chat)
    return chat


def streamed(specimen: Specimen, kind: str) -> Streamed | None:
    """What this server streams to a client of this kind; None if it answers no HTTP."""
    body = _chat(kind).body
    request = LabRequest("POST", "/v1/chat/completions", {}, body, json.loads(body), specimen.name)
    steps = list(itertools.islice(specimen.respond(request), MOST_STEPS))
    data = b"".join(step.data for step in steps if isinstance(step, Send))
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank or not head.startswith(b"HTTP/1."):
        return None
    whole = True
    if b"transfer-encoding: chunked" in head.lower():
        rest, whole = _unchunked(rest)
    if b"content-encoding: gzip" in head.lower():
        rest = zlib.decompressobj(wbits=31).decompress(rest)
    return Streamed(int(head.split()[1]), rest, Ending(EndingKind.CLEAN if whole else EndingKind.CUT, 2.0))


def _unchunked(data: bytes) -> tuple[bytes, bool]:
    """The body of a chunked transfer, and whether it came to its end."""
    body = bytearray()
    while data:
        size, _, rest = data.partition(b"\r\n")
        length = int(size, 16)
        body += rest[:length]
        if not length or len(rest) < length:
            return bytes(body), not length
        data = rest[length + 2 :]
    return bytes(body), False


def streams(*, healthy: bool) -> dict[tuple[str, str], Streamed]:
    """The streams of all healthy, or all sick, servers of the lab, by the server's name and the kind of client; of
    streams with the same bytes for the same client only the first.
    """
    found: dict[tuple[str, str], Streamed] = {}
    seen: set[tuple[str, Streamed]] = set()
    for specimen in SPECIMENS.values():
        for kind in REQUESTS if specimen.healthy is healthy else ():
            told = streamed(specimen, kind)
            if told is not None and told.status == 200 and (kind, told) not in seen:
                seen.add((kind, told))
                found[specimen.name, kind] = told
    return found
