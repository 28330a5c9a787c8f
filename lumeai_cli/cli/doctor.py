"""`lumeai doctor`: examine backends and name the cause."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumeai_cli.cli.options import Color, Config, Lang, Quiet, Verbose, colours, columns, language, one_of
from lumeai_cli.cli.output import put
from lumeai_cli.settings.error import SettingsError
from lumeai_cli.settings.suggest import unknown
from lumeai_cli.text.mendable import reason
from lumeai_cli.text.phrase import phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lumeai_cli.cli.progress import Progress
    from lumeai_cli.clients.profile import Profile
    from lumeai_cli.doctor.examine import Round
    from lumeai_cli.doctor.options import Options
    from lumeai_cli.doctor.result import Report
    from lumeai_cli.doctor.target import Target
    from lumeai_cli.settings import Settings

FORMATS = ("text", "json", "markdown")
DEMO = ("json-for-stream", "empty-answer", "canned-answer", "healthy-plain")


def command(  # noqa: PLR0913  # one parameter an option
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="TARGET", help="A backend's name or a URL; none: all there is.")
    ] = None,
    *,
    model: Annotated[str, typer.Option(help="Ask this model (default: the first usable one).")] = "",
    api_key_env: Annotated[
        str, typer.Option("--api-key-env", metavar="VAR", help="Environment variable that holds the key.")
    ] = "",
    client: Annotated[
        list[str] | None, typer.Option("--client", metavar="NAME", help="Judge as this client (default: all).")
    ] = None,
    prompt_chars: Annotated[
        int | None,
        typer.Option(
            min=1, max=100_000_000, help="Characters of the agent-sized request (default: the clients' real size)."
        ),
    ] = None,
    quick: Annotated[bool | None, typer.Option("--quick", help="Leave the agent-sized request out.")] = None,
    budget: Annotated[
        int | None, typer.Option(min=0, metavar="TOKENS", help="Most tokens to spend (default elsewhere: 60000).")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="PROBE,...", help="Send these probes alone.")] = None,
    skip: Annotated[list[str] | None, typer.Option(metavar="PROBE,...", help="Leave these probes out.")] = None,
    list_probes: Annotated[bool, typer.Option("--list-probes", help="List the probes and end.")] = False,
    repeat: Annotated[
        int | None, typer.Option(min=1, max=100, help="Repeats of the streamed probe (default 3).")
    ] = None,
    slow_after: Annotated[
        float | None, typer.Option(min=0.001, metavar="S", help="A later first byte is slow (default 30).")
    ] = None,
    via: Annotated[
        str, typer.Option(metavar="URL", help="A gateway to the one target: asked the same, and compared.")
    ] = "",
    timeout: Annotated[
        float | None, typer.Option(min=1.0, metavar="S", help="Seconds for the whole examination (default 300).")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Send a key over plain http to another host.")] = False,
    record: Annotated[str, typer.Option(metavar="FILE", help="Save everything that was exchanged.")] = "",
    replay: Annotated[str, typer.Option(metavar="FILE", help="Judge a recording; nothing is sent.")] = "",
    format_: Annotated[str, typer.Option("--format", metavar="text|json|markdown", help="The report's form.")] = "text",
    output: Annotated[str, typer.Option(metavar="FILE", help="Write the report there instead of stdout.")] = "",
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 although a problem was found.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Examine lumeai's own sick specimens.")] = False,
    config: Config = "",
    lang: Lang = "",
    color: Color = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> int:
    """Examine backends as a coding agent would use them, and name the one cause of what is wrong."""
    if list_probes:
        return _list_probes()
    from dataclasses import replace

    from lumeai_cli.cli.progress import Progress
    from lumeai_cli.settings import load

    settings = load(config=Path(config) if config else None, env=os.environ, cwd=Path.cwd())
    spoken = language(lang, settings.language)
    one_of("--format", format_, FORMATS)
    coloured = colours(color)
    for path in (output, record):
        _check_place(path)
    options = _options(
        settings,
        _profiles(settings, client),
        only,
        skip,
        prompt_chars=prompt_chars,
        quick=quick,
        budget=budget,
        repeat=repeat,
        slow_after=slow_after,
        timeout=timeout,
    )
    options = replace(options, model=model or None)
    progress = Progress(spoken, quiet=quiet)
    if replay:
        if targets or demo or via:
            raise SettingsError(phrase("replay-target"))
        outcome = _replayed(Path(replay), options)
    elif demo:
        if targets or via:
            raise SettingsError(phrase("demo-target"))
        outcome = _demonstrated(options, progress)
    else:
        from lumeai_cli.cli.targets import chosen_targets, with_gateway

        names = [*(targets or []), *([via] if via else [])]
        chosen = chosen_targets(settings, names, api_key_env, spoken, insecure=insecure)
        if via:
            chosen = with_gateway(chosen, asked=len(names))
        outcome = _examined(chosen, options, progress)
    progress.clear()
    if record:
        _record(Path(record), outcome)
    text = _rendered(outcome.report, format_, spoken, colour=coloured, verbose=verbose, to_file=bool(output))
    if output:
        Path(output).write_text(text, "utf-8", errors="replace")
    else:
        put(text)
    code = outcome.report.exit_code
    return 0 if demo or (code == 1 and exit_zero) else code


def _list_probes() -> int:
    from lumeai_cli.doctor.probe import PROBES

    for probe in PROBES.values():
        kind = "metadata" if not probe.tokens else "large" if probe.large else "small"
        put(f"{probe.name:<18} {kind}\n")
    return 0


def _profiles(settings: Settings, names: list[str] | None) -> tuple[Profile, ...]:
    from lumeai_cli.cli.clients import chosen_profiles

    if names:
        return chosen_profiles(names, "--client")
    return chosen_profiles(settings.doctor.clients, settings.origin("doctor.clients"))


def _options(
    settings: Settings,
    profiles: tuple[Profile, ...],
    only: list[str] | None,
    skip: list[str] | None,
    **given: float | bool | None,
) -> Options:
    """The options of the command line over those of the settings, over the defaults."""
    from dataclasses import asdict

    from lumeai_cli.clients.request import NATIVE_SIZE, XML_SIZE
    from lumeai_cli.doctor.options import Options
    from lumeai_cli.doctor.probe import chosen

    merged = asdict(settings.doctor) | {name: value for name, value in given.items() if value is not None}
    merged.pop("clients")
    size = merged.pop("prompt_chars")
    wanted = _probe_names("--only", only)
    return Options(
        profiles,
        chosen(wanted, _probe_names("--skip", skip)),
        size or XML_SIZE,
        size or NATIVE_SIZE,
        only=frozenset(wanted),
        **merged,
    )


def _probe_names(option: str, texts: list[str] | None) -> list[str]:
    from lumeai_cli.doctor.probe import PROBES

    names = [name.strip() for text in texts or () for name in text.split(",") if name.strip()]
    for name in names:
        if name not in PROBES:
            raise unknown("unknown-probe", name, PROBES, option)
    return names


def _examined(targets: Sequence[Target], options: Options, progress: Progress) -> Round:
    import asyncio

    from lumeai_cli.doctor.examine import examine

    return asyncio.run(examine(targets, options, progress))


def _demonstrated(options: Options, progress: Progress) -> Round:
    """The lab's own specimens, examined like any server."""
    import asyncio
    from dataclasses import replace

    from lumeai_cli.backends.backend import Backend
    from lumeai_cli.doctor.examine import examine
    from lumeai_cli.doctor.target import target_of
    from lumeai_cli.lab import LabServer

    async def demonstrate() -> Round:
        async with LabServer() as lab:
            targets = [target_of(Backend(name, lab.url(name))) for name in DEMO]
            outcome = await examine(targets, options, progress)
        return replace(outcome, report=replace(outcome.report, demo=True))

    return asyncio.run(demonstrate())


