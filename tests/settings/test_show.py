import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from lumeai_cli.backends.backend import Kind
from lumeai_cli.settings import (
    DoctorSettings,
    KeysSettings,
    Row,
    ServeSettings,
    Settings,
    SettingsError,
    example,
    load,
    rows,
    write_example,
)

PLANTED = "sk-planted-0123456789abcdef"
FILE = f"""\
language: ru
backends:
  - {{name: a, url: 'http://127.0.0.1:3000/v1?token={PLANTED}', key: {PLANTED}, kind: vllm}}
  - {{name: b, url: 'http://127.0.0.1:3001/v1', key_env: TOKEN, model: gpt-4o}}
  - {{name: c, url: 'http://127.0.0.1:3002/v1', key_env: NOT_SET}}
  - {{name: d, kind: builtin}}
doctor: {{clients: [kilo7, cline], quick: yes}}
serve: {{substitute: no, port: 0, aliases: {{gpt-4o: a/qwen3, fast: b}}}}
"""


def loaded(folder: Path, text: str) -> Settings:
    (folder / "lumeai.yaml").write_text(text, "utf-8")
    return load(config=None, env={"LUMEAI_HOME": str(folder / "home"), "TOKEN": PLANTED}, cwd=folder)


def test_each_row_says_the_value_and_where_it_came_from_and_never_a_key(tmp_path: Path) -> None:
    shown = rows(loaded(tmp_path, FILE))
    assert shown == (
        Row("language", "ru", "lumeai.yaml:1"),
        Row("backends.a.url", "http://127.0.0.1:3000/v1?...", "lumeai.yaml:3"),
        Row("backends.a.kind", "vllm", "lumeai.yaml:3"),
        Row("backends.a.key", "set, from lumeai.yaml:3", "lumeai.yaml:3"),
        Row("backends.b.url", "http://127.0.0.1:3001/v1", "lumeai.yaml:4"),
        Row("backends.b.key", "set, from environment TOKEN", "environment TOKEN"),
        Row("backends.b.model", "gpt-4o", "lumeai.yaml:4"),
        Row("backends.c.url", "http://127.0.0.1:3002/v1", "lumeai.yaml:5"),
        Row("backends.c.key", "not set", "lumeai.yaml:5"),
        Row("backends.d.kind", "builtin", "lumeai.yaml:6"),
        Row("doctor.timeout", "300", "default"),
        Row("doctor.clients", "kilo7, cline", "lumeai.yaml:7"),
        Row("doctor.prompt_chars", "each client's own size", "default"),
        Row("doctor.repeat", "3", "default"),
        Row("doctor.slow_after", "30", "default"),
        Row("doctor.budget", "unlimited on this machine, 60000 elsewhere", "default"),
        Row("doctor.quick", "yes", "lumeai.yaml:7"),
        Row("serve.host", "127.0.0.1", "default"),
        Row("serve.port", "0", "lumeai.yaml:8"),
        Row("serve.workers", "1", "default"),
        Row("serve.hold", "20", "default"),
        Row("serve.keep_alive", "15", "default"),
        Row("serve.first_byte", "300", "default"),
        Row("serve.silence", "120", "default"),
        Row("serve.connect", "10", "default"),
        Row("serve.attempts", "4", "default"),
        Row("serve.explain", "error", "default"),
        Row("serve.substitute", "no", "lumeai.yaml:8"),
        Row("serve.max_body", "32", "default"),
        Row("serve.aliases.gpt-4o", "a/qwen3", "lumeai.yaml:8"),
        Row("serve.aliases.fast", "b", "lumeai.yaml:8"),
        Row("serve.grace", "30", "default"),
        Row("keys.store", "keys.db in the data folder", "default"),
        Row("keys.rpm", "no limit", "default"),
        Row("keys.tokens_per_day", "no limit", "default"),
        Row("keys.concurrent", "no limit", "default"),
        Row("keys.lost_store_grace", "60", "default"),
        Row("keys.usage_days", "90", "default"),
    )
    assert "planted" not in repr(shown)


def test_defaults_are_shown_as_defaults() -> None:
    shown = {row.key: row for row in rows(Settings())}
    assert {row.where for row in shown.values()} == {"default"}
    assert shown["backends"].value == "none (local servers are looked for)"
    assert (shown["serve.substitute"].value, shown["serve.aliases"].value) == ("yes for a single backend", "none")


def test_the_example_changes_nothing_as_it_stands(tmp_path: Path) -> None:
    write_example(tmp_path / "lumeai.yaml")
    settings = load(config=None, env={"LUMEAI_HOME": str(tmp_path / "home")}, cwd=tmp_path)
    assert settings == Settings(files=("lumeai.yaml",))


def test_the_example_shows_every_key_and_each_of_its_lines_is_valid(tmp_path: Path) -> None:
    used = re.sub(r"(?m)^#(?! )|^#(?=  )", "", example())
    settings = loaded(tmp_path, used)
    assert {"language", "backends.my-server.key_env", "backends.other.key", "backends.my-server.kind"} <= set(
        settings.origins
    )
    assert {f"doctor.{field.name}" for field in fields(DoctorSettings)} <= set(settings.origins)
    assert {f"serve.{field.name}" for field in fields(ServeSettings)} <= set(settings.origins)
    assert {f"keys.{field.name}" for field in fields(KeysSettings)} <= set(settings.origins)
    assert [warning.sentence.in_("en")[:41] for warning in settings.warnings] == [
        "the environment variable LUMEAI_API_KEY i"
    ]
    assert all(kind.value in example() for kind in Kind)


def test_the_example_at_the_root_of_the_project_is_the_packaged_one() -> None:
    root = Path(__file__).parents[2] / "config.example.yaml"
    assert root.read_text("utf-8") == example()


def test_an_existing_file_stays_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "lumeai.yaml"
    path.write_text("language: ru", "utf-8")
    path.chmod(0o600)
    with pytest.raises(SettingsError, match=r"lumeai\.yaml: this file exists"):
        write_example(path)
    assert path.read_text("utf-8") == "language: ru"
    write_example(path, force=True)
    assert path.read_text("utf-8") == example()
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["lumeai.yaml"]  # noqa: PTH208 - names are enough


def test_a_missing_folder_is_made_and_an_impossible_one_is_an_error(tmp_path: Path) -> None:
    write_example(tmp_path / "new/folder/config.yaml")
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(SettingsError, match="this file cannot be written"):
        write_example(tmp_path / "file/lumeai.yaml")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SettingsError, match="this file cannot be written"):
        write_example(tmp_path / "folder", force=True)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "new"]  # noqa: PTH208


def test_reading_settings_is_cheap_until_a_file_is_read() -> None:
    code = (
        "import sys, lumeai_cli.settings; print([m for m in ('yaml', 'platformdirs', 'difflib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
