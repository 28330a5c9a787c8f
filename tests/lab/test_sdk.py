"""The real openai SDK reads every healthy specimen, and meets the sick ones as users do."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from lumeai_cli.lab import SPECIMENS, LabServer, running_lab

HEALTHY = pytest.mark.parametrize("name", sorted(name for name, specimen in SPECIMENS.items() if specimen.healthy))
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "read_file",
            "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
        },
    }
]


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with running_lab(time_scale=0.05) as running:
        yield running


def ask(lab: LabServer, name: str, text: str, **fields: Any) -> Any:
    with openai.OpenAI(base_url=lab.url(name), api_key="x", max_retries=0, timeout=5) as client:
        answer = client.chat.completions.create(
            model="lab-model", messages=[{"role": "user", "content": text}], **fields
        )
        return list(answer) if fields.get("stream") else answer


@HEALTHY
def test_a_plain_text(name: str, lab: LabServer) -> None:
    answer = ask(lab, name, "Reply with exactly one word: pong")
    assert answer.choices[0].message.content == "pong"
    assert answer.usage.total_tokens > 0


@HEALTHY
def test_a_streamed_text_with_usage(name: str, lab: LabServer) -> None:
    chunks = ask(lab, name, "Tell me about lakes", stream=True, stream_options={"include_usage": True})
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "Tell me about lakes" in "".join(choice.delta.content or "" for choice in choices)
    assert choices[-1].finish_reason == "stop"
    assert chunks[-1].usage.completion_tokens > 0


@HEALTHY
def test_a_plain_tool_call(name: str, lab: LabServer) -> None:
    (choice,) = ask(lab, name, "Read notes/plan.txt", tools=TOOLS).choices
    (call,) = choice.message.tool_calls
    assert (choice.finish_reason, call.function.name) == ("tool_calls", "read_file")
    assert call.function.arguments == '{"path": "notes/plan.txt"}'


@HEALTHY
def test_a_streamed_tool_call(name: str, lab: LabServer) -> None:
    chunks = ask(lab, name, "Read notes/plan.txt", tools=TOOLS, stream=True)
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    calls = [call for choice in choices for call in choice.delta.tool_calls or []]
    assert (calls[0].index, calls[0].function.name) == (0, "read_file")
    assert calls[0].id.startswith("call_")
    whole = ("healthy-whole-call-in-one-chunk", "healthy-ollama")
    assert len(calls) == 1 if name in whole else len(calls) > 2
    assert "".join(call.function.arguments for call in calls) == '{"path": "notes/plan.txt"}'
    assert choices[-1].finish_reason == "tool_calls"


@HEALTHY
def test_the_list_of_models(name: str, lab: LabServer) -> None:
    with openai.OpenAI(base_url=lab.url(name), api_key="x", max_retries=0, timeout=5) as client:
        first, *_ = client.models.list()
        assert first.id.removesuffix(":latest") == "lab-model"


@pytest.mark.parametrize(
    "name", ["json-for-stream", "ndjson-for-sse", "zero-events", "done-only", "html-instead-of-api"]
)
def test_a_stream_without_events_is_silent(name: str, lab: LabServer) -> None:
    assert ask(lab, name, "Hello", stream=True) == []


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("connection-reset", openai.APIConnectionError),
        ("endpoint-not-found", openai.NotFoundError),
        ("base-url-missing-v1", openai.NotFoundError),
        ("model-not-found", openai.NotFoundError),
        ("forbidden", openai.PermissionDeniedError),
        ("server-error", openai.InternalServerError),
        ("g4f-hides-cause", openai.InternalServerError),
        ("error-in-200", openai.APIError),
    ],
)
def test_a_visible_fault_is_raised(name: str, error: type[Exception], lab: LabServer) -> None:
    with pytest.raises(error):
        ask(lab, name, "Hello", stream=True)
