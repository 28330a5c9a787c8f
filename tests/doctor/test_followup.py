"""Which question an answer gives reason to ask, and which not: fields, results, tools, code words."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from lumeai_cli.clients import kilo7
from lumeai_cli.clients.profile import Profile, Protocol
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.clients.request import FILE
from lumeai_cli.diagnoses.finding import Certainty, Severity
from lumeai_cli.doctor.followup import WORDS
from lumeai_cli.doctor.probe import PROBES, chosen
from lumeai_cli.doctor.question import SENT_ALONG
from lumeai_cli.doctor.result import ProbeStatus
from lumeai_cli.wire.exchange import Exchange
from tests.doctor.capable import (
    counted,
    forgetful,
    kept,
    prompt_tokens,
    refusal,
    refusing,
    said,
    serving,
    spoken,
    texts,
    told,
    uncounted,
    without_tools,
)
from tests.doctor.raw import Request
from tests.doctor.reports import finding, names, status, verdict
from tests.doctor.seen import LARGE, OPENING, SIZES, SMALL, see

pytestmark = pytest.mark.usefixtures("patient")

Words = Callable[[Request], bytes]


# --- where nothing gives reason to ask --------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [counted, uncounted])
def test_a_healthy_server_is_asked_exactly_this(answer: Words) -> None:
    seen = see(serving(answer))
    assert seen.asked == (*OPENING, *SMALL, *LARGE, *SIZES)
    assert (seen.report.healthy, seen.report.findings) == (True, ())
    for probe in ("window", "tool-forced", "tool-absent", "recall", "g4f-raw", "g4f-repeats", "ollama-native"):
        assert status(seen.report, probe) == (ProbeStatus.SKIPPED, "skip-no-reason")
    [together] = seen.of("parameters")
    assert set(SENT_ALONG) < set(together.asked.parameters)


def test_quick_leaves_out_the_large_ones_and_what_only_refines() -> None:
    seen = see(serving(counted), quick=True)
    assert seen.asked == (*OPENING, *SMALL)
    quick = {result.name for result in seen.report.probes if result.reason and result.reason.key == "skip-quick"}
    assert quick == {*LARGE, "body-size", "recall", "tool-forced", "g4f-repeats", "g4f-history", "g4f-tools"}


@pytest.mark.parametrize("quick", [True, False])
def test_what_was_not_asked_has_a_reason(*, quick: bool) -> None:
    seen = see(serving(counted), quick=quick)
    assert [result.name for result in seen.report.probes] == list(PROBES)
    for result in seen.report.probes:
        assert (result.reason is None) is (result.name == "connect" or result.name in seen.asked), result.name


@pytest.mark.parametrize("probe", ["tool-forced", "tool-absent"])
def test_what_is_asked_for_by_name_needs_no_reason(probe: str) -> None:
    """Only what it builds on is asked as well."""
    seen = see(serving(counted), probes=chosen([probe], []), only=frozenset({probe}))
    assert seen.asked == ("models", "stream", "stream", "stream", "tool-native", probe)
    assert status(seen.report, probe)[0] is ProbeStatus.PASSED
    assert status(seen.report, "recall") == (ProbeStatus.SKIPPED, "skip-not-chosen")


# --- fields that are refused ------------------------------------------------------------------------------------------

USUAL = {"xml": {"temperature", "stream_options"}, "native": {"tool_choice", "stream_options"}, "": {"stream_options"}}


def protocol(exchange: Exchange) -> str:
    return "native" if exchange.asked.tools else "xml" if exchange.asked.xml_tools else ""


@pytest.mark.parametrize("field", ["stream_options", "tool_choice", "temperature", "max_tokens"])
def test_a_field_that_every_agent_sends_is_the_cause(field: str) -> None:
    seen = see(serving(refusing(field)))
    found = finding(seen.report, "unsupported-parameter")
    assert (verdict(seen.report), seen.report.healthy) == ("unsupported-parameter", False)
    assert (found.facts["parameter"], found.facts["status"], found.certainty) == (field, 400, Certainty.PROVEN)
    assert found.facts["said"] == f"Unrecognized request argument supplied: {field}"
    assert names(seen.report, Severity.ERROR) == ["request-refused", "unsupported-parameter"]
    assert seen.report.next == ()


@pytest.mark.parametrize(
    ("field", "prompt"),
    [("stream_options", ""), ("tool_choice", "native"), ("temperature", "xml"), ("parallel_tool_calls", None)],
)
def test_a_refused_question_is_asked_without_what_may_be_to_blame(field: str, prompt: str | None) -> None:
    """What the server has taken elsewhere is not; and a question that was answered is not asked so at all."""
    left_out = {
        (protocol(one), name)
        for one in see(serving(refusing(field))).of("parameters")
        for name in USUAL[protocol(one)].difference(one.asked.parameters)
    }
    assert {name for _, name in left_out} == (set() if prompt is None else {field})
    assert prompt is None or (prompt, field) in left_out


def sent_along(*refused: str) -> list[set[str]]:
    """Which of the fields that agents send along stood in each question about them."""
    seen = see(serving(refusing(*refused)))
    sent = [set(one.asked.parameters) & set(SENT_ALONG) for one in seen.of("parameters") if protocol(one) == "native"]
    return [fields for fields in sent if fields]


@pytest.mark.parametrize("field", ["parallel_tool_calls", "max_tokens"])
def test_what_is_refused_together_is_asked_one_by_one(field: str) -> None:
    assert sent_along(field) == [set(SENT_ALONG), *({name} for name in SENT_ALONG)]


@pytest.mark.parametrize("field", ["stream_options", "seed"])
def test_who_takes_them_together_is_not_asked_one_by_one(field: str) -> None:
    """Nor if something else was refused before."""
    assert sent_along(field) == [set(SENT_ALONG)]


def test_the_examination_goes_on_without_the_field() -> None:
    """Streams are asked for all the same; agents send the field, so they are heard with it first."""
    seen = see(serving(refusing("stream_options")))
    found_out = [one.asked.probe for one in seen.exchanges].index("other-prompt")
    for exchange in seen.exchanges[found_out:]:
        if exchange.asked.probe in SMALL:
            assert exchange.asked.stream
            assert "stream_options" not in exchange.asked.parameters
            assert exchange.status == 200
    for probe in LARGE:
        assert [("stream_options" in one.asked.parameters, one.status) for one in seen.of(probe)] == [
            (True, 400),
            (False, 200),
        ]
    assert status(seen.report, "tool-native")[0] is ProbeStatus.PASSED


def test_an_accident_is_no_refusal() -> None:
    """The first question was turned down once, and the same again was not."""
    first: list[Request] = []

    def once(request: Request) -> bytes:
        first.append(request)
        return refusal("try again", "500 Internal Server Error") if len(first) == 1 else counted(request)

    seen = see(serving(once))
    assert "unsupported-parameter" not in names(seen.report)


@pytest.mark.parametrize("second", ["tool_choice", "temperature", "parallel_tool_calls", "max_tokens"])
def test_behind_one_refused_field_stands_another(second: str) -> None:
    """What is known to be refused is left out of the questions about the rest."""
    seen = see(serving(refusing("stream_options", second)))
    assert verdict(seen.report) == "unsupported-parameter"
    assert finding(seen.report, "unsupported-parameter").facts["parameter"] == f"stream_options, {second}"


SENDER = replace(kilo7.PROFILE, name="sender", parameters=frozenset({"parallel_tool_calls"}))
"""A client that sends the field, whoever else does."""


@pytest.mark.parametrize("profile", [*PROFILES.values(), SENDER], ids=lambda profile: profile.name)
def test_a_field_that_only_some_send_harms_only_them(profile: Profile) -> None:
    seen = see(serving(refusing("parallel_tool_calls")), profiles=[profile])
    sends = profile.protocol is Protocol.NATIVE and "parallel_tool_calls" in profile.parameters
    assert names(seen.report, Severity.ERROR if sends else Severity.WARNING) == ["unsupported-parameter"]
    assert seen.report.healthy is not sends
    assert finding(seen.report, "unsupported-parameter").facts["parameter"] == "parallel_tool_calls"


# --- the second turn --------------------------------------------------------------------------------------------------


def results(request: Request) -> list[str]:
    """The calls to which the request holds results."""
    return [message["tool_call_id"] for message in request.json["messages"] if message["role"] == "tool"]


def test_who_takes_a_made_up_call_is_not_asked_again() -> None:
    seen = see(serving(counted))
    assert len(seen.of("tool-result")) == 1


def picky(request: Request) -> bytes:
    """A server may remember which calls it has made; no agent sends others."""
    return counted(request) if set(results(request)) <= {"call_Ab1"} else refusal("unknown tool_call_id")


def test_who_refuses_a_made_up_call_is_asked_with_its_own() -> None:
    seen = see(serving(picky))
    assert [one.status for one in seen.of("tool-result")] == [400, 200]
    assert (seen.report.healthy, seen.report.findings) == (True, ())


def test_a_refused_field_is_no_refused_result() -> None:
    """The question with the server's own call must not fall by a field that is known to be refused."""
    seen = see(serving(refusing("stream_options", answer=picky)))
    assert verdict(seen.report) == "unsupported-parameter"
    assert "tool-result-rejected" not in names(seen.report)


