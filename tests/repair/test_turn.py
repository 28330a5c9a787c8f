"""A whole turn: what a client is told of an answer that has ended, and finish reasons in OpenAI's words."""

from typing import Any

import pytest

from lumeai_cli.repair.fault import NOTHING_SAID, Fault
from lumeai_cli.repair.turn import Turn, finish_for, mend
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.answer import Answer, ToolCall
from tests.repair.wire import NATIVE, SDK, XML

HERMES = '<tool_call>{"name": "read_file", "arguments": {"path": "a.txt"}}</tool_call>'
TAGS = "<read_file>\n<path>a.txt</path>\n</read_file>"
READ = ToolCall("c", "read", '{"path": "a.txt"}')
FILE = ToolCall("c", "read_file", '{"path": "a.txt"}')

REASONS = [
    ("", False, ""),
    ("stop", False, "stop"),
    ("length", False, "length"),
    ("content_filter", True, "content_filter"),
    ("tool_calls", False, "stop"),
    ("function_call", True, "tool_calls"),
    ("stop", True, "tool_calls"),
    ("length", True, "length"),
    ("end_turn", False, "stop"),
    ("MAX_TOKENS", False, "length"),
    ("tool_use", True, "tool_calls"),
    ("SAFETY", False, "content_filter"),
    ("whatever", False, "stop"),
]


@pytest.mark.parametrize(("reason", "called", "told"), REASONS)
def test_a_finish_reason_is_told_in_openais_words(reason: str, told: str, *, called: bool) -> None:
    assert finish_for(reason, called=called) == told
    assert finish_for(told, called=called) == told


TURNS: list[tuple[str, dict[str, Any], Wanted, dict[str, Any], set[str]]] = [
    ("a text", {"text": "Hi"}, SDK, {"text": "Hi"}, set()),
    ("a call", {"calls": (READ,), "finish": "tool_calls"}, NATIVE, {"calls": (READ,), "finish": "tool_calls"}, set()),
    ("a refusal", {"refusal": "No."}, SDK, {"text": "No."}, {"refusal"}),
    ("a refusal beside what nobody sees", {"text": "\u200b", "refusal": "No."}, SDK, {"text": "No."}, {"refusal"}),
    ("a text beside a refusal", {"text": "Hi", "refusal": "No."}, SDK, {"text": "Hi"}, set()),
    ("a thought", {"text": "<think>a</think>b"}, SDK, {"text": "b", "reasoning": "a"}, {"think-tag"}),
    (
        "a thought that the prompt began",
        {"text": "hm\n</think>\n\nb", "reasoning": "so "},
        SDK,
        {"text": "b", "reasoning": "so hm\n"},
        {"think-tag"},
    ),
    (
        "a call behind it",
        {"text": "hm\n</think>\n" + '<tool_call>{"name": "read", "arguments": {"path": "a.txt"}}</tool_call>'},
        NATIVE,
        {"reasoning": "hm\n", "calls": (ToolCall("", "read", READ.arguments),), "finish": "tool_calls"},
        {"think-tag", "text-to-call", "finish-reason"},
    ),
    ("an open one", {"text": "<think>a"}, SDK, {"text": "a", "reasoning": "a"}, {"think-tag", "think-unclosed"}),
    ("for XML", {"calls": (FILE,)}, XML, {"text": "<read_file>\n<path>a.txt</path>\n</read_file>"}, {"call-to-xml"}),
    (
        "markup for XML",
        {"text": f"I look.\n{HERMES}\nand\n{HERMES}{HERMES} bye."},
        XML,
        {"text": f"I look.\n\n\n{TAGS}\nand\n\n\n{TAGS}\n\n{TAGS} bye."},
        {"text-to-xml"},
    ),
    ("nothing but markup for XML", {"text": HERMES}, XML, {"text": TAGS}, {"text-to-xml"}),
    ("JSON in a fence for XML", {"text": f"```json\n{HERMES[11:-12]}\n```"}, XML, {"text": TAGS}, {"text-to-xml"}),
    ("an example for XML", {"text": f"{HERMES[11:-12]}\nreads."}, XML, {"text": f"{HERMES[11:-12]}\nreads."}, set()),
    ("its own tags", {"text": f"I look.\n{TAGS}\n"}, XML, {"text": f"I look.\n{TAGS}\n"}, set()),
    (
        "markup in an open thought, for XML",
        {"text": f"<think>{HERMES}"},
        XML,
        {"text": TAGS, "reasoning": HERMES},
        {"think-tag", "think-unclosed", "text-to-xml"},
    ),
    (
        "markup and a native call, for XML",
        {"text": HERMES, "calls": (FILE,)},
        XML,
        {"text": f"{TAGS}\n\n{TAGS}"},
        {"text-to-xml", "call-to-xml"},
    ),
    (
        "no arguments",
        {"calls": (ToolCall("c", "read", " "),), "finish": "tool_calls"},
        NATIVE,
        {"calls": (ToolCall("c", "read", "{}"),), "finish": "tool_calls"},
        {"call-arguments"},
    ),
    ("an empty call", {"text": "Hi", "calls": (ToolCall("", "", ""),)}, SDK, {"text": "Hi"}, {"call-shape"}),
]


@pytest.mark.parametrize(
    ("answer", "wanted", "turn", "repairs"), [row[1:] for row in TURNS], ids=[row[0] for row in TURNS]
)
def test_a_turn_is_what_the_answer_comes_to(
    answer: dict[str, Any], wanted: Wanted, turn: dict[str, Any], repairs: set[str]
) -> None:
    told = mend(Answer(**{"finish": "stop", **answer}), wanted)
    assert isinstance(told, Turn)
    assert {repair.name for repair in told.repairs} == repairs
    expected = Turn(**{"finish": "stop", **turn})
    assert (told.text, told.reasoning) == (expected.text, expected.reasoning)
    assert [(call.name, call.arguments) for call in told.calls] == [
        (call.name, call.arguments) for call in expected.calls
    ]
    assert told.finish == expected.finish


FAULTS: list[tuple[str, dict[str, Any], Wanted, Fault]] = [
    ("nothing", {}, SDK, NOTHING_SAID),
    ("white space", {"text": " \n"}, SDK, NOTHING_SAID),
    ("what nobody sees", {"text": "\u200b\ufeff \u2060\n\u00ad"}, SDK, NOTHING_SAID),
    ("a spent budget", {"text": "<think>a", "finish": "length"}, SDK, NOTHING_SAID),
    ("no name", {"calls": (ToolCall("c", "", "{}"),)}, NATIVE, Fault("tool-call-missing-name", "{}")),
    (
        "no name, but a text",
        {"text": "Hi", "calls": (ToolCall("c", "", "{}"),)},
        NATIVE,
        Fault("tool-call-missing-name", "{}"),
    ),
    ("a quota", {"text": "Quota exceeded"}, SDK, Fault("quota-text-as-answer", "Quota exceeded")),
    (
        "a quota behind a thought",
        {"text": "<think>a</think>Quota exceeded"},
        SDK,
        Fault("quota-text-as-answer", "Quota exceeded"),
    ),
]


@pytest.mark.parametrize(("answer", "wanted", "fault"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_what_is_no_turn_is_a_fault(answer: dict[str, Any], wanted: Wanted, fault: Fault) -> None:
    assert mend(Answer(**{"finish": "stop", **answer}), wanted) == fault


def test_a_quota_beside_a_call_is_a_text() -> None:
    assert isinstance(mend(Answer(text="Quota exceeded", calls=(READ,)), NATIVE), Turn)
