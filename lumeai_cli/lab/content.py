"""Servers whose shapes are right and whose answer is not one."""

from lumeai_cli.lab.api import Api
from lumeai_cli.lab.model import Reply, prose
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import DONE, Script, json_response, sse, stream
from lumeai_cli.lab.shapes import chunk, closing, completion_of, opening, text_deltas
from lumeai_cli.lab.specimen import Specimen, sick

CANNED = "Привет! Я - LumeAI. Чем могу помочь?"


def _thought(said: Reply) -> str:
    wish = said.text or ", ".join(f"{call.name} {call.arguments}" for call in said.calls)
    return f"The user wants an answer. It could be: {wish}"


def _thinks(request: LabRequest, said: Reply) -> Script:
    thought = _thought(said)
    deltas = [chunk(request, delta) for delta in text_deltas(thought, "reasoning_content")]
    return stream([*map(sse, [opening(request), *deltas, *closing(request, "stop", len(thought))]), DONE])


def _thinks_plainly(request: LabRequest, said: Reply) -> Script:
    thought = _thought(said)
    message = {"role": "assistant", "content": "", "reasoning_content": thought}
    return json_response(200, completion_of(request, message, "stop", len(thought)))


CONTENT: tuple[Specimen, ...] = (
    sick(
        "empty-answer",
        "The answer is well formed, finished with stop, and empty.",
        "Ответ правильной формы, завершён stop и пуст.",
        Api(model=lambda _request: Reply("")),
    ),
    sick(
        "reasoning-only",
        "The model thinks in reasoning_content and never answers.",
        "Модель рассуждает в reasoning_content и не отвечает.",
        Api(stream=_thinks, plain=_thinks_plainly),
    ),
    sick(
        "canned-answer",
        "A mock gives the same sentence to every question.",
        "Заглушка отвечает одной и той же фразой на любой вопрос.",
        Api(model=lambda _request: Reply(CANNED)),
    ),
    sick(
        "plain-text-instead-of-tool",
        "The model answers in words where a tool call is due.",
        "Модель отвечает словами там, где нужен вызов инструмента.",
        Api(model=lambda request: Reply(prose(request))),
    ),
)
