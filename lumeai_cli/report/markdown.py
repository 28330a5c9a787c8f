"""The report for pasting into an issue or a chat."""

from lumeai_cli.doctor.result import Rated, Report, TargetReport
from lumeai_cli.report.verdict_text import fixes, summary
from lumeai_cli.text.number import decimal
from lumeai_cli.text.phrase import counted, say
from lumeai_cli.text.visible import visible


def render(report: Report, language: str) -> str:
    """The report as Markdown."""
    parts = [f"# lumeai doctor {report.version}"]
    if report.demo:
        parts.append(say(language, "demo"))
    if report.interrupted:
        parts.append(f"**{say(language, 'interrupted')}**")
    parts += [_target(target, language) for target in report.targets]
    targets = counted(language, len(report.targets), "targets")
    parts.append(
        f"_{say(language, 'summary-line', targets=targets, seconds=decimal(report.seconds, 1, language))}, "
        f"{report.started}_"
    )
    parts += [f"- {note.in_(language)}" for note in report.notes]
    return "\n\n".join(parts) + "\n"


def _target(target: TargetReport, language: str) -> str:
    word = say(language, {True: "healthy", False: "sick", None: "unjudged"}[target.healthy])
    model = _plain(visible(target.model or "-"))
    parts = [f"## {_plain(visible(target.name))}: {word}", f"`{visible(target.url)}`, {target.kind.value}, {model}"]
    if target.verdict is not None:
        rated = target.verdict.rated
        certainty = say(language, f"certainty-{rated.finding.certainty.value}")
        parts.append(
            f"**{rated.diagnosis.code} {rated.diagnosis.name}** ({certainty}): "
            f"{_plain(summary(rated, target, language))}"
        )
        parts.append(f"### {say(language, 'why-heading')}")
        parts += [
            f"{evidence.exchange}, {say(language, 'at', seconds=decimal(evidence.at, 2, language))}, "
            f"{evidence.start}-{evidence.end}:\n\n{_fenced(evidence.excerpt)}"
            for evidence in rated.finding.evidence
        ]
    if target.verdict is not None:
        parts.append(f"### {say(language, 'fix-heading')}")
        cures = fixes(target.verdict.rated, target, language)
        parts += [f"{number}. " + cure.replace("\n", "\n   ") for number, cure in enumerate(cures, 1)]
    if target.clients:
        parts.append(f"### {say(language, 'clients-heading')}")
        rows = ["| | | | |", "|---|---|---|---|"]
        rows += [
            f"| {judged.title} | {say(language, f'outcome-{judged.outcome.kind.value}')} "
            f"| {_cell(judged.outcome.message.in_(language))} | {judged.because} |"
            for judged in target.clients
        ]
        parts.append("\n".join(rows))
    told = "" if target.verdict is None else target.verdict.rated.finding.name
    others = [rated for rated in target.findings if rated.finding.name != told]
    if others:
        parts.append(f"### {say(language, 'next-heading' if target.next else 'also-heading')}")
        parts.append("\n".join(f"- {_other(rated, target, language)}" for rated in others))
    open_ends = [f"{p.name}: {p.reason.in_(language)}" for p in target.probes if p.status == "not-judged" and p.reason]
    if open_ends:
        parts.append(f"### {say(language, 'not-judged-heading')}")
        parts.append("\n".join(f"- {line}" for line in open_ends))
    parts += [f"- {note.in_(language)}" for note in target.notes]
    return "\n\n".join(parts)


def _other(rated: Rated, target: TargetReport, language: str) -> str:
    severity = say(language, f"severity-{rated.severity.value}")
    return f"{rated.diagnosis.code} {rated.diagnosis.name} ({severity}): {_plain(summary(rated, target, language))}"


def _plain(text: str) -> str:
    """A sentence that may quote a server: no HTML of its may come alive where the report is pasted."""
    return text.replace("<", "&lt;")


def _fenced(text: str) -> str:
    """A code block whose fence is longer than any in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"


def _cell(text: str) -> str:
    return _plain(visible(" ".join(text.split()))).replace("\\", "\\\\").replace("|", "\\|")
