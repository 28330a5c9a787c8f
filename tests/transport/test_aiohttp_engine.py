"""What is particular to the proxy's engine: its pool, and that nothing is left behind when a call is given up."""

import asyncio
import contextlib
import gc
import socket
import subprocess
import sys
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lumeai_cli.transport import aiohttp_engine
from lumeai_cli.transport.aiohttp_engine import AiohttpEngine
from lumeai_cli.transport.call import HttpRequest, Limits, perform
from lumeai_cli.wire.exchange import Asked, EndingKind, Exchange, Headers

PATIENT = Limits(connect=30, first_byte=30, silence=30, total=30)
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
STREAM = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n"


@dataclass
class Server:
    """A server that keeps its connections: how many came, how many are open, and every request's head."""

    url: str = ""
    connections: int = 0
    still_open: int = 0
    heads: list[bytes] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait_until(self, true: Callable[[], bool]) -> None:
        """Waits for something that the client brings about."""
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(true)

    async def tell(self) -> None:
        """Says that something has changed."""
        async with self.changed:
            self.changed.notify_all()


Behaviour = Callable[[int, int, asyncio.StreamWriter], Awaitable[bool]]
"""Given the connection's number, the request's number on it, and where to answer: whether the connection stays."""


@asynccontextmanager
async def serving(behave: Behaviour) -> AsyncIterator[Server]:
    server = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        server.still_open += 1
        connection = server.connections
        number = 0
        try:
            stays = True
            while stays:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(2)  # every body is `{}`
                number += 1
                server.heads.append(head)
                await server.tell()
                stays = await behave(connection, number, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        finally:
            server.still_open -= 1
            writer.transport.abort() if writer.transport.is_closing() else writer.close()
            await server.tell()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    async with listening:
        yield server
    await server.wait_until(lambda: not server.still_open)


async def answers(_: int, __: int, writer: asyncio.StreamWriter) -> bool:
    writer.write(ANSWER)
    return True


async def streams(_: int, __: int, writer: asyncio.StreamWriter) -> bool:
    """Begins to stream and never ends."""
    writer.write(STREAM)
    return True


async def ask(engine: AiohttpEngine, server: Server, headers: Headers = ()) -> Exchange:
    request = HttpRequest("POST", server.url, headers, b"{}")
    return await perform(engine, request, PATIENT, Asked("json", server.url), "e1")


def test_connections_are_used_again() -> None:
    async def thrice() -> tuple[list[bytes], int, int]:
        async with serving(answers) as server:
            async with AiohttpEngine(proxied=False, tls=False) as engine:
                bodies = [(await ask(engine, server)).body for _ in range(3)]
            return bodies, server.connections, len(server.heads)

    assert asyncio.run(thrice()) == ([b"hi"] * 3, 1, 3)


def test_calls_at_the_same_time_do_not_wait_for_each_other() -> None:
    """There is no bound on the connections: a hundred streams of a slow model must not block the next request."""

    async def many() -> int:
        everybody = asyncio.Event()

        async def together(_: int, __: int, writer: asyncio.StreamWriter) -> bool:
            if len(server.heads) == 150:
                everybody.set()
            await everybody.wait()
            writer.write(ANSWER)
            return True

        async with serving(together) as server, AiohttpEngine(proxied=False, tls=False) as engine:
            done = await asyncio.gather(*(ask(engine, server) for _ in range(150)))
        return sum(one.ending.clean for one in done)

    assert asyncio.run(many()) == 150


async def closes_idle(_: int, __: int, writer: asyncio.StreamWriter) -> bool:
    writer.write(ANSWER)
    return False


async def closes_on_the_second(_: int, number: int, writer: asyncio.StreamWriter) -> bool:
    """The idle time ended while the next request was on its way: it is not answered."""
    if number == 2:
        return False
    return await answers(_, number, writer)


async def resets_on_the_second(_: int, number: int, writer: asyncio.StreamWriter) -> bool:
    if number == 2:
        writer.transport.abort()
        return False
    return await answers(_, number, writer)


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("behave", [closes_idle, closes_on_the_second, resets_on_the_second])
def test_a_connection_that_was_closed_meanwhile_is_no_failure(behave: Behaviour, method: str) -> None:
    async def twenty() -> set[EndingKind]:
        async with serving(behave) as server, AiohttpEngine(proxied=False, tls=False) as engine:
            request = HttpRequest(method, server.url, (), b"{}")
            return {
                (await perform(engine, request, PATIENT, Asked("json", server.url), "e1")).ending.kind
                for _ in range(20)
            }

    assert asyncio.run(twenty()) == {EndingKind.CLEAN}


async def heard(behave: Behaviour, times: int) -> tuple[list[EndingKind], int]:
    """The endings of requests one after the other, and how many the server got."""
    async with serving(behave) as server, AiohttpEngine(proxied=False, tls=False) as engine:
        kinds = [(await ask(engine, server)).ending.kind for _ in range(times)]
        return kinds, len(server.heads)


def test_a_fresh_connection_that_dies_is_a_failure_at_once() -> None:
    async def dies(_: int, __: int, ___: asyncio.StreamWriter) -> bool:
        return False

    assert asyncio.run(heard(dies, 1)) == ([EndingKind.RESET], 1)


def test_a_request_is_sent_twice_at_most() -> None:
    """A server that dies of it dies of it again."""

    async def dies_of_it(connection: int, number: int, writer: asyncio.StreamWriter) -> bool:
        return (connection, number) == (1, 1) and await answers(connection, number, writer)

    assert asyncio.run(heard(dies_of_it, 2)) == ([EndingKind.CLEAN, EndingKind.RESET], 3)


def test_what_had_begun_to_be_answered_is_not_asked_again() -> None:
    async def begins(_: int, number: int, writer: asyncio.StreamWriter) -> bool:
        if number == 1:
            return await answers(_, number, writer)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-")
        return False

    assert asyncio.run(heard(begins, 2)) == ([EndingKind.CLEAN, EndingKind.RESET], 2)


def test_who_worked_for_a_while_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiohttp_engine, "_STALE", 0.0)
    assert asyncio.run(heard(closes_on_the_second, 2)) == ([EndingKind.CLEAN, EndingKind.RESET], 2)


