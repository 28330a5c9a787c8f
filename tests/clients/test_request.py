"""The agent-sized requests: a real agent's shape and size, in our own words, the same bytes every time."""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator, validate

from lumeai_cli.clients.request import (
    FILE,
    NATIVE_SIZE,
    XML_SIZE,
    ChatRequest,
    agent_native,
    agent_xml,
    simple,
    small_native,
    small_xml,
)
from lumeai_cli.wire.xmltags import find_calls

NATIVE_NAMES = (
    "background_process bash board_post board_read cancel_wakeup cron_create cron_delete cron_list edit glob goal grep "
    "kilo_local_recall link_pr read schedule_wakeup skill task todowrite webfetch write"
)
"""What Kilo CLI 7.7.9 offers, as captured in 2026-11."""

XML_NAMES = (
    "read_file write_to_file apply_diff insert_content search_files list_files list_code_definition_names "
    "execute_command browser_action use_mcp_tool ask_followup_question switch_mode new_task update_todo_list "
    "attempt_completion"
)
"""What Kilo 4.124 describes in its prompt with diffs on."""

CAPTURED = {"system": 13_623, "tools": 44_200, "body": 57_733}
"""The sizes of the captured request of Kilo CLI 7.7.9: characters of the prompt and of the tools' JSON, bytes."""

BUILDERS: dict[str, Callable[[], ChatRequest]] = {
    "simple": lambda: simple("Reply with one word."),
    "small-xml": small_xml,
    "small-native": small_native,
    "agent-xml": agent_xml,
    "agent-native": agent_native,
}
every = pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)


def system_of(request: ChatRequest) -> str:
    """The system prompt."""
    assert request.messages[0]["role"] == "system"
    content = request.messages[0]["content"]
    assert isinstance(content, str)
    return content


def user_of(request: ChatRequest) -> str:
    """The user's text."""
    content = request.messages[-1]["content"]
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content)


# --- size ---------------------------------------------------------------------------------------------------------


def test_the_xml_prompt_holds_72000_characters() -> None:
    """The size that users of classic agents report; the contract's default."""
    assert XML_SIZE == 72_000
    assert len(system_of(agent_xml())) == 72_000


@pytest.mark.parametrize("size", [8_000, 20_000, 40_000, 72_001, 100_000, 250_000])
def test_the_xml_prompt_holds_exactly_what_was_asked_for(size: int) -> None:
    """`--prompt-chars`, to the character."""
    request = agent_xml(size)
    assert len(system_of(request)) == size
    assert request.prompt_chars == size + len(user_of(request)) - 1  # the newline that joins the two parts here


@pytest.mark.parametrize("size", [0, 1, 500, 3_000])
def test_a_small_size_leaves_the_real_text_whole(size: int) -> None:
    """The tools and the rules are never cut: without them no model could answer."""
    system = system_of(agent_xml(size))
    assert size < len(system) < 8_000
    assert all(f"## {name}\n" in system for name in XML_NAMES.split())
    assert system.rstrip().endswith("attempt_completion.")
    assert agent_native(size).tool_names == tuple(NATIVE_NAMES.split())


def test_the_native_request_has_the_captured_size() -> None:
    """System prompt and tools together about 57,800 characters, and each part about as large as Kilo's."""
    request = agent_native()
    system, tools = len(system_of(request)), len(json.dumps(request.tools, ensure_ascii=False))
    assert NATIVE_SIZE == 57_800
    assert system + tools == pytest.approx(NATIVE_SIZE, rel=0.01)
    assert system == pytest.approx(CAPTURED["system"], rel=0.01)
    assert tools == pytest.approx(CAPTURED["tools"], rel=0.01)
    assert len(json.dumps(request.body("m", stream=True))) == pytest.approx(CAPTURED["body"], rel=0.02)


@pytest.mark.parametrize("size", [20_000, 72_000, 150_000])
def test_the_native_request_follows_the_size_asked_for(size: int) -> None:
    """`--prompt-chars` moves both parts together."""
    assert agent_native(size).prompt_chars == pytest.approx(size, rel=0.02)


@every
def test_characters_and_bytes_are_the_same(build: Callable[[], ChatRequest]) -> None:
    """Nothing but ASCII: a limit in bytes and a limit in characters would be two different findings otherwise."""
    text = json.dumps(build().body("m", stream=True), ensure_ascii=False)
    assert text.isascii()
    assert not re.search(r"[\x00-\x1f\x7f]", text)


# --- shape --------------------------------------------------------------------------------------------------------


@every
def test_the_body_is_json_and_comes_out_the_same_every_time(build: Callable[[], ChatRequest]) -> None:
    """No clock, no chance: two runs are comparable byte for byte."""
    bodies = [json.dumps(build().body("m", stream=True)) for _ in range(2)]
    assert bodies[0] == bodies[1]
    assert json.loads(bodies[0]) == build().body("m", stream=True)
    assert build() == build()


@every
def test_a_stream_is_asked_for_with_its_usage_and_not_otherwise(build: Callable[[], ChatRequest]) -> None:
    """`stream_options` without `stream` is refused by strict servers."""
    streamed, plain = build().body("m", stream=True), build().body("m", stream=False)
    assert (streamed["stream"], streamed["stream_options"]) == (True, {"include_usage": True})
    assert streamed.keys() - plain.keys() == {"stream", "stream_options"}
    assert streamed["model"] == plain["model"] == "m"


