"""A key as the store knows it, and whether it is good at a moment."""

from dataclasses import dataclass
from enum import StrEnum

from lumeai_cli.keys.terms import Terms


class Verdict(StrEnum):
    """What a text is that somebody showed as a key."""

    GOOD = "good"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    MISTYPED = "mistyped"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one token: never the token. `ends`: a later token took its place, and it is good until then."""

    digest: bytes
    head: str
    tail: str
    created: float
    ends: float | None = None

    @property
    def shown(self) -> str:
        """How its owner recognises it."""
        return f"{self.head}...{self.tail}"


@dataclass(frozen=True, slots=True)
class Key:
    """Times are seconds since 1970. `token` is the newest, `older` are those whose grace may go on.

    All tokens of a key share its terms, limits and usage.
    """

    id: int
    name: str
    created: float
    terms: Terms
    token: Kept
    older: tuple[Kept, ...] = ()
    revoked: float | None = None
    last_used: float | None = None


def verdict(key: Key, at: float, digest: bytes | None = None) -> Verdict:
    """Whether the key is good at this moment, by its newest token or by the one with this digest."""
    token = next((one for one in (key.token, *key.older) if one.digest == digest), key.token)
    return judged(key.revoked, (key.terms.expires, token.ends), at)


def judged(revoked: float | None, ends: tuple[float | None, ...], at: float) -> Verdict:
    """A revocation counts from the moment it is known, whatever the clock says; the end itself is too late."""
    if revoked is not None:
        return Verdict.REVOKED
    return Verdict.EXPIRED if any(end is not None and at >= end for end in ends) else Verdict.GOOD


@dataclass(frozen=True, slots=True)
class Grant:
    """What a proxy has to know of one token, in as little memory as may be: there may be many."""

    digest: bytes
    key: int
    name: str
    terms: Terms
    ends: float | None
    revoked: float | None

    def verdict(self, at: float) -> Verdict:
        """Whether the token is good at this moment."""
        return judged(self.revoked, (self.terms.expires, self.ends), at)