@pytest.mark.parametrize("quick", [True, False])
def test_who_refuses_both_refuses_results(*, quick: bool) -> None:
    def refuses(request: Request) -> bytes:
        return refusal("'tool' is not one of 'system', 'user', 'assistant'") if results(request) else counted(request)

    seen = see(serving(refuses), quick=quick)
    assert [one.status for one in seen.of("tool-result")] == [400, 400]
    assert (verdict(seen.report), seen.report.healthy) == ("tool-result-rejected", False)
    assert names(seen.report) == ["tool-result-rejected"]
    assert finding(seen.report, "tool-result-rejected").certainty is Certainty.PROVEN


# --- tools that do not arrive -----------------------------------------------------------------------------------------


def deaf(request: Request) -> bytes:
    """Tools are dropped before anybody counts: prose, and the same tokens with and without them."""
    fields = without_tools(request.json)
    message = said("I would have to read the file.") if request.json.get("tools") else spoken(fields)
    return told(request, message, prompt=prompt_tokens(fields))


@pytest.mark.parametrize("refused", [(), ("stream_options",)], ids=["alone", "behind a refused field"])
def test_tools_that_are_not_counted_were_dropped(refused: tuple[str, ...]) -> None:
    seen = see(serving(refusing(*refused, answer=deaf)))
    found = finding(seen.report, "tools-ignored")
    [without], [with_tools] = seen.of("tool-absent"), seen.of("tool-native")
    assert (without.asked.tools, with_tools.asked.tools) == ((), ("read",))
    assert found.certainty is Certainty.PROVEN
    assert {with_tools.id, without.id} <= set(found.exchanges)
    assert "context-truncated" not in names(seen.report)


