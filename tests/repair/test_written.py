"""Calls lifted out of a text: each form, what must pass at once, and the same result however the text was cut."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumeai_cli.repair import written as written_module
from lumeai_cli.repair.signs import BEGINNINGS, signs
from lumeai_cli.repair.written import MOST_AGAIN, MOST_HELD, WrittenFinder
from lumeai_cli.wire.answer import ToolCall
from lumeai_cli.wire.markup import MOST_CALLS
from tests.repair.feeding import Pieces, found
from tests.wire.test_markup import FORMS

TOOLS: dict[str, Any] = {
    "read": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "line": {"type": "integer"}},
        "required": ["path"],
        "additionalProperties": False,
    },
    "read_all": {"type": "object", "properties": {"paths": {"type": "array"}}, "required": ["paths"]},
    "write": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
        "required": ["path", "content"],
    },
    "now": {"type": "object", "properties": {}, "additionalProperties": False},
    "any": None,
}

ARGUMENTS = '{"path": "a.txt"}'
NAMED = f'{{"name": "read", "arguments": {ARGUMENTS}}}'
HERMES = f"<tool_call>\n{NAMED}\n</tool_call>"
XML = "<read>\n<path>a.txt</path>\n</read>"
REACT = f"Action: read\nAction Input: {ARGUMENTS}"
READ = ToolCall("", "read", ARGUMENTS)


def call(name: str, **arguments: Any) -> ToolCall:
    """A call with these arguments."""
    return ToolCall("", name, json.dumps(arguments, ensure_ascii=False))


def check(text: str, expected: Pieces, tools: dict[str, Any] = TOOLS) -> None:
    """Whole, split at every place, and one character at a time."""
    assert found([text], tools) == expected
    assert found(list(text), tools) == expected
    for place in range(len(text)):
        assert found([text[:place], text[place:]], tools) == expected


LEFT = {
    "OpenAI's own spelling without its beginning": ["  ", READ],
    "Harmony, the recipient first, the start in the prompt": [" ", READ],
    "ReAct": ["Thought: I look.\n", READ],
    "bare, parameters": ["\n ", READ],
    "Qwen-Coder, cut": ["<function=read>\n<parameter=path>\na.txt"],  # half a file must not be written
}
"""What is left of a form besides the call."""


@pytest.mark.parametrize("form", FORMS)
def test_the_call_in(form: str) -> None:
    text = FORMS[form][1]
    pieces = found([text], TOOLS)
    told = [ToolCall("", p.name, json.dumps(json.loads(p.arguments))) if isinstance(p, ToolCall) else p for p in pieces]
    assert told == LEFT.get(form, [READ])
    check(text, pieces)


@pytest.mark.parametrize("form", FORMS)
def test_a_call_is_found_after_prose_unless_it_stands_bare(form: str) -> None:
    text = f"I look at it.\n\n{FORMS[form][1]}"
    calls = [piece for piece in found([text], TOOLS) if isinstance(piece, ToolCall)]
    bare = form.startswith("bare") or form in (
        "Qwen-Coder, cut",
        "Llama, nothing but Python",
        "Llama, nothing but Python between its tokens",
        "Harmony, the recipient first, the start in the prompt",
    )
    assert len(calls) == (0 if bare else 1)


CALLS: list[tuple[str, str, Pieces]] = [
    ("XML", XML, [READ]),
    ("XML after prose", f"I look.\n{XML}\nDone.", ["I look.\n", READ, "\nDone."]),
    ("XML in a fence", f"```xml\n{XML}\n```", ["```xml\n", READ, "\n```"]),
    ("XML with JSON in it", f"<read>{ARGUMENTS}</read>", [READ]),
    ("XML with a number", "<read><path>a</path><line>5</line></read>", [call("read", path="a", line=5)]),
    ("XML, its closing tag lost", "<read>\n<path>a.txt</path>\n", [READ]),
    (
        "XML that holds its own closing tag",
        "<write><path>a</path><content>b</write>c</content></write>.",
        [call("write", path="a", content="b</write>c"), "."],
    ),
    ("XML, one name begins another", "<read_all><paths>[1]</paths></read_all>", [call("read_all", paths=[1])]),
    ("XML without parameters, in its line", "So:\n<now></now>", ["So:\n", call("now")]),
    ("text on both sides", f"Before {HERMES} after.", ["Before ", READ, " after."]),
    ("two calls", f"{HERMES}\n{HERMES}\n", [READ, READ]),
    ("two calls of two forms", f"{HERMES}\n{XML}", [READ, READ]),
    ("text between two calls", f"{HERMES}\nand\n{HERMES}", [READ, "\nand\n", READ]),
    ("a list in Mistral's form", f"[TOOL_CALLS][{NAMED}, {NAMED}]", [READ, READ]),
    ("three by name in Mistral's form", "[TOOL_CALLS]" + f"read[ARGS]{ARGUMENTS}" * 3 + "!", [READ, READ, READ, "!"]),
    ("JSON parted by semicolons", f"<|python_tag|>{NAMED}; {NAMED}<|eom_id|>", [READ, READ]),
    ("two bare ones, one a line", f"{NAMED}\n{NAMED}", [READ, READ]),
    ("code behind a call", f"{HERMES}\n```py\na\n```", [READ, "\n```py\na\n```"]),
    ("XML in tool_call", f"<tool_call>\n{XML}\n</tool_call>", [READ]),
    ("a brace too many", HERMES.replace("}}", "}}}"), [READ]),
    ("a brace too many, bare", NAMED + "}\n", [READ]),
    ("two calls in a fence", f"So:\n```json\n{NAMED}\n{NAMED}\n```\n", ["So:\n", READ, READ]),
    ("two fences", f"```json\n{NAMED}\n```\n\n```json\n{NAMED}\n```", [READ, READ]),
    ("a fence whose end is cut off", f"```json\n{NAMED}\n``", [READ]),
    ("a fence that stays open", f"```json\n{NAMED}\n", [READ]),
    ("a bare one whose closing tag is cut off", f"{NAMED}\n</tool_", [READ]),
    ("a bare one with a closing tag, then prose", f"{NAMED}</tool_call>\nDone.", [READ, "\nDone."]),
    ("a bare one, a turn's end", f"{NAMED}}}\n<|im_end|>\n", [READ]),
    ("a bare one, then one in tags, then prose", f"{NAMED}\n{HERMES}\nDone.", [READ, READ, "\nDone."]),
    ("one in tags, then a bare one", f"{HERMES}\n{NAMED}\n", [READ, READ]),
    ("one in tags, then an example", f"{HERMES}\n{NAMED}\nDone.", [READ, f"\n{NAMED}\nDone."]),
    ("an example, then one in tags", f"```\n{NAMED}\n```\nSo:\n{HERMES}", [f"```\n{NAMED}\n```\nSo:\n", READ]),
    ("ReAct, twice", f"{REACT}\n{REACT}\nObservation:", [READ, READ]),
    ("a turn's end", f"{HERMES}<|im_end|>", [READ]),
    ("a mention, then a call", f"I write <tool_call> for that:\n{HERMES}", ["I write <tool_call> for that:\n", READ]),
    ("a doubled sign", f"<tool_call>\n{HERMES}", ["<tool_call>\n", READ]),
    (
        "a call that is none, then one",
        f'<tool_call>{{"name": "read", "arguments": {{"x": 1}}}}</tool_call>{HERMES}',
        ['<tool_call>{"name": "read", "arguments": {"x": 1}}</tool_call>', READ],
    ),
    ("code within a line, then a call", f"Use `<tool_call>`.\n{HERMES}", ["Use `<tool_call>`.\n", READ]),
    ("a lone tick in another line", f"A ` here.\n{HERMES}", ["A ` here.\n", READ]),
    (
        "broken JSON in its tags",
        '<tool_call>\n{"name": "read", "arguments": {"path": "a",}}\n</tool_call>',
        [call("read", path="a")],
    ),
    ("a brace too few", f'<tool_call>\n{{"name": "read", "arguments": {ARGUMENTS}\n</tool_call>', [READ]),
    ("a brace too few, the tag lost", f'<tool_call>{{"name": "read", "arguments": {ARGUMENTS}', [READ]),
    ("broken JSON in a fence", '```json\n{"name": "read", "arguments": {"path": "a",}}\n```', [call("read", path="a")]),
    (
        "broken JSON, bare",
        '{"name": "write", "arguments": {"path": "a", "content": "b\nc"}}',
        [call("write", path="a", content="b\nc")],
    ),
    ("a brace too few, bare", f'{{"name": "read", "arguments": {ARGUMENTS}', [READ]),
    (
        "a closing tag in a text",
        '<tool_call>{"name": "write", "arguments": {"path": "a", "content": "</tool_call>"}}</tool_call>',
        [call("write", path="a", content="</tool_call>")],
    ),
    (
        "a call in a call is its text",
        json.dumps({"name": "write", "arguments": {"path": "a", "content": HERMES}}),
        [call("write", path="a", content=HERMES)],
    ),
    (
        "a call in a parameter is its text",
        f"<function=write>\n<parameter=path>a</parameter>\n<parameter=content>\n{HERMES}\n</parameter>\n</function>",
        [call("write", path="a", content=HERMES)],
    ),
    (
        "numbers in tags",
        "<function=read><parameter=path>a</parameter><parameter=line>7</parameter></function>",
        [call("read", path="a", line=7)],
    ),
    ("arguments as text", f'<tool_call>{{"name": "read", "arguments": {json.dumps(ARGUMENTS)}}}</tool_call>', [READ]),
    (
        "a tool without a schema",
        '<tool_call>{"name": "any", "arguments": {"x": [1]}}</tool_call>',
        [call("any", x=[1])],
    ),
    (
        "Harmony's channels",
        (
            "<|channel|>analysis<|message|>I think.<|end|><|start|>assistant<|channel|>commentary<|message|>I look."
            "<|end|><|start|>assistant<|channel|>commentary to=functions.read <|constrain|>json<|message|>"
            f"{ARGUMENTS}<|call|>"
        ),
        ["I look.", READ],
    ),
    (
        "Harmony, a final text",
        "<|channel|>analysis<|message|>I think `a.<|end|><|start|>assistant<|channel|>final<|message|>Hello.<|return|>",
        ["Hello."],
    ),
    ("Harmony, nothing but a thought", "<|channel|>analysis<|message|>I think.<|end|>", ["I think."]),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in CALLS], ids=[row[0] for row in CALLS])
def test_calls_are_lifted_out_of(text: str, expected: Pieces) -> None:
    check(text, expected)


TEXTS = {
    "an example in a fence": f"So:\n```json\n{NAMED}\n```\nis a call.",
    "an example in a fence, in another script": f"Вот пример:\n```json\n{NAMED}\n```\nтак и делайте.",
    "an example that begins a text": f"{NAMED}\nThis reads it.",
    "two examples in a fence": f"```json\n{NAMED}\n{NAMED}\n```\n\nDone.",
    "an example with another one behind it": f"```json\n{NAMED}\n```\n```py\na\n```",
    "an example with plain code behind it": f"```json\n{NAMED}\n```\n```\na\n```",
    "an example in a fence that stays open": f"```\n{NAMED}\n```py\na\n```",
    "an example with a comment": f"```json\n{NAMED} // reads\n```",
    "an example with a brace too many": f"{NAMED}}} ;\n a",
    "an example, then JSON that is none": f'{NAMED}\n{{"name": "x"}}',
    "an example in ReAct's lines": f"So:\n{REACT}\nObservation: what it holds",
    "an example of a list in Python": '[read(path="a")] reads it.',
    "prose": "I read the file [here](a.md), then {x} and <b>bold</b>.\n\n- Action: none\n",
    "a mention": "The model writes <tool_call> and then </tool_call>, or [TOOL_CALLS], or <|channel|> or Action: read.",
    "code within a line": f"Write `{HERMES.replace(chr(10), '')}` or `{XML.replace(chr(10), '')}` there.",
    "two ticks": f"Write ``{XML.replace(chr(10), '')}`` there.",
    "an unknown tool": HERMES.replace('"read"', '"fetch"'),
    "an unknown tool in tags": XML.replace("read", "fetch"),
    "arguments that do not fit": HERMES.replace("path", "file"),
    "arguments that do not fit, in tags": XML.replace("path", "file"),
    "no arguments": '<tool_call>{"name": "read"}</tool_call> is a call',
    "a name that goes on": HERMES.replace('"read"', '"reader"'),
    "other case": XML.replace("read", "Read"),
    "attributes": '<read path="a.txt"/> and <read >',
    "a tag's name in prose": "The <read> tag and <now></now> in a line.",
    "ordinary JSON": '{"version": 1, "name": "read"}',
    "a package": '{"name": "read-me", "version": "1.0.0"}',
    "a package with a tool's name": '{"name": "read", "version": "1.0.0"}',
    "ordinary JSON in a fence": 'So:\n```json\n{\n  "type": "object",\n  "id": 5\n}\n```\nDone.',
    "a schema in a fence": '```json\n{\n  "parameters": {"type": "object"}\n}\n```\nDone.',
    "another language": "```python\ndef f(): return {'name': 'read'}\n```\nDone.",
    "four ticks": f"````json\n{NAMED}\n````",
    "bare JSON within prose": f"I would send\n{NAMED}\nfor that.",
    "a list in Python within prose": 'I call\n[read(path="a")]\nfor that.',
    "a list that begins a text": "[1, 2, 3] is a list; [read] is one, too.",
    "a list of which one is unknown": f'[TOOL_CALLS][{NAMED}, {{"name": "x", "arguments": {{}}}}]',
    "a file that is cut off": '<tool_call>{"name": "write", "arguments": {"path": "a", "content": "b',
    "a file that is cut off in tags": "<write><path>a</path><content>b",
    "a file that is cut off in Qwen's tags": "<function=write><parameter=path>a</parameter><parameter=content>b",
    "a file that is cut off in GLM's tags": "<tool_call>read<arg_key>path</arg_key><arg_value>a",
    "a parameter that holds the end of its function": (
        "<function=write><parameter=path>a</parameter><parameter=content>b</function>c</parameter></function>"
    ),
    "a name alone in GLM's tags, within a line": "The <tool_call>now</tool_call> tag",
    "strays that follow no call": "</tool_call> and </function>",
    "white space": " \n ",
    "signs that are cut off": "<tool_c",
    "a fence that is cut off": "```js",
    "a lone surrogate": "\ud800 <tool_call>\ud800",
}


@pytest.mark.parametrize("name", TEXTS)
def test_passes_as_the_text_it_is(name: str) -> None:
    check(TEXTS[name], [TEXTS[name]])


def test_nothing_gives_nothing() -> None:
    check("", [])


def passed(text: str, tools: dict[str, Any] = TOOLS) -> str:
    """What came out before the end was known, character by character."""
    finder = WrittenFinder(tools)
    pieces = [piece for character in text for piece in finder.feed(character)]
    assert all(isinstance(piece, str) for piece in pieces)
    out = "".join(map(str, pieces))
    assert out + finder.held == text
    return out


@pytest.mark.parametrize(
    "text",
    [
        "A word.",
        "The <tool_call> tag.",
        "Use <tool_call>\n\nlike that.",
        "The `<read>` tag",
        "A < b and c <d",
        "[TOOL_CALLS] is",
        "See [this",
        '{"version": ',
        '{"name": "x"',
        '```json\n{\n "a"',
        "```python\nx",
        "```\nls\n",
        "<|channel|> is a token",
        "Action: I",
        "<function=other",
        "<read>x",
        '<invoke name="x"',
        '<tool_call>{"name": "read"}. Then',
        HERMES.replace('"read"', '"fetch"'),
        HERMES.replace("path", "file") + "x",
        XML.replace("path", "file") + "x",
    ],
)
def test_is_not_held_back(text: str) -> None:
    assert passed(text) == text


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("I see <", "I see "),
        ("I see <tool", "I see "),
        ("I see <rea", "I see "),
        ("So:\n```", "So:\n"),
        ("So:\n```json\n", "So:\n"),
        ("So:\n<tool_call>\n", "So:\n"),
        (f"So:\n{HERMES[:40]}", "So:\n"),
        (f"So:\n{XML[:20]}", "So:\n"),
        ("{", ""),
        (NAMED[:30], ""),
    ],
)
def test_what_may_become_a_call_is_held_back(text: str, out: str) -> None:
    assert passed(text) == out


def test_a_call_comes_out_with_its_last_bracket() -> None:
    finder = WrittenFinder(TOOLS)
    assert finder.feed(HERMES[: HERMES.rindex("}") + 1]) == [READ]
    assert finder.held == ""
    assert finder.feed("\n</tool") == []
    assert finder.held == "\n</tool"
    assert finder.close() == ["\n</tool"]


@pytest.mark.parametrize("text", [NAMED, f"```json\n{NAMED}\n```\n", REACT, '[read(path="a.txt")]'])
def test_what_may_be_an_example_waits_for_the_end(text: str) -> None:
    finder = WrittenFinder(TOOLS)
    assert finder.feed(text) == []
    assert finder.held == text
    assert finder.feed("a") == [f"{text}a"]
    finder = WrittenFinder(TOOLS)
    finder.feed(text)
    assert finder.close() == [READ]
    finder = WrittenFinder(TOOLS)
    finder.feed(text)
    assert finder.close(whole=False) == [text]


def test_many_calls_that_may_be_examples_do_not_wait() -> None:
    """What nobody would show is not held back without limit."""
    long = json.dumps({"name": "write", "arguments": {"path": "a", "content": "b" * (MOST_HELD // 2)}})
    finder = WrittenFinder(TOOLS)
    assert [len(finder.feed(f"{long}\n")) for _ in range(5)] == [0, 0, 2, 0, 2]
    assert len(finder.held) < 2 * MOST_HELD


def test_examples_are_no_calls_that_count() -> None:
    example = f"```\n{NAMED}\n```\na\n"
    assert found([example * MOST_CALLS + HERMES], TOOLS) == [example * MOST_CALLS, READ]


def test_what_is_too_long_is_given_up_at_once() -> None:
    finder = WrittenFinder(TOOLS)
    text = f'<tool_call>{{"name": "write", "arguments": {{"content": "{"a" * MOST_HELD}'
    assert "".join(map(str, finder.feed(text))) == text
    assert finder.held == ""


@pytest.mark.parametrize("size", [-1, 0, 1])
def test_the_limit_counts_characters_however_they_come(size: int) -> None:
    frame = json.dumps({"name": "write", "arguments": {"path": "a", "content": ""}})
    text = frame[:-3] + "b" * (MOST_HELD - len(frame) + size) + frame[-3:]
    whole = found([text], TOOLS)
    assert whole == found([text[:5000], text[5000:-4], text[-4:-1], text[-1:]], TOOLS)
    assert [type(piece) for piece in whole] == [ToolCall if size <= 0 else str]


def test_behind_many_calls_all_is_text() -> None:
    pieces = found([HERMES * (MOST_CALLS + 2)], TOOLS)
    assert pieces[:-1] == [READ] * MOST_CALLS
    assert pieces[-1] == HERMES * 2


def test_without_tools_all_is_text() -> None:
    check(HERMES + XML, [HERMES + XML], {})


def test_odd_names_of_tools_do_no_harm() -> None:
    tools = {"": None, "a b": None, "<x>": None, "a.b-c": None, 'q"': {"properties": 5}}
    check('<tool_call>{"name": "a.b-c", "arguments": {}}</tool_call>', [call("a.b-c")], tools)
    check("<a b></a b> <<x>></<x>>", ["<a b></a b> <<x>></<x>>"], tools)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "<",
            "`",
            "\n",
            "{",
            "[",
            "<tool_call>",
            "</tool_call>",
            "<read>",
            "</read>",
            "```json\n",
            "<|channel|>",
            "\\",
        ),
        *(
            '{"name": "read", ',
            '<tool_call>{"name": "read", ',
            "<read><path>",
            "[TOOL_CALLS]read{",
            "<read>{",
            "A",
            " ",
        ),
        *("<function=read><parameter=", "</function>", "<tool_call>read<arg_key>", "Action: read\nAction Input: {"),
        *(
            "[read(",
            "<|channel|>final<|message|>",
            "<|channel|>analysis<|message|>",
            HERMES,
            XML,
            "<now></now>\n",
            XML.replace("path", "p"),
        ),
        *("`a`\n", '<invoke name="read">\n<parameter name=', "to=functions.read <|channel|>commentary", '{"id":{'),
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    """Neither half a megabyte at once, nor in pieces of a few characters; the work that is done twice has a limit."""
    text = piece * (MOST_AGAIN // 4 // len(piece))
    found([text], TOOLS)
    text = text[: len(text) // 4]
    found([text[at : at + 7] for at in range(0, len(text), 7)], TOOLS)


@pytest.mark.timeout(20)
def test_a_long_call_is_parsed_once() -> None:
    content = 'a "quoted" {text} </tool_call> \\ \n' * 4000
    text = f"<tool_call>{json.dumps({'name': 'write', 'arguments': {'path': 'a', 'content': content}})}</tool_call>"
    assert found(list(text), TOOLS) == [call("write", path="a", content=content)]


FRAGMENTS = st.sampled_from(
    [
        *(
            "<tool_call>",
            "</tool_call>",
            NAMED,
            HERMES,
            XML,
            "<read>",
            "</read>",
            "<path>a.txt</path>",
            ARGUMENTS,
            "`",
            "```",
        ),
        *(
            "```json\n",
            "\n",
            " ",
            "prose",
            "{",
            "}",
            "[",
            "]",
            '"',
            "<",
            ">",
            ";",
            "A",
            "t",
            "\\",
            "<|end|>",
            "<|call|>",
        ),
        *(
            "[TOOL_CALLS]",
            "read",
            "[ARGS]",
            "<|python_tag|>",
            'read.call(path="a")',
            '[read(path="a")]',
            "Action: read\n",
        ),
        *("Action Input: ", "<function=read>", "<parameter=path>a</parameter>", "</function>", "<|channel|>analysis"),
        *(
            "<|message|>",
            "<|channel|>final<|message|>",
            "<|start|>assistant",
            " to=functions.read",
            "<|channel|>commentary",
        ),
        *(
            '{"name": "read", "arguments": {"path": "a",',
            "<arg_key>path</arg_key><arg_value>a</arg_value>",
            "now",
            "<now>",
        ),
        *(
            "<｜tool▁call▁begin｜>",
            "<｜tool▁sep｜>",
            '<invoke name="read">',
            '<parameter name="path">b</parameter>',
            "</invoke>",
        ),
        *("<|tool_call_begin|>", "<|tool_call_argument_begin|>", "</now>", "<function_calls>\n", "é", "\ud83d"),
    ]
)


@settings(max_examples=400)
@given(st.lists(FRAGMENTS, max_size=12).map("".join), st.data())
def test_the_same_comes_out_however_the_text_is_cut(text: str, data: st.DataObject) -> None:
    whole = found([text], TOOLS)
    assert found(list(text), TOOLS) == whole
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    assert found([text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)], TOOLS) == whole


@settings(max_examples=300)
@given(st.lists(FRAGMENTS, max_size=12).map("".join))
def test_no_text_is_lost_but_markup(text: str) -> None:
    """Without a call and without Harmony's marks all passes; each call is one of the client's tools, with an object."""
    pieces = found([text], TOOLS)
    calls = [piece for piece in pieces if isinstance(piece, ToolCall)]
    if not calls and "<|message|>" not in text:
        assert "".join(map(str, pieces)) == text
    for each in calls:
        assert each.name in TOOLS
        assert isinstance(json.loads(each.arguments), dict)


@given(st.text(max_size=60))
def test_any_other_text_passes(text: str) -> None:
    assert "".join(map(str, found([text], {"read": None}))) == text


def test_signs_are_made_only_for_a_text_that_begins_like_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making them takes milliseconds for an agent's tools, and most answers are plain words."""
    made: list[str] = []

    def counted(tools: Any) -> Any:
        made.append("signs")
        return signs(tools)

    monkeypatch.setattr(written_module, "signs", counted)
    finder = WrittenFinder(TOOLS)
    for piece in ("Some words.\n\n", "More of them: 1 < 2, a > b.\n", "- a list\n", "<p>html</p>\n"):
        assert "".join(map(str, finder.feed(piece))) == piece
    assert made == []
    finder.feed("<tool_call>")
    assert made == ["signs"]


def test_every_sign_begins_as_it_is_said() -> None:
    assert signs(TOOLS).keys() == BEGINNINGS
