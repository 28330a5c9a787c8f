"""Healthy servers, ordinary and unusual: whoever blames one of these is wrong."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from lumeai_cli.lab.api import Api, healthy_plain
from lumeai_cli.lab.model import Reply, reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import DONE, Pause, Script, lazy_stream, sse, stream
from lumeai_cli.lab.shapes import chunks, frames
from lumeai_cli.lab.specimen import Specimen, sound

FIRST_BYTE_SECONDS = 1.0
FRAME_SECONDS = 0.05

# Every frame carries letters of two bytes and U+2028, a line end for careless line readers, raw inside a JSON string.
FINGERPRINT = "лаборатория\u2028строка"


def _reframed(change: Callable[[bytes], bytes]) -> Api:
    def respond(request: LabRequest, said: Reply) -> Script:
        return stream(map(change, frames(request, said)))

    return Api(stream=respond)


def _crlf(frame: bytes) -> bytes:
    return frame.replace(b"\n", b"\r\n")


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


def _split(request: LabRequest, said: Reply) -> Script:
    marked = [sse({**chunk, "system_fingerprint": FINGERPRINT}) for chunk in chunks(request, said)]
    return stream(_inside_letters(b"".join([*marked, DONE])), pause=0.002)


def _inside_letters(data: bytes) -> Iterable[bytes]:
    """Portions that each end after the first byte of a letter, wherever there is one 40 bytes on."""
    start = 0
    for position in range(1, len(data)):
        if position - start >= 40 and data[position - 1] >= 0xC0:
            yield data[start:position]
            start = position
    yield data[start:]


def _russian(request: LabRequest) -> Reply:
    said = reply(request)
    return replace(said, text=f"Понял вас.\u2028{said.text}") if said.text.startswith("Understood:") else said


def _slow_stream(request: LabRequest, said: Reply) -> Script:
    return (Pause(FIRST_BYTE_SECONDS), *lazy_stream(frames(request, said), pause=FRAME_SECONDS))


def _slow_plain(request: LabRequest, said: Reply) -> Script:
    return (Pause(FIRST_BYTE_SECONDS), *healthy_plain(request, said))


HEALTHY: tuple[Specimen, ...] = (
    sound("healthy-plain", "An ordinary healthy server.", "Обычный здоровый сервер.", Api()),
    sound("healthy-crlf", "The lines of the stream end in CRLF.", "Строки потока кончаются на CRLF.", _reframed(_crlf)),
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
    ),
    sound(
        "healthy-split-utf8",
        "Russian letters are split across writes, and U+2028 stands raw inside JSON.",
        "Русские буквы разрезаны между записями в сокет, а U+2028 стоит внутри JSON как есть.",
        Api(stream=_split, model=_russian),
    ),
    sound(
        "healthy-slow",
        "The first byte comes after a second, the rest steadily.",
        "Первый байт приходит через секунду, остальное ровно.",
        Api(stream=_slow_stream, plain=_slow_plain),
    ),
)
