"""Base URLs: what a user writes, what is asked, and where the API might be instead."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.backends.address import CHAT, Address, AddressError, is_loopback, parse, variants

MEANT = {
    "http://127.0.0.1:1337": ("http://127.0.0.1:1337/v1", "127.0.0.1", 1337, True),
    "http://127.0.0.1:1337/": ("http://127.0.0.1:1337/v1", "127.0.0.1", 1337, True),
    "http://127.0.0.1:1337//": ("http://127.0.0.1:1337/v1", "127.0.0.1", 1337, True),
    "http://127.0.0.1:1337/v1": ("http://127.0.0.1:1337/v1", "127.0.0.1", 1337, False),
    "http://127.0.0.1:1337/v1/": ("http://127.0.0.1:1337/v1", "127.0.0.1", 1337, False),
    "http://127.0.0.1:1337/api/v1///": ("http://127.0.0.1:1337/api/v1", "127.0.0.1", 1337, False),
    "https://lumeai.ru/v1/chat/completions": ("https://lumeai.ru/v1/chat/completions", "lumeai.ru", 443, False),
    "https://api.openai.com": ("https://api.openai.com/v1", "api.openai.com", 443, True),
    "http://localhost": ("http://localhost/v1", "localhost", 80, True),
    "https://host:8443/v1": ("https://host:8443/v1", "host", 8443, False),
    "HTTP://LocalHost:8080/V1": ("http://localhost:8080/V1", "localhost", 8080, False),
    "  http://host/v1\n": ("http://host/v1", "host", 80, False),
    "http://[::1]:8080": ("http://[::1]:8080/v1", "::1", 8080, True),
    "http://[::1]/v1": ("http://[::1]/v1", "::1", 80, False),
    "http://[2001:db8::7]:80/v1": ("http://[2001:db8::7]:80/v1", "2001:db8::7", 80, False),
    "http://host/v1?key=1#top": ("http://host/v1", "host", 80, False),
    "http://host?x=1": ("http://host/v1", "host", 80, True),
    "http://host:65535/v1": ("http://host:65535/v1", "host", 65535, False),
    "http://xn--e1afmkfd.xn--p1ai/v1": ("http://xn--e1afmkfd.xn--p1ai/v1", "xn--e1afmkfd.xn--p1ai", 80, False),
}

"""What is written, and what it means: the base, the host, the port, and whether `/v1` was added."""

REFUSED = {
    "": "http://",
    "   ": "http://",
    "localhost:8080": "http://",
    "127.0.0.1:1337/v1": "http://",
    "//host/v1": "http://",
    "ftp://host/v1": "ftp",
    "ws://host/v1": "ws",
    "file:///etc/passwd": "file",
    "http://": "host",
    "http:///v1": "host",
    "http://:8080/v1": "host",
    "http://ho st/v1": "space",
    "http://host/v1 /x": "space",
    "http://host/\u200bv1": "space",
    "http://host:0/v1": "port",
    "http://host:99999/v1": "port",
    "http://host:http/v1": "port",
    "http://[::1/v1": "usable",
    "http://user:s3cret@host/v1": "password",
    "http://user@host/v1": "user",
    "http://:s3cret@host:99999/v1": "usable",
    "ftp://user:s3cret@host/": "password",
}


@pytest.mark.parametrize("text", MEANT, ids=repr)
def test_what_a_url_means(text: str) -> None:
    """A bare origin is completed with /v1; a path is kept, for it is judged as a client would use it."""
    base, host, port, completed = MEANT[text]
    scheme = base.partition(":")[0]
    assert parse(text) == Address(base, scheme, host, port, completed)


@pytest.mark.parametrize(("text", "said"), REFUSED.items(), ids=map(repr, REFUSED))
def test_what_is_no_usable_url_is_told_in_both_languages(text: str, said: str) -> None:
    """One sentence that says why, and never a password."""
    with pytest.raises(AddressError, match=said) as refused:
        parse(text)
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in refused.value.in_("ru")
    assert re.search("[а-яё]", refused.value.in_("ru"))


@given(st.text(max_size=40))
def test_whatever_is_written_it_is_an_address_or_told_why_not(text: str) -> None:
    """No other exception, and a base that is an address itself."""
    for written in (text, f"http://{text}", f"http://host:{text}", f"http://host/{text}"):
        try:
            address = parse(written)
        except AddressError:
            continue
        assert parse(address.base) == Address(address.base, address.scheme, address.host, address.port)
        assert 0 < address.port < 65536


LOOPBACK = {
    "localhost": True,
    "LOCALHOST": True,
    "api.localhost": True,
    "127.0.0.1": True,
    "127.9.9.9": True,
    "::1": True,
    "::ffff:127.0.0.1": True,
    "::ffff:7f00:1": True,
    "::ffff:192.168.0.7": False,
    "::ffff:0.0.0.0": False,
    "0.0.0.0": False,
    "192.168.0.7": False,
    "10.0.0.1": False,
    "::": False,
    "localhost.example.com": False,
    "notlocalhost": False,
    "127.0.0.1.example.com": False,
    "": False,
}


@pytest.mark.parametrize(("host", "expected"), LOOPBACK.items(), ids=map(repr, LOOPBACK))
def test_which_hosts_are_this_machine(host: str, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """It decides whether a key may go over plain http, and what an examination may cost."""
    assert is_loopback(host) is expected


ORIGIN = "http://h:8080"
NEIGHBOURS = {
    "/v1": ("/v1/v1", "", "/api/v1"),
    "": ("/v1", "/api/v1"),
    "/api": ("/api/v1", "/v1", "/api/v1", ""),
    "/v1/v1": ("/v1/v1/v1", "/v1", "/api/v1", ""),
    "/v1/chat/completions": ("/v1", "/v1/v1", "", "/api/v1"),
    "/chat/completions": ("", "/v1", "/api/v1"),
    "/v1/chat/completions/chat/completions": ("/v1/chat/completions",),
    "/v1/models": ("/v1", "/v1/v1", "", "/api/v1"),
    "/v1/completions": ("/v1", "/v1/v1", "", "/api/v1"),
    "/v1/responses": ("/v1", "/v1/v1", "", "/api/v1"),
    "/v1/messages": ("/v1", "/v1/v1", "", "/api/v1"),
    "/v1/embeddings": ("/v1", "/v1/v1", "", "/api/v1"),
    "/docs": ("/docs/v1", "/v1", "/api/v1", ""),
}
"""The path that was given, and what is tried in its place, in order."""


@pytest.mark.parametrize(("path", "expected"), NEIGHBOURS.items(), ids=NEIGHBOURS)
def test_the_neighbours_of_a_url(path: str, expected: tuple[str, ...]) -> None:
    """Without the endpoint's path first, then with /v1, without it, and the usual places."""
    tried = [url.removeprefix(ORIGIN) for url in variants(ORIGIN + path)]
    wanted = list(dict.fromkeys(expected))
    assert tried[: len(wanted)] == wanted
    assert path not in tried


@pytest.mark.parametrize("path", ["/v1/v1/v1", "/v1/chat/completions/v1", "/chat/completions/chat/completions"])
@pytest.mark.parametrize("right", ["/v1", ""])
def test_a_url_that_is_wrong_in_a_common_way_has_the_right_one_among_its_neighbours(path: str, right: str) -> None:
    """`/v1` and the origin are always tried."""
    assert ORIGIN + right in variants(ORIGIN + path)


@given(st.lists(st.sampled_from(["v1", "api", "chat", "completions", "models", "x"]), max_size=5))
def test_neighbours_are_few_all_different_and_never_the_url_itself(parts: list[str]) -> None:
    """Each costs a request; the origin stays the same."""
    base = "/".join((ORIGIN, *parts))
    found = variants(base)
    assert base not in found
    assert len(set(found)) == len(found) <= 7
    assert all(url.startswith(ORIGIN) and not url.endswith("/") for url in found)


def test_a_client_appends_the_chats_path() -> None:
    """Without a slash between: a base has none at its end."""
    assert parse("http://h/v1/").base + CHAT == "http://h/v1/chat/completions"