def chatty(request: Request) -> bytes:
    """The model has seen the tools, and talks."""
    message = said("Shall I read the file?") if request.json.get("tools") else spoken(request.json)
    return told(request, message, prompt=prompt_tokens(request.json))


def dreaming(request: Request) -> bytes:
    """The server makes its counts up."""
    message = said("Shall I read the file?") if request.json.get("tools") else spoken(request.json)
    return told(request, message, prompt=10)


def silent_on_tokens(request: Request) -> bytes:
    message = said("Shall I read the file?") if request.json.get("tools") else spoken(request.json)
    return told(request, message)


@pytest.mark.parametrize(("answer", "absent"), [(chatty, 1), (dreaming, 1), (silent_on_tokens, 0)])
def test_a_model_that_talks_instead_has_not_been_robbed_of_its_tools(answer: Words, absent: int) -> None:
    """The prompt without the tool is asked only where tokens are counted, for nothing else could be learned of it."""
    seen = see(serving(answer))
    assert len(seen.of("tool-absent")) == absent
    assert "tools-ignored" not in names(seen.report)


@pytest.mark.parametrize(("answer", "quick", "forced"), [(chatty, False, 1), (chatty, True, 0), (counted, False, 0)])
def test_a_call_is_demanded_of_who_does_not_call(answer: Words, *, quick: bool, forced: int) -> None:
    seen = see(serving(answer), quick=quick)
    assert [body.get("tool_choice") for body in seen.bodies()].count("required") == forced
    assert len(seen.of("tool-forced")) == forced


