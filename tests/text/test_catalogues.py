"""The words in both languages: the same keys, the same placeholders, none missing, none forgotten."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import lumeai_cli
from lumeai_cli.clients.outcome import OutcomeKind
from lumeai_cli.diagnoses.finding import Certainty, Severity
from lumeai_cli.doctor.result import ProbeStatus
from lumeai_cli.text.en import MESSAGES as EN
from lumeai_cli.text.ru import MESSAGES as RU

PACKAGE = Path(lumeai_cli.__file__).parent
SAYERS = {"phrase", "say", "counted", "_heading", "unknown"}
"""The functions that take a key of the catalogues."""

COUNTED = {"targets": 3, "models": 3, "problems": 3}
"""Keys that hold the forms of a noun, and how many forms Russian has."""

SAME_IN_BOTH = re.compile(r"(\{\w+\}|[\W\d]|[a-z-]+)*")
"""What needs no translation: placeholders, signs, commands."""


def places(text: str) -> list[str]:
    """The placeholders of a text, with their formats, in any order."""
    return sorted(
        f"{name}:{form}!{conversion}" for _, name, form, conversion in Formatter().parse(text) if name is not None
    )


def test_both_languages_have_the_same_keys_in_the_same_order() -> None:
    """A key in one language only would end in a KeyError before the user's eyes; the order makes them comparable."""
    assert list(RU) == list(EN)


@pytest.mark.parametrize("key", EN)
def test_both_languages_fill_the_same_placeholders(key: str) -> None:
    """Named ones only: the order of words differs."""
    assert places(RU[key]) == places(EN[key])
    assert all(place.split(":")[0].isidentifier() for place in places(EN[key]))


@pytest.mark.parametrize("key", EN)
def test_every_sentence_is_translated(key: str) -> None:
    """Russian words in Russian, none in English; nothing at its ends but a hint's leading blank."""
    assert EN[key]
    assert RU[key]
    assert not re.search("[а-яё]", EN[key], re.IGNORECASE)
    assert re.search("[а-яё]", RU[key], re.IGNORECASE) or SAME_IN_BOTH.fullmatch(RU[key])
    assert EN[key][-1:] != " "
    assert RU[key][-1:] != " "
    assert EN[key].startswith(" ") is RU[key].startswith(" ")


@pytest.mark.parametrize("key", EN)
def test_a_sentence_is_one_line_that_any_terminal_shows(key: str) -> None:
    """No control characters, and only signs that have a plain substitute."""
    for text in (EN[key], RU[key]):
        assert text.isprintable()


@pytest.mark.parametrize("key", [key for key in EN if "|" in EN[key] or "|" in RU[key]])
def test_counted_nouns_have_two_forms_in_english_and_three_in_russian(key: str) -> None:
    """1 target, 2 targets; 1 адрес, 2 адреса, 5 адресов."""
    assert key in COUNTED
    assert len(EN[key].split("|")) == 2
    assert len(RU[key].split("|")) == COUNTED[key]


@pytest.mark.parametrize(
    ("prefix", "values"),
    [("outcome", OutcomeKind), ("status", ProbeStatus), ("severity", Severity), ("certainty", Certainty)],
    ids=["outcome", "status", "severity", "certainty"],
)
def test_every_value_of_the_report_has_a_word(prefix: str, values: type) -> None:
    """And every word belongs to a value."""
    assert {f"{prefix}-{value}" for value in values} == {key for key in EN if key.startswith(f"{prefix}-")}


def used() -> Iterator[tuple[str, str]]:
    """Every key that stands literally in the package where a key is due, with its file."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                for argument in node.args[: 3 if name in SAYERS else 0]:
                    for part in ast.walk(argument):
                        if isinstance(part, ast.Constant) and isinstance(part.value, str) and "-" in part.value:
                            yield part.value, file.name


def test_every_key_that_the_code_asks_for_exists() -> None:
    """A misspelt key would be found by the user otherwise."""
    asked = {key: file for key, file in used() if re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", key)}
    assert len(asked) > 50
    assert {key: file for key, file in asked.items() if key not in EN} == {}
