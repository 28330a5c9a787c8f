"""What this machine says without being asked over a network: proxy variables, installations of G4F, open ports."""

import os
import socket
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.backends.address import parse
from lumeai_cli.doctor.machine import diverted, g4f_installs, listening

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("url", "env", "variable"),
    [
        ("http://127.0.0.1:8080/v1", {}, ""),
        ("http://127.0.0.1:8080/v1", {"HTTP_PROXY": ""}, ""),
        ("http://127.0.0.1:8080/v1", {"HTTP_PROXY": PROXY}, "HTTP_PROXY"),
        ("http://127.0.0.1:8080/v1", {"http_proxy": PROXY}, "http_proxy"),
        ("http://127.0.0.1:8080/v1", {"all_proxy": PROXY}, "all_proxy"),
        ("http://127.0.0.1:8080/v1", {"HTTPS_PROXY": PROXY}, ""),
        ("https://127.0.0.1:8443/v1", {"HTTPS_PROXY": PROXY}, "HTTPS_PROXY"),
        ("http://localhost:8080/v1", {"HTTP_PROXY": PROXY}, "HTTP_PROXY"),
        ("http://[::1]:8080/v1", {"HTTP_PROXY": PROXY}, "HTTP_PROXY"),
        ("http://192.0.2.7:8080/v1", {"HTTP_PROXY": PROXY}, ""),
        ("http://example.org/v1", {"HTTP_PROXY": PROXY}, ""),
    ],
)
def test_which_variable_takes_loopback_traffic(url: str, env: dict[str, str], variable: str) -> None:
    assert diverted(parse(url), env)[0] == variable


@pytest.mark.parametrize(
    ("url", "exceptions", "taken"),
    [
        ("http://127.0.0.1:8080/v1", "127.0.0.1", False),
        ("http://127.0.0.1:8080/v1", " localhost , 127.0.0.1 ", False),
        ("http://127.0.0.1:8080/v1", "127.0.0.1:8080", False),
        ("http://127.0.0.1:8080/v1", "127.0.0.1:9090", True),
        ("http://127.0.0.1:8080/v1", "*", False),
        ("http://127.0.0.1:8080/v1", "localhost", True),
        ("http://127.0.0.1:8080/v1", "7.0.0.1", True),
        ("http://127.0.0.1:8080/v1", ",,", True),
        ("http://LocalHost:8080/v1", "localhost", False),
        ("http://api.localhost/v1", ".localhost", False),
        ("http://[::1]:8080/v1", "::1", False),
        ("http://[::1]:8080/v1", "[::1]", False),
    ],
)
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_which_exceptions_count(url: str, exceptions: str, *, taken: bool, variable: str) -> None:
    assert bool(diverted(parse(url), {"HTTP_PROXY": PROXY, variable: exceptions})[0]) is taken


@pytest.mark.parametrize(
    ("proxy", "shown"),
    [
        ("http://user:secret@proxy.example:3128", "http://proxy.example:3128"),
        ("http://user:se@cret@proxy.example:3128", "http://proxy.example:3128"),
        ("user:secret@proxy.example:3128", "proxy.example:3128"),
        ("proxy.example:3128", "proxy.example:3128"),
    ],
)
def test_a_proxys_password_is_not_shown(proxy: str, shown: str) -> None:
    assert diverted(parse("http://127.0.0.1/v1"), {"HTTP_PROXY": proxy}) == ("HTTP_PROXY", shown)


def python_at(folder: Path, *packages: str) -> Path:
    """A Python with these packages; gives the folder that belongs on PATH."""
    programs, site = folder / "bin", folder / "lib" / "python3.12" / "site-packages"
    programs.mkdir(parents=True)
    (programs / "python3").touch(mode=0o755)
    for name in packages:
        (site / name).mkdir(parents=True)
    return programs


def path(*folders: Path | str) -> dict[str, str]:
    return {"PATH": os.pathsep.join(map(str, folders))}


def test_every_g4f_on_the_path_is_found_in_its_order(tmp_path: Path) -> None:
    bare = python_at(tmp_path / "one", "g4f-8.8.6.dist-info")
    whole = python_at(tmp_path / "two", "g4f-0.3.1.dist-info", "uvicorn", "fastapi")
    half = python_at(tmp_path / "three", "g4f-8.0.0.dist-info", "uvicorn")
    none = python_at(tmp_path / "four", "uvicorn")
    found = g4f_installs(path(bare, tmp_path / "absent", "", whole, half, none, bare))
    assert [(install.version, install.missing) for install in found] == [
        ("8.8.6", ("uvicorn", "fastapi")),
        ("0.3.1", ()),
        ("8.0.0", ("fastapi",)),
    ]


def test_a_script_outside_its_environment_is_followed(tmp_path: Path) -> None:
    """As pipx and uv put it: a link on PATH, the packages elsewhere."""
    programs = python_at(tmp_path / "pipx" / "venvs" / "g4f", "g4f-8.8.6.dist-info")
    (programs / "g4f").touch(mode=0o755)
    links = tmp_path / "home" / "bin"
    links.mkdir(parents=True)
    (links / "g4f").symlink_to(programs / "g4f")
    assert [install.version for install in g4f_installs(path(links))] == ["8.8.6"]


def test_links_that_lead_nowhere_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(tmp_path / "python3")
    (tmp_path / "g4f").symlink_to(tmp_path / "absent")
    assert g4f_installs(path(tmp_path, tmp_path / "python3")) == ()


def test_without_a_path_the_systems_own_is_looked_at() -> None:
    assert isinstance(g4f_installs({}), tuple)


HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
PORT = 1337


