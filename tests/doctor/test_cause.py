"""From findings to the verdict: how bad, what explains what, what comes next, and what is openly not known."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from lumeai_cli.backends.backend import Kind
from lumeai_cli.clients.outcome import OK, Outcome, OutcomeKind, Words
from lumeai_cli.clients.profile import Profile, Protocol
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.diagnoses import case as probes
from lumeai_cli.diagnoses.case import Case, G4fInstall, Machine
from lumeai_cli.diagnoses.catalogue import CATALOGUE
from lumeai_cli.diagnoses.finding import Certainty, Severity
from lumeai_cli.doctor.cause import Conclusion, conclude
from lumeai_cli.doctor.result import Report, TargetReport
from lumeai_cli.wire.exchange import Asked, Chunk, Ending, EndingKind, Exchange
from lumeai_cli.wire.reading import Reading, read

GIVEN = "http://127.0.0.1:8080/v1"
SSE, JSON = "text/event-stream", "application/json"
GOOD = "<attempt_completion>\n<result>maple</result>\n</attempt_completion>"
XML = {"xml_tools": ("read_file", "attempt_completion"), "wants_tool": True}
NATIVE = {"tools": ("read",), "wants_tool": True}


def reading(
    probe: str = probes.STREAMED,
    body: bytes = b"",
    status: int | None = 200,
    label: str = SSE,
    ending: EndingKind = EndingKind.CLEAN,
    **asked: Any,
) -> Reading:
    """One answer to one probe."""
    shape = {"stream": probe != probes.PLAIN, "url": f"{GIVEN}/chat/completions", **asked}
    chunks = (Chunk(0.5, body),) if body else ()
    end = Ending(ending, 0.5, "detail")
    return read(Exchange("e", Asked(probe, **shape), status, (("content-type", label),), 0.5, chunks, end))


def case(*readings: Reading, **fields: Any) -> Case:
    """All that was read of one target, its exchanges numbered from e1."""
    numbered = tuple(replace(one, exchange=f"e{number}") for number, one in enumerate(readings, 1))
    return Case(**{"given": GIVEN, "base": GIVEN, "readings": numbered, **fields})


def stream(*said: Mapping[str, object], finish: str | None = "stop") -> bytes:
    """A stream of these deltas."""
    chunks = [{"choices": [{"delta": one}]} for one in said]
    chunks += [{"choices": [{"delta": {}, "finish_reason": finish}]}] if finish else []
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in chunks) + b"data: [DONE]\n\n"


def text(said: str) -> bytes:
    """A sound stream with this text."""
    return stream({"role": "assistant"}, {"content": said})


def whole(said: str) -> bytes:
    """A JSON completion."""
    return json.dumps({"choices": [{"message": {"content": said}, "finish_reason": "stop"}]}).encode()


def error(message: str) -> bytes:
    """A JSON error body."""
    return json.dumps({"error": {"message": message}}).encode()


def client(judge: Callable[[Reading], Outcome | None], protocol: Protocol = Protocol.NATIVE) -> Profile:
    """A client with an opinion of its own."""
    return Profile("test", "Test", protocol, "1", "run", judge)


HAPPY = client(lambda _reading: OK)
SAD = client(lambda _reading: Outcome(OutcomeKind.ERROR, Words("no")))
NEVER_ASKS = client(lambda _reading: None)
UNSURE = client(lambda _reading: Outcome(OutcomeKind.NOT_JUDGED, Words("who knows")))


def concluded(of: Case, *clients: str | Profile) -> Conclusion:
    """The conclusion for these clients; for all if none is named."""
    return conclude(of, [PROFILES[one] if isinstance(one, str) else one for one in clients or PROFILES])


def verdict(of: Case, *clients: str | Profile) -> str:
    """The verdict's name."""
    found = concluded(of, *clients).verdict
    return "" if found is None else found.rated.finding.name


def severities(of: Case, *clients: str | Profile) -> dict[str, Severity]:
    """Each finding with its severity."""
    return {rated.finding.name: rated.severity for rated in concluded(of, *clients).findings}


