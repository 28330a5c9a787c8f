"""From findings to the verdict: how bad each is for the judged clients, which one explains the others, what is next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lumeai_cli.clients.outcome import Outcome, OutcomeKind
from lumeai_cli.clients.profile import Profile, Protocol
from lumeai_cli.diagnoses.case import (
    AGENT_NATIVE,
    AGENT_XML,
    ANSWERING,
    CONNECT,
    PLAIN,
    STREAMED,
    TOOL_NATIVE,
    TOOL_XML,
    Case,
)
from lumeai_cli.diagnoses.catalogue import CATALOGUE, findings_of
from lumeai_cli.diagnoses.content import UNEXPLAINED
from lumeai_cli.diagnoses.finding import Certainty, Finding, Severity, of_body
from lumeai_cli.doctor.result import Judged, Rated, Verdict
from lumeai_cli.wire.exchange import EndingKind
from lumeai_cli.wire.reading import Reading

_OWN_REQUEST: Mapping[Protocol, tuple[str, ...]] = {
    Protocol.XML: (AGENT_XML, TOOL_XML),
    Protocol.NATIVE: (AGENT_NATIVE, TOOL_NATIVE),
    Protocol.SDK: (STREAMED,),
}
"""The probes that stand for a client's own request, the truest first."""

_WORST = (
    OutcomeKind.LOOP,
    OutcomeKind.HANG,
    OutcomeKind.EMPTY,
    OutcomeKind.SILENT,
    OutcomeKind.NUDGE,
    OutcomeKind.RETRY,
    OutcomeKind.ERROR,
    OutcomeKind.NOT_JUDGED,
    OutcomeKind.OK,
)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a case comes to."""

    healthy: bool | None
    verdict: Verdict | None
    next: tuple[str, ...]
    findings: tuple[Rated, ...]
    clients: tuple[Judged, ...]


def conclude(case: Case, profiles: Sequence[Profile]) -> Conclusion:
    """The conclusion from all that was read of one target, for these clients."""
    rated = [rate(finding, case, profiles) for finding in findings_of(case)]
    judged = [(profile, *_meet(profile, case)) for profile in profiles]
    unexplained = _unexplained(rated, judged)
    if unexplained is not None:
        rated.append(Rated(unexplained, CATALOGUE[UNEXPLAINED], Severity.ERROR))
    rated.sort(key=_order)
    errors = [item for item in rated if item.severity is Severity.ERROR]
    roots = _roots(errors)
    verdict = None
    if roots:
        explained = _explained_by(roots[0], rated)
        verdict = Verdict(roots[0], tuple(item.diagnosis.code for item in explained))
    hidden = {item.finding.name for root in roots for item in _explained_by(root, rated)}
    warnings = [item for item in rated if item.severity is Severity.WARNING and item.finding.name not in hidden]
    clients = tuple(
        Judged(profile.name, profile.title, outcome, _because(outcome, reading, roots, errors))
        for profile, outcome, reading in judged
    )
    decisive = any(reading is not None and outcome.kind is not OutcomeKind.NOT_JUDGED for _, outcome, reading in judged)
    return Conclusion(
        False if errors else True if decisive else None,
        verdict,
        tuple(item.finding.name for item in (*roots[1:], *warnings)),
        tuple(rated),
        clients,
    )


def rate(finding: Finding, case: Case, profiles: Sequence[Profile]) -> Rated:
    """The finding with its severity: an error is one only if a judged client does not get its answer by it."""
    entry = CATALOGUE[finding.name]
    severity = _milder(entry.severity, finding.at_most)
    if severity is Severity.ERROR:
        shown = [
            reading for reading in case.readings if reading.exchange in finding.exchanges and _counts(reading, case)
        ]
        outcomes = [
            outcome
            for reading in shown
            for profile in profiles
            if _speaks(profile, reading) and (outcome := profile.judge(reading)) is not None
        ]
        if shown and all(outcome.ok for outcome in outcomes):
            severity = Severity.WARNING
    return Rated(finding, entry, severity)


def _milder(one: Severity, other: Severity) -> Severity:
    order = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
    return order[max(order.index(one), order.index(other))]


def _counts(reading: Reading, case: Case) -> bool:
    """Whether a client would meet this exchange: our own extra questions (sizes, raw errors, detours) it would not."""
    return reading.asked.probe in (*ANSWERING, CONNECT) or reading is case.first_chat


def _speaks(profile: Profile, reading: Reading) -> bool:
    """Whether this client sends such a request."""
    if reading.asked.probe in (AGENT_XML, AGENT_NATIVE) and profile.protocol is Protocol.SDK:
        return False
    if reading.asked.tools:
        return profile.protocol is not Protocol.XML
    if reading.asked.xml_tools:
        return profile.protocol is not Protocol.NATIVE
    return True


def _meet(profile: Profile, case: Case) -> tuple[Outcome, Reading | None]:
    """What this client's user meets at the URL as it was given, and the reading that tells it."""
    first = case.first_chat
    if first is None:
        return Outcome(OutcomeKind.NOT_JUDGED), None
    own: Iterable[Reading] = ()
    if not case.moved and first.asked.probe == STREAMED:
        for probe in _OWN_REQUEST[profile.protocol]:
            own = [reading for reading in case.of(probe) if reading.asked.stream and _told(reading)]
            if own:
                break
    meetings = [(profile.judge(reading), reading) for reading in own or (first,)]
    if profile.protocol is Protocol.SDK and not case.moved:
        meetings += [(profile.judge(reading), reading) for reading in case.of(PLAIN) if _told(reading)]
    known = [(outcome, reading) for outcome, reading in meetings if outcome is not None]
    if not known:
        return Outcome(OutcomeKind.NOT_JUDGED), None
    return min(known, key=lambda pair: _WORST.index(pair[0].kind))


