"""The text of a key: its form is permanent, a slip of the finger shows, and it is printed by nobody's accident."""

import copy
import pickle
import re
import string
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.keys.token import (
    CHECK,
    LENGTH,
    PREFIX,
    RANDOM,
    Flaw,
    Token,
    checksum,
    digest_of,
    made_of,
    make,
    parse,
)
from lumeai_cli.text.secret import looks_like_a_key, masked

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
NUMBERS = st.integers(0, 2**256 - 1)


def test_the_form_is_the_one_that_was_promised() -> None:
    assert (PREFIX, RANDOM, CHECK, LENGTH) == ("sk-lumeai-", 43, 6, 59)
    assert made_of(0).reveal() == "sk-lumeai-" + "0" * 43 + checksum("0" * 43)
    assert made_of(2**256 - 1).reveal()[10:53] == _base62(2**256 - 1)


def _base62(number: int) -> str:
    """Written another way than the program does."""
    return "".join(DIGITS[number // 62**place % 62] for place in reversed(range(43)))


def test_the_checksum_is_crc32_in_base62() -> None:
    body = "a" * 43
    crc = zlib.crc32(body.encode())
    assert checksum(body) == "".join(DIGITS[crc // 62**place % 62] for place in reversed(range(6)))


@given(NUMBERS)
def test_what_was_made_is_parsed_as_itself(number: int) -> None:
    text = made_of(number).reveal()
    assert re.fullmatch(r"sk-lumeai-[0-9A-Za-z]{49}", text)
    token = parse(f" \t{text}\r\n")
    assert isinstance(token, Token)
    assert token.reveal() == text
    assert token.digest == digest_of(text.encode())


def test_no_two_are_alike() -> None:
    assert len({make().reveal() for _ in range(1000)}) == 1000


@given(NUMBERS, st.integers(len(PREFIX), LENGTH - 1), st.sampled_from(DIGITS))
def test_one_wrong_character_shows(number: int, place: int, digit: str) -> None:
    text = made_of(number).reveal()
    if text[place] != digit:
        assert parse(text[:place] + digit + text[place + 1 :]) is Flaw.CHECKSUM


@given(NUMBERS, st.integers(len(PREFIX), LENGTH - 2))
def test_two_swapped_characters_show(number: int, place: int) -> None:
    text = made_of(number).reveal()
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    if swapped != text:
        assert parse(swapped) is Flaw.CHECKSUM


GOOD = made_of(12345).reveal()


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("", Flaw.EMPTY),
        (" \n", Flaw.EMPTY),
        ("sk-твой-ключ", Flaw.PREFIX),
        ("SK-LUMEAI-" + GOOD[10:], Flaw.PREFIX),
        (GOOD[1:], Flaw.PREFIX),
        (PREFIX, Flaw.LENGTH),
        (GOOD[:-1], Flaw.LENGTH),
        (GOOD + "0", Flaw.LENGTH),
        (GOOD * 200_000, Flaw.LENGTH),
        (GOOD[:20] + "\0" + GOOD[21:], Flaw.CHARACTER),
        (GOOD[:20] + "О" + GOOD[21:], Flaw.CHARACTER),
        (GOOD[:20] + "٣" + GOOD[21:], Flaw.CHARACTER),
        (GOOD[:30] + " " + GOOD[30:], Flaw.CHARACTER),
        (PREFIX + "' OR 1=1 --", Flaw.CHARACTER),
        (GOOD[:-6] + "000000", Flaw.CHECKSUM),
    ],
)
def test_what_is_no_key_is_told_by_its_flaw(text: str, flaw: Flaw) -> None:
    assert parse(text) is flaw


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    assert isinstance(parse(text), Flaw)
    assert isinstance(parse(PREFIX + text), Flaw | Token)


def test_nothing_prints_it() -> None:
    token = make()
    secret = token.reveal()[14:-4]
    for shown in (repr(token), str(token), f"{token}", f"{token!r:>80}", repr([token]), repr({"k": token})):
        assert secret not in shown
    for write in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not written anywhere"):
            write(token)
    assert not hasattr(token, "__dict__")


@pytest.mark.parametrize("text", [GOOD, f"x{GOOD}", "sk-proj-0123456789abcdefghij", GOOD[:40], GOOD.upper()])
def test_what_may_be_a_key_is_seen(text: str) -> None:
    assert looks_like_a_key(text)


@pytest.mark.parametrize(
    "text", ["", "anna", "sk-1", "task-runner", "ci of the night", "helpdesk-assistant-bot", "disk-usage-monitor-1"]
)
def test_a_name_is_none(text: str) -> None:
    assert not looks_like_a_key(text)


def test_what_looks_like_a_key_is_not_repeated() -> None:
    assert masked(f"no model {GOOD!r} here") == "no model 'sk-...' here"
    assert masked(f"x{GOOD.upper()} and sk-proj-0123456789abcdef") == "xsk-... and sk-..."
    assert masked("helpdesk-assistant-bot of the task-force-70b") == "helpdesk-assistant-bot of the task-force-70b"
