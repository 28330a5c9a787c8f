"""An exchange is a value; masking takes the secrets out of it and moves nothing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.wire.exchange import Asked, Chunk, Ending, EndingKind, Exchange, Headers, header, mask
from lumeai_cli.wire.reading import read

KEY = "sk-planted-3b1f6c0a"
STARS = "*" * len(KEY)


def exchange(*chunks: bytes, headers: Headers = ()) -> Exchange:
    """An exchange whose body came in these chunks, one a second."""
    pieces = tuple(Chunk(float(at), data) for at, data in enumerate(chunks))
    return Exchange("e1", Asked("p", "http://t"), 401, headers, 0.5, pieces, Ending(EndingKind.CLEAN, 9.0), "gzip")


@pytest.mark.parametrize(
    ("chunks", "secrets", "expected"),
    [
        pytest.param([b"bad key " + KEY.encode()], [KEY], [b"bad key " + STARS.encode()], id="in one chunk"),
        pytest.param([KEY.encode() * 2], [KEY], [STARS.encode() * 2], id="twice"),
        pytest.param(
            [b"a sk-plan", b"ted-3b1f", b"6c0a b"], [KEY], [b"a *******", b"********", b"**** b"], id="across"
        ),
        pytest.param(
            [b"", KEY[:9].encode(), b"", KEY[9:].encode()], [KEY], [b"", b"*" * 9, b"", b"*" * 10], id="empties"
        ),
        pytest.param([c.encode() for c in KEY], [KEY], [b"*"] * len(KEY), id="byte by byte"),
        pytest.param([KEY.encode()], ["other-secret", KEY], [STARS.encode()], id="several secrets"),
        pytest.param([b"sk-12345-rest"], ["sk-12345", "sk-12345-rest"], [b"*" * 13], id="one secret begins another"),
        pytest.param([b"key-sk-12345"], ["sk-12345", "key-sk-12345"], [b"*" * 12], id="one secret ends another"),
        pytest.param(["ключ-секрет".encode()], ["ключ-секрет"], [b"*" * 21], id="not ascii"),
        pytest.param([rb'"sk-\"a\\b-12"'], ['sk-"a\\b-12'], [b'"' + b"*" * 12 + b'"'], id="escaped in JSON"),
        pytest.param([rb'"sk\/3b1f\/6c0a"'], ["sk/3b1f/6c0a"], [b'"' + b"*" * 14 + b'"'], id="escaped by PHP"),
        pytest.param([rb'"sk-\u043a\u043b-12"'], ["sk-кл-12"], [b'"' + b"*" * 18 + b'"'], id="escaped to ascii"),
        pytest.param([b"1234567 123456"], ["1234567"], [b"******* 123456"], id="seven characters"),
        pytest.param([b"123456"], ["123456", ""], [b"123456"], id="too short to be told from text"),
        pytest.param([b"SK-PLANTED-3B1F6C0A"], [KEY], [b"SK-PLANTED-3B1F6C0A"], id="other case is another text"),
        pytest.param([], [KEY], [], id="no body"),
    ],
)
def test_secrets_are_overwritten_in_place(chunks: list[bytes], secrets: list[str], expected: list[bytes]) -> None:
    given_, masked = exchange(*chunks), mask(exchange(*chunks), secrets)
    assert [chunk.data for chunk in masked.chunks] == expected
    assert [chunk.at for chunk in masked.chunks] == [chunk.at for chunk in given_.chunks]
    assert [len(chunk.data) for chunk in masked.chunks] == [len(chunk.data) for chunk in given_.chunks]
    assert mask(masked, secrets) == masked


@pytest.mark.parametrize(
    ("value", "secret", "expected"),
    [
        (f"Bearer {KEY}", KEY, f"Bearer {STARS}"),
        (f"http://t/?key={KEY}&key={KEY}", KEY, f"http://t/?key={STARS}&key={STARS}"),
        ("ключ-секрет", "ключ-секрет", "*" * 11),
        ("nothing", KEY, "nothing"),
    ],
)
def test_secrets_are_overwritten_in_headers(value: str, secret: str, expected: str) -> None:
    masked = mask(exchange(b"body", headers=(("Location", value), ("x", "y"))), [secret])
    assert masked.headers == (("Location", expected), ("x", "y"))
    assert masked.body == b"body"


def test_secrets_are_overwritten_wherever_the_server_may_have_put_one() -> None:
    told = exchange(headers=((f"X-{KEY}", "1"),))
    told = replace(told, ending=Ending(EndingKind.PROTOCOL, 9.0, f"bad line: {KEY}"), encoding=KEY)
    masked = mask(told, [KEY])
    assert KEY not in repr(masked)
    assert masked.ending == Ending(EndingKind.PROTOCOL, 9.0, f"bad line: {STARS}")


def test_nothing_else_changes() -> None:
    plain = exchange(b"body", headers=(("a", "b"),))
    assert mask(plain, [KEY]) is plain
    assert mask(plain, iter(())) is plain
    masked = mask(exchange(KEY.encode()), iter([KEY]))
    assert (masked.id, masked.asked, masked.status, masked.headers_at, masked.ending, masked.encoding) == (
        plain.id,
        plain.asked,
        plain.status,
        plain.headers_at,
        plain.ending,
        plain.encoding,
    )


def test_the_frames_stay_in_their_places() -> None:
    told = exchange(b'data: {"error":{"message":"bad key sk-pla', b'nted-3b1f6c0a"}}\n\ndata: [DONE]\n\n')
    before, after = read(told), read(mask(told, [KEY]))
    assert [(frame.start, frame.end, frame.at) for frame in after.frames] == [
        (frame.start, frame.end, frame.at) for frame in before.frames
    ]
    assert after.answer.errors[0].message == f"bad key {STARS}"


@given(
    body=st.lists(st.sampled_from([KEY.encode(), KEY[:5].encode(), KEY[5:].encode(), b"x", b"\xff"])).map(b"".join),
    places=st.lists(st.integers(0, 150), max_size=6),
)
def test_no_secret_outlives_it_however_cut(body: bytes, places: list[int]) -> None:
    ends = sorted(min(place, len(body)) for place in places)
    chunks = [body[start:end] for start, end in zip([0, *ends], [*ends, len(body)], strict=True)]
    masked = mask(exchange(*chunks), [KEY])
    assert KEY.encode() not in masked.body
    assert masked.body == body.replace(KEY.encode(), STARS.encode())
    assert [len(chunk.data) for chunk in masked.chunks] == [len(chunk) for chunk in chunks]


def test_the_first_header_of_a_name_counts_in_any_case() -> None:
    headers = (("X-One", "1"), ("x-one", "2"), ("Two", ""))
    assert header(headers, "x-ONE") == "1"
    assert header(headers, "two") == ""
    assert header(headers, "three") == ""
    assert header((), "x-one") == ""


@pytest.mark.parametrize("kind", EndingKind)
def test_only_one_ending_is_clean(kind: EndingKind) -> None:
    assert Ending(kind).clean is (kind is EndingKind.CLEAN)
