"""What G4F hides behind its one sentence is asked for in its raw mode, and told in the provider's own words."""

import json
from typing import Any

import pytest

from lumeai_cli.backends.backend import Backend, Kind
from lumeai_cli.diagnoses.case import STREAMED
from lumeai_cli.diagnoses.g4f import GENERIC
from lumeai_cli.flow.attempt import Attempt, Candidate, asked_of, request_of
from lumeai_cli.flow.chat import Chat, read_chat
from lumeai_cli.flow.explanation import explain
from lumeai_cli.flow.retry import Tried, following, telling
from lumeai_cli.repair.fault import NOTHING_SAID
from lumeai_cli.wire.exchange import Chunk, Ending, EndingKind, Exchange

G4F = Candidate(Backend("g4f", "http://127.0.0.1:1337/v1", kind=Kind.G4F), "gpt-4o")
OTHER = Candidate(Backend("other", "http://127.0.0.1:8080/v1"), "m")
PLAIN, RAW = Attempt(G4F, stream=True), Attempt(G4F, stream=False, raw=True)
JSON = (("content-type", "application/json"),)


def chat(**fields: Any) -> Chat:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "stream": True, **fields}
    read = read_chat(json.dumps(body).encode(), seed="s")
    assert isinstance(read, Chat)
    return read


def failed(attempt: Attempt, status: int, message: str) -> Tried:
    """An attempt that got this error."""
    body = json.dumps({"error": {"message": message}}).encode()
    asked = asked_of(attempt, chat(), STREAMED)
    exchange = Exchange("a", asked, status, JSON, 0.1, (Chunk(0.1, body),), Ending(EndingKind.CLEAN, 0.2))
    return Tried(attempt, explain(exchange, attempt, NOTHING_SAID))


@pytest.mark.parametrize("status", [500, 429])
def test_the_provider_is_asked_to_speak_for_itself(status: int) -> None:
    """In one piece, once, before any other backend is asked."""
    first = failed(PLAIN, status, GENERIC)
    then = following(chat(), (G4F, OTHER), [first], 4)
    assert then is not None
    assert (then.attempt, then.wait) == (RAW, 0.0)
    after = following(chat(), (G4F, OTHER), [first, failed(RAW, status, GENERIC)], 4)
    assert after is not None
    assert after.attempt.candidate == OTHER


def test_the_field_is_the_only_change_but_the_stream() -> None:
    asked = chat(temperature=0, stream_options={"include_usage": True})
    expected = {**asked.value, "stream": False, "raw": True}
    del expected["stream_options"]
    assert json.loads(request_of(RAW, asked, "agent").body or b"") == expected


@pytest.mark.parametrize("status", [500, 400, 404])
def test_another_servers_error_asks_for_nothing_raw(status: int) -> None:
    then = following(chat(), (G4F, OTHER), [failed(PLAIN, status, "Something else")], 4)
    assert then is None or not then.attempt.raw


@pytest.mark.parametrize(
    ("said", "name", "status"),
    [
        ("Internal error in worker 3", "g4f-hides-cause", 502),
        ("This model's maximum context length is 8192 tokens. However, your messages resulted in 37607 tokens.",
         "context-exceeded", 400),
        ("You exceeded your current quota, please check your plan and billing details.", "quota-exhausted", 422),
    ],
)  # fmt: skip
def test_what_the_provider_says_is_told(said: str, name: str, status: int) -> None:
    """Under the status 200, as G4F's raw mode tells every error; a cause with a name of its own is called by it."""
    why = telling((failed(PLAIN, 500, GENERIC), failed(RAW, 200, said)))
    assert (why.name, why.status) == (name, status)
    for language in ("en", "ru"):
        assert said.rstrip(".") in why.text(language)


def test_what_stays_hidden_is_told_as_that() -> None:
    why = telling((failed(PLAIN, 500, GENERIC), failed(RAW, 500, GENERIC)))
    assert (why.name, why.facts["said"]) == ("g4f-hides-cause", GENERIC)
