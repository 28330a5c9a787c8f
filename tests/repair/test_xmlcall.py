"""Calls between the two protocols: what the classic clients read is what was called, or nothing is written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.repair.prompt import XmlTool
from lumeai_cli.repair.xmlcall import read, written
from lumeai_cli.wire.xmltags import XmlCall, find_calls

WRITE = XmlTool("write_to_file", ("path", "content", "line_count"))


def text_of(values: dict[str, Any], name: str = "read_file", tool: XmlTool | None = None) -> str | None:
    """The call with these arguments in tags."""
    return written(name, json.dumps(values), tool)


def test_a_call_is_written_as_tags() -> None:
    assert text_of({"path": "a.txt"}) == "<read_file>\n<path>a.txt</path>\n</read_file>"
    assert text_of({}, "condense") == "<condense>\n</condense>"


def test_the_parameters_stand_in_the_order_of_the_tool() -> None:
    values = {"extra": "x", "line_count": 2, "content": "a\nb\n", "path": "a.txt"}
    assert text_of(values, "write_to_file", WRITE) == (
        "<write_to_file>\n<path>a.txt</path>\n<content>\na\nb\n\n</content>\n<line_count>2</line_count>\n"
        "<extra>x</extra>\n</write_to_file>"
    )


def test_what_is_no_text_stands_as_json() -> None:
    call = text_of({"a": True, "b": None, "c": [1, "é"], "d": {"e": 0.5}})
    assert call == '<read_file>\n<a>true</a>\n<b>null</b>\n<c>[1, "é"]</c>\n<d>{"e": 0.5}</d>\n</read_file>'


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("read_file", "[]"),
        ("read_file", ""),
        ("read_file", '{"path": '),
        ("", "{}"),
        ("read file", "{}"),
        ("a>b", "{}"),
        ("read_file", '{"a b": 1}'),
        ("read_file", '{"": 1}'),
        ("read_file", '{"path": "a</path>b"}'),
        ("read_file", '{"path": "</path>"}'),
        ("apply_diff", '{"path": "a", "content": "a</content>b"}'),
        ("write_to_file", '{"content": "a</content><path>b"}'),
        ("write_to_file", '{"content": "a</content></write_to_file>b"}'),
        ("write_to_file", '{"content": "a</content><text>b"}'),
    ],
)
def test_what_would_be_read_wrongly_is_not_written(name: str, arguments: str) -> None:
    assert written(name, arguments) is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        "\n\na\n\n",
        "a\r\n",
        "<path>b</path>",
        "</write_to_file>",
        "<content>",
        "a</content>b",
        "<feed></content>\n",
    ],
)
def test_a_file_may_hold_tags(content: str) -> None:
    text = text_of({"path": "a.txt", "content": content}, "write_to_file", WRITE)
    assert text is not None
    (call,) = find_calls(text, ["write_to_file"], WRITE.parameters)
    assert call.closed
    arguments = read(call, None)
    assert arguments is not None
    assert json.loads(arguments) == {"path": "a.txt", "content": content}


KINDS = {"path": "string", "content": "string", "line": "integer", "deep": "boolean", "list": "array", "map": "object"}
SCHEMA = {"type": "object", "properties": {name: {"type": kind} for name, kind in KINDS.items()}}
ODD = st.text() | st.lists(
    st.sampled_from(["</path>", "<path>", "</content>", "</edit>", "<edit>", "\n", "a", "<", ">"])
).map("".join)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "path": ODD,
        "content": ODD,
        "line": st.integers(-(10**17), 10**17),
        "deep": st.booleans(),
        "list": st.lists(ODD | st.integers()),
        "map": st.dictionaries(ODD, ODD),
    },
)


@given(VALUES, st.sampled_from(["edit", "write_to_file"]))
def test_what_was_written_is_read_again(values: dict[str, Any], name: str) -> None:
    text = text_of(values, name, XmlTool(name, ("path", "line")))
    if text is not None:
        (call,) = find_calls(text, [name], tuple(values))
        assert call.closed
        arguments = read(call, SCHEMA)
        assert arguments is not None
        assert json.loads(arguments) == values


@given(VALUES)
def test_only_a_closing_tag_keeps_a_call_from_being_written(values: dict[str, Any]) -> None:
    texts = (value if isinstance(value, str) else json.dumps(value) for value in values.values())
    if not any("</" in text for text in texts):
        assert text_of(values) is not None


PATH = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}

READ: list[tuple[str, str, bool, Any, dict[str, Any] | None]] = [
    ("a parameter", "<path>a</path>", True, PATH, {"path": "a"}),
    ("in lines", "\n<path>\na\n</path>\n", True, PATH, {"path": "a"}),
    ("indented text", "<path>  a\n  b</path>", True, PATH, {"path": "  a\n  b"}),
    ("CRLF", "\r\n<path>\r\na\r\n</path>\r\n", True, PATH, {"path": "a"}),
    ("a number", "<line>5</line>", True, SCHEMA, {"line": 5}),
    ("a word", "<deep>True</deep>", True, SCHEMA, {"deep": True}),
    ("a list", '<list>["a"]</list>', True, SCHEMA, {"list": ["a"]}),
    ("JSON", '{"path": "a"}', True, PATH, {"path": "a"}),
    ("broken JSON", '\n{"path": "a",}\n', True, PATH, {"path": "a"}),
    ("nothing", "", True, SCHEMA, {}),
    ("nothing where something is required", "", True, PATH, None),
    ("a text", "a", True, SCHEMA, None),
    ("a text before", "a <path>b</path>", True, PATH, None),
    ("a text after", "<path>b</path> a", True, PATH, None),
    ("another parameter", "<file>a</file>", True, PATH, None),
    ("its own closing tag", "<path>a</path>b</path>", True, PATH, {"path": "a</path>b"}),
    ("not closed", "<path>a</path>\n", False, PATH, {"path": "a"}),
    ("cut off", "<path>a", False, PATH, None),
    ("JSON, cut off", '{"path": "a"', False, PATH, None),
]


@pytest.mark.parametrize(
    ("inner", "closed", "schema", "expected"), [row[1:] for row in READ], ids=[row[0] for row in READ]
)
def test_a_call_in_tags_is_read(inner: str, closed: bool, schema: Any, expected: dict[str, Any] | None) -> None:  # noqa: FBT001 (a column of the table)
    arguments = read(XmlCall("read_file", inner, closed=closed), schema)
    assert (json.loads(arguments) if arguments is not None else None) == expected
