"""The lane of a text: whole frames come out as they were, and only what changes is told anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.repair.lane import Same, TextLane
from lumeai_cli.repair.thought import Thought
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.answer import ToolCall
from tests.repair.wire import NATIVE, SDK, XML

CALL = '<tool_call>{"name": "read", "arguments": {"path": "a"}}</tool_call>'


def passed(texts: list[str], wanted: Wanted) -> list[object]:
    """What comes out; a frame that passes is its text in brackets."""
    lane = TextLane(wanted)
    out = [each for text in texts for each in lane.feed(text, text.encode())] + lane.close()
    assert lane.idle
    return [[each.text] if isinstance(each, Same) else each for each in out]


READ = ToolCall("", "read", '{"path": "a"}')
JSON = CALL[11:-12]
EXAMPLE: list[object] = [["So:\n```"], [f"\n{JSON}"], ["\n`"], ["``\nis"], [" it"]]
CALL_XML = CALL.replace('"read"', '"read_file"')
OWN: list[object] = [["Hi <read_"], ["file>\n<path>a</path></read"], ["_file> <"], ["b>"]]
IN_OWN: list[object] = [["<read_file><path>"], [CALL_XML], ["</path></read_file>"]]
REFUSED: list[object] = [["Hi "], [CALL_XML.replace("path", "x y")]]
TABLE: list[tuple[str, list[str], Wanted, list[object]]] = [
    ("plain text", ["Hel", "lo"], SDK, [["Hel"], ["lo"]]),
    ("plain text that is looked at", ["Hel", "lo"], NATIVE, [["Hel"], ["lo"]]),
    ("what was held and is none", ["Hi <to", "day>"], NATIVE, [["Hi <to"], ["day>"]]),
    ("an opener", ["You ", "have ", "won"], SDK, [["You "], ["have "], ["won"]]),
    ("a thought and a text in one frame", ["<think>a</think>b"], SDK, [Thought("a"), "b"]),
    ("a thought in frames of its own", ["<think>", "a", "</think>", "b"], SDK, [Thought("a"), ["b"]]),
    ("a call in a frame of its own", ["Hi ", CALL], NATIVE, [["Hi "], READ]),
    ("a call within a frame", [f"Hi {CALL}"], NATIVE, ["Hi ", READ]),
    ("an example", ["So:\n```", f"\n{JSON}", "\n`", "``\nis", " it"], NATIVE, EXAMPLE),
    ("a call in a fence", ["So:\n```", f"\n{JSON}", "\n`", "``\n"], NATIVE, ["So:\n", READ]),
    ("XML's own tags", ["Hi <read_", "file>\n<path>a</path></read", "_file> <", "b>"], XML, OWN),
    ("markup in them", ["<read_file><path>", CALL_XML, "</path></read_file>"], XML, IN_OWN),
    ("markup for XML", ["Hi ", CALL_XML], XML, [["Hi "], ToolCall("", "read_file", '{"path": "a"}')]),
    ("markup that XML cannot tell", ["Hi ", CALL_XML.replace("path", "x y")], XML, REFUSED),
    ("a text behind it", [f"Hi {CALL} bye", "!"], NATIVE, ["Hi ", READ, " bye", ["!"]]),
]


@pytest.mark.parametrize(("texts", "wanted", "out"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_only_what_changes_is_told_anew(texts: list[str], wanted: Wanted, out: list[object]) -> None:
    assert passed(texts, wanted) == out


@pytest.mark.parametrize("wanted", [NATIVE, XML])
@given(st.lists(st.text(alphabet="a <>{`\n[", min_size=1, max_size=6), max_size=10))
def test_a_text_without_calls_passes_in_its_frames(wanted: Wanted, texts: list[str]) -> None:
    assert passed(texts, wanted) == [[text] for text in texts]


def test_a_frame_without_text_stays_behind_what_is_held() -> None:
    lane = TextLane(NATIVE)
    assert lane.feed("<tool_call>", b"1") == []
    assert lane.beside(b"2")
    assert lane.close() == [Same(b"1", "<tool_call>"), Same(b"2", "")]
    assert not lane.beside(b"3")
