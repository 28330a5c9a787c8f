"""Servers behind a wrong URL, and pages that answer instead of an API."""

from dataclasses import replace
from html import escape

from lumeai_cli.lab.api import CHAT, Api
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Script, html_response, json_response, response
from lumeai_cli.lab.specimen import Specimen, sick

_API = Api()
_LOGIN = "/login"


def page(title: str, body: str) -> str:
    """A small HTML page."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def express_error(status: int, text: str) -> Script:
    """An error page as Express writes it; `text` is HTML already."""
    return html_response(status, page("Error", f"<pre>{text}</pre>"))


def _portal(_request: LabRequest) -> Script:
    return html_response(
        200, page("LumeAI - a portal", '<div id="root"></div>\n<script src="/assets/index.js"></script>')
    )


def _one_level_deeper(request: LabRequest) -> Script:
    if request.path.startswith("/v1/v1/"):
        return _API(replace(request, path=request.path.removeprefix("/v1")))
    return express_error(404, f"Cannot {escape(request.method)} {escape(request.path)}")


def _one_level_higher(request: LabRequest) -> Script:
    if request.path.startswith("/v1"):
        return express_error(404, f"Cannot {escape(request.method)} {escape(request.path)}")
    return _API(replace(request, path=f"/v1{request.path}"))


def _nothing_here(_request: LabRequest) -> Script:
    return json_response(404, {"detail": "Not Found"})


def _weather(_request: LabRequest) -> Script:
    return json_response(200, {"status": "ok", "service": "weather"})


def _to_login(request: LabRequest) -> Script | None:
    if request.path == _LOGIN:
        return html_response(200, page("Sign in", '<form method="post"><input name="user"></form>'))
    if request.path == CHAT:
        return response(308, "", headers=(("location", f"/{request.specimen}{_LOGIN}"),))
    return None


URL: tuple[Specimen, ...] = (
    sick(
        "base-url-missing-v1",
        "The API sits one /v1 below the given URL; here is only an Express 404.",
        "API находится на один /v1 глубже указанного URL; здесь лишь 404 от Express.",
        _one_level_deeper,
    ),
    sick(
        "base-url-extra-v1",
        "The API sits one /v1 above the given URL; here is only an Express 404.",
        "API находится на один /v1 выше указанного URL; здесь лишь 404 от Express.",
        _one_level_higher,
    ),
    sick(
        "endpoint-not-found",
        "Every path is answered with 404.",
        "На любой путь приходит 404.",
        _nothing_here,
    ),
    sick(
        "html-instead-of-api",
        "Every path gives a web page with the status 200.",
        "Любой путь отдаёт веб-страницу со статусом 200.",
        _portal,
    ),
    sick(
        "redirected",
        "The chat endpoint redirects to a sign-in page.",
        "Адрес чата перенаправляет на страницу входа.",
        Api(guard=_to_login),
    ),
    sick(
        "not-an-llm-api",
        "A weather service answers on this port.",
        "На этом порту отвечает служба погоды.",
        _weather,
    ),
)
