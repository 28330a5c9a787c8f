"""Keeps what the backends offer: asks each for its list of models, and remembers it for a while."""

import asyncio
import time
from collections.abc import Mapping

from lumeai_cli.backends.backend import Backend, Kind, credentials
from lumeai_cli.backends.models import ModelList
from lumeai_cli.flow.route import Offers
from lumeai_cli.flow.spoken import MODEL
from lumeai_cli.proxy.plan import Plan
from lumeai_cli.proxy.presence import judged
from lumeai_cli.proxy.record import LOG
from lumeai_cli.transport.call import Engine, HttpRequest, Limits, perform
from lumeai_cli.wire.exchange import Asked
from lumeai_cli.wire.reading import read

FRESH_SECONDS = 60.0
AGAIN_SECONDS = 10.0
"""A backend that told no list is asked again sooner."""

ASK = Limits(connect=2.0, first_byte=5.0, silence=5.0, total=8.0, body=8 * 1024 * 1024)


class Directory:
    """The lists of one plan's backends.

    A list is asked for beside the requests, in `tasks`, once at a time however many want it. Only who comes within
    `patience` seconds after the very first asking waits for the answer, and not longer than until these have passed.
    What an `earlier` directory knows of the same backends is taken over.
    """

    def __init__(
        self,
        plan: Plan,
        engine: Engine,
        agent: str,
        tasks: asyncio.TaskGroup,
        patience: float,
        earlier: "Directory | None" = None,
    ) -> None:
        self.plan = plan
        self._engine = engine
        self._agent = agent
        self._tasks = tasks
        self._patience = patience
        self._lists: dict[str, ModelList | None] = {}
        self._answers: dict[str, bool] = {}
        self._told: dict[str, float] = {}
        self._asking: dict[str, tuple[float, asyncio.Task[None]]] = {}
        for backend, (found, answers, at) in earlier.known.items() if earlier is not None else ():
            if backend in plan.backends:
                self._lists[backend.name] = found
                self._answers[backend.name] = answers
                self._told[backend.name] = at

    @property
    def offers(self) -> Offers:
        """What is known now."""
        settings = self.plan.settings
        return Offers(self.plan.backends, dict(self._lists), dict(settings.aliases), settings.substitute)

    @property
    def lists(self) -> Mapping[str, ModelList | None]:
        """The last list of each backend that was asked; None: it never told one."""
        return self._lists

    @property
    def known(self) -> Mapping[Backend, tuple[ModelList | None, bool, float]]:
        """What each backend that was asked told, whether it answered, and when."""
        asked = (backend for backend in self.plan.backends if backend.name in self._told)
        return {one: (self._lists[one.name], self.answers(one), self._told[one.name]) for one in asked}

    def answers(self, backend: Backend) -> bool:
        """Whether requests may be sent there, as far as its last answer told: be it that it told no list."""
        return self._answers.get(backend.name, False)

    async def fresh(self, age: float = FRESH_SECONDS) -> None:
        """Has every list asked for that is older; waits, if at all, as the class says.

        A smaller `age` than the usual one is for who wants to know how things are now: it waits for what it asked.
        """
        self.renew(age)
        if not self._asking:
            return
        now = time.monotonic()
        waiting = [
            (began, task)
            for name, (began, task) in self._asking.items()
            if name not in self._told or age < FRESH_SECONDS
        ]
        patience = max((began + self._patience - now for began, _ in waiting), default=0.0)
        if patience > 0:
            await asyncio.wait([task for _, task in waiting], timeout=patience)

    def renew(self, age: float = FRESH_SECONDS) -> None:
        """Has every list asked for that is older than `age`; nobody waits for that."""
        now = time.monotonic()
        for backend in self.plan.backends:
            told = self._told.get(backend.name)
            whole = self.answers(backend) and self._lists[backend.name] is not None
            limit = min(age, FRESH_SECONDS if whole else AGAIN_SECONDS)
            if backend.name in self._asking or (told is not None and now - told < limit):
                continue
            if backend.kind is Kind.BUILTIN:
                self._keep(backend, ModelList((MODEL,), (MODEL,), Kind.BUILTIN), answers=True)
            else:
                self._asking[backend.name] = now, self._tasks.create_task(self._ask(backend))

    def close(self) -> None:
        """Asks nobody any more."""
        for _, task in self._asking.values():
            task.cancel()

    def _keep(self, backend: Backend, found: ModelList | None, *, answers: bool) -> None:
        """A backend that tells no list for once has not lost its models by that."""
        self._answers[backend.name] = answers
        self._lists[backend.name] = found or self._lists.get(backend.name)
        self._told[backend.name] = time.monotonic()

    async def _ask(self, backend: Backend) -> None:
        """Asks one backend for its list, and keeps it."""
        found: ModelList | None = None
        answers = False
        try:
            found, answers = await self._list_of(backend)
        except Exception as error:  # noqa: BLE001  # without a list the proxy serves all the same
            LOG.error("the list of %s could not be read", backend.name, exc_info=error)
        finally:
            self._asking.pop(backend.name, None)
        self._keep(backend, found, answers=answers)

    async def _list_of(self, backend: Backend) -> tuple[ModelList | None, bool]:
        url = backend.url.rstrip("/") + "/models"
        headers = (("accept", "application/json"), ("user-agent", self._agent), *credentials(backend.key, backend.kind))
        asked = Asked("models", url, method="GET")
        exchange = await perform(self._engine, HttpRequest("GET", url, headers), ASK, asked, "m")
        presence = judged(backend, read(exchange))
        return presence.models if presence.models.ids else None, presence.answers
