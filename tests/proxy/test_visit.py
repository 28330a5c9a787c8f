"""Tokens that nobody counted."""

import asyncio

import pytest

from lumeai_cli.admission.entry import Entry
from lumeai_cli.admission.gate import Gate
from lumeai_cli.keys.key import Grant
from lumeai_cli.keys.terms import Terms
from lumeai_cli.keys.usage import Use
from lumeai_cli.proxy.driver import Message
from lumeai_cli.proxy.visit import Visit, tokens
from lumeai_cli.wire.event import Usage


@pytest.mark.parametrize(
    ("usage", "size", "frames", "answered", "counted"),
    [
        (Usage(0, 0.0, prompt=7, completion=9), 5000, 40, True, (7, 9, 0)),
        (Usage(0, 0.0, prompt=0, completion=0), 5000, 40, True, (0, 0, 0)),
        (Usage(0, 0.0, prompt=7, completion=-1), 0, 0, True, (7, 0, 0)),
        (None, 43 * 180, 43, True, (100, 40, 140)),
        (None, 3 * 200 + 4000, 3, True, (100, 1000, 1100)),
        (None, 350 + 400, 0, True, (100, 100, 200)),
        (None, 0, 0, True, (100, 0, 100)),
        (None, 300, 0, False, (0, 0, 0)),
        (Usage(0, 0.0, prompt=7, completion=9), 300, 0, False, (7, 9, 0)),
        (Usage(0, 0.0, prompt=10**30, completion=2**63), 43 * 180, 43, True, (100, 40, 140)),
    ],
)  # fmt: skip
def test_what_the_backend_told_counts_else_the_size(
    usage: Usage | None,
    size: int,
    frames: int,
    answered: bool,  # noqa: FBT001  # a column
    counted: tuple[int, int, int],
) -> None:
    assert tokens(usage, 100, size, frames, answered=answered) == counted


class Counted(Gate):
    """A gate that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Use] = []

    def leave(self, _entry: Entry, _model: str, _backend: str, use: Use) -> None:
        """Somebody goes."""
        self.told.append(use)


GRANT = Grant(b"", 1, "anna", Terms(), None, None)


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
@pytest.mark.parametrize("pause", [b"", b": keep-alive"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_stream_has_a_token_an_event_however_it_is_framed(size: int, pause: bytes, end: bytes) -> None:
    """`size`: how many events the server sends at once; the client leaves before the end."""
    chunk = b'data: {"id": "c", "choices": [{"index": 0, "delta": {"content": " data: \\n"}}]}' + b" " * 90
    events = [one + end for word in range(33) for one in ((chunk, pause) if pause else (chunk,))]
    gate = Counted()
    visit = Visit(gate, Entry(GRANT, None, 7))

    async def play() -> None:
        async def send(_: Message) -> None:
            pass

        through = visit.through(send)
        await through({"type": "http.response.start", "status": 200, "headers": []})
        for place in range(0, len(events), size):
            await through({"type": "http.response.body", "body": b"".join(events[place : place + size])})

    asyncio.run(play())
    visit.over(None, "m")
    [use] = gate.told
    assert (use.prompt, use.completion, use.estimated) == (7, 32, 39)
