"""A thought at the head of a text, parted from the answer as the classic clients part it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.wire.think import split_thought

TABLE = [
    ("nothing", "", ("", "", True)),
    ("no thought", "Hello", ("", "Hello", True)),
    ("a thought", "<think>hm</think>Hello", ("hm", "Hello", True)),
    ("nothing but a thought", "<think>hm</think>", ("hm", "", True)),
    ("an empty thought", "<think></think>Hello", ("", "Hello", True)),
    ("a newline stays", "<think>hm</think>\n", ("hm", "\n", True)),
    ("unclosed, it swallows the rest", "<think>hm<read>a</read>", ("hm<read>a</read>", "", False)),
    ("cut within the closing tag", "<think>hm</thi", ("hm</thi", "", False)),
    ("cut within the opening tag", "<thin", ("", "<thin", True)),
    ("only the first character counts", "\n<think>hm</think>a", ("", "\n<think>hm</think>a", True)),
    ("not after prose", "Hi <think>hm</think>", ("", "Hi <think>hm</think>", True)),
    ("another tag", "<thinking>hm</thinking>", ("", "<thinking>hm</thinking>", True)),
    ("other case", "<Think>hm</Think>", ("", "<Think>hm</Think>", True)),
    ("one thought only", "<think>a</think><think>b</think>", ("a", "<think>b</think>", True)),
    ("a thought in a thought", "<think>a<think>b</think>c</think>d", ("a<think>b</think>c", "d", True)),
    ("a thought in a thought, unclosed", "<think>a<think>b</think>c", ("a<think>b</think>c", "", False)),
    ("a thought that holds nothing but a thought", "<think><think></think></think>a", ("", "a", True)),
    ("tags right before the end", "<think>a<think></think></think>b", ("a", "b", True)),
    ("spaces within the tags", "< think >a< / think >b", ("a", "b", True)),
    ("a closing tag at the beginning goes", "</think>a", ("", "a", True)),
    ("a closing tag later stays", "a</think>b", ("", "a</think>b", True)),
    ("a bracket hides the tag behind it", "<think>a<</think>b", ("a<</think>b", "", False)),
    ("other tags in the thought", "<think><b></b></think>c", ("<b></b>", "c", True)),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_thought_of(text: str, expected: tuple[str, str, bool]) -> None:
    assert split_thought(text) == expected


def automaton(text: str) -> tuple[str, str, bool]:
    """The clients' own way, one character after the other."""
    parts: dict[bool, list[str]] = {True: [], False: []}
    cached: list[str] = []
    state, index, depth, matched, opened = "text", 0, 0, False, False
    for place, character in enumerate(text):
        cached.append(character)
        if state == "text":
            if character == "<" and (not place or matched):
                state, index = "open", 0
                continue
        elif character == ">" and index == len("think"):
            depth += 1 if state == "open" else -1
            if (state == "open" and not matched) or depth <= 0:
                cached = []
            matched, opened = depth > 0, True
            state = "text"
            continue
        elif state == "open" and not index and character == "/":
            state = "close"
            continue
        elif character == " " and index in (0, len("think")):
            continue
        elif "think"[index : index + 1] == character:
            index += 1
            continue
        else:
            state = "text"
        parts[matched] += cached
        cached = []
    parts[matched] += cached
    return "".join(parts[True]), "".join(parts[False]), not (opened and matched)


PIECES = ["<think>", "</think>", "< think>", "</ think >", "<", "</", "think", "thin", "k", ">", " ", "/", "a", "\n"]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_text_is_split_as_the_clients_split_it(text: str) -> None:
    assert split_thought(text) == automaton(text)
