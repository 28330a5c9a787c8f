"""From findings to the verdict: how bad each is for the judged clients, which one explains the others, what is next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lumeai_cli.clients.outcome import Outcome, OutcomeKind, unknown
from lumeai_cli.clients.profile import Profile, Protocol
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.diagnoses.case import (
    AGENT_NATIVE,
    AGENT_XML,
    PLAIN,
    PROXY,
    STREAMED,
    TOOL_NATIVE,
    TOOL_RESULT,
    TOOL_XML,
    Case,
)
from lumeai_cli.diagnoses.catalogue import CATALOGUE, findings_of
from lumeai_cli.diagnoses.content import UNEXPLAINED, nothing_generated
from lumeai_cli.diagnoses.diagnosis import EVERYTHING
from lumeai_cli.diagnoses.finding import Certainty, Finding, Severity, of_body
from lumeai_cli.diagnoses.parameters import refused, refused_parameters
from lumeai_cli.doctor.result import Judged, Rated, Verdict
from lumeai_cli.wire.exchange import EndingKind
from lumeai_cli.wire.reading import Reading

_OWN_REQUEST: Mapping[Protocol, tuple[str, ...]] = {
    Protocol.XML: (AGENT_XML, TOOL_XML),
    Protocol.NATIVE: (AGENT_NATIVE, TOOL_NATIVE),
    Protocol.SDK: (PLAIN,),
}
"""The probes that stand for a client's own request, the truest first; an SDK streams and does not."""

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


@dataclass(frozen=True, slots=True)
class Meeting:
    """What one client's user meets: the worst outcome and the reading that tells it; what was judged, what failed."""

    profile: Profile
    outcome: Outcome
    reading: Reading | None
    judged: frozenset[str] = frozenset()
    failing: frozenset[str] = frozenset()


def conclude(case: Case, profiles: Sequence[Profile]) -> Conclusion:
    """The conclusion from all that was read of one target, for these clients."""
    meetings = [_meet(profile, case) for profile in profiles]
    rated = [rate(finding, case, meetings) for finding in findings_of(case)]
    unexplained = _unexplained(rated, meetings)
    if unexplained is not None:
        rated.append(Rated(unexplained, CATALOGUE[UNEXPLAINED], Severity.ERROR))
    rated.sort(key=_order)
    failing = _failing(meetings)
    errors = [item for item in rated if item.severity is Severity.ERROR]
    roots = _roots(errors, failing)
    verdict = None
    if roots:
        explained = _explained_by(roots[0], rated, failing)
        verdict = Verdict(roots[0], tuple(item.diagnosis.code for item in explained))
    risks = [item for item in rated if item.severity is not Severity.NOTE]
    warnings = [item for item in _roots(risks, failing) if item.severity is Severity.WARNING and _measured(item)]
    clients = tuple(
        Judged(
            meeting.profile.name,
            meeting.profile.title,
            meeting.outcome,
            _because(meeting.outcome, meeting.reading, roots, errors),
        )
        for meeting in meetings
    )
    decisive = any(meeting.outcome.kind is not OutcomeKind.NOT_JUDGED for meeting in meetings)
    return Conclusion(
        False if errors else True if decisive else None,
        verdict,
        tuple(item.finding.name for item in (*roots[1:], *warnings)),
        tuple(rated),
        clients,
    )


def rate(finding: Finding, case: Case, meetings: Sequence[Meeting]) -> Rated:
    """The finding with its severity: an error is one only if by it a judged client does not get its answer.

    What shows only in our own extra questions (the model list, the ladder of sizes, a short prompt where the agent's
    own one is fine), or harms only a client that nobody asked for, is a warning; what every known client takes is a
    note. An error that no client could be judged by, for nothing at all could, stays one.
    """
    entry = CATALOGUE[finding.name]
    severity = _milder(entry.severity, finding.at_most)
    harmless = bool(finding.exchanges) and not _failing(meetings).intersection(finding.exchanges)
    if severity is Severity.ERROR and harmless and not _at_the_door(finding, case):
        severity = Severity.NOTE if _accepted(case).issuperset(finding.exchanges) else Severity.WARNING
    return Rated(finding, entry, severity)


def _accepted(case: Case) -> frozenset[str]:
    """The exchanges that a known client was judged by, and none of them failed in."""
    meetings = [_meet(profile, case) for profile in PROFILES.values()]
    return frozenset[str]().union(*(meeting.judged for meeting in meetings)) - _failing(meetings)


def _failing(meetings: Sequence[Meeting]) -> frozenset[str]:
    """The exchanges in which a judged client fails."""
    return frozenset[str]().union(*(meeting.failing for meeting in meetings))


def _at_the_door(finding: Finding, case: Case) -> bool:
    """Whether it is about a first chat request that failed: what every client meets."""
    first = case.first_chat
    closed = first is not None and (first.asked.probe != STREAMED or not first.ok)
    return first is not None and closed and first.exchange in finding.exchanges


def _milder(one: Severity, other: Severity) -> Severity:
    order = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
    return order[max(order.index(one), order.index(other))]


