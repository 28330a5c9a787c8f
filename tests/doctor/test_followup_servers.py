"""What is asked of the servers that are known by name: the window's pages, Ollama's own endpoint, G4F's pairs."""

import copy
import json
from collections.abc import Callable

import pytest

from lumeai_cli.diagnoses.finding import Certainty, Severity
from lumeai_cli.doctor.probe import chosen
from lumeai_cli.doctor.result import TargetReport
from tests.doctor.capable import (
    Answer,
    Json,
    counted,
    prompt_tokens,
    refusal,
    said,
    serving,
    spoken,
    told,
    uncounted,
)
from tests.doctor.raw import Request, delta, event_stream, http
from tests.doctor.reports import finding, names, verdict
from tests.doctor.seen import LARGE, OPENING, SIZES, SMALL, see

pytestmark = pytest.mark.usefixtures("patient")

Words = Callable[[Request], bytes]


# --- the window -------------------------------------------------------------------------------------------------------


def listed(**entry: object) -> bytes:
    """A list of one model with these fields."""
    return http(json.dumps({"object": "list", "data": [{"id": "m", "object": "model", "created": 1, **entry}]}))


def allocated(tokens: int) -> bytes:
    """Ollama's `/api/ps`."""
    return http(json.dumps({"models": [{"name": "m:latest", "model": "m:latest", "context_length": tokens}]}))


OLLAMA = listed(owned_by="library")
SMALL_WINDOW = 4096


def ollama(answer: Words, tokens: int = SMALL_WINDOW) -> Answer:
    return serving(answer, {"/v1/models": OLLAMA, "/api/ps": allocated(tokens)})


def test_ollama_is_asked_for_its_window_once_the_model_is_loaded() -> None:
    """Before the first answer nothing is allocated, and asking for it loads nothing."""
    seen = see(ollama(counted, 65_536), quick=True)
    assert seen.asked == (*OPENING, "window", *SMALL)
    assert [request.path for request in seen.requests][:4] == [
        "/v1/models",
        "/v1/chat/completions",
        "/v1/chat/completions",
        "/api/ps",
    ]
    assert (seen.report.healthy, seen.report.findings) == (True, ())


@pytest.mark.parametrize("options", [{"budget": 0}, {"probes": chosen(["window"], []), "only": frozenset({"window"})}])
def test_its_pages_cost_nothing(options: dict[str, object]) -> None:
    """They are asked where not one token may be spent, and where nobody wants to know anything else."""
    seen = see(ollama(counted), **options)
    assert seen.asked == ("models", "window")
    assert (seen.report.healthy, names(seen.report, Severity.WARNING)) == (None, ["context-window-small"])


@pytest.mark.parametrize(
    ("pages", "asked"),
    [
        ({"/v1/models": OLLAMA, "/api/ps": allocated(4096)}, ["GET /api/ps"]),
        ({"/v1/models": OLLAMA}, ["GET /api/ps", "POST /api/show"]),
        ({"/v1/models": OLLAMA, "/api/ps": http('{"models": []}')}, ["GET /api/ps", "POST /api/show"]),
        ({"/v1/models": listed(owned_by="llamacpp")}, ["GET /props"]),
        ({"/v1/models": listed(owned_by="organization_owner")}, ["GET /api/v1/models", "GET /api/v0/models"]),
        ({"/v1/models": listed(owned_by="vllm", max_model_len=4096)}, []),
        ({"/v1/models": listed(owned_by="llamacpp", meta={"n_ctx": 4096})}, []),
        ({"/v1/models": listed(owned_by="somebody")}, []),
    ],
    ids=["loaded", "no page", "nothing loaded", "llama-server", "LM Studio", "vLLM", "its list tells", "unknown"],
)
def test_only_pages_of_its_own_are_asked_for_until_one_tells(pages: dict[str, bytes], asked: list[str]) -> None:
    seen = see(serving(counted, pages), quick=True)
    strange = [request for request in seen.requests if not request.path.startswith("/v1/")]
    assert [f"{request.method} {request.path}" for request in strange] == asked
    assert [request.json for request in strange if request.body] == [{"model": "m"}] * asked.count("POST /api/show")


