"""What a settings file may say, and the sentence for each thing it may not."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.settings.configfile import Layer, read_layer
from lumeai_cli.settings.dotenv import Dotenv
from lumeai_cli.settings.error import SettingsError
from lumeai_cli.settings.yamlfile import LIMIT, parse_yaml, read_yaml

PLANTED = "sk-planted-0123456789abcdef"
BACKEND = "backends:\n- name: a\n  url: http://a/v1\n"


def read(text: str | bytes) -> Layer:
    data = text.encode() if isinstance(text, str) else text
    return read_layer(parse_yaml(data, "lumeai.yaml"), {}, Dotenv())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("backend: []", '1: unknown key "backend"; did you mean "backends"? Valid keys here: language, backends, doct'),
        ("doctor:\n  slow-after: 3", '2: unknown key "slow-after"; did you mean "slow_after"?'),
        (BACKEND + "  modell: x", '4: unknown key "modell"; did you mean "model"?'),
        ("zebra: 1", '1: unknown key "zebra". Valid keys here'),
        ("<<: {}", '1: unknown key "<<".'),
        ("language: de", '1: "language" is one of en, ru, found "de"'),
        (BACKEND + "  kind: olama", '4: "kind" is one of g4f, ollama'),
        (BACKEND + "  kind: olama", '(did you mean "ollama"?)'),
        ("- a\n- b", '1: "the settings" takes a group of `key: value` lines, found a list'),
        ("doctor:\n  timeout: soon", '2: "timeout" takes a number of seconds above 0, in plain digits, found "soon"'),
        ("doctor:\n  timeout: [1]", '2: "timeout" takes a number of seconds above 0, in plain digits, found a list'),
        ("doctor:\n  timeout: 0", "2: "),
        ("doctor:\n  timeout: .inf", "2: "),
        ("doctor:\n  timeout: 12:30", '2: "timeout" takes a number of seconds above 0, in plain digits, found "12:30"'),
        ("doctor:\n  repeat: 1_000", '2: "repeat" takes a whole number from 1 to 1000, in plain digits, found "1_000"'),
        ("doctor:\n  repeat: 0x1F", "2: "),
        ("doctor:\n  repeat: 0", "2: "),
        ("doctor:\n  budget: -1", "2: "),
        ("doctor:\n  budget: " + "9" * 5000, "2: "),
        ("doctor:\n  quick: maybe", '2: "quick" takes yes or no, found "maybe"'),
        ("doctor:\n  clients: []", '2: "clients" is an empty list'),
        ("backends: http://a/v1", '1: "backends" takes a list (lines that start with `- `), found "http://a/v1"'),
        ("backends:\n- http://a/v1", '2: "a backend" takes a group of `key: value` lines'),
        ("backends:\n- name: a", '2: this backend has no "url"'),
        ("backends:\n- url: http://a/v1", '2: this backend has no "name"'),
        (BACKEND + "- name: a\n  url: http://b/v1", '4: two backends are called "a" (the first at lumeai.yaml:2)'),
        ("backends:\n- name: ''\n  url: http://a/v1", '2: "name" is empty'),
        ("backends:\n- name:\n  url: http://a/v1", '2: "name" takes a text, found nothing'),
        ('backends:\n- name: "a\\e[31m"\n  url: http://a/v1', '2: "name" holds a control character'),
        ('backends:\n- name: "\\ud800"\n  url: http://a/v1', '2: "name" holds a control character'),
        ("backends:\n- name: a/b\n  url: http://a/v1", "2: a backend's name holds no `/`"),
        ("serve:\n  keepalive: 3", '2: unknown key "keepalive"; did you mean "keep_alive"?'),
        ("serve: yes", '1: "serve" takes a group of `key: value` lines, found "yes"'),
        ("serve:\n  port: 65536", '2: "port" takes a whole number from 0 to 65535, in plain digits, found "65536"'),
        ("serve:\n  port: 5864x", "2: "),
        ("serve:\n  workers: 0", '2: "workers" takes a whole number from 1 to 64'),
        ("serve:\n  attempts: 21", '2: "attempts" takes a whole number from 1 to 20'),
        ("serve:\n  attempts: 0", '2: "attempts" takes a whole number from 1 to 20'),
        ("serve:\n  max_body: 0", '2: "max_body" takes a whole number from 1 to 1024'),
        ("serve:\n  hold: -1", '2: "hold" takes a number of seconds above 0'),
        ("serve:\n  grace: forever", '2: "grace" takes a number of seconds above 0'),
        ("serve:\n  host: ''", '2: "host" is empty'),
        ("serve:\n  host: [a]", '2: "host" takes a text, found a list'),
        ("serve:\n  explain: errors", '2: "explain" is one of error, message, found "errors" (did you mean "error"?)'),
        ("serve:\n  substitute: perhaps", '2: "substitute" takes yes or no, found "perhaps"'),
        ("serve:\n  aliases: gpt-4o", '2: "aliases" takes a group of `key: value` lines, found "gpt-4o"'),
        ("serve:\n  aliases:\n    a: b\n    gpt-4o:", '4: "aliases" takes a text, found nothing'),
        ("serve:\n  aliases:\n    gpt-4o: [a]", '3: "aliases" takes a text, found a list'),
        ("serve:\n  aliases:\n    gpt-4o: ''", '3: "aliases" is empty'),
        ("serve:\n  aliases:\n    '': b", '3: "aliases" is empty'),
        ('serve:\n  aliases:\n    "a\\n": b', '3: "aliases" holds a control character'),
        ('serve:\n  aliases:\n    a: "b\\r\\n"', '3: "aliases" holds a control character'),
        ("serve:\n  aliases:\n    a: b\n    c: c", '4: the alias "c" stands for itself'),
        ("serve:\n  aliases:\n    a: b\n    a: c", '4: the key "a" is given twice (first at lumeai.yaml:3)'),
        ("backends:\n- kind: builtin", '2: this backend has no "name"'),
        ("backends:\n- name: a\n  kind: builtin\n  url: http://a/v1", "4: a backend of kind `builtin` answers inside"),
        ("backends:\n- name: a\n  kind: builtin\n  key_env: KEY", "remove `key_env`"),
        ("backends:\n- name: a\n  kind: builtin\n  model: x", "remove `model`"),
        (BACKEND + "- name: a\n  kind: builtin", '4: two backends are called "a" (the first at lumeai.yaml:2)'),
        (BACKEND + "  key: x\n  key_env: Y", "4: both `key` and `key_env` are given"),
        (BACKEND + "  key: ''", "4: the key is empty"),
        (BACKEND + "  key:", "4: the key is empty"),
        (BACKEND + "  key: [x]", '4: "key" takes a text'),
        (BACKEND + "  key: sk-твой-ключ", "4: the key holds letters that are not Latin"),
        (BACKEND + "  key_env: sk-1", "4: `key_env` takes the NAME of an environment variable"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_its_cure(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        read(text)
    assert str(error.value).startswith("lumeai.yaml:")
    assert said in str(error.value).removeprefix("lumeai.yaml:")


@pytest.mark.parametrize(
    "url",
    ["a:3000/v1", "ftp://a/v1", "http://", "http:///v1", "http://a:99999/v1", "http://a:0/", "http://[::1", "'a b'"],
)
def test_a_url_that_nothing_can_call_is_an_error(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^lumeai\.yaml:3: the URL"):
        read(f"backends:\n- name: a\n  url: {url}")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("language: en\nlanguage: ru", 2, 'the key "language" is given twice (first at lumeai.yaml:1)'),
        ("doctor:\n\ttimeout: 3", 2, "a tab stands"),
        ("language: ru: en", 1, "a ':' stands where none can be"),
        ('language: ru\ndoctor: {repeat: "3\n', 2, "opened here and never closed"),
        ("doctor:\n  repeat: 3\n quick: no", 3, "the indentation does not fit"),
        ("doctor:\n  repeat: 3\n  timeout 3", 3, "a ':' is missing after this key"),
        ("language: @ru", 1, "a value cannot start with this character"),
        ("doctor: [1, 2", 1, "a bracket is opened here"),
        ("language: en\n---\nlanguage: ru", 2, "a second document starts here"),
        ("doctor: &d {repeat: 3}", 1, "anchors and aliases"),
        ("doctor: *d", 1, "anchors and aliases"),
        ("language: !!python/name:os.system x", 1, "tags"),
        ("? [a]\n: b", 1, "a key must be a plain word"),
        ("doctor: " + "[" * 2000, 1, "nested too deeply"),
        ("language: en\n# \x07", 2, "a control character"),
    ],
)
def test_broken_yaml_is_told_in_plain_words(text: str, line: int, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        read(text)
    assert error.value.where == f"lumeai.yaml:{line}"
    assert said in str(error.value)


def test_a_file_in_another_encoding_is_an_error_with_its_line() -> None:
    with pytest.raises(SettingsError, match=r"lumeai\.yaml:2: this line is not UTF-8"):
        read(b"language: ru\n# \xef\xf0\xe8\xe2\xe5\xf2")
    with pytest.raises(SettingsError, match="UTF-16"):
        read("language: ru".encode("utf-16"))


def test_a_file_beyond_a_mebibyte_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_bytes(b"#" * (LIMIT + 1))
    with pytest.raises(SettingsError, match=r"big\.yaml: this file is larger than 1024 KiB"):
        read_yaml(tmp_path / "big.yaml", "big.yaml")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("# only a comment", {}),
        ("---\nlanguage: en\n...", {"language": "en"}),
        ("\ufefflanguage: en\r\ndoctor:\r\n  repeat: 2", {"language": "en", "doctor.repeat": 2}),
        ("language:\nbackends:\ndoctor:\n  budget: ~", {}),
        ("backends: []", {"backends": ()}),
        ("doctor: {quick: on, timeout: '30', clients: kilo7}", {"quick": True, "timeout": 30.0, "clients": ("kilo7",)}),
        ("doctor: {quick: False, repeat: 010}", {"quick": False, "repeat": 10}),
    ],
)
def test_what_is_left_empty_is_not_given_and_scalars_are_no_traps(text: str, values: dict[str, object]) -> None:
    expected = {
        key if key in ("language", "backends") else f"doctor.{key.removeprefix('doctor.')}": value
        for key, value in values.items()
    }
    assert read(text).values == expected


@pytest.mark.parametrize(
    "text",
    [
        f"{PLANTED}: 1",
        f"language: {PLANTED}",
        f"{BACKEND}  kind: {PLANTED}",
        f"{BACKEND}  key_env: {PLANTED}",
        f"{BACKEND}  key: {PLANTED}\n  key: {PLANTED}",
        f"{BACKEND}  key: {PLANTED}: {PLANTED}",
        f"{BACKEND}  key: *{PLANTED}",
        f"{BACKEND}  key: &{PLANTED} x",
        f"{BACKEND}  key: '{PLANTED}",
        f"{BACKEND}  key: {PLANTED} ключ",
        f"{BACKEND}  key: !{PLANTED} x",
        f"{BACKEND}  key: {{{PLANTED}: x}}",
        f"{BACKEND}  {PLANTED}\n  key: x",
        f"{BACKEND}  key: {PLANTED}\n  key_env: X",
        f"{BACKEND}  key: [{PLANTED}]",
        f"{BACKEND}  key: {PLANTED} {PLANTED}",
        f'{BACKEND}  key: "{PLANTED}\\n"',
        f"backends:\n- name: a\n  url: {PLANTED}",
        f"backends:\n- name: a\n  url: http://user:{PLANTED}@a/v1",
        f"backends: {PLANTED}",
        f"doctor: {{timeout: {PLANTED}}}",
        f"doctor: {{quick: {PLANTED}}}",
        f"serve: {{explain: {PLANTED}}}",
        f"serve: {{aliases: {PLANTED}}}",
        f"serve: {{aliases: {{{PLANTED}: {PLANTED}}}}}",
        f"serve: {{aliases: {{{PLANTED}: }}}}",
        f"serve: {{aliases: {{a: [{PLANTED}]}}}}",
    ],
)
def test_a_key_in_whatever_wrong_place_is_never_repeated(text: str) -> None:
    with pytest.raises(SettingsError) as error:
        read(text)
    assert "planted" not in str(error.value) + repr(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_a_key_given_as_the_name_of_a_variable_is_not_repeated_by_the_warning() -> None:
    layer = read(f"{BACKEND}  key_env: gsk_planted0123456789")
    assert "planted" not in repr(layer.warnings)


def test_no_repr_on_the_way_holds_the_key() -> None:
    text = f"{BACKEND}  key: {PLANTED}\n"
    layer = read(text)
    assert PLANTED not in repr(parse_yaml(text.encode(), "lumeai.yaml")) + repr(layer) + repr(layer.values)


YAMLISH = st.text(alphabet=st.sampled_from(string.ascii_lowercase + "\n\n  :-[]{}'\"#&*!|>%@\\\t,?~0\u2028\x85\ud800ж"))
WORDS = st.lists(
    st.sampled_from(
        ["language", "backends", "doctor", "name", "url", "key", "key_env", "timeout", ": ", "\n", "\n  ", "- ", "ru",
         "[", "]", "{", "}", "'", '"', "http://a/v1", "\\U99999999", "\\ud800", "300", "~", "%YAML 1.", "---", "|"]
    )
).map("".join)  # fmt: skip


@given(st.one_of(st.text(), YAMLISH, WORDS, st.binary()))
def test_any_text_is_settings_or_a_settings_error(text: str | bytes) -> None:
    try:
        read(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    except SettingsError as error:
        str(error).encode()
