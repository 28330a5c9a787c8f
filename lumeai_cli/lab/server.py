"""The lab's server: plays the scripts of the specimens on real sockets.

No web framework, because none lets a server send half a chunk. One request a connection; headers, body, connections and
time are bounded, and it stops at once, stalled clients or not.
"""

import asyncio
import contextlib
import logging
import math
import socket
import struct
import sys
from collections import OrderedDict, deque
from dataclasses import replace
from hashlib import sha256
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lumeai_cli.lab.disguise import Disguise, undisguised
from lumeai_cli.lab.reader import RefusedError, RequestReader
from lumeai_cli.lab.registry import HOSTILE, SPECIMENS, UNLISTED
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Close, Pause, Reset, Script, Send, error_response, json_response
from lumeai_cli.lab.specimen import Specimen

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CONNECTIONS = 512
READ_SECONDS = 30.0
LINGER_SECONDS = 1.0
LOGGED_REQUESTS = 1000
LOGGED_BYTES = 64 * 1024 * 1024
COUNTED_REQUESTS = 10_000
_PORTION = 64 * 1024

_log = logging.getLogger(__name__)


class LabServer:
    """An async context manager that serves every specimen at `url(name)`; `port=0` lets the system choose.

    `time_scale` multiplies every pause, `disguise` changes the bytes of every answer and not its meaning. The hostile
    specimens are served only if asked for: they are made to exhaust a client. `requests` are the last ones received,
    oldest first.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        time_scale: float = 1.0,
        hostile: bool = False,
        disguise: Disguise = undisguised,
    ) -> None:
        self.host = host
        self.port = port
        self.specimens: Mapping[str, Specimen] = {
            **SPECIMENS,
            **UNLISTED,
            **(HOSTILE if hostile else {}),
        }
        self._time_scale = time_scale
        self._disguise = disguise
        self._requests: deque[LabRequest] = deque(maxlen=LOGGED_REQUESTS)
        self._logged_bytes = 0
        self._counts: OrderedDict[bytes, int] = OrderedDict()
        self._connections: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._open = contextlib.AsyncExitStack()

    @property
    def base(self) -> str:
        """The origin, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def requests(self) -> list[LabRequest]:
        """A copy of the log, safe to read from another thread."""
        return list(self._requests)

    def url(self, name: str) -> str:
        """The base URL of a specimen, as a client's settings want it."""
        return f"{self.base}/{name}/v1"

    async def __aenter__(self) -> Self:
        # Pushed in the order of need: on the way out the socket closes first, then the connections end.
        group = await self._open.enter_async_context(asyncio.TaskGroup())
        self._open.callback(self._hang_up)
        try:
            server = await asyncio.start_server(
                lambda reader, writer: self._accept(group, reader, writer), self.host, self.port
            )
        except BaseException:
            await self._open.aclose()
            raise
        self._open.callback(server.close)
        self.port = server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def _hang_up(self) -> None:
        self._stopping = True
        for task in self._connections:
            task.cancel()

    def _accept(self, group: asyncio.TaskGroup, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._stopping or len(self._connections) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        task = group.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Without a buffer of our own, "sent" means "given to the system", and a reset loses nothing sent before.
        writer.transport.set_write_buffer_limits(high=0)
        try:
            try:
                async with asyncio.timeout(READ_SECONDS):
                    request = await _read(reader, writer)
            except RefusedError as refused:
                await self._play(error_response(refused.status, refused.reason, "lab_error"), reader, writer)
                await _linger(reader, writer)
                return
            if request is not None:
                await self._play(self._script(request.below()), reader, writer)
                await _linger(reader, writer)
        except (OSError, TimeoutError):
            pass  # a client may go away at any moment; that is no error of the lab
        except Exception:  # noqa: BLE001 - a broken specimen must not stop the others
            _log.exception("a specimen failed to answer")
        finally:
            writer.transport.abort()

    def _script(self, request: LabRequest) -> Script:
        self._remember(request)
        specimen = self.specimens.get(request.specimen)
        if specimen is not None:
            asked = replace(request, earlier=self._count(request))
            return self._disguise(asked, specimen.respond(asked))
        if not request.specimen and request.path == "/":
            return json_response(200, self._index())
        return error_response(404, f"The lab has no specimen '{request.specimen}'", "invalid_request_error")

    def _index(self) -> dict[str, object]:
        served = self.specimens.values()
        return {
            "lab": "lumeai",
            "specimens": [self._entry(one) for one in served if not one.unlisted],
            "unlisted": [{**self._entry(one), "because": one.unlisted} for one in served if one.unlisted],
        }

    def _entry(self, specimen: Specimen) -> dict[str, object]:
        return {
            "name": specimen.name,
            "url": self.url(specimen.name),
            "healthy": specimen.healthy,
            "shows": specimen.shows or None,
            "sentence": specimen.sentence_en,
        }

    def _remember(self, request: LabRequest) -> None:
        if len(self._requests) == LOGGED_REQUESTS:
            self._logged_bytes -= len(self._requests[0].body)
        self._requests.append(request)
        self._logged_bytes += len(request.body)
        while self._logged_bytes > LOGGED_BYTES:
            self._logged_bytes -= len(self._requests.popleft().body)

    def _count(self, request: LabRequest) -> int:
        """How many requests of these bytes came before; of too many different ones the oldest are forgotten."""
        target = f"{request.specimen} {request.method} {request.path}\n"
        key = sha256(target.encode(errors="replace") + request.body).digest()
        earlier = self._counts.pop(key, 0)
        self._counts[key] = earlier + 1
        if len(self._counts) > COUNTED_REQUESTS:
            self._counts.popitem(last=False)
        return earlier

    async def _play(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for step in script:
            match step:
                case Send(data):
                    writer.write(data)
                    await writer.drain()
                    # drain() does not yield to a fast client; an endless script must not starve the others.
                    await asyncio.sleep(0)
                case Pause(seconds) if math.isinf(seconds):
                    await _drained(reader)
                    return
                case Pause(seconds):
                    await asyncio.sleep(seconds * self._time_scale)
                case Reset():
                    _reset(writer)
                    return
                case Close():
                    return


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> LabRequest | None:
    """The request, or None if the client left before it was complete."""
    parser = RequestReader()
    invited = False
    while data := await reader.read(_PORTION):
        request = parser.feed(data)
        if request is not None:
            return request
        if parser.expects_continue and not invited:
            invited = True
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return None


async def _drained(reader: asyncio.StreamReader) -> None:
    while await reader.read(_PORTION):
        pass


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An end that the client sees as one: closing over unread bytes would turn the FIN into a reset."""
    if writer.transport.is_closing():
        return
    writer.write_eof()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            await _drained(reader)


def _reset(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
