"""The registry: every diagnosis by name, and the one way to run all detectors over a case."""

from collections.abc import Mapping

from lumeai_cli.diagnoses import (
    access,
    content,
    dialect,
    errors,
    framing,
    g4f,
    gateway,
    parameters,
    reach,
    stream,
    tools,
    url,
    window,
)
from lumeai_cli.diagnoses.case import Case
from lumeai_cli.diagnoses.code import successor
from lumeai_cli.diagnoses.diagnosis import Diagnosis
from lumeai_cli.diagnoses.finding import Finding

_FAMILIES = (
    reach,
    url,
    access,
    stream,
    errors,
    parameters,
    framing,
    dialect,
    window,
    tools,
    content,
    g4f,
    gateway,
)

CATALOGUE: Mapping[str, Diagnosis] = {
    entry.name: entry
    for entry in sorted(
        (entry for family in _FAMILIES for entry in family.ENTRIES),
        key=lambda entry: entry.code,
    )
}
"""Every diagnosis by its name, in the order of the codes. A code, once given, is never given again."""


def named(text: str) -> Diagnosis | None:
    """The diagnosis with this name or code, in any case; a given-up code leads to what stands for it now."""
    wanted = (successor(text) or text).strip().lower()
    return next((entry for entry in CATALOGUE.values() if wanted in (entry.name, entry.code.lower())), None)


def findings_of(case: Case) -> tuple[Finding, ...]:
    """Every diagnosis that holds for this case, in the catalogue's order."""
    return tuple(finding for entry in CATALOGUE.values() for finding in entry.detect(case))
