"""Tool calls written as tags in a text, found as the classic clients find them."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.wire.xmltags import TagFinder, XmlCall, find_calls

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


def test_no_tag_can_have_brackets_in_its_name_or_none() -> None:
    assert find_calls("<a<b>x</a<b><>y</>", ["a<b", "b>", ""]) == ()


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


FILE = "<write>\n<path>a</path>\n<content>\n</write> <path>\n</content>\n</write>"


def test_a_file_may_hold_the_tag_with_which_it_is_written() -> None:
    """Where the parameters are known, a value goes up to its own closing tag."""
    assert [call.inner for call in find_calls(FILE, ["write"])] == ["\n<path>a</path>\n<content>\n"]
    (call,) = find_calls(FILE, ["write"], ["path", "content"])
    assert call == closed("\n<path>a</path>\n<content>\n</write> <path>\n</content>\n", "write")
    assert call.parameter("content") == "</write> <path>"


def test_an_open_parameter_swallows_the_rest() -> None:
    assert find_calls("<read><path>a</read>b", ["read"], ["path"]) == (
        XmlCall("read", "<path>a</read>b", closed=False),
    )


def oracle(text: str, names: Sequence[str]) -> list[XmlCall]:
    """The rule without parameters, as one reads it."""
    calls: list[XmlCall] = []
    opening = re.compile("<(" + "|".join(map(re.escape, names)) + ")>")
    position = 0
    while (match := opening.search(text, position)) is not None:
        end = text.find(f"</{match[1]}>", match.end())
        calls.append(XmlCall(match[1], text[match.end() : end if end >= 0 else len(text)], closed=end >= 0))
        if end < 0:
            break
        position = end + len(match[1]) + 3
    return calls


def found(portions: Sequence[str], parameters: Sequence[str] = ()) -> list[str | XmlCall]:
    """What a finder gives for a text that comes in these portions, the texts between two calls joined."""
    finder = TagFinder(NAMES, parameters)
    pieces: list[str | XmlCall] = []
    for portion in portions:
        given = finder.feed(portion)
        assert "" not in given
        for piece in given:
            join(pieces, piece)
    held = finder.held
    last = finder.close()
    assert "".join(map(written, last)) == held
    for piece in last:
        join(pieces, piece)
    assert finder.held == ""
    assert finder.close() == []
    return pieces


def join(pieces: list[str | XmlCall], piece: str | XmlCall) -> None:
    """Appends a piece; a text goes on where one came before."""
    if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
        pieces[-1] += piece
    else:
        pieces.append(piece)


def written(piece: str | XmlCall) -> str:
    """A piece as it was in the text."""
    if isinstance(piece, str):
        return piece
    return f"<{piece.name}>{piece.inner}" + (f"</{piece.name}>" if piece.closed else "")


def check(text: str, cuts: Sequence[int] = ()) -> None:
    """However a text is cut, a finder gives all of it, and the calls of `find_calls`."""
    assert list(find_calls(text, NAMES)) == oracle(text, NAMES)
    for parameters in ((), ("path", "p")):
        whole = found([text], parameters)
        assert "".join(map(written, whole)) == text
        assert tuple(piece for piece in whole if isinstance(piece, XmlCall)) == find_calls(text, NAMES, parameters)
        assert found(list(text), parameters) == whole
        assert found([piece for character in text for piece in ("", character)], parameters) == whole
        places = sorted(min(cut, len(text)) for cut in cuts)
        assert found([text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)], parameters) == whole
        for cut in range(1, min(len(text), 80)):
            assert found([text[:cut], text[cut:]], parameters) == whole


@pytest.mark.parametrize("text", [*(row[1] for row in TABLE), FILE], ids=[*(row[0] for row in TABLE), "a file"])
def test_a_text_in_pieces_gives_the_same(text: str) -> None:
    check(text)


TAGS = [
    "<read>",
    "</read>",
    "<read_file>",
    "</read_file>",
    "<path>",
    "</path>",
    "<p>",
    "</p>",
    "a",
    "<",
    "</",
    ">",
    "\n",
]


@given(text=st.lists(st.sampled_from(TAGS), max_size=20).map("".join), cuts=st.lists(st.integers(0, 90), max_size=6))
def test_any_text_in_any_pieces_gives_the_same(text: str, cuts: list[int]) -> None:
    check(text, cuts)


@given(text=st.text("<>/read_fil \n"), cuts=st.lists(st.integers(0, 90), max_size=6))
def test_any_text_of_half_tags_gives_the_same(text: str, cuts: list[int]) -> None:
    check(text, cuts)


@pytest.mark.parametrize(
    ("portions", "given_out", "held"),
    [
        pytest.param(["I look.\n"], ["I look.\n"], "", id="text goes out at once"),
        pytest.param(["a <"], ["a "], "<", id="a bracket is held"),
        pytest.param(["a <re"], ["a "], "<re", id="half a tag is held"),
        pytest.param(["a <read_file"], ["a "], "<read_file", id="a tag but for its end is held"),
        pytest.param(["a <", "b>"], ["a ", "<b>"], "", id="what is no tag goes out"),
        pytest.param(["a <ready"], ["a <ready"], "", id="nor is what only begins like one"),
        pytest.param(["<<re"], ["<"], "<re", id="the last bracket counts"),
        pytest.param(["</read>"], ["</read>"], "", id="a closing tag alone is text"),
        pytest.param(["a<read>b"], ["a"], "<read>b", id="an open call is held"),
        pytest.param(["<read>b</re"], [], "<read>b</re", id="with half its end"),
        pytest.param(["<read>b", "</read", ">c"], [closed("b", "read"), "c"], "", id="closed, it goes out"),
    ],
)
def test_as_little_as_can_be_is_held_back(portions: list[str], given_out: list[str | XmlCall], held: str) -> None:
    finder = TagFinder(NAMES)
    assert [piece for portion in portions for piece in finder.feed(portion)] == given_out
    assert finder.held == held


def test_without_names_all_is_text() -> None:
    finder = TagFinder(())
    assert finder.feed("<read>") == ["<read>"]
    assert finder.close() == []


def test_a_finder_can_go_on_with_another_text() -> None:
    finder = TagFinder(NAMES, ["path"])
    assert finder.feed("<read><path>a") == []
    assert finder.close() == [XmlCall("read", "<path>a", closed=False)]
    assert finder.feed(CALL) == [closed(INNER)]


class CountedText(str):
    """A text that counts what is copied when another is put before it."""

    __slots__ = ()
    copied = 0

    def __radd__(self, other: str) -> str:
        """Counts both."""
        CountedText.copied += len(other) + len(self)
        return str(other) + str(self)


@pytest.mark.parametrize("piece", ["<read>", "<", "a", "</read>", "<read></read>", "<read><path>", "<read_fil"])
def test_what_is_held_is_not_copied_with_each_piece(piece: str) -> None:
    """Character by character, the beginning of a tag is all that is looked at again."""
    finder, text = TagFinder(NAMES, ["path"]), piece * 500
    CountedText.copied = 0
    for character in text:
        finder.feed(CountedText(character))
    assert len(text) <= CountedText.copied <= len(text) * (len("</attempt_completion>") + 1)
