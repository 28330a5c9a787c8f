"""Healthy servers whose chunks or whose transfer are unusual: whoever blames one of these is wrong."""

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from lumeai_cli.lab.api import Api
from lumeai_cli.lab.model import Reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import (
    TYPE_JSON,
    Pause,
    Script,
    Send,
    encode,
    http_chunk,
    json_response,
    response,
    stream,
    stream_head,
)
from lumeai_cli.lab.shapes import (
    Shape,
    chunk,
    chunk_of,
    chunks,
    closing,
    completion,
    completion_of,
    deltas,
    framed,
    frames,
    message,
    numbered,
    opening,
    text_deltas,
    whole_calls,
)
from lumeai_cli.lab.specimen import Specimen, sound

SPACES = 10
SPACE_SECONDS = 0.1

_LENGTH = re.compile(rb"\r\ncontent-length: \d+(?=\r\n)")


def _role_everywhere(request: LabRequest, said: Reply) -> Script:
    told = [{**delta, "role": "assistant"} for delta in deltas(said)]
    return _told(request, said, [{"role": "assistant", "content": ""}, *told])


def _null_first(request: LabRequest, said: Reply) -> Script:
    return _told(request, said, [{"role": "assistant", "content": None}, *deltas(said)])


def _whole_call(request: LabRequest, said: Reply) -> Script:
    return _told(request, said, [{"role": "assistant", "content": ""}, *text_deltas(said.text), *_calls(said)])


def _null_beside_calls(request: LabRequest, said: Reply) -> Script:
    if not said.calls:
        return stream(frames(request, said))
    first, *rest = deltas(said)
    empty: Shape = {"content": None}
    return _told(request, said, [{"role": "assistant", **empty, **first}, *({**empty, **delta} for delta in rest)])


def _calls(said: Reply) -> list[Shape]:
    return [{"tool_calls": numbered(whole_calls(said))}] if said.calls else []


def _told(request: LabRequest, said: Reply, told: list[Shape]) -> Script:
    """A stream of these deltas with its healthy end."""
    before = [chunk(request, delta) for delta in told]
    return stream(framed([*before, *closing(request, said.finish, said.size)]))


def _usage_unasked(request: LabRequest, said: Reply) -> Script:
    asking = replace(request, json={**request.fields, "stream_options": {"include_usage": True}})
    return stream(frames(asking, said))


def _filter_first(request: LabRequest, said: Reply) -> Script:
    """Azure's first chunk: it tells what the filter thinks of the prompt, and every other field is empty."""
    safe = {kind: {"filtered": False, "severity": "safe"} for kind in ("hate", "self_harm", "sexual", "violence")}
    judged = [{"prompt_index": 0, "content_filter_results": safe}]
    empty = {"id": "", "object": "", "created": 0, "model": ""}
    first: Shape = {**chunk_of(request, []), **empty, "prompt_filter_results": judged}
    return stream(framed([first, *chunks(request, said)]))


def _thought(request: LabRequest) -> str:
    return f"The user wrote {request.prompt_chars} characters. I know what to do."


def _thinks_first(request: LabRequest, said: Reply) -> Script:
    thoughts = text_deltas(_thought(request), "reasoning_content")
    return stream(
        framed([opening(request), *(chunk(request, delta) for delta in thoughts), *chunks(request, said)[1:]])
    )


def _thinks_first_plainly(request: LabRequest, said: Reply) -> Script:
    told = {**message(said), "reasoning_content": _thought(request)}
    return json_response(200, completion_of(request, told, said.finish, said.size))


def _gzipped(request: LabRequest, said: Reply) -> Script:
    return stream(_packed(frames(request, said)), headers=(("content-encoding", "gzip"),))


def _gzipped_plainly(request: LabRequest, said: Reply) -> Script:
    body = b"".join(_packed([encode(completion(request, said))]))
    return response(200, body, headers=(("content-encoding", "gzip"),))


def _packed(parts: list[bytes]) -> Iterator[bytes]:
    """Each part can be unpacked as soon as it is there."""
    packer = zlib.compressobj(wbits=31)
    for part in parts:
        yield packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def _unchunked(request: LabRequest, said: Reply) -> Script:
    return stream(frames(request, said), chunked=False)


def _http10(respond: Callable[[LabRequest], Script]) -> Callable[[LabRequest], Script]:
    """The same answers by a server of 1996: the end of the connection is the end of the body."""

    def answer(request: LabRequest) -> Script:
        first, *rest = respond(request)
        if not isinstance(first, Send):
            return (first, *rest)
        head, blank, body = first.data.partition(b"\r\n\r\n")
        head = _LENGTH.sub(b"", head).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
        return (Send(head + blank + body), *rest)

    return answer


def _spaces_first(request: LabRequest, said: Reply) -> Script:
    """A gateway that keeps the connection alive while its model thinks; JSON may begin with white space."""
    body = http_chunk(encode(completion(request, said))) + b"0\r\n\r\n"
    spaces = [step for _ in range(SPACES) for step in (Pause(SPACE_SECONDS), Send(http_chunk(b" \n")))]
    return (Send(stream_head(TYPE_JSON)), *spaces, Send(body))


UNUSUAL: tuple[Specimen, ...] = (
    sound(
        "healthy-role-in-every-delta",
        "Every delta names the role again.",
        "Каждая дельта снова называет роль.",
        Api(stream=_role_everywhere),
    ),
    sound(
        "healthy-content-null-first",
        "The first delta names the role beside a content of null.",
        "Первая дельта называет роль, а content в ней null.",
        Api(stream=_null_first),
    ),
    sound(
        "healthy-usage-only-chunk",
        "The last chunk has usage and no choices, whether it was asked for or not.",
        "В последнем чанке usage и пустой choices, просили об этом или нет.",
        Api(stream=_usage_unasked),
    ),
    sound(
        "healthy-azure-first-chunk",
        "The first chunk has no choices but the prompt_filter_results of Azure.",
        "В первом чанке нет choices, зато есть prompt_filter_results, как у Azure.",
        Api(stream=_filter_first),
    ),
    sound(
        "healthy-whole-call-in-one-chunk",
        "A tool call comes whole, in one chunk.",
        "Вызов инструмента приходит целиком, в одном чанке.",
        Api(stream=_whole_call),
    ),
    sound(
        "healthy-tool-only-turn",
        "Beside a tool call the content is null in every delta.",
        "Рядом с вызовом инструмента content равен null в каждой дельте.",
        Api(stream=_null_beside_calls),
    ),
    sound(
        "healthy-reasoning-first",
        "The model thinks in reasoning_content before it answers.",
        "Прежде чем ответить, модель рассуждает в reasoning_content.",
        Api(stream=_thinks_first, plain=_thinks_first_plainly),
    ),
    sound(
        "healthy-gzip",
        "The body is compressed and flushed after every event.",
        "Тело сжато, и сжатое отправляется после каждого события.",
        Api(stream=_gzipped, plain=_gzipped_plainly),
    ),
    sound(
        "healthy-http10",
        "The server speaks HTTP/1.0 and ends a body by closing the connection.",
        "Сервер говорит на HTTP/1.0 и кончает тело закрытием соединения.",
        _http10(Api(stream=_unchunked)),
    ),
    sound(
        "healthy-keepalive-spaces",
        "White space is sent before a plain answer while the client waits.",
        "Пока клиент ждёт, перед обычным ответом приходят пробелы.",
        Api(plain=_spaces_first),
    ),
)
