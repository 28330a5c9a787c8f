"""The whole program under each console's encoding: readable Russian, no traceback."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lumeai_cli.text.ru import MESSAGES

READABLE = {
    "utf-8": ("✗ json-for-stream", "нет ответа", "«Ответ модели неожиданно завершился"),
    "cp1251": ("x json-for-stream", "нет ответа", "«Ответ модели неожиданно завершился"),
    "cp866": ("x json-for-stream", "нет ответа", '"Ответ модели неожиданно завершился'),
    "ascii": ("x json-for-stream", "net otveta", '"Otvet modeli neozhidanno zavershilsya'),
}


def run(home: Path, encoding: str, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a real process whose streams have this encoding."""
    secret = re.compile(
        r"(HTTPS?_PROXY|ALL_PROXY|NO_COLOR|FORCE_COLOR|COLUMNS|LUMEAI_.*|OPENAI_.*|LANG|LC_.*)", re.IGNORECASE
    )
    env = {key: value for key, value in os.environ.items() if not secret.fullmatch(key)}
    env |= {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LUMEAI_HOME": str(home), "HOME": str(home)}
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "lumeai_cli", *arguments],
        capture_output=True,
        env=env,
        timeout=90,
        cwd=home,
        check=False,
    )
    return ended.returncode, ended.stdout.decode(encoding), ended.stderr.decode(encoding)


@pytest.mark.parametrize("encoding", READABLE)
def test_the_demonstration_in_russian(tmp_path: Path, encoding: str) -> None:
    """Exit code 0; Cyrillic where the console has it, Latin letters elsewhere."""
    code, out, err = run(tmp_path, encoding, "doctor", "--demo", "--lang", "ru")
    assert (code, "Traceback" in err) == (0, False), err
    for piece in READABLE[encoding]:
        assert piece in out
    russian = len(re.findall("[А-Яа-яЁё]", out))
    assert (russian == 0) if encoding == "ascii" else (russian > 1000)
    assert out.count("?") < 20
    assert "✓ healthy-plain" in out or "+ healthy-plain" in out


@pytest.mark.parametrize("encoding", ["cp1251", "ascii"])
def test_the_other_formats_survive_the_console_too(tmp_path: Path, encoding: str) -> None:
    """A recording of the demonstration, put into JSON and Markdown."""
    recording = tmp_path / "demo.jsonl"
    code, _, err = run(tmp_path, "utf-8", "doctor", "--demo", "--quick", "--record", str(recording))
    assert code == 0, err
    for form in ("json", "markdown"):
        code, out, err = run(tmp_path, encoding, "doctor", "--replay", str(recording), "--format", form, "--lang", "ru")
        assert (code, "Traceback" in err) == (1, False), err
        assert "json-for-stream" in out


@pytest.mark.parametrize("encoding", ["cp866", "ascii"])
def test_help_and_pages_survive_the_console(tmp_path: Path, encoding: str) -> None:
    """A page in Russian is readable under each."""
    code, out, err = run(tmp_path, encoding, "explain", "json-for-stream", "--lang", "ru")
    assert (code, "Traceback" in err) == (0, False), err
    assert ("Почему" if encoding == "cp866" else "Pochemu") in out
    assert MESSAGES["more"]
