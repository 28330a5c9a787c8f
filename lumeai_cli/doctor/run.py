"""Runs the probes against one target, in the order in which each makes sense."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from lumeai_cli.backends.address import CHAT, variants
from lumeai_cli.backends.backend import Kind
from lumeai_cli.backends.models import FALLBACK, ModelList, read_models
from lumeai_cli.diagnoses import case as probes
from lumeai_cli.diagnoses.access import model_refused
from lumeai_cli.diagnoses.case import Case, Machine
from lumeai_cli.diagnoses.g4f import DEFAULT_PORT
from lumeai_cli.diagnoses.url import NO_ROUTE, is_api
from lumeai_cli.doctor.conversation import Conversation
from lumeai_cli.doctor.inquirer import Inquirer, Progress
from lumeai_cli.doctor.ledger import Ledger
from lumeai_cli.doctor.machine import behind_proxy, diverted, g4f_installs, listening
from lumeai_cli.doctor.options import Options
from lumeai_cli.doctor.probe import PROBES
from lumeai_cli.doctor.question import FIRST, Question
from lumeai_cli.doctor.result import ProbeResult, ProbeStatus
from lumeai_cli.doctor.target import Target
from lumeai_cli.text.phrase import Phrase, phrase
from lumeai_cli.transport.call import Engine, Limits
from lumeai_cli.transport.rungs import climb
from lumeai_cli.wire.exchange import Asked, Ending, EndingKind, Exchange, redirect_target
from lumeai_cli.wire.reading import Reading

MOST_MODELS = 4
"""Models of a list that are tried where nobody named one."""


@dataclass(frozen=True, slots=True)
class Examined:
    """All that an examination collected: the case, the exchanges themselves, and how each probe went."""

    case: Case
    exchanges: tuple[Exchange, ...]
    probes: tuple[ProbeResult, ...]
    notes: tuple[Phrase, ...] = ()
    crashed: str = ""


class Examination:
    """The examination of one target. `run` may be cancelled at any time; `collected` gives what there is by then."""

    def __init__(
        self, target: Target, options: Options, engine: Engine, env: Mapping[str, str], progress: Progress
    ) -> None:
        self._target = target
        self._options = options
        self._env = env
        self._progress = progress
        self._ledger = Ledger()
        self._inquirer = Inquirer(target, options, engine, self._ledger, progress)
        self._models = ModelList()
        self._kind = target.kind
        self._machine = Machine()
        self._guessed = not self._inquirer.model
        self._conversation = Conversation(self._inquirer, self._ledger, options)
        self._crashed = ""

    async def run(self) -> None:
        """Asks everything that makes sense; a fault of lumeai's own is kept as one, and never blamed on the server."""
        self._ledger.close(phrase("skip-not-chosen"), PROBES.keys() - self._options.probes)
        try:
            if await self._reach():
                await self._list_models()
                first = await self._open_chat()
                if first is not None:
                    await self._conversation.go_on(first, self._kind)
        except Exception as error:  # noqa: BLE001  # the rim: whatever it is, the report must be written
            self._crashed = _crash(error)
            self._ledger.crash(phrase("crashed", error=self._crashed))

    def collected(self) -> Examined:
        """What is known so far."""
        case = Case(
            self._target.address.base,
            self._inquirer.base,
            self._kind,
            self._inquirer.model,
            self._models.chat,
            tuple(self._ledger.readings),
            self._machine,
            self._options.slow_after,
        )
        asked = bool(self._ledger.of(probes.STREAMED))  # before that, a model's name is no matter
        invented = asked and self._guessed and not self._models.chat and self._inquirer.model is not None
        notes = (phrase("note-fallback-model", model=FALLBACK),) if invented else ()
        return Examined(case, tuple(self._ledger.exchanges), self._ledger.results(), notes, self._crashed)

    async def _reach(self) -> bool:
        """The rungs below HTTP. Behind a proxy they prove nothing and are left out."""
        address = self._target.address
        if behind_proxy(address, self._env):
            self._ledger.skip([probes.CONNECT], phrase("skip-system-proxy"))
            return True
        self._progress(phrase("progress-connect", url=address.base))
        result = await climb(address.host, address.port, tls=address.scheme == "https", timeout=Limits().connect)
        if result.ending.clean:
            self._ledger.spend(probes.CONNECT, seconds=result.ending.at)
            return True
        asked = Asked(probes.CONNECT, address.base + CHAT, stream=True)
        self._inquirer.file(Exchange(self._ledger.number(), asked, None, (), None, (), result.ending))
        await self._look_at_machine(result.ending)
        self._ledger.close(phrase("skip-unreached", ending=result.ending.kind.value))
        return False

    async def _look_at_machine(self, ending: Ending) -> None:
        """Where nobody listens: is there a G4F that cannot start, or a proxy that would have been asked instead?"""
        address = self._target.address
        suspects_g4f = self._target.kind is Kind.G4F or address.port == DEFAULT_PORT
        installs = None
        if address.loopback and suspects_g4f and ending.kind is EndingKind.REFUSED:
            installs = await asyncio.to_thread(g4f_installs, self._env)
        variable, proxy = diverted(address, self._env)
        self._machine = Machine(installs, proxy_variable=variable, proxy=proxy)

    async def _list_models(self) -> None:
        """Who is this, and which models are there?"""
        if self._inquirer.may(probes.MODELS):
            reading = await self._inquirer.page(probes.MODELS, f"{self._inquirer.base}/models")
            self._models = read_models(reading)
            if self._models.kind is not Kind.UNKNOWN:
                self._kind = self._models.kind
            elif not self._target.named and reading.ok:
                self._kind = Kind.UNKNOWN  # it was a guess by the port, which proves nothing
        if self._guessed:
            self._inquirer.model = next(iter(self._models.chat), FALLBACK)
        address = self._target.address
        if self._kind is Kind.G4F and address.loopback:
            self._machine = replace(self._machine, listening=await asyncio.to_thread(listening, address.port))
        await self._detour()

    async def _detour(self) -> None:
        """The model list once more, the way a program goes that obeys the proxy variables."""
        variable, proxy = diverted(self._target.address, self._env)
        if not variable:
            self._ledger.skip([probes.PROXY], phrase("skip-no-proxy-variable"))
        elif probes.PROXY not in self._ledger and self._inquirer.may(probes.PROXY):
            from lumeai_cli.transport.httpx_engine import HttpxEngine  # noqa: PLC0415  # only behind such a variable

            self._machine = replace(self._machine, proxy_variable=variable, proxy=proxy)
            async with HttpxEngine(proxied=True, tls=False) as engine:
                await self._inquirer.page(probes.PROXY, f"{self._inquirer.base}/models", engine=engine)

    async def _open_chat(self) -> Reading | None:
        """The first chat requests, at the URL as given; where that is no API, at its neighbours."""
        first, plain = await self._conversation.open(patient=True)
        if first is None:
            await self._conversation.metadata(self._kind)
            self._ledger.close(phrase("skip-needs", probe=probes.STREAMED))
            return None
        if first.status in (307, 308):
            first, plain = await self._followed(first)
        if first.status is not None and not is_api(first) and (plain is None or not is_api(plain)):
            return await self._search(first)
        self._ledger.skip([probes.VARIANT], phrase("skip-url-works"))
        if self._guessed and model_refused(first):
            return await self._other_models(first)
        return first

    async def _followed(self, first: Reading) -> tuple[Reading, Reading | None]:
        """Goes where a redirect of the same origin leads, as clients do with method, body and key."""
        here, there = first.asked.url, redirect_target(first.asked.url, first.headers)
        if urlsplit(there)[:2] != urlsplit(here)[:2]:
            return first, None
        self._ledger.rename(probes.STREAMED, probes.VARIANT)
        self._conversation.start_over()
        self._inquirer.chat_url = there
        again, plain = await self._conversation.open(patient=False)
        if again is None or not is_api(again):
            self._inquirer.chat_url = ""
        return again or first, plain

    async def _search(self, first: Reading) -> Reading | None:
        """Looks for the API at the neighbouring URLs and goes on at the first that has one."""
        self._ledger.rename(probes.STREAMED, probes.VARIANT)
        self._conversation.start_over()
        base = await self._working_base(bare=first.status in NO_ROUTE)
        if not base:
            self._ledger.close(phrase("skip-no-api", status=first.status or 0))
            return None
        self._inquirer.base = base
        self._ledger.reopen(probes.MODELS)
        await self._list_models()
        return (await self._conversation.open(patient=False))[0]

    async def _working_base(self, *, bare: bool) -> str:
        """The first neighbouring base URL at which a chat endpoint answers; empty if none does.

        One that only refuses us counts after all others, and only where nothing stands at the given URL (`bare`): a
        guard at the door refuses everybody, whatever the path.
        """
        refusing = ""
        for base in variants(self._inquirer.base):
            self._progress(phrase("progress-variant", url=base + CHAT))
            found = await self._inquirer.ask(Question(probes.VARIANT, FIRST, stream=True, url=base + CHAT))
            if found is not None and is_api(found):
                if found.ok:
                    return base
                refusing = refusing or base
        return refusing if bare else ""

    async def _other_models(self, first: Reading) -> Reading | None:
        """A model that only we chose, and the server refuses, is no fault of the server's: the next of its list."""
        if not self._models.chat:
            self._conversation.start_over()
            self._ledger.drop(probes.STREAMED)
            self._ledger.note(probes.STREAMED, ProbeStatus.NOT_JUDGED, phrase("skip-name-a-model", model=FALLBACK))
            self._inquirer.model = None
            self._ledger.close(phrase("skip-needs", probe=probes.STREAMED))
            return None
        for model in self._models.chat[1:MOST_MODELS]:
            self._inquirer.model = model
            self._conversation.start_over()
            self._ledger.drop(probes.STREAMED)
            again, _ = await self._conversation.open(patient=False)
            if again is None or not model_refused(again):
                return again
            first = again
        return first


def _crash(error: BaseException) -> str:
    """A fault of our own in a few words that a report may hold."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__}{place}"
