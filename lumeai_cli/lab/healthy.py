"""Healthy servers, ordinary or with unusual framing and timing: whoever blames one of these is wrong."""

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from lumeai_cli.lab.api import Api, healthy_plain
from lumeai_cli.lab.model import Reply, reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import DONE, Pause, Script, lazy_stream, stream
from lumeai_cli.lab.shapes import chunks, framed, frames
from lumeai_cli.lab.specimen import Specimen, sound

FIRST_BYTE_SECONDS = 1.0
FRAME_SECONDS = 0.05

# Every frame carries the letters of two bytes, or U+2028, a line end for careless line readers, raw inside JSON.
FINGERPRINT = "лаборатория"
SEPARATOR = "\u2028"


def _reframed(change: Callable[[bytes], bytes]) -> Api:
    def respond(request: LabRequest, said: Reply) -> Script:
        return stream(map(change, frames(request, said)))

    return Api(stream=respond)


def _crlf(frame: bytes) -> bytes:
    return frame.replace(b"\n", b"\r\n")


def _cr_only(frame: bytes) -> bytes:
    return frame.replace(b"\n", b"\r")


def _named(frame: bytes) -> bytes:
    return b"event: message\nid: 7\nretry: 3000\n" + frame


def _no_space(frame: bytes) -> bytes:
    return frame.replace(b"data: ", b"data:", 1)


def _commented(request: LabRequest, said: Reply) -> Script:
    def comments() -> Iterator[bytes]:
        yield b": lab is thinking\n\n"
        for frame in frames(request, said):
            yield frame
            yield b": still here\n\n"

    return stream(comments())


def _without_done(request: LabRequest, said: Reply) -> Script:
    return stream(frame for frame in frames(request, said) if frame != DONE)


def _after_bom(request: LabRequest, said: Reply) -> Script:
    first, *rest = frames(request, said)
    return stream([codecs.BOM_UTF8 + first, *rest])


def _as_text(request: LabRequest, said: Reply) -> Script:
    return stream(frames(request, said), "text/plain; charset=utf-8")


def _marked(request: LabRequest, said: Reply, mark: str) -> list[bytes]:
    return framed({**chunk, "system_fingerprint": mark} for chunk in chunks(request, said))


def _split(request: LabRequest, said: Reply) -> Script:
    return stream(_inside_letters(b"".join(_marked(request, said, FINGERPRINT))), pause=0.002)


def _separated(request: LabRequest, said: Reply) -> Script:
    return stream(_marked(request, said, f"lab{SEPARATOR}line"))


def _inside_letters(data: bytes) -> Iterable[bytes]:
    """Portions that each end after the first byte of a letter, wherever there is one 40 bytes on."""
    start = 0
    for position in range(1, len(data)):
        if position - start >= 40 and data[position - 1] >= 0xC0:
            yield data[start:position]
            start = position
    yield data[start:]


def _beginning(words: str) -> Callable[[LabRequest], Reply]:
    """The model whose free remarks begin with these words; what it was told to say stays as it is."""

    def answer(request: LabRequest) -> Reply:
        said = reply(request)
        return replace(said, text=f"{words}{said.text}") if said.text.startswith("Understood:") else said

    return answer


def _slow_stream(request: LabRequest, said: Reply) -> Script:
    return (Pause(FIRST_BYTE_SECONDS), *lazy_stream(frames(request, said), pause=FRAME_SECONDS))


def _slow_plain(request: LabRequest, said: Reply) -> Script:
    return (Pause(FIRST_BYTE_SECONDS), *healthy_plain(request, said))


HEALTHY: tuple[Specimen, ...] = (
    sound("healthy-plain", "An ordinary healthy server.", "Обычный здоровый сервер.", Api()),
    sound("healthy-crlf", "The lines of the stream end in CRLF.", "Строки потока кончаются на CRLF.", _reframed(_crlf)),
    sound(
        "healthy-cr-only", "The lines of the stream end in CR.", "Строки потока кончаются на CR.", _reframed(_cr_only)
    ),
    sound(
        "healthy-bom",
        "A byte order mark stands before the first frame.",
        "Перед первым кадром стоит метка порядка байтов.",
        Api(stream=_after_bom),
    ),
    sound(
        "healthy-event-names",
        "Each frame has lines 'event: message', 'id' and 'retry'.",
        "В каждом кадре есть строки «event: message», «id» и «retry».",
        _reframed(_named),
    ),
    sound(
        "healthy-text-plain",
        "A correct stream is labelled text/plain.",
        "Верный поток подписан как text/plain.",
        Api(stream=_as_text),
        shows="wrong-content-type",
    ),
    sound(
        "healthy-no-space",
        "No space after 'data:'; the standard allows it.",
        "После «data:» нет пробела; стандарт это разрешает.",
        _reframed(_no_space),
    ),
    sound(
        "healthy-comments",
        "Comments stand before the first frame and between the frames.",
        "Комментарии стоят перед первым кадром и между кадрами.",
        Api(stream=_commented),
    ),
    sound(
        "healthy-no-done",
        "The stream has its finish_reason but no [DONE].",
        "В потоке есть finish_reason, но нет [DONE].",
        Api(stream=_without_done),
        shows="missing-done",
    ),
    sound(
        "healthy-split-utf8",
        "Russian letters are split across writes.",
        "Русские буквы разрезаны между записями в сокет.",
        Api(stream=_split, model=_beginning("Понял вас. ")),
    ),
    sound(
        "healthy-u2028",
        "The line separator U+2028 stands raw inside JSON strings.",
        "Разделитель строк U+2028 стоит внутри строк JSON как есть.",
        Api(stream=_separated, model=_beginning(f"Well.{SEPARATOR}")),
    ),
    sound(
        "healthy-slow",
        "The first byte comes after a second, the rest steadily.",
        "Первый байт приходит через секунду, остальное ровно.",
        Api(stream=_slow_stream, plain=_slow_plain),
    ),
)
