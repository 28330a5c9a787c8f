"""A client's chat request as a value: what is known of it without asking anybody."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from lumeai_cli.flow.refusal import Refusal, not_json, wrong_type
from lumeai_cli.repair.chunk import encoded
from lumeai_cli.repair.prompt import described_tools
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.body import BrokenJsonError, loads

_XML_RESULT = re.compile(r"\[\w{2,40}(?: for [^\]\n]{0,400})?\] Result:")
"""How a classic client begins the message that holds a tool's result (Kilo 4.124, Cline 3.57, source read)."""

_SURROUNDINGS = re.compile(rb"<environment_details>.*?</environment_details>", re.DOTALL)
"""What a classic client tells anew with every request, the time among it, be it the very same request."""


@dataclass(frozen=True, slots=True)
class Chat:
    """`body` are the client's own bytes, `value` what they say. `after_tool`: the last message is a tool's result, so
    that an empty answer may be right. `digest` is the same for the same bytes of the same client, whatever time it is
    by its surroundings.
    """

    body: bytes = field(repr=False)
    value: Mapping[str, Any] = field(repr=False, hash=False)
    model: str
    wanted: Wanted
    after_tool: bool
    digest: bytes = field(repr=False)

    @property
    def conversation(self) -> bytes:
        """The same for all requests of one conversation: of its beginning, up to what the user asked first."""
        messages = self.value["messages"]
        first = next((place for place, message in enumerate(messages) if message.get("role") == "user"), len(messages))
        try:
            beginning = json.dumps([self.model, messages[: first + 1]]).encode()
        except RecursionError:  # it could be read, and is too deep to be written
            return self.digest
        return sha256(_SURROUNDINGS.sub(b"", beginning)).digest()

    @property
    def max_tokens(self) -> tuple[str, int | None]:
        """The name of the field that bounds the answer, and its value."""
        for name in ("max_completion_tokens", "max_tokens"):
            bound = self.value.get(name)
            if isinstance(bound, int) and not isinstance(bound, bool):
                return name, bound
        return "max_tokens", None


def read_chat(body: bytes, *, seed: str, key: str = "") -> Chat | Refusal:
    """The request that these bytes are, or why they are none; `key` tells one client's repeats from another's."""
    try:
        value = loads(body)
    except BrokenJsonError as error:
        return not_json(str(error)[:120])
    if not isinstance(value, dict):
        return wrong_type("body", "object", _kind(value))
    for name, kind in _KINDS.items():
        if value.get(name) is not None and not isinstance(value[name], kind):
            return wrong_type(name, _WORDS[kind], _kind(value[name]))
    messages = value.get("messages")
    if not isinstance(messages, list):
        return wrong_type("messages", "array", _kind(messages))
    for place, message in enumerate(messages):
        if not isinstance(message, dict):
            return wrong_type(f"messages[{place}]", "object", _kind(message))
    tools = _tools(value)
    options = value.get("stream_options")
    wanted = Wanted(
        stream=value.get("stream") is True,
        tools=tools,
        xml_tools=() if tools else described_tools(messages),
        usage=isinstance(options, dict) and options.get("include_usage") is True,
        seed=seed,
        model=value.get("model") or "",
    )
    lasting = _SURROUNDINGS.sub(b"", body) if b"<environment_details>" in body else body
    digest = sha256(key.encode() + b"\n" + lasting).digest()
    return Chat(body, MappingProxyType(value), value.get("model") or "", wanted, _after_tool(messages), digest)


_KINDS: Mapping[str, type] = {"model": str, "stream": bool, "tools": list, "stream_options": dict}
_WORDS: Mapping[type, str] = {str: "string", bool: "boolean", list: "array", dict: "object"}


def _kind(value: object) -> str:
    """The JSON name of a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return _WORDS[type(value)]


def _tools(value: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The native tools with the schemas of their parameters; the old `functions` count, too."""
    found: dict[str, Mapping[str, Any]] = {}
    functions = value.get("functions")
    entries = [{"function": function} for function in functions] if isinstance(functions, list) else []
    for tool in (*(value.get("tools") or ()), *entries):
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            parameters = function.get("parameters")
            found[function["name"]] = parameters if isinstance(parameters, dict) else {}
    return MappingProxyType(found)


def _after_tool(messages: list[Mapping[str, Any]]) -> bool:
    last = messages[-1] if messages else {}
    if last.get("role") in ("tool", "function"):
        return True
    if last.get("role") != "user":
        return False
    content = last.get("content")
    parts = content if isinstance(content, list) else [{"text": content}]
    first = next((part.get("text") for part in parts if isinstance(part, dict)), "")
    return isinstance(first, str) and _XML_RESULT.match(first) is not None


_MODEL = re.compile(rb'"model"\s*:\s*("(?:[^"\\]|\\.)*+")')


def with_changes(chat: Chat, changes: Mapping[str, Any], dropped: frozenset[str] = frozenset()) -> bytes:
    """The client's body with these fields set and those left out.

    A body is not written anew for another model alone: the name is put in its place among the client's own bytes, if
    it stands there once and as it was understood.
    """
    changes = {name: item for name, item in changes.items() if name not in chat.value or chat.value[name] != item}
    dropped = frozenset(name for name in dropped if name in chat.value)
    # Spelled with an escape it might stand there twice; nobody writes it so, and then nothing is put anywhere.
    once = chat.body.count(b'"model"') == 1 and "model" in chat.value and b"\\u006" not in chat.body
    place = _MODEL.search(chat.body) if once else None
    known = place is not None and loads(place[1]) == chat.model
    if not changes and not dropped and known:
        return chat.body
    if place is not None and known and not dropped and changes.keys() == {"model"}:
        return chat.body[: place.start(1)] + encoded(changes["model"]) + chat.body[place.end(1) :]
    value = {name: item for name, item in chat.value.items() if name not in dropped} | changes
    return encoded(value)
