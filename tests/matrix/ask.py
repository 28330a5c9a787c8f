"""What each kind of client sends through the proxy, and what its user meets: the exchange is recorded by a real HTTP
client and judged by the profile of every client of that kind, as the doctor judges a server.
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from lumeai_cli.clients import request as requests
from lumeai_cli.clients.outcome import Outcome, OutcomeKind
from lumeai_cli.clients.profile import Protocol
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.clients.request import ChatRequest
from lumeai_cli.clients.tool import XML_TOOLS
from lumeai_cli.doctor.question import made_up_result
from lumeai_cli.transport.call import HttpRequest, Limits, perform
from lumeai_cli.transport.httpx_engine import HttpxEngine
from lumeai_cli.wire.exchange import Asked, Exchange
from lumeai_cli.wire.reading import Reading, read
from tests.matrix.rig import Rig, Way

AT_ONCE = 24
PLAYED = 3
"""How often the same bytes are sent by a client that repeats itself without bound; the third time nothing is new."""

REPEATS = frozenset({OutcomeKind.LOOP, OutcomeKind.HANG})
"""Outcomes of clients that send the request again by themselves: the next exchange decides."""

LIMITS = Limits(connect=10.0, first_byte=90.0, silence=90.0, total=100.0, body=8 * 1024 * 1024)
WAITS = frozenset({"intermittent-empty"})
"""What fails every second time: the request is sent once before, past the proxy, so that it meets the failing one."""


@dataclass(frozen=True, slots=True)
class Form:
    """One request, and the clients that send such a one."""

    name: str
    clients: tuple[str, ...]
    prompt: ChatRequest
    stream: bool

    def body(self, model: str) -> bytes:
        """The bytes of the request."""
        return json.dumps(self.prompt.body(model, stream=self.stream), ensure_ascii=False).encode()

    def asked(self, url: str, body: bytes, model: str) -> Asked:
        """The shape of the request, for its judges."""
        prompt = self.prompt
        return Asked(
            self.name,
            url,
            stream=self.stream,
            model=model,
            body_bytes=len(body),
            prompt_chars=prompt.prompt_chars,
            tools=prompt.tool_names,
            xml_tools=prompt.xml_tools,
            wants_tool=prompt.wants_tool,
        )


CLOSING = frozenset({"kilo-native", "roo"})
"""Native agents that end a task with a tool, `attempt_completion`, and take plain text for a mistake of the model."""

_SMALL = requests.small_native()
_SMALL_CLOSING = replace(
    _SMALL, tools=(*_SMALL.tools, *(tool.schema() for tool in XML_TOOLS if tool.name == "attempt_completion"))
)
_NATIVE = tuple(p.name for p in PROFILES.values() if p.protocol is Protocol.NATIVE and p.name not in CLOSING)
_XML = tuple(p.name for p in PROFILES.values() if p.protocol is Protocol.XML)
_SDK = tuple(p.name for p in PROFILES.values() if p.protocol is Protocol.SDK)
_CLOSING = tuple(sorted(CLOSING))
_WORD = requests.simple("Reply with exactly one word: maple")
FORMS: tuple[Form, ...] = (
    Form("xml stream", _XML, requests.small_xml(), stream=True),
    Form("xml plain", _XML, requests.small_xml(), stream=False),
    Form("native stream", _NATIVE, _SMALL, stream=True),
    Form("closing stream", _CLOSING, _SMALL_CLOSING, stream=True),
    Form("closing plain", _CLOSING, _SMALL_CLOSING, stream=False),
    Form("sdk stream", _SDK, _WORD, stream=True),
    Form("sdk plain", _SDK, _WORD, stream=False),
    Form("xml-agent stream", _XML, requests.agent_xml(), stream=True),
    Form("native-agent stream", _NATIVE, requests.agent_native(), stream=True),
    Form("result stream", _NATIVE, made_up_result(_SMALL), stream=True),
)
"""Small requests of each kind in the modes in which its clients ask, and what agents send: their real sizes, and a
tool's result.
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One request to one pair of backends: what came, and what the user of each client meets, by the client's name."""

    name: str
    way: Way
    form: Form
    reading: Reading
    met: dict[str, Outcome] = field(hash=False)

    @property
    def kinds(self) -> frozenset[OutcomeKind]:
        """What its clients' users meet."""
        return frozenset(outcome.kind for outcome in self.met.values())

    @property
    def told(self) -> str:
        """The error's message that the proxy gave, or nothing."""
        return "; ".join(error.message for error in self.reading.answer.errors)


def cells(rig: Rig, names: Iterable[str], ways: Sequence[Way], forms: Sequence[Form] = FORMS) -> list[Cell]:
    """The cells of these backends, asked side by side."""
    return asyncio.run(_cells(rig, [(name, way, form) for name in names for way in ways for form in forms]))


async def _cells(rig: Rig, wanted: Sequence[tuple[str, Way, Form]]) -> list[Cell]:
    gate = asyncio.Semaphore(AT_ONCE)
    async with HttpxEngine(proxied=False, tls=False) as engine, asyncio.TaskGroup() as group:

        async def one(name: str, way: Way, form: Form) -> Cell:
            async with gate:
                return await _cell(engine, rig, name, way, form)

        tasks = [group.create_task(one(*each)) for each in wanted]
    return [task.result() for task in tasks]


async def _cell(engine: HttpxEngine, rig: Rig, name: str, way: Way, form: Form) -> Cell:
    model = rig.model(name, way)
    if name in WAITS:
        await exchange(engine, rig.lab.url(name), form, "lab-model")
    readings = [read(await exchange(engine, rig.url(name, way), form, model))]
    met: dict[str, Outcome] = {}
    for client in form.clients:
        profile = PROFILES[client]
        outcome: Outcome | None = None
        for played in range(PLAYED):
            if played == len(readings):
                readings.append(read(await exchange(engine, rig.url(name, way), form, model)))
            outcome = profile.judge(readings[played])
            if outcome is None or outcome.kind not in REPEATS:
                break
        if outcome is not None:
            met[profile.name] = outcome
    return Cell(name, way, form, readings[0], met)


async def exchange(engine: HttpxEngine, base: str, form: Form, model: str) -> Exchange:
    """The form's request to this base URL, recorded."""
    url = f"{base}/chat/completions"
    body = form.body(model)
    headers = (("content-type", "application/json"), ("accept", "*/*"), ("accept-encoding", "identity"))
    request = HttpRequest("POST", url, headers, body)
    return await perform(engine, request, LIMITS, form.asked(url, body, model), form.name)
