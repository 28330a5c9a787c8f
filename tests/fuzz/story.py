"""Whole examinations as values: which question got which damaged answer, when, and how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from lumeai_cli.backends.backend import Kind
from lumeai_cli.diagnoses import case as probes
from lumeai_cli.diagnoses.case import Case, G4fInstall, Machine
from lumeai_cli.doctor.probe import PROBES
from lumeai_cli.wire.exchange import Asked, Chunk, Dialect, Ending, EndingKind, Exchange, Headers
from lumeai_cli.wire.reading import Reading, read
from tests.fuzz.corpus import PROMPTS, names, recorded
from tests.fuzz.mutation import KINDS, Mutation, mutated, mutations

URL = "http://127.0.0.1:8080/v1"

PLAIN_PROBES = frozenset({probes.PLAIN, probes.SIZES, probes.RECALL, probes.WINDOW, probes.MODELS, probes.G4F_RAW})
XML_PROBES = frozenset({probes.TOOL_XML, probes.AGENT_XML})
NATIVE_PROBES = frozenset(
    {probes.TOOL_NATIVE, probes.AGENT_NATIVE, probes.TOOL_FORCED, probes.TOOL_RESULT, probes.PARAMETERS}
)

UNREACHED = (*sorted(probes.UNREACHED), EndingKind.RESET, EndingKind.PROTOCOL, EndingKind.TIMEOUT_FIRST)
BROKEN_OFF = (
    EndingKind.CUT,
    EndingKind.RESET,
    EndingKind.PROTOCOL,
    EndingKind.TIMEOUT_SILENCE,
    EndingKind.TIMEOUT_TOTAL,
    EndingKind.OVERFLOW,
    EndingKind.CANCELLED,
)


NOBODY_LOOKED = Machine()


@dataclass(frozen=True, slots=True)
class Answer:
    """One exchange: the probe, the bytes in pieces of these sizes (the last repeats), and the seconds between them."""

    probe: str
    body: bytes
    status: int | None = 200
    headers: Headers = (("content-type", "text/event-stream"),)
    ending: EndingKind = EndingKind.CLEAN
    detail: str = ""
    stream: bool = True
    sizes: tuple[int, ...] = ()
    pace: float = 0.01
    wait: float = 0.1
    encoding: str = ""
    url: str = f"{URL}/chat/completions"
    prompt_chars: int = 40
    key_sent: bool = False
    together: bool = False
    parameters: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    dialect: Dialect = Dialect.OPENAI

    def exchange(self, number: int) -> Exchange:
        """The exchange with this number."""
        prompt = PROMPTS[_prompt(self.probe)]
        asked = Asked(
            self.probe,
            self.url,
            stream=self.stream,
            model="m",
            body_bytes=self.prompt_chars + 100,
            prompt_chars=self.prompt_chars,
            tools=prompt.tool_names,
            xml_tools=prompt.xml_tools,
            wants_tool=prompt.wants_tool,
            key_sent=self.key_sent,
            together=self.together,
            parameters=self.parameters,
            words=self.words,
            dialect=self.dialect,
        )
        chunks = tuple(
            Chunk(self.wait + place * self.pace, piece) for place, piece in enumerate(pieces(self.body, self.sizes))
        )
        end = self.wait + len(chunks) * self.pace
        headers_at = None if self.status is None else self.wait
        ending = Ending(self.ending, end, self.detail)
        return Exchange(f"e{number}", asked, self.status, self.headers, headers_at, chunks, ending, self.encoding)


@dataclass(frozen=True, slots=True)
class Story:
    """One examination: its answers in order, and what else was known. `moved` says that another URL was found."""

    answers: tuple[Answer, ...]
    moved: bool = False
    kind: Kind = Kind.UNKNOWN
    models: tuple[str, ...] = ("m",)
    machine: Machine = NOBODY_LOOKED
    slow_after: float = 30.0
    direct: tuple[Answer, ...] = ()

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All exchanges with this server."""
        return tuple(answer.exchange(number) for number, answer in enumerate(self.answers, 1))

    @property
    def case(self) -> Case:
        """What the detectors read."""
        return Case(
            URL,
            f"{URL}/v1" if self.moved else URL,
            self.kind,
            "m",
            self.models,
            readings(self.exchanges),
            self.machine,
            self.slow_after,
            readings([answer.exchange(number) for number, answer in enumerate(self.direct, 101)]),
            "http://127.0.0.1:9/v1" if self.direct else "",
        )


def readings(exchanges: Sequence[Exchange]) -> tuple[Reading, ...]:
    """What these exchanges say."""
    return tuple(map(read, exchanges))


def pieces(body: bytes, sizes: Sequence[int]) -> list[bytes]:
    """The body in pieces of these sizes, the last one again and again; in one if there are none."""
    if not sizes:
        return [body] if body else []
    found, start = [], 0
    for number in range(len(body)):
        size = max(1, sizes[min(number, len(sizes) - 1)])
        if start >= len(body):
            break
        found.append(body[start : start + size])
        start += size
    return found


