"""The report for pasting: what a server said stays inside its cell and its fence."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.doctor.result import Report
from lumeai_cli.report.markdown import render
from lumeai_cli.text.phrase import LANGUAGES, say

Make = Callable[..., Any]
both = pytest.mark.parametrize("language", LANGUAGES)


def rows(text: str) -> list[str]:
    """The rows of the table of clients, without its head."""
    return [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| |")]


def cells(row: str) -> list[str]:
    """The cells of a row, as a Markdown reader parts them."""
    return [cell.strip() for cell in re.split(r"(?<!\\)(?:\\\\)*\|", row)[1:-1]]


@both
def test_a_report_has_a_title_a_part_for_each_target_and_an_end(every_kind: Report, language: str) -> None:
    """Everything that the terminal shows can be pasted."""
    told = render(every_kind, language)
    assert told.startswith("# lumeai doctor 0.1.0\n")
    assert re.findall(r"^## (\S+): ", told, re.MULTILINE) == ["mine", "warned", "mine", "unknown", "crashed"]
    assert say(language, "demo") in told
    assert say(language, "interrupted") in told
    assert "2026-11-22T12:00:00+00:00" in told
    assert told.endswith("\n")
    assert not told.endswith("\n\n")


def test_the_verdict_stands_once_and_the_others_are_listed(rated: Make, sick: Make, report: Make) -> None:
    """With code, name and severity."""
    told = render(report(sick(rated(), rated("rate-limited", said="slow down"))), "en")
    assert told.count("LUM402 server-error") == 1
    assert "**LUM402 server-error** (proven): " in told
    assert "- LUM403 rate-limited (error): " in told


@pytest.mark.parametrize(
    "message",
    ["a | b", "a || b", "a \\| b", "back\\slash", "two\nlines", "| a | b |", "\\", "a\r\n| b |\n|---|", "a\u2028b"],
    ids=repr,
)
def test_a_clients_words_stay_in_their_cell(sick: Make, report: Make, message: str) -> None:
    """Four cells a row, whatever was said."""
    told = rows(render(report(sick(message=message)), "en"))
    assert len(told) == len(PROFILES)
    assert [len(cells(row)) for row in told] == [4] * len(PROFILES)
    assert [cells(row)[3] for row in told] == ["LUM402"] * len(PROFILES)


@pytest.mark.parametrize("quoted", ["plain", "```", "a ```` b", "`", "``````````"])
def test_a_fence_is_longer_than_any_in_the_text(rated: Make, sick: Make, report: Make, quoted: str) -> None:
    """A server's backticks do not end the block that quotes them."""
    told = render(report(sick(rated(excerpt=quoted))), "en").splitlines()
    place = told.index(quoted)
    fence = told[place - 1]
    assert set(fence) == {"`"}
    assert len(fence) >= 3
    assert fence == told[place + 1]
    assert fence not in quoted


@both
def test_every_block_of_code_is_closed(every_kind: Report, examined: Report, language: str) -> None:
    """The cures hold code, the proof holds bytes."""
    for told in (every_kind, examined):
        fences = re.findall(r"^\s*(`{3,})", render(told, language), re.MULTILINE)
        assert len(fences) % 2 == 0


@both
def test_the_cures_are_a_numbered_list_with_their_code_inside(examined: Report, language: str) -> None:
    """Indented by three, so that it stays in its item."""
    told = render(examined, language)
    cures = told.partition(f"### {say(language, 'fix-heading')}")[2]
    assert re.findall(r"^(\d)\. ", cures.partition("\n## ")[0], re.MULTILINE)[:2] == ["1", "2"]
    assert "\n   ```js\n" in cures


def test_html_of_a_server_does_not_come_alive(rated: Make, sick: Make, report: Make) -> None:
    """In the verdict, in a client's words, in a model's name, in what was found beside; a fence shows it as it is."""
    html = "<img src=x>"
    others = rated("rate-limited", said=html, excerpt="plain")
    told = render(report(sick(rated(said=html, excerpt=html), others, message=html, model=html, name=html)), "en")
    assert told.count("<img") == 1
    assert f"```\n{html}\n```" in told
    assert told.count("&lt;img") >= 8


@pytest.mark.parametrize("text", ["\ud83d", "a\udcffb", "\x1b[31m", "\u202e"], ids=ascii)
def test_what_cannot_be_shown_is_an_escape(rated: Make, sick: Make, report: Make, text: str) -> None:
    """Half a surrogate pair, a command of a terminal, a change of direction."""
    told = render(report(sick(rated(said=text), message=text, model=text, name=text, url=text)), "ru")
    told.encode()
    assert text not in told


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=60))
def test_no_text_breaks_the_table(sick: Make, report: Make, message: str) -> None:
    """Whatever a client shows."""
    told = render(report(sick(message=message)), "en")
    told.encode()
    assert [len(cells(row)) for row in rows(told)] == [4] * len(PROFILES)
