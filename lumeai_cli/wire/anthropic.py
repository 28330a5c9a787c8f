"""Reads Anthropic's own dialect: the events of a streamed message, and the whole message of `/v1/messages`.

Fields: Anthropic's API reference; the same from llama.cpp b11549 (`/v1/messages` run, 2026-11). The object's `type`
counts, not the name of the SSE event around it.

Stop reasons are told in OpenAI's words where there is one: `end_turn` and `stop_sequence` as `stop`, `max_tokens` and
`model_context_window_exceeded` as `length`, `tool_use` as `tool_calls`, `refusal` as `content_filter`; others
(`pause_turn`) as they stand. A prompt's tokens are those read from and written to the cache, too. What a server tool
did, citations and signatures are no part of the answer and are passed over.
"""

from typing import Any

from lumeai_cli.wire.event import CallPart, Done, Event, Finish, KeepAlive, Reasoning, Started, Text, Usage, Via
from lumeai_cli.wire.value import count, failure, json_text, text_of

REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}

_HOLDS = {
    "message_start": "message",
    "content_block_start": "content_block",
    "content_block_delta": "delta",
    "message_delta": "delta",
    "error": "error",
}
"""The types of object and the field in which each holds another object."""

_PROMPT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def speaks(value: dict[str, Any]) -> bool:
    """Whether this object has Anthropic's marks. Responses events, too, have a `type`, but none of these."""
    kind = value.get("type")
    if not isinstance(kind, str):
        return False
    if kind in _HOLDS:
        return isinstance(value.get(_HOLDS[kind]), dict)
    if kind == "message":
        return isinstance(value.get("content"), list) and "stop_reason" in value
    if kind == "content_block_stop":
        return isinstance(value.get("index"), int)
    return kind == "message_stop" or (kind == "ping" and len(value) == 1)


def tell(value: dict[str, Any], number: int, at: float, out: list[Event]) -> None:
    """Appends what this object says; it has been asked whether it `speaks` the dialect."""
    kind = value["type"]
    index = value.get("index")
    slot = index if isinstance(index, int) else 0
    if kind == "content_block_delta":
        _delta(value["delta"], slot, number, at, out)
    elif kind == "content_block_start":
        _block(value["content_block"], slot, number, at, out)
    elif kind in ("message", "message_start"):
        _message(value if kind == "message" else value["message"], number, at, out)
    elif kind == "message_delta":
        _usage(value.get("usage"), number, at, out)
        _finish(value["delta"].get("stop_reason"), number, at, out)
    elif kind == "message_stop":
        out.append(Done(number, at))
    elif kind == "error":
        out.append(failure(value["error"], number, at))
    elif kind == "ping":
        out.append(KeepAlive(number, at))


def _message(message: dict[str, Any], number: int, at: float, out: list[Event]) -> None:
    if isinstance(message.get("role"), str):
        out.append(Started(number, at, message["role"], text_of(message.get("model"))))
    blocks = message.get("content")
    for place, block in enumerate(blocks if isinstance(blocks, list) else ()):
        if isinstance(block, dict):
            _block(block, place, number, at, out)
    _usage(message.get("usage"), number, at, out)
    _finish(message.get("stop_reason"), number, at, out)


def _block(block: dict[str, Any], slot: int, number: int, at: float, out: list[Event]) -> None:
    """A block of content, or the beginning of one: a stream begins a call with an empty `input`."""
    kind = block.get("type")
    if kind == "text":
        _text(block.get("text"), number, at, out)
    elif kind == "thinking":
        _thinking(block.get("thinking"), number, at, out)
    elif kind == "tool_use":
        given = block.get("input")
        arguments = given if isinstance(given, str) else json_text(given) if given else ""
        identity, name = text_of(block.get("id")), text_of(block.get("name"))
        out.append(CallPart(number, at, slot, identity, name, arguments, Via.ANTHROPIC))


def _delta(delta: dict[str, Any], slot: int, number: int, at: float, out: list[Event]) -> None:
    kind = delta.get("type")
    if kind == "text_delta":
        _text(delta.get("text"), number, at, out)
    elif kind == "thinking_delta":
        _thinking(delta.get("thinking"), number, at, out)
    elif kind == "input_json_delta" and text_of(delta.get("partial_json")):
        out.append(CallPart(number, at, slot, "", "", delta["partial_json"], Via.ANTHROPIC))


def _text(text: Any, number: int, at: float, out: list[Event]) -> None:
    if text_of(text):
        out.append(Text(number, at, text, Via.ANTHROPIC))


def _thinking(text: Any, number: int, at: float, out: list[Event]) -> None:
    if text_of(text):
        out.append(Reasoning(number, at, text, "thinking"))


def _finish(reason: Any, number: int, at: float, out: list[Event]) -> None:
    if text_of(reason):
        out.append(Finish(number, at, REASONS.get(reason, reason), Via.ANTHROPIC))


def _usage(usage: Any, number: int, at: float, out: list[Event]) -> None:
    if not isinstance(usage, dict):
        return
    parts = [part for part in (count(usage.get(name)) for name in _PROMPT) if part >= 0]
    out.append(Usage(number, at, sum(parts) if parts else -1, count(usage.get("output_tokens"))))