# --- code words -------------------------------------------------------------------------------------------------------


def test_a_head_that_is_lost_without_a_count_is_likely_truncation() -> None:
    seen = see(serving(forgetful))
    control, whole = seen.of("recall")
    found = finding(seen.report, "context-truncated")
    assert (verdict(seen.report), seen.report.healthy) == ("context-truncated", False)
    assert found.certainty is Certainty.LIKELY
    assert (found.facts["head"], found.facts["tail"]) == (whole.asked.words[0], whole.asked.words[-1])
    assert control.asked.prompt_chars < 1_500
    assert whole.asked.prompt_chars > 50_000
    assert seen.asked == (*OPENING, *SMALL, *LARGE, "recall", "recall", *SIZES)


def test_code_words_are_asked_for_without_what_is_refused() -> None:
    seen = see(serving(refusing("stream_options", answer=forgetful)))
    assert [one.status for one in seen.of("recall")] == [200, 200]
    assert verdict(seen.report) == "unsupported-parameter"
    assert "context-truncated" in seen.report.next


def test_a_count_that_agrees_proves_it() -> None:
    def counts_the_rest(request: Request) -> bytes:
        rest = kept(request.json)
        return told(request, spoken(rest), prompt=prompt_tokens(rest))

    seen = see(serving(counts_the_rest))
    assert verdict(seen.report) == "context-truncated"
    assert finding(seen.report, "context-truncated").certainty is Certainty.PROVEN


def large(request: Request) -> bool:
    return len(request.body) > 20_000


def overwhelmed(request: Request) -> bytes:
    """Nothing is lost, but the model is too weak for so long a prompt."""
    return told(request, said("What a long text!")) if large(request) and not recalling(request) else uncounted(request)


def recalling(request: Request) -> bool:
    return "three code words" in texts(request.json)[-1]


def scatterbrained(request: Request) -> bytes:
    """The same model, which does not understand what code words are."""
    return told(request, said("Which code words?")) if recalling(request) else overwhelmed(request)


def dizzy(request: Request) -> bytes:
    """The same model; a large prompt leaves it with nothing at all, the tail's word included."""
    return told(request, said("What a long text!")) if large(request) else uncounted(request)


@pytest.mark.parametrize(
    ("answer", "recalls"), [(overwhelmed, 2), (scatterbrained, 1), (dizzy, 2)], ids=["weak", "weaker", "weakest"]
)
def test_a_weak_model_is_not_a_small_window(answer: Words, recalls: int) -> None:
    """Who fails the short control fails for a reason of its own: the large prompt is not even sent."""
    seen = see(serving(answer))
    assert len(seen.of("recall")) == recalls
    assert not {"context-truncated", "context-window-small", "context-exceeded"} & set(names(seen.report))


def test_who_never_calls_a_tool_is_not_asked_for_code_words() -> None:
    """Nothing is worse in the large prompt than in the short one."""

    def never(request: Request) -> bytes:
        fields = request.json
        return told(request, said("I cannot read files.") if FILE in texts(fields)[-1] else spoken(fields))

    assert see(serving(never)).of("recall") == []


def test_who_asks_for_it_by_name_gets_it() -> None:
    seen = see(serving(counted), probes=chosen(["recall"], []), only=frozenset({"recall"}))
    control, whole = seen.of("recall")
    assert status(seen.report, "recall")[0] is ProbeStatus.PASSED
    assert all(word in control.body.decode() for word in control.asked.words)
    assert all(word in whole.body.decode() for word in whole.asked.words)
    assert names(seen.report) == []


def test_code_words_are_in_no_other_prompt() -> None:
    """Else a model could tell them that has not seen the prompt's head."""
    bodies = see(serving(forgetful)).bodies()
    others = "".join(json.dumps(body).lower() for body in bodies if "three code words" not in texts(body)[-1])
    assert not [word for word in WORDS if word in others]
    assert len(WORDS) == len(set(WORDS))
