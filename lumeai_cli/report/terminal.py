"""The report for people: a healthy target is one line; a sick one tells the cause, the proof, and what to do."""

import re
from collections.abc import Sequence

from lumeai_cli.clients.outcome import Outcome, OutcomeKind
from lumeai_cli.diagnoses.diagnosis import Family
from lumeai_cli.diagnoses.finding import Evidence, Severity
from lumeai_cli.doctor.result import ProbeStatus, Report, TargetReport, Verdict
from lumeai_cli.report.sheet import BAD, CODE, FAINT, GOOD, STRONG, WARN, Sheet, inline, styled
from lumeai_cli.report.verdict_text import fixes, summary
from lumeai_cli.text.number import decimal
from lumeai_cli.text.phrase import counted, say


def render(
    report: Report, language: str, *, width: int | None = None, colour: bool = False, verbose: bool = False
) -> str:
    """The report as text; `verbose` adds every probe and every note."""
    sheet = Sheet()
    if report.demo:
        sheet.add(styled(say(language, "demo"), STRONG))
        sheet.add()
    if report.interrupted:
        sheet.add(styled(say(language, "interrupted"), WARN))
        sheet.add()
    for number, target in enumerate(report.targets):
        if number and (target.healthy is not True or report.targets[number - 1].healthy is not True):
            sheet.add()
        _target(sheet, target, language, verbose=verbose)
    if report.targets:
        sheet.add()
        targets = counted(language, len(report.targets), "targets")
        sheet.add(
            styled(say(language, "summary-line", targets=targets, seconds=decimal(report.seconds, 1, language)), FAINT)
        )
    if verbose:
        for note in report.notes:
            sheet.add(styled(f"· {note.in_(language)}", FAINT), 0, 2)
    return sheet.text(width=width, colour=colour)


def _target(sheet: Sheet, target: TargetReport, language: str, *, verbose: bool) -> None:
    sign, style = {True: ("✓", GOOD), False: ("✗", BAD), None: ("?", WARN)}[target.healthy]
    word = say(language, {True: "healthy", False: "sick", None: "unjudged"}[target.healthy])
    head = styled("") + styled(f"{sign} ", style) + styled(target.name, STRONG)
    if target.url != target.name:
        head += styled(f"  {target.url}")
    if target.model and not _lost(target):
        head += styled(f"  {say(language, 'asked-model', model=target.model)}", FAINT)
    head += styled(f"  {word}", style)
    left = [p.name for p in target.probes if p.status is ProbeStatus.NOT_JUDGED or _quick(p.reason)]
    if target.healthy is True:
        head += styled(f": {say(language, 'healthy-line')}")
        if left:
            head += styled(f" ({say(language, 'not-judged-heading').lower()}: {', '.join(left)})", FAINT)
    sheet.add(head, 0, 2)
    if target.crashed:
        error = next(
            (p.reason.in_(language) for p in target.probes if p.status is ProbeStatus.CRASHED and p.reason), ""
        )
        sheet.add(styled(say(language, "crash-line", error=error), BAD), 2)
    if target.verdict is not None:
        _verdict(sheet, target, target.verdict, language)
    else:
        _also(sheet, target, language, verbose=verbose)
        if target.healthy is None:
            _left_open(sheet, target, language)
    if target.healthy is False and left:
        sheet.add()
        sheet.add(styled(f"{say(language, 'not-judged-heading')}: {', '.join(left)}", FAINT), 2, 4)
    if target.healthy is not True or verbose:
        for note in target.notes:
            sheet.add(styled(f"· {note.in_(language)}", FAINT), 2, 4)
    if verbose:
        _probes(sheet, target, language)


def _lost(target: TargetReport) -> bool:
    """Whether no chat endpoint was found: then a model's name is no matter."""
    verdict = target.verdict
    nowhere = verdict is not None and verdict.rated.diagnosis.family in (Family.REACH, Family.URL)
    return nowhere and target.base == target.url


def _quick(reason: object) -> bool:
    return getattr(reason, "key", "") == "skip-quick"


def _verdict(sheet: Sheet, target: TargetReport, verdict: Verdict, language: str) -> None:
    rated = verdict.rated
    certainty = say(language, f"certainty-{rated.finding.certainty.value}")
    sheet.add()
    sheet.add(inline(summary(rated, target, language), STRONG), 2)
    sheet.add(styled(f"{rated.diagnosis.code} {rated.diagnosis.name} · {certainty}", FAINT), 2)
    _heading(sheet, language, "why-heading")
    probes = {exchange: probe.name for probe in target.probes for exchange in probe.exchanges}
    for first, *others in _alike(rated.finding.evidence):
        when = say(language, "at", seconds=decimal(first.at, 2, language))
        source = f"{probes.get(first.exchange, '')} ({first.exchange}), {when}: "
        sheet.add(styled("") + styled(source, FAINT) + styled(first.excerpt, CODE), 4, 8)
        if others:
            named = ", ".join(f"{probes.get(other.exchange, '')} ({other.exchange})" for other in others)
            sheet.add(styled(say(language, "likewise", named=named), FAINT), 4, 8)
    _heading(sheet, language, "fix-heading")
    for number, fix in enumerate(fixes(rated, target, language), 1):
        sheet.markdown(f"{number}. " + _BLANK_BEFORE_CODE.sub("\n", fix).replace("\n", "\n   "), 4)
    if target.next:
        _heading(sheet, language, "next-heading")
        _listed(sheet, target, target.next, language)
    _clients(sheet, target, language)
    sheet.add()
    sheet.add(styled(say(language, "more", name=rated.diagnosis.name), FAINT), 2)


