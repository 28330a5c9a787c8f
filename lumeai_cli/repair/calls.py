"""Collects native calls while they come: each waits until it is whole, so that a broken one can be mended or refused.

A long one flows once it has grown over `LONG_CALL` and nothing about it is odd.
"""

from collections.abc import Sequence

from lumeai_cli.repair import step
from lumeai_cli.repair.chunk import Json
from lumeai_cli.repair.fault import Fault
from lumeai_cli.repair.speech import Speech, Spoken
from lumeai_cli.repair.turn import as_text, mended_calls
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.answer import fold
from lumeai_cli.wire.event import CallPart

LONG_CALL = 4096
"""Characters of arguments from which on a healthy call flows before it is whole."""

MOST_HELD = 16 * 1024 * 1024
"""Characters of calls that are held until they are whole."""

_FRAME = 256  # what a part weighs besides its arguments


class CallsUnderWay:
    """`take` the pieces as they come and `settle` them at the end of the answer."""

    def __init__(self, wanted: Wanted, speech: Speech) -> None:
        self._wanted = wanted
        self._speech = speech
        self._parts: list[CallPart] = []
        self._frames: list[bytes] = []  # those of the parts, and what stood between them
        self._begun: dict[int, str] = {}  # the places of calls that began as they should, with their ids
        self._flowing: dict[int, str] = {}  # likewise, of those that are told as they come
        self._odd = False
        self._size = 0
        self._weight = 0
        self.as_it_was = False  # whether the last piece went out in its own frame

    @property
    def pending(self) -> bool:
        """Whether calls are held."""
        return bool(self._parts)

    @property
    def full(self) -> bool:
        """Whether more is held than any call is long."""
        return self._weight > MOST_HELD

    @property
    def whole(self) -> bool:
        """Whether the last call that is held is whole, as far as one can tell."""
        return fold(self._parts).calls[-1].well_formed

    def beside(self, raw: bytes) -> bool:
        """Takes a frame without content that stands between the pieces, if there are some."""
        if self._frames:
            self._frames.append(raw)
            self._weight += len(raw)
        return bool(self._frames)

    def take(self, parts: Sequence[CallPart], raw: bytes | None) -> bool:
        """Pieces of calls; `raw` is their frame if nothing about it is odd. Says whether the calls should `flow`."""
        self.as_it_was = False
        flowing = [part for part in parts if self._flows(part)]
        if flowing:
            if raw is not None and len(flowing) == len(parts) and not any(part.name for part in parts):
                self._speech.say_frame(raw, Spoken.CONTENT)
                self.as_it_was = True
                return False
            entries = [{"index": part.slot, "function": {"arguments": part.arguments}} for part in flowing]
            self._speech.mended(step.CALL_SHAPE)
            self._speech.tell({"tool_calls": entries}, Spoken.CONTENT)
            parts, raw = [part for part in parts if not self._flows(part)], None
        fine = True
        for part in parts:
            again = self._flowing.pop(part.slot, None) is not None  # a second call under the index of one that was told
            known = part.slot in self._begun
            # A later piece needs no name; the first one does, and comes before the arguments.
            fine = fine and not again and (not part.name if known else bool(part.name and part.id))
            if part.name and part.id and not known:
                self._begun[part.slot] = part.id
        if not fine:
            self._speech.mended(step.CALL_SHAPE)
        if raw is None or not fine:
            self._odd = self._odd or bool(parts)
        else:
            self._frames.append(raw)
        self._parts += parts
        self._size += sum(len(part.arguments) for part in parts)
        self._weight += len(raw or b"") + sum(len(part.arguments) + _FRAME for part in parts)
        return self._size > LONG_CALL and not self._odd and self._numbered() and self._earlier_are_whole()

    def _flows(self, part: CallPart) -> bool:
        """Whether the piece belongs to a call that is told already; another id with a name begins another call."""
        known = self._flowing.get(part.slot)
        return known is not None and not (part.name and part.id and part.id != known)

    def _numbered(self) -> bool:
        """Whether the calls that are held are numbered in the order in which they came: SDKs make a list of them."""
        called = self._speech.called
        if list(self._begun) == list(range(called, called + len(self._begun))):
            return True
        self._speech.mended(step.CALL_SHAPE)
        return False

    def _earlier_are_whole(self) -> bool:
        self._odd = not all(call.well_formed for call in fold(self._parts).calls[:-1])
        return not self._odd

    def flow(self) -> None:
        """The calls so far go out as they came."""
        for raw in self._frames:
            self._speech.say_frame(raw, Spoken.CONTENT)
        self.as_it_was = True
        self._flowing |= self._begun
        self._speech.called = max(self._speech.called, 1, *(slot + 1 for slot in self._flowing))
        self._clear()

    def settle(self) -> Fault | None:
        """The answer has ended: what is held is decided now, before its finish reason goes out."""
        calls, speech = fold(self._parts).calls, self._speech
        if self._wanted.xml:
            text = as_text(calls, self._wanted)
            if isinstance(text, Fault):
                return text
            speech.mended(step.CALL_TO_XML)
            speech.tell_text(("\n\n" if speech.spoken is Spoken.CONTENT else "") + text)
        elif not self._odd and self._numbered() and all(call.well_formed for call in calls):
            self.flow()
        else:
            mended = mended_calls(calls, self._wanted, must=speech.spoken < Spoken.CONTENT)
            if isinstance(mended, Fault):
                return mended
            calls, repairs = mended
            for repair in repairs:
                speech.mended(repair)
            for call in calls:
                speech.tell_call(call)
        self._clear()
        return None

    def _clear(self) -> None:
        self._parts.clear()
        self._frames.clear()
        self._begun.clear()
        self._odd, self._size, self._weight = False, 0, 0


def without_nulls(value: Json) -> bool:
    """Takes what is null out of a healthy chunk's pieces of calls, and says whether something was: an SDK that adds the
    pieces up takes a later `"type": null` for the call's type, and fails.
    """
    found = False
    for call in value["choices"][0]["delta"]["tool_calls"]:
        for part in (call, call["function"]):
            nulls = [key for key, item in part.items() if item is None]
            for key in nulls:
                del part[key]
            found = found or bool(nulls)
        if found and call["function"].get("name"):
            call.setdefault("type", "function")
    return found
