"""Servers whose body is not what was asked for: JSON for a stream, a stream for JSON, the wrong label."""

from lumeai_cli.lab.api import Api, healthy_plain, healthy_stream
from lumeai_cli.lab.model import Reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import TYPE_JSON, Script, encode, error, json_response, sse, stream
from lumeai_cli.lab.shapes import chunks, frames
from lumeai_cli.lab.specimen import Specimen, sick

UPSTREAM_ERROR = error("upstream provider exploded", "server_error")


def _ndjson(request: LabRequest, said: Reply) -> Script:
    return stream((encode(chunk) + b"\n" for chunk in chunks(request, said)), "application/x-ndjson")


def _mislabelled(request: LabRequest, said: Reply) -> Script:
    return stream(frames(request, said), TYPE_JSON)


def _error_frame(_request: LabRequest, _said: Reply) -> Script:
    return stream([sse(UPSTREAM_ERROR)])


def _error_body(_request: LabRequest, _said: Reply) -> Script:
    return json_response(200, UPSTREAM_ERROR)


BODIES: tuple[Specimen, ...] = (
    sick(
        "json-for-stream",
        "The server answers stream: true with one JSON body.",
        "Сервер отвечает на stream: true одним JSON-телом.",
        Api(stream=healthy_plain),
    ),
    sick(
        "sse-for-plain",
        "The server streams although no stream was asked for.",
        "Сервер отвечает потоком, хотя поток не просили.",
        Api(plain=healthy_stream),
    ),
    sick(
        "ndjson-for-sse",
        "The stream is JSON lines without 'data:'.",
        "Поток состоит из JSON-строк без «data:».",
        Api(stream=_ndjson),
    ),
    sick(
        "wrong-content-type",
        "A correct event stream is labelled application/json.",
        "Верный поток событий подписан как application/json.",
        Api(stream=_mislabelled),
    ),
    sick(
        "error-in-200",
        "An error arrives under the status 200.",
        "Ошибка приходит со статусом 200.",
        Api(stream=_error_frame, plain=_error_body),
    ),
)
