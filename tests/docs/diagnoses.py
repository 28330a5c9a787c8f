"""docs/diagnoses.md, made from the catalogue and its pages: `scripts/docs` writes it, a test wants it up to date."""

import re
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from lumeai_cli.diagnoses.catalogue import CATALOGUE
from lumeai_cli.diagnoses.code import RETIRED
from lumeai_cli.diagnoses.diagnosis import Diagnosis, Family
from lumeai_cli.diagnoses.page import fill, page
from lumeai_cli.lab import SPECIMENS

FILE = Path(__file__).parents[2] / "docs" / "diagnoses.md"

TITLES = {
    Family.GATEWAY: "Gateway",
    Family.REACH: "Reaching the server",
    Family.URL: "URL",
    Family.KEY: "Key",
    Family.MODEL: "Model",
    Family.SIZE: "Size",
    Family.STREAM: "Stream against body",
    Family.ERROR: "Errors that the server tells",
    Family.FRAMING: "Framing of the stream",
    Family.DIALECT: "Dialect",
    Family.WINDOW: "Window",
    Family.BUDGET: "Budget",
    Family.REASONING: "Reasoning",
    Family.TOOLS: "Tools",
    Family.CONTENT: "Content",
    Family.TIME: "Time, and what is left",
}

HEAD = """\
# Every cause that has a name

`lumeai explain NAME` (or its code) shows the page of a cause: what you see, why, how to be sure, how to fix, an
example; `--lang ru` in Russian. The names below lead to these pages. The tables stand in the order in which causes beat
each other where neither explains the other. *Error*: by it a client does not get its answer; a cause that harms nobody
who was judged is told as a warning. *Warning*: a risk. *Note*: worth knowing. A name with ● is a live endpoint:
`lumeai lab serve`, then `http://127.0.0.1:5864/NAME/v1`.

This page is written by `scripts/docs`.
"""

_PLACE = re.compile(r"(`[^`]*`)|<(\w+)>")


def text() -> str:
    """The whole page."""
    return "\n".join((HEAD, *_tables(), *_retired()))


def _tables() -> Iterator[str]:
    entries = sorted(CATALOGUE.values(), key=lambda entry: (entry.family, entry.code))
    for family, members in groupby(entries, key=lambda entry: entry.family):
        yield f"## {TITLES[family]}\n\n| code | name | at worst | the verdict |\n|---|---|---|---|"
        yield from map(_row, members)
        yield ""


def _row(entry: Diagnosis) -> str:
    link = f"[{entry.name}](../lumeai_cli/diagnoses/pages/en/{entry.name}.md)"
    live = " ●" if entry.name in SPECIMENS else ""
    return f"| {entry.code} | {link}{live} | {entry.severity.value} | {_sentence(entry.name)} |"


def _sentence(name: str) -> str:
    """The verdict's sentence; a fact stands as its name in italics, what depends on one is left out."""
    told = fill(page(name, "en").summary, {"": 1})
    return _PLACE.sub(lambda match: match[1] or f"*{match[2]}*", told).replace("|", "\\|")


def _retired() -> Iterator[str]:
    if RETIRED:
        yield "## Codes that were given up\n\n| code | now |\n|---|---|"
        yield from (f"| {code} | {name} |" for code, name in RETIRED.items())
        yield ""


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
    sys.stdout.write(f"docs/{FILE.name}: {len(CATALOGUE)} causes\n")
