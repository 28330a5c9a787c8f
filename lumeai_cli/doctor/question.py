"""What the doctor asks in its own words, beside the requests that it copies from agents."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lumeai_cli.clients import request as requests
from lumeai_cli.clients.request import ChatRequest, Json
from lumeai_cli.wire.exchange import Dialect

FIRST = requests.simple("Reply with exactly one word: maple")
OTHER = requests.simple("What is 17 + 25? Reply with the number only.")

SENT_ALONG: Json = {"parallel_tool_calls": True, "max_tokens": 8192, "temperature": 0}
"""Fields that agents add to a request with tools (Roo 3.52, Kilo 7.7.9, classic Kilo), with their usual values."""

FORCED: Json = {"tool_choice": "required"}

SIZE_LADDER = (90 * 1024, 101 * 1024, 1126 * 1024)
"""Body sizes around the usual limits: Express 100 KiB (102,400 bytes pass, 102,401 fail), nginx 1 MiB."""

SHORT_RECALL = 600
"""Characters of the control: what recalls nothing of so little recalls nothing of anything."""


@dataclass(frozen=True, slots=True)
class Question:
    """One chat request: under which probe it is filed, and how it differs from what the prompt itself says.

    `extra` and `without` are fields to add to the body and to leave out, `words` the code words in the prompt, `url`
    another endpoint than the usual one, `padded_to` the size of the body in bytes.
    """

    probe: str
    prompt: ChatRequest
    stream: bool
    extra: Mapping[str, Any] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    url: str = ""
    dialect: Dialect = Dialect.OPENAI
    padded_to: int = 0

    def body(self, model: str) -> Json:
        """The request's body as JSON values."""
        fields = {**self.prompt.body(model, stream=self.stream), **self.extra}
        return {name: value for name, value in fields.items() if name not in self.without}


def recall(words: Sequence[str], size: int) -> ChatRequest:
    """A prompt of about `size` characters with code words at its head, its middle and its tail, to be repeated."""
    head, middle, tail = (
        f"Code word {number}: {word}\n" for number, word in zip(("one", "two", "three"), words, strict=True)
    )
    filling = requests.workspace(max(0, size - 400))
    half = filling.find("\n", len(filling) // 2) + 1
    system = f"{head}{filling[:half]}\n{middle}{filling[half:]}\n{tail}"
    asked = (
        "Reply with the three code words of this conversation, in order, separated by spaces. If you do not see one "
        "of them, write none in its place."
    )
    return ChatRequest(({"role": "system", "content": system}, {"role": "user", "content": asked}))


REPEATED = (
    "Please reply with OK. Here is what I have found out so far about the delivery service: the queue is read every "
    "ten seconds, a failed job is put back with a delay, and the third failure sends it to the list of the dead. The "
    "list is never read again, and nobody is told. I think that the third failure ought to raise an alarm."
)


def repeated_turns() -> tuple[ChatRequest, ChatRequest]:
    """Two conversations that differ in one character: the last message repeats the first one, or nearly does."""
    return _turns(REPEATED, "OK", REPEATED), _turns(REPEATED, "OK", f"{REPEATED}.")


SHORT_HISTORY, LONG_HISTORY = 21, 81


def histories() -> tuple[ChatRequest, ChatRequest]:
    """A short and a long conversation of short messages, no two alike; the last one is the user's."""
    short, long = (
        _turns(*(f"Step {step}: part {step * 37 % 101} is done, reply with OK." for step in range(count)))
        for count in (SHORT_HISTORY, LONG_HISTORY)
    )
    return short, long


LONG_DESCRIPTION = 1_500


def described_tools() -> tuple[ChatRequest, ChatRequest]:
    """One tool whose parameter is described in a few words, and in many."""
    short, long = (
        ChatRequest(
            ({"role": "user", "content": "Reply with OK."},),
            (
                {
                    "type": "function",
                    "function": {
                        "name": "lookup",
                        "description": "Look up a part.",
                        "parameters": {
                            "type": "object",
                            "properties": {"part": {"type": "string", "description": text}},
                            "required": ["part"],
                        },
                    },
                },
            ),
        )
        for text in ("The part's number.", _long_description())
    )
    return short, long


def _long_description() -> str:
    sentences = (f"Parts of series {number} are numbered from {number * 100} on." for number in range(1, 100))
    return " ".join(sentences)[:LONG_DESCRIPTION]


def _turns(*texts: str) -> ChatRequest:
    """A conversation in which the user has the first word."""
    return ChatRequest(
        tuple({"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(texts))
    )


def without_tools() -> ChatRequest:
    """The short prompt for a native tool, and no tool."""
    return replace(requests.small_native(), tools=())


def with_result(prompt: ChatRequest, identity: str, name: str, arguments: str) -> ChatRequest:
    """The second turn of a conversation: the call, and what the tool has found."""
    called = {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}
    return replace(
        prompt,
        messages=(
            *prompt.messages,
            {"role": "assistant", "content": None, "tool_calls": [called]},
            {"role": "tool", "tool_call_id": identity, "content": "1: Mend the gate before the winter."},
        ),
    )


def made_up_result(prompt: ChatRequest) -> ChatRequest:
    """The second turn after a call that we make up, as the task demands it: it does not wait for the model's own."""
    function = prompt.tools[0]["function"]
    arguments = dict.fromkeys(function["parameters"]["required"], requests.FILE)
    return with_result(prompt, _IDENTITY, function["name"], json.dumps(arguments))


_IDENTITY = "a1B2c3D4e"
"""An id that the strictest server takes: Mistral's demands nine letters and digits."""
