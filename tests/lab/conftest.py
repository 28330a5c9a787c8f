"""A lab with every specimen, the unlisted ones too, and a plain HTTP client that keeps what came."""

import codecs
import gzip
import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from lumeai_cli.lab import LabServer, running_lab

CHAT = "/chat/completions"
TOOL = {
    "type": "function",
    "function": {
        "name": "read_file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    },
}
XML_SYSTEM = (
    "TOOL USE\n## read_file\n<read_file>\n<path>a</path>\n</read_file>\n"
    "## attempt_completion\n<attempt_completion>\n<result>\n</result>\n</attempt_completion>\n"
)
READ = "Read notes/plan.txt"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    version: int = 11

    @property
    def content(self) -> bytes:
        """The body without its compression."""
        return gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.content)

    @property
    def choice(self) -> Any:
        """The one choice of a plain completion."""
        (choice,) = self.json["choices"]
        return choice

    @property
    def kind(self) -> str:
        """The content type without its parameters."""
        return self.headers["content-type"].partition(";")[0]

    @property
    def chunks(self) -> list[Any]:
        """The JSON of every `data:` frame but [DONE]."""
        text = self.content.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = [line for frame in text.split(b"\n\n") for line in frame.split(b"\n") if line.startswith(b"data:")]
        texts = [line.removeprefix(b"data:").strip() for line in lines]
        return [json.loads(text) for text in texts if text != b"[DONE]"]

    @property
    def choices(self) -> list[Any]:
        """The first choice of every chunk that has one."""
        return [chunk["choices"][0] for chunk in self.chunks if chunk.get("choices")]

    @property
    def deltas(self) -> list[Any]:
        """The delta of every choice."""
        return [choice["delta"] for choice in self.choices]

    @property
    def finishes(self) -> list[str]:
        """The finish reasons of the stream."""
        return [choice["finish_reason"] for choice in self.choices if choice["finish_reason"]]

    @property
    def calls(self) -> list[Any]:
        """The pieces of the tool calls, streamed, or the calls of a plain answer."""
        said = self.deltas if self.kind == "text/event-stream" else [self.choice["message"]]
        return [call for one in said for call in one.get("tool_calls") or []]

    @property
    def arguments(self) -> str:
        """The arguments of the one call."""
        return "".join(call["function"].get("arguments") or "" for call in self.calls)

    def joined(self, key: str = "content") -> str:
        """The text of all deltas."""
        return "".join(delta.get(key) or "" for delta in self.deltas)


Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    """A quick lab."""
    with running_lab(time_scale=0.05) as running:
        yield running


@pytest.fixture
def get(lab: LabServer) -> Ask:
    """Asks a specimen for any path."""

    def ask(
        name: str, path: str, method: str = "GET", body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection(lab.host, lab.port, timeout=5)
        try:
            connection.request(method, f"/{name}{path}", body, headers or {})
            with connection.getresponse() as response:
                found = {key.lower(): value for key, value in response.getheaders()}
                return Answer(response.status, found, response.read(), response.version)
        finally:
            connection.close()

    return ask


@pytest.fixture
def chat(get: Ask) -> Ask:
    """Asks a specimen's model; further fields go into the body."""

    def ask(
        name: str, text: str = "What is 17 + 25?", path: str = f"/v1{CHAT}", key: str | None = "x", **fields: Any
    ) -> Answer:
        body = {"model": "lab-model", "messages": [{"role": "user", "content": text}], **fields}
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
        return get(name, path, "POST", json.dumps(body).encode(), headers)

    return ask


@pytest.fixture
def chat_xml(chat: Ask) -> Ask:
    """Asks a specimen's model for a file, with tools that the instructions describe as XML tags."""

    def ask(name: str, system: str = XML_SYSTEM, **fields: Any) -> Answer:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": READ}]
        return chat(name, messages=messages, **fields)

    return ask


def healthy_plain(answer: Answer) -> bool:
    """Whether the sum came as one JSON body."""
    message = answer.choice["message"]
    return (answer.status, answer.kind, message["content"]) == (200, "application/json", "42")


def healthy_stream(answer: Answer, kind: str = "text/event-stream") -> bool:
    """Whether the sum came as a stream with its end."""
    return (answer.status, answer.kind, answer.joined(), answer.finishes) == (200, kind, "42", ["stop"])


def healthy_call(answer: Answer) -> bool:
    """Whether the file was asked for by a whole native call, streamed or not."""
    first = answer.calls[0]
    ends = answer.finishes if answer.kind == "text/event-stream" else [answer.choice["finish_reason"]]
    return (
        (first["function"]["name"], json.loads(answer.arguments)) == ("read_file", {"path": "notes/plan.txt"})
        and first["id"].startswith("call_")
        and ends == ["tool_calls"]
    )


def healthy_xml(answer: Answer) -> bool:
    """Whether the file was asked for in XML tags, streamed or not."""
    text = answer.joined() if answer.kind == "text/event-stream" else answer.choice["message"]["content"]
    return text.endswith("<read_file>\n<path>notes/plan.txt</path>\n</read_file>") and not answer.calls
