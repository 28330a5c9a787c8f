"""What the proxy is started with, as one value: whoever reads the settings makes it, and makes it again on a reload."""

from dataclasses import dataclass, field

from lumeai_cli.admission.guard import Guard
from lumeai_cli.backends.backend import Backend
from lumeai_cli.settings import ServeSettings
from lumeai_cli.text.phrase import Phrase


@dataclass(frozen=True, slots=True)
class Plan:
    """The backends in the order in which they are tried, and how to serve them. It can be pickled for other processes.

    Each backend's name is its own (no two alike) and holds no `/`. Its `url` is a checked base URL without a trailing
    slash, to which an endpoint's path is appended; that of Kind.BUILTIN is empty. Its key may be sent there. `notes`
    are for the person who started it. `guard` says who is let in.
    """

    backends: tuple[Backend, ...]
    settings: ServeSettings
    language: str
    notes: tuple[Phrase, ...] = ()
    guard: Guard = field(default_factory=Guard)
