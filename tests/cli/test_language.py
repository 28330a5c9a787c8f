"""What went wrong is told in the language of the person: as the arguments, the environment or the settings have it."""

import re
import socket

import pytest

from tests.cli.process import Home

KEY = "sk-твой-ключ"
RUSSIAN = {"LUMEAI_LANG": "ru"}


def told(home: Home, *arguments: str, exit_code: int = 2, **environment: str) -> str:
    """The one sentence on stderr."""
    done = home.lumeai(*arguments, **environment)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (exit_code, "", 1)
    assert done.stderr.startswith("lumeai: ")
    return done.stderr.removeprefix("lumeai: ").strip()


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--lang", "ru"], {}),
        (["--lang=ru"], {"LUMEAI_LANG": "en"}),
        ([], {"LUMEAI_LANG": "ru"}),
        ([], {"LC_ALL": "ru_RU.UTF-8"}),
        ([], {"LANG": "ru_RU.UTF-8"}),
    ],
)
def test_broken_settings_are_told_in_the_language_asked_for(
    arguments: list[str], environment: dict[str, str], home: Home
) -> None:
    home.write("lumeai.yaml", "doctor:\n\tquick: yes\n")
    said = told(home, "doctor", *arguments, **environment)
    assert said == "lumeai.yaml:2: строка начинается с табуляции: делайте отступ пробелами"


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ([], {}),
        (["--lang", "en"], RUSSIAN),
        ([], {"LUMEAI_LANG": "en", "LANG": "ru_RU.UTF-8"}),
        ([], {"LANG": "de_DE.UTF-8"}),
    ],
)
def test_else_it_is_told_in_english(arguments: list[str], environment: dict[str, str], home: Home) -> None:
    home.write("lumeai.yaml", "doctor:\n\tquick: yes\n")
    assert told(home, "doctor", *arguments, **environment).startswith("lumeai.yaml:2: a tab stands")


@pytest.mark.parametrize("way", ["argument", "environment", "settings"])
def test_an_unknown_target(way: str, home: Home) -> None:
    if way == "settings":
        home.write("lumeai.yaml", "language: ru\n")
    arguments = ["--lang", "ru"] if way == "argument" else []
    said = told(home, "doctor", "ollma", *arguments, **(RUSSIAN if way == "environment" else {}))
    assert said.startswith("сервера «ollma» нет в списке. Возможно, вы имели в виду «ollama»? Есть: g4f, ollama,")
    assert said.endswith("Адрес начинается с http:// или https://.")


def test_the_settings_that_were_asked_for_choose_the_language(home: Home) -> None:
    home.write("other.yaml", "language: ru\n")
    assert told(home, "doctor", "nowhere", "--config", "other.yaml").startswith("сервера «nowhere» нет в списке.")


@pytest.mark.parametrize("arguments", [["--api-key-env", "MY_KEY", "http://127.0.0.1:9/v1"], []])
def test_a_key_that_is_no_key(arguments: list[str], home: Home) -> None:
    variable = "MY_KEY" if arguments else "OPENAI_API_KEY"
    said = told(home, "doctor", *arguments, **{variable: KEY}, **RUSSIAN)
    assert said.startswith(f"переменная окружения {variable}: в ключе есть нелатинские буквы")
    assert "твой" not in said
    assert "sk-т" not in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["explain", "json-for-steam"], "диагноза «json-for-steam» нет. Возможно, вы имели в виду «json-for-stream»?"),
        (["explain"], "укажите код или имя диагноза"),
        (["doctor", "ftp://a"], "адрес «ftp://a» начинается с «ftp»: поддерживаются только http и https"),
        (["doctor", "http://a:b/v1"], "адрес «http://a:b/v1» не годится: не разобрать имя сервера или порт."),
        (["doctor", "http://me:planted@a:b"], "адрес «a:b» не годится"),
        (["doctor", "http://me:planted@a"], "в адресе не должно быть имени пользователя и пароля"),
        (["doctor", "--client", "kilo8"], "--client: клиента «kilo8» нет. Возможно, вы имели в виду «kilo7»?"),
        (["doctor", "--only", "strem"], "--only: пробы «strem» нет. Возможно, вы имели в виду «stream»?"),
        (["doctor", "--format", "jsn"], "--format: «jsn» не подходит. Возможно, вы имели в виду «json»?"),
        (["doctor", "--api-key-env", "MY_KEY"], "к --api-key-env укажите сервер"),
        (["doctor", "--api-key-env", "MY_KEY", "http://a"], "--api-key-env: переменная «MY_KEY» не задана или пуста"),
        (["doctor", "--api-key-env", "sk-planted", "http://a"], "--api-key-env: указанная переменная не задана"),
        (["doctor", "--record", "absent/x.jsonl"], "absent/x.jsonl: сюда нельзя записать файл"),
        (["doctor", "--replay", "absent.jsonl"], "--replay: absent.jsonl: такого файла или папки нет"),
        (["doctor", "--replay", "x.jsonl"], "--replay: x.jsonl: строка 1 повреждена (это не объект JSON)"),
        (["doctor", "--config", "absent.yaml"], "absent.yaml: такого файла нет"),
        (["config", "init", "x.jsonl"], "x.jsonl: этот файл уже есть"),
    ],
)
def test_whatever_cannot_be_meant(arguments: list[str], said: str, inside: Home) -> None:
    inside.write("x.jsonl", "no recording\n")
    russian = told(inside, *arguments, **RUSSIAN)
    assert russian.startswith(said)
    assert "planted" not in russian


def test_a_taken_port(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = told(home, "lab", "serve", "--port", port, exit_code=3, **RUSSIAN)
    assert said.startswith(f"127.0.0.1:{port}: этот порт занят: завершите программу")


def test_the_table_of_settings(inside: Home) -> None:
    done = inside.lumeai("config", "show", **RUSSIAN)
    assert done.exit_code == 0
    assert re.search(r"doctor\.repeat +3 +по умолчанию", done.stdout)
    assert re.search(r"language +ru +переменная окружения LUMEAI_LANG", done.stdout)


def test_a_terminal_without_cyrillic_gets_it_in_latin_letters(home: Home) -> None:
    said = told(home, "doctor", "nowhere", **RUSSIAN, PYTHONIOENCODING="ascii")
    assert said.startswith('servera "nowhere" net v spiske.')
