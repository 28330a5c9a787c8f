"""The report for people: short where all is well, whole where it is not, and never painted by a server."""

import contextlib
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from lumeai_cli.cli.app import app, run
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.diagnoses.catalogue import CATALOGUE
from lumeai_cli.diagnoses.finding import Evidence
from lumeai_cli.diagnoses.page import page
from lumeai_cli.doctor.result import ProbeResult, ProbeStatus, Report
from lumeai_cli.report.terminal import render
from lumeai_cli.report.verdict_text import COMING, fixes
from lumeai_cli.text.phrase import LANGUAGES, phrase, say

Make = Callable[..., Any]
both = pytest.mark.parametrize("language", LANGUAGES)
SGR = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "[bold red]x[/] \x1b[31mred\x1b]8;;http://x\x07 \u202eesrever\r\n:smile: \x07"


def lines(text: str) -> list[str]:
    """The lines with something on them."""
    return [line for line in text.splitlines() if line.strip()]


# --- what is told ---------------------------------------------------------------------------------------------------


@both
def test_a_healthy_target_is_one_line(healthy: Make, report: Make, language: str) -> None:
    """Name, URL, model, and that every client gets its answer; then the line that ends every report."""
    told, end = lines(render(report(healthy()), language))
    assert told.startswith("✓ mine  http://127.0.0.1:8080/v1  ")
    assert "qwen3" in told
    assert told.endswith(f"{say(language, 'healthy')}: {say(language, 'healthy-line')}")
    targets, seconds = {"en": ("1 target", "1.2"), "ru": ("1 адрес", "1,2")}[language]
    assert end == say(language, "summary-line", targets=targets, seconds=seconds)


def test_many_healthy_targets_are_as_many_lines(healthy: Make, report: Make) -> None:
    """No blank line between them."""
    told = render(report(*(healthy(name=f"n{number}") for number in range(5))), "en")
    assert [line[:4] for line in told.splitlines()[:5]] == [f"✓ n{number}" for number in range(5)]


def test_a_target_that_is_named_by_its_url_is_named_once(healthy: Make, report: Make) -> None:
    """The URL does not stand there twice."""
    url = "http://127.0.0.1:8080/v1"
    assert render(report(healthy(name=url, url=url)), "en").count(url) == 1


def test_what_was_left_out_is_said_even_of_a_healthy_target(healthy: Make, report: Make) -> None:
    """`--quick` proves less; it stays one line."""
    probes = (
        ProbeResult("agent-xml", ProbeStatus.SKIPPED, phrase("skip-quick")),
        ProbeResult("body-size", ProbeStatus.NOT_JUDGED, phrase("skip-time", seconds="9")),
        ProbeResult("url-variants", ProbeStatus.SKIPPED, phrase("skip-url-works")),
    )
    told = lines(render(report(healthy(probes=probes)), "en"))[0]
    assert told.endswith("(not judged: agent-xml, body-size)")


@both
def test_a_sick_target_tells_the_cause_the_proof_the_cure_and_the_clients(
    sick: Make, report: Make, language: str
) -> None:
    """In this order, ending with where to read more."""
    told = render(report(sick()), language)
    order = [
        "✗ mine",
        "worker 3 died",
        "LUM402 server-error",
        say(language, "why-heading"),
        '{"error": "worker 3 died"}',
        say(language, "fix-heading"),
        "1. ",
        say(language, "clients-heading"),
        "Kilo Code 4.x",
        "lumeai explain server-error",
    ]
    places = [told.index(piece) for piece in order]
    assert places == sorted(places)
    cures = [cure for cure in page("server-error", language).fixes if not any(one in cure for one in COMING)]
    assert len(cures) == len(re.findall(r"^    \d\. ", told, re.MULTILINE))


def test_no_cure_takes_a_command_that_does_not_exist(examined: Report) -> None:
    """Whoever copies it must not meet "No such command"; every cause keeps another cure."""
    commands = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    assert not [command for command in COMING if command.removeprefix("lumeai ") in commands]
    told = [fix for target in examined.targets if target.verdict for fix in fixes(target.verdict.rated, target, "en")]
    named = {match[1] for fix in told for match in re.finditer(r"\blumeai ([a-z]+)\b", fix)}
    assert named <= commands | {"sits", "is", "in"}
    for name in CATALOGUE:
        assert [cure for cure in page(name, "en").fixes if not any(command in cure for command in COMING)], name