def _meet(profile: Profile, case: Case) -> Meeting:
    """What this client's user meets at the URL as it was given: in its own request, and in a turn of plain text.

    Where streams are broken, its request is asked once more without: what fails there fails once they are mended.
    An agent whose own request was not sent may fail by a turn of text, but nobody can say that it works.
    """
    first = case.first_chat
    if first is None:
        return Meeting(profile, Outcome(OutcomeKind.NOT_JUDGED), None)
    own: tuple[Reading, ...] = ()
    text: tuple[Reading, ...] = (first,)
    if not case.moved and first.asked.probe == STREAMED:
        text = tuple(filter(_told, case.of(STREAMED))) or text
        sets = (tuple(filter(_told, case.of(probe))) for probe in _OWN_REQUEST[profile.protocol])
        own = next((readings for readings in sets if readings), ())
        own += tuple(reading for reading in _turned_down(case) if _sends(profile, reading) and reading not in own)
    if profile.protocol is Protocol.SDK:
        # Python programs obey the proxy variables (httpx, measured 2026-11); editors and their agents do not.
        own += tuple(reading for reading in case.of(PROXY) if not reading.ok)
    judged = [(outcome, reading) for reading in (*own, *text) if (outcome := profile.judge(reading)) is not None]
    met = [pair for pair in judged if pair[1].asked.stream or profile.protocol is Protocol.SDK]
    if not met:
        return Meeting(profile, Outcome(OutcomeKind.NOT_JUDGED), None)
    outcome, reading = min(met, key=lambda pair: _WORST.index(pair[0].kind))
    if outcome.ok and not own:
        outcome = unknown("its own request was not sent", "её собственный запрос не отправлялся")
    failing = frozenset(reading.exchange for outcome, reading in judged if not outcome.ok)
    return Meeting(profile, outcome, reading, frozenset(reading.exchange for _, reading in judged), failing)


def _turned_down(case: Case) -> tuple[Reading, ...]:
    """Requests like an agent's that fell by one of their parameters, or by the tool's result in them."""
    by_parameter = (reading for proofs in refused_parameters(case.readings).values() for reading in proofs)
    by_result = (r for r in case.of(TOOL_RESULT)[-1:] if refused(r) or nothing_generated(r))
    return (*by_parameter, *by_result)


def _sends(profile: Profile, reading: Reading) -> bool:
    """Whether this client sends such a request."""
    asked = reading.asked
    protocol = Protocol.NATIVE if asked.tools else Protocol.XML if asked.xml_tools else None
    added = set(asked.parameters) - _USUAL[protocol] if protocol is not None else set[str]()
    return protocol in (profile.protocol, None) and added <= profile.parameters


_USUAL: Mapping[Protocol, frozenset[str]] = {
    Protocol.NATIVE: frozenset({"stream_options", "tool_choice"}),
    Protocol.XML: frozenset({"stream_options", "temperature"}),
}
"""What every client of a protocol sends."""


def _told(reading: Reading) -> bool:
    """Whether the server had its say; what we broke off ourselves proves nothing."""
    return reading.ending.kind is not EndingKind.CANCELLED


def _unexplained(rated: Sequence[Rated], meetings: Sequence[Meeting]) -> Finding | None:
    """The confession that a client fails for a reason that has no name yet."""
    failing = [
        (meeting.profile, meeting.reading)
        for meeting in meetings
        if meeting.reading is not None and not meeting.outcome.ok and meeting.outcome.kind is not OutcomeKind.NOT_JUDGED
    ]
    if not failing or any(item.severity is Severity.ERROR for item in rated):
        return None
    return Finding(
        UNEXPLAINED,
        Certainty.POSSIBLE,
        {"clients": ", ".join(profile.name for profile, _ in failing), "finish": failing[0][1].answer.finish},
        tuple(of_body(reading) for _, reading in failing[:1]),
        tuple(reading.exchange for _, reading in failing),
    )


def _measured(item: Rated) -> bool:
    """Whether it was seen here, and is not merely known of servers of this kind."""
    return item.finding.certainty is Certainty.PROVEN


def _order(item: Rated) -> tuple[int, int, str]:
    severity = (Severity.ERROR, Severity.WARNING, Severity.NOTE).index(item.severity)
    return severity, item.diagnosis.family, item.diagnosis.code


def _explains(one: Rated, other: Rated) -> bool:
    """Whether `other` may vanish with `one`: by the catalogue, and because they show in one exchange."""
    explains = one.diagnosis.explains
    if other is one or not (other.finding.name in explains or explains == EVERYTHING):
        return False
    return not other.finding.exchanges or not set(one.finding.exchanges).isdisjoint(other.finding.exchanges)


def _explained(item: Rated, items: Sequence[Rated], failing: frozenset[str]) -> bool:
    """Whether it harms nobody but where one of those that explain it shows, too."""
    causes = [one for one in items if _explains(one, item)]
    where = set[str]().union(*(one.finding.exchanges for one in causes))
    return bool(causes) and where.issuperset(failing.intersection(item.finding.exchanges))


def _roots(items: Sequence[Rated], failing: frozenset[str]) -> list[Rated]:
    """Those that no others explain."""
    return [item for item in items if not _explained(item, items, failing)]


def _explained_by(root: Rated, rated: Sequence[Rated], failing: frozenset[str]) -> list[Rated]:
    """The findings that vanish with this one, and those that vanish with them."""
    found: list[Rated] = []
    waiting = [root]
    vanishing = [item for item in rated if _explained(item, rated, failing)]
    while waiting:
        one = waiting.pop()
        more = [item for item in vanishing if item is not root and item not in found and _explains(one, item)]
        found += more
        waiting += more
    return [item for item in rated if item in found]


def _because(outcome: Outcome, reading: Reading | None, roots: Sequence[Rated], errors: Sequence[Rated]) -> str:
    if outcome.ok or reading is None:
        return ""
    for item in (*roots, *errors):
        if reading.exchange in item.finding.exchanges:
            return item.diagnosis.code
    return roots[0].diagnosis.code if roots else ""
