"""What a system or our own engine said of a failure, in the language of the sentence in which it stands."""

from collections.abc import Mapping
from types import MappingProxyType

from lumeai_cli.text.phrase import say

_KNOWN: Mapping[str, str] = MappingProxyType(
    {
        "refused": "detail-refused",
        "connection refused": "detail-refused",
        "reset": "detail-reset",
        "connection reset by peer": "detail-reset",
        "the server closed the connection": "detail-closed",
        "cut": "detail-closed",
        "broken pipe": "detail-closed",
        "connection timed out": "detail-timeout",
        "connect-timeout": "detail-timeout",
        "no route to host": "detail-unreachable",
        "network is unreachable": "detail-unreachable",
        "unreachable": "detail-unreachable",
        "name or service not known": "detail-dns",
        "temporary failure in name resolution": "detail-dns",
        "the gzip data ends early": "detail-gzip",
    }
)
"""Usual words, in lower case, with the key of the same in every language."""

_QUOTING = frozenset({"stream-cut"})
"""Pages that put the words into quotes themselves."""

_SAYING = frozenset({("connection-refused", "detail-refused")})
"""Pages that say the same already."""


def told_detail(name: str, detail: str, language: str) -> str:
    """The words for the page of the diagnosis of this name; those that have none in its language are quoted."""
    key = _KNOWN.get(detail.lower())
    if not detail or (name, key) in _SAYING:
        return ""
    if key is not None:
        return say(language, key)
    return detail if language == "en" or name in _QUOTING else say(language, "quoted", text=detail)
