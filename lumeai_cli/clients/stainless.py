"""The official `openai` packages for Node and Python, which one generator writes (Stainless): what they raise.

Most clients are built on one of them. Run: openai-node 5.12.2 and 5.23.2, openai-python 3.54.0, against misbehaving
servers, 2026-11.
"""

from lumeai_cli.wire.event import BackendError, Event, Odd, OddKind
from lumeai_cli.wire.reading import Reading

RETRIED = frozenset({408, 409, 429})
"""Statuses below 500 that the packages repeat twice before they tell."""

MESSAGE = 300  # characters of a server's own words that are quoted


def repeated(status: int) -> bool:
    """Whether the package asks twice more, in silence."""
    return status in RETRIED or status >= 500


def quoted_body(reading: Reading) -> str:
    """What the packages quote of an HTTP error: `error.message`, else the body itself."""
    errors = reading.answer.errors
    if errors:
        return errors[0].message[:MESSAGE]
    return " ".join(reading.body[:MESSAGE].decode("utf-8", "replace").split())


def node_status(reading: Reading) -> str:
    """How openai-node words an HTTP error."""
    return f"{reading.status} {quoted_body(reading) or 'status code (no body)'}"


def node_thrown(event: Event) -> str:
    """What openai-node throws on this event of a stream; empty if it goes on."""
    if isinstance(event, BackendError) and event.shape != "event":
        return f'"{event.message}"' if event.message and event.shape == "string" else event.message
    return "Unexpected token in JSON" if _broken(event) else ""


def python_raised(event: Event) -> str:
    """What openai-python raises on this event of a stream; empty if it goes on."""
    if isinstance(event, BackendError) and event.shape != "event":
        told = event.message if event.shape == "object" else "An error occurred during streaming"
        return f"APIError: {told}"
    if isinstance(event, Odd) and event.kind is OddKind.INVALID_UTF8:
        return "UnicodeDecodeError"
    return "JSONDecodeError" if _broken(event) else ""


def _broken(event: Event) -> bool:
    return isinstance(event, Odd) and event.kind in (OddKind.BROKEN_JSON, OddKind.SEVERAL_IN_ONE)
