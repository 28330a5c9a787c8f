"""A real llama.cpp with a real small model: what the doctor says of it, and the facts that it rests on.

Only shapes are asserted: what the models say is nobody's business, and one of them talks nonsense.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest

from lumeai_cli.clients.request import ChatRequest, agent_native, agent_xml, small_native
from tests.real.conftest import LONG_WINDOW, SMALL_WINDOW
from tests.real.servers import Examination, Server, run_doctor

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]

PATIENCE = 310.0
"""Seconds for the doctor, which gives up by itself after 300; it needs 30 if the machine has nothing else to do."""

ASKED: Any = {"model": "smollm2", "messages": [{"role": "user", "content": "Count to ten."}], "temperature": 0}
END_AT_ONCE = {"2": 100}
"""SmolLM2's token `<|im_end|>`, made certain."""


@pytest.fixture(scope="module")
def small(llama_small: Server, tmp_path_factory: pytest.TempPathFactory) -> Examination:
    """What the doctor says of a model whose window is too small."""
    return run_doctor(tmp_path_factory.mktemp("doctor"), llama_small.url, "--format", "json", seconds=PATIENCE)


@pytest.fixture(scope="module")
def long(llama_long: Server, tmp_path_factory: pytest.TempPathFactory) -> Examination:
    """What it says of one that reads all that an agent sends, however long that takes on this machine."""
    arguments = (llama_long.url, "--slow-after", "300", "--format", "json")
    return run_doctor(tmp_path_factory.mktemp("doctor"), *arguments, seconds=PATIENCE)


@pytest.fixture(scope="module")
def sdk(llama_small: Server) -> Iterator[openai.OpenAI]:
    """The official SDK, pointed at the whole model."""
    with openai.OpenAI(base_url=llama_small.url, api_key="unused", max_retries=0) as client:
        yield client


def found(examined: Examination, name: str) -> dict[str, Any]:
    """The facts of this finding."""
    [facts] = [each["facts"] for each in examined.target["findings"] if each["name"] == name]
    return dict(facts)


def probe(examined: Examination, name: str) -> dict[str, Any]:
    """What became of this probe."""
    [told] = [each for each in examined.target["probes"] if each["name"] == name]
    return dict(told)


def test_the_server_is_recognised(small: Examination, long: Examination) -> None:
    """By its own words, although it is embedded in another program."""
    assert [each.target["kind"] for each in (small, long)] == ["llama-server"] * 2
    assert [each.target["model"] for each in (small, long)] == ["smollm2"] * 2


def test_a_prompt_that_does_not_fit_is_the_cause(small: Examination) -> None:
    """The server refuses it and says both numbers."""
    assert small.verdict["name"] == "context-exceeded"
    assert small.verdict["certainty"] == "proven"
    assert (small.target["healthy"], small.exit_code) == (False, 1)
    facts = found(small, "context-exceeded")
    assert facts["window"] == SMALL_WINDOW
    assert facts["sent"] > 5 * SMALL_WINDOW


def test_the_window_is_told_before_anything_is_sent(small: Examination) -> None:
    """The list of models names it, so nothing else is asked for it."""
    assert found(small, "context-window-small")["window"] == SMALL_WINDOW
    assert probe(small, "window")["reason"] == "the model list told the window"


def test_after_the_window_the_tools(small: Examination) -> None:
    """What will be met once an agent's prompt fits."""
    assert small.target["next"] == ["tools-ignored"]


def test_a_template_without_tools_is_the_cause(long: Examination) -> None:
    """The model's template knows no tools, and llama.cpp drops them without a word: the counts prove it."""
    assert long.verdict["name"] == "tools-ignored"
    assert long.verdict["certainty"] == "proven"
    assert (long.target["healthy"], long.exit_code) == (False, 1)
    assert found(long, "tools-ignored")["prompt_tokens"] > 0


def test_nothing_is_said_of_a_server_but_what_is_true(long: Examination) -> None:
    """It reads for half a minute, streams, has room for all: the one other thing is that the model says nonsense."""
    told = {each["name"] for each in long.target["findings"] if each["severity"] != "note"}
    assert told == {"tools-ignored", "plain-text-instead-of-tool"}


