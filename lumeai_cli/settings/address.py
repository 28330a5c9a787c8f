"""Base URLs as settings need them: usable at all, the same server or not, on this machine or not."""

from urllib.parse import urlsplit, urlunsplit

from lumeai_cli.backends.address import is_loopback as names_this_machine
from lumeai_cli.settings.error import SettingsError
from lumeai_cli.text.phrase import phrase

_PORTS = {"http": 80, "https": 443}


def check_url(text: str, where: str) -> str:
    """The URL as written, if it is an http or https URL; no message repeats it, for it may be a misplaced key."""
    if not text.isprintable() or any(character.isspace() for character in text):
        raise SettingsError(phrase("url-space"), where)
    try:
        parts = urlsplit(text)
        host, usable = parts.hostname, parts.port != 0
    except ValueError:
        host, usable = None, False
    else:
        if parts.scheme not in _PORTS or "://" not in text:
            raise SettingsError(phrase("url-scheme"), where)
        if "@" in parts.netloc:
            raise SettingsError(phrase("url-user"), where)
    if not host or not usable:
        raise SettingsError(phrase("url-host"), where)
    return text


def server(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a checked URL, alike for every spelling of one server."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    return parts.scheme, "127.0.0.1" if host == "localhost" else host, parts.port or _PORTS[parts.scheme]


def address(url: str) -> tuple[str, str, int, str]:
    """`server` plus the path: alike for every spelling of one base URL."""
    return *server(url), urlsplit(url).path.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether the URL names this very machine."""
    return names_this_machine(server(url)[1])


def shown(url: str) -> str:
    """The URL as it may be shown: a query string can hold a key."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="...", fragment="")) if parts.query else url