def test_explain_says_what_is_not_there_yet() -> None:
    """Its pages name the commands already."""
    assert "not in this version yet" in explained("key-rejected")
    assert "not in this version yet" not in explained("server-error")


def explained(name: str) -> str:
    """What `lumeai explain` prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run(["explain", name, "--lang", "en"]) == 0
    return out.getvalue()


def test_the_proof_names_the_probe_the_exchange_and_the_second(sick: Make, report: Make) -> None:
    """So that a recording can be looked at there."""
    assert "stream (e1), after 0.41 s: {" in render(report(sick()), "en")


@both
def test_the_code_of_a_cure_stands_right_behind_its_sentence(
    sick: Make, report: Make, rated: Make, language: str
) -> None:
    """A blank line parts only two pieces of code."""
    told = render(report(sick(rated("wrong-content-type"))), language)
    cures = told.partition(say(language, "fix-heading"))[2].partition(say(language, "clients-heading"))[0]
    rows = cures.strip("\n").splitlines()
    code = [number for number, row in enumerate(rows) if row.startswith(" " * 9)]
    assert len(code) == 3
    assert [rows[number - 1].strip() == "" for number in code] == [False, True, False]


CHUNK = 'data: {"id":"%s","choices":[{"delta":{"content":"%s"},"finish_reason":%s}]}'
PAIRS = {
    "another id and text": (CHUNK % ("a", "maple", "null"), CHUNK % ("b", "42", "null"), True),
    "a longer text that is left out": (CHUNK % ("a", "x", "null"), 'data: {"id":"b","choices":[{"delta" ... }]}', True),
    "another end": (CHUNK % ("a", "", '"stop"'), CHUNK % ("a", "", '"length"'), False),
    "another field": ('{"delta":{"content":""}}', '{"message":{"content":""}}', False),
    "another number in one error": ('{"error":{"message":"8192 of 9"}}', '{"error":{"message":"8192 of 7"}}', True),
    "another error": ('{"error":{"message":"no money"}}', '{"error":{"message":"no tools"}}', False),
    "an answer beside an error": ('{"error":{"message":"no"}}', CHUNK % ("a", "maple", "null"), False),
    "the same page": ("<h1>Oops</h1>", "<h1>Oops</h1>", True),
    "another page": ("<h1>Oops</h1>", "<h1>Hello</h1>", False),
}


@pytest.mark.parametrize(("one", "other", "alike"), PAIRS.values(), ids=PAIRS)
@both
def test_what_proves_the_same_is_quoted_once(
    rated: Make, sick: Make, report: Make, language: str, one: str, other: str, *, alike: bool
) -> None:
    """The exchange of the second is named all the same."""
    evidence = (Evidence("e1", 0, 1, 0.4, one), Evidence("e2", 0, 1, 0.5, other))
    probes = (
        ProbeResult("stream", ProbeStatus.PASSED, exchanges=("e1",)),
        ProbeResult("plain", ProbeStatus.PASSED, exchanges=("e2",)),
    )
    told = render(report(sick(rated(evidence=evidence), probes=probes)), language)
    assert one in told
    assert ((say(language, "likewise", named="plain (e2)")) in told) is alike
    assert (f": {other}" in told.partition("plain (e2)")[2]) is not alike


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (ProbeStatus.PASSED, "without a stream the server answered well (probe plain, e3)"),
        (ProbeStatus.SKIPPED, "if the server"),
        (ProbeStatus.NOT_JUDGED, "if the server"),
        (ProbeStatus.FAILED, ""),
    ],
)
def test_to_do_without_streams_is_a_cure_only_where_that_works(
    rated: Make, sick: Make, status: ProbeStatus, said: str
) -> None:
    """Where it was seen to fail, it is none; where nobody looked, it may help."""
    plain = ProbeResult("plain", status, exchanges=("e3",) if status is not ProbeStatus.SKIPPED else ())
    cause = rated("zero-events")
    told = fixes(cause, sick(cause, probes=(plain,)), "en")
    unticks = [fix for fix in told if "Enable streaming" in fix]
    assert len(unticks) == bool(said)
    assert all(said in " ".join(fix.split()) for fix in unticks)


@pytest.mark.parametrize(
    ("name", "base", "named"),
    [
        ("connection-refused", "http://127.0.0.1:8080/v1", False),
        ("endpoint-not-found", "http://127.0.0.1:8080/v1", False),
        ("base-url-missing-v1", "http://127.0.0.1:8080/v1/v1", True),
        ("key-missing", "http://127.0.0.1:8080/v1", True),
    ],
)
def test_a_model_is_named_where_one_was_asked(
    rated: Make, sick: Make, report: Make, name: str, base: str, *, named: bool
) -> None:
    """Where no chat endpoint was found, it is no matter."""
    told = render(report(sick(rated(name), base=base)), "en")
    assert ("model qwen3" in told.splitlines()[0]) is named


def test_every_client_stands_with_its_own_words(sick: Make, report: Make) -> None:
    """Quoted, and the SDK that shows nothing without quotes."""
    told = render(report(sick(message="")), "en")
    assert "“" not in told
    told = render(report(sick(message="500 oops")), "en")
    assert told.count("“500 oops”") == 1  # those that meet the same stand together
    assert all(profile.title in told for profile in PROFILES.values())


def test_what_will_be_met_next_is_told_after_the_cure(rated: Make, sick: Make, report: Make) -> None:
    """With the sentence of each."""
    second = rated("rate-limited", said="slow down")
    told = render(report(sick(rated(), second)), "en")
    heading = told.index(say("en", "next-heading"))
    assert told.index("1. ") < heading < told.index("rate-limited (LUM403, proven): ")


def test_a_target_of_which_nothing_is_known_says_why(every_kind: Report) -> None:
    """Neither healthy nor sick: the reasons, each once, with its probes."""
    told = render(every_kind, "en")
    assert "? unknown" in told
    assert "agent-xml: the time of the examination was up (300 s, --timeout)" in told


def test_a_crash_is_lumeais_own_fault(every_kind: Report) -> None:
    """And is not blamed on the server."""
    assert "lumeai itself failed here" in render(every_kind, "en")


def test_an_interrupted_demonstration_says_that_it_is_one(every_kind: Report) -> None:
    """Before anything else."""
    told = lines(render(every_kind, "en"))
    assert told[0] == say("en", "demo")
    assert told[1] == say("en", "interrupted")


@both
def test_verbose_adds_every_probe_and_every_note(every_kind: Report, language: str) -> None:
    """And takes nothing away."""
    short, long = render(every_kind, language), render(every_kind, language, verbose=True)
    assert set(lines(short)) <= set(lines(long))
    assert say(language, "skip-url-works") in long
    assert say(language, "note-absent", name="ollama", url="http://127.0.0.1:11434/v1") in long
    assert say(language, "skip-url-works") not in short
    assert "18+2 tok" in long


def test_no_placeholder_of_a_page_is_left(examined: Report) -> None:
    """In neither language."""
    for language in LANGUAGES:
        told = render(examined, language, verbose=True)
        assert "{{" not in told
        assert "[[" not in told


# --- lines ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["word " * 1000, "x" * 5000, "длинное слово " * 400], ids=["words", "one", "russian"])
def test_off_a_terminal_no_line_is_cut_or_wrapped(rated: Make, sick: Make, report: Make, said: str) -> None:
    """In a log, evidence that is cut at 80 columns is lost. What a client shows is known again by its beginning."""
    short, long = (
        render(report(sick(rated(said=text, excerpt=text), message=text)), "en") for text in ("short", said.strip())
    )
    assert len(long.splitlines()) == len(short.splitlines())
    assert sum(said.strip() in line for line in long.splitlines()) == 1 + 1  # summary, proof
    assert sum(said.strip()[:150] in line for line in long.splitlines()) == 1 + 1 + 1  # and a client


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
@both
def test_on_a_terminal_lines_are_wrapped_at_its_width(
    every_kind: Report, examined: Report, width: int, language: str
) -> None:
    """All but code, which is copied whole."""
    for told in (every_kind, examined):
        code = code_of(told, language)
        wide = [line for line in render(told, language, width=width).splitlines() if len(line) > width]
        assert [line for line in wide if line.strip() not in code] == []


def code_of(told: Report, language: str) -> set[str]:
    """The lines of code in the cures: nothing but a client's quoted words is indented as far."""
    deep = (line.strip() for line in render(told, language).splitlines() if line.startswith(" " * 9))
    return {line for line in deep if line[:1] not in "“«"}


