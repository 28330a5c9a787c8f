"""Whether a text shows anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.repair.fault import NOTHING_SAID
from lumeai_cli.repair.ink import shows
from lumeai_cli.repair.speech import Spoken, weight_of
from lumeai_cli.repair.wanted import Wanted
from tests.repair.wire import NATIVE, SDK, XML, cut_anyhow, said, whole

UNSEEN = ["", " \n\t", "\u200b", "\ufeff", "\u2060", "\u00ad", "\u200d\u200e", "\u00a0\u3000", " \u200b\n\ufeff"]
SEEN = ["a", ".", "\u200ba", " \n1", "я", "日", "🙂", "\u200b🙂", "\x00", "\ud800", "a" * 99]


@pytest.mark.parametrize("text", UNSEEN)
def test_is_not_to_be_seen(text: str) -> None:
    assert not shows(text)
    assert weight_of(text) is Spoken.NOTHING


@pytest.mark.parametrize("text", SEEN)
def test_is_to_be_seen(text: str) -> None:
    assert shows(text)
    assert weight_of(text) is Spoken.CONTENT


@given(st.text(max_size=8), st.text(max_size=8))
def test_a_text_shows_what_its_parts_show(one: str, other: str) -> None:
    assert shows(one + other) is (shows(one) or shows(other))


@pytest.mark.parametrize("wanted", [SDK, NATIVE, XML])
def test_an_answer_of_such_characters_is_none(wanted: Wanted) -> None:
    body = said("\u200b", " \ufeff", "\u2060\u00ad")
    for mender in (cut_anyhow(body, wanted), whole([body], wanted)):
        assert mender.fault == NOTHING_SAID
        assert mender.spoken is Spoken.NOTHING
        assert mender.out == b""


@pytest.mark.parametrize("wanted", [SDK, NATIVE, XML])
def test_such_characters_pass_with_an_answer(wanted: Wanted) -> None:
    body = said("\u200b", "Hi", "\ufeff")
    assert cut_anyhow(body, wanted).out == body