OPENING = reading(body=text(GOOD))
TWIN = reading(probes.PLAIN, whole(GOOD), label=JSON)
XML_AGENT = reading(probes.AGENT_XML, text(GOOD), **XML)
CALL = {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "read", "arguments": "{}"}}]}
NATIVE_AGENT = reading(probes.AGENT_NATIVE, stream(CALL, finish="tool_calls"), **NATIVE)
SOUND = (OPENING, TWIN, XML_AGENT, NATIVE_AGENT)
"""Every client's own request, answered well."""

LATE = (TWIN, XML_AGENT, NATIVE_AGENT)
"""The same, behind an opening that is not."""

MISLABELLED = reading(body=text("maple"), label=JSON)
JSON_BODY = reading(body=whole("maple"), label=JSON)
EMPTY = reading(body=text(""))
TOO_LARGE = reading(probes.AGENT_XML, b"", 413, "", body_bytes=72_000, **XML)
REFUSED = reading(probes.CONNECT, status=None, ending=EndingKind.REFUSED)
NAMELESS = reading(body=b"words without any frame\n", label="text/plain")
"""A stream that fails every client, and that no name of the catalogue fits."""


# --- severity -------------------------------------------------------------------------------------------------------


def test_an_error_is_one_only_if_a_judged_client_suffers() -> None:
    """A label that Qwen Code alone refuses: an error for its users, a warning for all others."""
    of = case(MISLABELLED, *LATE)
    assert severities(of) == {"wrong-content-type": Severity.ERROR}
    assert severities(of, "kilo-xml", "kilo7", "openai-sdk") == {"wrong-content-type": Severity.WARNING}


def test_a_warning_leaves_the_target_healthy_and_stands_under_next() -> None:
    """No red line where every judged client gets its answer, but the risk is told."""
    found = concluded(case(MISLABELLED, *LATE), "kilo-xml")
    assert (found.healthy, found.verdict, found.next) == (True, None, ("wrong-content-type",))


def test_a_request_that_no_judged_client_sends_harms_none() -> None:
    """Kilo 7 never asks without streaming: what a plain answer looks like is no error for it."""
    of = case(OPENING, NATIVE_AGENT, reading(probes.PLAIN, text("maple")))
    assert severities(of, "openai-sdk") == {"sse-for-plain": Severity.ERROR}
    assert severities(of, "kilo7") == {"sse-for-plain": Severity.WARNING}


def test_a_client_is_not_judged_by_another_protocols_request() -> None:
    """Prose where the XML agent wants a tool harms no native one."""
    of = case(OPENING, TWIN, NATIVE_AGENT, reading(probes.AGENT_XML, text("The file says hello."), **XML))
    assert severities(of, "kilo-xml") == {"plain-text-instead-of-tool": Severity.ERROR}
    assert severities(of, "kilo7") == {"plain-text-instead-of-tool": Severity.WARNING}


def test_what_fails_in_a_short_question_alone_is_a_warning() -> None:
    """The agent's own request is fine; the short one is ours."""
    of = case(*SOUND, reading(probes.TOOL_XML, text("The file says hello."), **XML))
    assert severities(of) == {"plain-text-instead-of-tool": Severity.WARNING}
    assert concluded(of).healthy is True


def test_a_bare_sdk_sends_no_agents_request() -> None:
    """The agents' size is not its size."""
    of = case(OPENING, TWIN, NATIVE_AGENT, TOO_LARGE)
    assert severities(of, "kilo-xml") == {"body-too-large": Severity.ERROR}
    assert severities(of, "openai-sdk") == {"body-too-large": Severity.WARNING}
    assert concluded(of, "openai-sdk").healthy is True