_BLANK_BEFORE_CODE = re.compile(r"(?<!```)\n *\n(?= *```)")
"""Markdown wants it between a sentence and its code; in a report it parts the two."""


def _alike(evidence: Sequence[Evidence]) -> list[list[Evidence]]:
    """The pieces in order, each with the later ones that prove the same: the same fields, and the same told by them."""
    groups: list[list[Evidence]] = []
    for one in evidence:
        for group in groups:
            form, other = _form(group[0].excerpt), _form(one.excerpt)
            least = min(len(form), len(other))
            if group[0].excerpt == one.excerpt or (least and form[:least] == other[:least]):
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def _form(excerpt: str) -> list[tuple[str, str]]:
    """The JSON fields of the longest piece of an excerpt, without the values that differ from answer to answer."""
    longest = max(excerpt.split(" ... "), key=len)
    return [(key, re.sub("[0-9]+", "", value) if key in _TELLING else "") for key, value in _FIELD.findall(longest)]


_FIELD = re.compile(r'"(\w+)":\s*("(?:[^"\\]|\\.)*")?')
_TELLING = ("message", "detail", "error", "code", "finish_reason")
"""Fields of which the text is what they prove."""


def _heading(sheet: Sheet, language: str, key: str) -> None:
    sheet.add()
    sheet.add(styled(say(language, key), STRONG), 2)


def _clients(sheet: Sheet, target: TargetReport, language: str) -> None:
    if not target.clients:
        return
    _heading(sheet, language, "clients-heading")
    alike: dict[Outcome, list[str]] = {}
    for judged in target.clients:
        alike.setdefault(judged.outcome, []).append(judged.title)
    for outcome, titles in sorted(alike.items(), key=lambda row: not _fails(row[0])):  # who is served stands at the end
        style = GOOD if outcome.ok else BAD if _fails(outcome) else FAINT
        word = say(language, f"outcome-{outcome.kind.value}")
        sheet.add(styled(f"{', '.join(titles)}: ") + styled(word, style), 4, 6)
        message = outcome.message.in_(language)
        if message:
            told = message if len(message) <= TOLD else (message[:TOLD].rpartition(" ")[0] or message[:TOLD]) + " ..."
            sheet.add(styled(say(language, "quoted", text=told) if outcome.quoted else told, FAINT), 6, 7)


TOLD = 200
"""Characters of what a client shows: enough to know it again."""


def _fails(outcome: Outcome) -> bool:
    return not outcome.ok and outcome.kind is not OutcomeKind.NOT_JUDGED


def _listed(sheet: Sheet, target: TargetReport, names: tuple[str, ...], language: str) -> None:
    by_name = {rated.finding.name: rated for rated in target.findings}
    for name in names:
        rated = by_name[name]
        certainty = say(language, f"certainty-{rated.finding.certainty.value}")
        head = styled("") + styled(name, STRONG) + styled(f" ({rated.diagnosis.code}, {certainty}): ", FAINT)
        sheet.add(head + inline(summary(rated, target, language)), 4, 6)


def _also(sheet: Sheet, target: TargetReport, language: str, *, verbose: bool) -> None:
    told = (Severity.WARNING, Severity.NOTE) if verbose else (Severity.WARNING,)
    risks = tuple(rated.finding.name for rated in target.findings if rated.severity in told)
    if risks:
        _heading(sheet, language, "also-heading")
        _listed(sheet, target, risks, language)
        sheet.add(styled(say(language, "more", name=risks[0]), FAINT), 4)


def _left_open(sheet: Sheet, target: TargetReport, language: str) -> None:
    reasons: dict[str, list[str]] = {}
    for probe in target.probes:
        if probe.status in (ProbeStatus.NOT_JUDGED, ProbeStatus.SKIPPED) and probe.reason is not None:
            reasons.setdefault(probe.reason.in_(language), []).append(probe.name)
    for reason, names in reasons.items():
        sheet.add(f"{', '.join(names)}: {reason}", 2, 4)


def _probes(sheet: Sheet, target: TargetReport, language: str) -> None:
    _heading(sheet, language, "probes-heading")
    width = max((len(probe.name) for probe in target.probes), default=0)
    for probe in target.probes:
        word = say(language, f"status-{probe.status.value}")
        reason = f": {probe.reason.in_(language)}" if probe.reason is not None else ""
        seconds = say(language, "lasted", seconds=decimal(probe.seconds, 2, language))
        tokens = f", {probe.prompt_tokens}+{probe.completion_tokens} tok" if probe.prompt_tokens else ""
        sheet.add(styled(f"{probe.name:<{width}}  {word}{reason} ({seconds}{tokens})", FAINT), 4, 6 + width)
