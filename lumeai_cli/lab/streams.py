"""Streams that end well and hold no answer, and streams that break on the way."""

from lumeai_cli.lab.api import Api
from lumeai_cli.lab.model import Reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import DONE, Close, Script, Send, http_chunk, sse, stream, stream_head
from lumeai_cli.lab.shapes import chunk, frames, opening
from lumeai_cli.lab.specimen import Specimen, sick


def _comment_only(_request: LabRequest, _said: Reply) -> Script:
    return stream([b": keep-alive\n\n"])


def _done_only(_request: LabRequest, _said: Reply) -> Script:
    return stream([DONE])


def _role_only(request: LabRequest, _said: Reply) -> Script:
    return stream([sse(opening(request)), sse(chunk(request, {"role": "assistant"})), DONE])


def _broken_frame(request: LabRequest, said: Reply) -> Script:
    first, *rest = frames(request, said)
    return stream([first, b'data: {"id":"chatcmpl-lab","choices":[{"delta":\n\n', *rest])


def _cut(request: LabRequest, said: Reply) -> Script:
    role, content, following, *_ = map(http_chunk, frames(request, said))
    return (Send(stream_head() + role), Send(content), Send(following[: len(following) // 2]), Close())


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
        "stream-cut",
        "The stream ends inside a chunk, in the middle of the answer.",
        "Поток обрывается внутри чанка, посреди ответа.",
        Api(stream=_cut),
    ),
)