@pytest.mark.parametrize(
    "pages",
    [
        {"/v1/models": OLLAMA, "/api/ps": allocated(SMALL_WINDOW)},
        {"/v1/models": OLLAMA, "/api/show": http('{"parameters": "num_ctx   4096"}')},
        {"/v1/models": listed(owned_by="vllm", max_model_len=SMALL_WINDOW)},
        {
            "/v1/models": listed(owned_by="llamacpp"),
            "/props": http('{"default_generation_settings": {"n_ctx": 4096}}'),
        },
    ],
    ids=["Ollama", "a Modelfile", "vLLM", "llama-server"],
)
def test_a_window_that_no_agent_fits_into_is_a_risk_where_no_agent_was_tried(pages: dict[str, bytes]) -> None:
    seen = see(serving(uncounted, pages), quick=True)
    found = finding(seen.report, "context-window-small")
    assert (seen.report.healthy, names(seen.report, Severity.WARNING)) == (True, ["context-window-small"])
    assert (found.facts["window"], found.facts["tried"]) == (SMALL_WINDOW, False)
    assert int(found.facts["needed"]) > 10_000


def overflowing(request: Request) -> bytes:
    """What does not fit gets an empty answer, and no count."""
    message = said("") if prompt_tokens(request.json) > SMALL_WINDOW else spoken(request.json)
    return told(request, message)


def test_a_small_window_is_the_cause_where_an_agent_fails() -> None:
    seen = see(ollama(overflowing))
    found = finding(seen.report, "context-window-small")
    assert (verdict(seen.report), seen.report.healthy) == ("context-window-small", False)
    assert (found.facts["window"], found.facts["tried"]) == (SMALL_WINDOW, True)
    assert "empty-answer" in names(seen.report, Severity.ERROR)
    assert "empty-answer" not in seen.report.next


def test_a_small_window_is_a_risk_where_the_agents_are_fine() -> None:
    seen = see(ollama(uncounted))
    assert (seen.report.healthy, names(seen.report)) == (True, ["context-window-small"])


def test_who_has_counted_more_than_its_window_has_a_larger_one() -> None:
    assert names(see(ollama(counted)).report) == []


def test_a_refusal_for_the_length_beats_the_page() -> None:
    def strict(request: Request) -> bytes:
        tokens = prompt_tokens(request.json)
        if tokens <= SMALL_WINDOW:
            return uncounted(request)
        return refusal(f"request ({tokens} tokens) exceeds the available context size ({SMALL_WINDOW} tokens)")

    seen = see(ollama(strict))
    assert verdict(seen.report) == "context-exceeded"
    assert "context-window-small" in names(seen.report, Severity.ERROR)
    assert "context-window-small" not in seen.report.next


# --- errors that Ollama swallows --------------------------------------------------------------------------------------

BROKEN = "an error was encountered while running the model: unexpected EOF"


def swallowing(request: Request) -> bytes:
    """Of an error after the first byte an empty delta is left, and the end."""
    if request.stream:
        return event_stream() + delta(role="assistant", content="")
    return refusal(BROKEN, "500 Internal Server Error")


def lines(*values: Json) -> bytes:
    return http("".join(f"{json.dumps(value)}\n" for value in values), "200 OK", "application/x-ndjson")


ITS_OWN = {
    "/v1/models": OLLAMA,
    "/api/ps": allocated(65_536),
    "/api/chat": lines(
        {"model": "m", "message": {"role": "assistant", "content": "I"}, "done": False}, {"error": BROKEN}
    ),
}


@pytest.mark.parametrize("quick", [True, False])
def test_what_ollama_swallows_is_asked_for_at_its_own_endpoint(*, quick: bool) -> None:
    seen = see(serving(swallowing, ITS_OWN), quick=quick)
    [body] = seen.bodies("/api/chat")
    assert seen.asked[-1] == "ollama-native"
    assert (verdict(seen.report), seen.report.healthy) == ("ollama-hides-error", False)
    assert finding(seen.report, "ollama-hides-error").facts["said"] == BROKEN
    assert body.keys() == {"model", "messages", "stream"}


@pytest.mark.parametrize("large", [False, True])
def test_with_tools_if_only_those_lead_to_the_silence(*, large: bool) -> None:
    """Whichever request with tools was answered first, or if only an agent's own is too much."""

    def only_tools(request: Request) -> bytes:
        silent = request.json.get("tools") and (len(request.body) > 20_000 or not large)
        return swallowing(request) if silent else counted(request)

    seen = see(serving(only_tools, ITS_OWN), quick=not large)
    [body] = seen.bodies("/api/chat")
    assert [tool["function"]["name"] for tool in body["tools"]] == ["read"]
    assert "tool_choice" not in body
    assert verdict(seen.report) == "ollama-hides-error"


