"""The proxy between real clients and real servers: the answer arrives, or an error that says why there is none.

Every test asks in its own words, so that no request is the repeat of another test's.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from lumeai_cli.clients.request import FILE, agent_native, agent_xml, simple, small_native
from lumeai_cli.lab import running_lab
from tests.real.asking import EVERY_WAY, Ask, Told, openai_plain, openai_stream, words
from tests.real.conftest import PLANTED_KEY, SMALL_WINDOW
from tests.real.servers import Server, real_g4f

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

Serve = Callable[..., Server]

ANSWER = "Привет! Я - LumeAI. Чем могу помочь?"
WRONG_KEY = "sk-wrong-77c2e9d14ab05f38"
EXPRESS_LIMIT = 102_400  # bytes that its JSON parser takes by default
END_AT_ONCE = {"2": 100}
"""SmolLM2's token `<|im_end|>`, made certain."""
DEAD = "http://127.0.0.1:9/v1"

every_way = pytest.mark.parametrize("ask", EVERY_WAY, ids=lambda ask: ask.__name__)
both_modes = pytest.mark.parametrize("ask", [openai_plain, openai_stream], ids=["plain", "stream"])


def refused(ask: Ask, server: Server, prompt: str, **fields: Any) -> openai.APIStatusError:
    """The error that the program gets; LangChain's own kinds are of the SDK's."""
    with pytest.raises(openai.APIStatusError) as caught:
        ask(server, prompt, **fields)
    return caught.value


def posted(server: Server, body: dict[str, Any]) -> httpx.Response:
    """The answer as bytes and headers."""
    return httpx.post(f"{server.url}/chat/completions", json=body, timeout=120, trust_env=False)


# The user's Express server, which answers `stream: true` with one JSON body.


@every_way
def test_the_answer_of_the_users_server_arrives(ask: Ask, express_mock: Server, serve: Serve) -> None:
    """Also for who asked for a stream, and had got nothing at all."""
    told = ask(serve(express_mock), "Привет")
    assert (told.text, told.finish) == (ANSWER, "stop")


def test_what_was_mended_is_told(express_mock: Server, serve: Serve) -> None:
    """The headers name the backend and the repair."""
    answer = posted(serve(express_mock), simple("Что исправлено?").body("lumeai", stream=True))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "json-to-sse" in answer.headers["x-lumeai-repairs"].split(",")
    assert answer.headers["x-lumeai-backend"] in express_mock.url


@every_way
def test_the_key_of_the_backend_opens_it(ask: Ask, express_locked: Server, serve: Serve) -> None:
    """It comes out of a variable of the proxy's own."""
    told = ask(serve(express_locked, arguments=("--api-key-env", "THEIR_KEY"), THEIR_KEY=PLANTED_KEY), "Привет")
    assert told.text == ANSWER


@every_way
def test_a_backend_that_wants_a_key(ask: Ask, express_locked: Server, serve: Serve) -> None:
    """The key of the client is none of the backend's, and stays with the proxy."""
    error = refused(ask, serve(express_locked), "Есть ли ключ?", key=PLANTED_KEY)
    assert (error.status_code, error.code) == (401, "LUM211")
    assert "API-ключ не указан" in error.message
    assert PLANTED_KEY not in error.message


@every_way
def test_a_backend_that_takes_another_key(ask: Ask, express_locked: Server, serve: Serve) -> None:
    """A wrong key is told, and shown nowhere."""
    proxy = serve(express_locked, arguments=("--api-key-env", "THEIR_KEY"), THEIR_KEY=WRONG_KEY)
    error = refused(ask, proxy, "Верен ли ключ?")
    assert (error.status_code, error.code) == (401, "LUM212")
    assert "Неверный API-ключ" in error.message
    assert WRONG_KEY not in error.message + proxy.process.log


# Two real servers.


def heavy(prompt: str, *, stream: bool) -> dict[str, Any]:
    """Many tools: over Express' limit in bytes, and hardly a token for a model whose template has no tools."""
    tools = [
        {**tool, "function": {**tool["function"], "name": f"{server}_{tool['function']['name']}"}}
        for server in ("files", "browser", "tracker")
        for tool in agent_native().tools
    ]
    body = simple(prompt).body("lumeai", stream=stream) | {"tools": tools, "max_tokens": 8}
    assert len(json.dumps(body)) > EXPRESS_LIMIT
    return body


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_what_is_too_large_for_one_goes_to_the_other(
    stream: bool,  # noqa: FBT001 - a table's column
    express_mock: Server,
    llama_small: Server,
    serve: Serve,
) -> None:
    """Express refuses with a 413, and llama.cpp answers."""
    answer = posted(serve(express_mock, llama_small), heavy("Say a word.", stream=stream))
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-lumeai-backend"] in llama_small.url
    assert answer.headers["x-lumeai-diagnosis"] == "body-too-large"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_what_does_not_fit_into_one_window_goes_to_the_other(
    stream: bool,  # noqa: FBT001 - a table's column
    express_mock: Server,
    llama_small: Server,
    serve: Serve,
) -> None:
    """llama.cpp refuses an agent's prompt, and Express answers."""
    answer = posted(serve(llama_small, express_mock), agent_native().body("lumeai", stream=stream))
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-lumeai-backend"] in express_mock.url
    assert answer.headers["x-lumeai-diagnosis"] == "context-exceeded"
    assert ANSWER in answer.text


