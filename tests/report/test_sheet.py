"""Lines with indents, and simple Markdown put on them."""

import pytest

from lumeai_cli.report.sheet import Sheet, inline, styled


def shown(text: str, *, width: int | None = None, indent: int = 0) -> list[str]:
    """The rows of a Markdown text."""
    sheet = Sheet()
    sheet.markdown(text, indent)
    return sheet.text(width=width, colour=False).splitlines()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("one\ntwo", ["one two"]),
        ("one\n\ntwo", ["one", "", "two"]),
        ("# Title\n\ntext", ["Title", "", "text"]),
        ("> said\n> twice", ["said twice"]),
        ("- a\n- b", ["- a", "- b"]),
        ("1. a\n2. b\n   and more", ["1. a", "2. b and more"]),
        ("- a\n  - b", ["- a", "  - b"]),
        ("text `code` **strong `both`**", ["text `code` strong `both`"]),
        ("```sh\nls -l\n  two\n```", ["  ls -l", "    two"]),
        (
            "1. do:\n\n   ```js\n   a();\n\n   b();\n   ```\n\n   then",
            ["1. do:", "", "     a();", "", "     b();", "", "   then"],
        ),
        ("a\n\n\n\nb", ["a", "", "b"]),
        ("", []),
    ],
    ids=repr,
)
def test_what_markdown_becomes(text: str, rows: list[str]) -> None:
    """Paragraphs are joined, lists keep their items, code keeps its lines."""
    assert [row.rstrip() for row in shown(text)] == rows


def test_items_hang_under_their_text() -> None:
    """A wrapped item's rows stand behind its number."""
    rows = shown("1. " + "word " * 20, width=40, indent=4)
    assert rows[0].startswith("    1. word")
    assert all(row.startswith("       word") for row in rows[1:])
    assert len(rows) == 4


def test_code_is_never_wrapped() -> None:
    """It is there to be copied."""
    line = "curl -N http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json'"
    assert shown(f"```\n{line}\n```", width=30) == [f"  {line}"]


@pytest.mark.parametrize("text", ["[bold]x[/bold]", "[link=http://x]y[/link]", "\\[x]", ":smile:", "{x}", "%s"])
def test_text_is_never_markup(text: str) -> None:
    """Not rich's, not anybody's."""
    assert styled(text).plain == inline(text).plain == text
    assert shown(text) == [text]


@pytest.mark.parametrize("text", ["a * b * c", "2 ** 3", "`open", "**open", "a ` b", "snake_case_name", "**"])
def test_marks_that_are_not_closed_are_text(text: str) -> None:
    """Nothing is lost."""
    assert inline(text).plain == text


def test_an_empty_sheet_is_an_empty_text() -> None:
    """No line end from nowhere."""
    assert Sheet().text(width=80, colour=True) == ""


def test_colours_are_the_sixteen_that_every_terminal_has() -> None:
    """And they end where they should."""
    sheet = Sheet()
    sheet.add(styled("") + styled("red", "bold red") + styled(" plain"))
    assert sheet.text(width=None, colour=True) == "\x1b[1;31mred\x1b[0m plain\n"
