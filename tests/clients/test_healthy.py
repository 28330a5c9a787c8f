"""Every healthy server of the lab gets `ok` from every client, for each request that the client would send."""

import asyncio
import json
from collections.abc import Iterator, Mapping

import pytest

from lumeai_cli.clients.profile import Profile, Protocol
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.clients.request import ChatRequest, agent_native, agent_xml, simple, small_native, small_xml
from lumeai_cli.lab import SPECIMENS, LabServer, running_lab
from lumeai_cli.transport.call import HttpRequest, Limits, perform
from lumeai_cli.transport.httpx_engine import HttpxEngine
from lumeai_cli.wire.exchange import Asked
from lumeai_cli.wire.reading import Reading, read

HEALTHY = [name for name, specimen in SPECIMENS.items() if specimen.healthy]

TEXT = simple("Reply with the one word: maple")

SENT: Mapping[Protocol, tuple[ChatRequest, ...]] = {
    Protocol.XML: (TEXT, small_xml(), agent_xml()),
    Protocol.NATIVE: (TEXT, small_native(), agent_native()),
    Protocol.SDK: (TEXT, small_native()),
}
"""What stands for a client's requests; each goes out streamed and not."""


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    """A quick lab."""
    with running_lab(time_scale=0.02) as running:
        yield running


async def answers(url: str, requests: Mapping[str, tuple[ChatRequest, bool]]) -> dict[str, Reading]:
    """What the server says to each of these requests, which go out together."""
    async with HttpxEngine(proxied=False, tls=False) as engine:

        async def ask(request: ChatRequest, *, stream: bool) -> Reading:
            body = json.dumps(request.body("lab-model", stream=stream)).encode()
            asked = Asked(
                "test",
                url,
                stream=stream,
                tools=request.tool_names,
                xml_tools=request.xml_tools,
                wants_tool=request.wants_tool,
            )
            headers = (("content-type", "application/json"), ("authorization", "Bearer sk-test-key"))
            return read(await perform(engine, HttpRequest("POST", url, headers, body), Limits(), asked, "e1"))

        told = await asyncio.gather(*(ask(request, stream=stream) for request, stream in requests.values()))
    return dict(zip(requests, told, strict=True))


def sent(profile: Profile) -> Iterator[tuple[str, ChatRequest, bool]]:
    """The requests that stand for this client's."""
    for place, request in enumerate(SENT[profile.protocol]):
        for stream in (True, False):
            yield f"{profile.protocol} {place} {'streamed' if stream else 'plain'}", request, stream


@pytest.mark.parametrize("specimen", HEALTHY)
def test_a_healthy_server_is_fine_for_every_client(lab: LabServer, specimen: str) -> None:
    """Whoever blames one of these is wrong; no client is left without a request that it was judged by."""
    wanted = {name: (request, stream) for profile in PROFILES.values() for name, request, stream in sent(profile)}
    told = asyncio.run(answers(f"{lab.url(specimen)}/chat/completions", wanted))
    for profile in PROFILES.values():
        met = {name: profile.judge(told[name]) for name, _, _ in sent(profile)}
        judged = {name: outcome.kind for name, outcome in met.items() if outcome is not None}
        assert set(judged.values()) == {"ok"}, (profile.name, met)
        assert any(name.endswith("streamed") for name in judged)
