"""Small damage to a body: to its bytes, its lines, its frames, or the JSON in them.

A mutation is a value, and its places are fractions of a whole, so that one mutation fits every body and a failing list
of them shrinks to the one that matters.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

BYTES = (
    b"",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\r",
    b" ",
    b"\t",
    b"\x00",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b'"',
    b"\\",
    b"\\ud83d",
    b"{",
    b"}",
    b"[",
    b"]",
    b"[" * 3000,
    b",",
    b":",
    b"data:",
    b"data: ",
    b"event: error\n",
    b"id: 1\n",
    b"retry: 3000\n",
    b"<think>",
    b"</think>",
    b"<tool_call>",
    b"</tool_call>",
    b"<read_file>",
    b"</read_file>",
    b"<function=read>",
    b"[TOOL_CALLS]",
    b"<|channel|>commentary to=functions.read<|message|>",
    b"```json\n",
    b"<html>",
)
"""What is put between, or in the place of, other bytes."""

FRAMES = (
    b"data: [DONE]\n\n",
    b"data:[DONE]\n\n",
    b"data: \n\n",
    b"data\n\n",
    b": ping\n\n",
    b"event: message\n\n",
    b"event: error\ndata: {}\n\n",
    b'event: error\ndata: {"error": {"message": "no"}}\n\n',
    b'data: {"error": {"message": "Rate limit reached", "code": 429}}\n\n',
    b'data: {"error": "no"}\n\n',
    b'data: {"error": null}\n\n',
    b'data: {"error": []}\n\n',
    b'data: {"object": "error", "message": "no"}\n\n',
    b'{"error": {"message": "upstream"}}\n\n',
    b'data: {"choices": []}\n\n',
    b'data: {"choices": null}\n\n',
    b'data: {"choices": [null]}\n\n',
    b'data: {"choices": [{}]}\n\n',
    b'data: {"choices": [{"delta": null}]}\n\n',
    b'data: {"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}\n\n',
    b'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}\n\n',
    b"data: []\n\n",
    b"data: 1\n\n",
    b"data: null\n\n",
    b"data: NaN\n\n",
    b"data: {\n\n",
    b"data: {}\ndata: {}\n\n",
    b"<!DOCTYPE html><title>x</title>\n",
)
"""What is put between other frames."""


def _deep(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    7,
    1.5,
    1e308,
    float("nan"),
    float("inf"),
    10**40,
    10**400,
    "",
    " ",
    "x",
    "stop",
    "length",
    "tool_calls",
    "content_filter",
    "error",
    "assistant",
    "user",
    "\ud83d",
    "\u2028",
    "maple",
    "insufficient_quota",
    "maximum context length is 8192 tokens",
    "does not support tools",
    "<think>Hm.",
    "<read_file>\n<path>notes/plan.txt</path>\n</read_file>",
    '<tool_call>\n{"name": "read", "arguments": {}}\n</tool_call>',
    '{"name": "read", "arguments": {}}',
    "x" * 5000,
    [],
    [None],
    [1],
    [[]],
    ["x"],
    [{}],
    [{"type": "text", "text": "maple"}],
    [{"index": 0, "id": "c1", "function": {"name": "read", "arguments": "{}"}}],
    {},
    {"x": 1},
    {"name": "read", "arguments": {}},
    {"message": "no", "code": {"x": []}},
    {"prompt_tokens": -5, "completion_tokens": 1e300},
    _deep(60),
    _deep(700),
)
"""What is put in the place of a value."""

KEYS = (
    "arguments",
    "choices",
    "code",
    "completion_tokens_details",
    "content",
    "delta",
    "error",
    "finish_reason",
    "function",
    "function_call",
    "id",
    "index",
    "message",
    "model",
    "name",
    "object",
    "prompt_tokens",
    "reasoning",
    "reasoning_content",
    "refusal",
    "role",
    "text",
    "tool_calls",
    "type",
    "usage",
    "",
)
"""What a key is renamed to, or added under."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """`kind` names the damage; `start` and `end` are places from 0 to 1, `number` picks from a table."""

    kind: str
    start: float
    end: float
    number: int


def mutated(body: bytes, mutations: tuple[Mutation, ...]) -> bytes:
    """The body with this damage, in this order."""
    for mutation in mutations:
        body = KINDS[mutation.kind](body, mutation)
    return body


def _span(size: int, mutation: Mutation) -> tuple[int, int]:
    """A short span, at most a quarter of the whole."""
    start = min(int(mutation.start * size), max(0, size - 1))
    return start, start + min(size - start, 1 + int(mutation.end * size / 4))


def _delete_bytes(body: bytes, mutation: Mutation) -> bytes:
    start, end = _span(len(body), mutation)
    return body[:start] + body[end:]


def _repeat_bytes(body: bytes, mutation: Mutation) -> bytes:
    start, end = _span(len(body), mutation)
    return body[:end] + body[start:end] + body[end:]


def _insert_bytes(body: bytes, mutation: Mutation) -> bytes:
    start, _ = _span(len(body), mutation)
    return body[:start] + BYTES[mutation.number % len(BYTES)] + body[start:]


def _replace_bytes(body: bytes, mutation: Mutation) -> bytes:
    start, end = _span(len(body), mutation)
    return body[:start] + BYTES[mutation.number % len(BYTES)] + body[min(end, start + 4) :]


def _flip_byte(body: bytes, mutation: Mutation) -> bytes:
    start, _ = _span(len(body), mutation)
    flipped = bytes(byte ^ (1 << mutation.number % 8) for byte in body[start : start + 1])
    return body[:start] + flipped + body[start + 1 :]


def _cut_off(body: bytes, mutation: Mutation) -> bytes:
    return body[: int(mutation.start * len(body))]


def _cut_beginning(body: bytes, mutation: Mutation) -> bytes:
    return body[int(mutation.start * len(body)) :]


_ENDS = (b"\n", b"\r", b"\r\n", b"", b"\n\n", b"\n\r", b" \n")


def _line_ends(body: bytes, mutation: Mutation) -> bytes:
    """All line ends become others."""
    return _ENDS[mutation.number % len(_ENDS)].join(body.splitlines())


def _one_line_end(body: bytes, mutation: Mutation) -> bytes:
    lines = body.splitlines(keepends=True) or [b""]
    place = int(mutation.start * len(lines)) % len(lines)
    lines[place] = lines[place].rstrip(b"\r\n") + _ENDS[mutation.number % len(_ENDS)]
    return b"".join(lines)


def _of_parts(parts: list[bytes], mutation: Mutation, foreign: tuple[bytes, ...]) -> list[bytes]:
    """Lines or frames: one goes, comes twice, moves, or gets a foreign one before it."""
    if not parts:
        return [foreign[mutation.number % len(foreign)]]
    place, other = (min(int(where * len(parts)), len(parts) - 1) for where in (mutation.start, mutation.end))
    what = mutation.number % 4
    if what == 0:
        return parts[:place] + parts[place + 1 :]
    if what == 1:
        return parts[:place] + [parts[place]] * (2 + mutation.number % 3) + parts[place + 1 :]
    if what == 2:
        moved = parts[:place] + parts[place + 1 :]
        return [*moved[:other], parts[place], *moved[other:]]
    return [*parts[:place], foreign[mutation.number // 4 % len(foreign)], *parts[place:]]


def _lines(body: bytes, mutation: Mutation) -> bytes:
    return b"".join(_of_parts(body.splitlines(keepends=True), mutation, FRAMES))


def _frames(body: bytes, mutation: Mutation) -> bytes:
    parts = [part + b"\n\n" for part in body.split(b"\n\n") if part]
    return b"".join(_of_parts(parts, mutation, FRAMES))


def _json(body: bytes, mutation: Mutation) -> bytes:
    """One value, or one key, of one JSON text in the body; the body as it is if there is none."""
    lines = body.splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if b"{" in line]
    if not places:
        return body
    place = places[min(int(mutation.start * len(places)), len(places) - 1)]
    line = lines[place]
    before, brace, rest = line.partition(b"{")
    text = rest.rstrip(b"\r\n")
    try:
        value = json.loads(brace + text)
    except (ValueError, RecursionError):
        return body
    told = json.dumps(_changed(value, mutation), ensure_ascii=bool(mutation.number % 2))
    lines[place] = before + told.encode("utf-8", "replace") + rest[len(text) :]
    return b"".join(lines)


def _changed(value: Any, mutation: Mutation) -> Any:
    """The value with one change somewhere within."""
    doors = list(_doors(value))
    holder, key = doors[min(int(mutation.end * len(doors)), len(doors) - 1)]
    what, number = mutation.number % 8, mutation.number // 8
    if what < 3:
        holder[key] = VALUES[number % len(VALUES)]
    elif what == 3:
        del holder[key]
    elif what == 4 and isinstance(holder, dict):
        holder[KEYS[number % len(KEYS)]] = holder.pop(key)
    elif what == 5 and isinstance(holder, dict):
        holder[KEYS[number % len(KEYS)]] = VALUES[number // len(KEYS) % len(VALUES)]
    elif what == 6:
        holder[key] = [holder[key], holder[key]]
    else:
        holder[key] = {KEYS[number % len(KEYS)]: holder[key]}
    return value


def _doors(value: Any) -> Any:
    """Every place within a value where another may be put; at least one."""
    waiting = [value]
    found = False
    while waiting:
        holder = waiting.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            found = True
            yield holder, key
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])
    if not found:
        value["x"] = 1
        yield value, "x"


KINDS: Mapping[str, Callable[[bytes, Mutation], bytes]] = {
    "json": _json,
    "frames": _frames,
    "lines": _lines,
    "insert-bytes": _insert_bytes,
    "delete-bytes": _delete_bytes,
    "replace-bytes": _replace_bytes,
    "repeat-bytes": _repeat_bytes,
    "flip-byte": _flip_byte,
    "cut-off": _cut_off,
    "cut-beginning": _cut_beginning,
    "line-ends": _line_ends,
    "one-line-end": _one_line_end,
}
"""Every kind of damage by its name."""

_PLACE = st.integers(0, 999).map(lambda thousandth: thousandth / 1000)


def mutations(most: int = 5, kinds: tuple[str, ...] = tuple(KINDS)) -> st.SearchStrategy[tuple[Mutation, ...]]:
    """A few mutations of these kinds; those of the JSON twice as often."""
    kind = st.sampled_from(("json", *kinds) if "json" in kinds else kinds)
    return st.lists(st.builds(Mutation, kind, _PLACE, _PLACE, st.integers(0, 4095)), max_size=most).map(tuple)
