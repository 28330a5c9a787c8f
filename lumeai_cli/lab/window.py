"""Servers whose context window is too small for an agent: one refuses and says so, one forgets in silence."""

from dataclasses import replace

from lumeai_cli.lab.api import Api
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Script, error_response
from lumeai_cli.lab.shapes import TEMPLATE_TOKENS, prompt_tokens
from lumeai_cli.lab.specimen import Specimen, sick

REFUSING_WINDOW = 8192
FORGETTING_WINDOW = 4096

_API = Api()


def _measures(request: LabRequest) -> Script | None:
    tokens = prompt_tokens(request)
    if tokens <= REFUSING_WINDOW:
        return None
    return error_response(
        400,
        f"This model's maximum context length is {REFUSING_WINDOW} tokens. "
        f"However, your messages resulted in {tokens} tokens.",
        "invalid_request_error",
        "context_length_exceeded",
    )


def _forgets(request: LabRequest) -> Script:
    return _API(kept(request))


def kept(request: LabRequest) -> LabRequest:
    """What the model sees of a request: its last tokens, the template's own counted.

    A prompt begins with the tools, then come the messages: a part of the tools is text and no tool any more.
    """
    if prompt_tokens(request) <= FORGETTING_WINDOW:
        return request
    room = 4 * (FORGETTING_WINDOW - TEMPLATE_TOKENS)
    messages: list[dict[str, str]] = []
    for role, text in reversed([("system", request.tools_text), *request.messages]):
        if room <= 0:
            break
        messages.insert(0, {"role": role, "content": text[-room:]})
        room -= len(text)
    rest = {key: value for key, value in request.fields.items() if key not in {"tools", "tool_choice"}}
    return replace(request, json={**rest, "messages": messages})


WINDOW: tuple[Specimen, ...] = (
    sick(
        "context-exceeded",
        f"A prompt over {REFUSING_WINDOW} tokens is refused with 400 and the two numbers.",
        f"Запрос больше {REFUSING_WINDOW} токенов отклоняется: 400 и оба числа.",
        Api(guard=_measures),
    ),
    sick(
        "context-truncated",
        f"The model sees only the last {FORGETTING_WINDOW} tokens of a prompt, and nobody is told.",
        f"Модель видит только последние {FORGETTING_WINDOW} токенов запроса, и сервер об этом молчит.",
        _forgets,
    ),
)
