"""Chunks, completions, ids and envelopes as clients read them."""

import json

import pytest

from lumeai_cli.repair import chunk as shape
from lumeai_cli.wire.answer import ToolCall
from lumeai_cli.wire.event import Usage
from tests.repair.wire import heard


def test_an_event_is_one_line_of_json_and_a_blank_line() -> None:
    told = shape.event({"a": "line\nПривет \ud800"})
    assert told.startswith(b"data: ")
    assert told.endswith(b"}\n\n")
    assert told.count(b"\n") == 2
    assert json.loads(told[6:]) == {"a": "line\nПривет \ud800"}


def test_a_comment_and_an_error_stay_in_their_lines() -> None:
    assert shape.comment("a\r\nb") == b": a  b\n\n"
    assert heard(shape.error_event("lost\nit", "LUM001")).errors[0].message == "lost\nit"


@pytest.mark.parametrize("value", [{}, {"id": "", "model": None, "created": "now"}, {"id": 7, "created": True}])
def test_an_envelope_has_what_clients_demand(value: dict[str, object]) -> None:
    told = shape.envelope_of({**value, "x": 1, "choices": [], "usage": {}, "error": None}, shape.CHUNK, "s")
    assert told == {"id": "chatcmpl-s", "object": shape.CHUNK, "created": 0, "model": "unknown", "x": 1}


def test_an_envelope_keeps_what_the_backend_told() -> None:
    own = {"id": "c1", "created": 5, "model": "m", "provider": "acme"}
    assert shape.envelope_of(own, shape.CHUNK, "s") == {**own, "object": shape.CHUNK}


def test_ids_are_never_empty_nor_shared() -> None:
    calls = [ToolCall("c", "read", "{}"), ToolCall("", "read", "{}"), ToolCall("c", "read", "{}")]
    taken: set[str] = set()
    told = shape.named(calls, "s", 0, taken)
    assert told[0].id == "c"
    assert len({call.id for call in told} | {""}) == 4
    assert shape.named(calls, "s")[1] == told[1]
    assert shape.named(calls, "t")[1] != told[1]
    assert shape.named([calls[0]], "s", 3, taken)[0].id != "c"


def test_token_counts_are_numbers() -> None:
    assert shape.usage_of(Usage(0, 0.0, -1, 2)) == {"prompt_tokens": 0, "completion_tokens": 2, "total_tokens": 2}
    assert shape.usage_of(Usage(0, 0.0, 1, 2, 3))["completion_tokens_details"] == {"reasoning_tokens": 3}


def test_further_fields_are_those_that_are_not_told_anew() -> None:
    choice = {"index": 0, "logprobs": None, "delta": {"content": "a", "x": 1}, "finish_reason": None}
    assert shape.further(choice) == ({"logprobs": None}, {"x": 1})
    assert shape.further({"text": "a"}) == ({}, {})
