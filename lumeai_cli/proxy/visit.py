"""One request that was let in: what goes to its client is measured, and what it used is told when it is over."""

import time

from lumeai_cli.admission.entry import Entry
from lumeai_cli.admission.gate import Gate
from lumeai_cli.flow.event import Finish, Note
from lumeai_cli.flow.flow import Flow
from lumeai_cli.keys.usage import Use
from lumeai_cli.proxy.driver import Listener, Message, SendMessage
from lumeai_cli.wire.event import Usage

BYTES_PER_TOKEN = 4
ENVELOPE = 200
"""Bytes of an event around its text, as usual servers write it."""

AROUND = 350
"""Bytes of a whole answer around its text."""

MOST_TOKENS = 10**9
"""What no answer takes; a backend that tells more tells nothing."""

EMPTY = frozenset(
    {
        "empty-answer",
        "zero-events",
        "done-only",
        "no-choices",
        "role-only-stream",
        "json-for-stream",
        "output-budget-spent",
        "intermittent-empty",
    }
)
"""What a client would have met as an empty answer."""

CURES = frozenset({"json-to-sse", "think-unclosed", "message", "text", "refusal"})
"""Repairs without which a client would have found nothing in the answer."""


class Visit:
    """A `Listener` in front of another: it hears what became of the request, and passes it on."""

    __slots__ = (
        "_cured",
        "_entry",
        "_finish",
        "_frames",
        "_gate",
        "_headers",
        "_listener",
        "_seconds",
        "_size",
        "_started",
    )

    def __init__(self, gate: Gate, entry: Entry) -> None:
        self._gate = gate
        self._entry = entry
        self._headers = entry.headers
        self._listener: Listener | None = None
        self._started = time.monotonic()
        self._size = 0
        self._frames = 0
        self._cured = False
        self._finish: Finish | None = None
        self._seconds = 0.0

    def before(self, listener: Listener) -> Listener:
        """Hears first what this one is told."""
        self._listener = listener
        return self

    def noted(self, note: Note) -> None:
        """An attempt came to an end."""
        if note.why is not None:
            self._cured |= note.why.name in EMPTY
        else:
            self._cured |= not CURES.isdisjoint(note.repairs)
        if self._listener is not None:
            self._listener.noted(note)

    def finished(self, finish: Finish, seconds: float) -> None:
        """The request did."""
        self._finish, self._seconds = finish, seconds
        if self._listener is not None:
            self._listener.finished(finish, seconds)

    def through(self, send: SendMessage) -> SendMessage:
        """The way to the client, on which headers are added and bytes are counted."""
        if not self._entry.counts:
            return send

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.body":
                body = message.get("body", b"")
                self._size += len(body)
                self._frames += body.startswith(b"data:") + body.count(b"\ndata:")
            elif self._headers:
                message["headers"] = [*message["headers"], *self._headers]
            await send(message)

        return measured

    def over(self, flow: Flow | None, model: str) -> None:
        """The request is over, however it ended. `model` is the one that the client named."""
        if not self._entry.counts:
            return
        finish = self._finish
        asked = flow is not None and (finish is None or finish.outcome != "repeated")
        candidate = flow.candidate if flow is not None and asked else None
        prompt, completion, estimated = tokens(
            flow.usage if flow is not None else None,
            self._entry.prompt,
            self._size,
            self._frames,
            answered=finish is None or finish.outcome != "error",
            whole=finish is not None and finish.outcome != "left",
        )
        failed = finish is None or finish.outcome in ("error", "cut", "repeated", "stopped")
        code = finish.why.code if finish is not None and finish.why is not None else ""
        seconds = self._seconds or time.monotonic() - self._started
        use = Use(
            requests=1,
            failed=int(failed),
            cured=int(self._cured and not failed),
            prompt=prompt,
            completion=completion,
            estimated=estimated,
            seconds=seconds,
            slowest=seconds,
            codes=((code, 1),) if failed and code else (),
        )
        name = (candidate.model or model) if candidate is not None else model
        backend = candidate.backend.name if candidate is not None else ""
        self._gate.leave(self._entry, name, backend, use)


def tokens(
    usage: Usage | None, prompt: int, size: int, frames: int, *, answered: bool = True, whole: bool = True
) -> tuple[int, int, int]:
    """Tokens of prompt and answer, and how many of these are estimated: what the backend told, else by size.

    A stream has about one token a frame, but for the role, the finish reason and `[DONE]`, of which one that is not
    `whole` has only the first; frames that hold more are longer. What ended in an error costs only what was told.
    """
    told_prompt = usage.prompt if usage is not None and 0 <= usage.prompt <= MOST_TOKENS else None
    told_answer = usage.completion if usage is not None and 0 <= usage.completion <= MOST_TOKENS else None
    guess = 0
    if frames:
        guess = max(0, frames - (3 if whole else 1), (size - frames * ENVELOPE) // BYTES_PER_TOKEN)
    elif size:
        guess = max(0, size - AROUND) // BYTES_PER_TOKEN
    guessed_prompt, guessed_answer = (prompt, guess) if answered else (0, 0)
    estimated = (guessed_prompt if told_prompt is None else 0) + (guessed_answer if told_answer is None else 0)
    return (
        guessed_prompt if told_prompt is None else told_prompt,
        guessed_answer if told_answer is None else told_answer,
        estimated,
    )
