"""Reads `.env` as the other tools of a project read it, so that keys kept there work here too.

`KEY=VALUE` lines, `export`, quotes (over several lines too), comments, a byte order mark, CRLF; nothing is
interpolated or executed. The file belongs to other programs as well: a line that is not right is an error only for who
asks for its variable.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from lumeai_cli.settings.error import SettingsError
from lumeai_cli.settings.textfile import decode, read_bytes
from lumeai_cli.text.phrase import phrase

LIMIT = 256 * 1024
LABEL = ".env"

_BLANK = r"[^\S\n]*"
_NAME = r"([A-Za-z_][A-Za-z0-9_.-]*)"
_ASSIGNMENT = re.compile(rf"{_BLANK}(?:export[^\S\n]+)?{_NAME}{_BLANK}={_BLANK}", re.ASCII)
_MISTAKE = re.compile(rf"{_BLANK}(?:(?:export|set|setx)[^\S\n]+|\$env:)?{_NAME}", re.ASCII | re.IGNORECASE)
_DOUBLE = re.compile(rf'"([^"\\]*(?:\\.[^"\\]*)*)"{_BLANK}(?:#[^\n]*)?(?=\n|\Z)', re.ASCII | re.DOTALL)
_SINGLE = re.compile(rf"'([^']*)'{_BLANK}(?:#[^\n]*)?(?=\n|\Z)", re.ASCII)
_COMMENT = re.compile(r"(?:^|\s)#", re.ASCII)
_ESCAPE = re.compile(r"\\([nrt\"\\$])")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Dotenv:
    """The variables of one `.env`, each with its line; the values stay out of the repr.

    `broken` holds the lines that start with a name and assign nothing, by that name.
    """

    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False, hash=False)
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    broken: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}), repr=False, hash=False)
    label: str = LABEL

    def get(self, name: str) -> str | None:
        """The variable's value, None where it is not set; a SettingsError where its line is broken."""
        if name in self.broken:
            raise SettingsError(phrase("dotenv-broken", name=name), f"{self.label}:{self.broken[name]}")
        return self.values.get(name)

    def where(self, name: str) -> str:
        """The line of a variable that is set."""
        return f"{self.label}:{self.lines[name]}"


def read_dotenv(path: Path, label: str = LABEL) -> Dotenv:
    """The variables of a file; none where no file is (or a folder: some call their virtual environment `.env`)."""
    data = None if path.is_dir() else read_bytes(path, label, LIMIT)
    return Dotenv(label=label) if data is None else parse_dotenv(decode(data, label, "surrogateescape"), label)


def parse_dotenv(text: str, label: str = LABEL) -> Dotenv:
    """The variables of a text; of two lines for one name the last one counts."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    broken: dict[str, int] = {}
    at, line = 0, 1
    while at < len(text):
        end = _line_end(text, at)
        if assignment := _ASSIGNMENT.match(text, at):
            name = assignment[1]
            value, end = _value(text, assignment.end())
            if value is None:
                broken[name] = line
            else:
                values[name], lines[name] = value, line
                broken.pop(name, None)
        elif (mistake := _MISTAKE.match(text, at, end)) and mistake[1] not in values:
            broken[mistake[1]] = line
        line += text.count("\n", at, end) + 1
        at = end + 1
    return Dotenv(MappingProxyType(values), MappingProxyType(lines), MappingProxyType(broken), label)


def _value(text: str, at: int) -> tuple[str | None, int]:
    """The value that starts at `at` and the end of its last line; None if a quote is not closed as it should be."""
    opening = text[at : at + 1]
    if opening == '"' and (match := _DOUBLE.match(text, at)):
        return _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), match[1]), match.end()
    if opening == "'" and (match := _SINGLE.match(text, at)):
        return match[1], match.end()
    end = _line_end(text, at)
    if opening in ('"', "'"):
        return None, end
    return _COMMENT.split(text[at:end], maxsplit=1)[0].strip(), end


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
