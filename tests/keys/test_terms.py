"""What people write as an expiry, a limit, a list, a name: each form means one thing, each mistake is a sentence."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.keys.terms import KeysError, allows, checked_name, expiry, limit, listed, moment, span
from lumeai_cli.keys.token import made_of
from lumeai_cli.text.visible import visible

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
KEY = made_of(99).reveal()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1s", NOW + 1),
        ("90m", NOW + 5400),
        ("12h", NOW + 43200),
        (" 30d ", NOW + 30 * 86400),
        ("4w", NOW + 28 * 86400),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC).timestamp()),
        ("2027-01-31T18:00+03:00", datetime(2027, 1, 31, 15, tzinfo=UTC).timestamp()),
        ("2027-01-31T15:00Z", datetime(2027, 1, 31, 15, tzinfo=UTC).timestamp()),
        ("2027-01-31 15:00:30+00:00", datetime(2027, 1, 31, 15, 0, 30, tzinfo=UTC).timestamp()),
        ("none", None),
        ("NEVER", None),
    ],
)
def test_an_expiry_is_a_span_a_day_or_a_moment(text: str, at: float | None) -> None:
    assert expiry(text, NOW) == at


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no time"),
        ("soon", "is no time"),
        ("30", "is no time"),
        ("0d", "is no time"),
        ("-1d", "is no time"),
        ("1.5h", "is no time"),
        ("٣٠d", "is no time"),
        ("30d\0", "is no time"),
        ("2027-02-30", "is no time"),
        ("2027-01-31T18:00", "no time zone"),
        ("2026-11-28T12:00Z", "over already"),
        ("1999-01-01", "over already"),
        ("0001-01-01T00:00+14:00", "over already"),
        ("9999999d", "too far away"),
        ("2100-01-02", "too far away"),
        ("9999-12-31T23:59-14:00", "too far away"),
    ],
)
def test_what_is_no_expiry_is_told(text: str, said: str) -> None:
    with pytest.raises(KeysError, match=said):
        expiry(text, NOW)


@given(st.text())
def test_no_text_breaks_a_reader(text: str) -> None:
    said: list[str] = []
    for read in (
        lambda: expiry(text, NOW),
        lambda: limit(text, "--rpm"),
        lambda: span(text, "--grace"),
        lambda: listed([text], "--models"),
        lambda: checked_name(text),
    ):
        try:
            read()
        except KeysError as error:
            said += [error.in_("en"), error.in_("ru")]
    assert all(visible(sentence) == sentence for sentence in said)


@pytest.mark.parametrize(("text", "seconds"), [("0", 0.0), ("30m", 1800.0), ("12h", 43200.0), ("366d", 366 * 86400.0)])
def test_a_grace_is_a_span_or_nothing(text: str, seconds: float) -> None:
    assert span(text, "--grace") == seconds


@pytest.mark.parametrize("text", ["", "1", "367d", "1y", "forever"])
def test_what_is_no_grace_is_told(text: str) -> None:
    with pytest.raises(KeysError, match="--grace: "):
        span(text, "--grace")


@pytest.mark.parametrize(("text", "found"), [("1", 1), (" 100 ", 100), ("1000000000000", 10**12), ("None", None)])
def test_a_limit_is_a_whole_number(text: str, found: int | None) -> None:
    assert limit(text, "--rpm") == found


@pytest.mark.parametrize("text", ["", "0", "-1", "1e3", "1_000", "0x10", "1.0", "٣", "9" * 14, "1000000000001"])
def test_what_is_no_limit_is_told(text: str) -> None:
    with pytest.raises(KeysError, match=r"--rpm: .* is no limit"):
        limit(text, "--rpm")


def test_lists_are_given_with_commas_and_again() -> None:
    assert listed(["gpt-*, llama*", "gpt-*", "qwen"], "--models") == ("gpt-*", "llama*", "qwen")
    assert listed(["all"], "--models") == ()


@pytest.mark.parametrize("texts", [[""], [","], ["a\nb"], ["x" * 201], [KEY], [",".join(map(str, range(101)))]])
def test_what_is_no_list_is_told(texts: list[str]) -> None:
    with pytest.raises(KeysError, match="--models: "):
        listed(texts, "--models")


@pytest.mark.parametrize("name", ["anna", "Анна", "ci of the night", "a" * 64, "日本", "'; DROP TABLE key; --"])
def test_a_name_may_be_what_a_table_can_show(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "a" * 65, "a\nb", "a\0", "\x1b[31mred", "a\u202eb", "a\u200bb", "\ud800"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(KeysError, match="a name has 1 to 64 characters"):
        checked_name(name)


@pytest.mark.parametrize("read", [checked_name, lambda text: expiry(text, NOW), lambda text: limit(text, "--rpm")])
def test_a_key_in_the_wrong_place_is_not_repeated(read: object) -> None:
    assert callable(read)
    with pytest.raises(KeysError) as caught:
        read(KEY)
    for language in ("en", "ru"):
        assert KEY[14:40] not in caught.value.in_(language)


@pytest.mark.parametrize(
    ("globs", "model", "backends", "allowed"),
    [
        ((), "anything", (), True),
        (("gpt-*",), "gpt-4o", (), True),
        (("gpt-*",), "GPT-4o", (), False),
        (("gpt-*",), "x-gpt-4o", (), False),
        (("a", "llama?"), "llama3", (), True),
        (("ollama/*",), "qwen3", ("ollama",), True),
        (("ollama/*",), "qwen3", ("g4f", "ollama"), True),
        (("ollama/*",), "qwen3", ("g4f",), False),
        (("o*",), "gpt-4o", ("openai",), False),
        (("[!m]*",), "m1", ("up",), False),
        (("meta/*",), "meta/llama", ("up",), True),
        (("up/meta/*",), "meta/llama", ("up",), True),
        (("*",), "", (), True),
        (("[",), "[", (), True),
    ],
)
def test_globs_are_those_of_the_shell(
    globs: tuple[str, ...],
    model: str,
    backends: tuple[str, ...],
    allowed: bool,  # noqa: FBT001  # a column
) -> None:
    assert allows(globs, model, *backends) is allowed


def test_a_moment_is_told_in_utc() -> None:
    assert moment(NOW) == "2026-11-28T12:00:00Z"
