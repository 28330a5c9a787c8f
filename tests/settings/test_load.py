from pathlib import Path

import pytest

from lumeai_cli.backends.backend import Kind, Origin
from lumeai_cli.settings import DoctorSettings, ServeSettings, Settings, SettingsError, load, user_file

PROJECT = """\
language: ru
backends:
  - name: my-server
    url: http://127.0.0.1:3000/v1
    kind: lumeai
    key_env: LUMEAI_API_KEY
    model: gpt-4o
doctor:
  timeout: 12.5
  clients: [kilo-xml, kilo7]
  prompt_chars: 72000
  repeat: 5
  slow_after: 7
  budget: 0
  quick: yes
serve:
  host: ::1
  port: 0
  workers: 2
  hold: 5
  keep_alive: 2.5
  first_byte: 60
  silence: 30
  connect: 3
  attempts: 20
  explain: message
  substitute: no
  max_body: 8
  aliases:
    gpt-4o: my-server/qwen3
    fast: Qwen/Qwen3-8B
  grace: 1
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "project").mkdir()
    return tmp_path


def loaded(place: Path, config: Path | None = None, **env: str) -> Settings:
    return load(config=config, env={"LUMEAI_HOME": str(place / "home")} | env, cwd=place / "project")


def test_without_any_file_everything_has_its_default(place: Path) -> None:
    assert loaded(place) == Settings()


def test_a_full_file_sets_everything_and_each_value_knows_its_line(place: Path) -> None:
    (place / "project/lumeai.yaml").write_text(PROJECT, "utf-8")
    settings = loaded(place, LUMEAI_API_KEY="sk-1")
    assert settings.language == "ru"
    assert settings.doctor == DoctorSettings(12.5, ("kilo-xml", "kilo7"), 72000, 5, 7.0, 0, quick=True)
    assert settings.serve == ServeSettings(
        "::1",
        0,
        2,
        hold=5.0,
        keep_alive=2.5,
        first_byte=60.0,
        silence=30.0,
        connect=3.0,
        attempts=20,
        explain="message",
        substitute=False,
        max_body=8,
        aliases=(("gpt-4o", "my-server/qwen3"), ("fast", "Qwen/Qwen3-8B")),
        grace=1.0,
    )
    [backend] = settings.backends
    assert (backend.name, backend.url, backend.kind, backend.model, backend.origin) == (
        "my-server",
        "http://127.0.0.1:3000/v1",
        Kind.LUMEAI,
        "gpt-4o",
        Origin.CONFIG,
    )
    assert backend.key is not None
    assert (backend.key.reveal(), backend.key.source) == ("sk-1", "environment LUMEAI_API_KEY")
    assert settings.origin("doctor.timeout") == "lumeai.yaml:9"
    assert settings.origin("serve.hold") == "lumeai.yaml:20"
    assert settings.origin("serve.aliases.fast") == "lumeai.yaml:31"
    assert settings.origin("backends.my-server.url") == "lumeai.yaml:4"
    assert settings.origin("language") == "lumeai.yaml:1"
    assert settings.warnings == ()
    assert settings.files == ("lumeai.yaml",)


@pytest.mark.parametrize(
    ("user", "project", "dotenv", "env", "language", "where"),
    [
        ("", "", "", "", None, "default"),
        ("ru", "", "", "", "ru", "{home}/config.yaml:1"),
        ("ru", "en", "", "", "en", "lumeai.yaml:1"),
        ("ru", "en", "ru", "", "ru", ".env:1"),
        ("ru", "en", "ru", "en", "en", "environment LUMEAI_LANG"),
    ],
)
def test_the_stronger_layer_wins(
    place: Path, *, user: str, project: str, dotenv: str, env: str, language: str | None, where: str
) -> None:
    for path, text in (
        ("home/config.yaml", user and f"language: {user}"),
        ("project/lumeai.yaml", project and f"language: {project}"),
        ("project/.env", dotenv and f"LUMEAI_LANG={dotenv}"),
    ):
        if text:
            (place / path).write_text(text, "utf-8")
    settings = loaded(place, **({"LUMEAI_LANG": env} if env else {}))
    assert settings.language == language
    assert settings.origin("language") == where.format(home=place / "home")


def test_layers_add_up_key_by_key_but_a_list_replaces_a_list(place: Path) -> None:
    (place / "home/config.yaml").write_text(
        "backends: [{name: a, url: 'http://a/v1', key_env: UNSET}]\ndoctor: {repeat: 9, timeout: 1}\n", "utf-8"
    )
    (place / "project/lumeai.yaml").write_text(
        "backends: [{name: b, url: 'http://b/v1'}]\ndoctor: {repeat: 4}", "utf-8"
    )
    settings = loaded(place)
    assert [backend.name for backend in settings.backends] == ["b"]
    assert (settings.doctor.repeat, settings.doctor.timeout) == (4, 1.0)
    assert settings.warnings == ()
    assert not any(key.startswith("backends.a") for key in settings.origins)


def test_the_aliases_of_the_project_replace_those_of_the_user(place: Path) -> None:
    (place / "home/config.yaml").write_text("serve: {aliases: {a: x, b: y}, attempts: 2}\n", "utf-8")
    (place / "project/lumeai.yaml").write_text("serve: {aliases: {c: z}}", "utf-8")
    assert loaded(place).serve == ServeSettings(aliases=(("c", "z"),), attempts=2)


@pytest.mark.parametrize("others", ["", "- {name: a, url: 'http://127.0.0.1:1337/v1'}\n"])
def test_the_builtin_backend_needs_a_name_alone(place: Path, others: str) -> None:
    (place / "project/lumeai.yaml").write_text(f"backends:\n- {{name: last, kind: builtin}}\n{others}", "utf-8")
    backend = loaded(place).backends[0]
    assert (backend.name, backend.url, backend.kind, backend.origin) == ("last", "", Kind.BUILTIN, Origin.CONFIG)


def test_a_given_file_replaces_both_others(place: Path) -> None:
    (place / "home/config.yaml").write_text("doctor: {repeat: 9}", "utf-8")
    (place / "project/lumeai.yaml").write_text("language: ru", "utf-8")
    (place / "project/other.yaml").write_text("doctor: {timeout: 5}", "utf-8")
    settings = loaded(place, config=Path("other.yaml"))
    assert (settings.language, settings.doctor) == (None, DoctorSettings(timeout=5.0))
    assert settings.origin("doctor.timeout") == "other.yaml:1"


def test_a_given_file_that_is_missing_is_an_error(place: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.yaml: there is no such file"):
        loaded(place, config=Path("nowhere.yaml"))


def test_a_folder_in_the_place_of_the_file_is_an_error_but_a_folder_called_dotenv_is_not(place: Path) -> None:
    (place / "project/.env").mkdir()
    loaded(place)
    (place / "project/lumeai.yaml").mkdir()
    with pytest.raises(SettingsError, match=r"lumeai\.yaml: this file cannot be read"):
        loaded(place)


@pytest.mark.parametrize(
    ("dotenv", "env", "key", "source"),
    [
        ("", {"TOKEN": "from-env"}, "from-env", "environment TOKEN"),
        ("\nTOKEN=from-file\n", {}, "from-file", ".env:2"),
        ("TOKEN=from-file", {"TOKEN": "from-env"}, "from-env", "environment TOKEN"),
    ],
)
def test_key_env_looks_into_the_environment_then_into_dotenv(
    place: Path, dotenv: str, env: dict[str, str], key: str, source: str
) -> None:
    (place / "project/lumeai.yaml").write_text("backends: [{name: a, url: 'http://[::1]/v1', key_env: TOKEN}]", "utf-8")
    (place / "project/.env").write_text(dotenv, "utf-8")
    secret = loaded(place, **env).backends[0].key
    assert secret is not None
    assert (secret.reveal(), secret.source) == (key, source)


def test_a_file_that_merely_lay_in_the_folder_draws_no_key_out_of_the_environment(place: Path) -> None:
    """It may have come with a stranger's repository; named with --config, or with its key beside it, it is trusted."""
    entry = "backends: [{name: a, url: 'https://stranger.example/v1', key_env: TOKEN}]"
    (place / "project/lumeai.yaml").write_text(entry, "utf-8")
    settings = loaded(place, TOKEN="from-env")
    assert settings.backends[0].key is None
    assert [warning.where for warning in settings.warnings] == ["lumeai.yaml:1"]
    assert loaded(place, config=Path("lumeai.yaml"), TOKEN="from-env").backends[0].key is not None
    (place / "project/.env").write_text("TOKEN=from-file", "utf-8")
    assert loaded(place).backends[0].key is not None


