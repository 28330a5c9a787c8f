"""One request to a backend and its whole response, as a value: what doctor provokes, records and replays."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urljoin, urlsplit

Headers = tuple[tuple[str, str], ...]


class EndingKind(StrEnum):
    """How an exchange ended. Only `CLEAN` is a complete HTTP message."""

    CLEAN = "clean"
    REFUSED = "refused"  # nothing listens there
    DNS = "dns"  # the name has no address
    UNREACHABLE = "unreachable"  # no route to the host, network down
    CONNECT_TIMEOUT = "connect-timeout"
    TLS = "tls"  # the TLS handshake failed
    PROXY = "proxy"  # a proxy in between refused or broke the way
    RESET = "reset"  # the connection was reset, or closed before a status line came
    PROTOCOL = "protocol"  # what answered is not HTTP, or breaks its rules
    CUT = "cut"  # the body ended before the length or the last chunk that its headers promised
    TIMEOUT_FIRST = "timeout-first"  # no byte of an answer within the limit
    TIMEOUT_SILENCE = "timeout-silence"  # the body stopped coming
    TIMEOUT_TOTAL = "timeout-total"  # it went on for longer than allowed
    OVERFLOW = "overflow"  # the body grew over the limit and was given up
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Ending:
    """How and when (seconds since the request) an exchange ended; `detail` is the system's own word for it."""

    kind: EndingKind
    at: float = 0.0
    detail: str = ""

    @property
    def clean(self) -> bool:
        """Whether the HTTP message came whole."""
        return self.kind is EndingKind.CLEAN


class Dialect(StrEnum):
    """Whose API a request speaks; the answer is due in the same one."""

    OPENAI = "openai"  # /chat/completions
    OLLAMA = "ollama"  # /api/chat
    ANTHROPIC = "anthropic"  # /messages


@dataclass(frozen=True, slots=True)
class Asked:
    """The shape of a request, without its text and without secrets.

    `tools` are the names of the native tools sent, `xml_tools` those described in the prompt; `wants_tool` says that
    a capable model must answer with a call. `prompt_chars` counts the messages' text plus the tools' JSON.
    `parameters` names the body's fields besides model, messages, stream and tools. `words` are code words that stand
    at the prompt's head, middle and tail and that the answer should repeat.
    """

    probe: str
    url: str
    method: str = "POST"
    stream: bool = False
    model: str | None = None
    body_bytes: int = 0
    prompt_chars: int = 0
    tools: tuple[str, ...] = ()
    xml_tools: tuple[str, ...] = ()
    wants_tool: bool = False
    key_sent: bool = False
    together: bool = False  # sent beside other requests, behind which it may have queued
    parameters: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    dialect: Dialect = Dialect.OPENAI


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of the body as they arrived together, `at` seconds after the request went out."""

    at: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked, what came back and how it ended.

    The chunks hold the body after its content encoding (named in `encoding`) was undone: spans count these bytes.
    """

    id: str
    asked: Asked
    status: int | None
    headers: Headers
    headers_at: float | None
    chunks: tuple[Chunk, ...]
    ending: Ending
    encoding: str = ""

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(chunk.data for chunk in self.chunks)


def header(headers: Headers, name: str) -> str:
    """The first header of this name (any case), or an empty text."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), "")


def redirect_target(url: str, headers: Headers) -> str:
    """Where a redirect from this URL leads; empty where it says nothing, or nothing that is a URL."""
    location = header(headers, "location")
    try:
        there = urljoin(url, location)
        return there if location and urlsplit(there).hostname else ""
    except ValueError:
        return ""


SHORTEST = 7  # characters of a text that counts as a secret


def mask(exchange: Exchange, secrets: Iterable[str]) -> Exchange:
    """The same exchange without these secrets: each is overwritten by as many `*`, so that spans stay true.

    A server may send a key back in an error text; from here on nobody can print or save it. Works across the chunks'
    borders, and for what JSON escapes; the longest goes first, for it may hold a shorter one. Texts shorter than
    `SHORTEST` are placeholders such as `ollama`, and would also hit what is no secret.
    """
    hidden = sorted(
        {form for secret in secrets if len(secret) >= SHORTEST for form in spelled(secret)}, key=len, reverse=True
    )
    body = exchange.body
    masked = body
    for secret in hidden:
        needle = secret.encode()
        masked = masked.replace(needle, b"*" * len(needle))
    headers = tuple((_masked(key, hidden), _masked(value, hidden)) for key, value in exchange.headers)
    ending = replace(exchange.ending, detail=_masked(exchange.ending.detail, hidden))
    encoding = _masked(exchange.encoding, hidden)
    asked = replace(exchange.asked, model=exchange.asked.model and _masked(exchange.asked.model, hidden))
    told = (asked, headers, ending, encoding)
    if masked == body and told == (exchange.asked, exchange.headers, exchange.ending, exchange.encoding):
        return exchange
    chunks: list[Chunk] = []
    offset = 0
    for chunk in exchange.chunks:
        chunks.append(Chunk(chunk.at, masked[offset : offset + len(chunk.data)]))
        offset += len(chunk.data)
    return replace(exchange, asked=asked, headers=headers, chunks=tuple(chunks), ending=ending, encoding=encoding)


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets, however JSON may spell them."""
    for form in {form for secret in secrets if len(secret) >= SHORTEST for form in spelled(secret)}:
        text = text.replace(form, "*" * len(form))
    return text


def spelled(secret: str) -> tuple[str, ...]:
    """The secret as it is, and within JSON: as most libraries escape it, in ASCII, and as PHP does (slashes, too)."""
    plain, in_ascii = json.dumps(secret, ensure_ascii=False)[1:-1], json.dumps(secret)[1:-1]
    every = "".join(f"\\u{ord(character):04x}" for character in secret if ord(character) < 0x10000)
    return secret, plain, in_ascii, in_ascii.replace("/", "\\/"), every


def _masked(text: str, hidden: Iterable[str]) -> str:
    for secret in hidden:
        text = text.replace(secret, "*" * len(secret))
    return text
