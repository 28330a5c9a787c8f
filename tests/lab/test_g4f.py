"""What the imitations of G4F do to a request before the model sees it, and that the count betrays it."""

import json
from typing import Any

import pytest

from lumeai_cli.lab.g4f import last_of, tamed, without_repeats
from tests.lab.conftest import READ, TOOL, Ask, healthy_call

Json = dict[str, Any]
HI, COMPLAINT = "Tell me about lakes, rivers and the sea.", "[ERROR] You did not use a tool"


def said(*turns: tuple[str, str]) -> list[Json]:
    return [{"role": role, "content": text} for role, text in turns]


REPEATING = said(("system", "S"), ("user", HI), ("assistant", "A"), ("user", COMPLAINT), ("assistant", "B"))
LONG = said(
    ("system", "S"), ("user", "The task"), *((("assistant", "user")[step % 2], f"{step}") for step in range(62))
)


def described(text: str, **properties: Any) -> Json:
    known = {"path": {"type": "string", "description": text}, **properties}
    function = {"name": "lookup", "description": text, "parameters": {"type": "object", "properties": known}}
    return {"type": "function", "function": function}


def test_a_repeated_complaint_leaves_a_conversation_that_ends_with_the_assistant() -> None:
    """Measured with g4f 8.8.6: exact repeats of an earlier message of user or assistant go."""
    assert without_repeats([*REPEATING, *said(("user", COMPLAINT))]) == REPEATING
    assert without_repeats([*REPEATING, *said(("user", f"{COMPLAINT}!"))])[-1]["content"] == f"{COMPLAINT}!"


@pytest.mark.parametrize("role", ["system", "tool"])
def test_others_may_repeat_themselves(role: str) -> None:
    assert without_repeats(said((role, "S"), (role, "S"))) == said((role, "S"), (role, "S"))


def test_of_a_long_conversation_the_last_forty_are_left_without_the_task() -> None:
    """Measured with g4f 8.8.6: of 63 messages 41 arrived, the system's among them, the user's first one not."""
    assert len(LONG) == 64
    system, *rest = last_of(LONG)
    assert system["content"] == "S"
    assert [message["content"] for message in rest] == [str(step) for step in range(22, 62)]
    assert last_of(LONG[:41]) == LONG[:41]


def test_tools_are_softened_cut_and_robbed_of_parameters() -> None:
    """Measured with g4f 8.8.6: a parameter that is called like an ornament of schemas is lost, and still required."""
    tool = described("IMPORTANT: you MUST read it, NEVER guess. " * 10, title={"type": "string"})
    tool["function"] |= {"strict": True}
    tool["function"]["parameters"] |= {"required": ["path", "title"], "$schema": "s", "x-order": 1, "title": "T"}
    (kept,) = tamed([tool, {"type": "function", "function": {"name": "create_directory"}}])
    assert not {"MUST", "NEVER", "IMPORTANT:"} & set(kept["function"]["description"].split())
    assert kept["function"].keys() == {"name", "description", "parameters"}
    schema = kept["function"]["parameters"]
    assert schema.keys() == {"type", "properties", "required"}
    assert (schema["properties"].keys(), schema["required"]) == ({"path"}, ["path", "title"])
    assert len(schema["properties"]["path"]["description"]) == 160


@pytest.mark.parametrize("odd", [[], [None], ["x", 7], [{}], [{"role": []}], [{"function": None}], [{"function": {}}]])
def test_odd_requests_are_no_trouble(odd: list[Any]) -> None:
    assert len(without_repeats(odd)) == len(last_of(odd)) == len(tamed(odd)) == len(odd)


@pytest.mark.parametrize(
    ("name", "fields", "twin"),
    [
        (
            "g4f-drops-repeated-turns",
            {"messages": said(("user", HI), ("assistant", "OK"), ("user", HI))},
            {"messages": said(("user", HI), ("assistant", "OK"))},
        ),
        ("g4f-cuts-history", {"messages": LONG}, {"messages": [*LONG[:1], *LONG[-40:]]}),
        ("g4f-rewrites-tools", {"tools": [described("x" * 900)]}, {"tools": [described("x" * 160)]}),
    ],
)
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
def test_the_count_is_that_of_what_the_model_saw(
    *, name: str, fields: Json, twin: Json, stream: bool, chat: Ask
) -> None:
    def counted(server: str, asked: Json) -> int:
        answer = chat(server, stream=stream, stream_options={"include_usage": True}, **asked)
        usage = (answer.chunks[-1] if stream else answer.json)["usage"]
        return int(usage["prompt_tokens"])

    if "tools" in fields:  # its own description is left alone, that of its parameter is cut
        twin["tools"][0]["function"]["description"] = fields["tools"][0]["function"]["description"]
    assert counted(name, fields) == counted("healthy-plain", twin) < counted("healthy-plain", fields)


def test_the_answers_have_the_shapes_of_g4f(chat: Ask) -> None:
    streamed = chat("g4f-cuts-history", READ, stream=True, tools=[TOOL])
    assert healthy_call(chat("g4f-cuts-history", READ, tools=[TOOL]))
    assert all(chunk["provider"] == "Custom" for chunk in streamed.chunks)
    assert {delta["role"] for delta in streamed.deltas} == {"assistant"}
    last = streamed.chunks[-1]
    assert (last["choices"][0]["delta"]["content"], last["choices"][0]["finish_reason"]) == ("", "tool_calls")
    assert last["usage"]["prompt_tokens"] > 0
    message = chat("g4f-cuts-history", READ, tools=[TOOL]).choice["message"]
    assert (
        message["content"],
        message["reasoning"],
        json.loads(message["tool_calls"][0]["function"]["arguments"]),
    ) == (
        "",
        None,
        {"path": "notes/plan.txt"},
    )
