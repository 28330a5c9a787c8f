"""Sentences that get their language at the very end."""

import pytest

from lumeai_cli.text.phrase import LANGUAGES, Phrase, counted, phrase, put, say

NUMBERS = {
    0: "адресов",
    1: "адрес",
    2: "адреса",
    3: "адреса",
    4: "адреса",
    5: "адресов",
    9: "адресов",
    10: "адресов",
    11: "адресов",
    12: "адресов",
    14: "адресов",
    19: "адресов",
    20: "адресов",
    21: "адрес",
    22: "адреса",
    25: "адресов",
    100: "адресов",
    101: "адрес",
    102: "адреса",
    111: "адресов",
    112: "адресов",
    114: "адресов",
    121: "адрес",
    1001: "адрес",
    1011: "адресов",
}


@pytest.mark.parametrize(("number", "noun"), NUMBERS.items(), ids=map(str, NUMBERS))
def test_russian_counts_with_three_forms(number: int, noun: str) -> None:
    """The last digit decides, but for 11 to 14."""
    assert counted("ru", number, "targets") == f"{number} {noun}"


@pytest.mark.parametrize(
    ("number", "noun"), [(0, "targets"), (1, "target"), (2, "targets"), (11, "targets"), (21, "targets")]
)
def test_english_counts_with_two(number: int, noun: str) -> None:
    """One is one."""
    assert counted("en", number, "targets") == f"{number} {noun}"


def test_a_phrase_is_put_into_words_at_the_end() -> None:
    """The same value, two sentences."""
    said = phrase("asked-model", model="qwen3")
    assert [said.in_(language) for language in LANGUAGES] == ["model qwen3", "модель qwen3"]
    assert say("ru", "asked-model", model="qwen3") == said.in_("ru")


def test_another_language_is_english() -> None:
    """Nobody is left without words."""
    assert phrase("healthy").in_("de") == "healthy"


def test_phrases_with_the_same_words_are_the_same() -> None:
    """They are values: two probes with one reason are told once."""
    assert phrase("skip-needs", probe="stream") == phrase("skip-needs", probe="stream")
    assert len({phrase("skip-needs", probe="stream"), phrase("skip-needs", probe="plain")}) == 2


def test_a_phrase_inside_a_phrase_speaks_the_same_language() -> None:
    """A reason within a sentence."""
    outer = phrase("crashed", error=phrase("sick"))
    assert outer.in_("en").endswith("sick")
    assert outer.in_("ru").endswith("болен")


@pytest.mark.parametrize("value", ["{model}", "{0}", "{", "100 %", "a\nb"])
def test_what_is_filled_in_is_never_read_as_a_placeholder(value: str) -> None:
    """A server chooses the names of its models."""
    assert say("en", "asked-model", model=value) == f"model {value}"


def test_words_may_be_a_phrase_or_the_same_everywhere() -> None:
    """A command needs no translation."""
    assert put("lumeai serve", "ru") == "lumeai serve"
    assert put(Phrase("healthy"), "ru") == "здоров"
