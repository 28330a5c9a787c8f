"""`lumeai keys` as people and programs use it: the key once, alone; a mistake one sentence; no key anywhere else."""

import csv
import io
import json
import os
import re
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lumeai_cli.keys.store import SqliteKeyStore
from lumeai_cli.keys.token import Token, made_of, parse
from lumeai_cli.keys.usage import Gathered, Use
from tests.cli.process import PROGRAM, Home, Run

FORM = re.compile(r"sk-lumeai-[0-9A-Za-z]{49}\n")


def keys(home: Home, *arguments: str, **environment: str) -> Run:
    """Runs `lumeai keys`, in English."""
    return home.lumeai("keys", *arguments, **{"LUMEAI_LANG": "en", **environment})


def created(home: Home, *arguments: str) -> str:
    """A new key's text."""
    done = keys(home, "create", *arguments)
    assert done.exit_code == 0, done.stderr
    assert FORM.fullmatch(done.stdout)
    return done.stdout.strip()


def listed(home: Home) -> dict[str, dict[str, object]]:
    """All keys by name, as programs see them."""
    done = keys(home, "list", "--json")
    assert done.exit_code == 0
    return {entry["name"]: entry for entry in json.loads(done.stdout)}


def refused(done: Run, said: str) -> None:
    """Exit 2, nothing on stdout, one sentence."""
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def verified(home: Home, text: str | bytes, *arguments: str, **environment: str) -> Run:
    """Hands a text to `verify`, through a pipe."""
    done = subprocess.run(
        [*PROGRAM, "keys", "verify", *arguments],
        input=text if isinstance(text, bytes) else text.encode(),
        cwd=home.path,
        env=home.environment({"LUMEAI_LANG": "en", **environment}),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode())


def store_of(home: Home) -> Path:
    """Where its keys are."""
    return home.path / "lumeai" / "keys.db"


# --- making one -------------------------------------------------------------------------------------------------------


def test_a_key_is_printed_once_and_alone(inside: Home) -> None:
    done = keys(inside, "create", "anna")
    assert FORM.fullmatch(done.stdout)
    assert "shown this once" in done.stderr
    for command in (["list"], ["show", "anna"], ["list", "--json"], ["show", "anna", "--json"], ["usage"]):
        assert done.stdout.strip() not in keys(inside, *command).stdout
    assert keys(inside, "create", "bert", "-q").stderr == ""


def test_as_json_it_has_all_that_was_asked_for(inside: Home) -> None:
    done = keys(
        inside, "create", "anna", "--expires", "2099-01-31T18:00+03:00", "--models", "gpt-*,llama*", "--models", "q",
        "--backends", "ollama", "--rpm", "100", "--tokens-per-day", "5000", "--concurrent", "2", "--json",
    )  # fmt: skip
    value = json.loads(done.stdout)
    assert done.stderr == ""
    assert isinstance(parse(value.pop("key")), Token)
    assert re.fullmatch(r"sk-lumeai-\w{4}\.\.\.\w{4}", value.pop("shown"))
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", value.pop("created"))
    assert value == {
        "name": "anna",
        "state": "good",
        "expires": "2099-01-31T15:00:00Z",
        "revoked": None,
        "last_used": None,
        "models": ["gpt-*", "llama*", "q"],
        "backends": ["ollama"],
        "rpm": 100,
        "tokens_per_day": 5000,
        "concurrent": 2,
        "older": [],
    }


