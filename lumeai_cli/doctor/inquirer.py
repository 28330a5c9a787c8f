"""Puts one question to one target: builds the request, sends it within time and budget, and files what came."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from lumeai_cli.backends.address import CHAT
from lumeai_cli.backends.backend import credentials
from lumeai_cli.backends.models import FALLBACK
from lumeai_cli.doctor.ledger import Ledger
from lumeai_cli.doctor.options import Options
from lumeai_cli.doctor.probe import PROBES
from lumeai_cli.doctor.question import Question
from lumeai_cli.doctor.result import ProbeStatus
from lumeai_cli.doctor.target import Target
from lumeai_cli.text.phrase import Phrase, phrase
from lumeai_cli.transport.call import Engine, HttpRequest, Limits, perform
from lumeai_cli.wire.exchange import Asked, Chunk, EndingKind, Exchange, Headers, mask
from lumeai_cli.wire.frame import FrameKind
from lumeai_cli.wire.reading import Reading, read

MOST_FRAMES = 60_000
KEPT = 64 * 1024  # bytes kept of an answer that had no end
SILENCE = 120.0
"""Seconds of nothing after which the server, and not our own haste, is to blame; agents call it hanging."""

SMALL_BODY, LARGE_BODY = 4 * 1024 * 1024, 8 * 1024 * 1024
"""Bytes of an answer to a short and to an agent's question: a model that thinks aloud takes a tenth of it."""

ENDLESS = 1024 * 1024
"""Bytes after which an answer that is still going on when the time is up counts as one without an end."""

METADATA = 15.0
"""Seconds for what costs a server nothing, and what nobody asks but us."""

_ALWAYS = ("model", "messages", "stream", "tools")
"""Fields that are no parameters."""

ANNOUNCED_FROM = 5_000  # estimated tokens of a probe that is announced before it is sent

Progress = Callable[[Phrase], None]