def _told(reading: Reading) -> bool:
    return reading.ending.kind is not EndingKind.CANCELLED


def _unexplained(rated: Sequence[Rated], judged: Sequence[tuple[Profile, Outcome, Reading | None]]) -> Finding | None:
    """The confession that a client fails for a reason that has no name yet."""
    failing = [
        (profile, reading)
        for profile, outcome, reading in judged
        if reading is not None and not outcome.ok and outcome.kind is not OutcomeKind.NOT_JUDGED
    ]
    if not failing or any(item.severity is Severity.ERROR for item in rated):
        return None
    return Finding(
        UNEXPLAINED,
        Certainty.POSSIBLE,
        {"clients": ", ".join(profile.name for profile, _ in failing)},
        tuple(of_body(reading) for _, reading in failing[:1] if reading is not None),
        tuple(reading.exchange for _, reading in failing if reading is not None),
    )


def _order(item: Rated) -> tuple[int, int, str]:
    severity = (Severity.ERROR, Severity.WARNING, Severity.NOTE).index(item.severity)
    return severity, item.diagnosis.family, item.diagnosis.code


def _roots(errors: Sequence[Rated]) -> list[Rated]:
    """The errors that no other error explains; what stands first is the verdict."""
    return [
        item
        for item in errors
        if not any(item.finding.name in other.diagnosis.explains for other in errors if other is not item)
    ]


def _explained_by(root: Rated, rated: Sequence[Rated]) -> list[Rated]:
    """The findings that vanish with this one, and those that vanish with them."""
    names = set(root.diagnosis.explains)
    while True:
        more = {name for item in rated if item.finding.name in names for name in item.diagnosis.explains} - names
        if not more:
            return [item for item in rated if item.finding.name in names and item is not root]
        names |= more


def _because(outcome: Outcome, reading: Reading | None, roots: Sequence[Rated], errors: Sequence[Rated]) -> str:
    if outcome.ok or reading is None:
        return ""
    for item in (*roots, *errors):
        if reading.exchange in item.finding.exchanges:
            return item.diagnosis.code
    return roots[0].diagnosis.code if roots else ""
