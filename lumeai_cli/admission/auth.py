"""Who asks: from a request's headers to the key that is known by them, or to a refusal. Nothing is asked of anybody.

What is shown as a key costs the same whatever it looks like: one hash and one look into a table. The table is sought
by the hash, so how long that takes tells nothing of the keys in it.
"""

from collections.abc import Iterable, Mapping

from lumeai_cli.flow import refusal
from lumeai_cli.flow.refusal import Refusal
from lumeai_cli.keys.key import Grant, Verdict
from lumeai_cli.keys.terms import moment
from lumeai_cli.keys.token import LENGTH, Token, digest_of, parse

LONGEST = 4 * LENGTH
"""Bytes of a header that are looked at; no key is as long."""

RawHeaders = Iterable[tuple[bytes, bytes]]


def presented(headers: RawHeaders) -> tuple[bytes, ...]:
    """What a request shows as its key: `Authorization: Bearer` first, then `x-api-key`; empty if it shows none."""
    bearer = api_key = b""
    for name, value in headers:
        if name == b"authorization" and not bearer:
            scheme, _, rest = _bounded(value).partition(b" ")
            if scheme.lower() == b"bearer":
                bearer = rest.strip()[:LONGEST]
        elif name == b"x-api-key" and not api_key:
            api_key = _bounded(value).strip()[:LONGEST]
    return tuple(dict.fromkeys(text for text in (bearer, api_key) if text))


def _bounded(value: bytes) -> bytes:
    """As much as is looked at; what is longer is no key, whatever it begins with."""
    return value if len(value) <= LONGEST else value[: LONGEST - 1] + b"."


def identify(headers: RawHeaders, grants: Mapping[bytes, Grant], at: float) -> Grant | Refusal:
    """The grant of the first good key among those shown; else why the first one is none. `at`: seconds since 1970."""
    first: Refusal | None = None
    for text in presented(headers):
        found = _known(text, grants, at)
        if isinstance(found, Grant):
            return found
        first = first or found
    return first or refusal.key_missing()


def _known(text: bytes, grants: Mapping[bytes, Grant], at: float) -> Grant | Refusal:
    grant = grants.get(digest_of(text))
    if grant is None:
        shown = text.decode("latin-1")
        token = parse(shown)
        good = isinstance(token, Token) and token.reveal() == shown
        return refusal.key_unknown() if good else refusal.key_mistyped()
    return of_now(grant, at)


def of_now(grant: Grant | None, at: float) -> Grant | Refusal:
    """The grant if it is good at this moment, else why not; none is one that was deleted."""
    if grant is None:
        return refusal.key_unknown()
    verdict = grant.verdict(at)
    if verdict is Verdict.REVOKED:
        return refusal.key_revoked(grant.name)
    if verdict is Verdict.EXPIRED:
        expires = grant.terms.expires
        if expires is not None and (grant.ends is None or expires <= at):
            return refusal.key_expired(grant.name, moment(expires))
        return refusal.key_replaced(grant.name, moment(grant.ends or at))
    return grant
