"""Streams that are framed wrongly, end without saying so, come too late, or are cut after a silence."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lumeai_cli.lab import SPECIMENS, LabServer, running_lab
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Pause, Send
from lumeai_cli.lab.streams import BUFFERED_EVENTS
from tests.lab.conftest import CHAT, READ, TOOL, Ask, healthy_call, healthy_plain, healthy_xml

PLAIN_IS_HEALTHY = (
    "unframed-error-in-stream",
    "single-newline-framing",
    "unterminated-last-event",
    "missing-finish-reason",
    "buffered-stream",
    "silence-cut",
    "gateway-drops-answer",
)
USAGE = {"include_usage": True}
BOTH = pytest.mark.parametrize("tools", [[], [TOOL]], ids=["text", "call"])


@pytest.mark.parametrize("name", PLAIN_IS_HEALTHY)
def test_without_streaming_the_answer_is_healthy(name: str, chat: Ask, chat_xml: Ask) -> None:
    assert healthy_plain(chat(name))
    assert healthy_call(chat(name, READ, tools=[TOOL]))
    assert healthy_xml(chat_xml(name))


@BOTH
def test_an_error_stands_raw_after_a_good_delta(tools: list[Any], chat: Ask) -> None:
    answer = chat("unframed-error-in-stream", READ, stream=True, tools=tools)
    *frames, last = answer.body.split(b"\n\n")
    assert last == b'{"error":{"message":"upstream connection lost","type":"server_error"}}\n'
    assert [frame[:7] for frame in frames] == [b"data: {"] * 2
    assert (answer.status, answer.finishes) == (200, [])
    assert answer.joined() or answer.calls


@BOTH
def test_frames_are_parted_by_one_newline(tools: list[Any], chat: Ask) -> None:
    body = chat("single-newline-framing", READ, stream=True, tools=tools, stream_options=USAGE).body
    lines = body.removesuffix(b"\n\n").split(b"\n")
    assert body.endswith(b"data: [DONE]\n\n")
    assert len(lines) > 4
    assert all(json.loads(line.removeprefix(b"data: "))["object"] for line in lines[:-1])


@BOTH
def test_the_one_event_is_whole_and_never_ends(tools: list[Any], chat: Ask) -> None:
    body = chat("unterminated-last-event", READ, stream=True, tools=tools, stream_options=USAGE).body
    assert body.startswith(b"data: {")
    assert body.count(b"\n") == 1
    assert body.endswith(b"}\n")
    event = json.loads(body.removeprefix(b"data: "))
    assert event["choices"][0]["finish_reason"] == ("tool_calls" if tools else "stop")
    assert event["usage"]["completion_tokens"] > 0
    delta = event["choices"][0]["delta"]
    assert delta["content"] or json.loads(delta["tool_calls"][0]["function"]["arguments"])


@BOTH
def test_an_answer_ends_without_a_reason(tools: list[Any], chat: Ask) -> None:
    answer = chat("missing-finish-reason", READ, stream=True, tools=tools, stream_options=USAGE)
    assert answer.finishes == []
    assert b"[DONE]" not in answer.body
    assert answer.body.endswith(b"}\n\n")
    assert json.loads(answer.arguments) if tools else READ in answer.joined()


@BOTH
def test_a_gateway_ends_well_and_has_lost_everything(tools: list[Any], chat: Ask) -> None:
    answer = chat("gateway-drops-answer", READ, stream=True, tools=tools)
    assert (answer.status, answer.deltas, answer.finishes) == (200, [{}], ["stop"])
    assert answer.body.endswith(b"data: [DONE]\n\n")


def talk(lab: LabServer, name: str, **fields: Any) -> tuple[bytes, float]:
    """The raw body until the connection ends, and the seconds that it took."""
    body = json.dumps({"stream": True, "messages": [{"role": "user", "content": READ}], **fields}).encode()
    started = time.monotonic()
    with socket.create_connection((lab.host, lab.port), timeout=5) as client:
        client.sendall(f"POST /{name}/v1{CHAT} HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        data = b"".join(iter(lambda: client.recv(65536), b""))
    return data.partition(b"\r\n\r\n")[2], time.monotonic() - started


@pytest.mark.parametrize("asked", [{}, {"tools": [TOOL]}, {"messages": [{"role": "user", "content": "Say: x"}]}])
def test_all_events_come_in_one_burst(asked: dict[str, Any], lab: LabServer, chat: Ask) -> None:
    answer = chat("buffered-stream", stream=True, **asked)
    assert len(answer.chunks) >= BUFFERED_EVENTS
    assert answer.body.endswith(b"data: [DONE]\n\n")
    data, seconds = talk(lab, "buffered-stream", **asked)
    size, _, rest = data.partition(b"\r\n")
    assert rest[int(size, 16) :] == b"\r\n0\r\n\r\n"
    assert seconds > 0.1


def test_the_headers_of_the_burst_come_before_the_silence() -> None:
    asked = LabRequest("POST", f"/v1{CHAT}", json={"stream": True, "messages": [{"role": "user", "content": READ}]})
    head, pause, *_ = SPECIMENS["buffered-stream"].respond(asked)
    assert isinstance(head, Send)
    assert head.data.endswith(b"\r\n\r\n")
    assert pause == Pause(2.5)


@pytest.fixture(scope="module")
def hasty() -> Iterator[LabServer]:
    """A lab whose minute is over in the blink of an eye."""
    with running_lab(time_scale=0.003) as running:
        yield running


@BOTH
def test_a_connection_is_closed_after_a_silence(tools: list[Any], hasty: LabServer) -> None:
    data, seconds = talk(hasty, "silence-cut", tools=tools)
    assert seconds > 0.15
    assert data.count(b"data: {") == 2
    assert data.endswith(b"}\n\n\r\n")
    assert b'"finish_reason":"' not in data