def test_without_a_name_one_is_made_up(inside: Home) -> None:
    created(inside)
    created(inside)
    assert len(listed(inside)) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create", "a\nb"], "a name has 1 to 64 characters"),
        (["create", "\x1b[31mred"], "a name has 1 to 64 characters"),
        (["create", " a"], "a name has 1 to 64 characters"),
        (["create", "a" * 65], "a name has 1 to 64 characters"),
        (["create", "a", "--expires", "yesterday"], "--expires: 'yesterday' is no time"),
        (["create", "a", "--expires", "2030-01-01T10:00"], "has no time zone"),
        (["create", "a", "--expires", "2001-01-01"], "over already"),
        (["create", "a", "--rpm", "0"], "--rpm: '0' is no limit"),
        (["create", "a", "--concurrent", "-1"], "--concurrent: '-1' is no limit"),
        (["create", "a", "--tokens-per-day", "1e9"], "--tokens-per-day: '1e9' is no limit"),
        (["create", "a", "--models", ","], "--models: the list is empty"),
        (["create", "a", "--backends", "x\0y"], "--backends: "),
        (["create", "a", "b"], "unexpected extra argument"),
        (["show", "nobody"], "there is no key 'nobody'"),
        (["set", "nobody", "--rpm", "5"], "there is no key 'nobody'"),
        (["set", "nobody"], "say what to change"),
        (["revoke", "nobody"], "there is no key 'nobody'"),
        (["rotate", "nobody"], "there is no key 'nobody'"),
        (["delete", "nobody", "--yes"], "there is no key 'nobody'"),
        (["usage", "nobody"], "there is no key 'nobody'"),
        (["rotate", "nobody", "--grace", "soon"], "--grace: 'soon' is no span"),
        (["usage", "--days", "0"], "--days: days: a whole number"),
        (["usage", "--json", "--csv"], "exclude each other"),
        (["show", "'; DROP TABLE key; --"], "there is no key"),
    ],
)
def test_a_mistake_is_a_sentence_and_makes_no_store(arguments: list[str], said: str, inside: Home) -> None:
    refused(keys(inside, *arguments), said)
    assert not store_of(inside).exists()


def test_a_name_is_taken_once(inside: Home) -> None:
    created(inside, "anna")
    refused(keys(inside, "create", "anna"), "a key 'anna' exists already")
    keys(inside, "revoke", "anna")
    created(inside, "anna")


def test_two_that_create_one_name_at_once_are_one_key_and_one_sentence(home: Home) -> None:
    processes = [home.start("keys", "create", "anna", LUMEAI_LANG="en") for _ in range(4)]
    ends = [(*process.communicate(timeout=60), process.returncode) for process in processes]
    assert sorted(code for _, _, code in ends) == [0, 2, 2, 2]
    assert sum(bool(FORM.fullmatch(stdout)) for stdout, _, _ in ends) == 1
    assert sum("exists already" in stderr for _, stderr, _ in ends) == 3
    assert len(listed(home)) == 1


# --- changing it ------------------------------------------------------------------------------------------------------


def test_set_changes_what_is_named_and_nothing_else(inside: Home) -> None:
    created(inside, "anna", "--rpm", "5", "--models", "a,b", "--expires", "30d")
    before = listed(inside)["anna"]
    assert keys(inside, "set", "anna", "--concurrent", "2").exit_code == 0
    assert listed(inside)["anna"] == before | {"concurrent": 2}
    keys(inside, "set", "anna", "--rpm", "none", "--models", "all", "--expires", "none")
    assert listed(inside)["anna"] == before | {"concurrent": 2, "rpm": None, "models": [], "expires": None}


def test_a_rotated_key_is_the_same_key_with_another_token(inside: Home) -> None:
    old = created(inside, "anna", "--rpm", "5")
    done = keys(inside, "rotate", "anna", "--grace", "12h")
    new = done.stdout.strip()
    assert FORM.fullmatch(done.stdout)
    assert "The old one is good until" in done.stderr
    assert [verified(inside, text).exit_code for text in (old, new)] == [0, 0]
    entry = listed(inside)["anna"]
    assert entry["rpm"] == 5
    assert len(entry["older"]) == 1  # type: ignore[arg-type]  # a list, as the line above would say
    keys(inside, "rotate", "anna")
    assert [verified(inside, text).stdout.split(":")[0] for text in (old, new)] == ["unknown", "unknown"]


