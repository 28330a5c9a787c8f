"""One request to one backend, on behalf of a client's: where it goes and in what it differs from the client's own."""

from dataclasses import dataclass
from typing import Any

from lumeai_cli.backends.address import CHAT
from lumeai_cli.backends.backend import Backend, credentials
from lumeai_cli.flow.chat import Chat, with_changes
from lumeai_cli.transport.call import HttpRequest
from lumeai_cli.wire.exchange import Asked

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A backend that may answer, and the name under which it has the model (empty: the client's own).

    `substitute` is the model to ask for instead if the backend does not know that name, empty where that is not
    wished. `base` is the URL that was found to work, if it is another one than the backend's.
    """

    backend: Backend
    model: str = ""
    substitute: str = ""
    base: str = ""

    @property
    def url(self) -> str:
        """Where chat completions are asked for."""
        return (self.base or self.backend.url).rstrip("/") + CHAT


@dataclass(frozen=True, slots=True)
class Attempt:
    """`dropped` are fields of the client's request that this backend refused, `max_tokens` is a larger bound.

    `raw` asks G4F to let its provider's own words through (its field of that name), be they an answer or an error.
    """

    candidate: Candidate
    stream: bool
    max_tokens: int | None = None
    dropped: frozenset[str] = frozenset()
    raw: bool = False


def request_of(attempt: Attempt, chat: Chat, agent: str) -> HttpRequest:
    """The HTTP request of this attempt."""
    changes: dict[str, Any] = {}
    dropped = attempt.dropped
    if attempt.candidate.model:
        changes["model"] = attempt.candidate.model
    if attempt.stream != chat.wanted.stream:
        changes["stream"] = attempt.stream
        if not attempt.stream:
            dropped |= {"stream_options"}
    if attempt.max_tokens is not None:
        changes[chat.max_tokens[0]] = attempt.max_tokens
    if attempt.raw:
        changes["raw"] = True
    headers = [
        ("content-type", JSON),
        ("accept", "text/event-stream" if attempt.stream else JSON),
        ("user-agent", agent),
    ]
    backend = attempt.candidate.backend
    headers += credentials(backend.key, backend.kind)
    return HttpRequest("POST", attempt.candidate.url, tuple(headers), with_changes(chat, changes, dropped))


def asked_of(attempt: Attempt, chat: Chat, probe: str) -> Asked:
    """The shape of this attempt, for whoever judges its exchange."""
    usual = ("model", "messages", "stream", "tools")
    return Asked(
        probe,
        attempt.candidate.url,
        stream=attempt.stream,
        model=attempt.candidate.model or chat.model,
        body_bytes=len(chat.body),
        tools=tuple(chat.wanted.tools),
        xml_tools=tuple(tool.name for tool in chat.wanted.xml_tools),
        key_sent=attempt.candidate.backend.key is not None,
        parameters=tuple(name for name in chat.value if name not in usual and name not in attempt.dropped),
    )
