"""Imitations of Ollama: its OpenAI route, and its own pages and chat beside it.

Shapes from Ollama's source (fb307609, read 2026-11); real Ollama was not run.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from lumeai_cli.lab.api import Answer, Api
from lumeai_cli.lab.model import Reply, reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Script, encode, error_response, json_response, response, stream
from lumeai_cli.lab.shapes import (
    Shape,
    chunk,
    closing,
    completion,
    framed,
    model_entry,
    numbered,
    prompt_tokens,
    text_deltas,
    usage,
    whole_calls,
)
from lumeai_cli.lab.specimen import Specimen, sick, sound

TAG = "lab-model:latest"
VERSION = "0.32.7"
TRAINED = 131_072
SMALL_WINDOW = 4096
LARGE_WINDOW = 65_536
BROKEN = "an error was encountered while running the model: unexpected EOF"

_CREATED = "2026-11-01T12:00:00.000000Z"
_DIGEST = "1ab" * 21 + "c"
_SIZE = 4_683_087_332
_TYPE_NDJSON = "application/x-ndjson"
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Ollama:
    """The server as a function: `window` is what its pages tell, `stream` and `plain` answer at `/v1`, `said` answers
    at `/api/chat` as lines.
    """

    window: int
    model: Callable[[LabRequest], Reply] = reply
    stream: Answer | None = None
    plain: Answer | None = None
    said: Callable[[LabRequest, Reply], list[Shape]] | None = None

    def __call__(self, request: LabRequest) -> Script:
        """The script that answers this request."""
        api = Api(
            stream=self.stream or _stream,
            plain=self.plain or _plain,
            model=self.model,
            models=_models,
            guard=self._native,
            otherwise=_no_route,
        )
        return api(request)

    def _native(self, request: LabRequest) -> Script | None:
        """What is no matter of the OpenAI route; None for the rest."""
        match request.method, request.path:
            case "GET", "/":
                return response(200, "Ollama is running", "text/plain; charset=utf-8")
            case "GET", "/api/version":
                return json_response(200, {"version": VERSION})
            case "GET", "/api/tags":
                return json_response(200, {"models": [{**_described(), "modified_at": _CREATED}]})
            case "GET", "/api/ps":
                loaded = {"expires_at": _CREATED, "size_vram": _SIZE, "context_length": self.window}
                return json_response(200, {"models": [{**_described(), **loaded}]})
            case "POST", "/api/show":
                return self._show(request)
            case "POST", "/api/chat":
                return self._chat(request)
            case "GET", "/v1/models/lab-model" | "/v1/models/lab-model:latest":
                return json_response(200, _entry())
        return None

    def _show(self, request: LabRequest) -> Script:
        if not _known(request):
            return json_response(404, {"error": f"model '{request.model}' not found"})
        told = {
            "parameters": f"num_ctx                        {self.window}\ntemperature                    0.7",
            "template": "{{ .Prompt }}",
            "details": _details(),
            "model_info": {"general.architecture": "llama", "llama.context_length": TRAINED},
            "capabilities": ["completion", "tools"],
            "modified_at": _CREATED,
        }
        return json_response(200, told)

    def _chat(self, request: LabRequest) -> Script:
        if not _known(request):
            return json_response(404, {"error": f"model '{request.model}' not found"})
        lines = (self.said or _lines)(request, self.model(request)) if request.messages else [_loaded()]
        if request.fields.get("stream") is not False:
            return stream((encode(line) + b"\n" for line in lines), _TYPE_NDJSON)
        failed = next((line for line in lines if "error" in line), None)
        if failed is not None:
            return json_response(500, failed)
        return json_response(200, _in_one(lines))


def _known(request: LabRequest) -> bool:
    return request.model in {TAG, TAG.removesuffix(":latest")}


def _details() -> Shape:
    return {"format": "gguf", "family": "llama", "parameter_size": "8.0B", "quantization_level": "Q4_K_M"}


def _described() -> Shape:
    return {"name": TAG, "model": TAG, "size": _SIZE, "digest": _DIGEST, "details": _details()}


def _entry() -> Shape:
    return {**model_entry(TAG), "owned_by": "library"}


def _models(_request: LabRequest) -> Script:
    return json_response(200, {"object": "list", "data": [_entry()]})


def _no_route(_request: LabRequest) -> Script:
    return response(404, "404 page not found", "text/plain")


def _marked(said: Shape) -> Shape:
    return {**said, "system_fingerprint": "fp_ollama"}


def _deltas(said: Reply) -> list[Shape]:
    """The role stands in the first delta alone, and tool calls come whole in one; nothing said is one empty delta."""
    told = text_deltas(said.text)
    if said.calls:
        told.append({"content": "", "tool_calls": numbered(whole_calls(said))})
    first, *rest = told or [{"content": ""}]
    return [{"role": "assistant", **first}, *rest]


def _stream(request: LabRequest, said: Reply) -> Script:
    told = [chunk(request, delta) for delta in _deltas(said)]
    return stream(framed(map(_marked, [*told, *closing(request, said.finish, said.size)])))


def _plain(request: LabRequest, said: Reply) -> Script:
    return json_response(200, _marked(completion(request, said)))


def _line(content: str, **more: object) -> Shape:
    return {"model": TAG, "created_at": _CREATED, "message": {"role": "assistant", "content": content, **more}}


def _spoken(said: Reply) -> Iterator[Shape]:
    for delta in text_deltas(said.text):
        yield {**_line(str(delta["content"])), "done": False}
    if said.calls:
        calls = [{"function": {"name": call.name, "arguments": json.loads(call.arguments)}} for call in said.calls]
        yield {**_line("", tool_calls=calls), "done": False}


def _lines(request: LabRequest, said: Reply) -> list[Shape]:
    """The answer of `/api/chat`, whose last line counts tokens, and nanoseconds."""
    counted = usage(request, said.size)
    counts = {"prompt_eval_count": counted["prompt_tokens"], "eval_count": counted["completion_tokens"]}
    times = dict.fromkeys(("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"), _SECOND)
    return [*_spoken(said), {**_line(""), "done_reason": "stop", "done": True, **counts, **times}]


def _loaded() -> Shape:
    """What a chat without messages does: it loads the model."""
    return {**_line(""), "done_reason": "load", "done": True}


def _in_one(lines: list[Shape]) -> Shape:
    """The lines as one object, for who wants no stream."""
    messages = [line["message"] for line in lines if isinstance(line["message"], dict)]
    whole = {"role": "assistant", "content": "".join(message["content"] for message in messages)}
    for message in messages:
        whole |= {key: value for key, value in message.items() if key == "tool_calls"}
    return {**lines[-1], "message": whole}


def _overflows(request: LabRequest) -> Reply:
    """A model whose prompt was cut in the middle finds nothing to say, and ends at once."""
    return Reply("") if prompt_tokens(request) > SMALL_WINDOW else reply(request)


def _uncounted(request: LabRequest, said: Reply) -> Script:
    rest = {key: value for key, value in request.fields.items() if key != "stream_options"}
    return _stream(replace(request, json=rest), said)


def _uncounted_plainly(request: LabRequest, said: Reply) -> Script:
    told = completion(request, said)
    del told["usage"]
    return json_response(200, _marked(told))


def _uncounted_lines(request: LabRequest, said: Reply) -> list[Shape]:
    *told, last = _lines(request, said)
    return [*told, {key: value for key, value in last.items() if not key.endswith("_count")}]


def _breaks_off(request: LabRequest, said: Reply) -> Script:
    """The error's line has no text to put into a chunk: an empty delta comes, and the stream is over."""
    first, *_ = _deltas(said)
    swallowed = {"role": "assistant", "content": ""}
    return stream(_events(_marked(chunk(request, delta)) for delta in (first, swallowed)))


