"""What a server sends can neither steer the terminal nor hide in a report."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.text.visible import visible

SHOWN = {
    "plain": ("plain, Привет, 中文, 🎉", "plain, Привет, 中文, 🎉"),
    "empty": ("", ""),
    "line ends": ("a\nb\r\n\tc", "a\\nb\\r\\n\\tc"),
    "an escape sequence": ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
    "a link": ("\x1b]8;;http://x\x07y", "\\x1b]8;;http://x\\x07y"),
    "an eight-bit control": ("\x9b31m", "\\x9b31m"),
    "a null": ("a\x00b", "a\\x00b"),
    "delete": ("a\x7fb", "a\\x7fb"),
    "text from right to left": ("a\u202eb", "a\\u202eb"),
    "an isolate": ("\u2066a\u2069", "\\u2066a\\u2069"),
    "zero width": ("a\u200bb\u200dc", "a\\u200bb\\u200dc"),
    "line separators": ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
    "a byte order mark": ("\ufeffa", "\\ufeffa"),
    "a lone surrogate": ("a\ud83db", "a\\ud83db"),
    "private use": ("\ue000", "\\ue000"),
    "a tag character": ("\U000e0041", "\\U000e0041"),
    "a no-break space": ("a\u00a0b\u001bc", "a\u00a0b\\x1bc"),
}


@pytest.mark.parametrize(("text", "expected"), SHOWN.values(), ids=SHOWN)
def test_what_is_seen(text: str, expected: str) -> None:
    """Controls, invisible signs and broken characters become escapes; everything else stays."""
    assert visible(text) == expected


@given(st.text(alphabet=st.characters()))
def test_nothing_that_steers_is_left_and_doing_it_twice_changes_nothing(text: str) -> None:
    """Whatever the text."""
    shown = visible(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert visible(shown) == shown
    shown.encode()
