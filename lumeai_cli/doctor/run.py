"""Runs the probes against one target, in the order in which each makes sense."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from lumeai_cli.backends.address import CHAT, variants
from lumeai_cli.backends.backend import Kind
from lumeai_cli.backends.models import FALLBACK, ModelList, read_models
from lumeai_cli.clients import request as requests
from lumeai_cli.clients.openai_sdk import judge as sdk_judge
from lumeai_cli.clients.request import ChatRequest
from lumeai_cli.diagnoses import case as probes
from lumeai_cli.diagnoses.access import model_refused, too_large
from lumeai_cli.diagnoses.case import Case, Machine
from lumeai_cli.diagnoses.g4f import DEFAULT_PORT, GENERIC
from lumeai_cli.diagnoses.url import is_api
from lumeai_cli.doctor.inquirer import Inquirer, Progress
from lumeai_cli.doctor.ledger import Ledger
from lumeai_cli.doctor.machine import behind_proxy, diverted, g4f_installs
from lumeai_cli.doctor.options import Options
from lumeai_cli.doctor.probe import PROBES
from lumeai_cli.doctor.result import ProbeResult, ProbeStatus
from lumeai_cli.doctor.target import Target
from lumeai_cli.text.phrase import Phrase, phrase
from lumeai_cli.transport.call import Engine, Limits
from lumeai_cli.transport.rungs import climb
from lumeai_cli.wire.exchange import Asked, Ending, EndingKind, Exchange, header
from lumeai_cli.wire.reading import Reading

FIRST = requests.simple("Reply with exactly one word: maple")
OTHER = requests.simple("What is 17 + 25? Reply with the number only.")

SIZE_LADDER = (90 * 1024, 101 * 1024, 1126 * 1024)
"""Body sizes around the usual limits: Express 100 KiB (102,400 bytes pass, 102,401 fail), nginx 1 MiB."""

PATIENCE = 0.5
"""Seconds after which the next small questions are asked although the first are still being answered."""


HEAD_START = 0.02

MOST_WAIT = 30.0
"""Seconds that a `Retry-After` is obeyed at most."""

MOST_MODELS = 4
"""Models of a list that are tried where nobody named one."""


@dataclass(frozen=True, slots=True)
class Question:
    """One chat request that may be put beside others."""

    probe: str
    prompt: ChatRequest
    stream: bool


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
        self._streaming = True
        self._small_asked = False
        self._crashed = ""

    async def run(self) -> None:
        """Asks everything that makes sense; a fault of lumeai's own is kept as one, and never blamed on the server."""
        try:
            if await self._reach():
                await self._list_models()
                first = await self._open_chat()
                if first is not None:
                    await self._converse(first)
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
        invented = self._guessed and not self._models.chat and self._inquirer.model is not None
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
        self._end(phrase("skip-unreached", ending=result.ending.kind.value))
        return False

    async def _look_at_machine(self, ending: Ending) -> None:
        """Where nobody listens: is there a G4F that cannot start, or a proxy that would have been asked instead?"""
        address = self._target.address
        suspects_g4f = self._target.kind is Kind.G4F or address.port == DEFAULT_PORT
        installs = None
        if address.loopback and suspects_g4f and ending.kind is EndingKind.REFUSED:
            installs = await asyncio.to_thread(g4f_installs, self._env)
        self._machine = Machine(installs, *diverted(address, self._env))

    async def _list_models(self) -> None:
        """Who is this, and which models are there?"""
        if self._inquirer.may(probes.MODELS):
            reading = await self._inquirer.get(probes.MODELS, f"{self._inquirer.base}/models")
            self._models = read_models(reading)
            if self._models.kind is not Kind.UNKNOWN:
                self._kind = self._models.kind
            elif not self._target.named and reading.ok:
                self._kind = Kind.UNKNOWN  # it was a guess by the port, which proves nothing
        if self._guessed:
            self._inquirer.model = next(iter(self._models.chat), FALLBACK)
        await self._detour()

    async def _detour(self) -> None:
        """The model list once more, the way a program goes that obeys the proxy variables."""
        variable, proxy = diverted(self._target.address, self._env)
        if not variable:
            self._ledger.skip([probes.PROXY], phrase("skip-no-proxy-variable"))
        elif probes.PROXY not in self._ledger and self._inquirer.may(probes.PROXY):
            from lumeai_cli.transport.httpx_engine import HttpxEngine  # noqa: PLC0415  # only behind such a variable

            self._machine = Machine(proxy_variable=variable, proxy=proxy)
            async with HttpxEngine(proxied=True, tls=False) as engine:
                await self._inquirer.get(probes.PROXY, f"{self._inquirer.base}/models", engine=engine)

    async def _open_chat(self) -> Reading | None:
        """The first chat requests, at the URL as given; where that is no API, at its neighbours."""
        first, plain = await self._opening(patient=True)
        if first is None:
            self._end(phrase("skip-needs", probe=probes.STREAMED))
            return None
        if first.status in (307, 308):
            first, plain = await self._followed(first)
        if first.status is not None and not is_api(first) and (plain is None or not is_api(plain)):
            return await self._search(first)
        self._ledger.skip([probes.VARIANT], phrase("skip-url-works"))
        if self._guessed and model_refused(first):
            return await self._other_models(first)
        return first

    async def _opening(self, *, patient: bool) -> tuple[Reading | None, Reading | None]:
        """The tiny prompt, streamed and not; behind a slow answer the other small questions go out, too."""
        opening = [Question(probes.STREAMED, FIRST, stream=True), Question(probes.PLAIN, FIRST, stream=False)]
        async with asyncio.TaskGroup() as group:
            tasks = [(opening[0], group.create_task(self._put(opening[0], together=False)))]
            await asyncio.sleep(HEAD_START)  # the first in a queue has nothing to wait for: its time is its own
            tasks.append((opening[1], group.create_task(self._put(opening[1], together=True))))
            await asyncio.wait([task for _, task in tasks], timeout=PATIENCE)
            if patient and not any(task.done() for _, task in tasks):
                self._small_asked = True
                tasks += [
                    (question, group.create_task(self._put(question, together=True))) for question in self._small()
                ]
        readings = [await self._settled(question, task.result()) for question, task in tasks]
        return readings[0], readings[1]

    async def _followed(self, first: Reading) -> tuple[Reading, Reading | None]:
        """Goes where a redirect of the same origin leads, as clients do with method, body and key."""
        here, location = first.asked.url, header(first.headers, "location")
        there = urljoin(here, location)
        if not location or urlsplit(there)[:2] != urlsplit(here)[:2]:
            return first, None
        self._ledger.rename(probes.STREAMED, probes.VARIANT)
        self._ledger.drop(probes.PLAIN)
        self._inquirer.chat_url = there
        again, plain = await self._opening(patient=False)
        if again is None or not is_api(again):
            self._inquirer.chat_url = ""
        return again or first, plain

    async def _search(self, first: Reading) -> Reading | None:
        """Looks for the API at the neighbouring URLs and goes on at the first that has one."""
        self._ledger.rename(probes.STREAMED, probes.VARIANT)
        self._ledger.drop(probes.PLAIN)
        for base in variants(self._inquirer.base):
            self._progress(phrase("progress-variant", url=base + CHAT))
            found = await self._inquirer.chat(probes.VARIANT, FIRST, stream=True, url=base + CHAT)
            if found is not None and is_api(found):
                self._inquirer.base = base
                self._ledger.reopen(probes.MODELS)
                await self._list_models()
                return (await self._opening(patient=False))[0]
        self._end(phrase("skip-no-api", status=first.status or 0))
        return None

    async def _other_models(self, first: Reading) -> Reading | None:
        """A model that only we chose, and the server refuses, is no fault of the server's: the next of its list."""
        if not self._models.chat:
            self._ledger.drop(probes.PLAIN)
            self._ledger.drop(probes.STREAMED)
            self._ledger.note(probes.STREAMED, ProbeStatus.NOT_JUDGED, phrase("skip-name-a-model", model=FALLBACK))
            self._inquirer.model = None
            self._end(phrase("skip-needs", probe=probes.STREAMED))
            return None
        for model in self._models.chat[1:MOST_MODELS]:
            self._inquirer.model = model
            self._ledger.drop(probes.PLAIN)
            self._ledger.drop(probes.STREAMED)
            again, _ = await self._opening(patient=False)
            if again is None or not model_refused(again):
                return again
            first = again
        return first

    async def _converse(self, first: Reading) -> None:
        """Everything that needs a chat endpoint."""
        opening = [first, *self._ledger.of(probes.PLAIN)]
        if not any(reading.ok for reading in opening):
            await self._uncover()
            self._end(phrase("skip-refused", status=first.status or 0, ending=first.ending.kind.value))
            return
        if not any(reading.ok and reading.ending.clean and reading.readable for reading in opening):
            ending = first.ending.kind.value if first.readable else first.encoding
            self._end(phrase("skip-no-end", ending=ending))
            return
        self._streaming = _sound(first) or not any(_sound(reading) for reading in opening)
        unheard = not self._streaming and not any(reading.answer.usable for reading in self._ledger.of(probes.OTHER))
        if unheard or not self._small_asked:
            self._ledger.drop(probes.OTHER)  # if it was asked, then as a stream that could not be read
            await self._ask_together(self._small())
        if self._options.quick:
            self._end(phrase("skip-quick"), (name for name, probe in PROBES.items() if probe.large))
        else:
            await self._agents()
            await self._sizes()
        await self._uncover()
        self._end(phrase("skip-nothing-hidden"))

    def _small(self) -> list[Question]:
        """The repeats, an unrelated prompt and the short tool prompts."""
        stream = self._streaming
        repeats = [Question(probes.STREAMED, FIRST, stream=True)] * (self._options.repeat - 1 if stream else 0)
        return [
            *repeats,
            Question(probes.OTHER, OTHER, stream=stream),
            Question(probes.TOOL_XML, requests.small_xml(), stream=stream),
            Question(probes.TOOL_NATIVE, requests.small_native(), stream=stream),
        ]

    async def _ask_together(self, questions: Sequence[Question]) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [(question, group.create_task(self._put(question, together=True))) for question in questions]
        for question, task in tasks:
            await self._settled(question, task.result())

    async def _put(self, question: Question, *, together: bool) -> Reading | None:
        return await self._inquirer.chat(question.probe, question.prompt, stream=question.stream, together=together)

    async def _settled(self, question: Question, reading: Reading | None) -> Reading | None:
        """A reading that failed beside others is asked anew, alone: agents send one request at a time."""
        if reading is None or not _suffered(reading):
            return reading
        if not self._inquirer.may(question.probe, question.prompt.prompt_chars):
            return reading
        self._ledger.withdraw(reading)
        if reading.status == 429:
            after = header(reading.headers, "retry-after")
            await asyncio.sleep(min(float(after), MOST_WAIT) if after.isascii() and after.isdigit() else 1.0)
        return await self._put(question, together=False)

    async def _agents(self) -> None:
        """The agent-sized requests, streamed as agents do; where streams are broken, once more without."""
        for name, prompt in (
            (probes.AGENT_XML, requests.agent_xml(self._options.xml_chars)),
            (probes.AGENT_NATIVE, requests.agent_native(self._options.native_chars)),
        ):
            reading = await self._inquirer.chat(name, prompt, stream=True)
            if reading is not None and not self._streaming and reading.ok and not reading.answer.usable:
                await self._inquirer.chat(name, prompt, stream=False)

    async def _sizes(self) -> None:
        """The tiny prompt in bodies of growing size, until one is refused."""
        for size in SIZE_LADDER:
            reading = await self._inquirer.chat(probes.SIZES, FIRST, stream=False, padded_to=size)
            if reading is None or not reading.ok or too_large(reading):
                break

    async def _uncover(self) -> None:
        """Asks G4F for the cause that its generic error hides."""
        if any(GENERIC in error.message for reading in self._ledger.readings for error in reading.answer.errors):
            await self._inquirer.chat(probes.G4F_RAW, FIRST, stream=False, extra={"raw": True})

    def _end(self, reason: Phrase, names: Iterable[str] = PROBES) -> None:
        """Closes the probes of which nothing was sent."""
        self._ledger.skip(names, reason)


def _suffered(reading: Reading) -> bool:
    """Whether other requests under way may be to blame: too many at once, a full queue, a connection dropped."""
    if not reading.asked.together:
        return False
    return reading.status in (429, 503) or reading.ending.kind in _BROKEN_OFF


_BROKEN_OFF = (EndingKind.RESET, EndingKind.CUT, EndingKind.TIMEOUT_FIRST, EndingKind.TIMEOUT_SILENCE)


def _sound(reading: Reading) -> bool:
    outcome = sdk_judge(reading)
    return outcome is not None and outcome.ok


def _crash(error: BaseException) -> str:
    """A fault of our own in a few words that a report may hold."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" in {trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__}{place}"
