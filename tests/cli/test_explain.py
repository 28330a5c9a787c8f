"""`lumeai explain`: every code of a report leads to its page, in both languages."""

import pytest

from lumeai_cli.diagnoses.catalogue import CATALOGUE
from tests.cli.process import Home

HEADINGS = {
    "en": ("What you see", "Why", "How to be sure", "How to fix", "Example"),
    "ru": ("Что вы видите", "Почему", "Как убедиться", "Как исправить", "Пример"),
}


@pytest.mark.parametrize("word", ["LUM301", "lum301", "json-for-stream", "JSON-for-Stream"])
def test_a_page_is_found_by_code_and_by_name_in_any_case(word: str, inside: Home) -> None:
    done = inside.lumeai("explain", word)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("LUM301 json-for-stream\n")


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_diagnosis_has_a_page_with_the_same_headings(language: str, inside: Home) -> None:
    for entry in CATALOGUE.values():
        done = inside.lumeai("explain", entry.code, "--lang", language)
        assert done.exit_code == 0
        assert done.stdout.startswith(f"{entry.code} {entry.name}\n")
        lines = done.stdout.splitlines()
        assert [lines.count(heading) for heading in HEADINGS[language]] == [1] * 5, entry.name


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_list_holds_every_diagnosis_once(language: str, inside: Home) -> None:
    done = inside.lumeai("explain", "--list", "--lang", language)
    assert done.exit_code == 0
    listed = [tuple(line.split()[:2]) for line in done.stdout.splitlines() if line.startswith("LUM")]
    assert sorted(listed) == sorted((entry.code, entry.name) for entry in CATALOGUE.values())
    assert done.stdout.splitlines()[-1].startswith("lumeai explain ")


def test_the_language_follows_the_environment(home: Home) -> None:
    assert HEADINGS["ru"][0] in home.lumeai("explain", "LUM301", LUMEAI_LANG="ru").stdout
    assert HEADINGS["ru"][0] in home.lumeai("explain", "LUM301", LANG="ru_RU.UTF-8").stdout
    assert HEADINGS["en"][0] in home.lumeai("explain", "LUM301").stdout


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("json-for-strem", "Did you mean 'json-for-stream'?"),
        ("LUM310", "'LUM310' is no diagnosis"),
        ("weather", "'weather' is no diagnosis"),
        ("", "explain needs a code or a name"),
    ],
)
def test_an_unknown_word_is_exit_2_with_a_hint(word: str, said: str, inside: Home) -> None:
    done = inside.lumeai("explain", word)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert "--list" in done.stderr


def test_an_unknown_language_is_exit_2(inside: Home) -> None:
    done = inside.lumeai("explain", "LUM301", "--lang", "fr")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "en, ru" in done.stderr


def test_a_page_in_colour_is_the_same_page(inside: Home) -> None:
    plain = inside.lumeai("explain", "LUM301").stdout
    coloured = inside.lumeai("explain", "LUM301", "--color", "always").stdout
    assert "\x1b[" in coloured
    assert "\x1b" not in plain
    assert "res.write" in plain


@pytest.mark.parametrize(("language", "said"), [("en", "larger than <limit> MiB"), ("ru", "больше <limit> МиБ")])
def test_what_the_proxy_itself_refuses_is_told_by_its_code(language: str, said: str, inside: Home) -> None:
    done = inside.lumeai("explain", "lum002", "--lang", language)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("LUM002\n")
    assert said in done.stdout


def test_a_code_that_is_only_kept_is_refused(inside: Home) -> None:
    done = inside.lumeai("explain", "LUM099", "--lang", "en")
    assert done.exit_code == 2
    assert "LUM099 is kept" in done.stderr