def test_what_came_unasked_answers_nothing() -> None:
    """A server may say goodbye on an idle connection: `408`, say. It is not the answer to the next request."""

    async def last_word() -> list[int | None]:
        said = asyncio.Event()

        async def says_goodbye(_: int, __: int, writer: asyncio.StreamWriter) -> bool:
            writer.write(ANSWER)
            await seen.wait()
            writer.write(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 2\r\n\r\nno")
            said.set()
            return True

        seen = asyncio.Event()
        statuses = []
        async with serving(says_goodbye) as server, AiohttpEngine(proxied=False, tls=False) as engine:
            for _ in range(3):
                statuses.append((await ask(engine, server)).status)
                seen.set()
                await said.wait()
                await asyncio.sleep(0.05)  # until it has come; were it too short, nothing would be proven, nor fail
                seen.clear()
                said.clear()
        return statuses

    assert asyncio.run(last_word()) == [200, 200, 200]


@pytest.mark.parametrize("after", ["the head", "a chunk", "the limit"])
def test_who_leaves_early_closes_the_connection_at_once(after: str) -> None:
    """A server stops to generate when it sees its client leave; the engine stays open."""

    async def leave() -> None:
        async with serving(streams) as server, AiohttpEngine(proxied=False, tls=False) as engine:
            limits = Limits(body=1) if after == "the limit" else PATIENT
            async with engine.open(HttpRequest("POST", server.url, (), b"{}"), limits) as call:
                if after == "a chunk":
                    async for chunk in call:
                        assert chunk.data == b"hi"
                        break
                elif after == "the limit":
                    assert [chunk.data async for chunk in call] == [b"h"]
                    assert call.ending.kind is EndingKind.OVERFLOW
                assert server.still_open == 1
            await server.wait_until(lambda: not server.still_open)
            assert (await ask_briefly(engine, server)) is EndingKind.TIMEOUT_SILENCE

    asyncio.run(leave())


async def ask_briefly(engine: AiohttpEngine, server: Server) -> EndingKind:
    limits = Limits(first_byte=0.2, silence=0.2)
    request = HttpRequest("POST", server.url, (), b"{}")
    return (await perform(engine, request, limits, Asked("stream", server.url), "e1")).ending.kind


def test_three_hundred_cancelled_calls_leave_a_usable_engine_and_nothing_else() -> None:
    """At every point of their way: before the connection stands, before the head, within the body, at its end."""

    async def cancel() -> None:
        async with serving(answers) as server, serving(streams) as other:
            async with AiohttpEngine(proxied=False, tls=False) as engine:
                before = len(asyncio.all_tasks())
                for burst in range(10):
                    tasks = [asyncio.ensure_future(ask(engine, (server, other)[n % 2])) for n in range(30)]  # noqa: TID251
                    for turn in range(30):
                        for _ in range(burst):
                            await asyncio.sleep(0)
                        tasks[turn].cancel()
                    ended = await asyncio.gather(*tasks, return_exceptions=True)
                    assert all(isinstance(end, Exchange | asyncio.CancelledError) for end in ended)
                await other.wait_until(lambda: not other.still_open)
                assert (await ask(engine, server)).ending.kind is EndingKind.CLEAN
                assert len(asyncio.all_tasks()) <= before + server.still_open
            await server.wait_until(lambda: not server.still_open)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(cancel())
    gc.collect()  # an unclosed connection would be a warning, and so an error


def open_sockets_to(port: int) -> int:
    """How many sockets of this process are connected to that port."""
    found = 0
    for thing in gc.get_objects():
        if type(thing) is socket.socket and thing.fileno() != -1 and thing.family == socket.AF_INET:
            with contextlib.suppress(OSError):  # it listens
                found += thing.getpeername()[1] == port
    return found


@pytest.mark.parametrize("answered", [True, False], ids=["left", "cancelled"])
def test_who_leaves_sends_no_more(answered: bool) -> None:  # noqa: FBT001  # a condition of the table
    """A server that is stuck reads nothing; a request that was given up must not wait for it with its socket open."""
    arrived = asyncio.Event()

    async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answered:
            writer.write(STREAM)
        arrived.set()
        await left.wait()
        writer.transport.abort()

    async def send(engine: AiohttpEngine, port: int) -> int | None:
        request = HttpRequest("POST", f"http://127.0.0.1:{port}/v1", (), bytes(64 << 20))
        async with engine.open(request, PATIENT) as call:
            return call.status

    async def leave() -> tuple[int, int]:
        listening = await asyncio.start_server(stuck, "127.0.0.1", 0, limit=4096)
        port = listening.sockets[0].getsockname()[1]
        async with listening, AiohttpEngine(proxied=False, tls=False) as engine:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(send(engine, port))
                await arrived.wait()
                before = open_sockets_to(port)
                await asyncio.sleep(0.3)  # until the system takes no more; were it too short, nothing would fail
                if answered:
                    assert await task == 200
                task.cancel()
            for _ in range(10):
                await asyncio.sleep(0)
            after = open_sockets_to(port)
            left.set()
        return before, after

    left = asyncio.Event()
    assert asyncio.run(leave()) == (1, 0)


def test_a_call_that_has_ended_is_forgotten() -> None:
    """Neither a timer nor the connection, which stays, holds on to it."""

    async def ends(_: int, __: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(STREAM)
        await begun.wait()
        writer.write(b"0\r\n\r\n")
        return True

    async def read() -> tuple[list[bool], int]:
        forgotten = []
        async with serving(ends) as server, AiohttpEngine(proxied=False, tls=False) as engine:
            for _ in range(2):
                begun.clear()
                async with engine.open(HttpRequest("POST", server.url, (), b"{}"), PATIENT) as call:
                    async for _chunk in call:
                        begun.set()
                    assert call.ending.clean
                ended = weakref.ref(call)
                del call
                gc.collect()
                forgotten.append(ended() is None)
            return forgotten, server.connections

    begun = asyncio.Event()
    assert asyncio.run(read()) == ([True, True], 1)


def test_a_slow_reader_gets_all_that_had_come_before_a_cut() -> None:
    """The cut is known before the reader has read; what came is his nevertheless."""

    async def cut(_: int, __: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(STREAM)
        await begun.wait()
        writer.write(b"3\r\nyou\r\n")
        return False

    async def read() -> tuple[bytes, EndingKind]:
        async with (
            serving(cut) as server,
            AiohttpEngine(proxied=False, tls=False) as engine,
            engine.open(HttpRequest("POST", server.url, (), b"{}"), PATIENT) as call,
        ):
            data = b""
            async for chunk in call:
                data += chunk.data
                begun.set()
                await server.wait_until(lambda: not server.still_open)
                await asyncio.sleep(0.05)  # until it is known here; were it too short, nothing would fail
            return data, call.ending.kind

    begun = asyncio.Event()
    assert asyncio.run(read()) == (b"hiyou", EndingKind.CUT)


def sent_head(headers: Headers) -> list[str]:
    async def head() -> bytes:
        async with serving(answers) as server, AiohttpEngine(proxied=True, tls=False) as engine:
            await ask(engine, server, headers)
            await ask(engine, server, headers)
            assert server.heads[0] == server.heads[1]
            return server.heads[0]

    return asyncio.run(head()).decode().split("\r\n")[1:-2]


def names(head: list[str]) -> list[str]:
    return sorted(line.partition(":")[0].lower() for line in head)


@pytest.mark.usefixtures("no_variables")
def test_the_request_decides_on_its_headers() -> None:
    head = sent_head((("X-Twice", "a"), ("X-Twice", "b"), ("content-type", "application/json")))
    assert names(head) == ["accept-encoding", "content-length", "content-type", "host", "x-twice", "x-twice"]
    assert "accept-encoding: identity" in [line.lower() for line in head]
    assert names(sent_head(())) == ["accept-encoding", "content-length", "host"]
    assert "Accept-Encoding: gzip" in sent_head((("Accept-Encoding", "gzip"),))


def test_no_password_is_looked_up_for_a_request(tmp_path: Path, no_variables: pytest.MonkeyPatch) -> None:
    """Not even where the proxy variables are obeyed, which other clients take for leave to read `.netrc`."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password something\n")
    netrc.chmod(0o600)
    no_variables.setenv("NETRC", str(netrc))
    assert "authorization" not in names(sent_head(()))
    assert "authorization: Bearer own" in sent_head((("authorization", "Bearer own"),))


def test_cookies_are_not_kept() -> None:
    async def sets(_: int, __: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(ANSWER.replace(b"\r\n\r\n", b"\r\nset-cookie: a=b; Path=/\r\n\r\n"))
        return True

    async def twice() -> list[bytes]:
        async with serving(sets) as server, AiohttpEngine(proxied=False, tls=False) as engine:
            for _ in range(2):
                await ask(engine, server)
            return server.heads

    assert not any(b"cookie" in head.lower() for head in asyncio.run(twice()))


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\x00b"])
def test_a_header_that_cannot_be_sent_is_an_ending(value: str) -> None:
    async def send() -> Exchange:
        async with serving(answers) as server, AiohttpEngine(proxied=False, tls=False) as engine:
            return await ask(engine, server, (("authorization", value),))

    done = asyncio.run(send())
    assert (done.ending.kind, done.status) == (EndingKind.PROTOCOL, None)
    assert value not in done.ending.detail


def test_the_room_costs_no_start_up_time() -> None:
    """The library takes a third of a second to import: only who serves pays for it."""
    code = "import sys, lumeai_cli.transport.call, lumeai_cli.transport.httpx_engine; print('aiohttp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
