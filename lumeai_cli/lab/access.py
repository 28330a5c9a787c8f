"""Servers that refuse: the key, the caller, the model, the size, the rate, the quota, the request; and one that breaks
down.
"""

from lumeai_cli.lab.api import CHAT, Api
from lumeai_cli.lab.model import Reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Script, error, error_response, json_response
from lumeai_cli.lab.specimen import Specimen, sick
from lumeai_cli.lab.url import express_error

BODY_LIMIT = 50 * 1024
ACCEPTED_MODEL = "lab-only-model"

_TOO_LARGE = (
    "PayloadTooLargeError: request entity too large<br>"
    " &nbsp; &nbsp;at readStream (/srv/app/node_modules/raw-body/index.js:163:17)<br>"
    " &nbsp; &nbsp;at jsonParser (/srv/app/node_modules/body-parser/lib/types/json.js:88:5)"
)


def _wants_key(request: LabRequest) -> Script | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return None
    return error_response(
        401,
        "You didn't provide an API key. Provide it in the Authorization header: Authorization: Bearer YOUR_KEY.",
        "invalid_request_error",
        "invalid_api_key",
    )


def _forbids(_request: LabRequest) -> Script:
    return error_response(
        403,
        "Country, region, or territory not supported",
        "request_forbidden",
        "unsupported_country_region_territory",
    )


def _knows_one_model(request: LabRequest) -> Script | None:
    if request.path != CHAT or request.model == ACCEPTED_MODEL:
        return None
    return error_response(404, f"model '{request.model}' not found", "not_found_error", "model_not_found")


def _measures(request: LabRequest) -> Script | None:
    return express_error(413, _TOO_LARGE) if len(request.body) > BODY_LIMIT else None


def _crashes(_request: LabRequest, _said: Reply) -> Script:
    return error_response(500, "Internal error in worker 3", "server_error")


def _limits(_request: LabRequest, _said: Reply) -> Script:
    told = error("Rate limit reached: 3 requests per minute", "rate_limit_error", "rate_limit_exceeded")
    return json_response(429, told, headers=(("retry-after", "2"),))


def _has_no_money(_request: LabRequest, _said: Reply) -> Script:
    told = {
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "type": "insufficient_quota",
        "code": "insufficient_quota",
    }
    return json_response(429, {"error": told})


def _asks_for_a_key_late(request: LabRequest) -> Script | None:
    return _wants_key(request) if request.path == CHAT else None


def _knows_no_stream_options(request: LabRequest) -> Script | None:
    """The words and the shape of older copies of OpenAI's API; every streaming client asks for the usage so."""
    if "stream_options" not in request.fields:
        return None
    told = "Unrecognized request argument supplied: stream_options"
    return json_response(400, error(told, "invalid_request_error", param="stream_options"))


def _refuses(_request: LabRequest, _said: Reply) -> Script:
    return error_response(400, "temperature is not supported here", "invalid_request_error")


ACCESS: tuple[Specimen, ...] = (
    sick(
        "key-missing",
        "Without a key the server answers 401; any key is good.",
        "Без ключа сервер отвечает 401; подходит любой ключ.",
        Api(guard=_wants_key),
    ),
    sick(
        "models-list-proves-nothing",
        "The list of models is open, the chat wants a key.",
        "Список моделей открыт, а чат требует ключ.",
        Api(guard=_asks_for_a_key_late),
        shows="key-missing",
        unlisted="the open list is a note beside its verdict",
    ),
    sick(
        "forbidden",
        "The server refuses this country with 403.",
        "Сервер отказывает этой стране: 403.",
        Api(guard=_forbids),
    ),
    sick(
        "model-not-found",
        "The model is in the list, but the chat does not know it.",
        "Модель есть в списке, но чат её не знает.",
        Api(guard=_knows_one_model),
    ),
    sick(
        "body-too-large",
        "A request over 50 KiB is refused by the web framework with 413.",
        "Запрос больше 50 КиБ веб-фреймворк отклоняет с 413.",
        Api(guard=_measures),
    ),
    sick(
        "server-error",
        "Every chat request ends in a 500.",
        "Каждый запрос к чату кончается ошибкой 500.",
        Api(stream=_crashes, plain=_crashes),
    ),
    sick(
        "rate-limited",
        "Every chat request is one too many: 429 and Retry-After.",
        "Каждый запрос к чату лишний: 429 и Retry-After.",
        Api(stream=_limits, plain=_limits),
    ),
    sick(
        "quota-exhausted",
        "Every chat request is refused with 429 because the quota is used up.",
        "Каждый запрос к чату отклоняется: квота исчерпана, 429.",
        Api(stream=_has_no_money, plain=_has_no_money),
    ),
    sick(
        "unsupported-parameter",
        "A request with stream_options is refused with 400, one without is answered.",
        "Запрос с stream_options отклоняется: 400; без него сервер отвечает.",
        Api(guard=_knows_no_stream_options),
    ),
    sick(
        "request-refused",
        "Every chat request is refused with 400 for a parameter.",
        "Каждый запрос к чату отклоняется из-за параметра: 400.",
        Api(stream=_refuses, plain=_refuses),
    ),
)
