"""`lumeai explain`: the page of a diagnosis."""

from typing import Annotated

import typer

from lumeai_cli.cli.options import Color, Lang, colours, columns, language
from lumeai_cli.cli.output import put
from lumeai_cli.settings.error import SettingsError
from lumeai_cli.settings.suggest import unknown


def command(
    name: Annotated[str, typer.Argument(metavar="CODE-OR-NAME", help="LUM301 or json-for-stream.")] = "",
    *,
    listed: Annotated[bool, typer.Option("--list", help="List every diagnosis.")] = False,
    lang: Lang = "",
    color: Color = "auto",
) -> int:
    """Show the page of a diagnosis: what you see, why, how to be sure, how to fix, an example."""
    from lumeai_cli.diagnoses.catalogue import CATALOGUE, named
    from lumeai_cli.diagnoses.code import reserved
    from lumeai_cli.diagnoses.page import fill, page
    from lumeai_cli.flow.refusal import MEANINGS
    from lumeai_cli.report.sheet import FAINT, STRONG, Sheet, styled
    from lumeai_cli.report.verdict_text import COMING
    from lumeai_cli.text.phrase import phrase, say

    spoken = language(lang, None)
    sheet = Sheet()
    if listed:
        width = max(map(len, CATALOGUE))
        for entry in CATALOGUE.values():
            head = styled("") + styled(f"{entry.code}  ", FAINT) + styled(f"{entry.name:<{width}}  ", STRONG)
            sheet.add(head + styled(fill(page(entry.name, spoken).summary, {}, spoken)), 0, width + 10)
        sheet.add()
        sheet.add(styled(say(spoken, "explain-hint"), FAINT))
    else:
        if not name:
            raise SettingsError(phrase("explain-nothing"))
        found = named(name)
        code = name.strip().upper()
        if found is None and code in MEANINGS:
            text = f"# {code}\n\n> {_sentence(MEANINGS[code], spoken)}\n\n{say(spoken, 'explain-refusal')}\n"
        elif found is None and reserved(name):
            raise SettingsError(phrase("reserved-code", code=code))
        elif found is None:
            raise unknown("unknown-diagnosis", name, CATALOGUE)
        else:
            text = page(found.name, spoken).markdown(f"{found.code} {found.name}")
        sheet.markdown(text)
        if any(command in text for command in COMING):
            sheet.add()
            sheet.add(styled(say(spoken, "coming-command", commands=", ".join(COMING)), FAINT))
    put(sheet.text(width=columns(), colour=colours(color)))
    return 0


def _sentence(key: str, spoken: str) -> str:
    """What the proxy says when it refuses; its placeholders stand in angle brackets."""
    from string import Formatter

    from lumeai_cli.text.phrase import catalogue

    text = catalogue(spoken)[key]
    names = [name for _, name, _, _ in Formatter().parse(text) if name]
    return text.format(**{name: f"<{name}>" for name in names})
