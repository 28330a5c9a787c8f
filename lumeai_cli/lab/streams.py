"""Streams that end well and hold no answer."""

from lumeai_cli.lab.api import Api
from lumeai_cli.lab.model import Reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import DONE, Script, sse, stream
from lumeai_cli.lab.shapes import chunk, opening
from lumeai_cli.lab.specimen import Specimen, sick


def _comment_only(_request: LabRequest, _said: Reply) -> Script:
    return stream([b": keep-alive\n\n"])


def _done_only(_request: LabRequest, _said: Reply) -> Script:
    return stream([DONE])


def _role_only(request: LabRequest, _said: Reply) -> Script:
    return stream([sse(opening(request)), sse(chunk(request, {"role": "assistant"})), DONE])


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
)
