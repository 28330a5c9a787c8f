"""A proxy without keys answers programs of this machine, and no web page."""

import pytest

from lumeai_cli.admission.door import stranger


def refused(**headers: str) -> str:
    """The code with which a request with these headers is refused; empty if it is let in."""
    refusal = stranger([(name.encode(), value.encode("latin-1")) for name, value in headers.items()])
    return "" if refusal is None else refusal.code


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:5863",
        "127.0.0.1",
        "localhost:5863",
        "LOCALHOST",
        "api.localhost:5863",
        "[::1]:5863",
        "192.168.1.7:5863",
        "host.docker.internal:5863",
        "my-machine:5863",
        "my-machine.local",
        "my-machine.lan.",
        "",
    ],
)
def test_programs_call_this_machine_by_an_address_or_a_name_of_its_own(host: str) -> None:
    assert refused(host=host) == ""


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1.nip.io:5863", "localhost.evil.com", "a.b", "[::1"])
def test_a_name_of_the_internet_may_have_been_pointed_here(host: str) -> None:
    assert refused(host=host) == "LUM031"


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:3000", "http://127.0.0.1", "https://[::1]:8443", "vscode-webview://1a2b", "app://obsidian.md"],
)
def test_pages_of_this_machine_and_of_its_programs_are_let_in(origin: str) -> None:
    assert refused(host="127.0.0.1:5863", origin=origin) == ""


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1.nip.io", "null", "", "http://[", "nonsense"]
)
def test_a_page_of_the_internet_may_not_spend_the_users_tokens(origin: str) -> None:
    assert refused(host="127.0.0.1:5863", origin=origin) == "LUM030"


def test_who_sends_neither_is_a_program() -> None:
    assert refused(accept="*/*") == ""
