"""Arguments of tool calls: what passes untouched, what is mended, and what is left alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.repair.arguments import MOST_MENDED, Fitted, fitting


def schema(**kinds: Any) -> dict[str, Any]:
    """An object with these properties, all required, and no others."""
    properties = {name: kind if isinstance(kind, dict) else {"type": kind} for name, kind in kinds.items()}
    return {"type": "object", "properties": properties, "required": list(kinds), "additionalProperties": False}


PATH = schema(path="string")
NONE = schema()
OPEN: dict[str, Any] = {"type": "object"}

SAME = [
    ("an object that fits", '{"path": "a.txt"}', PATH),
    ("its white space", ' {\n  "path" : "a.txt"\n}\n', PATH),
    ("its escapes", '{"path": "\\u0061\\/b"}', PATH),
    ("without a schema", '{"a": [1, {"b": null}]}', None),
    ("a text where a text may stand", '{"a": "5"}', schema(a={"type": ["string", "integer"]})),
    ("what only a pattern forbids", '{"path": "a"}', schema(path={"type": "string", "pattern": "^b"})),
    ("with a broken schema", '{"a": 1}', {"type": 7}),
    ("more than can be mended", json.dumps({"path": "a" * MOST_MENDED}), PATH),
]

MENDED: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("nothing", "", NONE, {}),
    ("nothing, no schema", "", None, {}),
    ("white space", " \n", NONE, {}),
    ("null", "null", NONE, {}),
    ("JSON in JSON", json.dumps('{"path": "a"}'), PATH, {"path": "a"}),
    ("JSON in JSON in JSON", json.dumps(json.dumps('{"path": "a"}')), PATH, {"path": "a"}),
    ("broken JSON in JSON", json.dumps('{"path": "a",}'), PATH, {"path": "a"}),
    ("a trailing comma", '{"path": "a", }', PATH, {"path": "a"}),
    ("a brace too many", '{"path": "a"}}', PATH, {"path": "a"}),
    ("a brace too few", '{"path": "a"', PATH, {"path": "a"}),
    ("single quotes", "{'path': 'a'}", PATH, {"path": "a"}),
    ("bare keys", '{path: "a"}', PATH, {"path": "a"}),
    ("Python's words", "{'a': True, 'b': None}", OPEN, {"a": True, "b": None}),
    ("quotes in a string", '{"path": "say "hi" now"}', PATH, {"path": 'say "hi" now'}),
    ("a line break in a string", '{"path": "a\nb"}', PATH, {"path": "a\nb"}),
    ("a code fence", '```json\n{"path": "a"}\n```', PATH, {"path": "a"}),
    ("an integer as text", '{"a": "5"}', schema(a="integer"), {"a": 5}),
    ("a negative one in a line", '{"a": "\\n-5\\n"}', schema(a="integer"), {"a": -5}),
    ("a number as text", '{"a": "0.5"}', schema(a="number"), {"a": 0.5}),
    ("a whole number as text", '{"a": "5"}', schema(a="number"), {"a": 5}),
    ("a boolean as text", '{"a": "True"}', schema(a="boolean"), {"a": True}),
    ("null as text", '{"a": "null"}', schema(a={"anyOf": [{"type": "integer"}, {"type": "null"}]}), {"a": None}),
    ("an array as text", '{"a": "[1, 2]"}', schema(a="array"), {"a": [1, 2]}),
    ("a broken array as text", """{"a": "['x', 'y']"}""", schema(a="array"), {"a": ["x", "y"]}),
    ("an object as text", '{"a": "{\\"b\\": 1}"}', schema(a="object"), {"a": {"b": 1}}),
    (
        "texts in an array as text",
        json.dumps({"a": '[{"n": "1"}]'}),
        schema(a={"type": "array", "items": schema(n="integer")}),
        {"a": [{"n": 1}]},
    ),
    ("a half of a surrogate pair", '{"path": "\\ud800",}', PATH, {"path": "\ud800"}),
]

NEVER = [
    ("no object", "[1]", None),
    ("a number", "5", None),
    ("a word", "read", None),
    ("a word in JSON", '"read"', None),
    ("nothing where something is required", "", PATH),
    ("another property", '{"file": "a"}', PATH),
    ("a word for an integer", '{"a": "five"}', schema(a="integer")),
    ("a fraction for an integer", '{"a": "0.5"}', schema(a="integer")),
    ("a word for a boolean", '{"a": "yes"}', schema(a="boolean")),
    ("an object for an array", '{"a": "{}"}', schema(a="array")),
    ("a string that is cut off", '{"path": "a', PATH),
    ("a string that is cut off after a brace", '{"path": "if (a) { b }', PATH),
    ("a string that is cut off after quoted JSON", '{"path": "{\\"a\\": \\"b\\"}', PATH),
    ("one quote in a string", '{"path": "5" tall"}', PATH),
    ("an apostrophe", "{'path': 'it's'}", PATH),
    ("an escape at the end", '{"path": "a\\', PATH),
    ("two objects", '{"path": "a"}{"path": "b"}', PATH),
    ("words before it", 'I read {"path": "a"}', PATH),
    ("many words after it", '{"path": "a"} and this is how I read it', PATH),
    ("NaN", '{"a": NaN}', OPEN),
    ("too large to be mended", '{"path": "' + "a" * MOST_MENDED + '",}', PATH),
    ("nested beyond reason", "{" * 100_000, None),
    ("well-formed, nested beyond reason", '{"a":' * 100_000 + "1" + "}" * 100_000, None),
]


@pytest.mark.parametrize(("text", "against"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_passes_as_it_is(text: str, against: Any) -> None:
    assert fitting(text, against) == Fitted(text, mended=False)


@pytest.mark.parametrize(("text", "against", "expected"), [row[1:] for row in MENDED], ids=[row[0] for row in MENDED])
def test_is_mended(text: str, against: Any, expected: dict[str, Any]) -> None:
    fitted = fitting(text, against)
    assert fitted is not None
    assert fitted.mended
    assert json.loads(fitted.text) == expected
    fitted.text.encode()
    assert fitting(fitted.text, against) == Fitted(fitted.text, mended=False)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("text", "against"), [row[1:] for row in NEVER], ids=[row[0] for row in NEVER])
def test_is_left_alone(text: str, against: Any) -> None:
    assert fitting(text, against) is None


@given(st.text(alphabet="{}[]\",:\\ab1 \n'", max_size=40), st.sampled_from([None, PATH, OPEN, schema(a="integer")]))
def test_what_comes_out_is_an_object_and_stays_as_it_is(text: str, against: Any) -> None:
    fitted = fitting(text, against)
    if fitted is not None:
        assert isinstance(json.loads(fitted.text), dict)
        assert fitting(fitted.text, against) == Fitted(fitted.text, mended=False)


@given(st.dictionaries(st.text(), st.integers() | st.booleans() | st.none() | st.text() | st.lists(st.integers())))
def test_each_object_passes_without_a_schema(value: dict[str, Any]) -> None:
    assert fitting(json.dumps(value), None) == Fitted(json.dumps(value), mended=False)
