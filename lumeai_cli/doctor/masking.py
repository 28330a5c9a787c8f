"""Takes a key out of a report's values: the last door, for a server that sends it back in an escaped form.

Exchanges are masked before they are kept (`wire.exchange.mask`); a key that was written there with JSON escapes becomes
itself only when the JSON is read.
"""

from collections.abc import Iterable
from dataclasses import replace

from lumeai_cli.clients.outcome import Outcome, Words
from lumeai_cli.diagnoses.finding import Finding
from lumeai_cli.doctor.result import Judged, Rated, TargetReport
from lumeai_cli.wire.exchange import hide


def masked(target: TargetReport, secrets: Iterable[str]) -> TargetReport:
    """The same report without these secrets."""
    hidden = tuple(secrets)
    if not hidden:
        return target

    def conceal(text: str) -> str:
        return hide(text, hidden)

    def finding(found: Finding) -> Finding:
        facts = {name: conceal(fact) if isinstance(fact, str) else fact for name, fact in found.facts.items()}
        evidence = tuple(replace(piece, excerpt=conceal(piece.excerpt)) for piece in found.evidence)
        return replace(found, facts=facts, evidence=evidence)

    def rated(item: Rated) -> Rated:
        return replace(item, finding=finding(item.finding))

    def judged(item: Judged) -> Judged:
        words = item.outcome.message
        return replace(item, outcome=Outcome(item.outcome.kind, Words(conceal(words.en), conceal(words.ru))))

    verdict = target.verdict
    return replace(
        target,
        model=None if target.model is None else conceal(target.model),
        verdict=None if verdict is None else replace(verdict, rated=rated(verdict.rated)),
        findings=tuple(map(rated, target.findings)),
        clients=tuple(map(judged, target.clients)),
    )
