"""Runs the probes against one target: the part of the doctor that talks to servers and reads the clock."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from lumeai_cli.backends.address import CHAT, variants
from lumeai_cli.backends.backend import Kind
from lumeai_cli.backends.models import FALLBACK, ModelList, read_models
from lumeai_cli.clients import request as requests
from lumeai_cli.clients.openai_sdk import judge as sdk_judge
from lumeai_cli.clients.request import ChatRequest
from lumeai_cli.diagnoses import case as probes
from lumeai_cli.diagnoses.access import too_large
from lumeai_cli.diagnoses.case import Case, Machine
from lumeai_cli.diagnoses.g4f import DEFAULT_PORT, GENERIC
from lumeai_cli.diagnoses.url import is_api
from lumeai_cli.doctor.machine import diverted, g4f_installs, system_proxy
from lumeai_cli.doctor.options import Options
from lumeai_cli.doctor.probe import PROBES
from lumeai_cli.doctor.result import ProbeResult, ProbeStatus
from lumeai_cli.doctor.target import Target
from lumeai_cli.text.phrase import Phrase, phrase
from lumeai_cli.transport.call import Engine, HttpRequest, Limits, perform
from lumeai_cli.transport.rungs import climb
from lumeai_cli.wire.exchange import Asked, Ending, EndingKind, Exchange, Headers, mask
from lumeai_cli.wire.reading import Reading, read

FIRST_PROMPT = "Reply with exactly one word and nothing else: maple"
OTHER_PROMPT = "What is 17 + 25? Reply with the number only."

SIZE_LADDER = (90 * 1024, 101 * 1024, 1126 * 1024)
"""Body sizes around the usual limits: Express 100 KiB (102,400 bytes pass, 102,401 fail), nginx 1 MiB."""

PATIENCE = 1.0
"""Seconds after which the next small questions are asked although the first are still being answered."""

MOST_FRAMES = 50_000
ANNOUNCED_FROM = 5_000  # estimated tokens of a probe that is announced before it is sent

Progress = Callable[[Phrase], None]
Env = dict[str, str]


@dataclass(slots=True)
class _Ledger:
    """What one probe has cost so far; the only thing here that changes after it was made."""

    status: ProbeStatus = ProbeStatus.PASSED
    reason: Phrase | None = None
    seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Examined:
    """All that an examination collected: the case, the exchanges themselves, and how each probe went."""

    case: Case
    exchanges: tuple[Exchange, ...]
    probes: tuple[ProbeResult, ...]
    crashed: str = ""


class Examination:
    """The examination of one target. `run` may be cancelled at any time; `collected` gives what there is by then."""

    def __init__(self, target: Target, options: Options, engine: Engine, env: Env, progress: Progress) -> None:
        self._target = target
        self._options = options
        self._engine = engine
        self._env = env
        self._progress = progress
        self._deadline = time.monotonic() + options.timeout
        self._base = target.address.base
        self._models = ModelList()
        self._kind = target.kind
        self._machine = Machine()
        self._exchanges: list[Exchange] = []
        self._readings: list[Reading] = []
        self._ledger: dict[str, _Ledger] = {}
        self._issued = 0
        self._spent = 0
        self._streaming = True
        self._crashed = ""

    async def run(self) -> None:
        """Asks everything that makes sense, in order; what does not is noted with the reason."""
        if not await self._reach():
            return
        await self._list_models()
        first = await self._open_chat()
        if first is None:
            return
        await self._converse(first)

    def collected(self) -> Examined:
        """What is known so far. A probe without a status was never reached."""
        case = Case(
            self._target.address.base,
            self._base,
            self._kind,
            self._model,
            self._models.chat,
            tuple(self._readings),
            self._machine,
            self._options.slow_after,
        )
        return Examined(case, tuple(self._exchanges), tuple(map(self._result, PROBES)), self._crashed)

    # --- the steps ------------------------------------------------------------------------------------------------

    async def _reach(self) -> bool:
        """The rungs below HTTP. Behind a proxy they prove nothing and are left out."""
        address = self._target.address
        if not address.loopback and system_proxy(address.scheme):
            self._skip(probes.CONNECT, phrase("skip-system-proxy"))
            return True
        self._progress(phrase("progress-connect", url=address.base))
        result = await climb(address.host, address.port, tls=address.scheme == "https", timeout=Limits().connect)
        self._mark(probes.CONNECT, result.ending)
        if result.ending.clean:
            return True
        asked = Asked(probes.CONNECT, address.base + CHAT, stream=True)
        self._keep(Exchange(self._number(), asked, None, (), None, (), result.ending))
        await self._look_at_machine(result.ending)
        self._skip_rest(phrase("skip-unreached", ending=result.ending.kind.value))
        return False

    async def _look_at_machine(self, ending: Ending) -> None:
        address = self._target.address
        suspects_g4f = self._target.kind is Kind.G4F or address.port == DEFAULT_PORT
        installs = None
        if address.loopback and suspects_g4f and ending.kind is EndingKind.REFUSED:
            installs = await asyncio.to_thread(g4f_installs, self._env)
        variable, proxy = diverted(address, self._env)
        self._machine = Machine(installs, variable, proxy)

    async def _list_models(self) -> None:
        if self._may(probes.MODELS):
            reading = await self._get(probes.MODELS, f"{self._base}/models")
            self._models = read_models(reading)
            if self._models.kind is not Kind.UNKNOWN:
                self._kind = self._models.kind
            elif self._target.kind is Kind.G4F and reading.ok:
                self._kind = Kind.UNKNOWN  # its port alone proves nothing
        variable, proxy = diverted(self._target.address, self._env)
        if variable and self._may(probes.PROXY):
            self._machine = Machine(proxy_variable=variable, proxy=proxy)
            await self._detour()
        else:
            self._skip(probes.PROXY, phrase("skip-no-proxy-variable"))

    async def _detour(self) -> None:
        """The model list once more, the way a program goes that obeys the proxy variables."""
        from lumeai_cli.transport.httpx_engine import HttpxEngine  # noqa: PLC0415  # only behind a proxy variable

        async with HttpxEngine(trust_env=True, verify=False) as engine:
            await self._get(probes.PROXY, f"{self._base}/models", engine=engine, with_key=False)

    async def _open_chat(self) -> Reading | None:
        """The first chat request, at the URL as given; where that is no API, at its neighbours."""
        if not self._may(probes.STREAMED):
            self._skip_rest(phrase("skip-needs", probe=probes.STREAMED))
            return None
        prompt = requests.simple(FIRST_PROMPT)
        async with asyncio.TaskGroup() as group:
            streamed = group.create_task(self._chat(probes.STREAMED, prompt, stream=True))
            plain = group.create_task(self._chat(probes.PLAIN, prompt, stream=False))
            await asyncio.wait((streamed, plain), timeout=PATIENCE)
            if not streamed.done() and not plain.done():
                # A slow server is asked its small questions together, as if its stream were sound.
                group.create_task(self._small_questions())
        first = streamed.result()
        if first is None:
            self._skip_rest(phrase("skip-needs", probe=probes.STREAMED))
            return None
        if first.status is None or is_api(first):
            self._skip(probes.VARIANT, phrase("skip-url-works"))
            return first
        return await self._search(first)

    async def _search(self, first: Reading) -> Reading | None:
        """Looks for the API at the neighbouring URLs and goes on at the first that has one."""
        self._relabel(probes.STREAMED, probes.VARIANT)
        self._drop(probes.PLAIN)
        if self._may(probes.VARIANT):
            for base in variants(self._base):
                asked = base + CHAT
                self._progress(phrase("progress-variant", url=asked))
                found = await self._chat(probes.VARIANT, requests.simple(FIRST_PROMPT), stream=True, base=base)
                if found is not None and is_api(found):
                    self._base = base
                    self._ledger.pop(probes.MODELS, None)
                    await self._list_models()
                    prompt = requests.simple(FIRST_PROMPT)
                    self._ledger.pop(probes.STREAMED, None)
                    again = await self._chat(probes.STREAMED, prompt, stream=True)
                    await self._chat(probes.PLAIN, prompt, stream=False)
                    return again
        self._skip_rest(phrase("skip-no-api", status=first.status or 0))
        return None

    async def _converse(self, first: Reading) -> None:
        """Everything that needs a chat endpoint."""
        plain = next((reading for reading in self._readings if reading.asked.probe == probes.PLAIN), None)
        if all(reading is None or not reading.ok for reading in (first, plain)):
            await self._uncover(first)
            self._skip_rest(phrase("skip-refused", status=first.status or 0, ending=first.ending.kind.value))
            return
        if not any(reading is not None and reading.ok and reading.ending.clean for reading in (first, plain)):
            self._skip_rest(phrase("skip-no-end", ending=first.ending.kind.value))
            return
        self._streaming = plain is None or not _sound(plain) or _sound(first)
        if not self._streaming and not any(r.answer.usable for r in self._readings if r.asked.probe == probes.OTHER):
            self._drop(probes.OTHER)  # asked as streams while the first stream was still coming: once more, unstreamed
        await self._small_questions()
        if not self._options.quick:
            await self._agents()
            await self._sizes()
        self._skip_rest(phrase("skip-quick"), large_only=True)
        await self._uncover(first)
        self._skip(probes.G4F_RAW, phrase("skip-nothing-hidden"))

    async def _small_questions(self) -> None:
        """The repeats, an unrelated prompt and the short tool prompts, at once; asked once only."""
        if probes.OTHER in self._ledger:
            return
        self._ledger[probes.OTHER] = _Ledger()
        stream = self._streaming
        async with asyncio.TaskGroup() as group:
            for _ in range(max(0, self._options.repeat - 1) if stream else 0):
                group.create_task(self._chat(probes.STREAMED, requests.simple(FIRST_PROMPT), stream=True))
            group.create_task(self._chat(probes.OTHER, requests.simple(OTHER_PROMPT), stream=stream))
            group.create_task(self._chat(probes.TOOL_XML, requests.small_xml(), stream=stream))
            group.create_task(self._chat(probes.TOOL_NATIVE, requests.small_native(), stream=stream))

    async def _agents(self) -> None:
        """The agent-sized requests, streamed as agents do; where streams are broken, once more without."""
        for name, build, size in (
            (probes.AGENT_XML, requests.agent_xml, self._options.xml_chars),
            (probes.AGENT_NATIVE, requests.agent_native, self._options.native_chars),
        ):
            prompt = build(size)
            reading = await self._chat(name, prompt, stream=True)
            if reading is not None and not self._streaming and reading.ok and not reading.answer.usable:
                await self._chat(name, prompt, stream=False)

    async def _sizes(self) -> None:
        """The tiny prompt in bodies of growing size: white space in JSON weighs bytes, and no tokens."""
        prompt = requests.simple(FIRST_PROMPT)
        for size in SIZE_LADDER:
            reading = await self._chat(probes.SIZES, prompt, stream=False, padded_to=size)
            if reading is None or not reading.ok or too_large(reading):
                break

    async def _uncover(self, first: Reading) -> None:
        """Asks G4F for the cause that its generic error hides."""
        hidden = [r for r in self._readings if any(GENERIC in error.message for error in r.answer.errors)]
        if hidden or (self._kind is Kind.G4F and not first.ok):
            prompt = requests.simple(FIRST_PROMPT)
            await self._chat(probes.G4F_RAW, prompt, stream=False, extra={"raw": True})

    # --- one request ----------------------------------------------------------------------------------------------

    @property
    def _model(self) -> str | None:
        """The model asked for: the user's, else the first of the list that can chat, else none that is known."""
        return self._options.model or self._target.model or next(iter(self._models.chat), None)

    async def _chat(
        self,
        probe: str,
        prompt: ChatRequest,
        *,
        stream: bool,
        base: str = "",
        padded_to: int = 0,
        extra: dict[str, Any] | None = None,
    ) -> Reading | None:
        """One chat completion; None if it may not be asked (the reason is noted)."""
        if not self._may(probe, prompt.prompt_chars):
            return None
        model = self._model or FALLBACK
        body = json.dumps({**prompt.body(model, stream=stream), **(extra or {})}, ensure_ascii=False).encode()
        body = b"{" + b" " * max(0, padded_to - len(body)) + body[1:]
        asked = Asked(
            probe,
            (base or self._base) + CHAT,
            stream=stream,
            model=model,
            body_bytes=len(body),
            prompt_chars=prompt.prompt_chars,
            tools=prompt.tool_names,
            xml_tools=prompt.xml_tools,
            wants_tool=prompt.wants_tool,
            key_sent=self._target.key is not None,
        )
        estimate = prompt.prompt_chars // 4
        if estimate >= ANNOUNCED_FROM:
            self._progress(phrase("progress-large", probe=probe, chars=prompt.prompt_chars, tokens=estimate))
        else:
            self._progress(phrase("progress-probe", probe=probe))
        reading = await self._ask(asked, body)
        usage = reading.answer.usage
        ledger = self._ledger[probe]
        if reading.ok:
            ledger.prompt_tokens += usage.prompt if usage and usage.prompt > 0 else 0
            ledger.completion_tokens += usage.completion if usage and usage.completion > 0 else 0
            self._spent += (usage.prompt if usage and usage.prompt > 0 else estimate) + (
                usage.completion if usage and usage.completion > 0 else len(reading.answer.text) // 4
            )
        return reading

    async def _get(self, probe: str, url: str, *, engine: Engine | None = None, with_key: bool = True) -> Reading:
        asked = Asked(probe, url, "GET", key_sent=with_key and self._target.key is not None)
        self._progress(phrase("progress-probe", probe=probe))
        return await self._ask(asked, b"", engine=engine)

    async def _ask(self, asked: Asked, body: bytes, *, engine: Engine | None = None) -> Reading:
        identity = self._number()
        left = self._deadline - time.monotonic()
        large = PROBES[asked.probe].large
        # Half of what is left at most: one silent answer must not eat the whole examination.
        limits = Limits(
            first_byte=min(150.0 if large else 60.0, left / 2),
            silence=min(60.0, left / 2),
            total=min(150.0 if large else 75.0, left / 2),
        )
        request = HttpRequest(asked.method, asked.url, self._headers(asked), body)
        exchange = await perform(engine or self._engine, request, limits, asked, identity)
        return self._keep(exchange)

    def _headers(self, asked: Asked) -> Headers:
        headers = [("accept", "*/*"), ("accept-encoding", "identity"), ("user-agent", "lumeai-doctor")]
        if asked.method == "POST":
            headers.append(("content-type", "application/json"))
        key = self._target.key
        if key is not None and asked.key_sent:
            headers.append(("authorization", f"Bearer {key.reveal()}"))
            if self._target.kind is Kind.ANTHROPIC:
                headers += [("x-api-key", key.reveal()), ("anthropic-version", "2023-06-01")]
        return tuple(headers)

    # --- the books ------------------------------------------------------------------------------------------------

    def _number(self) -> str:
        self._issued += 1
        return f"e{self._issued}"

    def _keep(self, exchange: Exchange) -> Reading:
        key = self._target.key
        exchange = mask(exchange, (key.reveal(),) if key is not None else ())
        reading = read(exchange, frames=MOST_FRAMES)
        self._exchanges.append(exchange)
        self._readings.append(reading)
        ledger = self._ledger.setdefault(exchange.asked.probe, _Ledger())
        ledger.seconds += exchange.ending.at
        return reading

    def _may(self, probe: str, chars: int = 0) -> bool:
        """Whether this probe may be sent now; if not, the reason is noted."""
        if probe not in self._options.probes:
            self._skip(probe, phrase("skip-not-chosen"))
            return False
        if self._deadline - time.monotonic() < 1.0:
            self._note(probe, ProbeStatus.NOT_JUDGED, phrase("skip-time", seconds=f"{self._options.timeout:g}"))
            return False
        budget = self._options.budget_for(loopback=self._target.address.loopback)
        if budget is not None and PROBES[probe].tokens and self._spent + chars // 4 > budget - (budget == 0):
            self._note(probe, ProbeStatus.NOT_JUDGED, phrase("skip-budget", tokens=chars // 4, budget=budget))
            return False
        self._ledger.setdefault(probe, _Ledger())
        return True

    def _mark(self, probe: str, ending: Ending) -> None:
        self._ledger[probe] = _Ledger(seconds=ending.at)

    def _note(self, probe: str, status: ProbeStatus, reason: Phrase) -> None:
        if probe not in self._ledger or self._ledger[probe].reason is None:
            self._ledger[probe] = replace(self._ledger.get(probe, _Ledger()), status=status, reason=reason)

    def _skip(self, probe: str, reason: Phrase) -> None:
        if probe not in self._ledger:
            self._ledger[probe] = _Ledger(ProbeStatus.SKIPPED, reason)

    def _skip_rest(self, reason: Phrase, *, large_only: bool = False) -> None:
        for name, probe in PROBES.items():
            if probe.large or not large_only:
                self._skip(name, reason)

    def _relabel(self, old: str, new: str) -> None:
        """The readings of one probe become those of another: what was thought a stream was a wrong URL."""

        def renamed(asked: Asked) -> Asked:
            return replace(asked, probe=new) if asked.probe == old else asked

        self._exchanges = [replace(exchange, asked=renamed(exchange.asked)) for exchange in self._exchanges]
        self._readings = [replace(reading, asked=renamed(reading.asked)) for reading in self._readings]
        if old in self._ledger:
            self._ledger[new] = self._ledger.pop(old)

    def _drop(self, probe: str) -> None:
        """Forgets the readings of a probe that was asked at the wrong URL."""
        self._exchanges = [exchange for exchange in self._exchanges if exchange.asked.probe != probe]
        self._readings = [reading for reading in self._readings if reading.asked.probe != probe]
        self._ledger.pop(probe, None)

    def _result(self, name: str) -> ProbeResult:
        ledger = self._ledger.get(name)
        if ledger is None:
            return ProbeResult(name, ProbeStatus.NOT_JUDGED, phrase("skip-interrupted"))
        return ProbeResult(
            name,
            ledger.status,
            ledger.reason,
            round(ledger.seconds, 3),
            ledger.prompt_tokens,
            ledger.completion_tokens,
            tuple(reading.exchange for reading in self._readings if reading.asked.probe == name),
        )

    async def guarded(self) -> None:
        """Runs; a fault of lumeai's own is kept as one, and never taken for a fault of the server."""
        try:
            await self.run()
        except Exception as error:  # noqa: BLE001  # the rim: whatever it is, the report must be written
            self._crashed = _crash(error)
            for name in PROBES:
                if name not in self._ledger:
                    self._ledger[name] = _Ledger(ProbeStatus.CRASHED, phrase("crashed", error=self._crashed))


def _sound(reading: Reading) -> bool:
    outcome = sdk_judge(reading)
    return outcome is not None and outcome.ok


def _crash(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f" at {frame.tb_frame.f_code.co_name}:{frame.tb_lineno}" if frame is not None else ""
    return f"{type(error).__name__}{place}"
