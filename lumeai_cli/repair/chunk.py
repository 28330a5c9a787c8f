"""Writes what clients read: chunks of a stream and completions, in the form that every known client takes.

The form is that of facts measured with the clients, 2026-11: `index` in every choice, an `id` that is never empty and a
`type` in a call's first delta, arguments as text, one line of JSON an event, a blank line behind it.
"""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from lumeai_cli.text.secret import masked
from lumeai_cli.wire.answer import ToolCall
from lumeai_cli.wire.event import Usage

Json = dict[str, Any]

DONE = b"data: [DONE]\n\n"

CHUNK = "chat.completion.chunk"
COMPLETION = "chat.completion"


def encoded(value: Mapping[str, Any] | str) -> bytes:
    """The value as compact JSON; lone surrogates, which no UTF-8 can hold, stay escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def event(value: Mapping[str, Any]) -> bytes:
    """One event of a stream."""
    return b"data: " + encoded(value) + b"\n\n"


def comment(text: str) -> bytes:
    """A comment of a stream: a sign of life that no client takes for anything else."""
    return b": " + text.replace("\r", " ").replace("\n", " ").encode() + b"\n\n"


def error_event(message: str, code: str) -> bytes:
    """An error in a stream that is under way, in the one form that every known client shows and none repeats."""
    return event({"error": {"message": masked(message), "type": "invalid_request_error", "code": code}})


def chunk(
    envelope: Mapping[str, Any],
    delta: Json,
    finish: str | None = None,
    rest: Mapping[str, Any] | None = None,
    index: int = 0,
) -> Json:
    """A chunk with this delta; `rest` are further fields of the choice."""
    return {**envelope, "choices": [{**(rest or {}), "index": index, "delta": delta, "finish_reason": finish}]}


def reasoning(text: str) -> Json:
    """The fields of a thought, under both names that clients read."""
    return {"reasoning_content": text, "reasoning": text}


def call_entry(call: ToolCall, index: int | None = None) -> Json:
    """A whole call, as a stream's delta holds it where it has an index, else as a message does."""
    numbered = {} if index is None else {"index": index}
    return {
        **numbered,
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def named(
    calls: Iterable[ToolCall], seed: str, earlier: int = 0, taken: set[str] | None = None
) -> tuple[ToolCall, ...]:
    """The calls, each with an id that is no other's; those that have a good one keep it. `taken` are the ids of the
    calls before them, and is added to.

    A made-up id depends on the request's seed, on the place and on the call, so that the same bytes give the same id,
    and two turns of a conversation never share one.
    """
    found: list[ToolCall] = []
    taken = set() if taken is None else taken
    for place, call in enumerate(calls, earlier):
        identity = call.id
        if not identity or identity in taken:
            told = f"{seed}\n{place}\n{call.name}\n{call.arguments}"
            identity = "call_" + sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        taken.add(identity)
        found.append(ToolCall(identity, call.name, call.arguments))
    return tuple(found)


def usage_of(usage: Usage) -> Json:
    """The token counts as clients read them; what was not told counts as nothing."""
    prompt, completion = max(usage.prompt, 0), max(usage.completion, 0)
    told: Json = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    if usage.reasoning >= 0:
        told["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return told


def envelope_of(value: Mapping[str, Any], kind: str, seed: str, asked: str = "") -> Json:
    """What stands around the choices: all fields of the backend's own object that are no part of the answer."""
    around = {key: item for key, item in value.items() if key not in _ANSWERS}
    identity = around.get("id")
    created = around.get("created")
    model = around.get("model")
    return {
        **around,
        "id": identity if isinstance(identity, str) and identity else f"chatcmpl-{seed or 'lumeai'}",
        "object": kind,
        "created": created if isinstance(created, int) and not isinstance(created, bool) else 0,
        "model": model if isinstance(model, str) and model else asked or "unknown",
    }


def further(choice: Mapping[str, Any]) -> tuple[Json, Json]:
    """The fields of a choice, and of its delta or message, that are no part of what is told anew."""
    said = choice.get("delta", choice.get("message"))
    return (
        {key: item for key, item in choice.items() if key not in _KNOWN_OF_CHOICE},
        {key: item for key, item in said.items() if key not in _KNOWN_OF_SAID} if isinstance(said, dict) else {},
    )


_KNOWN_OF_CHOICE = frozenset({"index", "delta", "message", "text", "finish_reason"})
_KNOWN_OF_SAID = frozenset(
    {"role", "content", "reasoning", "reasoning_content", "refusal", "tool_calls", "function_call"}
)
_ANSWERS = frozenset({"choices", "usage", "error"})
