"""Each unusual healthy specimen is as unusual as its name says, and answers all the same."""

import codecs
import json
import socket
import time
import zlib
from typing import Any

import pytest

from lumeai_cli.lab import SPECIMENS, LabServer
from lumeai_cli.lab.healthy import FINGERPRINT
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Send
from lumeai_cli.lab.unusual import SPACES
from tests.lab.conftest import CHAT, READ, TOOL, Ask, healthy_call, healthy_xml

HEALTHY = pytest.mark.parametrize("name", sorted(name for name, specimen in SPECIMENS.items() if specimen.healthy))
USAGE: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


@HEALTHY
def test_tools_are_called_in_both_protocols_and_modes(name: str, chat: Ask, chat_xml: Ask) -> None:
    assert healthy_call(chat(name, READ, tools=[TOOL]))
    assert healthy_xml(chat_xml(name))
    if name != "healthy-text-plain":  # the helpers tell a stream by its label
        assert healthy_call(chat(name, READ, tools=[TOOL], stream=True))
        assert healthy_xml(chat_xml(name, stream=True))


@HEALTHY
def test_usage_comes_once_when_asked_for(name: str, chat: Ask) -> None:
    counted = [chunk["usage"] for chunk in chat(name, **USAGE).chunks if chunk.get("usage")]
    assert [usage["prompt_tokens"] > 0 for usage in counted] == [True]


def test_unusual_framing_is_what_its_name_says(chat: Ask) -> None:
    crlf = chat("healthy-crlf", stream=True).body
    assert crlf.count(b"\r\n\r\n") * 2 == crlf.count(b"\n")
    cr = chat("healthy-cr-only", stream=True).body
    assert b"\n" not in cr
    assert cr.endswith(b"data: [DONE]\r\r")
    assert b"data: " not in chat("healthy-no-space", stream=True).body
    commented = chat("healthy-comments", stream=True).body
    assert commented.startswith(b": ")
    assert commented.count(b"\n\n: ") > 2
    assert b"[DONE]" not in chat("healthy-no-done", stream=True).body
    assert chat("healthy-bom", stream=True).body.startswith(codecs.BOM_UTF8 + b"data: {")


def test_every_event_has_its_name_and_number(chat: Ask) -> None:
    frames = chat("healthy-event-names", stream=True).body.split(b"\n\n")[:-1]
    assert len(frames) > 3
    assert all(frame.startswith(b"event: message\nid: 7\nretry: 3000\ndata: ") for frame in frames)


def test_letters_are_split_across_writes_and_stay_whole(chat: Ask) -> None:
    asked = LabRequest(
        "POST", f"/v1{CHAT}", json={"stream": True, "messages": [{"role": "user", "content": "Расскажи"}]}
    )
    sent = [step.data for step in SPECIMENS["healthy-split-utf8"].respond(asked) if isinstance(step, Send)]
    payloads = [data.split(b"\r\n", 1)[1][:-2] for data in sent[1:-1]]
    assert sum(payload[-1] >= 0xC0 for payload in payloads) > 5
    answer = chat("healthy-split-utf8", "Расскажи", stream=True)
    assert answer.joined().startswith("Понял вас. Understood: Расскажи")
    assert all(chunk["system_fingerprint"] == FINGERPRINT for chunk in answer.chunks)


def test_a_line_separator_stands_raw_in_every_frame(chat: Ask) -> None:
    answer = chat("healthy-u2028", "Tell me", stream=True)
    frames = answer.body.split(b"\n\n")[:-2]
    assert all("\u2028".encode() in frame for frame in frames)
    assert answer.joined().startswith("Well.\u2028Understood: Tell me")
    assert "\u2028".encode() in chat("healthy-u2028", "Tell me").body


def test_the_role_is_named_in_every_delta(chat: Ask) -> None:
    for asked in ({}, {"tools": [TOOL]}):
        *said, last = chat("healthy-role-in-every-delta", READ, stream=True, **asked).deltas
        assert len(said) > 2
        assert {delta["role"] for delta in said} == {"assistant"}
        assert last == {}


def test_the_first_content_is_null(chat: Ask) -> None:
    assert chat("healthy-content-null-first", stream=True).deltas[0] == {"role": "assistant", "content": None}


