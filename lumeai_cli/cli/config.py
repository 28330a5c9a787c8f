"""`lumeai config`: write the example, check the settings, show each value and where it came from."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from lumeai_cli.cli.options import Config, Lang, language
from lumeai_cli.cli.output import put

app = typer.Typer(help="Write, check and show the settings.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def init(
    path: Annotated[str, typer.Argument(metavar="FILE", help="Where to write it.")] = "lumeai.yaml",
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    lang: Lang = "",
) -> int:
    """Write an example of the settings, every key explained."""
    from lumeai_cli.settings import write_example
    from lumeai_cli.text.phrase import say

    write_example(Path(path), force=force)
    put(say(language(lang, None), "config-written", path=path) + "\n")
    return 0


@app.command()
def check(*, config: Config = "", lang: Lang = "") -> int:
    """Check the settings; exit code 2 and file:line if something is wrong."""
    from lumeai_cli.cli.clients import chosen_profiles
    from lumeai_cli.settings import load
    from lumeai_cli.text.phrase import say

    settings = load(config=Path(config) if config else None, env=os.environ, cwd=Path.cwd())
    chosen_profiles(settings.doctor.clients, settings.origin("doctor.clients"))
    spoken = language(lang, settings.language)
    for warning in settings.warnings:
        sys.stderr.write(f"{warning.in_(spoken)}\n")
    if not settings.warnings:
        put(say(spoken, "config-fine") + "\n")
    return 0


@app.command()
def show(*, config: Config = "", lang: Lang = "") -> int:
    """Show each setting, its value, and where it came from. Keys are never shown."""
    from lumeai_cli.settings import load, rows

    settings = load(config=Path(config) if config else None, env=os.environ, cwd=Path.cwd())
    table = rows(settings, language(lang, settings.language))
    first = max((len(row.key) for row in table), default=0)
    second = max((len(row.value) for row in table), default=0)
    for row in table:
        put(f"{row.key:<{first}}  {row.value:<{second}}  {row.where}\n")
    return 0
