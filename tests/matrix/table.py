"""The matrix of `lumeai serve`: every specimen behind the real proxy, alone and with a healthy second backend, and what
the users of all clients meet, beside what they must.

`scripts/serve-table` prints it, `tests/matrix/test_table.py` wants it all right.
"""

import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lumeai_cli.clients.outcome import OutcomeKind
from lumeai_cli.diagnoses.catalogue import CATALOGUE
from lumeai_cli.proxy.record import LOG
from tests.matrix.ask import FORMS, Cell, cells
from tests.matrix.expected import Due, Mark, diagnosis, due
from tests.matrix.rig import NAMES, Way, running_rig

_KINDS = {
    Mark.OK: frozenset({OutcomeKind.OK}),
    Mark.ERROR: frozenset({OutcomeKind.ERROR}),
    Mark.PASSING: frozenset({OutcomeKind.RETRY, OutcomeKind.ERROR}),
    Mark.UNDERWAY: frozenset({OutcomeKind.RETRY, OutcomeKind.ERROR}),
    Mark.NUDGE: frozenset({OutcomeKind.NUDGE}),
}
AT_ONCE = frozenset({400, 401, 403, 404, 422})
"""Statuses that every client shows at once, word for word."""

AGAIN = frozenset({429, 502, 504})
COMPACTED = {"body-too-large": 413, "context-exceeded": 400}
"""On these some agents shorten the conversation and ask again: that is what the status is for."""

_MARKUP = re.compile(r"\*\*|`|\n|<[a-z_]+>|lumeai serve|\[\[|\{\{|TransferEncoding")
_CONTEXT = re.compile(r"context length|maximum context", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Judged:
    """A cell, what is due in it, and what is wrong with it (nothing: an empty text)."""

    cell: Cell
    due: Due
    wrong: str


def judged(cell: Cell) -> Judged:
    """The cell beside what is due."""
    told = due(cell.name, cell.way, cell.form.name)
    return Judged(cell, told, "; ".join(_faults(cell, told)))


def _faults(cell: Cell, told: Due) -> Iterator[str]:
    status = cell.reading.status or 0
    wanted = _KINDS[told.mark]
    named = diagnosis(cell.name, told)
    if told.mark is Mark.ERROR and named in COMPACTED:
        wanted |= {OutcomeKind.RETRY}
    strange = {client: outcome.kind.value for client, outcome in cell.met.items() if outcome.kind not in wanted}
    if strange or not cell.met:
        yield f"{told.mark} is due, met is {strange}"
    if told.mark in (Mark.OK, Mark.NUDGE):
        return
    right = {
        Mark.ERROR: status == COMPACTED[named] if named in COMPACTED else status in AT_ONCE,
        Mark.PASSING: status in AGAIN,
        Mark.UNDERWAY: status == 200,
    }[told.mark]
    if not right:
        yield f"the status is {status}"
    if f"({CATALOGUE[named].code};" not in cell.told:
        yield f"it does not name {named}"
    if _MARKUP.search(cell.told):
        yield f"remnants of markup: {_MARKUP.findall(cell.told)}"
    if _CONTEXT.search(cell.told) and named != "context-exceeded":
        yield "it speaks of the context's length"
    if not cell.told.isprintable() or len(cell.told) > 900:
        yield "it is no readable sentence"


def table(told: Sequence[Judged]) -> Iterator[str]:
    """The cells as lines of text, a line for each specimen and way, with a head and a summary."""
    head = ["specimen", "behind", *(form.name.replace(" stream", "*").replace(" plain", "") for form in FORMS)]
    rows = [head]
    by_pair: dict[tuple[str, Way], dict[str, Judged]] = {}
    for one in told:
        by_pair.setdefault((one.cell.name, one.cell.way), {})[one.cell.form.name] = one
    rows += [
        [name, way.value, *(_shown(found.get(form.name)) for form in FORMS)] for (name, way), found in by_pair.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
    yield "* streamed. error: explained, shown at once. passing: explained, clients try again. underway: explained"
    yield "within the stream, for a part of the answer had gone out. nudge: the client asks the model for a tool call"
    for one in told:
        if one.wrong:
            yield f"WRONG {one.cell.name}, {one.cell.way}, {one.cell.form.name}: {one.wrong}. {one.cell.told}".rstrip()
    wrong = sum(bool(one.wrong) for one in told)
    yield f"{len(by_pair)} pairs, {len(told)} cells, {sum(len(one.cell.met) for one in told)} clients: " + (
        f"{wrong} WRONG" if wrong else "all right"
    )


def _shown(one: Judged | None) -> str:
    if one is None:
        return "-"
    return "WRONG" if one.wrong else one.due.mark.value


def main(names: Sequence[str]) -> int:
    """Prints the table; 1 if anything in it is wrong, 2 for a name that nobody knows."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.stderr.write(f"serve-table: there is no specimen {', '.join(unknown)}\n")
        return 2
    for scheme in ("http", "https", "all"):
        for variable in (f"{scheme}_proxy", f"{scheme}_proxy".upper()):
            os.environ.pop(variable, None)  # the lab is this machine, whatever proxies its user has
    LOG.addHandler(logging.NullHandler())  # what the proxies log of each request is not looked at here
    chosen = tuple(names) or NAMES
    with running_rig(chosen) as rig:
        told = [judged(cell) for cell in cells(rig, chosen, tuple(Way))]
    sys.stdout.writelines(f"{line}\n" for line in table(told))
    return 1 if any(one.wrong for one in told) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
