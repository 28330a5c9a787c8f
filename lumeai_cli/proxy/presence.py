"""Whether a backend is there, and which models it offers: asked before the proxy starts, and by `--check`."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from lumeai_cli.backends.address import parse
from lumeai_cli.backends.backend import Backend, Kind, credentials
from lumeai_cli.backends.models import ModelList, read_models
from lumeai_cli.doctor.machine import behind_proxy
from lumeai_cli.text.phrase import Phrase, phrase
from lumeai_cli.transport.call import HttpRequest, Limits, perform
from lumeai_cli.wire.body import BrokenJsonError, loads
from lumeai_cli.wire.exchange import Asked
from lumeai_cli.wire.reading import Reading, Shape, read

_LARGEST_LIST = 4 * 1024 * 1024
_PROBE = "models"


@dataclass(frozen=True, slots=True)
class Presence:
    """What one backend answered when it was asked for its models.

    `answers`: requests may be sent there. `certain`: it surely is an LLM API, for it told a list of models (be it an
    empty one) or refused in JSON to tell one without a key. `objection` says what stands against it, or is None.
    """

    backend: Backend
    answers: bool
    certain: bool = False
    models: ModelList = field(default_factory=ModelList)
    objection: Phrase | None = None


async def presences(backends: Sequence[Backend], seconds: float, env: Mapping[str, str]) -> tuple[Presence, ...]:
    """Asks all of them at once for their models; none is waited for longer than `seconds`.

    A backend that only a proxy variable of `env` leads to is asked that way, as the doctor does.
    """
    from lumeai_cli.transport.httpx_engine import HttpxEngine  # noqa: PLC0415  # who serves without asking needs none

    async with AsyncExitStack() as stack:
        tls = any(backend.url.startswith("https:") for backend in backends)
        straight = await stack.enter_async_context(HttpxEngine(proxied=False, tls=tls))
        detour = await stack.enter_async_context(HttpxEngine(proxied=True, tls=tls))

        async def ask(backend: Backend) -> Presence:
            if backend.kind is Kind.BUILTIN:
                return Presence(backend, answers=True, certain=True)
            url = f"{backend.url}/models"
            sent = (("accept", "application/json"), ("user-agent", "lumeai"), *credentials(backend.key, backend.kind))
            limits = Limits(connect=seconds, first_byte=seconds, silence=seconds, total=seconds, body=_LARGEST_LIST)
            engine = detour if behind_proxy(parse(backend.url), env) else straight
            asked = Asked(_PROBE, url, "GET", key_sent=backend.key is not None)
            return judged(backend, read(await perform(engine, HttpRequest("GET", url, sent), limits, asked, _PROBE)))

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask(backend)) for backend in backends]
    return tuple(task.result() for task in tasks)


def judged(backend: Backend, reading: Reading) -> Presence:
    """What the answer to `GET /models` tells.

    A refused key is no presence: nothing could be answered. A place without such a list is one, for many servers of
    people's own have none; a page where a list is due, and a server's own failure, are none.
    """
    status = reading.status
    if status is None or (reading.ok and not reading.ending.clean):
        return Presence(
            backend, answers=False, objection=phrase("presence-silent", ending=phrase(f"ending-{reading.ending.kind}"))
        )
    if status in (401, 403):
        key = "presence-key-missing" if backend.key is None else "presence-key-refused"
        in_json = reading.shape is Shape.JSON
        return Presence(backend, answers=False, certain=in_json, objection=phrase(key, status=status))
    if status >= 500 or 300 <= status < 400:
        return Presence(backend, answers=False, objection=phrase("presence-status", status=status))
    models = read_models(reading)
    if models.ids:
        return Presence(backend, answers=True, certain=True, models=models)
    if reading.ok and reading.shape is Shape.HTML:
        return Presence(backend, answers=False, objection=phrase("presence-page"))
    listed = reading.ok and _is_list(reading)
    objection = phrase("presence-no-models") if listed else phrase("presence-no-list", status=status)
    return Presence(backend, answers=True, certain=listed, models=models, objection=objection)


def _is_list(reading: Reading) -> bool:
    """Whether it is a list of models, which may be empty: Ollama without a model writes `"data": null`."""
    try:
        value = loads(reading.body)
    except BrokenJsonError:
        return False
    return isinstance(value, dict) and value.get("data", 0) in (None, [])
