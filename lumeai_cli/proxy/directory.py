"""Keeps what the backends offer: asks each for its list of models, and remembers it for a while."""

import asyncio
import time
from collections.abc import Mapping

from lumeai_cli.backends.backend import Backend, Kind, credentials
from lumeai_cli.backends.models import ModelList, read_models
from lumeai_cli.proxy.plan import Plan
from lumeai_cli.proxy.route import Offers
from lumeai_cli.proxy.spoken import MODEL
from lumeai_cli.transport.call import Engine, HttpRequest, Limits, perform
from lumeai_cli.wire.exchange import Asked
from lumeai_cli.wire.reading import read

FRESH_SECONDS = 60.0
AGAIN_SECONDS = 10.0
"""A backend that told no list is asked again sooner."""

ASK = Limits(connect=2.0, first_byte=5.0, silence=5.0, total=8.0, body=8 * 1024 * 1024)


class Directory:
    """The lists of one plan's backends. A request never waits for a list but the very first one, and that not long."""

    def __init__(self, plan: Plan, engine: Engine, agent: str) -> None:
        self.plan = plan
        self._engine = engine
        self._agent = agent
        self._lists: dict[str, ModelList | None] = {}
        self._asked: dict[str, float] = {}
        self._asking: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def offers(self) -> Offers:
        """What is known now."""
        settings = self.plan.settings
        return Offers(self.plan.backends, dict(self._lists), dict(settings.aliases), settings.substitute)

    @property
    def lists(self) -> Mapping[str, ModelList | None]:
        """The list of each backend that was asked; None: it told none."""
        return self._lists

    async def fresh(self) -> None:
        """Asks whoever has to be asked again, and waits for those that were never asked."""
        now = time.monotonic()
        due = [backend for backend in self.plan.backends if self._due(backend, now)]
        if not due:
            return
        for backend in due:
            self._asked[backend.name] = now
        new = [backend for backend in due if backend.name not in self._lists]
        async with asyncio.TaskGroup() as group:
            for backend in new:
                group.create_task(self.ask(backend))

    def stale(self) -> tuple[Backend, ...]:
        """The backends whose lists have grown old."""
        now = time.monotonic()
        return tuple(one for one in self.plan.backends if one.name in self._lists and self._due(one, now))

    async def renew(self) -> None:
        """Asks for the lists that have grown old; requests go on with the old ones meanwhile."""
        async with asyncio.TaskGroup() as group:
            for backend in self.stale():
                self._asked[backend.name] = time.monotonic()
                group.create_task(self.ask(backend))

    def _due(self, backend: Backend, now: float) -> bool:
        asked = self._asked.get(backend.name)
        told = self._lists.get(backend.name) is not None
        return asked is None or now - asked > (FRESH_SECONDS if told else AGAIN_SECONDS)

    async def ask(self, backend: Backend) -> ModelList | None:
        """Asks one backend for its list, and keeps it."""
        if backend.kind is Kind.BUILTIN:
            self._lists[backend.name] = ModelList((MODEL,), (MODEL,), Kind.BUILTIN)
            return self._lists[backend.name]
        url = backend.url.rstrip("/") + "/models"
        headers = (("accept", "application/json"), ("user-agent", self._agent), *credentials(backend.key, backend.kind))
        asked = Asked("models", url, method="GET")
        exchange = await perform(self._engine, HttpRequest("GET", url, headers), ASK, asked, "m")
        reading = read(exchange)
        found = read_models(reading)
        self._lists[backend.name] = found if reading.ok and found.ids else None
        return self._lists[backend.name]