@both_modes
def test_what_nobody_takes_is_refused_for_both_reasons(
    ask: Ask, express_mock: Server, llama_small: Server, serve: Serve
) -> None:
    """With the status of the first, and the name of the other."""
    large = "слово " * 20_000
    error = refused(ask, serve(express_mock, llama_small), large)
    assert (error.status_code, error.code) == (413, "LUM231")
    assert "context-exceeded" in error.message
    error = refused(ask, serve(llama_small, express_mock), large)
    assert (error.status_code, error.code) == (400, "LUM631")
    assert "body-too-large" in error.message


# llama.cpp with a small model.


@every_way
def test_a_real_model_speaks(ask: Ask, llama_small: Server, serve: Serve) -> None:
    """Whatever it says: it arrives, under the model's own name."""
    told = ask(serve(llama_small), "Say hello to Anna.", model="smollm2", temperature=0)
    assert told.text.strip()
    assert (told.finish in ("stop", "length"), told.model) == (True, "smollm2")


@every_way
def test_a_bound_is_kept(ask: Ask, llama_small: Server, serve: Serve) -> None:
    """An answer that is cut by the client's own wish is none to be mended."""
    told = ask(serve(llama_small), "Count to ten.", model="smollm2", temperature=0, max_tokens=4)
    assert told.text.strip()
    assert told.finish == "length"


@every_way
def test_an_empty_answer_is_asked_for_again_and_then_explained(ask: Ask, llama_small: Server, serve: Serve) -> None:
    """The empty end comes of `logit_bias`, which the proxy knows nothing of and passes on."""
    before = requests_of(llama_small)
    error = refused(ask, serve(llama_small), f"Say nothing, {ask}.", model="smollm2", logit_bias=END_AT_ONCE)
    assert (error.status_code, error.code) == (422, "LUM803")
    assert "empty-answer" in error.message
    assert requests_of(llama_small) - before > 1


@both_modes
def test_an_agents_prompt_is_refused_with_both_numbers(ask: Ask, llama_small: Server, serve: Serve) -> None:
    """Once, since asking again cures nothing; in words by which agents know that they have to shorten."""
    before = requests_of(llama_small)
    error = refused(ask, serve(llama_small), "word " * 2 * SMALL_WINDOW, model="smollm2")
    assert (error.status_code, error.code) == (400, "LUM631")
    assert f"{SMALL_WINDOW:,}" in error.message
    assert "exceeds the available context size" in error.message
    assert requests_of(llama_small) - before == 1


@both_modes
def test_tools_that_a_template_drops_cost_no_answer(ask: Ask, llama_small: Server, serve: Serve) -> None:
    """The text stands there instead of the call, and ends as a text does."""
    tools = list(small_native().tools)
    told = ask(serve(llama_small), f"Read {FILE}.", model="smollm2", tools=tools, max_tokens=16, temperature=0)
    assert told.text.strip()
    assert told.finish in ("stop", "length")


LONG: dict[str, Any] = {"model": "smollm2", "max_tokens": 1_500, "ignore_eos": True, "temperature": 0}
"""Most of a minute's work."""


def test_who_leaves_a_stream_stops_the_model(llama_small: Server, serve: Serve) -> None:
    """After some words of it."""
    proxy = serve(llama_small)
    before = len(llama_small.process.log)
    body = LONG | {"messages": words("Tell me a long story."), "stream": True}
    with (
        httpx.Client(timeout=60, trust_env=False) as client,
        client.stream("POST", f"{proxy.url}/chat/completions", json=body) as answer,
    ):
        pieces = answer.iter_lines()
        assert sum(1 for _, piece in zip(range(12), pieces, strict=False) if piece.startswith("data: {")) > 3
    assert_stopped(llama_small, before)


def test_who_leaves_before_the_answer_stops_the_model(llama_small: Server, serve: Serve) -> None:
    """The model is at work, and nothing has come of it yet, since the answer is wanted whole."""
    proxy = serve(llama_small)
    before = len(llama_small.process.log)
    body = LONG | {"messages": words("Tell me another long story.")}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{proxy.url}/chat/completions", json=body, timeout=2, trust_env=False)
    assert_stopped(llama_small, before)


