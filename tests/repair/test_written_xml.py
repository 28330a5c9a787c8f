"""Calls in another markup, lifted out for a client that reads its tools' own tags: those pass, whatever they hold."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumeai_cli.repair import written as written_module
from lumeai_cli.repair.prompt import XmlTool
from lumeai_cli.repair.turn import finder_of
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.repair.written import MOST_OWN, WrittenFinder
from lumeai_cli.wire.answer import ToolCall
from tests.repair.feeding import Pieces, given_by

WANTED = Wanted(
    xml_tools=(
        XmlTool("read_file", ("path",)),
        XmlTool("write_to_file", ("path", "content")),
        XmlTool("attempt_completion", ("result",)),
        XmlTool("tool"),
    )
)
NAMED = '{"name": "read_file", "arguments": {"path": "a.txt"}}'
HERMES = f"<tool_call>\n{NAMED}\n</tool_call>"
OWN = "<read_file>\n<path>a.txt</path>\n</read_file>"
READ = ToolCall("", "read_file", '{"path": "a.txt"}')


def finder() -> WrittenFinder:
    """What finds calls for this client."""
    made = finder_of(WANTED)
    assert made is not None
    return made


def found(*parts: str) -> Pieces:
    """What it gives for a text in these parts."""
    return given_by(finder(), parts)


def check(text: str, expected: Pieces) -> None:
    """Whole, split at every place, and one character at a time."""
    assert found(text) == expected
    assert found(*text) == expected
    for place in range(len(text)):
        assert found(text[:place], text[place:]) == expected


CALLS: list[tuple[str, str, Pieces]] = [
    ("Hermes'", HERMES, [READ]),
    ("within prose", f"I look.\n{HERMES}\nDone.", ["I look.\n", READ, "\nDone."]),
    ("Mistral's", '[TOOL_CALLS]read_file{"path": "a.txt"}', [READ]),
    ("Qwen-Coder's", "<function=read_file>\n<parameter=path>\na.txt\n</parameter>\n</function>", [READ]),
    ("bare", NAMED, [READ]),
    ("in a fence", f"So:\n```json\n{NAMED}\n```\n", ["So:\n", READ]),
    ("ReAct's", 'Action: read_file\nAction Input: {"path": "a.txt"}', [READ]),
    ("behind its own tags", f"{OWN}\n{HERMES}", [f"{OWN}\n", READ]),
    ("before its own tags", f"{HERMES}\n{OWN}", [READ, f"\n{OWN}"]),
    ("a tool's parameter in front", f"<path>a</path>\n{HERMES}", ["<path>a</path>\n", READ]),
    (
        "a tool whose parameters nobody told",
        '<tool_call>{"name": "tool", "arguments": {"x": 1}}</tool_call>',
        [ToolCall("", "tool", '{"x": 1}')],
    ),
    (
        "Harmony's",
        '<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{"path": "a.txt"}<|call|>',
        [READ],
    ),
    ("its own tags in a thought", f"<|channel|>analysis<|message|><read_file><|end|>{HERMES}", [READ]),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_calls_are_lifted_out_of(text: str, expected: Pieces) -> None:
    check(text, expected)


TEXTS = {
    "its own tags": f"I look.\n\n{OWN}\n",
    "its own tags in a fence": f"```xml\n{OWN}\n```\n",
    "its own tags in Hermes'": f"<tool_call>\n{OWN}\n</tool_call>",
    "its own tags in code within a line": f"`{OWN}`",
    "its own tags, cut off": f"<write_to_file>\n<path>a</path>\n<content>\n{HERMES}",
    "markup in a file": f"<write_to_file>\n<path>a.md</path>\n<content>\n{HERMES}\n</content>\n</write_to_file>",
    "its own closing tag in a file": (
        f"<write_to_file>\n<path>a.md</path>\n<content>\n</write_to_file>\n{HERMES}\n</content>\n</write_to_file>"
    ),
    "a bare one in a result": f"<attempt_completion><result>\n{NAMED}</result></attempt_completion>",
    "an example in a fence": f"So:\n```json\n{NAMED}\n```\nis a call.",
    "an example before its own tags": f"```json\n{NAMED}\n```\n{OWN}",
    "a tag that was only begun": "I see <read_fi",
    "a tag that was only begun, its name whole": "I see <read_file",
    "an unknown tool": HERMES.replace("read_file", "fetch"),
    "an unknown parameter": HERMES.replace("path", "file"),
    "no parameters": '<tool_call>{"name": "read_file", "arguments": {}}</tool_call>',
    "a name that is no tag": HERMES.replace('"path"', '"a b"'),
    "a text that holds its own closing tag": HERMES.replace("a.txt", "a</path>b"),
    "ordinary JSON": '{"name": "read_file", "version": "1.0.0"}',
}


@pytest.mark.parametrize("name", TEXTS)
def test_passes_as_the_text_it_is(name: str) -> None:
    check(TEXTS[name], [TEXTS[name]])


def test_its_own_tags_are_not_held_back() -> None:
    made = finder()
    out = "".join(str(piece) for character in OWN for piece in made.feed(character))
    assert out == OWN


def test_behind_a_call_without_an_end_nothing_is_looked_at() -> None:
    text = f"<read_file><path>{'a' * MOST_OWN}</path></read_file>{HERMES}"
    assert found(text) == [text] == found(text[:77], text[77:-100], *text[-100:])
    text = f"<read_file><path>{'a' * (MOST_OWN - 100)}</path></read_file>"
    assert found(text, HERMES) == [text, READ] == found(text[:77], text[77:-50], *text[-50:], *HERMES)


FRAGMENTS = st.sampled_from(
    [
        *(
            HERMES,
            NAMED,
            OWN,
            "<read_file>",
            "</read_file>",
            "<path>",
            "</path>",
            "<write_to_file>",
            "</write_to_file>",
        ),
        *("<content>", "</content>", "```json\n", "```", "`", "\n", " ", "prose", "<", ">", "<tool>", "</tool>", "}"),
        *("<tool_call>", "</tool_call>", "[TOOL_CALLS]", "read_file", "<|channel|>analysis<|message|>", "<|end|>"),
        *("Action: read_file\nAction Input: ", "<function=read_file><parameter=path>a</parameter></function>"),
    ]
)


@settings(max_examples=300)
@given(st.lists(FRAGMENTS, max_size=12).map("".join), st.data())
def test_the_same_comes_out_however_the_text_is_cut(text: str, data: st.DataObject) -> None:
    whole = found(text)
    assert found(*text) == whole
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    assert found(*(text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True))) == whole
    for piece in whole:
        if isinstance(piece, ToolCall):
            assert isinstance(json.loads(piece.arguments), dict)
    if not any(isinstance(piece, ToolCall) for piece in whole) and "<|message|>" not in text:
        assert "".join(map(str, whole)) == text


def test_prose_and_its_own_tags_need_no_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making them takes milliseconds."""
    monkeypatch.delattr(written_module, "signs")
    text = f"Some words: 1 < 2.\n\n- a list\n{OWN}\n<p>html</p>\n"
    assert found(*text) == [text]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    ["<read_file>", "</read_file>", "<read_file><path>", "<", "</", OWN, HERMES, NAMED, f"{NAMED} a\n", "<read_f"],
)
def test_no_text_takes_long(piece: str) -> None:
    """Neither half a megabyte at once, nor in pieces of a few characters."""
    text = piece * (512 * 1024 // len(piece))
    found(text)
    text = text[: len(text) // 4]
    found(*(text[at : at + 7] for at in range(0, len(text), 7)))