@pytest.mark.parametrize("name", ["agent-xml", "agent-native"])
def test_an_agents_prompt_is_read_to_its_end(name: str, long: Examination) -> None:
    """It fits, is counted, and is answered."""
    told = probe(long, name)
    assert told["completion_tokens"] > 0
    assert 2_000 < told["prompt_tokens"] < LONG_WINDOW


@pytest.mark.parametrize(("client", "outcome"), [("kilo-xml", "nudge"), ("kilo-native", "nudge"), ("kilo7", "ok")])
def test_what_each_client_shows(client: str, outcome: str, long: Examination) -> None:
    """Text where a tool was needed is an error for some agents, and the last word for others."""
    assert long.target["clients"][client]["outcome"] == outcome


@pytest.mark.parametrize("build", [agent_xml, agent_native], ids=["xml", "native"])
def test_an_agents_prompt_weighs_what_a_real_one_weighs(build: Callable[[], ChatRequest], llama_long: Server) -> None:
    """72,000 characters of a real agent's prompt are 13,900 to 15,000 tokens (two tokenizers, measured 2026-11)."""
    request = build()
    text = json.dumps([list(request.messages), list(request.tools)], ensure_ascii=False)
    url = llama_long.url.removesuffix("/v1") + "/tokenize"
    tokens = httpx.post(url, json={"content": text}, timeout=60, trust_env=False).json()["tokens"]
    assert 0.19 < len(tokens) / len(text) < 0.27


def test_an_empty_stop(sdk: openai.OpenAI) -> None:
    """A model that ends at once: 200, no text, `stop`, and a token that is paid for."""
    answer = sdk.chat.completions.create(**ASKED, logit_bias=END_AT_ONCE)
    [choice] = answer.choices
    assert (choice.message.content, choice.finish_reason) == ("", "stop")
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 1


def test_an_empty_stop_in_a_stream(sdk: openai.OpenAI) -> None:
    """The role, an empty delta with `stop`, the usage: nothing that any client could show."""
    usage = {"include_usage": True}
    with sdk.chat.completions.create(**ASKED, logit_bias=END_AT_ONCE, stream=True, stream_options=usage) as stream:
        role, last, counted = stream
    assert (role.choices[0].delta.role, role.choices[0].delta.content) == ("assistant", None)
    assert last.choices[0].delta.to_dict() == {}
    assert last.choices[0].finish_reason == "stop"
    assert counted.choices == []
    assert counted.usage is not None
    assert counted.usage.completion_tokens == 1


def test_an_answer_that_is_cut(sdk: openai.OpenAI) -> None:
    """`max_tokens` ends it in the midst, and `length` says so."""
    answer = sdk.chat.completions.create(**ASKED, max_tokens=4)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 4


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_a_prompt_that_does_not_fit(stream: bool, sdk: openai.OpenAI) -> None:  # noqa: FBT001 - a table's column
    """Refused with both numbers before any stream begins."""
    messages: Any = [{"role": "user", "content": "word " * 2 * SMALL_WINDOW}]
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.chat.completions.create(model="smollm2", messages=messages, stream=stream)
    body: Any = refused.value.body
    assert body["type"] == "exceed_context_size_error"
    assert body["n_ctx"] == SMALL_WINDOW < body["n_prompt_tokens"]


def test_tools_are_dropped_even_if_they_are_required(sdk: openai.OpenAI) -> None:
    """The fact that `tools-ignored` rests on, so that a newer llama.cpp which changes it is noticed here."""
    prompt = small_native().body("smollm2", stream=False)
    bare = {name: value for name, value in prompt.items() if not name.startswith("tool")}
    with_tools, without = (
        sdk.chat.completions.create(**each, max_tokens=1) for each in (prompt | {"tool_choice": "required"}, bare)
    )
    assert with_tools.choices[0].message.tool_calls is None
    assert with_tools.usage is not None
    assert without.usage is not None
    assert with_tools.usage.prompt_tokens == without.usage.prompt_tokens
