"""The thought at the head of a text: what is thought, what is text, and what is held, however the text comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.repair.thought import Thought, ThoughtSplitter, without_opening


def split(pieces: list[str]) -> tuple[str, str, bool, bool]:
    """Thought, text, whether the thought is open, and whether a tag counted."""
    splitter = ThoughtSplitter()
    told = [each for piece in pieces for each in splitter.feed(piece)] + splitter.close()
    assert splitter.thought == "".join(each.text for each in told if isinstance(each, Thought))
    return splitter.thought, "".join(each for each in told if isinstance(each, str)), splitter.open, splitter.found


TABLE = [
    ("Hello", "", "Hello", False, False),
    ("", "", "", False, False),
    (" \n", "", " \n", False, False),
    ("<think>a</think>b", "a", "b", False, True),
    ("<think>\na\n</think>\n\nb", "a\n", "b", False, True),
    ("\n <think>a</think>b", "a", "b", False, True),
    ("< think >a< / think >b", "a", "b", False, True),
    ("<think></think>b", "", "b", False, True),
    ("<think>a", "a", "", True, True),
    ("<think>a</thi", "a</thi", "", True, True),
    ("<think>a<think>b</think>c</think>d", "a<think>b</think>c", "d", False, True),
    ("</think>b", "", "b", False, True),
    ("b</think>", "", "b</think>", False, False),
    ("a<think>b</think>", "", "a<think>b</think>", False, False),
    ("<thinking>a</thinking>", "", "<thinking>a</thinking>", False, False),
    ("<thin", "", "<thin", False, False),
    (" " * 33 + "<think>a</think>", "", " " * 33 + "<think>a</think>", False, False),
]


@pytest.mark.parametrize(("text", "thought", "rest", "opened", "found"), TABLE)
def test_a_thought_is_parted_however_it_comes(text: str, thought: str, rest: str, *, opened: bool, found: bool) -> None:
    expected = thought, rest, opened, found
    assert split([text]) == expected
    assert split(list(text)) == expected


@given(st.lists(st.sampled_from(("<", "think", ">", "/", " ", "\n", "a", "<think>", "</think>")), max_size=12))
def test_the_pieces_do_not_matter(pieces: list[str]) -> None:
    assert split(pieces) == split(["".join(pieces)]) == split(list("".join(pieces)))


@pytest.mark.parametrize(
    ("text", "parted"),
    [
        ("hm</think>Hi", ("hm", "Hi")),
        ("думаю</think>Ответ", ("думаю", "Ответ")),
        ("I see.\n</think>\n\nHi\n", ("I see.\n", "Hi\n")),
        ("a < / think >b", None),
        ("a\n< / think >b", ("a\n", "b")),
        ("a</think>b</think>c", ("a", "b</think>c")),
        ("```\nx\n```\na</think>b", ("```\nx\n```\na", "b")),
        ("It `closes` that</think>b", ("It `closes` that", "b")),
        ("Hi", None),
        ("a</think>", None),
        ("a</think> \n", None),
        ("a<think>b</think>c", None),
        ("a</think>b<think>", None),
        ("The tag </think> ends it.", None),
        ("The tag `</think>` ends it.", None),
        ('The tag "</think>" ends it.', None),
        ("The tag `a</think>b` ends it.", None),
        ("```\nhm</think>Hi\n```", None),
        ("a</thinking>b", None),
    ],
)
def test_a_closing_tag_alone_parts_a_whole_text(text: str, parted: tuple[str, str] | None) -> None:
    assert without_opening(text) == parted
