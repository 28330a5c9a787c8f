"""Who may knock at a proxy that asks nobody for a key: programs of this machine, and no web page.

A page in the user's browser can send requests to loopback, too: openly, where the browser says whose page it is
(`Origin`), or by a name of its own that it has pointed to this machine (DNS rebinding), which then stands in `Host`.
Neither may spend the user's tokens. Programs send no foreign origin, and call this machine by an address or by one of
its own names.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from lumeai_cli.backends.address import is_loopback
from lumeai_cli.flow.refusal import Refusal, foreign_host, foreign_page

_OWN_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test")
"""Names that no public server can have; containers call their host `host.docker.internal`."""


def stranger(headers: Iterable[tuple[bytes, bytes]]) -> Refusal | None:
    """Why this request is not let in; None if it may pass. Header names come in lower case, as ASGI has them."""
    for name, value in headers:
        if name == b"origin" and not _own_page(value.decode("latin-1")):
            return foreign_page(value.decode("latin-1"))
        if name == b"host" and not _own_name(value.decode("latin-1")):
            return foreign_host(value.decode("latin-1"))
    return None


def _own_page(origin: str) -> bool:
    """Whether a page of this machine, or a program that shows pages of its own (`vscode-webview://...`), asks."""
    try:
        parts = urlsplit(origin)
        host = parts.hostname or ""
    except ValueError:
        return False
    # `null` is what a browser says of pages from files, and of those that hide where they come from.
    return is_loopback(host) if parts.scheme in ("http", "https") else bool(parts.scheme)


def _own_name(host: str) -> bool:
    """Whether this is an address, or a name that leads nowhere but to machines nearby."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    try:
        ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(_OWN_ENDINGS)
    return True