def damaged(probe: str, specimen: str, damage: tuple[Mutation, ...], sizes: tuple[int, ...]) -> Answer:
    """A specimen's answer to a probe, with this damage to its body."""
    stream = probe not in PLAIN_PROBES
    source = recorded(specimen, _prompt(probe), stream=stream)
    body = mutated(source.body, damage)
    return Answer(probe, body, source.status, source.headers, source.ending, stream=stream, sizes=sizes)


def _prompt(probe: str) -> str:
    return "xml" if probe in XML_PROBES else "native" if probe in NATIVE_PROBES else "text"


# --- strategies -----------------------------------------------------------------------------------------------------

EVERYBODY = (*names(healthy=True), *names(healthy=False))
SIZES = st.lists(st.sampled_from((1, 2, 3, 7, 16, 40, 100, 1000)), max_size=4).map(tuple)
TYPES = st.sampled_from(
    (
        "text/event-stream",
        "text/event-stream; charset=utf-8",
        "TEXT/EVENT-STREAM",
        "application/json",
        "application/problem+json",
        "application/x-ndjson",
        "text/html",
        "text/plain",
        "",
        ";",
        "жёлтый",
    )
)
MORE_HEADERS = st.lists(
    st.sampled_from(
        (
            ("retry-after", "2"),
            ("Retry-After", "soon"),
            ("location", "/login"),
            ("location", "http://[::1"),
            ("location", ""),
            ("server", "uvicorn"),
            ("x", "\udcff"),
        )
    ),
    max_size=2,
).map(tuple)
STATUSES = st.sampled_from(
    (
        200,
        200,
        200,
        200,
        201,
        204,
        206,
        301,
        303,
        307,
        308,
        400,
        401,
        402,
        403,
        404,
        405,
        413,
        422,
        429,
        500,
        502,
        503,
        599,
    )
)


@st.composite
def answers(draw: st.DrawFn, probe: str) -> Answer:
    """A specimen's answer to this probe, with a little damage, and perhaps another status, label, end or time."""
    told = damaged(probe, draw(st.sampled_from(EVERYBODY)), draw(mutations()), draw(SIZES))
    if draw(st.booleans()):
        told = replace(told, status=draw(STATUSES), headers=(("Content-Type", draw(TYPES)), *draw(MORE_HEADERS)))
    if draw(st.booleans()):
        told = replace(
            told,
            pace=draw(st.sampled_from((0.0, 0.01, 0.6, 31.0))),
            wait=draw(st.sampled_from((0.0, 0.1, 31.0, 59.5, 119.0))),
            prompt_chars=draw(st.sampled_from((0, 40, 2_000, 72_000, 9_000_000))),
            key_sent=draw(st.booleans()),
            together=draw(st.booleans()),
        )
    if draw(st.integers(0, 3)) == 0:
        told = replace(told, ending=draw(st.sampled_from(BROKEN_OFF)), detail=draw(st.sampled_from(("", "100", "ё"))))
    if draw(st.integers(0, 7)) == 0:
        told = replace(told, status=None, headers=(), body=b"", ending=draw(st.sampled_from(UNREACHED)))
    if draw(st.integers(0, 3)) == 0:
        told = replace(
            told,
            encoding=draw(st.sampled_from(("", "gzip", "br", "GZIP, br"))),
            url=draw(st.sampled_from((f"{URL}/chat/completions", f"{URL}/v1/chat/completions", "http://[::1]/x"))),
            parameters=draw(st.sampled_from(((), ("stream_options",), ("temperature", "tool_choice")))),
            words=draw(st.sampled_from(((), ("tundra", "copper", "granite")))),
            dialect=draw(st.sampled_from(tuple(Dialect))),
        )
    return told


MACHINES = st.sampled_from(
    (
        Machine(),
        Machine((), ()),
        Machine((G4fInstall("/usr/lib", "8.8.6", ("uvicorn",)),), ("0.0.0.0",), "HTTP_PROXY", "http://proxy:3128"),
    )
)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Any examination: any probes, any answers, in any order."""
    chosen = draw(st.lists(st.sampled_from((*probes.ANSWERING, *PROBES)), max_size=6))
    direct = draw(st.lists(st.sampled_from(probes.ANSWERING), max_size=2))
    return Story(
        tuple(draw(answers(probe)) for probe in chosen),
        draw(st.booleans()),
        draw(st.sampled_from(tuple(Kind))),
        draw(st.sampled_from(((), ("m",), ("m", "n")))),
        draw(MACHINES),
        draw(st.sampled_from((0.001, 30.0))),
        tuple(draw(answers(probe)) for probe in direct),
    )


OWN = (probes.STREAMED, probes.PLAIN, probes.AGENT_XML, probes.AGENT_NATIVE)
"""The probes by which clients are judged."""


@st.composite
def conversations(draw: st.DrawFn) -> Story:
    """The answers of one server to what clients send, all damaged alike; most are still good for every client."""
    pool = names(healthy=True) if draw(st.integers(0, 3)) else EVERYBODY
    specimen = draw(st.sampled_from(pool))
    kinds = draw(st.sampled_from((("json",), ("json", "frames", "lines"), tuple(KINDS))))
    damage: tuple[Mutation, ...] = draw(mutations(3, kinds))
    return Story(
        tuple(damaged(probe, specimen, damage if draw(st.integers(0, 2)) else (), draw(SIZES)) for probe in OWN)
    )
