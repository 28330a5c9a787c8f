"""Content encodings are undone as they come, bounded, and the same however the bytes are split."""

import gzip
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.transport.decoding import Decoder

PACKED = {"": bytes, "gzip": gzip.compress, "x-gzip": gzip.compress, " GZIP ": gzip.compress, "deflate": zlib.compress}


def decoded(encoding: str, data: bytes, limit: int, at: tuple[int, ...] = ()) -> tuple[bytes, Decoder]:
    """The data fed in pieces, until the decoder has had enough."""
    decoder = Decoder(encoding, limit)
    body = b""
    edges = [0, *sorted(at), len(data)]
    for start, end in pairwise(edges):
        body += decoder.feed(data[start:end])
        if decoder.overflow or decoder.broken:
            break
    return body, decoder


@given(
    encoding=st.sampled_from(sorted(PACKED)),
    data=st.binary(max_size=3000),
    cuts=st.lists(st.integers(0, 3000), max_size=20),
)
def test_however_it_is_split(encoding: str, data: bytes, cuts: list[int]) -> None:
    packed = PACKED[encoding](data)
    body, decoder = decoded(encoding, packed, 3000, tuple(min(cut, len(packed)) for cut in cuts))
    assert (body, decoder.overflow, decoder.broken) == (data, False, "")


@pytest.mark.parametrize("encoding", PACKED)
@pytest.mark.parametrize("size", [999, 1000, 1001, 50_000])
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_no_more_than_the_limit_comes_out(encoding: str, size: int, step: int) -> None:
    packed = PACKED[encoding](b"\0" * size)
    body, decoder = decoded(encoding, packed, 1000, tuple(range(step, len(packed), step)))
    assert len(body) == min(size, 1000)
    assert decoder.overflow is (size > 1000)
    assert decoder.broken == ""


def test_what_is_not_what_its_label_says_is_broken() -> None:
    _, decoder = decoded("gzip", b"plain text", 1000)
    assert decoder.broken
    assert not decoder.overflow
