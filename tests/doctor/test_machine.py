"""What this machine says without being asked over a network: proxy variables, and installations of G4F."""

import os
from pathlib import Path

import pytest

from lumeai_cli.backends.address import parse
from lumeai_cli.doctor.machine import diverted, g4f_installs

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
