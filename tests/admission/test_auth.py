"""Who asks: every header that a client may send, and every one that it should not."""

import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.admission.auth import LONGEST, identify, presented
from lumeai_cli.flow.refusal import Refusal
from lumeai_cli.keys.key import Grant
from lumeai_cli.keys.terms import Terms
from lumeai_cli.keys.token import Token, made_of, make

NOW = 1_800_000_000.0


def grant(token: Token, **more: float | None) -> Grant:
    """What the proxy knows of this token."""
    terms = Terms(expires=more.get("expires"))
    return Grant(token.digest, 1, "anna", terms, more.get("ends"), more.get("revoked"))


GOOD, REVOKED, EXPIRED, JUST, ENDED, SOON = (made_of(number) for number in range(1, 7))
GRANTS = {
    one.digest: one
    for one in (
        grant(GOOD),
        grant(REVOKED, revoked=NOW + 3600),
        grant(EXPIRED, expires=NOW - 1),
        grant(JUST, expires=NOW),
        grant(ENDED, ends=NOW - 1),
        grant(SOON, expires=NOW + 0.001, ends=NOW + 9),
    )
}
KEY = GOOD.reveal().encode()
UNKNOWN = made_of(99).reveal().encode()


def bearer(key: bytes, scheme: bytes = b"Bearer ") -> tuple[bytes, bytes]:
    """The usual header."""
    return b"authorization", scheme + key


def answer(*headers: tuple[bytes, bytes]) -> str:
    """The name of who was known, or the refusal's code."""
    found = identify(headers, GRANTS, NOW)
    return found.code if isinstance(found, Refusal) else found.name


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ([bearer(KEY)], "anna"),
        ([bearer(KEY, b"bearer ")], "anna"),
        ([bearer(KEY, b"BEARER   ")], "anna"),
        ([bearer(KEY + b"  ")], "anna"),
        ([(b"x-api-key", KEY)], "anna"),
        ([(b"x-api-key", b" " + KEY)], "anna"),
        ([bearer(UNKNOWN), (b"x-api-key", KEY)], "anna"),
        ([bearer(b"none"), (b"x-api-key", KEY)], "anna"),
        ([bearer(b"dXNlcjpwYXNz", b"Basic "), (b"x-api-key", KEY)], "anna"),
        ([bearer(KEY), (b"x-api-key", UNKNOWN)], "anna"),
        ([], "LUM010"),
        ([(b"authorization", b"")], "LUM010"),
        ([bearer(b"")], "LUM010"),
        ([(b"authorization", b"Bearer")], "LUM010"),
        ([(b"authorization", KEY)], "LUM010"),
        ([bearer(KEY, b"Basic ")], "LUM010"),
        ([(b"x-api-key", b" ")], "LUM010"),
        ([(b"api-key", KEY), (b"cookie", KEY)], "LUM010"),
        ([bearer(KEY[:-1])], "LUM011"),
        ([bearer(KEY + b"0")], "LUM011"),
        ([bearer(KEY.upper())], "LUM011"),
        ([bearer(KEY[:-6] + b"000000")], "LUM011"),
        ([bearer(KEY + b"\0")], "LUM011"),
        ([bearer(b"\0")], "LUM011"),
        ([bearer("sk-твой-ключ".encode())], "LUM011"),
        ([bearer(b"\xff\xfe\xfd")], "LUM011"),
        ([bearer(b"' OR '1'='1' --")], "LUM011"),
        ([bearer(b"sk-proj-1234567890")], "LUM011"),
        ([bearer(KEY * 200_000)], "LUM011"),
        ([bearer(b"x" * 10_000_000)], "LUM011"),
        ([bearer(KEY + b", " + KEY)], "LUM011"),
        ([bearer(KEY + b" " * 5000 + b"x")], "LUM011"),
        ([(b"x-api-key", KEY + b" " * 5000 + b"x")], "LUM011"),
        ([(b"x-api-key", KEY + b" " * 50)], "anna"),
        ([bearer(UNKNOWN), bearer(KEY)], "LUM012"),
        ([bearer(UNKNOWN)], "LUM012"),
        ([bearer(EXPIRED.reveal().encode())], "LUM013"),
        ([bearer(JUST.reveal().encode())], "LUM013"),
        ([bearer(ENDED.reveal().encode())], "LUM013"),
        ([bearer(SOON.reveal().encode())], "anna"),
        ([bearer(REVOKED.reveal().encode())], "LUM014"),
    ],
)  # fmt: skip
def test_each_header_has_its_answer(headers: list[tuple[bytes, bytes]], said: str) -> None:
    assert answer(*headers) == said


def test_a_clock_that_jumps_back_revives_no_revoked_key() -> None:
    for at in (0.0, NOW - 1e6, NOW, NOW + 1e9):
        assert isinstance(identify([bearer(REVOKED.reveal().encode())], GRANTS, at), Refusal)


@given(
    st.lists(st.tuples(st.sampled_from([b"authorization", b"x-api-key", b"host"]), st.binary(max_size=200)), max_size=4)
)
def test_no_header_breaks_it_and_none_is_let_in_by_chance(headers: list[tuple[bytes, bytes]]) -> None:
    found = identify(headers, GRANTS, NOW)
    assert isinstance(found, Refusal)
    assert found.status == 401
    assert (b"www-authenticate", b"Bearer") in found.headers
    assert all(len(text) <= LONGEST for text in presented(headers))


@given(st.binary(min_size=1, max_size=80))
def test_whatever_stands_around_a_key_makes_it_another(noise: bytes) -> None:
    if noise.strip():
        assert answer(bearer(KEY + noise.strip())) == "LUM011"
        assert answer((b"x-api-key", noise.strip() + KEY)) == "LUM011"


@pytest.mark.parametrize("language", ["en", "ru"])
def test_no_refusal_repeats_what_was_sent(language: str) -> None:
    for key in (UNKNOWN, KEY[:-1], EXPIRED.reveal().encode(), REVOKED.reveal().encode(), b"my-secret-word"):
        found = identify([bearer(key)], GRANTS, NOW)
        assert isinstance(found, Refusal)
        assert key[10:30] not in found.body(language)


def test_unknown_keys_cost_about_the_same_whatever_they_look_like() -> None:
    """Within the noise of a shared machine: nothing grows with the length or the number of known keys."""
    crowd = {token.digest: grant(token) for token in (make() for _ in range(2000))}
    texts = [UNKNOWN, KEY[:-1], b"x", b"x" * 10_000_000, b"\xff" * 59]

    def cost(text: bytes) -> float:
        header = [bearer(text)]
        best = sys.float_info.max
        for _ in range(7):
            began = time.perf_counter()
            for _ in range(50):
                identify(header, crowd, NOW)
            best = min(best, time.perf_counter() - began)
        return best

    costs = [cost(text) for text in texts]
    assert max(costs) < 6 * min(costs)