def test_delete_asks_first(home: Home) -> None:
    created(home, "anna")
    for answer, code, left in (("n\n", 1, 1), ("\n", 1, 1), ("", 2, 1), ("y\n", 0, 0)):
        done = subprocess.run(
            [*PROGRAM, "keys", "delete", "anna"],
            input=answer,
            cwd=home.path,
            env=home.environment({"LUMEAI_LANG": "en"}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert "Delete key 'anna' (sk-lumeai-" in done.stderr
        assert len(listed(home)) == left


def test_delete_with_yes_does_not_ask(inside: Home) -> None:
    created(inside, "anna")
    done = keys(inside, "delete", "anna", "--yes", "--json")
    assert (done.exit_code, json.loads(done.stdout)["name"]) == (0, "anna")
    assert listed(inside) == {}


# --- verify -----------------------------------------------------------------------------------------------------------


def test_verify_tells_what_a_text_is(home: Home) -> None:
    good, gone, short = created(home, "good"), created(home, "gone"), created(home, "short", "--expires", "1s")
    keys(home, "revoke", "gone")
    with sqlite3.connect(store_of(home)) as raw:
        raw.execute("UPDATE key SET expires = expires - 3 WHERE name = 'short'")
    raw.close()
    for text, verdict, code in (
        (good, "good", 0),
        (f"  {good}\r\n", "good", 0),
        (gone, "revoked", 1),
        (short, "expired", 1),
        (made_of(7).reveal(), "unknown", 1),
        (good[:-1] + ("a" if good[-1] != "a" else "b"), "mistyped", 1),
    ):
        done = verified(home, text)
        assert (done.exit_code, done.stdout.split(":")[0]) == (code, verdict), done
        assert json.loads(verified(home, text, "--json").stdout)["verdict"] == verdict
        assert good[14:-4] not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "text",
    ["", "\n", "sk-твой-ключ", "\0" * 100, b"\xff\xfe" * 50, "' OR 1=1 --", "sk-lumeai-" + "0" * 49, "x" * 10_000_000],
)
def test_verify_needs_no_store_to_tell_what_is_mistyped(text: str | bytes, home: Home) -> None:
    done = verified(home, text)
    assert done.exit_code == 1
    assert done.stdout.startswith("mistyped: ")
    assert not store_of(home).exists()


def test_a_key_as_an_argument_is_refused_and_not_repeated(inside: Home) -> None:
    key = created(inside, "anna")
    for arguments in (
        ["verify", key],
        ["show", key],
        ["revoke", key],
        ["create", key],
        ["create", "x", key],
        ["create", "x", "--expires", key],
        ["create", "x", "--rpm", key],
        ["create", "x", "--models", key],
        ["rotate", "anna", "--grace", key],
        ["usage", "--days", key],
        ["usage", key],
        [key],
        ["show", f"--{key}"],
        ["list", key],
    ):
        done = keys(inside, *arguments)
        assert done.exit_code == 2, arguments
        assert key[14:30] not in done.stdout + done.stderr, arguments


# --- usage ------------------------------------------------------------------------------------------------------------


def used(home: Home) -> None:
    """Two keys that were used, one by a model whose name a spreadsheet would run."""
    created(home, "anna")
    created(home, "bert")
    with SqliteKeyStore.open(store_of(home)) as store:
        anna, bert = store.keys()
        gathered = Gathered()
        for _ in range(3):
            gathered.add(anna.id, "gpt-4o", "g4f", Use(1, 0, 1, 100, 50, 0, 2.0, 2.0), anna.created)
        gathered.add(anna.id, "gpt-4o", "g4f", Use(1, 1, codes=(("LUM401", 1),)), anna.created)
        gathered.add(bert.id, "=cmd()", "ollama", Use(1, 0, 0, 10, 5, 15, 1.0, 1.0), bert.created)
        store.usage.write(gathered)


def test_usage_as_a_table_has_sums_and_bars(inside: Home) -> None:
    used(inside)
    done = keys(inside, "usage", PYTHONIOENCODING="utf-8")
    rows = [re.split(r"\s{2,}", line) for line in done.stdout.splitlines()]
    assert rows[0][:5] == ["name", "model", "backend", "requests", "tokens"]
    assert rows[1][:5] == ["anna", "gpt-4o", "g4f", "4", "450"]
    assert set(rows[1][5]) <= {"█", "#"}
    assert len(rows[1][5]) == 12
    assert rows[1][6:] == ["3", "1", "1.5", "LUM401:1"]
    assert rows[2][:5] == ["bert", "=cmd()", "ollama", "1", "~15"]
    assert len(rows[2][5]) == 1
    assert "by estimate" in done.stderr
    assert keys(inside, "usage", "anna").stdout.splitlines()[1][:2] == "20"


def test_usage_for_programs(inside: Home) -> None:
    used(inside)
    first, second = json.loads(keys(inside, "usage", "--json").stdout)
    assert first | {"day": ""} == {
        "day": "",
        "key": "anna",
        "model": "gpt-4o",
        "backend": "g4f",
        "requests": 4,
        "failed": 1,
        "cured": 3,
        "prompt_tokens": 300,
        "completion_tokens": 150,
        "estimated_tokens": 0,
        "seconds": 6.0,
        "slowest": 2.0,
        "errors": {"LUM401": 1},
    }
    assert (second["key"], second["estimated_tokens"]) == ("bert", 15)
    rows = list(csv.DictReader(io.StringIO(keys(inside, "usage", "--csv").stdout)))
    assert [row["model"] for row in rows] == ["gpt-4o", "'=cmd()"]
    assert list(rows[0]) == [*list(first)[:12], "errors"]
    assert rows[0]["errors"] == "LUM401:1"


def test_without_use_it_says_so(inside: Home) -> None:
    done = keys(inside, "usage")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "Nothing was used" in done.stderr
    assert keys(inside, "usage", "--json").stdout == "[]\n"
    assert not store_of(inside).exists()


# --- languages, places, failures --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "word"), [("en", "100/min"), ("ru", "100/мин")])
def test_people_read_their_language_and_programs_english(language: str, word: str, inside: Home) -> None:
    created(inside, "anna", "--rpm", "100")
    assert word in keys(inside, "list", "--lang", language).stdout
    assert word in keys(inside, "show", "anna", "--lang", language).stdout
    entries = [json.loads(keys(inside, "list", "--json", "--lang", one).stdout) for one in (language, "en")]
    assert entries[0] == entries[1]


def test_the_settings_say_where_the_store_is(inside: Home) -> None:
    inside.write("lumeai.yaml", "keys: {store: here/my-keys.db}\n")
    created(inside, "anna")
    assert (inside.path / "here" / "my-keys.db").exists()
    assert not store_of(inside).exists()
    assert "anna" in listed(inside)


def test_a_store_that_is_none_is_a_sentence(inside: Home) -> None:
    store_of(inside).parent.mkdir()
    store_of(inside).write_text("something else entirely" * 100)
    for command in (["list"], ["create", "a"], ["show", "a"], ["usage"]):
        refused(keys(inside, *command), "is no store of keys, or is damaged")


def test_a_backend_that_nobody_configured_is_told(inside: Home) -> None:
    inside.write("lumeai.yaml", "backends: [{name: mine, url: 'http://127.0.0.1:9/v1'}]\n")
    done = keys(inside, "create", "a", "--backends", "mnie,mine")
    assert done.exit_code == 0
    assert "no backend is called 'mnie'" in done.stderr


TEXTS = st.text(st.characters(exclude_characters="\0"), max_size=80) | st.sampled_from(
    ["30d", "none", "all", "-1", "999999999999999999", "sk-lumeai-" + "x" * 49, "2030-01-01", "' OR 1=1"]
)
OPTIONS = st.sampled_from(
    ["--expires", "--models", "--backends", "--rpm", "--tokens-per-day", "--concurrent", "--grace", "--days", "--json"]
)
COMMANDS = st.sampled_from(["create", "list", "show", "set", "revoke", "rotate", "usage"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(COMMANDS, st.lists(TEXTS, max_size=2), st.lists(st.tuples(OPTIONS, TEXTS), max_size=3))
def test_no_option_and_no_value_breaks_it(
    inside: Home, command: str, names: list[str], options: list[tuple[str, str]]
) -> None:
    arguments = [command, *names, *(word for option, value in options for word in (option, value))]
    done = keys(inside, *arguments)
    assert done.exit_code in (0, 2), done.stderr
    assert "own fault" not in done.stderr
    if done.exit_code:
        assert done.stdout == ""
        assert done.stderr


def test_a_made_key_is_nowhere_but_on_stdout(home: Home) -> None:
    """After a whole life of it: files, messages, the arguments of processes."""
    made = [created(home, "anna", "--rpm", "5"), keys(home, "rotate", "anna", "--grace", "1h").stdout.strip()]
    said = [
        keys(home, *command)
        for command in (
            ["list"],
            ["show", "anna"],
            ["list", "--json"],
            ["create", "anna"],
            ["set", "anna", "--rpm", "6"],
        )
    ]
    said += [verified(home, key) for key in made]
    said.append(keys(home, "delete", "anna", "--yes"))
    written = b"".join(file.read_bytes() for file in home.path.rglob("*") if file.is_file())
    for key in made:
        secret = key[14:-4]
        assert secret.encode() not in written
        assert all(secret not in run.stdout + run.stderr for run in said)
    assert os.listdir(home.path) == ["lumeai"]  # noqa: PTH208  # names are enough


# --- a key that cannot be handed out ----------------------------------------------------------------------------------


def into(home: Home, where: str, *arguments: str) -> tuple[int, str]:
    """Runs `lumeai keys` with a stdout that takes nothing: the exit code, and what is said on stderr."""
    command = [*PROGRAM, "keys", *arguments]
    script = {"full": '"$@" >/dev/full', "closed": '"$@" >&-', "left": 'exec 3>&1; { "$@"; echo $? >&3; } | true'}[
        where
    ]
    done = subprocess.run(
        ["bash", "-c", script, "bash", *command],
        cwd=home.path,
        env=home.environment({"LUMEAI_LANG": "en"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return int(done.stdout) if where == "left" else done.returncode, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell")
@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize("where", ["full", "closed", "left"])
def test_a_key_that_nobody_could_see_was_not_made_and_replaces_none(
    where: str, form: tuple[str, ...], home: Home
) -> None:
    old = created(home, "kept")
    for command in ("create", "rotate"):
        name = {"create": "new", "rotate": "kept"}[command]
        code, said = into(home, where, command, name, *form)
        assert code == 2, said
        assert "nobody has seen it" in said
        assert "Traceback" not in said
    assert list(listed(home)) == ["kept"]
    assert verified(home, old).stdout.startswith("good")
    assert listed(home)["kept"]["older"] == []


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell")
@pytest.mark.parametrize(
    ("script", "code"),
    [
        ('"$@" verify <&-', 1),
        ('"$@" delete anna <&-', 2),
        ('"$@" list >&-', 3),
        ('"$@" revoke anna 2>&-', 0),
        ('"$@" revoke anna 2>/dev/full', 0),
    ],
)
def test_streams_that_are_closed_are_no_fault_of_its_own(script: str, code: int, home: Home) -> None:
    created(home, "anna")
    done = subprocess.run(
        ["bash", "-c", script, "bash", *PROGRAM, "keys"],
        cwd=home.path,
        env=home.environment({"LUMEAI_LANG": "en"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "own fault" not in done.stderr


# --- tokens that were replaced ----------------------------------------------------------------------------------------


def test_an_expired_key_gets_no_new_token(inside: Home) -> None:
    created(inside, "anna")
    with sqlite3.connect(inside.path / "lumeai" / "keys.db") as raw:
        raw.execute("UPDATE key SET expires = 5")
    raw.close()
    refused(keys(inside, "rotate", "anna"), "--expires")


def test_a_grace_is_not_promised_beyond_the_keys_end(inside: Home) -> None:
    created(inside, "anna", "--expires", "1h")
    ends = str(listed(inside)["anna"]["expires"])
    assert f"until {ends}" in keys(inside, "rotate", "anna", "--grace", "7d").stderr


def test_a_token_whose_grace_is_over_is_told_from_an_expired_key(home: Home) -> None:
    old = created(home, "anna")
    keys(home, "rotate", "anna", "--grace", "7d")
    with sqlite3.connect(home.path / "lumeai" / "keys.db") as raw:
        raw.execute("UPDATE token SET ends = 5 WHERE ends IS NOT NULL")
    raw.close()
    done = verified(home, old)
    assert done.exit_code == 1
    assert "has a newer one" in done.stdout
    assert json.loads(verified(home, old, "--json").stdout)["verdict"] == "expired"
    assert listed(home)["anna"]["older"] == []


# --- what programs and spreadsheets read ------------------------------------------------------------------------------


def test_json_is_json_and_says_the_same_on_every_terminal(home: Home) -> None:
    name = "«имя» 日本"
    created(home, name)
    for encoding in ("ascii", "cp1251", "utf-8"):
        done = keys(home, "list", "--json", PYTHONIOENCODING=encoding)
        assert [entry["name"] for entry in json.loads(done.stdout)] == [name]


def test_a_models_name_breaks_no_row_and_steers_no_terminal(inside: Home) -> None:
    created(inside, "anna")
    gathered = Gathered()
    for model in ("x\r=1+1", "=cmd", "\x1b]0;title\x07", "a\u202eb\x9bc", 'a,"b"\nc'):
        gathered.add(1, model, "up", Use(requests=1), time.time())
    with SqliteKeyStore.open(inside.path / "lumeai" / "keys.db") as store:
        store.usage.write(gathered)
    done = keys(inside, "usage", "--csv")
    rows = list(csv.reader(io.StringIO(done.stdout, newline="")))
    assert {len(row) for row in rows} == {13}
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@")]
    assert all(one.isprintable() or one == "\n" for one in done.stdout)
    done = keys(inside, "usage", "--json")
    assert {entry["model"] for entry in json.loads(done.stdout)} >= {"x\r=1+1", "a\u202eb\x9bc"}
    assert all(one.isprintable() or one == "\n" for one in done.stdout)


def test_a_name_has_one_form(inside: Home) -> None:
    created(inside, "e\u0301va")
    assert list(listed(inside)) == ["\xe9va"]
    refused(keys(inside, "create", "\xe9va"), "exists already")
    assert keys(inside, "show", "e\u0301va").exit_code == 0


@pytest.mark.parametrize("command", ["list", "usage", "create", "verify"])
def test_the_common_options_are_common(command: str, inside: Home) -> None:
    done = keys(inside, command, "-q", "-v", "--color", "never", "--lang", "en", "--help")
    assert done.exit_code == 0
    refused(keys(inside, "list", "--color", "sometimes"), "sometimes")


@pytest.mark.parametrize(
    "arguments", [("list", "--lang"), ("list", "--config"), ("list", "--color"), ("usage", "--days")]
)
def test_a_key_in_the_place_of_any_option_is_not_repeated(arguments: tuple[str, ...], inside: Home) -> None:
    key = made_of(77).reveal()
    done = keys(inside, *arguments, key)
    assert done.exit_code == 2
    assert key[14:-4] not in done.stdout + done.stderr
