"""Servers whose shapes are right and whose answer is not one."""

from dataclasses import replace

from lumeai_cli.lab.api import Api
from lumeai_cli.lab.model import Reply, prose, reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Script, json_response, stream
from lumeai_cli.lab.shapes import Shape, chunk, closing, completion_of, framed, opening, text_deltas
from lumeai_cli.lab.specimen import Specimen, sick

CANNED = "Привет! Я - LumeAI. Чем могу помочь?"
QUOTA = "You have reached your daily free limit. Please upgrade to a paid plan."
REFUSAL = "I'm sorry, I can't help with that."
BUDGET = 16


def _thought(said: Reply) -> str:
    wish = said.text or ", ".join(f"{call.name} {call.arguments}" for call in said.calls)
    return f"The user wants an answer. It could be: {wish}"


def _thinks(request: LabRequest, said: Reply) -> Script:
    thought = _thought(said)
    deltas = [chunk(request, delta) for delta in text_deltas(thought, "reasoning_content")]
    return stream(framed([opening(request), *deltas, *closing(request, "stop", len(thought))]))


def _thinks_plainly(request: LabRequest, said: Reply) -> Script:
    thought = _thought(said)
    message = {"role": "assistant", "content": "", "reasoning_content": thought}
    return json_response(200, completion_of(request, message, "stop", len(thought)))


def _says(field: str, text: str, content: str | None, finish: str, tokens: int) -> Api:
    """A server that says this text in this field, whatever it is asked, and ends with this reason at this cost."""
    message: Shape = {"role": "assistant", "content": content, **({field: text} if text else {})}

    def streamed(request: LabRequest, _said: Reply) -> Script:
        deltas: list[Shape] = [chunk(request, delta) for delta in text_deltas(text, field)]
        return stream(framed([opening(request), *deltas, *closing(request, finish, tokens * 4)]))

    def plain(request: LabRequest, _said: Reply) -> Script:
        return json_response(200, completion_of(request, message, finish, tokens * 4))

    return Api(stream=streamed, plain=plain)


def _says_nothing(finish: str, tokens: int) -> Api:
    return _says("content", "", "", finish, tokens)


def _thinks_aloud(request: LabRequest) -> Reply:
    said = reply(request)
    return replace(said, text=f"<think>\nThe user wants an answer.\n{said.text}") if said.text else said


def _every_other(request: LabRequest) -> Reply:
    return Reply("") if request.earlier % 2 else reply(request)


CONTENT: tuple[Specimen, ...] = (
    sick(
        "empty-answer",
        "The answer is well formed, finished with stop, and empty.",
        "Ответ правильной формы, завершён stop и пуст.",
        Api(model=lambda _request: Reply("")),
    ),
    sick(
        "intermittent-empty",
        "Of identical requests every second one gets an empty answer.",
        "Из одинаковых запросов каждый второй получает пустой ответ.",
        Api(model=_every_other),
    ),
    sick(
        "output-budget-spent",
        "The token budget is spent before the first word: finish length and nothing else.",
        "Лимит токенов исчерпан до первого слова: finish length и больше ничего.",
        _says_nothing("length", BUDGET),
    ),
    sick(
        "reasoning-only",
        "The model thinks in reasoning_content and never answers.",
        "Модель рассуждает в reasoning_content и не отвечает.",
        Api(stream=_thinks, plain=_thinks_plainly),
    ),
    sick(
        "think-tag-swallows-answer",
        "The text begins with <think>, which is never closed, and the answer stands behind it.",
        "Текст начинается с <think>, который не закрывается, а ответ стоит за ним.",
        Api(model=_thinks_aloud),
    ),
    sick(
        "content-filtered",
        "A filter has removed the answer: finish content_filter and nothing else.",
        "Фильтр убрал ответ: finish content_filter и больше ничего.",
        _says_nothing("content_filter", 0),
    ),
    sick(
        "refusal-only",
        "The answer is a refusal, in a field of its own.",
        "Вместо ответа отказ, в отдельном поле.",
        _says("refusal", REFUSAL, None, "stop", len(REFUSAL) // 4),
    ),
    sick(
        "quota-text-as-answer",
        "The model's text is a sentence about the quota.",
        "Вместо ответа модели приходит фраза о квоте.",
        Api(model=lambda _request: Reply(QUOTA)),
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
