"""A playbook: what happens to a request and what is to be done about it, line by line, as `>> event` and `<< command`.

    assert Playbook(flow) >> Arrived(0) << Open(ASK_A) << WakeAt(20) >> Opened(0.1, 200) >> ...

Every command has to be named, in order, before the next event; a broken playbook shows the whole transcript. A
placeholder stands for a part that need not be exact: `ANY`, `holding(b"...")`, `because("stream-cut")`.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

from lumeai_cli.backends.backend import Backend
from lumeai_cli.flow.attempt import Attempt, Candidate
from lumeai_cli.flow.chat import Chat, read_chat
from lumeai_cli.flow.event import Command, Event, Finish, Send, Start
from lumeai_cli.flow.explanation import Explanation
from lumeai_cli.flow.flow import Flow, Rules
from lumeai_cli.wire.exchange import Ending, EndingKind

A, B = Backend("a", "http://a.test/v1"), Backend("b", "http://b.test/v1")
ASK_A, ASK_B = Attempt(Candidate(A), stream=True), Attempt(Candidate(B), stream=True)
PLAIN_A, PLAIN_B = replace(ASK_A, stream=False), replace(ASK_B, stream=False)

RULES = Rules(request_id="r1")


class Placeholder:
    """Equal to whatever its test takes."""

    def __init__(self, name: str, takes: Callable[[Any], bool]) -> None:
        self._name = name
        self._takes = takes

    def __eq__(self, other: object) -> bool:
        return self._takes(other)

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return self._name


ANY: Any = Placeholder("ANY", lambda _: True)


def holding(*parts: bytes, never: Sequence[bytes] = ()) -> Any:
    """Bytes in which these parts stand, and those others do not."""
    return Placeholder(
        f"holding{parts}",
        lambda data: all(part in data for part in parts) and not any(part in data for part in never),
    )


def because(name: str) -> Any:
    """An explanation by the diagnosis of this name."""
    return Placeholder(f"because({name})", lambda why: isinstance(why, Explanation) and why.name == name)


def headers(**wanted: str | None) -> Any:
    """Headers among which these stand, `_` for `-`; None: that one does not."""

    def takes(told: tuple[tuple[bytes, bytes], ...]) -> bool:
        known = {name.decode(): value.decode() for name, value in told}
        return len(known) == len(told) and all(
            known.get(name.replace("_", "-")) == value for name, value in wanted.items()
        )

    return Placeholder(f"headers({wanted})", takes)


STREAM: Any = headers(content_type="text/event-stream", cache_control="no-cache", x_accel_buffering="no")
COMMENT: Any = Placeholder(
    "COMMENT",
    lambda data: (
        data.startswith(b": ") and data.endswith(b"\n\n") and data.count(b"\n") == 2 and not data.startswith(b": ping")
    ),
)
"""One comment of a stream, and never the literal `: ping`, on which clients fail (facts of 2026-11)."""

ERROR: Any = Placeholder("ERROR", lambda data: data.startswith(b'data: {"error"') and data.endswith(b"}}\n\n"))


class BrokenPlaybookError(AssertionError):
    """Something else was to be done than the playbook says; the message is the transcript."""


class Playbook:
    """Feeds a flow, and compares what it says line by line; true at its end if nothing was left unsaid."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.commands: list[Command] = []
        self._lines: list[str] = []
        self._due: list[Command] = []

    def __rshift__(self, event: Event) -> Self:
        self._nothing_due()
        self._lines.append(f">> {event}")
        self._due = self.flow.handle(event)
        self.commands += self._due
        return self

    def __lshift__(self, wanted: Command) -> Self:
        self._lines.append(f"<< {_shown(wanted)}")
        if not self._due:
            self._break("but nothing was to be done")
        command = self._due.pop(0)
        if type(command) is not type(wanted) or wanted != command:
            self._break(f"but it was {_shown(command)}")
        return self

    def __bool__(self) -> bool:
        self._nothing_due()
        return True

    @property
    def sent(self) -> bytes:
        """All bytes of the body that the client has got."""
        return b"".join(command.data for command in self.commands if isinstance(command, Send))

    @property
    def start(self) -> Start:
        """The status and headers that the client has got."""
        (start,) = (command for command in self.commands if isinstance(command, Start))
        return start

    @property
    def finish(self) -> Finish:
        """How it ended."""
        (finish,) = (command for command in self.commands if isinstance(command, Finish))
        return finish

    def freely(self, *events: Event) -> Self:
        """Feeds these events, whatever is to be done about them."""
        for event in events:
            self >> event
            self._lines += [f"   {_shown(command)}" for command in self._due]
            self._due = []
        return self

    def _nothing_due(self) -> None:
        if self._due:
            self._break("but this was to be done, too: " + ", ".join(map(_shown, self._due)))

    def _break(self, why: str) -> None:
        raise BrokenPlaybookError("\n".join(["", *self._lines, f"-- {why}"]))


def _shown(command: Command) -> str:
    return f"Send({command.data!r})" if isinstance(command, Send) else str(command)


def body_of(**fields: object) -> bytes:
    """A client's request body; a field set to None goes."""
    value = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "stream": True, **fields}
    return json.dumps({name: item for name, item in value.items() if item is not None}).encode()


def chat_of(**fields: object) -> Chat:
    """A client's request."""
    chat = read_chat(body_of(**fields), seed="r1")
    assert isinstance(chat, Chat)
    return chat


def playbook(
    *, to: Sequence[Backend] = (A,), known: Explanation | None = None, rules: Rules = RULES, **fields: object
) -> Playbook:
    """A playbook for a request with these fields to these backends."""
    return Playbook(Flow(chat_of(**fields), [Candidate(backend) for backend in to], rules, known))


def clean(at: float = 0.5) -> Ending:
    """A body that came whole."""
    return Ending(EndingKind.CLEAN, at)


def reset(at: float = 0.5) -> Ending:
    """A connection that broke."""
    return Ending(EndingKind.RESET, at, "connection reset by peer")
