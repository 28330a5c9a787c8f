"""The program: its commands, and the one place where what went wrong becomes a sentence and an exit code."""

import os
import sys
from collections.abc import Sequence
from enum import IntEnum
from typing import Annotated

import typer

from lumeai_cli import __version__
from lumeai_cli.cli import config, doctor, explain, keys, lab, serve
from lumeai_cli.cli.options import language_of
from lumeai_cli.cli.output import ReaderLeftError, complain


class Exit(IntEnum):
    """What the exit codes mean; contract for scripts."""

    HEALTHY = 0
    PROBLEM = 1
    USAGE = 2
    NOT_EXAMINED = 3
    INTERRUPTED = 130


app = typer.Typer(
    name="lumeai",
    help="Names the one reason why a coding agent gets no answer from a model, proves it, and says what to do.",
    epilog="Exit codes: 0 healthy or done, 1 problem found, 2 usage or settings, 3 could not examine, 130 Ctrl-C.",
    no_args_is_help=True,
    # Plain help: rich would cost more time than all the rest of the start.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("doctor")(doctor.command)
app.command("serve")(serve.command)
app.command("explain")(explain.command)
app.add_typer(keys.app, name="keys")
app.add_typer(lab.app, name="lab")
app.add_typer(config.app, name="config")


@app.callback()
def _common(
    *, version: Annotated[bool, typer.Option("--version", help="Show the version and end.", is_eager=True)] = False
) -> None:
    if version:
        sys.stdout.write(f"lumeai {__version__}\n")
        raise typer.Exit(0)


def run(arguments: Sequence[str]) -> int:
    """Runs the program with these arguments; the exit code comes back, nothing is raised."""
    # Imported here: `--help` must not pay for it.
    from lumeai_cli.text.encoding import make_safe

    make_safe(sys.stdout)
    make_safe(sys.stderr)
    command = typer.main.get_command(app)
    try:
        code = command.main(list(arguments), prog_name="lumeai", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except ReaderLeftError:
        return Exit.HEALTHY
    except Exception as error:  # noqa: BLE001  # the rim: a person gets a sentence, never a traceback
        return _told(error, arguments)
    return int(code or 0)


def _told(error: Exception, arguments: Sequence[str]) -> int:
    """Says what went wrong; what the user can mend is exit 2, lumeai's own fault is 3 and never 1."""
    from lumeai_cli.text.mendable import MendableError, reason
    from lumeai_cli.text.phrase import phrase
    from lumeai_cli.text.secret import masked
    from lumeai_cli.text.visible import visible

    show = getattr(error, "show", None)  # usage errors of the command line print themselves
    if callable(show) and hasattr(error, "exit_code"):
        if hasattr(error, "message"):
            error.message = masked(str(error.message))
        show()
        return Exit.USAGE
    spoken = language_of(arguments)
    if isinstance(error, MendableError):
        complain(f"lumeai: {visible(masked(error.in_(spoken)))}\n")
        return Exit.USAGE
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        complain(f"lumeai: {visible(masked(place + reason(error).in_(spoken)))}\n")
        return Exit.NOT_EXAMINED
    if os.environ.get("LUMEAI_TRACEBACK"):
        import traceback

        traceback.print_exception(error)
    complain(f"lumeai: {phrase('own-fault', error=type(error).__name__).in_(spoken)}\n")
    return Exit.NOT_EXAMINED
