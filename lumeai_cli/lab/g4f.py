"""An imitation of G4F's server: it hides the provider's error behind one sentence, and shows it when asked for raw."""

from lumeai_cli.lab.api import Api
from lumeai_cli.lab.model import Reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Script, error, html_response, json_response, sse, stream
from lumeai_cli.lab.specimen import Specimen, sick
from lumeai_cli.lab.url import page

PROVIDER = "Custom"
CAUSE = error("This provider allows 10000 characters per message, got 71993", "invalid_request_error")


def _hidden(request: LabRequest) -> dict[str, object]:
    return {"error": {"message": "Request execution failed"}, "model": request.model, "provider": PROVIDER}


def _raw(request: LabRequest) -> bool:
    return request.fields.get("raw") is True


def _stream(request: LabRequest, _said: Reply) -> Script:
    return stream([sse(CAUSE), sse(_hidden(request))]) if _raw(request) else json_response(500, _hidden(request))


def _plain(request: LabRequest, _said: Reply) -> Script:
    return json_response(200, CAUSE) if _raw(request) else json_response(500, _hidden(request))


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


G4F: tuple[Specimen, ...] = (
    sick(
        "g4f-hides-cause",
        "G4F answers 'Request execution failed' and keeps the provider's error to itself.",
        "G4F отвечает «Request execution failed» и скрывает ошибку провайдера.",
        Api(stream=_stream, plain=_plain, models=_models, guard=_front, otherwise=_otherwise),
    ),
)
