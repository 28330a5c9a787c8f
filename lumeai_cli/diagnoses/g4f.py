"""Causes that G4F has of its own (measured with g4f 8.8.6, 2026-11)."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from lumeai_cli.backends.address import is_loopback
from lumeai_cli.backends.backend import Kind
from lumeai_cli.diagnoses.access import said
from lumeai_cli.diagnoses.case import ANSWERING, G4F_HISTORY, G4F_RAW, G4F_REPEATS, G4F_TOOLS, MODELS, Case
from lumeai_cli.diagnoses.diagnosis import Detector, Diagnosis, Family, found
from lumeai_cli.diagnoses.finding import Certainty, Finding, Severity, of_body
from lumeai_cli.wire.exchange import EndingKind
from lumeai_cli.wire.reading import Reading

GENERIC = "Request execution failed"
"""All that g4f 8.4 and later say of any failure but a missing key, a rate limit and an unknown provider."""

DEFAULT_PORT = 1337


def _hides(case: Case) -> Iterator[Finding]:
    hits = [
        (reading, of_body(reading))
        for reading in case.of(*ANSWERING)
        if any(GENERIC in error.message for error in reading.answer.errors)
    ]
    uncovered = next(
        (r for r in case.of(G4F_RAW) if r.answer.errors and GENERIC not in r.answer.errors[0].message), None
    )
    if not hits:
        return
    if uncovered is None:
        yield from found("g4f-hides-cause", hits, {"cause": "", "said": said(hits[0][0])}, Certainty.LIKELY)
        return
    yield from found(
        "g4f-hides-cause",
        [(uncovered, of_body(uncovered)), *hits],
        {"cause": said(uncovered), "said": said(hits[0][0])},
    )


def _extra_missing(case: Case) -> Iterator[Finding]:
    """Nothing listens where G4F would, and the G4F of this machine lacks its server's packages."""
    refused = [reading for reading in case.readings if reading.ending.kind is EndingKind.REFUSED]
    if not refused or not case.machine.g4f or not case.loopback:
        return
    if case.kind is not Kind.G4F and urlsplit(case.given).port != DEFAULT_PORT:
        return
    if any(not install.missing for install in case.machine.g4f):
        return
    install = case.machine.g4f[0]
    yield from found(
        "g4f-server-extra-missing",
        [(refused[0], of_body(refused[0]))],
        {"version": install.version, "place": install.place, "missing": ", ".join(install.missing)},
    )


def _counts(case: Case, probe: str) -> tuple[tuple[Reading, int], ...]:
    """The readings of a pair of prompts with their token counts, the shorter prompt first; none if one is missing."""
    pair = sorted(case.of(probe), key=lambda reading: reading.asked.prompt_chars)
    counted = [(r, r.answer.usage.prompt) for r in pair if r.ok and r.answer.usage is not None]
    return tuple(counted) if len(counted) == 2 and all(count > 0 for _, count in counted) else ()


def _by_fingerprint(name: str, probe: str, rewritten: Callable[[int, int, int, int], bool]) -> Detector:
    """A risk that G4F's fingerprint makes likely, and that the token counts of a pair of prompts prove.

    `rewritten` is told the characters and the tokens of the shorter prompt, then those of the longer one.
    """

    def detect(case: Case) -> Iterator[Finding]:
        if case.kind is not Kind.G4F:
            return
        pair = _counts(case, probe)
        if pair:
            (short, few), (long, many) = pair
            if rewritten(short.asked.prompt_chars, few, long.asked.prompt_chars, many):
                hits = [(reading, of_body(reading)) for reading, _ in pair]
                facts = {"short": few, "long": many}
                yield from found(name, hits, facts, at_most=Severity.WARNING)
                return
        known = [(reading, of_body(reading)) for reading in case.of(MODELS)[:1]]
        yield from found(name, known, certainty=Certainty.LIKELY, at_most=Severity.WARNING)

    return detect


def _deleted(_short: int, few: int, _long: int, many: int) -> bool:
    """The last message, a repeat of the first one, was not counted; its twin with one more character was."""
    return few < DELETED * many


DELETED = 0.75
"""Of the longer prompt's tokens; what repeats itself is half of it."""


def _shortened(short: int, few: int, long: int, many: int) -> bool:
    """The longer prompt has fewer tokens than its characters let expect."""
    return many < few * (1 + SHORTENED * (long - short) / max(1, short))


SHORTENED = 0.7
"""Of the growth that the characters let expect; of 81 messages 41 survive, of 1,500 characters 160."""


def _open_to_network(case: Case) -> Iterator[Finding]:
    """G4F of this machine listens on more than loopback, and answers without a key."""
    wide = [address for address in case.machine.listening or () if not is_loopback(address)]
    unasked = [reading for reading in case.of(MODELS) if reading.ok and not reading.asked.key_sent]
    if case.kind is Kind.G4F and case.loopback and wide and unasked:
        hits = [(reading, of_body(reading)) for reading in unasked[:1]]
        yield from found("g4f-open-to-network", hits, {"address": wide[0]}, at_most=Severity.WARNING)


ENTRIES = (
    Diagnosis("LUM903", "g4f-open-to-network", Family.CONTENT, _open_to_network, Severity.WARNING),
    Diagnosis(
        "LUM904",
        "g4f-drops-repeated-turns",
        Family.CONTENT,
        _by_fingerprint("g4f-drops-repeated-turns", G4F_REPEATS, _deleted),
        Severity.WARNING,
    ),
    Diagnosis(
        "LUM905",
        "g4f-cuts-history",
        Family.CONTENT,
        _by_fingerprint("g4f-cuts-history", G4F_HISTORY, _shortened),
        Severity.WARNING,
    ),
    Diagnosis(
        "LUM906",
        "g4f-rewrites-tools",
        Family.CONTENT,
        _by_fingerprint("g4f-rewrites-tools", G4F_TOOLS, _shortened),
        Severity.WARNING,
    ),
    Diagnosis(
        "LUM901",
        "g4f-server-extra-missing",
        Family.REACH,
        _extra_missing,
        explains=frozenset({"connection-refused"}),
    ),
    Diagnosis(
        "LUM902",
        "g4f-hides-cause",
        Family.ERROR,
        _hides,
        explains=frozenset({"server-error", "error-in-200", "request-refused"}),
    ),
)