def _replayed(path: Path, options: Options) -> Round:
    from datetime import UTC, datetime

    from lumeai_cli.doctor.examine import Round, report_of
    from lumeai_cli.doctor.record import MOST_BYTES, RecordingError, load

    try:
        _check_size(path, MOST_BYTES)
        with path.open(encoding="utf-8") as file:
            examined = load(file)
    except OSError as error:
        raise SettingsError(reason(error), f"--replay: {path}") from None
    except UnicodeDecodeError:
        raise SettingsError(phrase("recording-no-text"), f"--replay: {path}") from None
    except RecordingError as error:
        raise SettingsError(error.sentence, f"--replay: {path}") from None
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return Round(report_of(examined, options, started, 0.0), tuple(examined))


def _check_size(path: Path, limit: int) -> None:
    if path.stat().st_size > limit:
        raise SettingsError(phrase("recording-large", limit=limit >> 20), f"--replay: {path}")


def _record(path: Path, outcome: Round) -> None:
    from lumeai_cli import __version__
    from lumeai_cli.doctor.record import lines

    with path.open("w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(f"{line}\n" for line in lines(outcome.examined, __version__))


def _check_place(path: str) -> None:
    """Refuses a place for a file before the examination, not after it."""
    if path:
        parent = Path(path).absolute().parent
        if Path(path).is_dir() or not parent.is_dir() or not os.access(parent, os.W_OK):
            raise SettingsError(phrase("no-file-there"), path)


def _rendered(report: Report, form: str, spoken: str, *, colour: bool, verbose: bool, to_file: bool) -> str:
    from lumeai_cli.text.encoding import speaks_unicode

    if form == "json":
        from lumeai_cli.report.json import render as render_json

        return render_json(report, spoken, ascii_only=not to_file and not speaks_unicode(sys.stdout))
    if form == "markdown":
        from lumeai_cli.report.markdown import render as render_markdown

        return render_markdown(report, spoken)
    from lumeai_cli.report.terminal import render

    text = render(report, spoken, width=None if to_file else columns(), colour=colour and not to_file, verbose=verbose)
    return text if report.targets else _nothing_there(spoken) + text


def _nothing_there(spoken: str) -> str:
    """What was looked for, and how to start each."""
    from lumeai_cli.settings import discover, looked_for, read_dotenv
    from lumeai_cli.text.phrase import put, say

    rows = [say(spoken, "nothing-there"), ""]
    for item in looked_for(discover(os.environ, read_dotenv(Path.cwd() / ".env")).backends):
        rows.append(f"  {item.name:<14} {item.url}")
        rows += [f"  {'':<14}   {say(spoken, 'start-with')}: {put(line, spoken)}" for line in item.start]
    return "\n".join((*rows, "", say(spoken, "nothing-there-how"), "", ""))
