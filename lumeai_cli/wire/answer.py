"""The default fold: what a lenient reader would understand from the events. Clients have folds of their own."""

from collections.abc import Iterable
from dataclasses import dataclass

from lumeai_cli.wire.body import BrokenJsonError, loads
from lumeai_cli.wire.event import (
    BackendError,
    CallPart,
    Done,
    Event,
    Finish,
    Reasoning,
    Refusal,
    Started,
    Text,
    Usage,
    Via,
)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool call, put together from its parts; fields that never came are empty."""

    id: str
    name: str
    arguments: str

    @property
    def well_formed(self) -> bool:
        """Whether the arguments are a JSON object, as the dialect demands."""
        try:
            return isinstance(loads(self.arguments.encode("utf-8", "surrogatepass")), dict)
        except BrokenJsonError:
            return False


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, whatever the shape. Times are seconds since the request, None where nothing came."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish: str = ""
    usage: Usage | None = None
    errors: tuple[BackendError, ...] = ()
    model: str = ""
    done: bool = False
    first_content_at: float | None = None

    @property
    def usable(self) -> bool:
        """Whether any client could use it: text beyond white space, or a tool call."""
        return bool(self.text.strip() or self.calls)


def fold(events: Iterable[Event]) -> Answer:
    """The answer that these events give."""
    text: list[str] = []
    reasoning: list[str] = []
    refusal: list[str] = []
    calls: list[list[CallPart]] = []
    slots: dict[int, tuple[str, list[CallPart]]] = {}  # the id, if it came, and the parts of the call in each place
    errors: list[BackendError] = []
    finish, model = "", ""
    usage: Usage | None = None
    done = False
    first: float | None = None
    for event in events:
        if isinstance(event, Text):
            text.append(event.text)
            if first is None and not event.text.isspace():
                first = event.at
        elif isinstance(event, CallPart):
            identity, parts = slots.get(event.slot, ("", []))
            second = identity and event.id not in ("", identity) and event.name
            if not parts or second or event.via is Via.OLLAMA:
                # A second id in the same place is a second call: servers forget the index, or repeat it. Ollama's
                # calls come whole, most without an id, and each line counts its places anew.
                identity, parts = "", []
                calls.append(parts)
            slots[event.slot] = identity or event.id, parts
            parts.append(event)
            if first is None:
                first = event.at
        elif isinstance(event, Reasoning):
            reasoning.append(event.text)
        elif isinstance(event, Finish):
            finish = event.reason
        elif isinstance(event, Started):
            model = model or event.model
        elif isinstance(event, Usage):
            usage = event if usage is None else _later(usage, event)
        elif isinstance(event, BackendError):
            errors.append(event)
        elif isinstance(event, Refusal):
            refusal.append(event.text)
        elif isinstance(event, Done):
            done = True
    return Answer(
        "".join(text),
        "".join(reasoning),
        "".join(refusal),
        tuple(map(_call, calls)),
        finish,
        usage,
        tuple(errors),
        model,
        done,
        first,
    )


def _later(usage: Usage, event: Usage) -> Usage:
    """The later counts, or the earlier where it is silent: Anthropic tells the prompt's first, the answer's last."""
    return Usage(
        event.frame,
        event.at,
        event.prompt if event.prompt >= 0 else usage.prompt,
        event.completion if event.completion >= 0 else usage.completion,
        event.reasoning if event.reasoning >= 0 else usage.reasoning,
    )


def _call(parts: list[CallPart]) -> ToolCall:
    arguments = "".join(part.arguments for part in parts)
    if not arguments and parts[0].via is Via.ANTHROPIC:
        arguments = "{}"  # in that dialect a call without arguments streams none
    return ToolCall(
        next((part.id for part in parts if part.id), ""),
        next((part.name for part in parts if part.name), ""),
        arguments,
    )