def test_the_native_tools_are_the_captured_ones() -> None:
    """Twenty-one names in the captured order, with tool_choice auto and the output limit."""
    request = agent_native()
    body = request.body("m", stream=True)
    assert request.tool_names == tuple(NATIVE_NAMES.split())
    assert len(request.tool_names) == 21
    assert request.xml_tools == ()
    assert (body["tool_choice"], body["max_tokens"]) == ("auto", 8192)
    assert [tool["type"] for tool in body["tools"]] == ["function"] * 21


def test_the_native_user_text_is_a_list_of_parts() -> None:
    """As Kilo sends it; home-made servers that expect a string fall over this."""
    content = agent_native().messages[1]["content"]
    assert [part["type"] for part in content] == ["text"]


@pytest.mark.parametrize("tool", agent_native().tools, ids=agent_native().tool_names)
def test_each_tool_has_a_valid_schema_that_takes_what_it_requires(tool: dict[str, Any]) -> None:
    """A server that compiles the schemas into a grammar must not stumble over ours."""
    function = tool["function"]
    schema = function["parameters"]
    Draft202012Validator.check_schema(schema)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", function["name"])
    assert function["description"]
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert schema["required"]
    assert set(schema["required"]) <= schema["properties"].keys()
    some = {"string": "x", "integer": 1, "boolean": True, "array": ["x"]}
    validate({name: some[schema["properties"][name]["type"]] for name in schema["required"]}, schema)


def test_the_xml_request_describes_fifteen_tools_and_sends_none() -> None:
    """Tags in the prompt, no `tools` field, temperature 0: the classic client."""
    request = agent_xml()
    system, body = system_of(request), request.body("m", stream=True)
    assert request.xml_tools == tuple(XML_NAMES.split())
    assert len(request.xml_tools) == 15
    assert "tools" not in body
    assert "tool_choice" not in body
    assert body["temperature"] == 0
    assert re.findall(r"^## (\w+)$", system, re.MULTILINE) == XML_NAMES.split()
    assert "Tool uses are formatted using XML-style tags" in system
    assert "\n====\n\nTOOL USE\n" in system


def test_every_described_tool_shows_a_usage_that_the_clients_parser_takes() -> None:
    """The prompt must not teach a form that the client would not recognise."""
    request = agent_xml()
    shown = find_calls(system_of(request).partition("# Tools\n")[2], request.xml_tools)
    assert [call.name for call in shown] == XML_NAMES.split()
    assert all(call.closed for call in shown)
    assert shown[0].parameter("path")


def test_the_xml_user_text_comes_in_kilos_wrapping() -> None:
    """A `<task>` and `<environment_details>`, as parts."""
    parts = [part["text"] for part in agent_xml().messages[1]["content"]]
    assert parts[0].startswith("<task>\n")
    assert parts[0].endswith("\n</task>")
    assert parts[1].startswith("<environment_details>")


def test_the_small_requests_hold_the_tools_that_the_task_needs() -> None:
    """The same task with one or two tools: small against large is a pair of probes that differ in one thing."""
    assert small_xml().xml_tools == ("read_file", "attempt_completion")
    assert small_native().tool_names == ("read",)
    assert small_xml().prompt_chars < 3_000
    assert small_native().prompt_chars < 3_000


@pytest.mark.parametrize("build", [small_xml, small_native, agent_xml, agent_native])
def test_the_task_is_the_same_everywhere_and_needs_one_tool_call(build: Callable[[], ChatRequest]) -> None:
    """Read one file that the model has not seen."""
    assert FILE in user_of(build())
    assert "first line" in user_of(build())
    assert FILE not in system_of(build())
    assert build().wants_tool


def test_a_simple_question_wants_no_tool() -> None:
    """Nor does it carry anything but the message."""
    request = simple("What is 17 + 25?")
    assert request.body("m", stream=False) == {
        "model": "m",
        "messages": [{"role": "user", "content": "What is 17 + 25?"}],
    }
    assert not request.wants_tool
    assert request.prompt_chars == len("What is 17 + 25?")


# --- filler -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [agent_xml, agent_native], ids=["xml", "native"])
def test_no_line_of_the_prompt_is_repeated_over_and_over(build: Callable[[], ChatRequest]) -> None:
    """Repeated lines are compressed, deduplicated, or read as a loop: a model's window must really be filled."""
    request = build()
    texts = [system_of(request), *(tool["function"]["description"] for tool in request.tools)]
    lines = Counter(line for text in texts for line in text.splitlines() if len(line) > 20)
    line, times = lines.most_common(1)[0]
    assert times <= 7, line  # seven tools share the parameter `path`


def test_the_filler_is_made_of_words() -> None:
    """A tokenizer counts each digit: a prompt full of them weighs more tokens than a real agent's of its length."""
    lines = re.findall(r"^- \S+\.py .*$", system_of(agent_xml()), re.MULTILINE)
    assert sum(map(len, lines)) > 60_000
    assert not any(sign.isdigit() for line in lines for sign in line)


def test_a_longer_prompt_begins_like_a_shorter_one() -> None:
    """Only the filler grows, at its end."""
    short, long = system_of(agent_xml(20_000)), system_of(agent_xml(40_000))
    assert long.startswith(short[:19_000])
    assert long[-130:] == short[-130:]
