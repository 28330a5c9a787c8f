"""What agents tell the model of a tool call that cannot run: the user sees it, the model tries again."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from lumeai_cli.clients.deltas import OBJECT
from lumeai_cli.clients.outcome import Outcome, OutcomeKind, Words
from lumeai_cli.wire.answer import ToolCall
from lumeai_cli.wire.exchange import Asked


@dataclass(frozen=True, slots=True)
class Complaints:
    """One agent's words, with `{}` where it names the tool.

    `unknown` is for a tool that was not offered, `unreadable` for arguments that are no JSON object, `lacking` for none
    at all: they count as `{}`, with which a tool can begin only if it has no required ones.
    """

    unknown: Words
    lacking: Words
    unreadable: Words

    def about(self, calls: Iterable[ToolCall], asked: Asked) -> Outcome | None:
        """The first complaint; None if every call can run."""
        for call in calls:
            words = None
            if asked.tools and call.name not in asked.tools:
                words = self.unknown
            elif not call.arguments:
                words = self.lacking if asked.wants_tool else None
            elif not call.well_formed:
                words = self.unreadable
            if words is not None:
                named = Words(words.en.replace("{}", call.name), words.ru.replace("{}", call.name))
                return Outcome(OutcomeKind.NUDGE, named)
        return None


_WITHOUT_VALUE = re.compile(r'\{\s*(?:"[^"]*"?\s*:?\s*)?\}?')


def mended(call: ToolCall, opening: tuple[str, ...] = ("{",)) -> ToolCall:
    """The call as Cline leaves it: arguments that begin like JSON are completed, those without any value are none."""
    text = call.arguments.strip()
    if call.well_formed or text.startswith(OBJECT) or not text.startswith(opening):
        return call
    return replace(call, arguments="" if _WITHOUT_VALUE.fullmatch(text) else "{}")
