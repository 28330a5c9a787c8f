"""What the user of a client meets in the end, its own retries included."""

from dataclasses import dataclass
from enum import StrEnum


class OutcomeKind(StrEnum):
    """The words of the report's `outcome`; only `OK` means that the answer was used."""

    OK = "ok"
    NUDGE = "nudge"  # the client tells the model that it used no tool
    EMPTY = "empty"  # the client's own sentence for "no answer"
    ERROR = "error"  # an error with a specific cause is shown
    RETRY = "retry"  # silent repeats first, then an error
    SILENT = "silent"  # it ends, and nothing is shown
    LOOP = "loop"  # it repeats without bound and never shows the cause
    HANG = "hang"  # over 120 s of nothing
    NOT_JUDGED = "not-judged"  # nothing is known about this client here


@dataclass(frozen=True, slots=True)
class Words:
    """A text that people see, in both languages; a client without Russian texts has the English one in both."""

    en: str
    ru: str = ""

    def in_(self, language: str) -> str:
        """The text in this language."""
        return self.ru if language == "ru" and self.ru else self.en


@dataclass(frozen=True, slots=True)
class Outcome:
    """The kind, and the words that the client itself shows (empty where it shows nothing).

    Where it shows none that would tell anything, they may be ours; then they are not `quoted`.
    """

    kind: OutcomeKind
    message: Words = Words("")
    quoted: bool = True

    @property
    def ok(self) -> bool:
        """Whether the answer or the tool call is used."""
        return self.kind is OutcomeKind.OK


OK = Outcome(OutcomeKind.OK)
SILENT = Outcome(OutcomeKind.SILENT)


def error(message: str, ru: str = "") -> Outcome:
    """An error that the client shows at once."""
    return Outcome(OutcomeKind.ERROR, Words(message, ru))


def retry(message: str, ru: str = "") -> Outcome:
    """An error that the client shows after repeats that nobody sees."""
    return Outcome(OutcomeKind.RETRY, Words(message, ru))


def unknown(why: str, ru: str = "") -> Outcome:
    """Not judged, and why."""
    return Outcome(OutcomeKind.NOT_JUDGED, Words(why, ru), quoted=False)
