"""Does what the flow of one request says: opens backends, sends to the client, wakes, and tells the flow what happens.

The only place where a request meets the clock, the sockets and the client at once. A task of its own watches for the
client's leaving, because the server's `send` says nothing about it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from lumeai_cli.backends.backend import Kind
from lumeai_cli.flow import builtin
from lumeai_cli.flow.attempt import Attempt, request_of
from lumeai_cli.flow.chat import Chat
from lumeai_cli.flow.event import (
    Arrived,
    Cancel,
    Command,
    Ended,
    Event,
    Finish,
    Left,
    Note,
    Open,
    Opened,
    Read,
    Send,
    Start,
    Stopping,
    Tick,
    WakeAt,
)
from lumeai_cli.flow.flow import Flow, State, Told
from lumeai_cli.flow.refusal import Refusal
from lumeai_cli.repair.chunk import error_event
from lumeai_cli.transport.call import Engine, Limits
from lumeai_cli.wire.exchange import Ending, EndingKind

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
SendMessage = Callable[[Message], Awaitable[None]]


class Listener(Protocol):
    """Whoever wants to know what became of a request."""

    def noted(self, note: Note) -> None:
        """An attempt came to an end."""

    def finished(self, finish: Finish, seconds: float) -> None:
        """The request did."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a request finds around it. `agent` is how the proxy calls itself before backends."""

    engine: Engine
    limits: Limits
    listener: Listener
    agent: str
    language: str


class Driver:
    """One request on its way."""

    __slots__ = (
        "_around",
        "_asked",
        "_chat",
        "_closed",
        "_flow",
        "_left",
        "_next",
        "_send",
        "_started",
        "_tasks",
        "_timer",
        "_wake",
        "_working",
    )

    def __init__(self, flow: Flow, chat: Chat, around: Surroundings, send: SendMessage) -> None:
        self._flow = flow
        self._chat = chat
        self._around = around
        self._send = send
        self._started = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._wake = 0.0
        self._closed = True  # whether the client has the last byte of its answer, or none at all
        self._next: Attempt | None = None
        self._asked = ""  # the backend of the last attempt
        self._tasks: asyncio.TaskGroup | None = None
        self._working: asyncio.Task[None] | None = None
        self._left = False

    @property
    def started(self) -> bool:
        """Whether the client has a status."""
        return self._flow.told is not Told.NOTHING or self._flow.state is State.OVER

    async def break_off(self, refusal: Refusal) -> None:
        """Ends an answer that lumeai itself broke: in words."""
        if not self._closed:
            self._closed = True
            message = refusal.sentence.in_(self._around.language)
            await self._body(error_event(message, refusal.code), more=False)

    async def run(self, receive: Receive) -> None:
        """From the client's request to the last byte, or to its leaving."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._working = tasks.create_task(self._work())
            watch = tasks.create_task(self._watch(receive, self._working))
            self._working.add_done_callback(lambda _: watch.cancel())

    def stop(self) -> None:
        """Ends it because the proxy itself ends: the client is told so."""
        if self._working is not None:
            self._working.cancel()

    async def _watch(self, receive: Receive, work: asyncio.Task[None]) -> None:
        """Ends the work as soon as the client is gone."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._left = True
        work.cancel()

    def _now(self) -> float:
        return time.monotonic() - self._started

    async def _work(self) -> None:
        try:
            await self._tell(Arrived(self._now()))
            while self._flow.state is not State.OVER:
                attempt, self._next = self._next, None
                if attempt is not None:
                    await self._attempt(attempt)
                else:
                    await asyncio.sleep(max(0.0, self._wake - self._now()))
                    await self._tell(Tick(self._now()))
        except asyncio.CancelledError:
            await self._tell(Left(self._now()) if self._left else Stopping(self._now()))
            raise
        finally:
            if self._timer is not None:
                self._timer.cancel()

    async def _attempt(self, attempt: Attempt) -> None:
        """One exchange, to its end or until the flow wants no more of it."""
        self._asked = attempt.candidate.backend.name
        if attempt.candidate.backend.kind is Kind.BUILTIN:
            await self._built_in()
            return
        flow = self._flow
        async with self._around.engine.open(
            request_of(attempt, self._chat, self._around.agent), self._around.limits
        ) as call:
            if call.status is not None:
                await self._tell(Opened(self._now(), call.status, call.headers, call.encoding))
                async for chunk in call:
                    commands = flow.handle(Read(chunk.at, chunk.data))
                    if commands and await self._do(commands):
                        return
            ending = call.ending
        await self._tell(Ended(ending.at, ending))

    async def _built_in(self) -> None:
        began = self._now()
        await self._tell(Opened(began, 200, builtin.HEADERS))
        for piece in builtin.answer(self._chat, self._around.language):
            if await self._tell(Read(self._now() - began, piece)):
                return
        at = self._now() - began
        await self._tell(Ended(at, Ending(EndingKind.CLEAN, at)))

    async def _do(self, commands: list[Command]) -> bool:
        """Executes commands; whether the exchange under way is to be left."""
        leave = False
        ends = isinstance(commands[-1], Finish)
        for number, command in enumerate(commands, 1):
            match command:
                case Send(data):
                    self._closed = ends and number == len(commands) - 1
                    await self._body(data, more=not self._closed)
                case Start(status, headers):
                    self._closed = False
                    await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})
                case Open(attempt):
                    self._next = attempt
                    leave = True
                case Cancel():
                    leave = True
                case WakeAt(at):
                    self._wake_at(at)
                case Note():
                    self._around.listener.noted(command)
                case Finish():
                    if not self._closed and command.outcome != "left":
                        self._closed = True
                        await self._body(b"", more=False)
                    self._around.listener.finished(replace(command, backend=self._asked), self._now())
                    leave = True
        return leave

    async def _body(self, data: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    def _wake_at(self, at: float) -> None:
        self._wake = at
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flow.state in (State.ASKING, State.READING, State.REFUSED):
            delay = max(0.0, at - self._now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        """The time has come while a backend is silent: the work itself is waiting for that one."""
        if self._tasks is not None:
            self._tasks.create_task(self._ticked())

    async def _ticked(self) -> None:
        # Asked and done in one step: what the work sends in between finds the status gone out, or goes out before it.
        await self._tell(Tick(self._now()))

    async def _tell(self, event: Event) -> bool:
        """Tells the flow what has happened, and does what it says; whether the exchange under way is to be left."""
        commands = self._flow.handle(event)
        return await self._do(commands) if commands else False