def _events(said: Iterator[Shape]) -> list[bytes]:
    *events, _done = framed(said)
    return events


def _fails(_request: LabRequest, _said: Reply) -> Script:
    return error_response(500, BROKEN, "api_error")


def _tells(_request: LabRequest, said: Reply) -> list[Shape]:
    return [*list(_spoken(said))[:1], {"error": BROKEN}]


OLLAMA: tuple[Specimen, ...] = (
    sound(
        "healthy-ollama",
        f"Ollama with a window of {LARGE_WINDOW} tokens.",
        f"Ollama с окном в {LARGE_WINDOW} токенов.",
        Ollama(LARGE_WINDOW),
    ),
    sick(
        "context-window-small",
        f"Ollama with a window of {SMALL_WINDOW} tokens: a longer prompt gets an empty answer, and no count.",
        f"Ollama с окном в {SMALL_WINDOW} токенов: на длинный запрос приходит пустой ответ, и токены не считаются.",
        Ollama(
            SMALL_WINDOW,
            model=_overflows,
            stream=_uncounted,
            plain=_uncounted_plainly,
            said=_uncounted_lines,
        ),
    ),
    sick(
        "ollama-hides-error",
        "Ollama's OpenAI route turns an error after the first byte into an empty delta and ends; /api/chat tells it.",
        "Ошибка после первого байта: у Ollama в /v1 это пустая дельта и конец потока, а /api/chat её называет.",
        Ollama(LARGE_WINDOW, stream=_breaks_off, plain=_fails, said=_tells),
    ),
)
