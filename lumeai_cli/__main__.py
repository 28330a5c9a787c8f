"""The program's door. `--version` answers before anything else is imported."""

import sys


def main() -> None:
    """Runs lumeai with the process's arguments and ends the process with its exit code."""
    try:
        sys.exit(_run())
    except KeyboardInterrupt:
        # Ctrl-C while modules were still being imported, or the last lines written.
        sys.exit(130)


def _run() -> int:
    if sys.argv[1:] == ["--version"]:
        from lumeai_cli import __version__  # noqa: PLC0415  # instant

        sys.stdout.write(f"lumeai {__version__}\n")
        return 0
    from lumeai_cli.cli.app import run  # noqa: PLC0415  # not needed for --version

    return run(sys.argv[1:])


if __name__ == "__main__":
    main()
