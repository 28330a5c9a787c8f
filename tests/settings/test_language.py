"""Every mistake is told in Russian too: with the same place, the same names, and no English left over."""

import re
from pathlib import Path

import pytest

from lumeai_cli.settings import Settings, SettingsError, check_key, discover, load, looked_for, rows
from lumeai_cli.settings.configfile import read_layer
from lumeai_cli.settings.dotenv import Dotenv, parse_dotenv
from lumeai_cli.settings.yamlfile import parse_yaml
from lumeai_cli.text.phrase import put

BACKEND = "backends:\n- name: a\n  url: http://a/v1\n"
ENGLISH = re.compile(r"\b(the|a|an|is|are|not|this|one|of|key|value|line|found|takes|environment)\b")


def mistake(text: str) -> SettingsError:
    with pytest.raises(SettingsError) as error:
        read_layer(parse_yaml(text.encode(), "lumeai.yaml"), {}, Dotenv())
    return error.value


def plain(text: str) -> str:
    """The text without what is the same in every language: names in quotes and code in backticks."""
    return re.sub(r"`[^`]*`|«[^»]*»", "", text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("backend: []", "неизвестный параметр «backend»; возможно, вы имели в виду «backends»? Здесь допустимы: lang"),
        ("zebra: 1", "неизвестный параметр «zebra». Здесь допустимы: language, backends, doctor, serve, keys."),
        ("x" * 30 + ": 1", "неизвестный параметр текст (символов: 30)."),
        ("language: de", "«language»: выберите одно из: en, ru; сейчас там «de»"),
        (f"{BACKEND}  kind: olama", "«olama» (возможно, вы имели в виду «ollama»?)"),
        ("- a", "«файл настроек»: здесь ожидается группа строк `параметр: значение`, а сейчас там список"),
        ("backends:\n- x", "«запись о сервере»: здесь ожидается группа строк"),
        ("backends: x", "«backends»: здесь ожидается список (строки, которые начинаются с `- `), а сейчас там «x»"),
        ("backends:\n- name:\n  url: http://a/v1", "«name»: здесь ожидается текст, а сейчас там пусто"),
        ("doctor:\n  repeat: {}", "ожидается целое число от 1 до 1000, только цифрами, а сейчас там группа параметров"),
        ("doctor:\n  timeout: soon", "«timeout»: здесь ожидается число секунд больше 0, только цифрами"),
        ("doctor:\n  quick: maybe", "«quick»: здесь ожидается yes или no, а сейчас там «maybe»"),
        ("doctor:\n  clients: []", "«clients»: список пуст"),
        ("doctor:\n  clients: ['']", "параметр «clients» пуст"),
        (f"{BACKEND}- name: a\n  url: http://b/v1", "два сервера названы «a» (первый: lumeai.yaml:2)"),
        ("backends:\n- name: a", "у этого сервера не указано «url»: добавьте строку `url: ...`"),
        ("backends:\n- name: a/b\n  url: http://a/v1", "в имени сервера не может быть `/`"),
        ("backends:\n- name: a\n  url: a", "адрес должен начинаться с http:// или https://"),
        (f"{BACKEND}  key: x\n  key_env: Y", "указаны и `key`, и `key_env`: оставьте что-то одно"),
        (f"{BACKEND}  key_env: sk-1", "в `key_env` нужно ИМЯ переменной окружения"),
        (f"{BACKEND}  key: sk-твой-ключ", "в ключе есть нелатинские буквы"),
        ("language: en\nlanguage: ru", "параметр «language» указан дважды (впервые: lumeai.yaml:1)"),
        ("doctor:\n\trepeat: 3", "строка начинается с табуляции: делайте отступ пробелами"),
        ("doctor: [\n", "файл кончается здесь"),
        ('language: "ru', "здесь открыта кавычка или скобка"),
    ],
)
def test_a_mistake_is_told_in_russian(text: str, said: str) -> None:
    error = mistake(text)
    russian = error.in_("ru")
    assert said in russian
    assert russian.startswith(f"{error.where}: ")
    assert not ENGLISH.search(plain(russian))
    assert str(error) == error.in_("en") != russian


@pytest.mark.parametrize("text", ["", "sk-твой-ключ", "“sk-planted”", "sk planted", "sk-planted\x07"])
def test_a_key_that_cannot_be_sent_is_told_in_russian_and_not_shown(text: str) -> None:
    with pytest.raises(SettingsError) as error:
        check_key(text, "environment KEY")
    russian = error.value.in_("ru")
    assert russian.startswith(("переменная окружения KEY: ключ пуст", "переменная окружения KEY: в ключе есть"))
    assert "planted" not in russian
    assert "твой" not in russian


def test_a_file_that_is_no_file_is_told_in_russian(tmp_path: Path) -> None:
    (tmp_path / "lumeai.yaml").mkdir()
    with pytest.raises(SettingsError) as error:
        load(config=None, env={"LUMEAI_HOME": str(tmp_path)}, cwd=tmp_path)
    assert error.value.in_("ru").startswith("lumeai.yaml: этот файл не прочитать (")
    assert not ENGLISH.search(error.value.in_("ru"))


def test_a_warning_speaks_russian() -> None:
    [warning] = read_layer(parse_yaml(f"{BACKEND}  key_env: TOKEN".encode(), "lumeai.yaml"), {}, Dotenv()).warnings
    assert warning.in_("ru").startswith("lumeai.yaml:4: переменная окружения TOKEN не задана")


def test_a_key_held_back_is_told_in_russian() -> None:
    env = {"OPENAI_API_KEY": "sk-planted"}
    [note] = discover(env, parse_dotenv("OPENAI_BASE_URL=http://elsewhere.example/v1")).notes
    assert note.in_("ru").startswith(
        "OPENAI_API_KEY (переменная окружения OPENAI_API_KEY) не отправляется на адрес из OPENAI_BASE_URL (.env:1)"
    )
    assert "planted" not in note.in_("ru")


def test_how_to_start_a_server_is_told_in_russian_and_commands_stay_commands() -> None:
    starts = {candidate.name: [put(words, "ru") for words in candidate.start] for candidate in looked_for()}
    assert starts["openai"] == ["OPENAI_API_KEY=... (в окружении или в .env)"]
    assert starts["ollama"] == ["ollama serve"]


def test_the_table_of_settings_speaks_russian() -> None:
    shown = {row.key: row for row in rows(Settings(), "ru")}
    assert {row.where for row in shown.values()} == {"по умолчанию"}
    assert shown["backends"].value == "нет (ищутся местные серверы)"
    assert shown["doctor.prompt_chars"].value == "свой размер у каждого клиента"