@pytest.mark.parametrize("width", [40, 57, 80])
@both
def test_wrapping_loses_no_word(every_kind: Report, examined: Report, width: int, language: str) -> None:
    """The same text, but for the places of its line ends."""
    for told in (every_kind, examined):
        narrow, whole = render(told, language, width=width), render(told, language)
        assert "".join(narrow.split()) == "".join(whole.split())


def test_further_rows_of_a_line_hang_under_its_beginning(rated: Make, sick: Make, report: Make) -> None:
    """Indents tell what belongs together; a wrapped row never begins at the left edge."""
    told = render(report(sick(rated(said="word " * 60, excerpt="word " * 60))), "en", width=60)
    rows = [line for line in told.splitlines() if "word word" in line]
    assert len(rows) > 8
    assert all(row.startswith("  ") for row in rows)
    proof = told.splitlines().index(say("en", "why-heading").join(("  ", "")))
    assert [len(row) - len(row.lstrip()) for row in told.splitlines()[proof + 1 : proof + 4]] == [4, 8, 8]


def test_wide_letters_are_counted_as_the_terminal_does(rated: Make, sick: Make, report: Make) -> None:
    """A Chinese letter takes two columns."""
    told = render(report(sick(rated(said="中文" * 200))), "en", width=60)
    rows = [line for line in told.splitlines() if "中" in line]
    assert {cell_len(row) <= 60 for row in rows} == {True}
    assert len(rows) >= 400 * 2 // 58


