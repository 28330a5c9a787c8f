"""One request on its way: clients that leave, clients that read slowly, and many at once."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice

import pytest

from lumeai_cli.lab import running_lab
from tests.doctor.raw import Act, Request, Script, completion, delta, event_stream, http, models, raw_server, streamed
from tests.proxy.serving import Answer, Client, Serving, asked, chat, get, served, until, upstream

LEAVING_SECONDS = 1.0
"""Within which a backend hears that nobody wants its answer any more."""


# --- leaving clients --------------------------------------------------------------------------------------------------


def with_list(script: Script) -> Script:
    def answer(asked_of: Request) -> Iterator[bytes | Act]:
        yield from [models("m")] if asked_of.path.endswith("/models") else script(asked_of)

    return answer


def head_only(_: Request) -> list[bytes | Act]:
    return [event_stream(), Act.HOLD]


def some_text(_: Request) -> list[bytes | Act]:
    return [event_stream() + delta(role="assistant", content="") + delta(content="begun"), Act.HOLD]


def thought(_: Request) -> list[bytes | Act]:
    return [event_stream() + delta(role="assistant", reasoning_content="begun"), Act.HOLD]


def half_a_body(_: Request) -> list[bytes | Act]:
    return [b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{"id":', Act.HOLD]


def half_a_refusal(_: Request) -> list[bytes | Act]:
    return [b"HTTP/1.1 500 No\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{", Act.HOLD]


def never(_: Request) -> list[bytes | Act]:
    return [Act.HOLD]


def flood(_: Request) -> Iterator[bytes | Act]:
    yield event_stream() + delta(role="assistant", content="begun")
    while True:
        yield delta(content="x" * 10_000)


@pytest.mark.parametrize(
    ("script", "stream", "seen"),
    [
        (never, True, b""),
        (never, True, b": lumeai is waiting"),
        (head_only, True, b""),
        (head_only, True, b": lumeai is waiting"),
        (thought, True, b"begun"),
        (some_text, True, b"begun"),
        (flood, True, b"begun"),
        (half_a_refusal, True, b""),
        (never, False, b""),
        (half_a_body, False, b""),
        (half_a_refusal, False, b""),
    ],
)  # fmt: skip
def test_a_backend_is_left_as_soon_as_its_client_leaves(script: Script, seen: bytes, *, stream: bool) -> None:
    with (
        raw_server(with_list(script)) as server,
        served(upstream(server.url), hold=0.05 if b"waiting" in seen else 20.0, keep_alive=0.05) as serving,
    ):
        get(serving.port, "/v1/models")
        idle = serving.tasks
        with Client(serving.port) as client:
            client.send(chat(stream=stream))
            until(lambda: server.requests[-1].method == "POST")
            if seen:
                client.read_until(seen)
            until(lambda: server.open_connections == 1)
            left = time.monotonic()
        until(lambda: server.open_connections == 0)
        assert time.monotonic() - left < LEAVING_SECONDS
        until(lambda: serving.tasks == idle)
        assert serving.proxy.answers == 0


@pytest.mark.parametrize("stream", [True, False])
def test_who_leaves_in_the_rest_before_a_repeat_is_not_asked_for_again(*, stream: bool) -> None:
    def busy(_: Request) -> list[bytes | Act]:
        return [
            http('{"error":{"message":"slow down"}}', "429 Too Many Requests", "application/json", ("retry-after", "2"))
        ]

    with raw_server(with_list(busy)) as server, served(upstream(server.url)) as serving:
        get(serving.port, "/v1/models")
        idle = serving.tasks
        with Client(serving.port) as client:
            client.send(chat(stream=stream))
            until(lambda: server.requests[-1].method == "POST" and server.open_connections == 0)
            assert serving.proxy.answers == 1, "it rests"
        until(lambda: serving.proxy.answers == 0, LEAVING_SECONDS)
        until(lambda: serving.tasks == idle)
        assert len([one for one in server.requests if one.method == "POST"]) == 1


def test_who_leaves_with_half_a_request_leaves_nothing_behind() -> None:
    with raw_server(with_list(never)) as server, served(upstream(server.url)) as serving:
        get(serving.port, "/v1/models")
        idle = serving.tasks
        with Client(serving.port) as client:
            client.send(chat()[:-3])
            until(lambda: serving.tasks > idle)
        until(lambda: serving.tasks == idle)
        assert all(one.method == "GET" for one in server.requests)


# --- slow readers -----------------------------------------------------------------------------------------------------


def test_a_client_that_reads_slowly_slows_its_backend_and_fills_no_memory() -> None:
    sent = 0

    def endless(asked_of: Request) -> Iterator[bytes | Act]:
        nonlocal sent
        if asked_of.path.endswith("/models"):
            yield models("m")
            return
        yield event_stream() + delta(role="assistant", content="")
        piece = delta(content="y" * 50_000)
        while True:
            yield piece
            sent += len(piece)

    with raw_server(endless) as server, served(upstream(server.url)) as serving, Client(serving.port, 4096) as client:
        client.send(chat(stream=True))
        client.read_until(b"yyyy")
        seen = -1
        deadline = time.monotonic() + 30
        while sent != seen:  # the kernel's buffers on both ways fill up, and then it stands still
            assert time.monotonic() < deadline, f"{sent} bytes, and no end"
            seen = sent
            time.sleep(0.5)
        assert sent < 32 * 1024 * 1024
        client.read(2_000_000)
        until(lambda: sent > seen)


# --- many at once -----------------------------------------------------------------------------------------------------


def echo(asked_of: Request) -> Iterator[bytes]:
    if asked_of.path.endswith("/models"):
        yield models("m")
        return
    said = asked_of.json["messages"][-1]["content"]
    if not asked_of.stream:
        yield completion(said)
        return
    yield event_stream() + delta(role="assistant", content="")
    for letter in said:
        yield delta(content=letter)
        time.sleep(0.002)
    yield delta("stop") + b"data: [DONE]\n\n"


def words(number: int) -> str:
    """What no two requests have in common."""
    return f"<{number}>" * 6


def said(answer: Answer, *, stream: bool) -> str:
    text: str = answer.text if stream else answer.json["choices"][0]["message"]["content"]
    return text


def test_two_hundred_at_once_get_their_own_answers() -> None:
    def one(serving: Serving, number: int) -> None:
        stream = number % 4 > 0
        barrier.wait(30)
        answer = asked(serving.port, chat(words(number), stream=stream))
        assert answer.status == 200
        assert said(answer, stream=stream) == words(number)

    barrier = threading.Barrier(200)
    with raw_server(echo) as server, served(upstream(server.url)) as serving, ThreadPoolExecutor(200) as pool:
        for done in [pool.submit(one, serving, number) for number in range(200)]:
            done.result(60)
        until(lambda: serving.proxy.answers == 0)
    assert len([one for one in server.requests if one.method == "GET"]) == 1


def test_a_backend_that_is_started_again_answers_again() -> None:
    numbers = count()  # the same request again would be answered from memory for a while

    def many(serving: Serving) -> list[Answer]:
        sent = [chat(words(number), model="", stream=True) for number in islice(numbers, 20)]
        with ThreadPoolExecutor(20) as pool:
            return list(pool.map(lambda data: asked(serving.port, data), sent))

    with running_lab() as lab:
        port = lab.port
        backend = upstream(lab.url("healthy-plain"))
    with served(backend, attempts=1) as serving:
        assert {answer.error["code"][:3] for answer in many(serving)} == {"LUM"}
        for _ in range(2):
            with running_lab(port=port):
                answers = many(serving)
                assert all(answer.text and answer.frames[-1] == b"[DONE]" for answer in answers)
            assert {answer.status for answer in many(serving)} <= {422, 502}


def test_an_answer_is_whole_before_the_next_begins_on_its_connection() -> None:
    with raw_server(with_list(lambda _: [streamed("hello")])) as server, served(upstream(server.url)) as serving:
        with Client(serving.port) as client:
            for number in range(20):
                client.send(chat(words(number), stream=True))
                assert client.answer().text == "hello"
        until(lambda: server.open_connections == 0)
