"""Takes a key out of a report's values: the last door, for a server that sends it back in an escaped form.

Exchanges are masked before they are kept (`wire.exchange.mask`); a key that was written there with JSON escapes becomes
itself only when the JSON is read.
"""

from collections.abc import Iterable
from dataclasses import replace

from lumeai_cli.clients.outcome import Outcome, Words
from lumeai_cli.diagnoses.finding import Finding
from lumeai_cli.doctor.result import Judged, Rated, TargetReport
from lumeai_cli.wire.exchange import SHORTEST, spelled


def masked(target: TargetReport, secrets: Iterable[str]) -> TargetReport:
    """The same report without these secrets."""
    hidden = [form for secret in secrets if len(secret) >= SHORTEST for form in (secret, *spelled(secret))]
    if not hidden:
        return target

    def hide(text: str) -> str:
        for secret in hidden:
            text = text.replace(secret, "*" * len(secret))
        return text

    def finding(found: Finding) -> Finding:
        facts = {name: hide(fact) if isinstance(fact, str) else fact for name, fact in found.facts.items()}
        evidence = tuple(replace(piece, excerpt=hide(piece.excerpt)) for piece in found.evidence)
        return replace(found, facts=facts, evidence=evidence)

    def rated(item: Rated) -> Rated:
        return replace(item, finding=finding(item.finding))

    def judged(item: Judged) -> Judged:
        words = item.outcome.message
        return replace(item, outcome=Outcome(item.outcome.kind, Words(hide(words.en), hide(words.ru))))

    verdict = target.verdict
    return replace(
        target,
        model=None if target.model is None else hide(target.model),
        verdict=None if verdict is None else replace(verdict, rated=rated(verdict.rated)),
        findings=tuple(map(rated, target.findings)),
        clients=tuple(map(judged, target.clients)),
    )
