"""Climbs to a server rung by rung (name, connection, TLS), so that a failure names the rung on which it happened."""

import asyncio
import os
import socket
import ssl
import time
from dataclasses import dataclass

from lumeai_cli.transport.failure import detail_of, kind_of
from lumeai_cli.wire.exchange import Ending, EndingKind

TRIED = 4  # addresses of one name that are tried


@dataclass(frozen=True, slots=True)
class Climb:
    """How far it went: the ending is clean if a connection (and TLS, if asked for) stood at one of the addresses."""

    ending: Ending
    addresses: tuple[str, ...] = ()


async def climb(host: str, port: int, *, tls: bool, timeout: float) -> Climb:  # noqa: ASYNC109  # the caller's budget
    """Resolves the name and tries its addresses in the system's order, until one stands."""
    started = time.monotonic()
    try:
        async with asyncio.timeout(timeout):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        return Climb(Ending(EndingKind.DNS, time.monotonic() - started, f"no answer for {host} in {timeout:.0f} s"))
    except (OSError, UnicodeError) as error:
        return Climb(Ending(EndingKind.DNS, time.monotonic() - started, f"{host}: {detail_of(error)}"))
    addresses = tuple(dict.fromkeys(item[4][0] for item in found))[:TRIED]
    failures: list[tuple[EndingKind, str]] = []
    for address in addresses:
        left = timeout - (time.monotonic() - started)
        failure = await _try(str(address), host, port, tls=tls, timeout=max(0.1, left))
        if failure is None:
            return Climb(Ending(EndingKind.CLEAN, time.monotonic() - started), tuple(map(str, addresses)))
        failures.append(failure)
    kind = failures[0][0]
    detail = "; ".join(text for _, text in failures)
    return Climb(Ending(kind, time.monotonic() - started, detail), tuple(map(str, addresses)))


async def _try(
    address: str,
    host: str,
    port: int,
    *,
    tls: bool,
    timeout: float,  # noqa: ASYNC109  # the caller's budget
) -> tuple[EndingKind, str] | None:
    shown = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    rung = EndingKind.CONNECT_TIMEOUT
    writer = None
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(address, port)
            if tls:
                rung = EndingKind.TLS
                await writer.start_tls(ssl.create_default_context(), server_hostname=host)
    except TimeoutError:
        missing = "TLS handshake" if rung is EndingKind.TLS else "connection"
        return rung, f"{shown}: no {missing} within {timeout:.0f} s"
    except OSError as error:
        kind = kind_of(error, answered=False)
        return rung if rung is EndingKind.TLS else kind, f"{shown}: {_words(error)}"
    finally:
        if writer is not None:
            writer.transport.abort()
    return None


def _words(error: OSError) -> str:
    """The system's own words; asyncio puts its own in their place."""
    if isinstance(error, ssl.SSLError) or not error.errno or error.errno < 0:
        return error.strerror or str(error)
    return os.strerror(error.errno)
