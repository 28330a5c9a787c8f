"""Quota sentences in the place of an answer: which texts are held, which are faults, and which pass at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.backends.words import SENTENCE
from lumeai_cli.repair.excuse import ExcuseWatch, excuse_in

EXCUSES = [
    ("You have reached your daily free limit. Please upgrade to a paid plan.", "quota-text-as-answer"),
    ("You've reached your daily limit.", "quota-text-as-answer"),
    ("You’ve hit your message limit for today.", "quota-text-as-answer"),
    ("You exceeded your current quota, please check your plan and billing details.", "quota-text-as-answer"),
    ("You have exceeded your daily quota. Please upgrade.", "quota-text-as-answer"),
    ("You exceeded your quota.", "quota-text-as-answer"),
    ("You are out of credits.", "quota-text-as-answer"),
    ("Your account has insufficient balance.", "quota-text-as-answer"),
    ("Your quota for this month is used up.", "quota-text-as-answer"),
    ("Sorry, you have reached your limit.", "quota-text-as-answer"),
    ("Quota exceeded", "quota-text-as-answer"),
    ("Rate limit exceeded. Try again later.", "quota-text-as-answer"),
    ("Daily limit reached.", "quota-text-as-answer"),
    ("Insufficient balance or no resource package", "quota-text-as-answer"),
    ("Error: insufficient_quota", "quota-text-as-answer"),
    ("Free tier limit: come back tomorrow.", "quota-text-as-answer"),
    ("**Free-tier limit** reached", "quota-text-as-answer"),
    ("⚠️ Payment required", "quota-text-as-answer"),
    ("\n\nRequest quota was exceeded", "quota-text-as-answer"),
    ("当日额度已消耗完", "quota-text-as-answer"),
    ("今日额度用完，请明天再来。", "quota-text-as-answer"),
    ("额度已用尽", "quota-text-as-answer"),
    ("Вы исчерпали дневной лимит запросов.", "quota-text-as-answer"),
    ("Лимит запросов на сегодня исчерпан.", "quota-text-as-answer"),
    ("Превышен лимит бесплатных запросов", "quota-text-as-answer"),
    ("Message exceeds the 5000 character limit", "context-exceeded"),
    ("Error: the message exceeds the 10000 characters limit.", "context-exceeded"),
]


@pytest.mark.parametrize(("text", "name"), EXCUSES)
def test_an_excuse_is_a_fault_and_is_held_to_its_end(text: str, name: str) -> None:
    fault = excuse_in(text)
    assert fault is not None
    assert fault.name == name
    assert fault.said == text.strip()
    watch = ExcuseWatch()
    assert "".join(map(watch.feed, text)) == ""
    assert watch.held == text


ANSWERS = [
    "Hello! How can I help?",
    "I have reached the end of the file.",
    "The function raises when the quota is exceeded.",
    "In line 3 your quota was exceeded.",
    "<read_file>\n<path>a.txt</path>\n</read_file>",
    '{"name": "read"}',
    "Привет! Я - LumeAI. Чем могу помочь?",
    "Файл прочитан.",
    "你好！",
    "```python\nquota exceeded\n```",
]


@pytest.mark.parametrize("text", ANSWERS)
def test_a_text_that_begins_in_another_way_passes_within_its_first_words(text: str) -> None:
    assert excuse_in(text) is None
    watch = ExcuseWatch()
    held = 0
    for character in text:
        if watch.feed(character):
            break
        held += 1
    assert watch.settled
    assert held <= 5


INNOCENT = [
    "You have a bug in line 3.",
    "Your code is fine.",
    "Sorry, I cannot find that file.",
    "Error handling is missing in `main`.",
    "The request is sent twice.",
    "Ваш код верен.",
    "You have reached your daily limit. " + "But this is a long story about limits. " * 12,
]


@pytest.mark.parametrize("text", INNOCENT)
def test_a_text_that_begins_like_an_excuse_and_is_none_comes_out_unchanged(text: str) -> None:
    assert excuse_in(text) is None
    watch = ExcuseWatch()
    assert "".join(map(watch.feed, text)) + watch.release() == text


@given(st.lists(st.text(alphabet="You have Sorry, quota\n*", max_size=40), max_size=30))
def test_no_text_is_lost_and_little_is_held(pieces: list[str]) -> None:
    watch = ExcuseWatch()
    out = ""
    for piece in pieces:
        out += watch.feed(piece)
        assert len(watch.held) <= SENTENCE
        assert out + watch.held == "".join(pieces)[: len(out) + len(watch.held)]
    assert out + watch.release() == "".join(pieces)


@given(st.text(max_size=60))
def test_what_is_held_does_not_depend_on_the_pieces(text: str) -> None:
    whole, single = ExcuseWatch(), ExcuseWatch()
    assert whole.feed(text) == "".join(map(single.feed, text))
    assert whole.held == single.held
