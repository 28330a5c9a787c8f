"""What must hold of every answer, however damaged: nothing raises, nothing depends on luck, nothing explodes."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import FrameType
from typing import Any

from hypothesis import strategies as st

from lumeai_cli.backends.backend import Backend
from lumeai_cli.clients.outcome import OutcomeKind
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.diagnoses import case as probes
from lumeai_cli.diagnoses.catalogue import findings_of
from lumeai_cli.diagnoses.finding import Severity
from lumeai_cli.doctor.cause import Conclusion, conclude
from lumeai_cli.doctor.examine import report_of
from lumeai_cli.doctor.options import Options
from lumeai_cli.doctor.record import lines, load
from lumeai_cli.doctor.run import Examined
from lumeai_cli.doctor.target import target_of
from lumeai_cli.report.json import document
from lumeai_cli.text.phrase import LANGUAGES
from lumeai_cli.wire.exchange import Exchange
from lumeai_cli.wire.markup import written_calls
from lumeai_cli.wire.reading import Reading, read
from lumeai_cli.wire.sse import DEFAULT_LIMIT
from lumeai_cli.wire.xmltags import find_calls
from tests.fuzz.corpus import fragments
from tests.fuzz.mutation import BYTES, FRAMES
from tests.fuzz.story import SIZES, URL, Answer, Story, answers, conversations, stories

CLIENTS = tuple(PROFILES.values())


def nothing_raises(story: Story) -> None:
    """Every reader, every judge, every detector, the conclusion and the report take whatever comes."""
    case = story.case
    for reading in case.readings:
        for text in (reading.answer.text, reading.answer.reasoning, reading.heard.text):
            written_calls(text)
            find_calls(text, ("read_file", "attempt_completion", *reading.asked.tools))
        for profile in CLIENTS:
            profile.judge(reading)
    for finding in findings_of(case):
        known = {reading.exchange: reading for reading in (*case.readings, *case.direct)}
        for evidence in finding.evidence:
            assert 0 <= evidence.start <= evidence.end <= len(known[evidence.exchange].body), finding
    examined = Examined(case, story.exchanges, ())
    report = report_of([(target_of(Backend("t", URL)), examined)], Options(CLIENTS), "", 0.0)
    for language in LANGUAGES:
        json.dumps(document(report, language), allow_nan=False)


def health_is_what_clients_meet(story: Story) -> None:
    """Sick exactly where a client fails; not judged exactly where none could be judged."""
    concluded = conclude(story.case, CLIENTS)
    kinds = {judged.outcome.kind for judged in concluded.clients}
    if concluded.healthy is False:
        assert kinds != {OutcomeKind.OK}, _told(concluded)
        assert concluded.verdict is not None, _told(concluded)
    else:
        assert kinds <= {OutcomeKind.OK, OutcomeKind.NOT_JUDGED}, _told(concluded)
        assert concluded.verdict is None, _told(concluded)
    errors = [rated for rated in concluded.findings if rated.severity is Severity.ERROR]
    assert bool(errors) is (concluded.healthy is False), _told(concluded)


RISKS: frozenset[str] = frozenset(
    {
        "buffered-stream",
        "context-window-small",
        "g4f-cuts-history",
        "g4f-drops-repeated-turns",
        "g4f-open-to-network",
        "g4f-rewrites-tools",
        "slow-first-byte",
    }
)
"""Warnings that are true of a server whose every answer is used: they are about its timing, or about who it is."""


def what_all_accept_is_not_blamed(story: Story) -> None:
    """No error and no warning about answers that every client uses, whatever is odd about them."""
    concluded = conclude(story.case, CLIENTS)
    if any(not judged.outcome.ok for judged in concluded.clients):
        return
    blamed = {rated.finding.name for rated in concluded.findings if rated.severity is not Severity.NOTE}
    assert concluded.healthy is True, _told(concluded)
    assert blamed <= RISKS, _told(concluded)


def _told(concluded: Conclusion) -> str:
    findings = {rated.finding.name: rated.severity.value for rated in concluded.findings}
    clients = {judged.client: judged.outcome.kind.value for judged in concluded.clients}
    return f"healthy {concluded.healthy}, findings {findings}, clients {clients}"


def a_recording_tells_the_same(story: Story) -> None:
    """What was saved is concluded from as what was heard."""
    story = replace(story, direct=())
    heard = story.case
    saved = lines([(target_of(Backend("t", URL)), Examined(heard, story.exchanges, ()))], "0")
    ((_, read_again),) = load(saved)
    assert conclude(read_again.case, CLIENTS) == conclude(heard, CLIENTS)


@dataclass(frozen=True, slots=True)
class Cut:
    """One answer, other pieces in which it may come, and the most bytes of a line or an event that are kept."""

    answer: Answer
    sizes: tuple[int, ...]
    limit: int = DEFAULT_LIMIT


def chunks_do_not_matter(cut: Cut) -> None:
    """The same frames, the same events and the same answer, in one piece, byte by byte, or anyhow."""
    whole, bytewise, anyhow = (
        read(replace(cut.answer, sizes=sizes, pace=0.0).exchange(1), limit=cut.limit) for sizes in ((), (1,), cut.sizes)
    )
    assert whole == bytewise
    assert whole == anyhow


@dataclass(frozen=True, slots=True)
class Repeated:
    """A body of one fragment again and again between two others, fed in pieces of one size."""

    before: bytes
    fragment: bytes
    after: bytes
    size: int
    stream: bool

    def answer(self, times: int) -> Answer:
        """The answer with so many repeats."""
        body = self.before + self.fragment * times + self.after
        sizes = (self.size,) if self.size else ()
        return Answer(probes.AGENT_NATIVE if self.stream else probes.PLAIN, body, stream=self.stream, sizes=sizes)


TIMES = 32
GROWTH = 3.0  # what a doubling adds, over what the one before added; square growth has 4 here, linear growth 2
NOTHING = 1000  # calls that may come and go


def work_grows_with_the_body(repeated: Repeated) -> None:
    """Twice the body, at most three times the calls: counted, so that no clock decides.

    What is the same for every body is left out of account. A jump from one way of reading to another may cost once;
    what grows twice in a row is no jump.
    """
    _calls(repeated.answer(1).exchange(1))  # what is done once and remembered
    costs = [_calls(repeated.answer(TIMES << doubling).exchange(1)) for doubling in (0, 1, 2)]
    for doubling in (3, 4):
        if not _leaps(costs):
            return
        costs.append(_calls(repeated.answer(TIMES << doubling).exchange(1)))
    assert not _leaps(costs), f"calls: {costs}"


def _leaps(costs: Sequence[float]) -> bool:
    before, added = costs[-2] - costs[-3], costs[-1] - costs[-2]
    return added > NOTHING and added >= GROWTH * before


def time_grows_with_the_body(repeated: Repeated) -> None:
    """The same by the processor's time, which sees the work of C code, too; only what takes long is measured."""
    times = max(1, 65_536 // len(repeated.fragment))
    costs: list[float] = []
    for doubling in range(5):
        exchange = replace(repeated.answer(times << doubling), sizes=(4096,)).exchange(1)
        costs.append(min(_seconds(exchange) for _ in range(2)))
        if costs[-1] > 20:
            break
    assert costs[-1] <= 20, f"seconds for each doubling: {costs}"
    rates = [later / sooner for sooner, later in pairwise(costs)]
    assert costs[-1] < 1 or min(rates[-2:]) < GROWTH, f"seconds for each doubling: {costs}"


def _seconds(exchange: Exchange) -> float:
    started = time.process_time()
    _understood(read(exchange))
    return time.process_time() - started


def _understood(reading: Reading) -> None:
    """All that is done with a reading, as one that some clients are judged by."""
    written_calls(reading.answer.text)
    find_calls(reading.answer.text, ("read_file", "attempt_completion"))
    streamed = replace(reading, exchange="e2", asked=replace(reading.asked, probe=probes.STREAMED))
    conclude(replace(Story(()).case, readings=(streamed, reading)), CLIENTS)


def _calls(exchange: Exchange) -> int:
    """The calls, of Python and of C functions, that it takes to understand an exchange."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        _understood(read(exchange))
    finally:
        sys.setprofile(before)
    return count


# --- strategies -----------------------------------------------------------------------------------------------------


CUTS = st.builds(
    Cut,
    st.sampled_from((probes.STREAMED, probes.PLAIN, probes.TOOL_NATIVE, probes.OLLAMA_CHAT)).flatmap(answers),
    SIZES,
    st.sampled_from((DEFAULT_LIMIT, DEFAULT_LIMIT, 16, 90, 700)),
)

OPENINGS = (
    b"",
    b"{",
    b'{"choices": [{"message": {"content": "',
    b'data: {"choices": [{"delta": {"content": "',
    b'data: {"choices": [{"delta": {"tool_calls": [',
    b"data: ",
    b'data: {"choices": [{"index": 0, "delta": {"role": "assistant"}}]}\n\n',
    b"<html>",
    b"\xef\xbb\xbf",
    b" ",
)
ENDINGS = (b"", b"\n\n", b'"}}]}', b'"}}]}\n\n', b"]}}]}\n\n", b"data: [DONE]\n\n", b"}")
IN_TEXT = (
    b"<tool_call>",
    b'<tool_call>{"name": "read", ',
    b"<function=read><parameter=a>",
    b'<invoke name=\\"read\\">',
    b"[TOOL_CALLS]",
    b"<|python_tag|>{",
    b"<|channel|>commentary to=functions.read",
    b"<|channel|>commentary to=functions.read<|message|>",
    b"<\xef\xbd\x9ctool\xe2\x96\x81call\xe2\x96\x81begin\xef\xbd\x9c>read",
    b"```json\\n{",
    b"```\\n",
    b"<read_file>",
    b"<read_file><path>a</path>",
    b"<attempt_completion></read_file>",
    b"<think>",
    b"</think>",
    b"[",
    b'{\\"a\\":',
    b"\\n",
    b" ",
    b"read(",
    b'read(filePath=\\"a\\", ',
    b"\\ud83d",
)
"""Pieces of a text within a JSON string, with the signs of every markup."""

REPEATS = st.builds(
    Repeated,
    st.sampled_from(OPENINGS),
    st.lists(st.sampled_from((*IN_TEXT, *FRAMES, *BYTES[1:-1], *fragments()[:200])), min_size=1, max_size=3)
    .map(b"".join)
    .filter(lambda fragment: 0 < len(fragment) < 400),
    st.sampled_from(ENDINGS),
    st.sampled_from((0, 1, 7, 64)),
    st.booleans(),
)


@dataclass(frozen=True, slots=True)
class Property:
    """A check, the values that it must hold for, its share of the time, and whether a clock decides it."""

    check: Callable[[Any], None]
    values: st.SearchStrategy[Any]
    share: int = 1
    clock: bool = False


PROPERTIES: Mapping[str, Property] = {
    one.check.__name__: one
    for one in (
        Property(nothing_raises, stories(), share=3),
        Property(chunks_do_not_matter, CUTS, share=2),
        Property(health_is_what_clients_meet, stories()),
        Property(a_recording_tells_the_same, stories()),
        Property(what_all_accept_is_not_blamed, conversations(), share=2),
        Property(work_grows_with_the_body, REPEATS),
        Property(time_grows_with_the_body, REPEATS, clock=True),
    )
}
"""Every property by its name."""
