"""How long the proxy waits for its clients and for lists of models: what no setting says, and what tests make short."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. `head`: until a request's head is whole, or a new connection has said anything; `body`: from there until
    the body is; `lists`: how long the first requests wait for the backends' lists of models, counted from the moment
    when these were asked for.
    """

    head: float = 30.0
    body: float = 60.0
    lists: float = 1.5
