"""What lives as long as the process that serves: its plan, its connections, what is known of the backends."""

import asyncio
import contextlib
from typing import Self

from lumeai_cli import __version__
from lumeai_cli.admission.gate import Gate
from lumeai_cli.flow.circuit import Circuits
from lumeai_cli.proxy.directory import Directory
from lumeai_cli.proxy.driver import Driver, Receive
from lumeai_cli.proxy.patience import Patience
from lumeai_cli.proxy.plan import Plan
from lumeai_cli.proxy.record import LOG, Memory
from lumeai_cli.text.phrase import say
from lumeai_cli.transport.aiohttp_engine import AiohttpEngine
from lumeai_cli.transport.call import Limits

AGENT = f"lumeai/{__version__}"

ENDLESS = 6 * 3600.0
"""Seconds after which an answer is given up that has never fallen silent."""

PATIENCE = Patience()


class Proxy:
    """Use as an async context manager; `reload` takes a new plan for the requests to come."""

    def __init__(self, plan: Plan, patience: Patience = PATIENCE) -> None:
        self.plan = plan
        self.patience = patience
        self.stopping = False
        self.circuits = Circuits()
        self.memory = Memory()
        self.gate = Gate(plan.guard)
        self._stack = contextlib.AsyncExitStack()
        self._drivers: set[Driver] = set()
        self._noted: set[str] = set()

    async def __aenter__(self) -> Self:
        tls = any(backend.url.startswith("https:") for backend in self.plan.backends)
        self.engine = await self._stack.enter_async_context(AiohttpEngine(proxied=False, tls=tls))
        await self._stack.enter_async_context(self.gate)
        self._asking = await self._stack.enter_async_context(asyncio.TaskGroup())
        self.directory = Directory(self.plan, self.engine, AGENT, self._asking, self.patience.lists)
        self._stack.callback(self._stop_asking)
        self.directory.renew()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _stop_asking(self) -> None:
        self.directory.close()

    @property
    def limits(self) -> Limits:
        """How long one attempt may take."""
        settings = self.plan.settings
        return Limits(settings.connect, settings.first_byte, settings.silence, ENDLESS, 256 * 1024 * 1024)

    @property
    def answers(self) -> int:
        """How many are under way."""
        return len(self._drivers)

    def reload(self, plan: Plan) -> None:
        """Takes a new plan; requests that are under way go on by the old one."""
        old = self.directory
        self.plan = plan
        self.gate.reload(plan.guard)
        self.circuits = Circuits()
        self.memory = Memory()
        self.directory = Directory(plan, self.engine, AGENT, self._asking, self.patience.lists, old)
        old.close()
        self.directory.renew()

    async def known(self) -> Directory:
        """The directory; the first requests wait for it a little, and old lists are renewed meanwhile."""
        directory = self.directory
        await directory.fresh()
        return directory

    async def answer(self, driver: Driver, receive: Receive) -> None:
        """Lets a request run, and knows of it while it does."""
        self._drivers.add(driver)
        try:
            await driver.run(receive)
        finally:
            self._drivers.discard(driver)

    def end_answers(self) -> None:
        """Ends what is under way: each client is told."""
        for driver in self._drivers:
            driver.stop()

    def note_route(self, path: str, usual: str) -> None:
        """Tells once of each other path under which clients find their way."""
        if path != usual and path not in self._noted:
            self._noted.add(path)
            LOG.info("%s", say(self.plan.language, "serve-other-route", path=path, usual=usual))
