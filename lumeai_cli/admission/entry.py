"""A request that was let in, and what its client is told of the limits."""

from collections.abc import Sequence
from dataclasses import dataclass

from lumeai_cli.keys.key import Grant
from lumeai_cli.keys.limits import Bound, Standing, Ticket


@dataclass(frozen=True, slots=True)
class Entry:
    """With whose key, how it was counted, and the tokens that its body may be; at an open proxy without limits
    neither.
    """

    grant: Grant | None
    ticket: Ticket | None
    prompt: int

    @property
    def counts(self) -> bool:
        """Whether anybody wants to know what it takes."""
        return self.grant is not None or self.ticket is not None

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What is told to the holder of a key."""
        return rate_headers(self.ticket.standings) if self.ticket is not None and self.grant is not None else ()


def rate_headers(standings: Sequence[Standing]) -> tuple[tuple[bytes, bytes], ...]:
    """The `x-ratelimit-*` headers, as OpenAI has them; it has none for streams."""
    found: list[tuple[bytes, bytes]] = []
    for standing in standings:
        if standing.bound is Bound.STREAMS:
            continue
        word = standing.bound.value.encode()
        found += [
            (b"x-ratelimit-limit-" + word, str(standing.limit).encode()),
            (b"x-ratelimit-remaining-" + word, str(standing.left).encode()),
            (b"x-ratelimit-reset-" + word, _span(standing.reset).encode()),
        ]
    return tuple(found)


def _span(seconds: float) -> str:
    """As OpenAI writes it: `13h20m5s`, `6m0s`, `1s`."""
    whole = max(1, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if whole >= 60 else "") + f"{rest}s"
