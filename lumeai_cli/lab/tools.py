"""Servers that do not take tools, or answer with calls that a client cannot use."""

import json
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lumeai_cli.lab.api import Api, where_called
from lumeai_cli.lab.model import Call, Reply, reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Script, error_response, json_response, stream
from lumeai_cli.lab.shapes import (
    MODEL,
    call_pieces,
    chunk,
    closing,
    completion_of,
    framed,
    numbered,
    opening,
    whole_calls,
)
from lumeai_cli.lab.specimen import Specimen, sick

NO_PARSER = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'

Entry = dict[str, Any]
"""One entry of `tool_calls`: a whole call, or a piece of one."""

_API = Api()
_XML_CALL = re.compile(r"<(read_file|attempt_completion)>\n<(\w+)>\n?(.*?)\n?</\2>\n</\1>", re.DOTALL)


def _takes_no_tools(request: LabRequest) -> Script | None:
    return error_response(400, f"{MODEL} does not support tools", "api_error") if request.tools else None


def _has_no_parser(request: LabRequest) -> Script | None:
    """The refusal of vLLM, whose code is a number."""
    if not request.tools:
        return None
    return json_response(400, {"error": {"message": NO_PARSER, "type": "BadRequestError", "param": None, "code": 400}})


def _takes_no_results(request: LabRequest) -> Script | None:
    place = next((place for place, (role, _) in enumerate(request.messages) if role == "tool"), None)
    if place is None:
        return None
    told = f"messages[{place}].role: 'tool' is not one of 'system', 'user', 'assistant'"
    return error_response(400, told, "invalid_request_error")


def _drops_tools(request: LabRequest) -> Script:
    rest = {key: value for key, value in request.fields.items() if key not in {"tools", "tool_choice"}}
    return _API(replace(request, json=rest) if rest else request)


def _calls_unasked(request: LabRequest) -> Reply:
    """Calls natively where the prompt describes XML tags."""
    said = reply(request)
    written = _XML_CALL.search(said.text)
    if request.tools or written is None:
        return said
    name, parameter, value = written.groups()
    arguments = json.dumps({parameter: value}, ensure_ascii=False)
    return Reply("", (Call(f"call_lab{zlib.crc32(request.body):08x}", name, arguments),))


def _calls_in_text(request: LabRequest) -> Reply:
    """Calls in the markup of a chat template, as if the server had no parser for it."""
    said = reply(request)
    written = [
        f'<tool_call>\n{{"name": "{call.name}", "arguments": {call.arguments}}}\n</tool_call>' for call in said.calls
    ]
    return Reply("\n".join(written)) if written else said


def _breaks_arguments(request: LabRequest) -> Reply:
    said = reply(request)
    return replace(said, calls=tuple(replace(call, arguments=f"{call.arguments[:-1]}, ") for call in said.calls))


def _spoilt(spoil: Callable[[Entry], Entry], *, whole: bool = False) -> Api:
    """A server whose calls go through `spoil`: the pieces of a stream (or whole calls), and those of a plain answer."""

    def streamed(request: LabRequest, said: Reply) -> Script:
        entries = numbered(whole_calls(said)) if whole else call_pieces(said)
        told = [chunk(request, {"tool_calls": [spoil(entry)]}) for entry in entries]
        return stream(framed([opening(request), *told, *closing(request, said.finish, said.size)]))

    def plain(request: LabRequest, said: Reply) -> Script:
        told = {"role": "assistant", "content": None, "tool_calls": [spoil(entry) for entry in whole_calls(said)]}
        return json_response(200, completion_of(request, told, said.finish, said.size))

    return where_called(streamed, plain)


def _without(key: str) -> Callable[[Entry], Entry]:
    return lambda entry: {name: value for name, value in entry.items() if name != key}


def _nameless(entry: Entry) -> Entry:
    return {**entry, "function": {"arguments": entry["function"]["arguments"]}}


def _with_object(entry: Entry) -> Entry:
    function = entry["function"]
    return {**entry, "function": {**function, "arguments": json.loads(function["arguments"])}}


def _announces(request: LabRequest, _said: Reply) -> Script:
    return stream(framed([opening(request), *closing(request, "tool_calls", 0)]))


def _announces_plainly(request: LabRequest, _said: Reply) -> Script:
    return json_response(200, completion_of(request, {"role": "assistant", "content": ""}, "tool_calls", 0))


TOOLS: tuple[Specimen, ...] = (
    sick(
        "tools-unsupported",
        "The model has no tools: a request with them is refused with 400.",
        "Модель не знает инструментов: запрос с ними отклоняется, 400.",
        Api(guard=_takes_no_tools),
    ),
    sick(
        "tool-parser-off",
        "The server was started without its tool parser, and refuses tools with 400.",
        "Сервер запущен без разбора вызовов и отклоняет инструменты: 400.",
        Api(guard=_has_no_parser),
    ),
    sick(
        "tools-ignored",
        "Tools are dropped in silence: the same tokens with and without them, and prose.",
        "Инструменты молча отбрасываются: с ними и без них одно число токенов, в ответ проза.",
        _drops_tools,
    ),
    sick(
        "tool-protocol-mismatch",
        "A prompt with XML tools is answered with native calls.",
        "На запрос с инструментами в XML приходят нативные вызовы.",
        Api(model=_calls_unasked),
    ),
    sick(
        "tool-call-as-text",
        "The call stands in the text, in the markup of a chat template.",
        "Вызов стоит в тексте, в разметке шаблона чата.",
        Api(model=_calls_in_text),
    ),
    sick("tool-call-missing-id", "Tool calls have no id.", "У вызовов инструментов нет id.", _spoilt(_without("id"))),
    sick(
        "tool-call-missing-index",
        "The pieces of a tool call have no index.",
        "У частей вызова инструмента нет index.",
        _spoilt(_without("index")),
    ),
    sick("tool-call-missing-name", "Tool calls have no name.", "У вызовов инструментов нет имени.", _spoilt(_nameless)),
    sick(
        "tool-arguments-not-json",
        "The arguments of a tool call break off and are no JSON.",
        "Аргументы вызова обрываются и не являются JSON.",
        Api(model=_breaks_arguments),
    ),
    sick(
        "tool-arguments-not-string",
        "The arguments of a tool call are an object instead of a string.",
        "Аргументы вызова заданы объектом, а не строкой.",
        _spoilt(_with_object, whole=True),
    ),
    sick(
        "finish-tool-calls-without-call",
        "The finish reason tells of tool calls, and there are none.",
        "Причина завершения говорит о вызовах, а их нет.",
        where_called(_announces, _announces_plainly),
    ),
    sick(
        "tool-result-rejected",
        "A message with a tool's result is refused with 400.",
        "Сообщение с результатом инструмента отклоняется: 400.",
        Api(guard=_takes_no_results),
    ),
)
