"""Servers that stream well-framed JSON in another dialect than the chat chunks that clients read."""

from lumeai_cli.lab.api import Api, where_called
from lumeai_cli.lab.model import Reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Script, json_response, stream
from lumeai_cli.lab.shapes import (
    Shape,
    chunk,
    chunk_of,
    chunks,
    closing,
    completion,
    completion_of,
    deltas,
    framed,
    message,
    opening,
    pieces,
    text_deltas,
    usage,
)
from lumeai_cli.lab.specimen import Specimen, sick


def _no_choices(request: LabRequest, said: Reply) -> Script:
    """Empty lists, or no field at all where native tools are offered: clients differ in what they bear."""
    empty = chunk_of(request, [])
    if request.tools:
        del empty["choices"]
    return stream(framed([empty] * len(chunks(request, said))))


def _message(request: LabRequest, said: Reply) -> Script:
    return stream(framed([completion(request, said)]))


def _function_call(request: LabRequest, said: Reply) -> Script:
    """The field of 2023, which has room for one call."""
    call = said.calls[0]
    parts = [{"name": call.name, "arguments": ""}, *({"arguments": piece} for piece in pieces(call.arguments))]
    told = [chunk(request, {"function_call": part}) for part in parts]
    return stream(framed([opening(request), *told, *closing(request, "function_call", said.size)]))


def _function_call_plainly(request: LabRequest, said: Reply) -> Script:
    call = said.calls[0]
    told = {"role": "assistant", "content": None, "function_call": {"name": call.name, "arguments": call.arguments}}
    return json_response(200, completion_of(request, told, "function_call", said.size))


def _legacy(request: LabRequest, text: str, finish: str | None) -> Shape:
    return _of_completions(chunk_of(request, [{"index": 0, "text": text, "logprobs": None, "finish_reason": finish}]))


def _of_completions(told: Shape) -> Shape:
    return {**told, "object": "text_completion"}


def _legacy_text(request: LabRequest, said: Reply) -> Script:
    """The completions API has no calls: they stay what they are, so that the text alone is wrong."""
    if said.calls:
        return stream(framed(chunks(request, said)))
    told = [_legacy(request, str(delta["content"]), None) for delta in text_deltas(said.text)]
    _finish, *counted = closing(request, said.finish, said.size)
    return stream(framed([*told, _legacy(request, "", said.finish), *map(_of_completions, counted)]))


def _legacy_text_plainly(request: LabRequest, said: Reply) -> Script:
    if said.calls:
        return json_response(200, completion(request, said))
    return json_response(200, {**_legacy(request, said.text, said.finish), "usage": usage(request, said.size)})


def _in_parts(said: Shape) -> Shape:
    """A delta or a message whose text has become a list of parts."""
    return {**said, "content": [{"type": "text", "text": said["content"]}]} if said.get("content") else said


def _parts(request: LabRequest, said: Reply) -> Script:
    told = [chunk(request, _in_parts(delta)) for delta in deltas(said)]
    return stream(framed([opening(request), *told, *closing(request, said.finish, said.size)]))


def _parts_plainly(request: LabRequest, said: Reply) -> Script:
    return json_response(200, completion_of(request, _in_parts(message(said)), said.finish, said.size))


def _counted_in_words(request: LabRequest, said: Reply) -> Shape:
    return {key: str(value) for key, value in usage(request, said.size).items()}


def _bad_usage(request: LabRequest, said: Reply) -> Script:
    counts = _counted_in_words(request, said)
    return stream(framed({**told, "usage": counts} for told in chunks(request, said)))


def _bad_usage_plainly(request: LabRequest, said: Reply) -> Script:
    return json_response(200, {**completion(request, said), "usage": _counted_in_words(request, said)})


DIALECT: tuple[Specimen, ...] = (
    sick(
        "no-choices",
        "No event of the stream has a choice: the list is empty, or missing where tools are offered.",
        "Ни в одном событии потока нет choices: список пуст, а при инструментах его нет совсем.",
        Api(stream=_no_choices),
    ),
    sick(
        "message-instead-of-delta",
        "The stream's one event is a whole completion with 'message' instead of 'delta'.",
        "Единственное событие потока содержит целый ответ: «message» вместо «delta».",
        Api(stream=_message),
    ),
    sick(
        "legacy-function-call",
        "Tools are called by the old field function_call.",
        "Инструменты вызываются старым полем function_call.",
        where_called(_function_call, _function_call_plainly),
    ),
    sick(
        "legacy-text-field",
        "Text comes in the old field 'text' of the completions API.",
        "Текст приходит в старом поле «text», как в API completions.",
        Api(stream=_legacy_text, plain=_legacy_text_plainly),
    ),
    sick(
        "content-not-a-string",
        "The content is a list of parts instead of a string.",
        "Вместо строки content содержит список частей.",
        Api(stream=_parts, plain=_parts_plainly),
    ),
    sick(
        "bad-chunk-schema",
        "Every chunk counts its tokens in strings instead of numbers.",
        "В каждом чанке числа токенов записаны строками.",
        Api(stream=_bad_usage, plain=_bad_usage_plainly),
    ),
)
