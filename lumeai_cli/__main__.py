"""The program's door. `--version` answers before anything else is imported."""

import sys


def main() -> None:
    """Runs lumeai with the process's arguments and ends the process with its exit code."""
    if sys.argv[1:] == ["--version"]:
        from lumeai_cli import __version__  # noqa: PLC0415  # instant

        sys.stdout.write(f"lumeai {__version__}\n")
        sys.exit(0)
    from lumeai_cli.cli.app import run  # noqa: PLC0415  # not needed for --version

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