def row(address: str, port: int = PORT, state: str = "0A", sl: int = 0) -> str:
    """A line of `/proc/net/tcp` as Linux 6 writes it; `0A` is a listening socket."""
    rest = "00000000:00000000 00:00000000 00000000  1000        0 25703 1 0000000000000000 100 0 0 10 0"
    return f"{sl:4d}: {address}:{port:04X} {'0' * len(address)}:0000 {state} {rest}\n"


def table(path: Path, *rows: str) -> Path:
    """A table with this head and these lines."""
    path.write_text(HEAD + "".join(rows), "ascii")
    return path


def kernel(*words: int) -> str:
    """An address of these words, each in this machine's byte order, as the kernel prints them."""
    swapped = (word.to_bytes(4, "big") for word in words)
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in swapped)


ANYWHERE, LOOPBACK, OUTSIDE = kernel(0), kernel(0x7F000001), kernel(0xC0A8010A)
ANYWHERE_6, LOOPBACK_6 = kernel(0, 0, 0, 0), kernel(0, 0, 0, 1)
MAPPED, LOCAL_6 = kernel(0, 0, 0xFFFF, 0x7F000001), kernel(0xFE800000, 0, 0x02424FFF, 0xFE000001)

SOCKETS = {
    "loopback": ([row(LOOPBACK)], ("127.0.0.1",)),
    "everywhere": ([row(ANYWHERE)], ("0.0.0.0",)),
    "an address of the network": ([row(OUTSIDE)], ("192.168.1.10",)),
    "two": ([row(LOOPBACK), row(OUTSIDE, sl=1)], ("127.0.0.1", "192.168.1.10")),
    "loopback, IPv6": ([row(LOOPBACK_6)], ("::1",)),
    "everywhere, IPv6": ([row(ANYWHERE_6)], ("::",)),
    "an IPv4 address in IPv6": ([row(MAPPED)], ("::ffff:127.0.0.1",)),
    "link-local": ([row(LOCAL_6)], ("fe80::242:4fff:fe00:1",)),
    "another port": ([row(LOOPBACK, 8080)], ()),
    "the port in another number": ([row(LOOPBACK, 0x1337)], ()),
    "connected": ([row(LOOPBACK, state="01")], ()),
    "closing": ([row(LOOPBACK, state="06"), row(LOOPBACK, state="08")], ()),
    "among others": ([row(OUTSIDE, state="01"), row(LOOPBACK, 22), row(LOOPBACK), row(ANYWHERE, 80)], ("127.0.0.1",)),
    "nobody": ([], ()),
}


@pytest.mark.parametrize(("rows", "addresses"), SOCKETS.values(), ids=SOCKETS)
def test_on_which_addresses_a_port_is_open(rows: list[str], addresses: tuple[str, ...], tmp_path: Path) -> None:
    found = listening(PORT, [table(tmp_path / "tcp", *rows)])
    assert found is not None
    assert [ip_address(text) for text in found] == [ip_address(text) for text in addresses]


def test_both_tables_are_read(tmp_path: Path) -> None:
    four, six = table(tmp_path / "tcp", row(LOOPBACK)), table(tmp_path / "tcp6", row(ANYWHERE_6))
    assert listening(PORT, [four, six]) == ("127.0.0.1", "::")


def test_one_table_is_enough(tmp_path: Path) -> None:
    """Without IPv6 there is no second one."""
    four = table(tmp_path / "tcp", row(LOOPBACK))
    assert listening(PORT, [four, tmp_path / "tcp6"]) == ("127.0.0.1",)
    assert listening(PORT, [tmp_path / "tcp", tmp_path / "tcp6"]) == ("127.0.0.1",)


def test_where_nothing_tells_nothing_is_known(tmp_path: Path) -> None:
    """As on every system but Linux; that is not the same as nobody listening."""
    (tmp_path / "folder").mkdir()
    assert listening(PORT, [tmp_path / "tcp", tmp_path / "tcp6"]) is None
    assert listening(PORT, [tmp_path / "folder"]) is None
    assert listening(PORT, []) is None


TORN = {
    "cut in the address": row(LOOPBACK)[:10],
    "cut behind the address": row(LOOPBACK)[:19],
    "cut in the state": row(LOOPBACK)[:34],
    "blank": "\n",
    "words": "no such table here at all\n",
    "no port": "   0: 0100007F 00000000:0000 0A\n",
    "a port that is no number": "   0: 0100007F:XYZW 00000000:0000 0A\n",
    "no address": "   0: :0539 00000000:0000 0A\n",
    "half an address": "   0: 01007F:0539 00000000:0000 0A\n",
    "half an address, IPv6": "   0: 0000000000000000:0539 00000000:0000 0A\n",
    "an address that is no number": "   0: localhost:0539 00000000:0000 0A\n",
    "bytes": "\ufffd\ufffd\n",
}


@pytest.mark.parametrize("line", TORN.values(), ids=TORN)
def test_a_torn_line_hides_no_other(line: str, tmp_path: Path) -> None:
    """The table may change while it is read."""
    path = tmp_path / "tcp"
    path.write_text(f"{HEAD}{row(ANYWHERE)}{line.rstrip()}\n{row(LOOPBACK)}", "utf-8")
    assert listening(PORT, [path]) == ("0.0.0.0", "127.0.0.1")


@given(data=st.binary(max_size=300))
def test_no_table_is_too_strange(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "strange"
    path.write_bytes(HEAD.encode() + data)
    assert listening(PORT, [path]) is not None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps these tables")
@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_real_socket_is_found(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as bound:
        try:
            bound.bind((address, 0))
        except OSError:
            pytest.skip(f"this machine has no {address}")
        port = bound.getsockname()[1]
        assert listening(port) == ()
        bound.listen()
        assert listening(port) == (address,)
