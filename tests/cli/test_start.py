"""The program starts, says what it can do, refuses what it does not know, and imports little on the way."""

import subprocess
import sys

import pytest

from lumeai_cli import __version__
from tests.cli.process import PROGRAM, Home

HEAVY = {"httpx", "starlette", "uvicorn", "rich", "asyncio", "ssl", "yaml"}
COMMANDS = ("doctor", "serve", "explain", "lab", "config")

STARTED = """
import sys
from contextlib import suppress
before = set(sys.modules)
from lumeai_cli.__main__ import main
with suppress(SystemExit):
    main()
sys.stderr.write(" ".join(sorted(set(sys.modules) - before)))
"""

CRASHING = """
import sys
from lumeai_cli.cli import explain
def fail():
    raise LookupError("a secret of the inside")
explain.columns = fail
from lumeai_cli.__main__ import main
main()
"""


def python(home: Home, program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=home.path,
        env=home.environment(environment),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_the_version(home: Home) -> None:
    done = home.lumeai("--version")
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"lumeai {__version__}\n", "")


def test_the_version_among_other_words(home: Home) -> None:
    """The fast path knows one spelling only; the other way leads to the same answer."""
    done = home.lumeai("--version", "doctor")
    assert (done.exit_code, done.stdout) == (0, f"lumeai {__version__}\n")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_the_help_names_every_command(option: str, home: Home) -> None:
    done = home.lumeai(option)
    assert (done.exit_code, done.stderr) == (0, "")
    assert all(f"\n  {command} " in done.stdout for command in COMMANDS)
    assert "Exit codes: 0" in done.stdout


def test_the_script_is_the_same_program(home: Home) -> None:
    script = subprocess.run(
        [f"{sys.prefix}/bin/lumeai", "--help"],
        env=home.environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert script.stdout == home.lumeai("--help").stdout


@pytest.mark.parametrize("arguments", [(), ("lab",)])
def test_without_a_command_the_help_comes_and_nothing_was_done(arguments: tuple[str, ...], home: Home) -> None:
    done = home.lumeai(*arguments)
    assert done.exit_code == 2
    assert "Commands:" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("docter",), "docter"),
        (("--colour", "never"), "--colour"),
        (("doctor", "--formt", "json"), "--formt"),
        (("lab", "lst"), "lst"),
        (("explain", "json-for-stream", "empty-answer"), "empty-answer"),
        (("doctor", "--repeat", "often"), "--repeat"),
        (("doctor", "--timeout", "nan"), "--timeout"),
        (("doctor", "--budget", "-1"), "--budget"),
        (("lab", "serve", "--port", "70000"), "--port"),
    ],
)
def test_what_the_command_line_does_not_know_is_exit_2(arguments: tuple[str, ...], said: str, home: Home) -> None:
    done = home.lumeai(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_nothing_heavy_is_imported_for_a_word_of_help(option: str, home: Home) -> None:
    imported = python(home, STARTED, option)
    assert imported.stdout
    assert HEAVY.isdisjoint(imported.stderr.split())


def test_the_version_imports_nothing_but_itself(home: Home) -> None:
    imported = python(home, STARTED, "--version").stderr.split()
    assert [name for name in imported if not name.startswith("lumeai_cli")] == []


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_completion_is_shown(shell: str, home: Home) -> None:
    done = home.lumeai("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "lumeai" in done.stdout


def test_completion_without_a_shell_is_no_crash(home: Home) -> None:
    done = home.lumeai("--show-completion")
    assert "its own fault" not in done.stderr
    assert done.exit_code in (0, 1, 2)


def test_completion_is_installed_into_the_home_folder(home: Home) -> None:
    done = home.lumeai("--install-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert done.exit_code == 0
    assert "lumeai" in home.read(".bash_completions/lumeai.sh") + home.read(".bashrc")


def test_completion_completes(home: Home) -> None:
    done = home.lumeai(_LUMEAI_COMPLETE="complete_bash", COMP_WORDS="lumeai do", COMP_CWORD="1")
    assert (done.exit_code, done.stdout.split()) == (0, ["doctor"])


@pytest.mark.parametrize("arguments", [("explain", "--list"), ("lab", "list", "--json")])
def test_a_reader_that_leaves_is_no_failure(arguments: tuple[str, ...], home: Home) -> None:
    """`lumeai explain --list | head -1`."""
    with subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=home.path,
        env=home.environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_a_crash_of_lumeai_is_one_sentence_and_exit_3(home: Home) -> None:
    """Never 1: that would say that a server is sick. Never the words of the exception: nobody has looked them over."""
    done = python(home, CRASHING, "explain", "--list")
    assert done.returncode == 3
    assert "its own fault" in done.stderr
    assert "LookupError" in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_whoever_reports_a_crash_can_have_the_traceback(home: Home) -> None:
    done = python(home, CRASHING, "explain", "--list", LUMEAI_TRACEBACK="1")
    assert "Traceback" in done.stderr
    assert done.returncode == 3
