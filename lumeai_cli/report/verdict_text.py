"""The words of a finding in one language: its sentence and its cures, from its page and its facts."""

from lumeai_cli.backends.models import FALLBACK
from lumeai_cli.diagnoses.case import PLAIN
from lumeai_cli.diagnoses.finding import Fact
from lumeai_cli.diagnoses.page import fill, page
from lumeai_cli.doctor.result import ProbeResult, ProbeStatus, Rated, TargetReport
from lumeai_cli.text.visible import visible


def summary(rated: Rated, target: TargetReport, language: str) -> str:
    """The sentence that says what holds."""
    return fill(page(rated.finding.name, language).summary, facts_of(rated, target), language)


def fixes(rated: Rated, target: TargetReport, language: str) -> tuple[str, ...]:
    """What to do, the quickest first; Markdown.

    What takes a command that is not there yet is no cure, nor is to do without streams where that was seen to fail.
    """
    facts = facts_of(rated, target)
    useless = (*COMING, *((f"{{{{{UNSTREAMED}}}}}",) if _fails_unstreamed(target) else ()))
    cures = page(rated.finding.name, language).fixes
    return tuple(fill(cure, facts, language) for cure in cures if not any(sign in cure for sign in useless))


UNSTREAMED = "unstreamed"
"""The fact that a page asks for where its cure is to do without streams: the exchange that went well so."""


def _plain(target: TargetReport) -> ProbeResult | None:
    return next((probe for probe in target.probes if probe.name == PLAIN), None)


def _fails_unstreamed(target: TargetReport) -> bool:
    plain = _plain(target)
    return plain is not None and plain.status is ProbeStatus.FAILED


COMING = ("lumeai keys",)
"""Commands that the pages name already; a test wants them gone from here as soon as they exist."""


def facts_of(rated: Rated, target: TargetReport) -> dict[str, Fact]:
    """The finding's facts and those that every page may use, harmless to print."""
    plain = _plain(target)
    facts: dict[str, Fact] = {
        UNSTREAMED: plain.exchanges[-1] if plain is not None and plain.status is ProbeStatus.PASSED else "",
        "url": target.url,
        "base": target.base,
        "model": target.model or FALLBACK,
        "target": target.name,
        **rated.finding.facts,
    }
    return {name: _quoted(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}


def _quoted(text: str) -> str:
    """A foreign text within a sentence of ours: harmless, without our Markdown's marks and without its full stop."""
    text = visible(text).replace("`", "'").replace("**", "*")
    return text.removesuffix(".") if text[-2:-1].isalnum() else text
