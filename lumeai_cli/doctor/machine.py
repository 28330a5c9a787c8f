"""Looks at this machine where that can settle a question.

Which G4F servers are installed, which variables divert loopback, on which addresses a port is open.
"""

import ipaddress
import os
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lumeai_cli.backends.address import Address
from lumeai_cli.diagnoses.case import G4fInstall

_SERVER_PACKAGES = ("uvicorn", "fastapi")
"""What g4f's API server imports first; the extra `interference` that used to bring them no longer exists (8.8.6)."""


def diverted(address: Address, env: Mapping[str, str]) -> tuple[str, str]:
    """The variable that would send this loopback target's traffic to a proxy, and that proxy; empty texts if none."""
    return _proxy(address, env) if address.loopback else ("", "")


def behind_proxy(address: Address, env: Mapping[str, str]) -> bool:
    """Whether another machine is reached through a proxy; then a direct connection to it proves nothing."""
    return not address.loopback and bool(_proxy(address, env)[0])


def _proxy(address: Address, env: Mapping[str, str]) -> tuple[str, str]:
    """The first variable that names a proxy for this address, and the proxy without its password."""
    if _bypassed(address, env.get("no_proxy") or env.get("NO_PROXY") or ""):
        return "", ""
    names = (f"{address.scheme}_proxy", "all_proxy")
    variables = (variable for name in names for variable in (name, name.upper()))
    return next(((name, _without_user(env[name])) for name in variables if env.get(name)), ("", ""))


def _bypassed(address: Address, exceptions: str) -> bool:
    """Whether NO_PROXY covers the target: `*`, a host or the end of one, with or without a port."""
    here = (address.host.lower(), f"{address.host}:{address.port}".lower())
    for entry in exceptions.lower().replace("[", "").replace("]", "").split(","):
        name = entry.strip().removeprefix(".")
        if name == "*" or (name and any(text == name or text.endswith(f".{name}") for text in here)):
            return True
    return False


def _without_user(proxy: str) -> str:
    scheme, separator, rest = proxy.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else proxy.rpartition("@")[2]


def g4f_installs(env: Mapping[str, str]) -> tuple[G4fInstall, ...]:
    """Every G4F that the programs on PATH would start, and which of its server's packages it lacks.

    Only file names are looked at; nothing is imported or run.
    """
    found: dict[Path, G4fInstall] = {}
    for site in _site_packages(env):
        dist = next(iter(sorted(site.glob("g4f-*.dist-info"), reverse=True)), None)
        if dist is not None and site not in found:
            missing = tuple(name for name in _SERVER_PACKAGES if not (site / name).is_dir())
            found[site] = G4fInstall(str(site), dist.name.removeprefix("g4f-").removesuffix(".dist-info"), missing)
    return tuple(found.values())


def _site_packages(env: Mapping[str, str]) -> Iterator[Path]:
    """The package folders beside the interpreters and the `g4f` scripts on PATH."""
    seen: set[Path] = set()
    for entry in env.get("PATH", os.defpath).split(os.pathsep):
        folder = Path(entry or ".")
        for name in ("g4f", "g4f.exe", "python3", "python", "python.exe"):
            program = folder / name
            try:
                if not program.exists():
                    continue
                roots = {folder.parent, program.resolve().parent.parent}
                sites = [site for root in roots for site in _under(root)]
            except OSError:
                continue
            for site in sites:
                if site not in seen:
                    seen.add(site)
                    yield site


def _under(root: Path) -> Iterator[Path]:
    yield from root.glob("lib/python3*/site-packages")
    yield from root.glob("Lib/site-packages")


_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTENING = re.compile(r"\s*\S+\s+([0-9A-F]{8}(?:[0-9A-F]{24})?):([0-9A-F]{4})\s+\S+\s+0A\b")
"""A line of such a table whose socket listens: its number, the local address and port, the other side, the state."""


def listening(port: int, tables: Iterable[Path] = _TABLES) -> tuple[str, ...] | None:
    """The addresses of this machine that listen at a port, as Linux tells; None where nothing tells."""
    found: list[str] = []
    told = False
    for table in tables:
        try:
            lines = table.read_text("ascii", "replace").splitlines()[1:]
        except OSError:
            continue
        told = True
        matches = (_LISTENING.match(line) for line in lines)
        found += [_address(match[1]) for match in matches if match is not None and int(match[2], 16) == port]
    return tuple(found) if told else None


def _address(text: str) -> str:
    """An address as the kernel writes it: words of 32 bits in hexadecimal, each in the machine's byte order."""
    words = [int(text[place : place + 8], 16) for place in range(0, len(text), 8)]
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words)))
