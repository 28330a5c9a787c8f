"""How a proxy is guarded: where its keys are, whom it lets in without one, and what holds for all keys together."""

from dataclasses import dataclass
from pathlib import Path

from lumeai_cli.keys.terms import UNLIMITED, Allowance


@dataclass(frozen=True, slots=True)
class Guard:
    """`store` None: there can be no keys, and everybody is let in. `keys` is how many there were at the start; without
    any the proxy is open where only this machine can reach it (`loopback`). The rest: see `settings.KeysSettings`.
    """

    store: Path | None = None
    keys: int = 0
    loopback: bool = True
    allowance: Allowance = UNLIMITED
    lost_store_grace: float = 60.0
    usage_days: int = 90
