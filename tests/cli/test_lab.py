"""`lumeai lab`: the specimens listed for people and programs, and served until Ctrl-C."""

import http.client
import json
import re
import signal
import socket

import pytest

from lumeai_cli.diagnoses.catalogue import CATALOGUE
from lumeai_cli.lab import HOSTILE, SPECIMENS
from tests.cli.process import Home, finished


def test_the_list_for_programs(inside: Home) -> None:
    done = inside.lumeai("lab", "list", "--json")
    listed = json.loads(done.stdout)
    assert (done.exit_code, done.stderr) == (0, "")
    assert [one["name"] for one in listed] == list(SPECIMENS)
    for one in listed:
        assert one.keys() == {"name", "code", "healthy", "sentence"}
        assert isinstance(one["healthy"], bool)
        assert one["sentence"].endswith(".")
        shown = SPECIMENS[one["name"]].shows
        assert one["healthy"] is SPECIMENS[one["name"]].healthy
        assert one["code"] == (CATALOGUE[shown].code if shown else None)
        assert one["healthy"] or one["code"] is not None


def test_the_list_for_people(inside: Home) -> None:
    done = inside.lumeai("lab", "list")
    assert done.exit_code == 0
    assert [line.split()[1] for line in done.stdout.splitlines()] == list(SPECIMENS)


def test_the_list_in_russian(inside: Home) -> None:
    english = json.loads(inside.lumeai("lab", "list", "--json").stdout)
    russian = json.loads(inside.lumeai("lab", "list", "--json", "--lang", "ru").stdout)
    assert [one["name"] for one in english] == [one["name"] for one in russian]
    assert all(one["sentence"] != other["sentence"] for one, other in zip(english, russian, strict=True))


def test_what_is_made_to_exhaust_is_not_offered_to_people(inside: Home) -> None:
    listed = {one["name"] for one in json.loads(inside.lumeai("lab", "list", "--json").stdout)}
    assert listed.isdisjoint(HOSTILE)


def test_it_serves_says_where_and_ends_with_ctrl_c(home: Home) -> None:
    process = home.start("lab", "serve", "--port", "0")
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://(127\.0\.0\.1:\d+)", line)
    assert found, line
    connection = http.client.HTTPConnection(found[1], timeout=30)
    connection.request("GET", "/healthy-plain/v1/models")
    models = json.loads(connection.getresponse().read())
    connection.close()
    process.send_signal(signal.SIGINT)
    done = finished(process)
    assert models["data"][0]["id"] == "lab-model"
    assert (done.exit_code, done.stderr) in ((130, ""), (0, ""))


def test_its_pauses_can_be_scaled_away(home: Home) -> None:
    """The slow specimen waits a second and more; a hundred of them in a row only end in time without its pauses."""
    process = home.start("lab", "serve", "--port", "0", "--time-scale", "0")
    assert process.stdout is not None
    found = re.search(r"http://(127\.0\.0\.1:\d+)", process.stdout.readline())
    assert found
    for _ in range(100):
        connection = http.client.HTTPConnection(found[1], timeout=30)
        connection.request("POST", "/healthy-slow/v1/chat/completions", '{"messages": [{"role": "user"}]}')
        assert connection.getresponse().status == 200
        connection.close()
    process.send_signal(signal.SIGINT)
    assert finished(process).stderr == ""


def test_a_taken_port_is_one_sentence_and_exit_3(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = home.lumeai("lab", "serve", "--port", str(taken.getsockname()[1]))
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith("lumeai: ")
    assert "--port" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("--time-scale", "-1"), ("--port", "-1"), ("--port", "many")])
def test_what_makes_no_sense_is_exit_2(arguments: tuple[str, ...], inside: Home) -> None:
    done = inside.lumeai("lab", "serve", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")


def test_a_host_that_is_not_here_is_exit_3(inside: Home) -> None:
    done = inside.lumeai("lab", "serve", "--host", "192.0.2.123", "--port", "0")
    assert done.exit_code == 3
    assert done.stderr.startswith("lumeai: ")
