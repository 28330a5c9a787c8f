"""Bad input to the doctor is one clear sentence on stderr and exit 2, before anything is asked of anybody."""

import pytest

from lumeai_cli.lab import LabServer
from tests.cli.process import Home, Run

SOMEWHERE = "http://127.0.0.1:9/v1"
CYRILLIC_KEY = "sk-твой-ключ"


def refused(done: Run) -> str:
    """The one sentence of a refusal."""
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("lumeai: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "'nowhere' is no backend"),
        (["ollma"], "Did you mean 'ollama'?"),
        ([""], "'' is no backend"),
        (["127.0.0.1:8080/v1"], "A URL begins with http:// or https://"),
        (["ftp://127.0.0.1/v1"], "only http and https"),
        (["http://"], "no host"),
        (["http://127.0.0.1:99999/v1"], "no usable URL"),
        (["http://127.0.0.1:http/v1"], "no usable URL"),
        (["http://127.0.0.1 /v1"], "no usable URL"),
        (["http://[::1/v1"], "no usable URL"),
        ([SOMEWHERE, "--client", "kilo-xlm"], "Did you mean 'kilo-xml'?"),
        ([SOMEWHERE, "--client", "emacs"], "Known are: kilo-xml"),
        ([SOMEWHERE, "--only", "stream,plian"], "Did you mean 'plain'?"),
        ([SOMEWHERE, "--skip", "everything"], "'everything' is no probe"),
        ([SOMEWHERE, "--format", "jsn"], "Did you mean 'json'?"),
        ([SOMEWHERE, "--format", "sarif"], "Known are: text, json, markdown"),
        ([SOMEWHERE, "--lang", "de"], "Known are: en, ru"),
        ([SOMEWHERE, "--color", "allways"], "Did you mean 'always'?"),
        ([SOMEWHERE, "--config", "absent.yaml"], "absent.yaml: there is no such file"),
        ([SOMEWHERE, "--config", "."], "cannot be read"),
        ([SOMEWHERE, "--output", "absent/report.json"], "absent/report.json"),
        ([SOMEWHERE, "--record", "."], "no file can be written"),
        (["--replay", "absent.jsonl"], "absent.jsonl: No such file"),
        (["--replay", "."], "--replay"),
        (["--replay", "x.jsonl", SOMEWHERE], "--replay"),
        (["--replay", "x.jsonl", "--demo"], "--replay"),
        (["--demo", SOMEWHERE], "--demo"),
        (["--api-key-env", "KEY"], "--api-key-env needs a target"),
        ([SOMEWHERE, "--api-key-env", "KEY"], "'KEY' is not set"),
    ],
)
def test_what_cannot_be_meant_is_told(arguments: list[str], said: str, inside: Home) -> None:
    assert said in refused(inside.lumeai("doctor", *arguments))


@pytest.mark.parametrize("arguments", [["nowhere"], [SOMEWHERE, "--format", "xml"], ["--replay", "absent.jsonl"]])
def test_a_refusal_is_the_same_from_a_real_process(arguments: list[str], home: Home) -> None:
    refused(home.lumeai("doctor", *arguments))


def test_a_configured_backend_is_suggested_too(inside: Home) -> None:
    inside.write("lumeai.yaml", f"backends:\n- name: my-server\n  url: {SOMEWHERE}\n")
    assert "Did you mean 'my-server'?" in refused(inside.lumeai("doctor", "my-sever"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("doctor:\n  quick: yes\n   repeat: 2\n", "lumeai.yaml:3: "),
        ("doctor:\n\tquick: yes\n", "lumeai.yaml:2: a tab"),
        ("backends: [\n", "lumeai.yaml:"),
        ("language: en\nlanguage: ru\n", "lumeai.yaml:2: "),
        ("doctor:\n  quik: yes\n", 'lumeai.yaml:2: unknown key "quik"; did you mean "quick"?'),
        ("doctor:\n  clients: [kilo-xlm]\n", "lumeai.yaml:2: "),
        ("backends:\n- name: a\n  url: example.org\n", "lumeai.yaml:3: "),
        (b"language: \xff\n", "lumeai.yaml:1: "),
    ],
)
def test_broken_settings_are_told_with_their_line(text: str | bytes, said: str, inside: Home) -> None:
    inside.write("lumeai.yaml", text)
    assert said in refused(inside.lumeai("doctor", SOMEWHERE))


def test_a_config_is_read_instead_of_the_others(inside: Home, lab: LabServer) -> None:
    inside.write("lumeai.yaml", "this: is wrong")
    inside.write("other.yaml", f"backends:\n- name: mine\n  url: {lab.url('healthy-plain')}\ndoctor:\n  quick: yes\n")
    done = inside.doctor("mine", "--config", "other.yaml")
    assert (done.exit_code, done.target["name"]) == (0, "mine")
    assert done.probe("agent-xml")["status"] == "skipped"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (CYRILLIC_KEY, "letters that are not Latin"),
        ("sk-“quoted”", "no HTTP header can carry"),
        ("sk-with space", "a space or a line break"),
        ("sk-with\x07bell", "a control character"),
        ("", "is not set, or empty"),
    ],
)
def test_a_key_that_no_header_can_carry_is_told_without_showing_it(key: str, said: str, inside: Home) -> None:
    told = refused(inside.lumeai("doctor", SOMEWHERE, "--api-key-env", "KEY", KEY=key))
    assert said in told
    assert "KEY" in told
    assert not key or key not in told


def test_the_placeholder_of_a_manual_is_told_by_a_real_process_too(home: Home) -> None:
    told = refused(home.lumeai("doctor", SOMEWHERE, "--api-key-env", "KEY", KEY=CYRILLIC_KEY))
    assert "твой" not in told


def test_a_key_in_the_url_is_refused_and_not_repeated(inside: Home) -> None:
    told = refused(inside.lumeai("doctor", "http://user:sk-planted-12345@127.0.0.1:9/v1"))
    assert "--api-key-env" in told
    assert "planted" not in told


def test_a_bad_address_in_the_environment_names_its_variable(inside: Home) -> None:
    assert "OPENAI_BASE_URL" in refused(inside.lumeai("doctor", OPENAI_BASE_URL="not a url"))


def test_a_bad_variable_does_not_stop_who_does_not_need_it(inside: Home, lab: LabServer) -> None:
    """The URL is given; what some other program keeps in the environment is none of this run's business."""
    done = inside.doctor(lab.url("healthy-plain"), "--quick", OPENAI_BASE_URL="not a url", OPENAI_API_KEY="ключ")
    assert done.exit_code == 0
    assert "OPENAI_BASE_URL" in refused(inside.lumeai("doctor", "openai", OPENAI_BASE_URL="not a url"))


def test_a_file_that_cannot_be_written_is_told_before_the_examination(inside: Home, own_lab: LabServer) -> None:
    refused(inside.lumeai("doctor", own_lab.url("healthy-plain"), "--record", "absent/exchanges.jsonl"))
    assert own_lab.requests == []
