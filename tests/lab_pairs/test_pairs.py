"""Two faults in one server: the verdict is the one that was promised, and what cannot be seen is not claimed.

The servers are generated from the lab's specimens (`combine`), the order stands in `order`. What a fault does is told
by the servers' answers to the very requests that the doctor sent: a fault is *felt* in a chat request where the server
without it would have answered otherwise, and *hidden* where no such request was sent. Nothing here looks at the
doctor's findings to say what is due.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from lumeai_cli.backends.backend import Backend
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.diagnoses import case as probes
from lumeai_cli.doctor.examine import examine
from lumeai_cli.doctor.options import Options
from lumeai_cli.doctor.result import TargetReport
from lumeai_cli.doctor.target import target_of
from lumeai_cli.lab import SPECIMENS, LabServer
from lumeai_cli.lab.specimen import Specimen
from tests.lab_pairs.combine import Pair, differs, hurting, is_chat, pairs
from tests.lab_pairs.order import explained, first

if TYPE_CHECKING:
    from lumeai_cli.lab.request import LabRequest

BASIC = frozenset(
    {
        probes.CONNECT,
        probes.MODELS,
        probes.STREAMED,
        probes.VARIANT,
        probes.PLAIN,
        probes.OTHER,
        probes.TOOL_XML,
        probes.TOOL_NATIVE,
        probes.G4F_RAW,
    }
)
"""The probes that show every fault but those below."""

AGENTS = frozenset({probes.AGENT_XML, probes.AGENT_NATIVE, probes.SIZES, probes.WINDOW, probes.RECALL})
"""Those that show faults of a certain size."""

MORE = {
    "intermittent-empty": frozenset({probes.STREAMED}),
    "tool-result-rejected": frozenset({probes.TOOL_RESULT, probes.TOOL_FORCED}),
    "tools-ignored": frozenset({probes.TOOL_ABSENT, probes.TOOL_FORCED}),
    "unsupported-parameter": frozenset({probes.PARAMETERS}),
}
"""Faults that want probes, or repeats, of their own."""

UNPROVEN = {
    "context-truncated": "plain-text-instead-of-tool",
    "intermittent-empty": "empty-answer",
    "tools-ignored": "plain-text-instead-of-tool",
    "unsupported-parameter": "request-refused",
}
"""What is left to be said of a fault that is proven by comparing two answers, where the other fault spoils one."""

COMPARED = UNPROVEN.keys() | {"tool-result-rejected"}
"""Faults that are proven so."""

BESIDE = {
    "g4f-hides-cause": frozenset({"g4f-cuts-history", "g4f-drops-repeated-turns", "g4f-rewrites-tools"}),
}
"""Risks that are known of a server that shows this fault."""

BECOME = {
    frozenset({"missing-finish-reason", "empty-answer"}): "role-only-stream",
}
"""Two faults of a stream that make a third one, by its definition."""

pytestmark = pytest.mark.timeout(600)  # a thousand examinations stand behind the first test


@dataclass(frozen=True, slots=True)
class Due:
    """What the promises say of one pair: the names that may be the verdict, and those that must not be claimed."""

    verdicts: frozenset[str]
    hidden: frozenset[str]
    plain_to_see: frozenset[str]


def promised(pair: Pair) -> Due:
    """What is due, by the answers that the doctor got."""
    alone = {name: SPECIMENS[name].respond for name in (pair.one, pair.other)}
    felt: dict[str, list[LabRequest]] = {}
    untouched: set[str] = set()
    for name, without in ((pair.one, alone[pair.other]), (pair.other, alone[pair.one])):
        chat = [request for request in pair.asked if is_chat(pair, request)]
        felt[name] = [request for request in chat if differs(pair.respond, without, request)]
        if felt[name] and not any(differs(pair.respond, alone[name], request) for request in felt[name]):
            untouched.add(name)
    harmful = frozenset(name for name, requests in felt.items() if hurting(pair, name, requests))
    verdicts = harmful
    if len(harmful) == 2:
        together = any(request in felt[pair.other] for request in felt[pair.one])
        explaining = frozenset(name for name in harmful if together and any(explained(name, one) for one in harmful))
        verdicts = explaining or first(pair.one, pair.other)
    return Due(verdicts, frozenset(name for name in felt if not felt[name]), frozenset(untouched))


PAIRS: Sequence[Pair] = pairs()


@pytest.fixture(scope="module")
def reports() -> Mapping[str, TargetReport]:
    """All combined servers, examined once."""
    with pytest.MonkeyPatch.context() as patch:
        for scheme in ("http", "https", "all"):
            patch.delenv(f"{scheme}_proxy", raising=False)
            patch.delenv(f"{scheme}_proxy".upper(), raising=False)
        patch.setattr("lumeai_cli.doctor.conversation.PATIENCE", 60.0)  # a busy machine makes no slow servers
        return dict(asyncio.run(_examined()))


async def _examined() -> list[tuple[str, TargetReport]]:
    told: list[tuple[str, TargetReport]] = []
    async with LabServer(time_scale=0.0) as lab:
        lab.specimens = {
            pair.name: Specimen(pair.name, healthy=False, sentence_en="", sentence_ru="", respond=pair)
            for pair in PAIRS
        }
        for wanted, options in _groups():
            targets = [target_of(Backend(pair.name, lab.url(pair.name))) for pair in wanted]
            outcome = await examine(targets, options, lambda _name, _sentence: None)
            told += [(target.name, target) for target in outcome.report.targets]
    return told


def _groups() -> Iterator[tuple[list[Pair], Options]]:
    """The pairs in groups, each with the probes and repeats that it takes to see both faults."""
    groups: dict[tuple[frozenset[str], int], list[Pair]] = {}
    for pair in PAIRS:
        wanted = BASIC | AGENTS if pair.large else BASIC
        wanted = wanted.union(*(MORE.get(name, frozenset()) for name in (pair.one, pair.other)))
        repeat = 3 if "intermittent-empty" in (pair.one, pair.other) else 1
        groups.setdefault((wanted, repeat), []).append(pair)
    for (wanted, repeat), group in groups.items():
        yield group, Options(tuple(PROFILES.values()), wanted, repeat=repeat, quick=wanted.isdisjoint(AGENTS))


def test_there_are_pairs_of_every_kind() -> None:
    """Both faults in one part, in two, behind a guard, below a wrong URL; nearly every specimen is in some pair."""
    names = {pair.name for pair in PAIRS}
    assert names >= {
        "think-tag-swallows-answer--canned-answer",
        "json-for-stream--plain-text-instead-of-tool",
        "body-too-large--zero-events",
        "base-url-missing-v1--json-for-stream",
        "single-newline-framing--legacy-text-field",
        "context-truncated--tool-call-missing-id",
    }
    whole = {"connection-reset", "endpoint-not-found", "html-instead-of-api", "not-an-llm-api"}
    whole |= {"context-window-small", "ollama-hides-error"}  # each is an Ollama of its own
    sick = {name for name, specimen in SPECIMENS.items() if not specimen.healthy}
    assert sick - {name for pair in PAIRS for name in (pair.one, pair.other)} <= whole
    assert len(PAIRS) > 900


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_verdict_is_the_one_that_was_promised(pair: Pair, reports: Mapping[str, TargetReport]) -> None:
    """One verdict, by explanation or order; what is plain to see is told, what is hidden is not claimed."""
    told = reports[pair.name]
    both = {pair.one, pair.other}
    due = promised(pair)
    findings = {rated.finding.name for rated in told.findings}
    verdict = None if told.verdict is None else told.verdict.rated.finding.name
    claimed = {verdict, *told.next} - {None}
    unproven = {UNPROVEN[name] for name in both & UNPROVEN.keys() if name not in findings}
    born = {BECOME[frozenset(both)]} if frozenset(both) in BECOME else set()

    assert not told.crashed
    assert told.healthy is not bool(due.verdicts)
    assert verdict in (born or due.verdicts | unproven if due.verdicts else {None})
    assert not claimed & due.hidden
    assert claimed <= both | unproven | born | {risk for name in both for risk in BESIDE.get(name, ())}
    assert due.plain_to_see - findings <= (frozenset() if due.hidden else COMPARED)