def test_the_narrowest_terminal_gets_a_report_too(every_kind: Report) -> None:
    """A width that no line fits into does not break it."""
    assert "worker" in render(every_kind, "en", width=1)


# --- a server cannot paint ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "coloured"])
@pytest.mark.parametrize("width", [None, 80])
def test_what_a_server_says_is_shown_and_not_obeyed(
    rated: Make,
    sick: Make,
    report: Make,
    colour: bool,  # noqa: FBT001 - a column of the table
    width: int | None,
) -> None:
    """Neither rich's markup, nor the terminal's commands, nor invisible signs, nor emoji names."""
    spoilt = sick(rated(said=HOSTILE), message=HOSTILE, model=HOSTILE, name=HOSTILE, url=HOSTILE)
    told = SGR.sub("", render(report(spoilt), "en", width=width, colour=colour))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", told)
    assert "[bold red]x[/]" in told
    assert "\\x1b[31mred" in told
    assert ":smile:" in told


def test_colours_come_only_when_asked_for_and_change_no_word(every_kind: Report, examined: Report) -> None:
    """The same text with and without, but for the backticks that stand for the colour of code."""
    for told in (every_kind, examined):
        plain, coloured = (render(told, "en", colour=colour, verbose=True) for colour in (False, True))
        assert "\x1b" not in plain
        assert SGR.search(coloured)
        assert SGR.sub("", coloured).replace("`", "") == plain.replace("`", "")


def test_only_colours_are_sent_to_the_terminal(examined: Report) -> None:
    """No cursor movements, no links, no titles."""
    assert "\x1b" not in SGR.sub("", render(examined, "en", colour=True, width=80))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ["\ud83d", "a\udcffb", "\ud800\udc00"], ids=ascii)
def test_half_a_surrogate_pair_is_shown_as_an_escape(
    rated: Make, sick: Make, report: Make, text: str, language: str
) -> None:
    """And the report can be written anywhere."""
    told = render(report(sick(rated(said=text), message=text, model=text, name=text)), language, width=80, colour=True)
    assert "\\ud" in told
    told.encode()


@settings(max_examples=150, deadline=None)
@given(said=st.text(alphabet=st.characters(), max_size=60), width=st.one_of(st.none(), st.integers(1, 120)))
def test_no_text_breaks_the_report(rated: Make, sick: Make, report: Make, said: str, width: int | None) -> None:
    """Whatever a server says, at any width."""
    told = render(report(sick(rated(said=said), message=said, model=said or None, name=said)), "ru", width=width)
    told.encode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", told)