def test_usage_comes_unasked_in_a_chunk_of_its_own(chat: Ask) -> None:
    last = chat("healthy-usage-only-chunk", stream=True).chunks[-1]
    assert (last["choices"], last["usage"]["completion_tokens"]) == ([], 1)


def test_the_filter_speaks_before_the_model(chat: Ask) -> None:
    first, second, *_ = chat("healthy-azure-first-chunk", stream=True).chunks
    assert (first["choices"], first["model"]) == ([], "")
    assert first["prompt_filter_results"][0]["content_filter_results"]["hate"]["filtered"] is False
    assert second["choices"][0]["delta"]["role"] == "assistant"


def test_a_call_comes_whole(chat: Ask) -> None:
    (call,) = chat("healthy-whole-call-in-one-chunk", READ, stream=True, tools=[TOOL]).calls
    assert call["index"] == 0
    assert json.loads(call["function"]["arguments"]) == {"path": "notes/plan.txt"}


def test_beside_a_call_the_content_is_null(chat: Ask) -> None:
    *said, _end = chat("healthy-tool-only-turn", READ, stream=True, tools=[TOOL]).deltas
    assert all(delta["content"] is None and delta["tool_calls"] for delta in said)
    assert chat("healthy-tool-only-turn", READ, tools=[TOOL]).choice["message"]["content"] is None


@pytest.mark.parametrize("tools", [[], [TOOL]], ids=["text", "call"])
def test_thoughts_come_before_the_answer(tools: list[Any], chat: Ask) -> None:
    answer = chat("healthy-reasoning-first", READ, stream=True, tools=tools)
    thinking = [bool(delta.get("reasoning_content")) for delta in answer.deltas[1:]]
    assert thinking == sorted(thinking, reverse=True)
    assert answer.joined("reasoning_content").endswith("I know what to do.")
    assert answer.joined() or answer.calls
    message = chat("healthy-reasoning-first", READ, tools=tools).choice["message"]
    assert message["reasoning_content"] == answer.joined("reasoning_content")


def test_a_compressed_event_can_be_read_at_once(chat: Ask) -> None:
    asked = LabRequest("POST", f"/v1{CHAT}", json={"stream": True, "messages": [{"role": "user", "content": "Hi"}]})
    head, *sent = [step.data for step in SPECIMENS["healthy-gzip"].respond(asked) if isinstance(step, Send)]
    unpacker = zlib.decompressobj(wbits=31)
    events = [unpacker.decompress(data.split(b"\r\n", 1)[1][:-2]) for data in sent[:-2]]
    assert b"\r\ncontent-encoding: gzip\r\n" in head
    assert len(events) > 3
    assert all(event.startswith(b"data: ") and event.endswith(b"\n\n") for event in events)
    for stream in (True, False):
        answer = chat("healthy-gzip", stream=stream)
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.body.startswith(b"\x1f\x8b")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "plain"])
def test_http_1_0_ends_a_body_by_closing(*, stream: bool, chat: Ask, get: Ask) -> None:
    for answer in (chat("healthy-http10", stream=stream), get("healthy-http10", "/v1/models")):
        assert answer.version == 10
        assert not answer.headers.keys() & {"content-length", "transfer-encoding"}
        assert answer.headers["connection"] == "close"


def test_a_stream_is_labelled_as_text(chat: Ask) -> None:
    answer = chat("healthy-text-plain", stream=True)
    assert (answer.kind, answer.finishes) == ("text/plain", ["stop"])


def test_spaces_keep_the_connection_alive(chat: Ask, lab: LabServer) -> None:
    assert chat("healthy-keepalive-spaces").body.startswith(b" \n" * SPACES + b"{")
    body = json.dumps({"messages": [{"role": "user", "content": "Hi"}]}).encode()
    head = f"POST /healthy-keepalive-spaces/v1{CHAT} HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    started = time.monotonic()
    with socket.create_connection((lab.host, lab.port), timeout=5) as client:
        client.sendall(head + body)
        data = b"".join(iter(lambda: client.recv(65536), b""))
    assert time.monotonic() - started > 0.04
    assert data.count(b"\r\n2\r\n \n") == SPACES
    assert data.endswith(b"}\r\n0\r\n\r\n")
