"""Since when something cannot be done with the store, and why: what is known stays good for a while, and no longer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lumeai_cli.keys.database import StoreError


class Loss:
    """True while it lasts. `why`: the newest reason."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.why: StoreError | None = None
        self._clock = clock
        self._since = 0.0

    def __bool__(self) -> bool:
        return self.why is not None

    def begins(self, why: StoreError, tried: float = 0.0) -> None:
        """It could not be done, though it was tried for so many seconds; one that lasts already goes on."""
        if self.why is None:
            self._since = self._clock() - tried
        self.why = why

    def ends(self) -> None:
        """It could be done."""
        self.why = None

    def longer_than(self, seconds: float) -> bool:
        """Whether it has lasted for so long."""
        return self.why is not None and self._clock() - self._since > seconds
