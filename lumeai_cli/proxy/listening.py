"""Where the proxy may listen: who may reach it, whether the port is free, and whether a backend would be itself."""

import ipaddress
import os
import socket

from lumeai_cli.backends.address import Address, is_loopback
from lumeai_cli.settings import SettingsError
from lumeai_cli.text.phrase import phrase

_LOCAL = "127.0.0.1"


def check_open(host: str, keys: int, where: str | None = None) -> None:
    """Raises `SettingsError` if other machines could reach a proxy that asks nobody for a key.

    `keys` is the number of API keys in the store; `where` is the place that named the host.
    """
    if not keys and not is_loopback(bare(host)):
        raise SettingsError(phrase("serve-open", host=host), where)


def check_free(host: str, port: int) -> None:
    """Raises `OSError`, told with the address, if nobody could listen there now. Port 0 is always free."""
    listen(host, port, backlog=1).close()


def listen(host: str, port: int, backlog: int = 2048) -> socket.socket:
    """A socket that listens there; an address that cannot be had is an `OSError`, told with the address."""
    host = bare(host)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":  # as servers do: what lingers there is no listener; Windows would share the port
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
            sock.listen(backlog)
        except OSError:
            sock.close()
            raise
    except OSError as error:
        shown = f"[{host}]" if ":" in host else host
        raise OSError(error.errno, error.strerror, f"{shown}:{port}") from None
    return sock


def bare(host: str) -> str:
    """A host without the brackets that an IPv6 address wears in a URL."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def is_itself(backend: Address, host: str, port: int) -> bool:
    """Whether a backend at this address would be the proxy that listens at this host and port."""
    if backend.port != port:
        return False
    here, there = _known(bare(host)), _known(backend.host)
    return here == there or (not here and backend.loopback) or (not there and is_loopback(here))


def _known(host: str) -> str:
    """One spelling for this machine's usual loopback address, an empty one for every address at once."""
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return _LOCAL
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    if ip.is_unspecified:
        return ""
    return _LOCAL if str(ip) == "::1" else str(ip)