@pytest.mark.parametrize(
    "of",
    [
        case(REFUSED),
        case(reading(probes.VARIANT, b'{"detail": "Not Found"}', 404, JSON)),
        case(reading(body=error("key"), status=401, label=JSON)),
        case(reading(status=None, ending=EndingKind.TIMEOUT_FIRST)),
    ],
    ids=["refused", "no such URL", "no key", "no answer"],
)
def test_what_stands_at_the_door_is_an_error_for_everybody(of: Case) -> None:
    """Even for a client of which nothing is known: nobody comes past it."""
    for profile in (HAPPY, UNSURE, NEVER_ASKS, SAD):
        assert list(severities(of, profile).values()) == [Severity.ERROR]
        assert concluded(of, profile).healthy is False


def test_clients_never_make_a_warning_worse() -> None:
    """They may lower a severity, never raise it."""
    of = case(*SOUND, slow_after=0.1)
    assert CATALOGUE["slow-first-byte"].severity is Severity.WARNING
    assert severities(of) == {"slow-first-byte": Severity.WARNING}
    assert severities(of, SAD)["slow-first-byte"] is Severity.WARNING


# --- the verdict ----------------------------------------------------------------------------------------------------


def canned(*others: Reading, said: str = "Hello!") -> Case:
    """The same sentence to all questions, the agents' among them."""
    tools = reading(probes.TOOL_XML, text(said), **XML), reading(probes.TOOL_NATIVE, text(said), **NATIVE)
    return case(reading(body=text(said)), reading(probes.OTHER, text(said)), *tools, *others)


def test_explanation_beats_order() -> None:
    """Tools come before content in the order, yet a mock explains why no tool was called."""
    found = concluded(canned())
    assert found.verdict is not None
    assert found.verdict.rated.finding.name == "canned-answer"
    assert found.verdict.explains == (CATALOGUE["plain-text-instead-of-tool"].code,)
    assert CATALOGUE["plain-text-instead-of-tool"].family < CATALOGUE["canned-answer"].family


def test_what_is_explained_is_not_met_next_but_stays_in_the_findings() -> None:
    """It vanishes with its cause, and a program may still read it."""
    found = concluded(canned())
    assert found.next == ()
    assert [rated.finding.name for rated in found.findings] == ["plain-text-instead-of-tool", "canned-answer"]


@pytest.mark.parametrize(
    ("of", "names"),
    [
        (case(JSON_BODY, TOO_LARGE), ("body-too-large", "json-for-stream")),
        (case(EMPTY, JSON_BODY), ("json-for-stream", "empty-answer")),
        (case(EMPTY, reading(body=b"")), ("zero-events", "empty-answer")),
        (case(reading(body=error("key"), status=401, label=JSON), JSON_BODY), ("key-missing", "json-for-stream")),
        (case(reading(body=b""), reading(body=b"data: [DONE]\n\n")), ("zero-events", "done-only")),
        (
            case(reading(status=500), reading(body=error("slow"), status=429, label=JSON)),
            ("server-error", "rate-limited"),
        ),
    ],
    ids=lambda value: " before ".join(value) if isinstance(value, tuple) else "",
)
def test_where_nothing_explains_anything_the_family_decides_then_the_code(of: Case, names: tuple[str, str]) -> None:
    """Size before stream, stream before content; within a family the lower code. The other one is met next."""
    found = concluded(of)
    assert found.verdict is not None
    assert (found.verdict.rated.finding.name, *found.next) == names
    assert found.verdict.explains == ()


def test_next_names_the_other_roots_and_then_the_warnings() -> None:
    """First what will stop the user, then what may."""
    of = case(JSON_BODY, EMPTY, reading(probes.OTHER, text("x"), label=JSON), slow_after=0.4)
    found = concluded(of, "kilo-xml")
    assert found.verdict is not None
    assert found.verdict.rated.finding.name == "json-for-stream"
    assert found.next == ("empty-answer", "wrong-content-type", "slow-first-byte")


