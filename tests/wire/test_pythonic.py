"""Calls written as Python: literal values by keyword, and nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.wire.pythonic import DEEPEST, read_call, read_calls

VALUES = [
    ('"a"', "a"),
    ("'a'", "a"),
    ('"it\'s"', "it's"),
    (r'"\"\\\n\t\u044f\x41\d"', '"\\\n\tя' + r"A\d"),
    ('"a\nb"', "a\nb"),
    ('"a\\\nb"', "ab"),
    ('""', ""),
    ("1", 1),
    ("-1.5e3", -1500.0),
    ("True", True),
    ("false", False),
    ("None", None),
    ("null", None),
    ("[]", []),
    ("[1, 'a', ]", [1, "a"]),
    ("[" * DEEPEST + "]" * DEEPEST, json.loads("[" * DEEPEST + "]" * DEEPEST)),
    ("{}", {}),
    ('{"a": [1], "b" : {"c": None}}', {"a": [1], "b": {"c": None}}),
]


@pytest.mark.parametrize(("written", "value"), VALUES, ids=[row[0] for row in VALUES])
def test_the_value_of(written: str, value: object) -> None:
    text = f"f(a={written})"
    assert read_call(text, 0) == (("f", json.dumps({"a": value}, ensure_ascii=False)), len(text))


@pytest.mark.parametrize(
    "written",
    [
        "a",
        "f()",
        "1 + 1",
        "1.2.3",
        "1e999",
        "9" * 400,
        "0x10",
        "'a",
        '"a',
        "'a' 'b'",
        "f'a'",
        "[1",
        "[1 2]",
        "{'a'}",
        "{1: 2}",
        "{'a': }",
        "(1, 2)",
        "Truely",
        "",
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        "{'a':" * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1),
        "[" * 100_000,
    ],
    ids=lambda written: written[:12],
)
def test_what_is_no_literal_is_no_value(written: str) -> None:
    assert read_call(f"f(a={written})", 0) is None


@pytest.mark.parametrize(
    "text",
    ["", "f", "f(", "f(a", "f(a=1", "f(1)", "f(a=1 b=2)", "f(a==1)", "1f()", "f ()", "(a=1)", "f(*a)", "f(a=1,,)"],
)
def test_what_is_no_call(text: str) -> None:
    assert read_call(text, 0) is None


def test_a_call_may_have_any_white_space_and_none_or_several_arguments() -> None:
    assert read_call(" f( )", 0) == (("f", "{}"), 5)
    text = "a.b-c(\n  x = 1 ,\n  y='z',\n)rest"
    assert read_call(text, 0) == (("a.b-c", '{"x": 1, "y": "z"}'), text.index("rest"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[f()]", ["f"]),
        ("[ f(a=1), g() ]", ["f", "g"]),
        ("[]", None),
        ("[f(),]", None),
        ("[f() g()]", None),
        ("[f()", None),
        ("f()", None),
        ("[[f()]]", None),
        ("[1]", None),
    ],
)
def test_the_calls_in_a_list(text: str, names: list[str] | None) -> None:
    found = read_calls(text, 0)
    assert (found and [name for name, _ in found[0]]) == names
    assert found is None or found[1] == len(text)


LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.from_regex(r"\A[a-z_]{1,5}\Z"), LITERALS, max_size=3))
def test_what_python_writes_comes_back(arguments: dict[str, object]) -> None:
    """Its own spelling of any literal; what `repr` cannot spell in ASCII it escapes at most as we read it."""
    text = "f(" + ", ".join(f"{key}={value!r}" for key, value in arguments.items()) + ")"
    if "\\U" not in text:
        found = read_call(text, 0)
        assert found is not None
        assert json.loads(found[0][1]) == arguments


@given(st.text("f(a=1,'\"[]{}:\\ \n)-.eT", max_size=40))
def test_no_text_makes_it_raise(text: str) -> None:
    for found in (read_call(text, 0), read_calls(text, 0)):
        assert found is None or 0 < found[1] <= len(text)
