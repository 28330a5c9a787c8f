"""One request that was let in: what goes to its client is measured, and what it used is counted when it is over."""

import time
from collections.abc import Sequence

from lumeai_cli.keys.key import Grant
from lumeai_cli.keys.limits import Bound, Standing, Ticket
from lumeai_cli.keys.usage import Gathered, Use
from lumeai_cli.proxy.counter import Counter
from lumeai_cli.proxy.driver import Listener, Message, SendMessage
from lumeai_cli.proxy.event import Finish, Note
from lumeai_cli.wire.event import Usage

BYTES_PER_TOKEN = 4
ENVELOPE = 200
"""Bytes of an event around its text, as usual servers write it."""

AROUND = 350
"""Bytes of a whole answer around its text."""

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
    """A `Listener` in front of another: it hears what became of the request, and passes it on.

    `counter` and `ticket`: how it was counted in, if it was; `prompt`: the tokens that its body may be.
    """

    __slots__ = (
        "_counter",
        "_cured",
        "_finish",
        "_frames",
        "_gathered",
        "_grant",
        "_headers",
        "_last",
        "_listener",
        "_prompt",
        "_seconds",
        "_size",
        "_started",
        "_ticket",
    )

    def __init__(
        self, grant: Grant | None, gathered: Gathered, counter: Counter | None, ticket: Ticket | None, prompt: int
    ) -> None:
        self._grant = grant
        self._gathered = gathered
        self._counter = counter
        self._ticket = ticket
        self._prompt = prompt
        self._headers = rate_headers(ticket.standings) if ticket is not None and grant is not None else ()
        self._listener: Listener | None = None
        self._started = time.monotonic()
        self._size = 0
        self._frames = 0
        self._cured = False
        self._last: Note | None = None
        self._finish: Finish | None = None
        self._seconds = 0.0

    def before(self, listener: Listener) -> Listener:
        """Hears first what this one is told."""
        self._listener = listener
        return self

    def noted(self, note: Note) -> None:
        """An attempt came to an end."""
        self._last = note
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
        if self._grant is None and self._ticket is None:
            return send

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.body":
                body = message.get("body", b"")
                self._size += len(body)
                self._frames += body.count(b"\n\n")
            elif self._headers:
                message["headers"] = [*message["headers"], *self._headers]
            await send(message)

        return measured

    def over(self, usage: Usage | None, model: str) -> None:
        """The request is over, however it ended: counts what it took. `model` is the one that the client named."""
        answered = self._finish is None or self._finish.outcome != "error"
        prompt, completion, estimated = tokens(usage, self._prompt, self._size, self._frames, answered=answered)
        if self._counter is not None and self._ticket is not None:
            self._counter.settle(self._ticket, prompt + completion)
        if self._grant is None:
            return
        finish, candidate = self._finish, self._last.attempt.candidate if self._last is not None else None
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
        self._gathered.add(self._grant.key, name, backend, use, time.time())


def tokens(usage: Usage | None, prompt: int, size: int, frames: int, *, answered: bool) -> tuple[int, int, int]:
    """Tokens of prompt and answer, and how many of these are estimated: what the backend told, else by size.

    A stream has about one token an event; events that hold more are longer. What ended in an error costs nothing but
    what was told.
    """
    told_prompt = usage.prompt if usage is not None and usage.prompt >= 0 else None
    told_answer = usage.completion if usage is not None and usage.completion >= 0 else None
    guess = 0
    if frames:
        guess = max(0, frames - 3, (size - frames * ENVELOPE) // BYTES_PER_TOKEN)
    elif size:
        guess = max(0, size - AROUND) // BYTES_PER_TOKEN
    guessed_prompt, guessed_answer = (prompt, guess) if answered else (0, 0)
    estimated = (guessed_prompt if told_prompt is None else 0) + (guessed_answer if told_answer is None else 0)
    return (
        guessed_prompt if told_prompt is None else told_prompt,
        guessed_answer if told_answer is None else told_answer,
        estimated,
    )


def rate_headers(standings: Sequence[Standing]) -> tuple[tuple[bytes, bytes], ...]:
    """The `x-ratelimit-*` headers, as OpenAI has them; it has none for streams."""
    found: list[tuple[bytes, bytes]] = []
    for standing in standings:
        if standing.bound is Bound.STREAMS:
            continue
        word = standing.bound.value.encode()
        found += [
            (b"x-ratelimit-limit-" + word, str(standing.limit).encode()),
            (b"x-ratelimit-remaining-" + word, str(standing.left).encode()),
            (b"x-ratelimit-reset-" + word, _span(standing.reset).encode()),
        ]
    return tuple(found)


def _span(seconds: float) -> str:
    """As OpenAI writes it: `13h20m5s`, `6m0s`, `1s`."""
    whole = max(1, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if whole >= 60 else "") + f"{rest}s"
