"""The thought at the head of a text: what is thought, what is text, and what is held, however the text comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.repair.thought import Thought, ThoughtSplitter


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