class Inquirer:
    """Asks; every exchange lands in the ledger. `base` and `model` are what the next question uses."""

    def __init__(self, target: Target, options: Options, engine: Engine, ledger: Ledger, progress: Progress) -> None:
        self.base = target.address.base
        self.chat_url = ""  # set where the chat endpoint does not stand where a client would look for it
        self.model: str | None = options.model or target.model
        self._target = target
        self._options = options
        self._engine = engine
        self._ledger = ledger
        self._progress = progress
        self._deadline = time.monotonic() + options.timeout
        self._spent = 0

    def may(self, probe: str, chars: int = 0) -> bool:
        """Whether this probe may be sent now; if not, the reason is noted."""
        options = self._options
        if probe not in options.probes:
            self._ledger.skip([probe], phrase("skip-not-chosen"))
            return False
        if self._left() < 1.0:
            self._ledger.note(probe, ProbeStatus.NOT_JUDGED, phrase("skip-time", seconds=f"{options.timeout:g}"))
            return False
        budget = options.budget_for(loopback=self._target.address.loopback)
        tokens = chars // 4
        if budget is not None and PROBES[probe].tokens and (budget == 0 or self._spent + tokens > budget):
            self._ledger.note(probe, ProbeStatus.NOT_JUDGED, phrase("skip-budget", tokens=tokens, budget=budget))
            return False
        self._ledger.open(probe)
        return True

    async def ask(self, question: Question, *, together: bool = False) -> Reading | None:
        """One chat completion; None if it may not be asked. `together` says that other requests are under way."""
        prompt = question.prompt
        if not self.may(question.probe, prompt.prompt_chars):
            return None
        fields = question.body(self.model or FALLBACK)
        body = json.dumps(fields, ensure_ascii=False).encode()
        # White space in JSON weighs bytes and no tokens.
        body = b"{" + b" " * max(0, question.padded_to - len(body)) + body[1:]
        asked = Asked(
            question.probe,
            question.url or self.chat_url or self.base + CHAT,
            stream=question.stream,
            model=fields["model"],
            body_bytes=len(body),
            prompt_chars=prompt.prompt_chars,
            tools=prompt.tool_names,
            xml_tools=prompt.xml_tools,
            wants_tool=prompt.wants_tool,
            key_sent=self._target.key is not None,
            together=together,
            parameters=tuple(name for name in fields if name not in _ALWAYS),
            words=question.words,
            dialect=question.dialect,
        )
        estimate = prompt.prompt_chars // 4
        if estimate >= ANNOUNCED_FROM:
            self._progress(phrase("progress-large", probe=asked.probe, chars=prompt.prompt_chars, tokens=estimate))
        else:
            self._progress(phrase("progress-probe", probe=asked.probe))
        self._spent += estimate  # others are asked meanwhile
        reading = await self._send(asked, body)
        self._spent += self._count(reading, estimate) - estimate
        return reading

    async def page(
        self, probe: str, url: str, sent: Mapping[str, str] | None = None, *, engine: Engine | None = None
    ) -> Reading:
        """What costs no token: a GET, or a POST of something; another engine than the usual one gets no key."""
        self._progress(phrase("progress-probe", probe=probe))
        method = "GET" if sent is None else "POST"
        asked = Asked(probe, url, method, key_sent=engine is None and self._target.key is not None)
        return await self._send(asked, b"" if sent is None else json.dumps(sent).encode(), engine=engine)

    def file(self, exchange: Exchange) -> Reading:
        """Files an exchange, whoever made it: its reading, and of the bytes themselves a copy without the key."""
        key = self._target.key
        masked = mask(exchange, (key.reveal(),) if key is not None else ())
        # The body is read as it came: a key may be a word that stands in good JSON, such as `lm-studio`.
        reading = read(replace(masked, chunks=exchange.chunks), frames=MOST_FRAMES)
        self._ledger.keep(masked, reading)
        return reading

    async def _send(self, asked: Asked, body: bytes, *, engine: Engine | None = None) -> Reading:
        left = self._left()
        cheap = not PROBES[asked.probe].tokens
        patience = min(METADATA if cheap else SILENCE, left)
        limits = Limits(
            first_byte=patience,
            silence=patience,
            total=patience if cheap else left,
            body=LARGE_BODY if PROBES[asked.probe].large else SMALL_BODY,
        )
        request = HttpRequest(asked.method, asked.url, self._headers(asked), body)
        exchange = await perform(engine or self._engine, request, limits, asked, self._ledger.number())
        if self._given_up(exchange):
            exchange = replace(exchange, ending=replace(exchange.ending, kind=EndingKind.CANCELLED))
            reason = phrase("skip-time", seconds=f"{self._options.timeout:g}")
            self._ledger.note(asked.probe, ProbeStatus.NOT_JUDGED, reason)
        if exchange.ending.kind in (EndingKind.OVERFLOW, EndingKind.TIMEOUT_TOTAL) and _size(exchange) > ENDLESS:
            exchange = replace(exchange, chunks=_beginning(exchange))
        return self.file(exchange)

    def _given_up(self, exchange: Exchange) -> bool:
        """Whether it was our own time that ended it: a server that was still speaking, or silent for a while only."""
        ending = exchange.ending
        if ending.kind in (EndingKind.TIMEOUT_FIRST, EndingKind.TIMEOUT_SILENCE):
            last = exchange.chunks[-1].at if exchange.chunks else 0.0
            return ending.at - last < SILENCE * 0.9
        if ending.kind is not EndingKind.TIMEOUT_TOTAL or _size(exchange) > ENDLESS:
            return False
        # Whole events and comments are life; single bytes that come to nothing are not.
        frames = read(exchange, frames=16).frames
        return any(frame.terminated and frame.kind in (FrameKind.EVENT, FrameKind.COMMENT) for frame in frames)

    def _headers(self, asked: Asked) -> Headers:
        headers = [("accept", "*/*"), ("accept-encoding", "identity"), ("user-agent", "lumeai-doctor")]
        if asked.method == "POST":
            headers.append(("content-type", "application/json"))
        return (*headers, *(credentials(self._target.key, self._target.kind) if asked.key_sent else ()))

    def _count(self, reading: Reading, estimate: int) -> int:
        """Books the tokens as the server counted them; the sum of them, where nobody counted as estimated."""
        if not reading.ok:
            return 0
        usage = reading.answer.usage
        prompt = usage.prompt if usage is not None and usage.prompt > 0 else 0
        completion = usage.completion if usage is not None and usage.completion > 0 else 0
        self._ledger.spend(reading.asked.probe, prompt=prompt, completion=completion)
        return (prompt or estimate) + (completion or len(reading.answer.text) // 4)

    def _left(self) -> float:
        return self._deadline - time.monotonic()


def _size(exchange: Exchange) -> int:
    return sum(len(chunk.data) for chunk in exchange.chunks)


def _beginning(exchange: Exchange) -> tuple[Chunk, ...]:
    """What is kept of a body that was given up for its size: enough to see what it is."""
    kept: list[Chunk] = []
    size = 0
    for chunk in exchange.chunks:
        kept.append(Chunk(chunk.at, chunk.data[: KEPT - size]))
        size += len(kept[-1].data)
        if size >= KEPT:
            break
    return tuple(kept)
