"""Every text leaves through every encoding, readable, and without a crash."""

import io
import re
import string
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.text.encoding import NAME, make_safe, nearest, speaks_unicode
from lumeai_cli.text.ru import MESSAGES

SENTENCE = "✗ Ответ: «нет сообщений» — №5 · 3 → 4…"

OUT = {
    "utf-8": SENTENCE,
    "cp1251": "x Ответ: «нет сообщений» — №5 · 3 -> 4…",
    "cp866": 'x Ответ: "нет сообщений" - №5 · 3 -> 4...',
    "koi8-r": 'x Ответ: "нет сообщений" - No.5 · 3 -> 4...',
    "ascii": 'x Otvet: "net soobshcheniy" - No.5 - 3 -> 4...',
    "latin-1": "x Otvet: «net soobshcheniy» - No.5 · 3 -> 4...",
    "cp437": "x Otvet: «net soobshcheniy» - No.5 · 3 -> 4...",
}


def written(text: str, encoding: str) -> str:
    """What stands on the other side of a stream with this encoding."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    make_safe(stream)
    stream.write(text)
    stream.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize(("encoding", "expected"), OUT.items(), ids=OUT)
def test_a_russian_sentence_through_each_encoding(encoding: str, expected: str) -> None:
    """Cyrillic stays where there is Cyrillic; elsewhere it is transliterated, and signs become plain ones."""
    assert written(SENTENCE, encoding) == expected


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "ascii"])
@pytest.mark.parametrize("key", MESSAGES)
def test_no_sentence_of_ours_becomes_a_question_mark(key: str, encoding: str) -> None:
    """Every sign that our own texts use has a substitute."""
    assert written(MESSAGES[key], encoding).count("?") == MESSAGES[key].count("?")


@pytest.mark.parametrize("encoding", ["cp1251", "cp866"])
@pytest.mark.parametrize("key", MESSAGES)
def test_russian_stays_russian_on_a_russian_console(key: str, encoding: str) -> None:
    """Not one letter is transliterated there."""
    letters = re.findall("[А-Яа-яЁё]", MESSAGES[key])
    assert re.findall("[А-Яа-яЁё]", written(MESSAGES[key], encoding)) == letters


@pytest.mark.parametrize(
    ("russian", "latin"),
    [
        ("щука", "shchuka"),
        ("Щука", "Shchuka"),
        ("Ёж", "Yozh"),
        ("ЖЮЧ", "ZhYuCh"),
        ("объём", "ob'yom"),
        ("день", "den'"),
        ("Привет, мир!", "Privet, mir!"),
    ],
)
def test_transliteration_can_be_read(russian: str, latin: str) -> None:
    """The usual Latin spelling."""
    assert written(russian, "ascii") == latin


def test_every_russian_letter_has_a_latin_spelling() -> None:
    """None becomes a question mark."""
    letters = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
    assert all(nearest(letter).isascii() for letter in letters + letters.upper())
    assert all("?" not in nearest(letter) for letter in letters + letters.upper())


@pytest.mark.parametrize("character", ["中", "🎉", "\ud800", "ß"])
def test_what_has_no_nearest_text_is_a_question_mark(character: str) -> None:
    """One for one character, halves of surrogate pairs too."""
    assert written(f"a{character}b", "ascii") == "a?b"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1251"])
def test_a_lone_surrogate_does_not_crash_any_stream(encoding: str) -> None:
    """A server may send one inside JSON; UTF-8 cannot hold it either."""
    assert written("a\ud83db", encoding).replace("\ufeff", "") == "a?b"


@given(st.text(alphabet=st.characters()), st.sampled_from(["ascii", "cp866", "cp1251", "utf-8"]))
def test_no_text_breaks_a_stream_and_ascii_passes_unchanged(text: str, encoding: str) -> None:
    """Any code point, any of the consoles."""
    shown = written(text, encoding)
    plain = set(string.printable)
    assert [c for c in text if c in plain] == [c for c in text if c in plain and c in shown]


def test_a_stream_that_cannot_be_set_is_left_alone() -> None:
    """A test's or an editor's own stream may be anything."""
    make_safe(io.StringIO())


def test_only_encoding_errors_are_ours() -> None:
    """The handler is for writing; a reader's error passes through."""
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", NAME)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", True), ("UTF8", True), ("utf_16", True), ("UTF-8-SIG", True), ("cp1251", False), ("ascii", False)],
)
def test_which_streams_hold_everything(encoding: str, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """JSON for the others is written in ASCII escapes."""
    assert speaks_unicode(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) is expected


def test_a_stream_without_an_encoding_holds_ascii() -> None:
    """`StringIO` says None."""
    assert speaks_unicode(io.StringIO()) is False
    assert sys.stdout is not None
