"""Fields of a request that a server refuses although it would answer without them."""

from collections.abc import Iterator
from dataclasses import replace

from lumeai_cli.diagnoses.access import model_refused, said, too_large
from lumeai_cli.diagnoses.case import (
    AGENT_NATIVE,
    AGENT_XML,
    PARAMETERS,
    STREAMED,
    TOOL_NATIVE,
    TOOL_RESULT,
    TOOL_XML,
    Case,
)
from lumeai_cli.diagnoses.diagnosis import QUOTED, Diagnosis, Family, found
from lumeai_cli.diagnoses.finding import Finding, of_body
from lumeai_cli.wire.reading import Reading

_LIKE_AGENTS = (STREAMED, TOOL_XML, TOOL_NATIVE, PARAMETERS, AGENT_XML, AGENT_NATIVE, TOOL_RESULT)

_OTHER_CAUSES = (401, 403, 413, 429)


def refused(reading: Reading) -> bool:
    """Whether the server turned this request down for what stands in it."""
    if reading.status is None or reading.status in _OTHER_CAUSES or too_large(reading) or model_refused(reading):
        return False
    return reading.status >= 400 or bool(reading.answer.errors)


def refused_parameters(readings: tuple[Reading, ...]) -> dict[str, list[Reading]]:
    """The fields that the server refuses, each with the requests that fell by it.

    A field is refused if two requests differ in it alone, the one with it is turned down, and the one without is not. A
    server that turns the same request down once and takes it another time refuses no field.
    Other requests with the field fell by it, too, if they were turned down in the same words.
    """
    tried = [reading for reading in readings if reading.asked.probe in _LIKE_AGENTS and reading.status is not None]
    taken = {_shape(reading) for reading in tried if reading.ok and not reading.answer.errors}
    fallen = [reading for reading in tried if refused(reading) and _shape(reading) not in taken]
    culprits: dict[str, list[Reading]] = {}
    for reading in fallen:
        *rest, parameters = _shape(reading)
        for parameter in reading.asked.parameters:
            if (*rest, parameters - {parameter}) in taken:
                culprits.setdefault(parameter, []).append(reading)
    for parameter, proofs in culprits.items():
        words = {said(proof) for proof in proofs}
        proofs += [
            reading
            for reading in fallen
            if reading not in proofs and parameter in reading.asked.parameters and said(reading) in words
        ]
    return culprits


def _twin(fallen: Reading, case: Case) -> Reading:
    """The request that differs from this one by a single field, and was answered."""
    *rest, parameters = _shape(fallen)
    shapes = [(*rest, parameters - {parameter}) for parameter in fallen.asked.parameters]
    return next(r for r in case.readings if _shape(r) in shapes and r.ok and not r.answer.errors)


def _shape(reading: Reading) -> tuple[bool, tuple[str, ...], tuple[str, ...], frozenset[str]]:
    asked = reading.asked
    return asked.stream, asked.tools, asked.xml_tools, frozenset(asked.parameters)


def _unsupported(case: Case) -> Iterator[Finding]:
    culprits = refused_parameters(case.readings)
    if culprits:
        hits = list({reading.exchange: reading for proofs in culprits.values() for reading in proofs}.values())
        (finding,) = found(
            "unsupported-parameter",
            [(reading, of_body(reading)) for reading in hits],
            {"parameter": ", ".join(culprits), "status": hits[0].status or 0, "said": said(hits[0])},
        )
        evidence = (finding.evidence[0], of_body(_twin(hits[0], case)), *finding.evidence[1:])
        yield replace(finding, evidence=evidence[:QUOTED])


ENTRIES = (
    Diagnosis(
        "LUM407",
        "unsupported-parameter",
        Family.ERROR,
        _unsupported,
        explains=frozenset({"request-refused", "server-error", "error-in-200"}),
    ),
)
