"""Reads Ollama's own dialect: the objects of `/api/chat` and `/api/generate`, streamed as lines of JSON or one alone.

Fields: ollama/ollama fb307609, `api/types.go` and `server/routes.go` (source read; a real Ollama was not run).
`done_reason` is `stop` or `length` as in OpenAI's dialect and is told as it stands; `load` and `unload` have no
equivalent there. A call comes whole in one line, without an id in most versions, and its arguments are an object by
design: they are told as JSON text, and are nothing odd. Beside the text an object may hold `thinking`.
"""

from typing import Any

from lumeai_cli.wire.event import CallPart, Done, Event, Finish, Odd, OddKind, Reasoning, Started, Text, Usage, Via
from lumeai_cli.wire.value import count, failure, json_text, shown, text_of


def speaks(value: dict[str, Any]) -> bool:
    """Whether this object has Ollama's marks: `done`, beside `message`, `response`, or the model and its time."""
    if not isinstance(value.get("done"), bool) or isinstance(value.get("error"), dict):
        return False
    if isinstance(value.get("message"), dict) or isinstance(value.get("response"), str):
        return True
    return isinstance(value.get("model"), str) and isinstance(value.get("created_at"), str)


def tell(value: dict[str, Any], number: int, at: float, out: list[Event]) -> None:
    """Appends what this object says; a line may be nothing but `{"error": "..."}`."""
    if value.get("error") is not None:
        out.append(failure(value["error"], number, at))
    message = value.get("message")
    if isinstance(message, dict):
        if isinstance(message.get("role"), str):
            out.append(Started(number, at, message["role"], text_of(value.get("model"))))
        _said(message, message.get("content"), number, at, out)
        if message.get("tool_calls") is not None:
            _calls(message["tool_calls"], number, at, out)
    elif "response" in value:
        out.append(Started(number, at, "assistant", text_of(value.get("model"))))
        _said(value, value["response"], number, at, out)
    if value.get("done") is not True:
        return
    prompt, completion = count(value.get("prompt_eval_count")), count(value.get("eval_count"))
    if prompt >= 0 or completion >= 0:
        out.append(Usage(number, at, prompt, completion))
    if text_of(value.get("done_reason")):
        out.append(Finish(number, at, value["done_reason"], Via.OLLAMA))
    out.append(Done(number, at))


def _said(holder: dict[str, Any], content: Any, number: int, at: float, out: list[Event]) -> None:
    if text_of(holder.get("thinking")):
        out.append(Reasoning(number, at, holder["thinking"], "thinking"))
    if isinstance(content, str):
        if content:
            out.append(Text(number, at, content, Via.OLLAMA))
    elif content is not None:
        out.append(Odd(number, at, OddKind.BAD_CONTENT, shown(content)))


def _calls(calls: Any, number: int, at: float, out: list[Event]) -> None:
    if not isinstance(calls, list):
        out.append(Odd(number, at, OddKind.BAD_CALLS, shown(calls)))
        return
    for place, call in enumerate(calls):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            out.append(Odd(number, at, OddKind.BAD_CALLS, shown(call)))
            continue
        arguments = function.get("arguments")
        if arguments is None:
            arguments = {}
        out.append(
            CallPart(
                number,
                at,
                place,
                text_of(call.get("id")),
                text_of(function.get("name")),
                arguments if isinstance(arguments, str) else json_text(arguments),
                Via.OLLAMA,
            )
        )
