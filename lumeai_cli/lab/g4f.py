"""Imitations of G4F's server: it hides the provider's error, and rewrites what the model gets to see.

Shapes and rewriting as g4f 8.8.6 shows them from outside (measured 2026-11). Each specimen rewrites in one way only.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lumeai_cli.lab.api import Api
from lumeai_cli.lab.model import Reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Script, error, html_response, json_response, sse, stream
from lumeai_cli.lab.shapes import (
    Shape,
    chunk,
    completion_of,
    deltas,
    framed,
    numbered,
    usage,
    whole_calls,
)
from lumeai_cli.lab.specimen import Specimen, risky, sick
from lumeai_cli.lab.url import page

PROVIDER = "Custom"
CAUSE = error("This provider allows 10000 characters per message, got 71993", "invalid_request_error")
KEPT_MESSAGES = 40
KEPT_DESCRIPTION = 160
# Four of the tools that it takes away, for it believes them to be an editor's own.
REMOVED_TOOLS = frozenset({"create_directory", "create_and_run_task", "get_task_output", "hover_element"})

_REMOVED_KEYS = frozenset({"title", "default", "examples", "$schema"})
_SOFTER = (("MUST", "should"), ("NEVER", "Do not"), ("IMPORTANT:", ""))


def _hidden(request: LabRequest) -> dict[str, object]:
    return {"error": {"message": "Request execution failed"}, "model": request.model, "provider": PROVIDER}


def _raw(request: LabRequest) -> bool:
    return request.fields.get("raw") is True


def _fails(request: LabRequest, _said: Reply) -> Script:
    return stream([sse(CAUSE), sse(_hidden(request))]) if _raw(request) else json_response(500, _hidden(request))


def _fails_plainly(request: LabRequest, _said: Reply) -> Script:
    return json_response(200, CAUSE) if _raw(request) else json_response(500, _hidden(request))


def _stream(request: LabRequest, said: Reply) -> Script:
    """Role and empty fields stand in every delta; the usage comes unasked, with the finish reason."""
    empty: Shape = {"role": "assistant", "content": "", "reasoning": None, "tool_calls": None}
    told = [chunk(request, {**empty, **delta}) for delta in deltas(said)]
    last = {**chunk(request, empty, said.finish), "usage": usage(request, said.size)}
    return stream(framed({**one, "provider": PROVIDER} for one in (*told, last)))


def _plain(request: LabRequest, said: Reply) -> Script:
    calls = numbered(whole_calls(said)) or None
    message = {"role": "assistant", "content": said.text, "reasoning": None, "tool_calls": calls, "audio": None}
    return json_response(200, {**completion_of(request, message, said.finish, said.size), "provider": PROVIDER})


def _entry(name: str, *, provider: bool) -> dict[str, object]:
    flags = {"image": False, "vision": False, "provider": provider}
    return {"id": name, "object": "model", "created": 0, "owned_by": "", **flags}


def _models(_request: LabRequest) -> Script:
    models = [_entry(name, provider=False) for name in ("lab-model", "gpt-4o")]
    return json_response(200, {"object": "list", "data": [*models, _entry(PROVIDER, provider=True)]})


def _front(request: LabRequest) -> Script | None:
    if request.path in {"/v1", "/v1/"}:
        return html_response(200, page("g4f /v1 API", "Go to <a href='/v1/models'>models</a>."))
    return None


def _otherwise(_request: LabRequest) -> Script:
    return json_response(404, {"detail": "Not Found"})


_HEALTHY = Api(stream=_stream, plain=_plain, models=_models, guard=_front, otherwise=_otherwise)


def _rewriting(field: str, rewrite: Callable[[list[Any]], list[Any]]) -> Callable[[LabRequest], Script]:
    """A healthy G4F behind which the model sees this list of the request rewritten, and counts what it sees."""

    def respond(request: LabRequest) -> Script:
        value = request.fields.get(field)
        if isinstance(value, list):
            request = replace(request, json={**request.fields, field: rewrite(value)})
        return _HEALTHY(request)

    return respond


def without_repeats(messages: list[Any]) -> list[Any]:
    """The messages without the exact repeats of an earlier one of the user or the assistant, the last one included."""
    seen: set[str] = set()
    kept = []
    for message in messages:
        told = json.dumps(message, sort_keys=True)
        if told not in seen or _role(message) not in ("user", "assistant"):
            kept.append(message)
        seen.add(told)
    return kept


def last_of(messages: list[Any]) -> list[Any]:
    """The system's messages and the last forty of the rest: the user's first one, the task, is lost."""
    system = [message for message in messages if _role(message) == "system"]
    rest = [message for message in messages if _role(message) != "system"]
    if len(rest) <= KEPT_MESSAGES:
        return messages
    return [*system, *rest[-KEPT_MESSAGES:]]


def _role(message: Any) -> object:
    return message.get("role") if isinstance(message, dict) else None


def tamed(tools: list[Any]) -> list[Any]:
    """The tools that are left, their descriptions softened and cut, their schemas without keys of certain names."""
    kept = []
    for tool in tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict):
            kept.append(tool)
        elif str(function.get("name")) not in REMOVED_TOOLS:
            told = {key: _tamed(key, value) for key, value in function.items() if key != "strict"}
            kept.append({**tool, "function": told})
    return kept


def _tamed(key: str, value: Any) -> Any:
    if key == "parameters":
        return _bare(value)
    if key == "description" and isinstance(value, str):
        for hard, soft in _SOFTER:
            value = value.replace(hard, soft)
    return value


def _bare(schema: Any) -> Any:
    """A schema without the keys that are believed to be ornaments, even where they are the names of parameters."""
    if isinstance(schema, list):
        return [_bare(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _bare(value) for key, value in schema.items() if key not in _REMOVED_KEYS and key[:2] != "x-"}
    if isinstance(kept.get("description"), str):
        kept["description"] = kept["description"][:KEPT_DESCRIPTION]
    return kept


G4F: tuple[Specimen, ...] = (
    sick(
        "g4f-hides-cause",
        "G4F answers 'Request execution failed' and keeps the provider's error to itself.",
        "G4F отвечает «Request execution failed» и скрывает ошибку провайдера.",
        replace(_HEALTHY, stream=_fails, plain=_fails_plainly),
    ),
    risky(
        "g4f-drops-repeated-turns",
        "G4F deletes a message that repeats an earlier one, be it the last.",
        "G4F удаляет сообщение, которое повторяет прежнее, даже если оно последнее.",
        _rewriting("messages", without_repeats),
    ),
    risky(
        "g4f-cuts-history",
        f"G4F passes on only the last {KEPT_MESSAGES} messages of a longer conversation.",
        f"Из длинного разговора G4F передаёт только последние {KEPT_MESSAGES} сообщений.",
        _rewriting("messages", last_of),
    ),
    risky(
        "g4f-rewrites-tools",
        "G4F shortens the descriptions of tools, and drops parameters and tools of certain names.",
        "G4F сокращает описания инструментов, а параметры и инструменты с некоторыми именами выбрасывает.",
        _rewriting("tools", tamed),
    ),
)
