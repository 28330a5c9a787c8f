"""The way of an answer's text through a stream: frames in, the same frames out, unless something in their text changes.

What looks at the text (the head's thought, an excuse in its place, calls written in it) holds pieces back. A frame
whose whole text comes out of that unchanged is passed on as the bytes that it was, however long it was held; where a
thought or a call begins inside a frame, what stands around it is told anew.
"""

from collections import deque
from dataclasses import dataclass

from lumeai_cli.repair.excuse import ExcuseWatch, excuse_in
from lumeai_cli.repair.fault import Fault
from lumeai_cli.repair.thought import Thought, ThoughtSplitter
from lumeai_cli.repair.turn import finder_of
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.answer import ToolCall


@dataclass(frozen=True, slots=True)
class Same:
    """A frame that passes as it was; `text` is what it says."""

    raw: bytes
    text: str


Passing = Same | str | Thought | ToolCall
"""A frame as it was, text to be told anew, a thought, or a call that stood in the text."""


class TextLane:
    """Text in pieces, each with its frame's bytes (None for a frame that cannot pass as it is).

    `dropped`: something was taken out of the text that is neither a thought nor a call.
    """

    __slots__ = ("_finder", "_frames", "_owed", "_watch", "dropped", "splitter")

    def __init__(self, wanted: Wanted) -> None:
        self.splitter = ThoughtSplitter()
        self.dropped = False
        self._watch = ExcuseWatch()
        self._finder = finder_of(wanted)
        self._frames: deque[Same | str] = deque()  # what was fed and has not come out; a text where there is no frame
        self._owed = ""  # text that is free to go, and whose frame is not wholly so

    @property
    def idle(self) -> bool:
        """Whether nothing is held, so that plain text could pass without being looked at any further."""
        return self.splitter.settled and not self._frames and not self._owed

    @property
    def looks(self) -> bool:
        """Whether text has to be looked at."""
        return self._finder is not None or not self.splitter.settled or not self._watch.settled

    @property
    def held(self) -> str:
        """The text of all that is held."""
        return "".join(frame if isinstance(frame, str) else frame.text for frame in self._frames)

    def feed(self, text: str, raw: bytes | None) -> list[Passing]:
        """What can pass with this piece."""
        self._frames.append(text if raw is None else Same(raw, text))
        return self._passed(self.splitter.feed(text))

    def beside(self, raw: bytes) -> bool:
        """Takes a frame without text that came behind what is held, if something is."""
        if self._frames:
            self._frames.append(Same(raw, ""))
        return bool(self._frames)

    def close(self, *, whole: bool = True) -> list[Passing]:
        """What was held when the text ended, or (not `whole`) was cut off."""
        out = self._passed(self.splitter.close())
        if not self._watch.settled:
            out += self._looked_at(self._watch.release())
        if self._finder is not None:
            out += self._sorted(self._finder.close(whole=whole))
        out += self._rest()
        return out

    def excuse(self) -> Fault | None:
        """What the whole answer is, if it ends here and is an excuse."""
        return None if self._watch.settled else excuse_in(self._watch.held)

    def _passed(self, pieces: list[Thought | str]) -> list[Passing]:
        out: list[Passing] = []
        for piece in pieces:
            out += self._changed(piece) if isinstance(piece, Thought) else self._looked_at(self._watch.feed(piece))
        if self.splitter.settled and not self._watch.held and (self._finder is None or not self._finder.held):
            out += self._rest()
        return out

    def _looked_at(self, text: str) -> list[Passing]:
        """Text in which calls may stand."""
        if not text:
            return []
        return self._free(text) if self._finder is None else self._sorted(self._finder.feed(text))

    def _sorted(self, pieces: list[str | ToolCall]) -> list[Passing]:
        out: list[Passing] = []
        for piece in pieces:
            out += self._free(piece) if isinstance(piece, str) else self._changed(piece)
        return out

    def _free(self, text: str) -> list[Passing]:
        """Text that may go: whole frames as they were."""
        out: list[Passing] = []
        owed, place = self._owed + text, 0
        while self._frames:
            first = self._frames[0]
            known = first if isinstance(first, str) else first.text
            if not owed.startswith(known, place):
                break
            self._frames.popleft()
            place += len(known)
            out.append(first)
        self._owed = owed[place:]
        return out

    def _changed(self, piece: Thought | ToolCall) -> list[Passing]:
        """A piece that is no text: the frame in which it began passes no more as it was, nor do those that it fills."""
        return [*self._rest(), piece]

    def _rest(self) -> list[Passing]:
        """The text that is free and stands in a frame that will not come out whole, and the frames without text."""
        owed, self._owed = self._owed, ""
        spare = [frame for frame in self._frames if isinstance(frame, Same) and not frame.text]
        self.dropped = self.dropped or len(spare) < len(self._frames)
        self._frames.clear()
        return [*([owed] if owed else []), *spare]