def test_whatever_a_root_explains_is_hidden_from_next_also_where_it_is_not_the_verdict() -> None:
    """The mock comes second here, and takes the missing tool call with it."""
    found = concluded(canned(reading(probes.AGENT_NATIVE, b"", 413, "", body_bytes=57_000, **NATIVE)))
    assert found.verdict is not None
    assert found.verdict.rated.finding.name == "body-too-large"
    assert found.next == ("canned-answer",)
    assert found.verdict.explains == ()


def test_a_mock_that_satisfies_the_judged_client_is_a_warning() -> None:
    """Kilo 7 shows any text: for it the mock is a risk, no failure."""
    found = concluded(canned(), "kilo7")
    assert (found.healthy, found.verdict) == (True, None)
    assert "canned-answer" in found.next


def test_two_causes_may_explain_the_same_finding() -> None:
    """A proxy variable explains the refused connection, the missing extra would, too: both are roots."""
    bare = G4fInstall("/site-packages", "8.8.6", ("uvicorn",))
    detour = reading(probes.PROXY, status=None, ending=EndingKind.PROXY)
    machine = Machine((bare,), proxy_variable="HTTP_PROXY", proxy="http://proxy.example:3128")
    found = concluded(case(REFUSED, detour, kind=Kind.G4F, machine=machine))
    assert found.verdict is not None
    assert {found.verdict.rated.finding.name, *found.next} == {"proxy-intercepts-loopback", "g4f-server-extra-missing"}
    assert "connection-refused" in {rated.finding.name for rated in found.findings}


def test_g4fs_hidden_cause_stands_above_the_500_that_hides_it() -> None:
    """It explains what it hides."""
    hidden = reading(body=error("Request execution failed"), status=500, label=JSON)
    found = concluded(case(hidden))
    assert found.verdict is not None
    assert found.verdict.rated.finding.name == "g4f-hides-cause"
    assert found.verdict.explains == (CATALOGUE["server-error"].code,)


def test_the_verdict_is_one_of_the_error_findings() -> None:
    """Never a warning, never a note, whatever stands first."""
    for of in (case(JSON_BODY, TOO_LARGE), canned(), case(NAMELESS), case(REFUSED)):
        found = concluded(of)
        assert found.verdict is not None
        assert found.verdict.rated in found.findings
        assert found.verdict.rated.severity is Severity.ERROR
        assert found.verdict.rated.finding.name not in found.next


# --- healthy, sick, not known ---------------------------------------------------------------------------------------


def test_a_target_whose_clients_all_get_their_answer_is_healthy() -> None:
    """Nothing found, and somebody was judged."""
    found = concluded(case(*SOUND))
    assert (found.healthy, found.verdict, found.findings, found.next) == (True, None, (), ())
    assert {judged.client: judged.outcome.kind for judged in found.clients} == dict.fromkeys(PROFILES, OutcomeKind.OK)


@pytest.mark.parametrize(
    "of",
    [
        case(),
        case(reading(probes.MODELS, b'{"data": []}', label=JSON, stream=False)),
        case(reading(body=text("ma")[:40], ending=EndingKind.CANCELLED)),
        case(OPENING),
    ],
    ids=["nothing was asked", "only the model list was asked", "lumeai was interrupted", "no own request was sent"],
)
def test_where_nothing_decisive_was_judged_healthy_is_not_known(of: Case) -> None:
    """None is neither true nor false: exit code 3."""
    found = concluded(of)
    assert (found.healthy, found.verdict) == (None, None)
    assert {judged.outcome.kind for judged in found.clients} == {OutcomeKind.NOT_JUDGED}


def test_one_client_that_could_be_judged_is_decisive() -> None:
    """The others stay not judged, and say so."""
    found = concluded(case(OPENING, TWIN), UNSURE, "openai-sdk")
    assert found.healthy is True
    assert [judged.outcome.kind for judged in found.clients] == [OutcomeKind.NOT_JUDGED, OutcomeKind.OK]


def test_only_clients_that_never_ask_so_are_not_decisive() -> None:
    """They have no opinion at all."""
    assert concluded(case(*SOUND), NEVER_ASKS).healthy is None


