"""Headers as OpenAI has them."""

import pytest

from lumeai_cli.admission.entry import rate_headers
from lumeai_cli.keys.limits import Bound, Standing


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, b"1s"), (59, b"59s"), (60, b"1m0s"), (360, b"6m0s"), (48605, b"13h30m5s"), (3600, b"1h0m0s")],
)
def test_headers_are_openais(seconds: float, told: bytes) -> None:
    assert rate_headers([Standing(Bound.REQUESTS, 100, 7, seconds), Standing(Bound.STREAMS, 1, 0, 1)]) == (
        (b"x-ratelimit-limit-requests", b"100"),
        (b"x-ratelimit-remaining-requests", b"7"),
        (b"x-ratelimit-reset-requests", told),
    )
