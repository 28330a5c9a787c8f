"""Schemas, good and bad: what fits, and that none of them costs time."""

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumeai_cli.repair.schema import _MANY, _NAMED, _ONE, _PLAIN, fits, types

KEYS = sorted({"a", "$schema", "$id", "pattern", "patternProperties", *_ONE, *_MANY, *_NAMED, *_PLAIN})

READ = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}

TABLE: list[tuple[str, Any, Any, bool]] = [
    ("no schema", {"a": 1}, None, True),
    ("an empty one", {"a": 1}, {}, True),
    ("what it asks for", {"path": "a"}, READ, True),
    ("less", {}, READ, False),
    ("another type", {"path": 1}, READ, False),
    ("more", {"path": "a", "b": 1}, READ | {"additionalProperties": False}, False),
    ("more, by a pattern", {"b": 1}, {"patternProperties": {"^a": {}}, "additionalProperties": False}, True),
    ("a pattern is not checked", {"a": "b"}, {"properties": {"a": {"pattern": "^c"}}}, True),
    ("a format is not checked", {"a": "b"}, {"properties": {"a": {"format": "date"}}}, True),
    ("a property called pattern is", {"pattern": 1}, {"properties": {"pattern": {"type": "string"}}}, False),
    (
        "a reference within",
        {"a": 1},
        {"properties": {"a": {"$ref": "#/$defs/s"}}, "$defs": {"s": {"type": "string"}}},
        0,
    ),
    ("a reference to nowhere", {"a": 1}, {"$ref": "#/$defs/s"}, True),
    ("a reference to the network", {"a": 1}, {"$ref": "http://127.0.0.1:9/schema.json"}, True),
    ("a reference to a file", {"a": 1}, {"$ref": "file:///etc/passwd"}, True),
    ("an endless reference", {"a": 1}, {"$ref": "#"}, True),
    ("tuples of older drafts", {"a": [1]}, {"properties": {"a": {"items": [{"type": "string"}]}}}, False),
    ("limits of older drafts", {"a": 1}, {"properties": {"a": {"minimum": 1, "exclusiveMinimum": True}}}, True),
    ("an unknown type", {"a": 1}, {"type": "thing"}, True),
    ("a broken one", {"a": 1}, {"properties": 5}, True),
    ("another broken one", {"a": 1}, {"required": 5}, True),
]


@pytest.mark.parametrize(("value", "schema", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_fits(value: Any, schema: Any, expected: bool) -> None:  # noqa: FBT001 (a column of the table)
    assert fits(value, schema) is bool(expected)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=3)
    | st.sampled_from(["object", "#", "#/$defs/a", "string"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=500)
@given(ANY, st.dictionaries(st.sampled_from(KEYS), ANY))
def test_no_schema_raises(value: Any, schema: dict[str, Any]) -> None:
    assert fits(value, schema) in (True, False)


@pytest.mark.timeout(10)
def test_a_schema_that_doubles_the_work_at_each_level_costs_no_time() -> None:
    twice = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(60)}
    assert fits({}, {"$ref": "#/$defs/a0", "$defs": twice | {"a60": {"type": "object"}}})


@pytest.mark.timeout(10)
def test_a_hostile_pattern_costs_no_time() -> None:
    value = {"a" * 50 + "!": "a" * 50 + "!"}
    for schema in ({"additionalProperties": {"pattern": "^(a+)+$"}}, {"patternProperties": {"^(a+)+$": {}}}):
        assert fits(value, schema)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (None, ""),
        ({}, ""),
        ({"type": "integer"}, "integer"),
        ({"type": ["integer", "null"]}, "integer null"),
        ({"anyOf": [{"type": "array"}, {"type": "null"}]}, "array null"),
        ({"oneOf": [{"type": "array"}, {"const": 1}]}, ""),
    ],
)
def test_the_types_that_a_schema_names(schema: Any, expected: str) -> None:
    assert types(schema) == set(expected.split())


def test_a_tree_is_followed_as_deep_as_values_go_and_no_reference_without_end() -> None:
    """Wherever on the stack it is asked: a panic of the library would end the request."""
    tree: dict[str, Any] = {"type": "object", "properties": {"child": {"$ref": "#"}, "n": {"type": "integer"}}}
    good: dict[str, Any] = {"n": 1}
    bad: dict[str, Any] = {"n": "x"}
    for _ in range(30):
        good, bad = {"child": good}, {"child": bad}
    assert fits(good, tree)
    assert not fits(bad, tree)

    def deep(left: int) -> bool:
        return fits({"a": 1}, {"$ref": "#"}) if not left else deep(left - 1)

    assert deep(sys.getrecursionlimit() - 450)