@pytest.mark.parametrize(
    ("answer", "pages"), [(swallowing, {**ITS_OWN, "/v1/models": listed(owned_by="x")}), (counted, ITS_OWN)]
)
def test_nobody_else_is_asked_there(answer: Words, pages: dict[str, bytes]) -> None:
    seen = see(serving(answer, pages), quick=True)
    assert "ollama-native" not in seen.asked
    assert "ollama-hides-error" not in names(seen.report)


# --- what G4F does ----------------------------------------------------------------------------------------------------

G4F = listed(owned_by="", provider=False, image=False, vision=False)
PAIRS = ("g4f-repeats", "g4f-history", "g4f-tools")
RISKS = ["g4f-drops-repeated-turns", "g4f-cuts-history", "g4f-rewrites-tools"]


def without_repeats(fields: Json) -> Json:
    kept: list[Json] = []
    for message in fields["messages"]:
        if message not in kept or message["role"] not in ("user", "assistant"):
            kept.append(message)
    return {**fields, "messages": kept}


def last_forty(fields: Json) -> Json:
    system = [message for message in fields["messages"] if message["role"] == "system"]
    others = [message for message in fields["messages"] if message["role"] != "system"]
    return {**fields, "messages": [*system, others[0], *others[-40:]]} if len(others) > 40 else fields


def in_few_words(fields: Json) -> Json:
    fields = copy.deepcopy(fields)
    for tool in fields.get("tools", ()):
        for parameter in tool["function"]["parameters"]["properties"].values():
            parameter["description"] = parameter["description"][:160]
    return fields


def through(*rewrites: Callable[[Json], Json], counts: bool = True) -> Answer:
    """A G4F that rewrites so; its provider counts what arrives."""

    def answer(request: Request) -> bytes:
        fields = request.json
        for rewrite in rewrites:
            fields = rewrite(fields)
        return told(request, spoken(fields), prompt=prompt_tokens(fields) if counts else None)

    return serving(answer, {"/v1/models": G4F})


def certainties(report: TargetReport) -> dict[str, Certainty]:
    return {rated.finding.name: rated.finding.certainty for rated in report.findings}


def test_g4f_is_asked_in_pairs_at_the_end() -> None:
    seen = see(through(without_repeats, last_forty, in_few_words))
    assert seen.asked == (*OPENING, *SMALL, *LARGE, *SIZES, *(probe for probe in PAIRS for _ in range(2)))
    assert certainties(seen.report) == dict.fromkeys(RISKS, Certainty.PROVEN)
    assert (seen.report.healthy, names(seen.report, Severity.WARNING)) == (True, RISKS)
    for risk in RISKS:
        facts = finding(seen.report, risk).facts
        assert 0 < int(facts["short"]) < int(facts["long"])


@pytest.mark.parametrize(
    ("rewrite", "risk"), list(zip((without_repeats, last_forty, in_few_words), RISKS, strict=True)), ids=RISKS
)
def test_a_pair_proves_its_own_risk_alone(rewrite: Callable[[Json], Json], risk: str) -> None:
    seen = see(through(rewrite))
    assert [name for name, certainty in certainties(seen.report).items() if certainty is Certainty.PROVEN] == [risk]


def test_without_counts_the_fingerprint_makes_it_likely() -> None:
    """The second of a pair is not sent where the first told no count."""
    seen = see(through(without_repeats, last_forty, in_few_words, counts=False))
    assert seen.asked == (*OPENING, *SMALL, *LARGE, *SIZES, *PAIRS)
    assert certainties(seen.report) == dict.fromkeys(RISKS, Certainty.LIKELY)
    assert (seen.report.healthy, names(seen.report, Severity.WARNING)) == (True, RISKS)


def test_counts_that_nothing_is_missing_from_prove_nothing() -> None:
    seen = see(through())
    assert Certainty.PROVEN not in certainties(seen.report).values()


def test_quick_believes_the_fingerprint() -> None:
    seen = see(through(without_repeats, last_forty, in_few_words), quick=True)
    assert seen.asked == (*OPENING, *SMALL)
    assert certainties(seen.report) == dict.fromkeys(RISKS, Certainty.LIKELY)
