"""What agents in JavaScript make of the pieces of a stream: the text, and tool calls by their index or by their id."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from lumeai_cli.wire.answer import ToolCall
from lumeai_cli.wire.event import CallPart, Event, Odd, OddKind, Text, Via

OBJECT = "[object Object]"
"""What is appended where an object or a list stands for a text."""

Piece = tuple[int | None, CallPart]
"""The index as the server sent it, None where it sent none, and the piece as JavaScript would append it."""


def text_of(events: Iterable[Event], due: Via) -> str:
    """The text under the field where it is due."""
    return "".join(
        event.text if isinstance(event, Text) else OBJECT
        for event in events
        if (isinstance(event, Text) and event.via is due)
        or (isinstance(event, Odd) and event.kind is OddKind.CONTENT_PARTS)
    )


def by_index(events: Iterable[Event]) -> tuple[ToolCall, ...]:
    """Kilo 4.146+ and Roo (`NativeToolCallParser`): an id opens the call of an index; without a name it never begins.

    No index is an index, too: calls without one melt into each other.
    """
    opened: dict[int | None, list[CallPart]] = {}
    for index, part in _pieces(events):
        if index in opened or part.id:
            opened.setdefault(index, []).append(part)
    return _joined(opened.values())


def by_id(events: Iterable[Event]) -> tuple[ToolCall, ...]:
    """Continue and classic Cline: each id is a call; a piece without one belongs to the last id of its index."""
    opened: dict[str, list[CallPart]] = {}
    ids: dict[int | None, str] = {}
    for index, part in _pieces(events):
        if part.id and index is not None:
            ids[index] = part.id
        identity = part.id or ids.get(index, "")
        if identity:
            opened.setdefault(identity, []).append(part)
    return _joined(opened.values())


def _pieces(events: Iterable[Event]) -> Iterator[Piece]:
    odd: set[OddKind] = set()  # the oddities of a piece are told right before it
    for event in events:
        if isinstance(event, Odd):
            odd.add(event.kind)
        elif isinstance(event, CallPart):
            if event.via is Via.DELTA:
                part = replace(event, arguments=OBJECT) if OddKind.CALL_BAD_ARGUMENTS in odd else event
                yield None if OddKind.CALL_NO_INDEX in odd else event.slot, part
            odd.clear()


def _joined(opened: Iterable[list[CallPart]]) -> tuple[ToolCall, ...]:
    calls = (
        ToolCall(
            parts[0].id,
            next((part.name for part in reversed(parts) if part.name), ""),
            "".join(part.arguments for part in parts),
        )
        for parts in opened
    )
    return tuple(call for call in calls if call.name)
