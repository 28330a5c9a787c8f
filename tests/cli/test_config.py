"""`lumeai config`: writes the example, checks what was made of it, and shows each value with the place it came from."""

import pytest

from tests.cli.process import Home

KEY = "sk-planted-7f3d9a1c5e8b2046"
SETTINGS = """\
language: ru
backends:
- name: mine
  url: http://127.0.0.1:3000/v1
  key_env: MY_KEY
- name: open
  url: http://127.0.0.1:3001/v1
  key: sk-planted-7f3d9a1c5e8b2046
doctor:
  quick: yes
  clients: [kilo7, qwen-code]
"""


def test_the_example_is_written_and_is_fine(home: Home) -> None:
    written = home.lumeai("config", "init")
    checked = home.lumeai("config", "check")
    assert (written.exit_code, written.stderr) == (0, "")
    assert "lumeai.yaml" in written.stdout
    assert (checked.exit_code, checked.stderr) == (0, "")
    assert "backends:" in home.read("lumeai.yaml")


def test_an_existing_file_is_left_as_it_is(inside: Home) -> None:
    inside.write("lumeai.yaml", SETTINGS)
    refused = inside.lumeai("config", "init")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "--force" in refused.stderr
    assert inside.read("lumeai.yaml") == SETTINGS


def test_force_replaces_it(inside: Home) -> None:
    inside.write("lumeai.yaml", SETTINGS)
    assert inside.lumeai("config", "init", "--force").exit_code == 0
    assert KEY not in inside.read("lumeai.yaml")


def test_it_can_be_written_elsewhere(inside: Home) -> None:
    assert inside.lumeai("config", "init", "deep/down/mine.yaml").exit_code == 0
    assert inside.lumeai("config", "check", "--config", "deep/down/mine.yaml").exit_code == 0
    assert not (inside.path / "lumeai.yaml").exists()


def test_a_place_that_cannot_be_written_is_exit_2(inside: Home) -> None:
    inside.write("file", "x")
    done = inside.lumeai("config", "init", "file/lumeai.yaml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "file/lumeai.yaml" in done.stderr


def test_no_settings_are_fine_settings(inside: Home) -> None:
    done = inside.lumeai("config", "check")
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("backend: []\n", 'lumeai.yaml:1: unknown key "backend"; did you mean "backends"?'),
        ("doctor:\n  repeat: 1\n  repeat: 2\n", "lumeai.yaml:3: "),
        ("doctor: [\n", "lumeai.yaml:"),
        ("doctor:\n  clients: [kilo8]\n", "lumeai.yaml:2: "),
        ("backends:\n- name: a\n  url: http://127.0.0.1/v1\n  key: sk-твой-ключ\n", "lumeai.yaml:4: "),
    ],
)
def test_a_mistake_is_exit_2_with_its_line(text: str, said: str, inside: Home) -> None:
    inside.write("lumeai.yaml", text)
    done = inside.lumeai("config", "check")
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_mistake_is_the_same_from_a_real_process(home: Home) -> None:
    home.write("lumeai.yaml", "doctor:\n  quik: yes\n")
    done = home.lumeai("config", "check")
    assert (done.exit_code, done.stdout) == (2, "")
    assert 'lumeai.yaml:2: unknown key "quik"; did you mean "quick"?' in done.stderr


def test_what_works_but_hardly_as_meant_is_told(inside: Home) -> None:
    inside.write("lumeai.yaml", SETTINGS)
    done = inside.lumeai("config", "check")
    assert done.exit_code == 0
    assert "lumeai.yaml:5: " in done.stderr
    assert "MY_KEY" in done.stderr


def test_each_value_is_shown_with_where_it_came_from(inside: Home) -> None:
    inside.write("lumeai.yaml", SETTINGS)
    done = inside.lumeai("config", "show", MY_KEY=KEY, LUMEAI_LANG="en")
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert done.exit_code == 0
    assert rows["language"].split()[1:] == ["en", "environment", "LUMEAI_LANG"]
    assert rows["doctor.quick"].split()[1:] == ["yes", "lumeai.yaml:10"]
    assert rows["doctor.clients"].endswith("lumeai.yaml:11")
    assert rows["doctor.repeat"].split()[1:] == ["3", "default"]
    assert rows["backends.mine.url"].endswith("lumeai.yaml:4")


def test_a_key_is_never_shown(inside: Home) -> None:
    inside.write("lumeai.yaml", SETTINGS)
    done = inside.lumeai("config", "show", MY_KEY=KEY, LUMEAI_LANG="en")
    assert "backends.mine.key" in done.stdout
    assert "environment MY_KEY" in done.stdout
    assert KEY not in done.stdout + done.stderr


def test_the_users_file_is_read_below_the_projects(inside: Home) -> None:
    """Both in one run: what the project does not say, the user's own file says."""
    (inside.path / "lumeai").mkdir()
    inside.write("lumeai/config.yaml", "doctor:\n  repeat: 7\n  timeout: 90\n")
    inside.write("lumeai.yaml", "doctor:\n  repeat: 5\n")
    rows = {line.split()[0]: line.split()[1] for line in inside.lumeai("config", "show").stdout.splitlines()}
    assert (rows["doctor.repeat"], rows["doctor.timeout"]) == ("5", "90")


def test_a_missing_file_is_exit_2(inside: Home) -> None:
    for command in ("check", "show"):
        done = inside.lumeai("config", command, "--config", "absent.yaml")
        assert (done.exit_code, done.stdout) == (2, "")
        assert "absent.yaml" in done.stderr
