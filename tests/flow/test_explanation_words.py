"""What a user reads of a failure: whole sentences in plain words, a cure that can be followed, and the code."""

import json
import re
from types import MappingProxyType

import pytest

from lumeai_cli.backends.backend import Backend
from lumeai_cli.diagnoses.case import STREAMED
from lumeai_cli.diagnoses.catalogue import CATALOGUE
from lumeai_cli.flow.attempt import Attempt, Candidate, asked_of
from lumeai_cli.flow.chat import read_chat
from lumeai_cli.flow.explanation import Explanation, explain, plain
from lumeai_cli.flow.refusal import Refusal
from lumeai_cli.repair.fault import NOTHING_SAID, Fault
from lumeai_cli.wire.exchange import Chunk, Ending, EndingKind, Exchange

FACTS = {"url": "http://one/v1", "base": "http://one/v1", "model": "m", "target": "one", "status": 400, "seconds": 1.5}
ATTEMPT = Attempt(Candidate(Backend("one", "http://one/v1"), "m"), stream=False)
REMNANTS = re.compile(r"\*\*|`|\n|<[a-z_]+>|\[\[|\{\{|lumeai serve|:\s*\(LUM|Enable streaming|\s{2}|\.\.$")


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("name", sorted(CATALOGUE))
@pytest.mark.parametrize("facts", [FACTS, {}], ids=["usual", "none"])
def test_every_diagnosis_can_be_told_by_the_proxy(name: str, language: str, facts: dict[str, str | int]) -> None:
    """On one line, without markup and holes, with what to do and the code, and not with lumeai as its own cure."""
    told = Explanation(CATALOGUE[name].code, name, MappingProxyType(facts), said="no more").text(language)
    assert not REMNANTS.search(told), told
    assert {"en": "What to do: ", "ru": "Что делать: "}[language] in told
    assert told.endswith(
        {"en": f"({CATALOGUE[name].code}; more: lumeai explain {name})"}.get(language, f"explain {name})")
    )
    assert len(told) < 900


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("**Start it.** One of these:\n```sh\nollama serve\n```\nthen ask.", "Start it."),
        ("Make a string of it:\n```js\nx\n```", "Make a string of it."),
        ("**Take `a`** and\ngo on.", "Take a and go on."),
        ("A note: this is one.", "A note: this is one."),
    ],
)
def test_a_pages_words_become_a_sentence(markdown: str, text: str) -> None:
    """Code blocks, which no error message can hold, go with the words that announce them."""
    assert plain(markdown) == text


def exchange(status: int, body: object, *, stream: bool = False) -> Exchange:
    """An exchange of one attempt that ended like this."""
    chat = read_chat(json.dumps({"model": "m", "stream": stream, "messages": []}).encode(), seed="s")
    assert not isinstance(chat, Refusal)
    asked = asked_of(ATTEMPT, chat, STREAMED)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    chunks = (Chunk(0.1, data),) if data else ()
    kind = "application/json"
    return Exchange("a1", asked, status, (("content-type", kind),), 0.1, chunks, Ending(EndingKind.CLEAN, 0.2))


def error(message: str) -> object:
    """A refusal in OpenAI's form."""
    return {"error": {"message": message, "type": "invalid_request_error"}}


@pytest.mark.parametrize(
    ("status", "body", "name", "told_as"),
    [
        (404, {"detail": "Not Found"}, "endpoint-not-found", 404),
        (404, b"<pre>Cannot POST /v1/chat/completions</pre>", "endpoint-not-found", 404),
        (404, error("Invalid URL (POST /v1/chat/completions)"), "endpoint-not-found", 404),
        (405, {"detail": "Method Not Allowed"}, "endpoint-not-found", 404),
        (404, error("No endpoints found that support tool use"), "request-refused", 400),
        (404, error("The model 'm' does not exist"), "model-not-found", 404),
        (400, error("temperature is not supported here"), "request-refused", 400),
        (200, {"status": "ok", "service": "weather"}, "not-an-llm-api", 422),
        (200, b"It works!", "not-an-llm-api", 422),
        (500, error("it broke"), "server-error", 502),
        (401, error("no key"), "key-missing", 401),
    ],
)
def test_one_exchange_tells_what_it_can(status: int, body: object, name: str, told_as: int) -> None:
    """A wrong address and a program that is no model, which the doctor finds by further questions, show here, too."""
    why = explain(exchange(status, body), ATTEMPT, NOTHING_SAID)
    assert (why.name, why.status) == (name, told_as)


@pytest.mark.parametrize(
    ("said", "after_tool", "name"),
    [
        ("messages[3].role: 'tool' is not one of 'system', 'user'", True, "tool-result-rejected"),
        ("messages[3].role: 'tool' is not one of 'system', 'user'", False, "request-refused"),
        ("temperature is not supported here", True, "request-refused"),
    ],
)
def test_a_refused_result_of_a_tool_is_known_by_the_words(said: str, *, after_tool: bool, name: str) -> None:
    """If the conversation has one at its end."""
    assert explain(exchange(400, error(said)), ATTEMPT, NOTHING_SAID, after_tool=after_tool).name == name


def test_of_an_answer_that_went_out_the_mender_knows() -> None:
    """The body is not kept: an exchange without one is no empty stream."""
    assert explain(exchange(200, b""), ATTEMPT, Fault("missing-finish-reason")).name == "missing-finish-reason"


def test_a_librarys_words_are_nobodys() -> None:
    """What the HTTP library says of a cut is no word of the server."""
    cut = exchange(200, b"")
    detail = "Response payload is not completed: <TransferEncodingError: 400, message='x'>"
    cut = Exchange(
        *(getattr(cut, name) for name in ("id", "asked", "status", "headers", "headers_at")),
        (),
        Ending(EndingKind.CUT, 1.0, detail),
    )
    why = explain(cut, ATTEMPT, Fault("stream-cut", detail))
    assert (why.name, why.said) == ("stream-cut", "")
    assert "payload" not in why.text("en")
