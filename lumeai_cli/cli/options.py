"""The options that every command has, and what follows from them."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from lumeai_cli.settings.error import SettingsError
from lumeai_cli.settings.load import load
from lumeai_cli.settings.suggest import unknown
from lumeai_cli.text.phrase import LANGUAGES

Config = Annotated[str, typer.Option("--config", metavar="FILE", help="Read the settings from this file alone.")]
Lang = Annotated[str, typer.Option("--lang", metavar="en|ru", help="Language (default: LUMEAI_LANG, LANG).")]
Color = Annotated[str, typer.Option("--color", metavar="auto|always|never", help="Colours and wrapped lines.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Tell more: every probe, every note.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress on stderr.")]

COLORS = ("auto", "always", "never")


def one_of(option: str, value: str, choices: tuple[str, ...]) -> str:
    """The value if it is one of the choices; else `SettingsError` with the nearest one."""
    if value in choices:
        return value
    raise unknown("unknown-choice", value, choices, option)


def language(option: str, configured: str | None, env: Mapping[str, str] = os.environ) -> str:
    """The language of the texts: the option, LUMEAI_LANG, the settings, then LC_ALL and LANG; English else."""
    if option:
        return one_of("--lang", option, LANGUAGES)
    wanted = (
        env.get("LUMEAI_LANG") or configured or env.get("LC_ALL") or env.get("LC_MESSAGES") or env.get("LANG") or ""
    )
    return "ru" if wanted.lower().startswith("ru") else "en"


def language_of(arguments: Sequence[str], env: Mapping[str, str] = os.environ) -> str:
    """The language to tell an error in: what failed may be the arguments or the settings, so both are asked softly."""
    given = dict(pairwise(arguments)) | dict(text.split("=", 1) for text in arguments if "=" in text)
    config, option = given.get("--config"), given.get("--lang", "")
    configured = None
    with suppress(SettingsError, OSError):
        configured = load(config=Path(config) if config else None, env=env, cwd=Path.cwd()).language
    return language(option if option in LANGUAGES else "", configured, env)


def colours(option: str, env: Mapping[str, str] = os.environ) -> bool:
    """Whether stdout gets colours."""
    one_of("--color", option, COLORS)
    if option != "auto":
        return option == "always"
    if env.get("NO_COLOR"):
        return False
    return bool(env.get("FORCE_COLOR")) or (sys.stdout.isatty() and env.get("TERM") != "dumb")


def columns() -> int | None:
    """The width to wrap at: a terminal's; None where stdout is none, for nothing may be cut there."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return min(shutil.get_terminal_size().columns, 120)
