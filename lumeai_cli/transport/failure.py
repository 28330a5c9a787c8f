"""Translates what an HTTP client raises into an `Ending`; nothing above this room catches its exceptions."""

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator

from lumeai_cli.wire.exchange import Ending, EndingKind

ON_THE_WAY = (EndingKind.REFUSED, EndingKind.DNS, EndingKind.CONNECT_TIMEOUT, EndingKind.UNREACHABLE)
"""Endings that, behind a proxy, are the proxy's own."""

_CUT = re.compile(
    r"incomplete chunked read|received \d+ bytes, expected \d+|without sending complete"  # httpx
    r"|peer unexpectedly closed"
    r"|not enough data to satisfy",  # aiohttp
    re.IGNORECASE,
)
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
_RESET = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ETIMEDOUT}


def causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and everything it was raised from, groups included."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
        waiting += [current.__cause__, current.__context__]


def kind_of(error: BaseException, *, answered: bool) -> EndingKind:
    """Which ending this failure is; `answered` says that a status line had come before."""
    for cause in causes(error):
        if isinstance(cause, socket.gaierror):
            return EndingKind.DNS
        if isinstance(cause, ssl.SSLError) and not answered:
            return EndingKind.TLS
        if isinstance(cause, ConnectionRefusedError):
            return EndingKind.REFUSED
        if isinstance(cause, OSError) and cause.errno in _UNREACHABLE:
            return EndingKind.UNREACHABLE
        if isinstance(cause, ConnectionError) or (isinstance(cause, OSError) and cause.errno in _RESET):
            return EndingKind.CUT if answered else EndingKind.RESET
    return EndingKind.PROTOCOL


def broken_body(text: str) -> bool:
    """Whether the client's words mean that the body ended before its promised end."""
    return bool(_CUT.search(text))


def detail_of(error: BaseException) -> str:
    """The words of the deepest failure of the system, else of the client; never those of its inner workings."""
    for cause in reversed(list(causes(error))):
        if isinstance(cause, ssl.SSLError) or (isinstance(cause, OSError) and not cause.errno):
            if str(cause):
                return str(cause)[:300]
        elif isinstance(cause, OSError) and cause.errno is not None:
            return os.strerror(cause.errno) if cause.errno > 0 else (cause.strerror or str(cause))[:300]
    return str(error)[:300] or type(error).__name__


def given_up(now: float, last: float, patience: float) -> Ending:
    """Why the wait for a body ended: silent for (nearly) as long as allowed, or going on for too long; in seconds."""
    silent = now - last
    if silent >= 0.9 * patience:
        return Ending(EndingKind.TIMEOUT_SILENCE, now, f"nothing more for {silent:.0f} s")
    return Ending(EndingKind.TIMEOUT_TOTAL, now, f"still going on after {now:.0f} s")