@pytest.mark.parametrize("env", [{}, {"TOKEN": ""}])
def test_a_variable_that_is_not_set_is_a_warning_with_its_line(place: Path, env: dict[str, str]) -> None:
    (place / "project/lumeai.yaml").write_text("backends:\n- name: a\n  url: http://a/v1\n  key_env: TOKEN", "utf-8")
    settings = loaded(place, **env)
    assert settings.backends[0].key is None
    [warning] = settings.warnings
    assert str(warning).startswith("lumeai.yaml:4: the environment variable TOKEN is not set")


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://127.0.0.1:3000/v1", False),
        ("http://localhost:3000/v1", False),
        ("http://[::1]:3000/v1", False),
        ("https://llm.example.com/v1", False),
        ("http://llm.example.com/v1", True),
        ("http://192.168.0.7:3000/v1", True),
    ],
)
def test_a_key_that_would_cross_the_network_in_the_open_is_a_warning(place: Path, url: str, *, warned: bool) -> None:
    (place / "project/lumeai.yaml").write_text(f"backends: [{{name: a, url: '{url}', key: sk-1}}]", "utf-8")
    assert bool(loaded(place).warnings) is warned


def test_the_language_of_the_environment_is_checked_too(place: Path) -> None:
    with pytest.raises(SettingsError, match=r'environment LUMEAI_LANG: .* one of en, ru, found "rus"'):
        loaded(place, LUMEAI_LANG="rus")


def test_the_users_file_is_under_lumeai_home_else_where_the_system_keeps_settings() -> None:
    assert user_file({"LUMEAI_HOME": "/some/where"}) == Path("/some/where/config.yaml")
    assert user_file({}).parts[-2:] == ("lumeai", "config.yaml")
