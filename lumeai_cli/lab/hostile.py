"""Servers made to exhaust or break a client: endless, huge, deep, slow, silent, or not HTTP at all.

Their scripts are lazy, so that the lab itself holds a megabyte at most of what it makes a client swallow.
"""

import itertools
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from lumeai_cli.lab.api import Api, healthy_plain
from lumeai_cli.lab.model import Reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import (
    DONE,
    FOREVER,
    TYPE_JSON,
    TYPE_SSE,
    Close,
    Headers,
    Pause,
    Script,
    Send,
    Step,
    encode,
    head,
    http_chunk,
    lazy_stream,
    response,
    sse,
    stream_head,
)
from lumeai_cli.lab.shapes import chunk, chunks, closing, completion, frames, opening
from lumeai_cli.lab.specimen import Specimen, sick

HUGE = 100 * 1024 * 1024
DEEP = 100_000
FLOOD_HEADERS = 10_000
FLOOD_HEADER_BYTES = 100
_BLOCK = 1024 * 1024
_MARK = "@@@"

# The parts of a healthy body: the frames of a stream, or the two halves of a JSON body.
Parts = list[bytes]


def _spoilt(spoil: Callable[[str, Parts], Script]) -> Api:
    """A server whose chat body goes through `spoil(content type, parts)` in both modes."""

    def streamed(request: LabRequest, said: Reply) -> Script:
        return spoil(TYPE_SSE, frames(request, said))

    def plain(request: LabRequest, said: Reply) -> Script:
        body = encode(completion(request, said))
        return spoil(TYPE_JSON, [body[: len(body) // 2], body[len(body) // 2 :]])

    return Api(stream=streamed, plain=plain)


def _bodies(
    stream_body: Callable[[LabRequest], Iterable[bytes]],
    plain_body: Callable[[LabRequest], Iterable[bytes]],
    headers: Headers = (),
) -> Api:
    """A server with a lazy body of its own in each mode."""
    return Api(
        stream=lambda request, _said: lazy_stream(stream_body(request), TYPE_SSE, headers),
        plain=lambda request, _said: lazy_stream(plain_body(request), TYPE_JSON, headers),
    )


def _around(request: LabRequest) -> tuple[bytes, bytes]:
    """A JSON completion without its content: what stands before it and after it."""
    before, _, after = encode(completion(request, Reply(_MARK))).partition(_MARK.encode())
    return before, after


def _letters() -> Iterator[bytes]:
    return itertools.repeat(b"a" * _BLOCK, HUGE // _BLOCK)


def _endless_stream(request: LabRequest) -> Iterator[bytes]:
    delta = sse(chunk(request, {"content": "and so on "}))
    return itertools.chain([sse(opening(request))], itertools.repeat(delta))


def _endless_plain(request: LabRequest) -> Iterator[bytes]:
    return itertools.chain([_around(request)[0]], itertools.repeat(b"and so on " * 100))


def _huge_stream(request: LabRequest) -> Iterator[bytes]:
    before, _, after = sse(chunk(request, {"content": _MARK})).partition(_MARK.encode())
    return itertools.chain([before], _letters(), [after, *map(sse, closing(request, "stop", HUGE)), DONE])


def _huge_plain(request: LabRequest) -> Iterator[bytes]:
    before, after = _around(request)
    return itertools.chain([before], _letters(), [after])


def _bomb_stream(request: LabRequest) -> Iterator[bytes]:
    delta = sse(chunk(request, {"content": "a" * 4096}))
    block = delta * (_BLOCK // len(delta))
    end = [*map(sse, closing(request, "stop", HUGE)), DONE]
    return _gzipped(itertools.chain([sse(opening(request))], itertools.repeat(block, HUGE // _BLOCK), end))


def _bomb_plain(request: LabRequest) -> Iterator[bytes]:
    return _gzipped(_huge_plain(request))


def _gzipped(parts: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(level=1, wbits=31)
    for part in parts:
        if packed := packer.compress(part):
            yield packed
    yield packer.flush()


def _deep(value: object) -> bytes:
    """The JSON of `value` whose string `_MARK` is replaced by lists in lists."""
    return encode(value).replace(encode(_MARK), b"[" * DEEP + b"]" * DEEP)


def _deep_stream(request: LabRequest) -> Iterator[bytes]:
    yield sse(opening(request))
    yield b"data: " + _deep(chunk(request, {"content": _MARK})) + b"\n\n"
    yield from map(sse, closing(request, "stop", 0))
    yield DONE


def _deep_plain(request: LabRequest) -> Iterator[bytes]:
    yield _deep(completion(request, Reply(_MARK)))


_NOT_NUMBERS = {"prompt_tokens": float("nan"), "completion_tokens": float("inf"), "total_tokens": float("-inf")}


def _nan_stream(request: LabRequest, said: Reply) -> Script:
    spoilt = ({**one, "created": float("nan"), "usage": _NOT_NUMBERS} for one in chunks(request, said))
    return lazy_stream([*map(sse, spoilt), DONE])


def _nan_plain(request: LabRequest, said: Reply) -> Script:
    return response(200, encode({**completion(request, said), "created": float("nan"), "usage": _NOT_NUMBERS}))


def _halves(_request: LabRequest) -> Reply:
    return Reply("Half \ud83d a \udc00 pair \ud800")


def _escaped(value: object) -> bytes:
    return json.dumps(value).encode("ascii")


def _surrogate_stream(request: LabRequest, said: Reply) -> Script:
    return lazy_stream([*(b"data: " + _escaped(one) + b"\n\n" for one in chunks(request, said)), DONE])


def _surrogate_plain(request: LabRequest, said: Reply) -> Script:
    return response(200, _escaped(completion(request, said)))


def _flood(request: LabRequest) -> Script:
    whole = b"".join(step.data for step in healthy_plain(request, Reply("Hello")) if isinstance(step, Send))
    status_line, _, rest = whole.partition(b"\r\n")
    yield Send(status_line + b"\r\n")
    for start in range(0, FLOOD_HEADERS, 1000):
        names = (b"x-flood-%05d: " % number for number in range(start, start + 1000))
        yield Send(b"".join(name + b"f" * (FLOOD_HEADER_BYTES - len(name) - 2) + b"\r\n" for name in names))
    yield Send(rest)


def _next_hop(request: LabRequest) -> Script:
    hop = re.search(r"/hop/([0-9]{1,9})$", request.path)
    location = f"/{request.specimen}/v1/hop/{int(hop[1]) + 1 if hop else 1}"
    return response(302, "", headers=(("location", location),))


def _drip(content_type: str, parts: Parts) -> Iterator[Step]:
    yield Send(stream_head(content_type, chunked=False))
    for byte in b"".join(parts):
        yield Pause(1.0)
        yield Send(bytes([byte]))


def _half_chunk(content_type: str, parts: Parts) -> Script:
    first, second = parts[:2]
    cut = http_chunk(second)
    return (Send(stream_head(content_type) + http_chunk(first)), Send(cut[: len(cut) // 2]), Close())


def _short_body(content_type: str, parts: Parts) -> Script:
    body = b"".join(parts)
    length = str(len(body) + 1000)
    return (Send(head(200, (("content-type", content_type), ("content-length", length))) + body), Close())


def _stall(content_type: str, parts: Parts) -> Script:
    return (Send(stream_head(content_type) + http_chunk(parts[0])), Pause(FOREVER))


def _silent(_request: LabRequest) -> Script:
    return (Pause(FOREVER),)


def _garbage(_request: LabRequest) -> Script:
    return (Send(b"\x16\x03\x01\x00\xa5\x01 this is no status line\x00\xff\xfe\r\n" * 4), Close())


# Whatever the doctor calls it, it must stay alive, and within its bounds.
_hostile = partial(sick, shows="")

_GZIP: Headers = (("content-encoding", "gzip"),)

HOSTILES: tuple[Specimen, ...] = (
    _hostile(
        "endless-body",
        "The answer never ends.",
        "Ответ никогда не кончается.",
        _bodies(_endless_stream, _endless_plain),
    ),
    _hostile("huge-line", "One line of 100 MB.", "Одна строка в 100 МБ.", _bodies(_huge_stream, _huge_plain)),
    _hostile(
        "gzip-bomb",
        "A small gzip body unpacks to 100 MB.",
        "Маленькое gzip-тело распаковывается в 100 МБ.",
        _bodies(_bomb_stream, _bomb_plain, _GZIP),
    ),
    _hostile("header-flood", "Ten thousand headers, 1 MB.", "Десять тысяч заголовков, 1 МБ.", _flood),
    _hostile("drip", "One byte a second.", "Один байт в секунду.", _spoilt(_drip)),
    _hostile(
        "redirect-loop", "Every redirect leads to the next.", "Каждое перенаправление ведёт к следующему.", _next_hop
    ),
    _hostile(
        "deep-json",
        "JSON of 100,000 nested lists.",
        "JSON из 100 000 вложенных списков.",
        _bodies(_deep_stream, _deep_plain),
    ),
    _hostile(
        "nan",
        "NaN and Infinity stand where numbers are due.",
        "NaN и Infinity на месте чисел.",
        Api(stream=_nan_stream, plain=_nan_plain),
    ),
    _hostile(
        "surrogates",
        "The text holds halves of surrogate pairs.",
        "В тексте половины суррогатных пар.",
        Api(stream=_surrogate_stream, plain=_surrogate_plain, model=_halves),
    ),
    _hostile("no-http", "Garbage instead of a status line.", "Мусор вместо строки состояния.", _garbage),
    _hostile("half-chunk", "The body ends inside a chunk.", "Тело обрывается внутри чанка.", _spoilt(_half_chunk)),
    _hostile(
        "short-body",
        "The body is shorter than its content-length.",
        "Тело короче своего content-length.",
        _spoilt(_short_body),
    ),
    _hostile("stall", "One frame, then silence for ever.", "Один кадр, затем вечная тишина.", _spoilt(_stall)),
    _hostile("silent", "The request is accepted and never answered.", "Запрос принят и остаётся без ответа.", _silent),
)
