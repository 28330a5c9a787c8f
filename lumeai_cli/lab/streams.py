"""Streams that end well and hold no answer, streams that are framed wrongly, and streams that break on the way."""

from lumeai_cli.lab.api import Api
from lumeai_cli.lab.model import Reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import DONE, Close, Pause, Script, Send, encode, http_chunk, sse, stream, stream_head
from lumeai_cli.lab.shapes import (
    chunk,
    chunks,
    closing,
    contents,
    framed,
    frames,
    message,
    numbered,
    opening,
    usage,
    whole_calls,
)
from lumeai_cli.lab.specimen import Specimen, risky, sick

UPSTREAM_LOST = {"error": {"message": "upstream connection lost", "type": "server_error"}}
BUFFERED_EVENTS = 10
BUFFERED_SECONDS = 2.5
SILENCE_SECONDS = 60.0


def _comment_only(_request: LabRequest, _said: Reply) -> Script:
    return stream([b": keep-alive\n\n"])


def _done_only(_request: LabRequest, _said: Reply) -> Script:
    return stream([DONE])


def _role_only(request: LabRequest, _said: Reply) -> Script:
    return stream([sse(opening(request)), sse(chunk(request, {"role": "assistant"})), DONE])


def _broken_frame(request: LabRequest, said: Reply) -> Script:
    first, *rest = frames(request, said)
    return stream([first, b'data: {"id":"chatcmpl-lab","choices":[{"delta":\n\n', *rest])


def _unframed_error(request: LabRequest, said: Reply) -> Script:
    return stream([*map(sse, chunks(request, said)[:2]), encode(UPSTREAM_LOST) + b"\n"])


def _single_newlines(request: LabRequest, said: Reply) -> Script:
    return stream([*(frame[:-1] for frame in frames(request, said)), b"\n"])


def _unterminated(request: LabRequest, said: Reply) -> Script:
    delta = {**message(said), "tool_calls": numbered(whole_calls(said))} if said.calls else message(said)
    whole = chunk(request, delta, said.finish)
    if request.wants_usage:
        whole["usage"] = usage(request, said.size)
    return stream([sse(whole)[:-1]])


def _without_finish(request: LabRequest, said: Reply) -> Script:
    """Neither [DONE] nor usage: a server that lost its upstream and ended as if nothing had happened."""
    return stream(map(sse, contents(request, said)))


def _cut(request: LabRequest, said: Reply) -> Script:
    role, content, following, *_ = map(http_chunk, frames(request, said))
    return (Send(stream_head() + role), Send(content), Send(following[: len(following) // 2]), Close())


def _cut_after_silence(request: LabRequest, said: Reply) -> Script:
    role, content, *_ = map(http_chunk, frames(request, said))
    return (Send(stream_head() + role), Send(content), Pause(SILENCE_SECONDS), Close())


def _buffered(request: LabRequest, said: Reply) -> Script:
    before, after = contents(request, said), closing(request, said.finish, said.size)
    missing = BUFFERED_EVENTS - len(before) - len(after)
    burst = b"".join(framed([*before, *[chunk(request, {"content": ""})] * missing, *after]))
    return (Send(stream_head()), Pause(BUFFERED_SECONDS), Send(http_chunk(burst)), Send(b"0\r\n\r\n"), Close())


def _loses(request: LabRequest, _said: Reply) -> Script:
    """What LiteLLM's proxy makes of an upstream that it could not read (1.106.2, measured 2026-11)."""
    return stream(framed(closing(request, "stop", 0)))


STREAMS: tuple[Specimen, ...] = (
    sick(
        "zero-events",
        "The stream holds one comment and ends.",
        "В потоке один комментарий, и он кончается.",
        Api(stream=_comment_only),
    ),
    sick(
        "done-only",
        "The stream says [DONE] and nothing else.",
        "Поток говорит [DONE] и больше ничего.",
        Api(stream=_done_only),
    ),
    sick(
        "role-only-stream",
        "The stream names the role, then [DONE]: no content, no finish_reason.",
        "Поток называет роль, затем [DONE]: ни содержимого, ни finish_reason.",
        Api(stream=_role_only),
    ),
    sick(
        "broken-json-frame",
        "One data frame between good ones is no JSON.",
        "Один кадр data среди верных не является JSON.",
        Api(stream=_broken_frame),
    ),
    sick(
        "unframed-error-in-stream",
        "After a good delta the stream writes an error as bare JSON, without 'data:', and ends.",
        "После верной дельты поток пишет ошибку голым JSON, без «data:», и кончается.",
        Api(stream=_unframed_error),
    ),
    sick(
        "single-newline-framing",
        "One newline stands between the frames, the only blank line at the very end.",
        "Между кадрами один перевод строки, единственная пустая строка стоит в самом конце.",
        Api(stream=_single_newlines),
    ),
    sick(
        "unterminated-last-event",
        "The whole answer is one event, and the blank line after it is missing.",
        "Весь ответ в одном событии, а пустой строки после него нет.",
        Api(stream=_unterminated),
    ),
    sick(
        "missing-finish-reason",
        "The stream holds the answer and ends cleanly, without finish_reason and [DONE].",
        "Поток содержит ответ и кончается чисто, без finish_reason и [DONE].",
        Api(stream=_without_finish),
    ),
    sick(
        "stream-cut",
        "The stream ends inside a chunk, in the middle of the answer.",
        "Поток обрывается внутри чанка, посреди ответа.",
        Api(stream=_cut),
    ),
    sick(
        "silence-cut",
        "The stream begins, is silent for a minute, and the connection is closed in the middle of the body.",
        "Поток начинается, минуту молчит, и соединение закрывается посреди тела.",
        Api(stream=_cut_after_silence),
        unlisted="a minute for each answer",
    ),
    risky(
        "buffered-stream",
        "The headers come at once, all the events in one burst at the end.",
        "Заголовки приходят сразу, а все события одним залпом в конце.",
        Api(stream=_buffered),
    ),
    sick(
        "gateway-drops-answer",
        "A gateway that has lost its upstream's stream: an empty delta with stop, and [DONE].",
        "Шлюз потерял поток сервера за ним: пустая дельта со stop и [DONE].",
        Api(stream=_loses),
        shows="empty-answer",
        unlisted="the other side of a comparison: alone it is an empty answer",
    ),
)
