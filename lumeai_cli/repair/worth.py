"""Tells what is of value to whoever waits for an answer from what only shows that somebody is there."""

from collections.abc import Iterable

from lumeai_cli.wire.event import BackendError, CallPart, Done, Event, Finish, Reasoning, Refusal, Text

LONG_EVENT = 4096
"""Bytes of one event from which on its pieces are of value by themselves: nothing that says nothing is as long."""


def of_value(events: Iterable[Event]) -> bool:
    """Whether these events bring an answer any further; white space, a role and token counts do not."""
    for event in events:
        match event:
            case Text(text=text) | Reasoning(text=text) | Refusal(text=text):
                if not text.isspace():
                    return True
            case CallPart(name=name, arguments=arguments):
                if name or arguments.strip():
                    return True
            case Finish() | Done() | BackendError():
                return True
            case _:
                pass
    return False
