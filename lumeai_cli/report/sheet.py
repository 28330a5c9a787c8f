"""Lines of styled text with indents: what the terminal renderer writes on, and what turns simple Markdown into it.

On a terminal, lines are wrapped at its width and keep their indent; anywhere else they stay whole, for evidence that
is cut at 80 columns in a log is lost.
"""

import io
import re
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from lumeai_cli.text.visible import visible

CODE, STRONG, FAINT, BAD, GOOD, WARN = "cyan", "bold", "dim", "bold red", "bold green", "yellow"

QUOTED_CODE = "cyan on default"
"""Code within a sentence: where there are no colours, it keeps its backticks."""

_INLINE = re.compile(r"\*\*(.+?)\*\*|`([^`]+)`")
_BULLET = re.compile(r"(?:[-*]|\d+\.)\s+")


def styled(text: str, style: str = "") -> Text:
    """Text that is never read as markup, nor by the terminal as a command: a server must not paint the screen."""
    return Text(visible(text), style=style)


def inline(text: str, style: str = "") -> Text:
    """Text with its `**strong**` and `` `code` `` pieces styled."""
    result = Text(style=style)
    position = 0
    for match in _INLINE.finditer(text):
        result.append_text(styled(text[position : match.start()]))
        result.append_text(inline(match[1], STRONG) if match[1] is not None else styled(match[2], QUOTED_CODE))
        position = match.end()
    result.append_text(styled(text[position:]))
    return result


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its first row stands at `indent`, further rows at `hang`; `whole` ones are never wrapped."""

    indent: int
    hang: int
    text: Text
    whole: bool = False


@dataclass(slots=True)
class Sheet:
    """Lines in order."""

    lines: list[Line] = field(default_factory=list)

    def add(self, text: Text | str = "", indent: int = 0, hang: int | None = None, *, whole: bool = False) -> None:
        """One more line."""
        content = styled(text) if isinstance(text, str) else text
        self.lines.append(Line(indent, indent if hang is None else hang, content, whole))

    def markdown(self, text: str, indent: int = 0) -> None:
        """The blocks of a simple Markdown text: headings, paragraphs, lists, quotes and fenced code."""
        paragraph: list[str] = []

        def flush() -> None:
            if paragraph:
                content = " ".join(part.strip() for part in paragraph)
                depth = indent + len(paragraph[0]) - len(paragraph[0].lstrip())
                bullet = _BULLET.match(content)
                self.add(inline(content), depth, depth + (len(bullet[0]) if bullet else 0))
                paragraph.clear()

        fence = None
        for line in text.splitlines():
            stripped = line.strip()
            if fence is not None:
                if stripped == "```":
                    fence = None
                else:
                    self.add(
                        styled(line[min(fence, len(line) - len(line.lstrip())) :], CODE), indent + fence + 2, whole=True
                    )
            elif stripped.startswith("```"):
                flush()
                fence = len(line) - len(line.lstrip())
            elif not stripped:
                flush()
                if self.lines and self.lines[-1].text.plain:
                    self.add()
            elif stripped.startswith("#"):
                flush()
                self.add(inline(stripped.lstrip("# "), STRONG), indent)
            elif stripped.startswith("> "):
                paragraph.append(stripped.removeprefix("> "))
            elif _BULLET.match(stripped) and paragraph:
                flush()
                paragraph.append(line)
            else:
                paragraph.append(line)
        flush()

    def text(self, *, width: int | None, colour: bool) -> str:
        """All of it; `width` None leaves every line whole."""
        buffer = io.StringIO()
        console = Console(
            file=buffer,
            width=width or 10_000,
            force_terminal=colour,
            color_system="standard" if colour else None,
            no_color=not colour,
            legacy_windows=False,
            highlight=False,
            emoji=False,
        )
        for line in self.lines:
            content = line.text if colour else _with_backticks(line.text)
            if width is None or line.whole:
                rows = [content]
            else:
                room = max(20, width - max(line.indent, line.hang))
                rows = list(content.wrap(console, room)) or [content]
            for number, row in enumerate(rows):
                row.rstrip()
                lead = " " * (line.hang if number else line.indent) if row.plain else ""
                console.print(Text(lead) + row, soft_wrap=True)
        return buffer.getvalue()


def _with_backticks(text: Text) -> Text:
    """The plain text, code within sentences in backticks again."""
    plain = text.plain
    for span in sorted(text.spans, key=lambda span: span.start, reverse=True):
        if span.style == QUOTED_CODE:
            plain = f"{plain[: span.start]}`{plain[span.start : span.end]}`{plain[span.end :]}"
    return Text(plain)