def test_a_failure_without_a_name_is_confessed() -> None:
    """Nothing sick is called healthy: the clients that fail are named, and their answer is quoted."""
    found = concluded(case(NAMELESS))
    assert found.verdict is not None
    finding = found.verdict.rated.finding
    assert (finding.name, finding.certainty) == ("unexplained-failure", Certainty.POSSIBLE)
    assert finding.facts["clients"] == ", ".join(PROFILES)
    assert finding.evidence[0].exchange == "e1"
    assert found.healthy is False


def test_a_warning_explains_no_failure() -> None:
    """A late first byte is found, and the client's failure is still unexplained."""
    found = concluded(case(replace(NAMELESS), slow_after=0.1), "kilo-xml")
    assert found.verdict is not None
    assert found.verdict.rated.finding.name == "unexplained-failure"
    assert found.next == ("slow-first-byte",)


@pytest.mark.parametrize(
    ("profile", "of"),
    [(HAPPY, case(NAMELESS)), (UNSURE, case(NAMELESS)), (SAD, case(JSON_BODY))],
    ids=["nobody fails", "nobody is judged", "a name explains it"],
)
def test_nothing_is_confessed_where_nothing_is_unexplained(profile: Profile, of: Case) -> None:
    """Only a failing client without a cause."""
    assert "unexplained-failure" not in severities(of, profile)


# --- the clients ----------------------------------------------------------------------------------------------------


def test_a_client_is_told_the_finding_that_stands_in_its_own_exchange() -> None:
    """The XML agent falls over the size, the SDK over its plain answer."""
    found = concluded(case(OPENING, reading(probes.PLAIN, b"", 500, JSON), TOO_LARGE), "kilo-xml", "openai-sdk")
    assert [(judged.client, judged.because) for judged in found.clients] == [
        ("kilo-xml", CATALOGUE["body-too-large"].code),
        ("openai-sdk", CATALOGUE["server-error"].code),
    ]


def test_a_client_that_is_fine_needs_no_reason() -> None:
    """Though others fail."""
    found = concluded(case(MISLABELLED, *LATE), "kilo-xml", "kilo7", "qwen-code", "openai-sdk")
    assert {judged.client: judged.because for judged in found.clients} == {
        "kilo-xml": "",
        "kilo7": "",
        "qwen-code": CATALOGUE["wrong-content-type"].code,
        "openai-sdk": "",
    }


def outcome(of: Case, profile: str | Profile) -> OutcomeKind:
    """What this client meets."""
    (judged,) = concluded(of, profile).clients
    return judged.outcome.kind


def test_the_truest_request_decides() -> None:
    """The agent-sized one, else the short one with tools; without either nobody can say that the agent works."""
    short, long = reading(probes.TOOL_XML, text("Hello!"), **XML), reading(probes.AGENT_XML, text(GOOD), **XML)
    assert outcome(case(OPENING, short, long), "kilo-xml") is OutcomeKind.OK
    assert outcome(case(OPENING, short), "kilo-xml") is OutcomeKind.NUDGE
    assert outcome(case(OPENING), "kilo-xml") is OutcomeKind.NOT_JUDGED


def test_a_turn_of_plain_text_must_work_as_well() -> None:
    """An agent that gets its tool calls and no texts is no help; without its own request this alone condemns."""
    assert outcome(case(EMPTY, *LATE), "kilo-xml") is OutcomeKind.EMPTY
    assert outcome(case(EMPTY), "kilo-xml") is OutcomeKind.EMPTY


def test_the_worst_of_several_identical_requests_decides() -> None:
    """An empty answer now and then is what the user will remember."""
    assert outcome(case(reading(body=text("maple")), EMPTY), "openai-sdk") is OutcomeKind.SILENT


