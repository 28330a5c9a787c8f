"""The probes as data: one question to a backend each, with a permanent name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lumeai_cli.diagnoses import case


@dataclass(frozen=True, slots=True)
class Probe:
    """`needs` are probes without which it makes no sense; `large` ones are left out by `--quick`.

    `tokens` says whether it makes the model answer (then it counts against `--budget`).
    """

    name: str
    needs: tuple[str, ...] = ()
    large: bool = False
    tokens: bool = True


_CHAT = (case.STREAMED,)

PROBES: Mapping[str, Probe] = {
    probe.name: probe
    for probe in (
        Probe(case.CONNECT, tokens=False),
        Probe(case.MODELS, tokens=False),
        Probe(case.WINDOW, (case.MODELS,), tokens=False),
        Probe(case.STREAMED, (case.MODELS,)),
        Probe(case.VARIANT, _CHAT),
        Probe(case.PLAIN, _CHAT),
        Probe(case.OTHER, _CHAT),
        Probe(case.TOOL_XML, _CHAT),
        Probe(case.TOOL_NATIVE, _CHAT),
        Probe(case.TOOL_FORCED, (case.TOOL_NATIVE,)),
        Probe(case.TOOL_ABSENT, (case.TOOL_NATIVE,)),
        Probe(case.TOOL_RESULT, (case.TOOL_NATIVE,)),
        Probe(case.PARAMETERS, (case.TOOL_NATIVE,)),
        Probe(case.AGENT_XML, _CHAT, large=True),
        Probe(case.AGENT_NATIVE, _CHAT, large=True),
        Probe(case.RECALL, (case.AGENT_XML,), large=True),
        Probe(case.SIZES, _CHAT, large=True),
        Probe(case.G4F_RAW, _CHAT),
        Probe(case.G4F_REPEATS, _CHAT),
        Probe(case.G4F_HISTORY, _CHAT),
        Probe(case.G4F_TOOLS, _CHAT),
        Probe(case.OLLAMA_CHAT, _CHAT),
        Probe(case.PROXY, (case.MODELS,), tokens=False),
    )
}
"""Every probe in the order in which they run."""


def chosen(only: Iterable[str], skip: Iterable[str]) -> frozenset[str]:
    """The names that may run: those asked for with what they need, or all, less those to skip. Connect always runs."""
    wanted = set(only) or set(PROBES)
    waiting = list(wanted)
    while waiting:
        needs = PROBES[waiting.pop()].needs
        waiting += [name for name in needs if name not in wanted]
        wanted.update(needs)
    return frozenset(wanted - set(skip) | {case.CONNECT})
