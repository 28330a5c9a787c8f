"""Base URLs: how a user writes them, how a client joins them, and which neighbours might be meant."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from lumeai_cli.text.mendable import MendableError
from lumeai_cli.text.phrase import phrase

CHAT = "/chat/completions"

ENDPOINTS = (CHAT, "/completions", "/responses", "/messages", "/models", "/embeddings")
"""Paths that a client appends itself; a base URL that ends in one doubles it."""


class AddressError(MendableError):
    """A target that is no usable URL; the sentence says why, for people."""


@dataclass(frozen=True, slots=True)
class Address:
    """A base URL without a trailing slash, a query, a fragment or user info, and where it leads."""

    base: str
    scheme: str
    host: str
    port: int
    completed: bool = False  # a bare origin was given and `/v1` was added

    @property
    def loopback(self) -> bool:
        """Whether it is this machine."""
        return is_loopback(self.host)

    @property
    def private(self) -> bool:
        """Whether a key may be sent there: the connection is encrypted, or does not leave this machine."""
        return self.scheme == "https" or self.loopback


def parse(text: str) -> Address:
    """The address that this text means, or `AddressError`.

    A bare origin is completed with `/v1`; a path is kept as it is, for it is judged as a client would use it.
    """
    text = text.strip()
    if "://" not in text:
        raise AddressError(phrase("target-no-url", text=text))
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise AddressError(phrase("target-unreadable", text=text.rpartition("@")[2])) from None  # never a password
    if parts.username or parts.password:
        raise AddressError(phrase("target-user"))
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https"):
        raise AddressError(phrase("target-scheme", text=text, scheme=scheme))
    host = parts.hostname or ""
    if not host or any(character.isspace() or not character.isprintable() for character in text):
        raise AddressError(phrase("target-no-host", text=text))
    if port == 0:
        raise AddressError(phrase("target-port-zero", text=text))
    shown = f"[{host}]" if ":" in host else host
    origin = f"{shown}:{port}" if port else shown
    path = parts.path.rstrip("/")
    completed = not path
    base = urlunsplit((scheme, origin, path or "/v1", "", ""))
    return Address(base, scheme, host, port or (443 if scheme == "https" else 80), completed)


def is_loopback(host: str) -> bool:
    """Whether this host name or address is this machine."""
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # Python 3.13 knows that `::ffff:127.0.0.1` is loopback, 3.11 does not.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def variants(base: str) -> tuple[str, ...]:
    """The neighbouring base URLs, likeliest first: without the endpoint's path, with `/v1`, without it, the origin."""
    parts = urlsplit(base)
    path = parts.path
    for endpoint in ENDPOINTS:
        if path.endswith(endpoint):
            path = path.removesuffix(endpoint)
            break
    bare = path.removesuffix("/v1")
    paths = (path, f"{path}/v1", bare, f"{bare}/v1", "/v1", "/api/v1", "")
    urls = (urlunsplit((parts.scheme, parts.netloc, item, "", "")) for item in dict.fromkeys(paths))
    return tuple(url for url in urls if url != base)