def test_an_agent_is_judged_by_streams_a_bare_sdk_by_both() -> None:
    """Where the agent's request was repeated without a stream, that one does not count for the agent."""
    unstreamed = reading(probes.AGENT_XML, whole(GOOD), label=JSON, stream=False, **XML)
    streamed = reading(probes.AGENT_XML, whole(GOOD), label=JSON, **XML)
    assert outcome(case(JSON_BODY, streamed, unstreamed), "kilo-xml") is OutcomeKind.EMPTY
    plain = reading(probes.PLAIN, b"", 500, JSON)
    assert outcome(case(reading(body=text("maple")), plain), "openai-sdk") is OutcomeKind.RETRY


def test_what_lumeai_gave_up_itself_is_no_judgement() -> None:
    """The next best request stands in for a cancelled one."""
    cancelled = reading(probes.AGENT_XML, b"", ending=EndingKind.CANCELLED, **XML)
    short = reading(probes.TOOL_XML, text(GOOD), **XML)
    assert outcome(case(OPENING, cancelled, short), "kilo-xml") is OutcomeKind.OK
    assert outcome(case(OPENING, cancelled), "kilo-xml") is OutcomeKind.NOT_JUDGED


def test_at_a_wrong_url_the_client_meets_the_wrong_url() -> None:
    """The examination goes on where it works; the user's client does not."""
    lost = reading(probes.VARIANT, b'{"detail": "Not Found"}', 404, JSON)
    found = reading(probes.VARIANT, text(GOOD))
    of = case(lost, found, reading(body=text(GOOD)), given="http://127.0.0.1:8080", base=GIVEN)
    assert verdict(of) == "base-url-missing-v1"
    assert {judged.outcome.kind for judged in concluded(of).clients} == {OutcomeKind.ERROR}
    assert concluded(of).healthy is False


# --- exit codes -----------------------------------------------------------------------------------------------------


def target(*, healthy: bool | None, crashed: bool = False) -> TargetReport:
    """A target of which only this is known."""
    return TargetReport("t", GIVEN, GIVEN, Kind.UNKNOWN, None, healthy, None, (), (), (), (), crashed=crashed)


WELL, SICK, UNKNOWN = target(healthy=True), target(healthy=False), target(healthy=None)
CRASHED, HALF = target(healthy=None, crashed=True), target(healthy=True, crashed=True)

CODES = {
    "healthy": ((WELL,), 0),
    "several healthy ones": ((WELL, WELL), 0),
    "sick": ((SICK,), 1),
    "one of several is sick": ((WELL, SICK, WELL), 1),
    "not known": ((UNKNOWN,), 3),
    "one of several is not known": ((WELL, UNKNOWN), 3),
    "sick beats not known": ((UNKNOWN, SICK), 1),
    "a crash of lumeai": ((CRASHED,), 3),
    "a crash after all was well": ((HALF,), 3),
    "sick beats a crash": ((CRASHED, SICK), 1),
    "nothing to examine": ((), 3),
}


@pytest.mark.parametrize(("targets", "code"), CODES.values(), ids=CODES)
def test_the_exit_code_of_a_run(targets: tuple[TargetReport, ...], code: int) -> None:
    """A problem is 1, nothing known is 3, an interruption beats both; a crash of lumeai is never 1."""
    report = Report("0", "2026-11-22T12:00:00+00:00", 1.0, targets)
    assert report.exit_code == code
    assert replace(report, interrupted=True).exit_code == 130


@pytest.mark.parametrize(("client", "healthy"), [("openai-sdk", False), ("kilo-xml", True)])
def test_a_proxy_variable_hurts_only_those_who_obey_it(client: str, *, healthy: bool) -> None:
    """Python programs do, editors do not: for them it is a warning."""
    good = reading(body=text("maple"))
    detour = reading(probes.PROXY, status=None, ending=EndingKind.REFUSED)
    tool = reading(probes.TOOL_XML, text("<read_file>\n<path>a</path>\n</read_file>"), **XML)
    of = case(good, detour, tool, machine=Machine(proxy_variable="HTTP_PROXY", proxy="http://127.0.0.1:9"))
    found = concluded(of, client)
    assert found.healthy is healthy
    assert [rated.finding.name for rated in found.findings] == ["proxy-intercepts-loopback"]
