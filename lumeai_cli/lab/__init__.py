"""The lab: every known failure as a live endpoint, for trying clients and the doctor.

`SPECIMENS` is the list, `UNLISTED` are served beside it, `HOSTILE` are made to exhaust a client. `LabServer` and
`running_lab` serve them. The servers are imported on first use, because listing specimens needs no event loop.
"""

from typing import TYPE_CHECKING

from lumeai_cli.lab.registry import HOSTILE, SPECIMENS, UNLISTED
from lumeai_cli.lab.specimen import Specimen

if TYPE_CHECKING:
    from lumeai_cli.lab.server import LabServer
    from lumeai_cli.lab.thread import running_lab

__all__ = ["HOSTILE", "SPECIMENS", "UNLISTED", "LabServer", "Specimen", "running_lab"]


def __getattr__(name: str) -> object:
    if name == "LabServer":
        from lumeai_cli.lab.server import LabServer  # noqa: PLC0415 - see the docstring

        return LabServer
    if name == "running_lab":
        from lumeai_cli.lab.thread import running_lab  # noqa: PLC0415 - see the docstring

        return running_lab
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
