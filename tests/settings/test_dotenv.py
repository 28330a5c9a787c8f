import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.settings import SettingsError, read_dotenv
from lumeai_cli.settings.dotenv import LIMIT, Dotenv, parse_dotenv


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1", {"A": "1"}),
        ("A = 1 ", {"A": "1"}),
        ("export A=1", {"A": "1"}),
        ("\ufeffA=1\r\nB=2\rC=3", {"A": "1", "B": "2", "C": "3"}),
        ("# note\n\n  # note\nA=1", {"A": "1"}),
        ("A=1 # note", {"A": "1"}),
        ("A=#note\nB=x#y", {"A": "", "B": "x#y"}),
        ("A=", {"A": ""}),
        ("A='it is' # note", {"A": "it is"}),
        ('A="a#b"#note', {"A": "a#b"}),
        (r'A="a\nb\t\"c\"\\"', {"A": 'a\nb\t"c"\\'}),
        (r"A='a\nb'", {"A": r"a\nb"}),
        ('A="one\ntwo=2"\nB=3', {"A": "one\ntwo=2", "B": "3"}),
        ("A=$HOME/${B}", {"A": "$HOME/${B}"}),
        ("A=it's", {"A": "it's"}),
        ("A=x=y==", {"A": "x=y=="}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=1\nexport A", {"A": "1"}),
        ("A=a\u2028b\x85c", {"A": "a\u2028b\x85c"}),
        ("just prose\n== \n{}", {}),
        ("", {}),
    ],
)
def test_what_is_read(text: str, values: dict[str, str]) -> None:
    assert parse_dotenv(text).values == values


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("KEY: sk-1", 1),
        ("A=1\nKEY sk-1", 2),
        ("\nset KEY=sk-1", 2),
        ("$env:KEY = 'sk-1'", 1),
        ("A=1\n\nKEY='sk-1\nB=2", 3),
        ('KEY="sk-1', 1),
        ('KEY="sk-1" sk-1', 1),
    ],
)
def test_a_line_that_fails_to_set_a_variable_is_told_to_who_asks_for_it(text: str, line: int) -> None:
    dotenv = parse_dotenv(text)
    with pytest.raises(SettingsError, match=rf"^\.env:{line}: this line does not set KEY: write KEY=VALUE") as error:
        dotenv.get("KEY")
    assert "sk-1" not in str(error.value)
    assert dotenv.get("OTHER") is None


def test_an_open_quote_does_not_swallow_the_lines_after_it() -> None:
    assert parse_dotenv("KEY='x\nB=2\nC=3").values == {"B": "2", "C": "3"}


def test_a_good_line_heals_a_broken_one() -> None:
    assert parse_dotenv("KEY: x\nKEY=y").get("KEY") == "y"


def test_lines_are_counted_over_values_of_several_lines() -> None:
    dotenv = parse_dotenv('A="1\n2\n3"\n\nB=4')
    assert (dotenv.where("A"), dotenv.where("B")) == (".env:1", ".env:5")


def test_files(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert read_dotenv(path) == Dotenv()
    path.write_bytes(b"A=\xef\xf0\nB=2")
    assert read_dotenv(path).get("B") == "2"
    path.write_bytes("A=1".encode("utf-16"))
    with pytest.raises(SettingsError, match=r"^\.env: this file is UTF-16"):
        read_dotenv(path)
    path.write_bytes(b"#" * (LIMIT + 1))
    with pytest.raises(SettingsError, match=r"^\.env: this file is larger than 256 KiB"):
        read_dotenv(path)
    path.unlink()
    path.mkdir()
    assert read_dotenv(path) == Dotenv()


def test_values_stay_out_of_the_repr() -> None:
    assert "planted" not in repr(parse_dotenv("KEY=sk-planted\nOTHER: sk-planted\nplanted"))


LINE = st.sampled_from(["A", "=", "export ", " ", "\n", "'", '"', "\\", "#", ":", "\r\n", "\u2028", "x", "$"])


@given(st.one_of(st.text(), st.lists(LINE).map("".join)))
def test_any_text_can_be_read(text: str) -> None:
    dotenv = parse_dotenv(text)
    assert not dotenv.values.keys() & dotenv.broken.keys()
    line_count = len(re.split("\r\n|\r|\n", text))
    assert all(1 <= line <= line_count for line in [*dotenv.lines.values(), *dotenv.broken.values()])


def written(value: str) -> str:
    for sign, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r")):
        value = value.replace(sign, escape)
    return f'"{value}"'


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True), st.text()))
def test_what_was_written_is_read_back(values: dict[str, str]) -> None:
    assert parse_dotenv("\n".join(f"{name}={written(value)}" for name, value in values.items())).values == values
