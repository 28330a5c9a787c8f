"""Failed tries by address: whoever shows wrong keys waits for each answer a little longer. A good key never waits."""

import ipaddress
from collections.abc import Callable

FREE = 3
"""Failed tries without a wait: a person who mistypes."""

FIRST_WAIT = 0.1
LONGEST_WAIT = 3.0
FORGET_SECONDS = 600.0
MOST_ADDRESSES = 4096
MOST_WAITING = 256
MOST_WAITING_HERE = 16


class Tries:
    """The counts of one worker, for the addresses seen last; `clock` in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failed: dict[str, tuple[int, float]] = {}
        self._waiting: dict[str, int] = {}

    def failed(self, address: str) -> tuple[int, float]:
        """One more; how many there have been, and how long the answer shall wait."""
        where, now = network(address), self._clock()
        count, last = self._failed.pop(where, (0, now))
        count = 1 if now - last > FORGET_SECONDS else count + 1
        self._failed[where] = count, now
        while len(self._failed) > MOST_ADDRESSES:
            del self._failed[next(iter(self._failed))]
        wait = 0.0 if count <= FREE else min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(count - FREE - 1, 10))
        return count, wait

    def may_wait(self, address: str) -> bool:
        """Takes a place among those that wait; there are only so many, and so many for one address."""
        where = network(address)
        here = self._waiting.get(where, 0)
        if here >= MOST_WAITING_HERE or sum(self._waiting.values()) >= MOST_WAITING:
            return False
        self._waiting[where] = here + 1
        return True

    def waited(self, address: str) -> None:
        """Gives the place back."""
        where = network(address)
        here = self._waiting.pop(where, 1) - 1
        if here > 0:
            self._waiting[where] = here


def network(address: str) -> str:
    """Addresses that are one for us: of IPv6 whoever has one has 2**64."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)).network_address)
    return str(ip)
