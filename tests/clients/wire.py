"""What comes over the wire, in a few words: builders of streams and bodies, and the row of a table of conditions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lumeai_cli.clients.outcome import OutcomeKind
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.wire.exchange import Ending, EndingKind

LETTERS = {
    "O": OutcomeKind.OK,
    "N": OutcomeKind.NUDGE,
    "E": OutcomeKind.EMPTY,
    "X": OutcomeKind.ERROR,
    "R": OutcomeKind.RETRY,
    "S": OutcomeKind.SILENT,
    "L": OutcomeKind.LOOP,
    "H": OutcomeKind.HANG,
    "?": OutcomeKind.NOT_JUDGED,
}
"""How a table writes an outcome; a hyphen says nothing about a client."""

SSE, JSON, HTML = "text/event-stream", "application/json", "text/html"
CLEAN = Ending(EndingKind.CLEAN, 0.5)
CUT = Ending(EndingKind.CUT, 0.5, "incomplete chunked read")
RESET = Ending(EndingKind.RESET, 0.1, "connection reset by peer")

GOOD = "I looked.\n<attempt_completion>\n<result>maple</result>\n</attempt_completion>"
"""A text that every client uses: prose for most, a tool call for the XML one."""


def line(value: object) -> bytes:
    """One event."""
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


def chunk(delta: Any = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def sse(*values: object, done: bool = True) -> bytes:
    """A stream of these chunks, with `[DONE]`."""
    return b"".join(map(line, values)) + (line(b"[DONE]") if done else b"")


def said(text: str, *, finish: str | None = "stop", done: bool = True) -> bytes:
    """A sound stream with this text."""
    last = [chunk({}, finish)] if finish else []
    return sse(chunk({"role": "assistant", "content": ""}), chunk({"content": text}), *last, done=done)


def ended(delta: Mapping[str, object], finish: str = "stop") -> bytes:
    """A stream of a role, one delta and a finish reason."""
    return sse(chunk({"role": "assistant"}), chunk(delta), chunk({}, finish))


def call(**changes: Any) -> dict[str, Any]:
    """A whole tool call in one delta; a field set to None goes."""
    whole: dict[str, Any] = {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "read", "arguments": '{"filePath": "notes/plan.txt"}'},
        **changes,
    }
    return {"tool_calls": [{key: value for key, value in whole.items() if value is not None}]}


def function(**fields: Any) -> dict[str, Any]:
    """The function of a call, with these fields alone."""
    return call(function=fields)


def completion(message: Mapping[str, object], **more: object) -> bytes:
    """A whole JSON completion."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return json.dumps({"id": "c1", "object": "chat.completion", "choices": [choice], **more}).encode()


def openai_error(message: str, kind: str = "invalid_request_error", code: object = None) -> dict[str, Any]:
    """An error as OpenAI words it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


@dataclass(frozen=True, slots=True)
class Row:
    """One wire condition: its number in the table of facts, what came, and one letter for each client.

    The letters stand in the registry's order, in three groups of four: kilo-xml, kilo-native, kilo7, roo; cline,
    cline-xml, opencode, qwen-code; continue, aider, openai-sdk, langchain.
    """

    number: str
    name: str
    letters: str
    body: bytes = b""
    status: int | None = 200
    content_type: str = SSE
    ending: Ending = CLEAN
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        """What pytest prints."""
        return f"{self.number} {self.name}"

    @property
    def expected(self) -> Mapping[str, OutcomeKind]:
        """The outcome for each client of which something is known here."""
        letters = zip(PROFILES, self.letters.replace(" ", ""), strict=True)
        return {client: LETTERS[letter] for client, letter in letters if letter != "-"}
