"""A capable model behind a raw server: what it makes of a request, in the bytes of a healthy server.

A test spoils one part of it; all else is right, so that no client has another reason to complain.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from lumeai_cli.clients.request import FILE
from tests.doctor.raw import DONE, Act, Request, delta, event_stream, http, models

Json = dict[str, Any]
Answer = Callable[[Request], Iterable[bytes | Act]]

_WORD = re.compile(r"Code word \w+: (\w+)")


def texts(fields: Json) -> list[str]:
    """The texts of the messages, in order."""
    told = []
    for message in fields["messages"]:
        content = message["content"]
        told.append("".join(part["text"] for part in content) if isinstance(content, list) else content or "")
    return told


def prompt_tokens(fields: Json) -> int:
    """Tokens of the prompt with its tools and its template; a quarter of the characters is close to the truth."""
    tools = json.dumps(fields["tools"], ensure_ascii=False) if fields.get("tools") else ""
    return (sum(map(len, texts(fields))) + len(tools)) // 4 + 8


def spoken(fields: Json) -> Json:
    """The message that a capable model answers with: the tool that is needed, the words asked for, or a remark."""
    first, last = texts(fields)[0], texts(fields)[-1]
    if fields["messages"][-1]["role"] == "tool":
        return said("The first line is: Mend the gate before the winter.")
    if FILE in last and fields.get("tools"):
        tool = next(tool["function"] for tool in fields["tools"] if tool["function"]["name"] == "read")
        arguments = dict.fromkeys(tool["parameters"]["required"], FILE)
        function = {"name": "read", "arguments": json.dumps(arguments)}
        return {**said(None), "tool_calls": [{"id": "call_Ab1", "type": "function", "function": function}]}
    if FILE in last and "<read_file>" in first:
        return said(f"I read the file first.\n\n<read_file>\n<path>{FILE}</path>\n</read_file>")
    if "three code words" in last:
        return said(" ".join((*_WORD.findall(first), "none", "none", "none")[:3]))
    return said("42" if "17 + 25" in last else "OK" if "OK" in last else "maple")


def said(text: str | None) -> Json:
    """A message of the assistant."""
    return {"role": "assistant", "content": text}


def told(request: Request, message: Json, *, prompt: int | None = None) -> bytes:
    """A message in the form that was asked for; with a count of the prompt's tokens, if there is to be one."""
    usage = None if prompt is None else {"prompt_tokens": prompt, "completion_tokens": 9, "total_tokens": prompt + 9}
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    if not request.stream:
        choice = {"index": 0, "message": message, "finish_reason": finish}
        value = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        return http(json.dumps(value if usage is None else {**value, "usage": usage}))
    calls = [{"index": place, **call} for place, call in enumerate(message.get("tool_calls", ()))]
    body = delta(**{**message, "tool_calls": calls} if calls else message) + delta(finish)
    if usage is not None:
        last = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": usage}
        body += b"data: " + json.dumps(last).encode() + b"\n\n"
    return event_stream() + body + DONE


def counted(request: Request) -> bytes:
    """The capable model's answer by a server that counts tokens."""
    return told(request, spoken(request.json), prompt=prompt_tokens(request.json))


def uncounted(request: Request) -> bytes:
    """The same by a server that does not."""
    return told(request, spoken(request.json))


def without_tools(fields: Json) -> Json:
    """The request without its tools."""
    return {name: value for name, value in fields.items() if name not in ("tools", "tool_choice")}


ROOM = 16_000
"""Characters that the forgetful server keeps of a system prompt."""


def kept(fields: Json) -> Json:
    """What is left of a large prompt: its tail, and no tools."""
    if sum(map(len, texts(fields))) < ROOM:
        return fields
    system, *others = fields["messages"]
    return without_tools({**fields, "messages": [{**system, "content": system["content"][-ROOM:]}, *others]})


def forgetful(request: Request) -> bytes:
    """The model sees the tail of a large prompt, and nobody counts."""
    return told(request, spoken(kept(request.json)))


def refusal(message: str, status: str = "400 Bad Request") -> bytes:
    """An error as OpenAI words it."""
    return http(json.dumps({"error": {"message": message, "type": "invalid_request_error"}}), status)


def refusing(*parameters: str, answer: Callable[[Request], bytes] = counted) -> Callable[[Request], bytes]:
    """The answers of a server that turns down whatever carries one of these fields."""

    def respond(request: Request) -> bytes:
        for parameter in parameters:
            if parameter in request.json:
                return refusal(f"Unrecognized request argument supplied: {parameter}")
        return answer(request)

    return respond


def serving(answer: Callable[[Request], bytes], pages: dict[str, bytes] | None = None) -> Answer:
    """A server with this answer to every chat, and these pages; without them it has a list of one model."""
    known = {"/v1/models": models("m"), **(pages or {})}
    missing = http('{"error": "no such route"}', "404 Not Found")

    def respond(request: Request) -> Iterable[bytes]:
        if request.path == "/v1/chat/completions":
            yield answer(request)
        else:
            yield known.get(request.path, missing)

    return respond