def assert_stopped(llama: Server, before: int) -> None:
    """The log, from `before` on, tells that the task was cancelled, long before it was done."""
    released = " release: "
    llama.process.wait_until(lambda: released in llama.process.log[before:] or None)
    log = llama.process.log[before:]
    assert "cancel task" in log
    [count] = [int(line.split("n_tokens = ")[1].split(",")[0]) for line in log.splitlines() if released in line]
    assert count < LONG["max_tokens"] / 2


def requests_of(llama: Server) -> int:
    """How many requests it has taken up so far."""
    return llama.process.log.count(" launch_slot_: ")


# G4F, which hides from its clients what happened behind it.


@pytest.fixture(scope="module")
def g4f(tmp_path_factory: pytest.TempPathFactory, g4f_venv: Path) -> Iterator[Callable[[str], Server]]:
    """G4F in front of this specimen of the lab, or of nothing at all."""
    started: dict[str, Server] = {}
    with ExitStack() as stack:
        lab = stack.enter_context(running_lab())

        def start(specimen: str) -> Server:
            if specimen not in started:
                provider = lab.url(specimen) if specimen else DEAD
                started[specimen] = stack.enter_context(real_g4f(tmp_path_factory.mktemp("g4f"), g4f_venv, provider))
            return started[specimen]

        yield start


@every_way
def test_g4f_answers(ask: Ask, g4f: Callable[[str], Server], serve: Serve) -> None:
    """A provider that does everything right, behind two servers in a row."""
    told = ask(serve(g4f("healthy-plain")), "Fine weather", model="gpt-4o")
    assert told.text.startswith("Understood: Fine weather")
    assert told.finish == "stop"


@both_modes
@pytest.mark.parametrize(
    ("specimen", "cause"), [("server-error", "Internal error in worker 3"), ("", "")], ids=["failing", "dead"]
)
def test_what_g4f_hides_is_uncovered(
    specimen: str, cause: str, ask: Ask, g4f: Callable[[str], Server], serve: Serve
) -> None:
    """G4F's only sentence, and what its provider said, if there is one; it may be back in a moment."""
    error = refused(ask, serve(g4f(specimen)), f"What is the matter, {ask}?", model="gpt-4o")
    assert (error.status_code, error.code) == (502, "LUM902")
    assert "Request execution failed" in error.message
    assert "g4f-hides-cause" in error.message
    assert cause in error.message


@both_modes
def test_a_prompt_too_long_for_the_provider_is_told_as_that(
    ask: Ask, g4f: Callable[[str], Server], serve: Serve
) -> None:
    """G4F calls it a 500, which agents repeat in silence; a 400 with the provider's words makes them shorten."""
    error = refused(ask, serve(g4f("context-exceeded")), "word " * 30_000, model="gpt-4o")
    assert (error.status_code, error.code) == (400, "LUM631")
    assert "maximum context length is 8192 tokens" in error.message


@both_modes
def test_an_empty_answer_through_g4f_is_explained(ask: Ask, g4f: Callable[[str], Server], serve: Serve) -> None:
    """The provider's emptiness is the same behind two servers."""
    error = refused(ask, serve(g4f("empty-answer")), f"Anybody there, {ask}?", model="gpt-4o")
    assert (error.status_code, error.code) == (422, "LUM803")


@every_way
def test_a_second_backend_speaks_where_g4f_is_silent(
    ask: Ask, g4f: Callable[[str], Server], llama_small: Server, serve: Serve
) -> None:
    """Client, proxy, G4F, a provider that returns nothing; then the model that is the second backend."""
    proxy = serve(g4f("empty-answer"), llama_small)
    told = ask(proxy, "Say hello to Boris.", model="default", temperature=0)
    assert told.text.strip()
    assert told.model == "smollm2"
    # The line is written behind the last byte of the answer.
    assert proxy.process.wait_until(lambda: "empty-answer" in proxy.process.log or None)


# No server at all.


@every_way
def test_without_a_server_lumeai_answers(ask: Ask, serve: Serve) -> None:
    """As the user's server did, and it says that it is no model."""
    told = ask(serve("builtin"), "Привет")
    assert told.text.startswith(ANSWER)
    assert "--backend" in told.text
    assert told == Told(told.text, "stop", "lumeai-builtin")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_without_a_server_a_classic_agent_is_told_in_its_own_form(
    stream: bool,  # noqa: FBT001 - a table's column
    serve: Serve,
) -> None:
    """It ends its task with the words in it."""
    body = agent_xml().body("lumeai", stream=stream)
    with openai.OpenAI(base_url=serve("builtin").url, api_key="unused", max_retries=0) as sdk:
        answer: Any = sdk.chat.completions.create(**body)
        text = (
            "".join(choice.delta.content or "" for chunk in answer for choice in chunk.choices)
            if stream
            else answer.choices[0].message.content
        )
    assert text.startswith("<attempt_completion>\n<result>\n")
    assert text.endswith("</result>\n</attempt_completion>")
    assert "lumeai serve --backend" in text
