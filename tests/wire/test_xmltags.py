"""Tool calls written as tags in a text, found as the classic clients find them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.wire.xmltags import XmlCall, find_calls

NAMES = ("attempt_completion", "read_file", "read")

CALL = "<read_file>\n<path>a.txt</path>\n</read_file>"
INNER = "\n<path>a.txt</path>\n"


def closed(inner: str, name: str = "read_file") -> XmlCall:
    """A call whose closing tag came."""
    return XmlCall(name, inner, closed=True)


TABLE: list[tuple[str, str, tuple[XmlCall, ...]]] = [
    ("no text", "", ()),
    ("prose", "I would read the file.", ()),
    ("a call", CALL, (closed(INNER),)),
    ("after prose", f"Let me see.\n\n{CALL}\nDone.", (closed(INNER),)),
    ("in a code fence", f"```xml\n{CALL}\n```", (closed(INNER),)),
    ("within a line", "So <read>x</read>.", (closed("x", "read"),)),
    ("two calls", CALL + "<read>b</read>", (closed(INNER), closed("b", "read"))),
    ("the same twice", CALL * 2, (closed(INNER),) * 2),
    ("empty", "<read></read>", (closed("", "read"),)),
    ("unclosed", "<read_file>\n<path>a", (XmlCall("read_file", "\n<path>a", closed=False),)),
    ("unclosed after a closed one", CALL + "<read>b", (closed(INNER), XmlCall("read", "b", closed=False))),
    ("unclosed swallows the rest", "<read>" + CALL, (XmlCall("read", CALL, closed=False),)),
    ("a call in a call is its text", f"<read>{CALL}</read>", (closed(CALL, "read"),)),
    ("the first closing tag ends it", "<read>a</read>b</read>", (closed("a", "read"),)),
    ("one name begins another", "<read_file>a</read_file>", (closed("a"),)),
    ("another tool", "<write_file>a</write_file>", ()),
    ("other case", "<Read>a</Read>", ()),
    ("attributes", '<read path="a">b</read>', ()),
    ("a space", "<read >a</read>", ()),
    ("self-closing", "<read/>", ()),
    ("escaped", "&lt;read&gt;a&lt;/read&gt;", ()),
    ("a closing tag alone", "</read>", ()),
    ("a tag that is cut off", "<rea", ()),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_calls_in(text: str, expected: tuple[XmlCall, ...]) -> None:
    assert find_calls(text, NAMES) == expected


def test_without_tools_there_are_no_calls() -> None:
    assert find_calls(CALL, ()) == ()


def test_a_name_is_no_pattern() -> None:
    assert find_calls("<readxfile>a</readxfile>", ["read.file"]) == ()
    assert find_calls("<a.b|c>x</a.b|c>", ["a.b|c"]) == (closed("x", "a.b|c"),)


@pytest.mark.parametrize(
    ("inner", "value"),
    [
        pytest.param("<path>a</path>", "a", id="plain"),
        pytest.param("\n<path>\na\n\nb\n</path>\n", "a\n\nb", id="newlines around it go"),
        pytest.param("<path> a </path>", " a ", id="spaces stay"),
        pytest.param("<path></path>", "", id="empty"),
        pytest.param("<path>a", "a", id="unclosed"),
        pytest.param("<path>a</path>b</path>c", "a</path>b", id="up to the last closing tag"),
        pytest.param("</path><path>a", "a", id="closed only before"),
        pytest.param("<path>a</path><path>b</path>", "a</path><path>b", id="twice"),
        pytest.param("<paths>a</paths>", None, id="another name"),
        pytest.param("<Path>a</Path>", None, id="other case"),
        pytest.param("a", None, id="none"),
    ],
)
def test_the_value_of_a_parameter(inner: str, value: str | None) -> None:
    assert closed(inner).parameter("path") == value


@given(before=st.text("ab<>/ \n"), inner=st.text("ab<>/ \n"), after=st.text("ab<>/ \n"))
def test_a_call_is_found_in_any_text(before: str, inner: str, after: str) -> None:
    text = f"{before}<read_file>{inner}</read_file>{after}"
    assert find_calls(text, NAMES) == (closed(inner),)


@given(
    text=st.lists(st.sampled_from(["<read>", "</read>", "<read_file>", "</read_file>", "a", "<", "\n"])).map("".join)
)
def test_calls_are_parts_of_the_text_in_order(text: str) -> None:
    place = 0
    for call in find_calls(text, NAMES):
        written = f"<{call.name}>{call.inner}" + (f"</{call.name}>" if call.closed else "")
        place = text.index(written, place) + len(written)
