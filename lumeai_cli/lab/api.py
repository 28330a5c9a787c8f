"""The healthy server that every specimen is made of: a specimen swaps the one part that is sick.

Routes: `GET /v1/models`, `GET /v1/models/{id}`, `POST /v1/chat/completions` (stream and plain); everything else is an
OpenAI-style 404.
"""

from collections.abc import Callable
from dataclasses import dataclass

from lumeai_cli.lab.model import Reply, reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Script, error_response, json_response, stream
from lumeai_cli.lab.shapes import MODEL, completion, frames, model_entry

CHAT = "/v1/chat/completions"
MODELS = "/v1/models"

Answer = Callable[[LabRequest, Reply], Script]


def healthy_stream(request: LabRequest, said: Reply) -> Script:
    """Server-sent events, one HTTP chunk a frame."""
    return stream(frames(request, said))


def healthy_plain(request: LabRequest, said: Reply) -> Script:
    """One JSON completion."""
    return json_response(200, completion(request, said))


def where_called(streamed: Answer, plain: Answer) -> "Api":
    """A server whose answers are these where the model calls a tool, and healthy elsewhere."""
    return Api(
        stream=lambda request, said: (streamed if said.calls else healthy_stream)(request, said),
        plain=lambda request, said: (plain if said.calls else healthy_plain)(request, said),
    )


def healthy_models(_request: LabRequest) -> Script:
    """A list with the one model."""
    return json_response(200, {"object": "list", "data": [model_entry()]})


def no_objection(_request: LabRequest) -> Script | None:
    """The guard of a server that lets everybody in."""
    return None


def unknown_route(request: LabRequest) -> Script:
    """OpenAI's answer to a path it does not have."""
    return error_response(404, f"Invalid URL ({request.method} {request.path})", "invalid_request_error")


@dataclass(frozen=True, slots=True)
class Api:
    """The server as a function; each field is a part that a specimen may replace.

    `guard` sees every request first and answers instead of the server if it returns a script.
    """

    stream: Answer = healthy_stream
    plain: Answer = healthy_plain
    models: Callable[[LabRequest], Script] = healthy_models
    model: Callable[[LabRequest], Reply] = reply
    guard: Callable[[LabRequest], Script | None] = no_objection
    otherwise: Callable[[LabRequest], Script] = unknown_route

    def __call__(self, request: LabRequest) -> Script:
        """The script that answers this request."""
        refusal = self.guard(request)
        if refusal is not None:
            return refusal
        if request.path == CHAT:
            return self._chat(request)
        if request.method == "GET" and request.path == MODELS:
            return self.models(request)
        if request.method == "GET" and request.path.startswith(f"{MODELS}/"):
            return _one_model(request)
        return self.otherwise(request)

    def _chat(self, request: LabRequest) -> Script:
        if request.method != "POST":
            return error_response(405, f"Not allowed to {request.method} on {CHAT}", "invalid_request_error")
        if not request.messages:
            return error_response(400, "The body needs JSON with 'messages'.", "invalid_request_error")
        answer = self.stream if request.stream else self.plain
        return answer(request, self.model(request))


def _one_model(request: LabRequest) -> Script:
    name = request.path.removeprefix(f"{MODELS}/")
    if name != MODEL:
        return error_response(404, f"The model '{name}' does not exist", "invalid_request_error", "model_not_found")
    return json_response(200, model_entry())
