"""Why an answer could not be mended: a value, told by the step that met it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """`name` is that of a diagnosis, empty where only the whole exchange can tell; `said` what the backend told."""

    name: str = ""
    said: str = ""


NOTHING_SAID = Fault()
"""The answer ended, and nothing in it counts as one."""

ENDLESS = Fault("endless-answer")
"""More came, or nothing came for longer, than with any answer."""
