"""A client profile: what one client generation speaks, and its judge."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from lumeai_cli.clients.outcome import Outcome, OutcomeKind, Words, error, retry, unknown
from lumeai_cli.clients.tool import XML_TOOLS
from lumeai_cli.wire.event import BackendError, Event, Odd, OddKind
from lumeai_cli.wire.exchange import EndingKind
from lumeai_cli.wire.markup import written_calls
from lumeai_cli.wire.reading import Reading, Shape
from lumeai_cli.wire.xmltags import find_calls


class Protocol(StrEnum):
    """How a client lets the model call tools. A bare SDK offers none of its own: it is judged by plain chat."""

    XML = "xml"
    NATIVE = "native"
    SDK = "sdk"


Judge = Callable[[Reading], Outcome | None]
"""A reading in, what this client's user would see out; None if the client never sends such a request."""


@dataclass(frozen=True, slots=True)
class Profile:
    """`versions` are those it speaks for, `checked` how we know: the software that was run or whose source was read.

    `parameters` are the fields that it sends besides those of the probe that stands for its request.
    """

    name: str
    title: str
    protocol: Protocol
    versions: str
    checked: str
    judge: Judge
    parameters: frozenset[str] = frozenset()


NO_CONNECTION = frozenset(
    {
        EndingKind.REFUSED,
        EndingKind.DNS,
        EndingKind.UNREACHABLE,
        EndingKind.CONNECT_TIMEOUT,
        EndingKind.TLS,
        EndingKind.PROXY,
        EndingKind.RESET,
        EndingKind.PROTOCOL,
        EndingKind.CUT,
    }
)
"""Endings that a client tells as a failed connection when no status line came before."""

ENDLESS = frozenset({EndingKind.OVERFLOW, EndingKind.TIMEOUT_TOTAL})
STALLED = frozenset({EndingKind.TIMEOUT_FIRST, EndingKind.TIMEOUT_SILENCE, EndingKind.CANCELLED})


def without_answer(reading: Reading, no_connection: str) -> Outcome | None:
    """The outcome where no client can say more than how the connection ended; None if there is an answer to judge."""
    kind = reading.ending.kind
    if not reading.readable:
        return unknown(
            f"the body is encoded as {reading.encoding}, which lumeai does not read",
            f"ответ закодирован как {reading.encoding}, этого lumeai не читает",
        )
    if reading.status is None and kind in NO_CONNECTION:
        return retry(no_connection)  # every SDK here repeats a failed connection, in silence
    if kind in ENDLESS or kind in STALLED:
        seconds = round(reading.ending.at)
        return unknown(
            f"the answer had not ended after {seconds} s, when lumeai stopped waiting",
            f"ответ не закончился за {seconds} с, дальше lumeai не ждал",
        )
    return None


def streamed_events(reading: Reading) -> tuple[Event, ...]:
    """What a client that reads a stream gets to see: nothing at all of a body that is none.

    Of a frame in another dialect it sees no more than that it is odd, and an error.
    """
    if reading.shape is not Shape.SSE:
        return ()
    foreign = {odd.frame for odd in reading.odd(OddKind.FOREIGN_DIALECT)}
    return tuple(
        event
        for event in reading.delivered_events
        if event.frame not in foreign or isinstance(event, Odd | BackendError)
    )


UNTRIED = unknown("this shape of an answer was not tried", "такой вид ответа не проверялся")


def bad_choices(reading: Reading) -> bool:
    """Whether `choices` is neither a list nor null, which careful programs take for an empty one."""
    return any(odd.detail != "None" for odd in reading.odd(OddKind.BAD_CHOICES))


AS_TEXT = Outcome(
    OutcomeKind.SILENT,
    Words(
        "the call is shown as plain text and nothing is run", "вызов показан как простой текст, и ничего не происходит"
    ),
    quoted=False,
)


CLASSIC = tuple(tool.name for tool in XML_TOOLS if tool.name != "attempt_completion")
"""Names of the classic agents' tools; the text within `attempt_completion` is the answer itself, and is read."""


def shown_as_text(reading: Reading, text: str) -> bool:
    """Whether a native client is given a tool call that it cannot see: one that stands in the text.

    The tags of the classic agents' tools count, too: models that were trained on them write them unasked.
    """
    if not reading.asked.tools:
        return False
    return bool(find_calls(text, (*reading.asked.tools, *CLASSIC))) or any(
        call.name in reading.asked.tools for call in written_calls(text)
    )


def redirect(reading: Reading) -> Outcome | None:
    """What a redirect does to a POST: 301 to 303 turn it into a GET; whether 307 and 308 arrive is not tried."""
    if reading.status is None or not 300 <= reading.status < 400:
        return None
    if reading.status in (301, 302, 303):
        return error(f"{reading.status}: the redirect turns the request into a GET")
    return unknown("a redirect is not followed here", "перенаправление здесь не проверяется")
