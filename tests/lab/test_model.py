"""The lab's model does what a doctor asks of a capable one, whatever the request looks like."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumeai_cli.lab.model import Reply, prose, reply
from lumeai_cli.lab.request import LabRequest

XML_SYSTEM = (
    "TOOL USE\nTool uses are formatted using XML-style tags.\n## read_file\n<read_file>\n<path>a</path>\n</read_file>\n"
    "## attempt_completion\n<attempt_completion>\n<result>\n</result>\n</attempt_completion>\n"
)


def request(*messages: tuple[str, Any], **fields: Any) -> LabRequest:
    body = {"messages": [{"role": role, "content": content} for role, content in messages], **fields}
    return LabRequest("POST", "/v1/chat/completions", {}, json.dumps(body).encode(), body)


def ask(text: str, **fields: Any) -> Reply:
    return reply(request(("user", text), **fields))


def tool(name: str, parameters: object = None) -> dict[str, object]:
    path = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    return {"type": "function", "function": {"name": name, "parameters": parameters or path}}


TOOLS = [tool("write_to_file"), tool("read_file")]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Reply with exactly one word: pong", "pong"),
        ("Reply with the single word 'blue'.", "blue"),
        ('Respond with "pong" and nothing else', "pong"),
        ("Ответь одним словом: да", "да"),
        ("What is 17 + 25?", "42"),
        ("What is 17 plus 25?", "42"),
        ("6 × 7 = ?", "42"),
        ("What is 50 - 8?", "42"),
    ],
)
def test_it_says_what_it_is_told_and_counts(text: str, answer: str) -> None:
    assert ask(text) == Reply(answer)
    assert ask(text, tools=TOOLS) == Reply(answer)


def test_a_date_is_no_sum() -> None:
    assert "2013" not in ask("Today is 2024-11-22.").text


@pytest.mark.parametrize(("which", "word"), [("first", "HERON-7"), ("last", "OTTER-3")])
def test_it_recalls_the_code_word_that_is_meant(which: str, word: str) -> None:
    padding = "lorem ipsum dolor sit amet. " * 2600
    system = f"The first code word is HERON-7.\n{padding}\nThe last code word is OTTER-3."
    asked = reply(request(("system", system), ("user", f"What is the {which} code word? Reply with only that word.")))
    assert asked.text == word


def test_a_code_word_that_the_server_lost_is_not_recalled() -> None:
    assert "HERON" not in ask("What is the first code word?").text


THREE = (
    "Reply with the three code words of this conversation, in order, separated by spaces. If you do not see one of "
    "them, write none in its place."
)


@pytest.mark.parametrize("size", [300, 72_000], ids=["control", "agent"])
@pytest.mark.parametrize(
    ("seen", "answer"),
    [
        ({"one": "Heron", "two": "otter-3", "three": "maple"}, "heron otter-3 maple"),
        ({"two": "otter", "three": "maple"}, "none otter maple"),
        ({"three": "maple"}, "none none maple"),
        ({}, "none none none"),
    ],
)
def test_it_recalls_three_code_words_and_owns_up_to_those_it_does_not_see(
    size: int, seen: dict[str, str], answer: str
) -> None:
    padding = "src/orders/api/part_0001.py  4711\n" * (size // 68)
    system = "".join(f"Code word {number}: {word}\n{padding}" for number, word in seen.items())
    for before in (system, f"{XML_SYSTEM}\n{system}"):
        said = reply(request(("system", before), ("user", THREE)))
        text = said.text.removeprefix("<attempt_completion>\n<result>\n").partition("\n")[0]
        assert text.lower() == answer


@settings(deadline=None, max_examples=50)
@given(st.text(min_size=1), st.text(min_size=1))
def test_two_prompts_never_get_one_text_by_chance(one: str, other: str) -> None:
    first, second = f"Tell me about {one}", f"Explain {other}"
    assert prose(request(("user", first))) != prose(request(("user", second)))


def test_it_calls_the_tool_that_reads_with_the_path_of_the_user() -> None:
    said = ask("Please read notes/plan.txt and tell me what it says.", tools=TOOLS)
    assert said.text == ""
    assert [(call.name, json.loads(call.arguments)) for call in said.calls] == [
        ("read_file", {"path": "notes/plan.txt"})
    ]
    assert said.finish == "tool_calls"


def test_it_fills_the_nested_schema_of_newer_agents() -> None:
    entry = {
        "type": "object",
        "properties": {"path": {"type": "string"}, "line_ranges": {"type": ["array", "null"]}},
        "required": ["path", "line_ranges"],
    }
    files = {"type": "object", "properties": {"files": {"type": "array", "items": entry}}, "required": ["files"]}
    (call,) = ask("Read notes/plan.txt", tools=[tool("read_file", files)]).calls
    assert json.loads(call.arguments) == {"files": [{"path": "notes/plan.txt", "line_ranges": None}]}


def test_it_fills_every_kind_of_required_value() -> None:
    properties = {
        "text": {"type": "string"},
        "mode": {"enum": ["fast", "slow"]},
        "fixed": {"const": 7},
        "count": {"type": "integer"},
        "deep": {"type": "boolean"},
        "either": {"anyOf": [{"type": "number"}, {"type": "string"}]},
    }
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    (call,) = ask("Use the tool on a/b.txt", tools=[tool("x", schema)]).calls
    assert json.loads(call.arguments) == {
        "text": "a/b.txt",
        "mode": "fast",
        "fixed": 7,
        "count": 1,
        "deep": False,
        "either": 1,
    }


def test_a_tool_is_called_when_it_is_demanded_and_never_when_forbidden() -> None:
    assert ask("Hello", tools=TOOLS).calls == ()
    assert ask("Hello", tools=TOOLS, tool_choice="required").calls[0].name == "read_file"
    demanded = {"type": "function", "function": {"name": "write_to_file"}}
    assert ask("Hello", tools=TOOLS, tool_choice=demanded).calls[0].name == "write_to_file"
    assert ask("Read notes/plan.txt", tools=TOOLS, tool_choice="none").calls == ()


def test_a_question_calls_the_tool_that_can_answer_it() -> None:
    city = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    (call,) = ask("What is the weather in Paris?", tools=[tool("get_weather", city)]).calls
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Paris"})


def test_after_a_tool_result_it_answers_with_what_it_read() -> None:
    asked = request(("user", "Read notes/plan.txt"), ("assistant", None), ("tool", "buy lemons"), tools=TOOLS)
    assert reply(asked) == Reply("The tool's result says: buy lemons")


def test_the_same_messages_without_the_tool_get_prose() -> None:
    system = ("system", "You are a careful coding assistant. Use the tools; never guess at files.")
    said = reply(request(system, ("user", "Read the file notes/plan.txt: call the tool first.")))
    assert said.calls == ()
    assert said.text.startswith("Understood: Read the file")


def test_what_agents_send_along_is_ignored() -> None:
    along = {"parallel_tool_calls": True, "max_tokens": 1, "temperature": 0, "reasoning_effort": "low"}
    assert ask("Read notes/plan.txt", tools=TOOLS, **along).calls[0].name == "read_file"
    assert ask("What is 17 + 25?", **along) == Reply("42")


def test_a_long_conversation_is_answered_whoever_spoke_last() -> None:
    turns = [(("user", "assistant")[step % 2], f"Step {step}: reply with OK.") for step in range(80)]
    assert reply(request(*turns)).text
    assert reply(request(*turns, ("user", "Step 80: reply with OK."))).text


def test_an_agent_with_a_closing_tool_gets_its_answer_through_it() -> None:
    result = {"type": "object", "properties": {"result": {"type": "string"}}, "required": ["result"]}
    tools = [*TOOLS, tool("attempt_completion", result)]
    asked = request(("user", "Read notes/plan.txt"), ("assistant", None), ("tool", "buy lemons"), tools=tools)
    (call,) = reply(asked).calls
    assert call.name == "attempt_completion"
    assert "buy lemons" in json.loads(call.arguments)["result"]


def test_it_speaks_xml_where_the_tools_are_told_in_the_prompt() -> None:
    task = (
        "<task>\nRead the file notes/plan.txt\n</task>\n"
        "<environment_details>\n/home/me/other.py\n</environment_details>"
    )
    said = reply(request(("system", XML_SYSTEM), ("user", [{"type": "text", "text": task}])))
    assert said.calls == ()
    assert said.text.endswith("\n\n<read_file>\n<path>notes/plan.txt</path>\n</read_file>")


def test_an_xml_agent_that_complains_gets_its_tool() -> None:
    said = reply(
        request(
            ("system", XML_SYSTEM),
            ("user", "Read notes/plan.txt"),
            ("assistant", "Well..."),
            ("user", "[ERROR] You did not use a tool in your previous response!"),
        )
    )
    assert "<path>notes/plan.txt</path>" in said.text


def test_after_an_xml_result_it_completes_the_task() -> None:
    result = "[read_file for 'notes/plan.txt'] Result:\n\n<content>buy lemons</content>"
    said = reply(request(("system", XML_SYSTEM), ("user", "Read notes/plan.txt"), ("assistant", "."), ("user", result)))
    assert said.text.startswith("<attempt_completion>\n<result>\n")
    assert "buy lemons" in said.text
    assert said.text.count("<") == 4


@pytest.mark.parametrize(
    "padding",
    ["a", "a.", "a/", "1 ", "1+", "say ", "code word ", '"', "\n", "<", "A b", " ", "1" + 50 * " ", "[a for "],
)
def test_padding_of_any_kind_costs_no_time(padding: str) -> None:
    """Counted is the time of this thread alone, so that a busy machine is no matter."""
    text = padding * (200_000 // len(padding))
    started = time.thread_time()
    ask(f"{text} What is the code word of notes/plan.txt? {text}", tools=TOOLS)
    reply(request(("system", XML_SYSTEM + text), ("user", f"Hello {text}")))
    assert time.thread_time() - started < 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FUNCTION = st.fixed_dictionaries({"name": JSON, "parameters": JSON})


@settings(deadline=None, max_examples=50)
@given(
    st.fixed_dictionaries(
        {
            "messages": st.lists(st.fixed_dictionaries({"role": JSON, "content": JSON}), max_size=3) | JSON,
            "tools": st.lists(st.fixed_dictionaries({"function": FUNCTION | JSON}), max_size=3) | JSON,
            "tool_choice": JSON | st.just("required"),
            "model": JSON,
            "stream_options": JSON,
        }
    )
)
def test_no_request_is_too_odd_for_it(body: Any) -> None:
    asked = LabRequest("POST", "/v1/chat/completions", {}, json.dumps(body).encode(), body)
    assert isinstance(reply(asked), Reply)
    assert isinstance(asked.model, str)
    assert asked.wants_usage in {True, False}
