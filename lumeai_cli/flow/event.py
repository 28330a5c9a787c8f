"""What happens to one request (events in), and what is to be done about it (commands out): the words of `flow`.

Times `at` are seconds since the client's request arrived, but for `Read` and `Ended`, which count, as an exchange does,
from the request to the backend.
"""

from dataclasses import dataclass, field

from lumeai_cli.flow.attempt import Attempt
from lumeai_cli.flow.explanation import Explanation
from lumeai_cli.wire.exchange import Ending, Headers


@dataclass(frozen=True, slots=True)
class Arrived:
    """The client's request is here."""

    at: float


@dataclass(frozen=True, slots=True)
class Opened:
    """The head of a backend's answer has come."""

    at: float
    status: int
    headers: Headers = ()
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """Bytes of a backend's body."""

    at: float
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """A backend's exchange is over, be it that nothing of it came."""

    at: float
    ending: Ending


@dataclass(frozen=True, slots=True)
class Tick:
    """The time that was asked for has come."""

    at: float


@dataclass(frozen=True, slots=True)
class Left:
    """The client is gone."""

    at: float


@dataclass(frozen=True, slots=True)
class Stopping:
    """The proxy ends now."""

    at: float


Event = Arrived | Opened | Read | Ended | Tick | Left | Stopping


@dataclass(frozen=True, slots=True)
class Open:
    """Ask a backend."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Cancel:
    """Leave the exchange that is under way: nothing of it is wanted any more."""


@dataclass(frozen=True, slots=True)
class Start:
    """Send the status and the headers to the client."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes of the body to the client."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Give a `Tick` at this time; a later word replaces an earlier one."""

    at: float


@dataclass(frozen=True, slots=True)
class Note:
    """What came of an attempt: for the circuits and the log. `why` is None where it was answered."""

    attempt: Attempt
    why: Explanation | None
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finish:
    """The answer to the client is whole. `outcome`: ok, error, repeated, cut, left, stopped; `why` is told in the log.

    `repeated` is an error that the same request met a moment ago, and no backend was asked for. `backend` is the name
    of the last one that was asked: whoever carries the commands out tells it.
    """

    outcome: str
    why: Explanation | None = None
    backend: str = ""


Command = Open | Cancel | Start | Send | WakeAt | Note | Finish
