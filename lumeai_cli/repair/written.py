"""Lifts the tool calls that a model wrote into its text out of it, for clients that read another form of them.

Text passes at once, except what may be a sign of a call (`signs`); from there on it is held back (`frame`) until it is
a call to one of the client's tools with arguments that fit, or can be none any more. Then it passes as the text it is,
and what stands in it is looked at again. What comes out does not depend on how the text was cut.

JSON that stands bare or in a fence, a bare list in Python and ReAct's lines are what an explanation shows, too. They
count only if no prose follows: behind them may stand white space, what closes a call, further calls, or the end. So
they wait for that end, or pass as the text that they are with the first word behind them. A form with markup of its
own counts wherever it stands, and so does what stands right before it.

Code within a line (`like this`) only speaks of a call. In Harmony's channels the marks are dropped; the text of
`final` and of a `commentary` to nobody is text, that of `analysis` is none, unless nothing else comes.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from lumeai_cli.repair.arguments import fitting
from lumeai_cli.repair.begins import MORE, NO, literal
from lumeai_cli.repair.frame import Calls, Frame, Look, ToolFrame
from lumeai_cli.repair.signs import BEGINNINGS, Sign, Where, signs, tool_sign
from lumeai_cli.wire.answer import ToolCall
from lumeai_cli.wire.markup import MOST_CALLS

MOST_HELD = 256 * 1024
"""Characters after which what is held back is given up as a call."""

MOST_AGAIN = 2 * 1024 * 1024
"""Characters that are looked at a second time. An answer with more of them, or with more than `MOST_CALLS` calls, is
taken for plain text from there on."""

MOST_OWN = 1024 * 1024
"""Characters between a tool's own tags from which on nothing is looked at; the classic clients give up there."""

_GIVEN_UP = 1024  # characters that could be looked at while one call is parsed and its arguments are fitted
_SLICE = 4096  # a large piece is taken so, for what is given up is copied together with the rest of its slice
_SOON = re.compile(r"\S")  # where the next character may be a sign by its place
_LATER = re.compile(r"[<\[{`\n]")
_TAG = re.compile(r"<([^<>\s]{1,128})")
_FENCE = "```"
_TICKS = re.compile("`+")


class WrittenFinder:
    """Text of an answer in pieces in; text to pass on and complete calls out.

    `tools` are the client's, by name, with their JSON schemas or None. The calls have no ids. Without `tags` the
    client reads the tools' own tags itself: they pass, and what stands between them is theirs. `accepts` has the last
    word on a call: what it refuses is text.
    """

    def __init__(
        self,
        tools: Mapping[str, Mapping[str, Any] | None],
        *,
        tags: bool = True,
        accepts: Callable[[ToolCall], bool] | None = None,
    ) -> None:
        self._tools = {name: schema for name, schema in tools.items() if name}
        self._tags = tags
        self._accepts = accepts
        self._own: ToolFrame | None = None  # of a tool's own tag that passed, and whose closing tag has not
        self._owns = 0  # characters since then
        self._signs: dict[str, tuple[Sign, ...]] = {}  # by how they begin; made when something begins like one
        self._tool_signs: dict[str, Sign] = {}  # of the tools whose tags were met
        self._out: list[str | ToolCall] = []
        self._tail = ""  # the beginning of a sign, perhaps
        self._sign: Sign | None = None  # of what is held back
        self._frame: Frame | None = None
        self._parts: list[str] = []
        self._size = 0  # of the parts
        self._head = 0  # of the sign's markup
        self._again = 0  # characters that are looked at once more
        self._many = 0  # calls
        self._spoke = False  # whether anything but white space came out
        self._fresh = True
        self._blank = True  # whether this line holds only white space so far
        self._previous = ""  # the last character that passed
        self._code = False  # inside code within a line
        self._before: Sign | None = None  # the sign of the call right before this place
        self._strays: tuple[str, ...] = ()  # what may close it
        self._space = ""  # behind a call: passes with the text behind it, if there is any
        self._doubtful: list[ToolCall] = []  # calls that are none if prose follows
        self._shown: list[str] = []  # their text, with all that was dropped behind the first of them
        self._shows = 0  # its size
        self._harmony = False
        self._analysis = False
        self._thought: list[str] = []

    @property
    def held(self) -> str:
        """The text that came and is not given out yet, nor dropped."""
        thought = "" if self._spoke else "".join(self._thought)
        return thought + "".join(self._shown) + self._space + "".join(self._parts) + self._tail

    def feed(self, text: str) -> list[str | ToolCall]:
        """What is certain with this piece: texts, never empty, and calls."""
        for start in range(0, len(text), _SLICE):
            self._take(text[start : start + _SLICE], final=False)
        return self._given()

    def close(self, *, whole: bool = True) -> list[str | ToolCall]:
        """What is left when the answer has ended; if it was cut off (not `whole`), prose may have followed a call."""
        self._take("", final=True)
        if self._doubtful and not whole:
            self._doubt()
            self._out.append(self._space)
        self._believe()
        thought, self._thought, self._space = "".join(self._thought), [], ""
        if thought and not self._spoke:
            self._out.append(thought)
        return self._given()

    def _given(self) -> list[str | ToolCall]:
        given: list[str | ToolCall] = []
        texts: list[str] = []
        for piece in self._out:
            if isinstance(piece, str):
                texts.append(piece)
                continue
            if texts:
                given.append("".join(texts))
                texts = []
            given.append(piece)
        if texts:
            given.append("".join(texts))
        self._out = []
        return given

    def _take(self, piece: str, *, final: bool) -> None:
        text, self._tail = self._tail + piece, ""
        at = 0
        while True:
            if self._frame is None:
                at = self._flow(text, at, final=final)
            if self._frame is None:
                self._tail = text[at:]
                return
            rest = self._hold(self._frame, text, at, final=final)
            if rest is None:
                return
            text, at = rest

    def _flow(self, text: str, at: int, *, final: bool) -> int:
        """Passes text on to its end, to what may be a sign, or to what is one: then there is a frame."""
        while at < len(text):
            if self._own is not None:
                at = self._inside(self._own, text, at)
                continue
            soon = self._fresh or self._blank
            mark = (_SOON if soon else _LATER).search(text, at) if self._again <= MOST_AGAIN else None
            self._pass(text[at : mark.start() if mark is not None else len(text)])
            if mark is None:
                return len(text)
            at = mark.start()
            width = 1
            if text[at] == "`" and (ticks := _TICKS.match(text, at)) is not None:
                if ticks.end() == len(text) and not final:
                    return at
                width = ticks.end() - at
            end = self._drop(text, at, final=final)
            if end == NO:
                end = self._open(text, at, width, final=final)
            if end == MORE:
                return at
            if self._frame is not None:
                return end
            if end == NO:
                end = at + width
                if width < 3 and text[at] == "`" and not self._analysis:
                    self._code = not self._code
                self._pass(text[at:end])
            at = end
        return at

    def _inside(self, own: ToolFrame, text: str, at: int) -> int:
        """Passes on what stands between a tool's own tags."""
        room = MOST_OWN - self._owns
        if room <= 0:
            self._pass(text[at:])
            return len(text)
        end, look = own.feed(text if len(text) - at <= room else text[: at + room], at)
        self._owns += end - at
        if look is Look.NOW:
            self._own = None
        self._pass(text[at:end])
        return end

    def _pass(self, text: str) -> None:
        """Gives text out, and remembers what place comes behind it."""
        if not text:
            return
        space, line = text.isspace(), text.rfind("\n")
        self._blank = (self._blank or line >= 0) and not text[line + 1 :].strip(" \t")
        self._code = self._code and line < 0
        self._previous = text[-1]
        if self._analysis:
            self._thought.append(text)
        elif space and self._before is not None:
            self._space += text
        else:
            if not space:
                self._doubt()
            self._out.append(self._space + text)
            self._space = ""
        if not space and not self._analysis:
            self._fresh, self._before, self._spoke = False, None, True

    def _show(self, text: str) -> None:
        """Keeps what is dropped now, and is an example's if prose follows."""
        self._shown.append(self._space + text)
        self._shows += len(self._space) + len(text)
        self._space = ""

    def _believe(self) -> None:
        """Gives out the calls that waited."""
        self._out += self._doubtful
        self._doubtful, self._shown, self._shows = [], [], 0

    def _doubt(self) -> None:
        """Prose follows: gives out the text of the calls that waited."""
        self._out += self._shown
        self._many -= len(self._doubtful)
        self._doubtful, self._shown, self._shows = [], [], 0

    def _drop(self, text: str, at: int, *, final: bool) -> int:
        """Where the markup ends that closes the call right before this place, if there is some."""
        for stray in self._strays if self._before is not None else ():
            end = literal(stray)(text, at)
            if stray == _FENCE and end == len(text) and not final:
                end = MORE  # a language behind it would begin another
            if end == MORE and final and self._doubtful:
                end = len(text)  # the answer ends within it
            if end >= 0 and (stray != _FENCE or not text[end : end + 1].isalnum()):
                if self._doubtful and stray[0] != "<":
                    self._show(text[at:end])
                else:
                    self._believe()
                    self._space = ""
                self._strays = tuple(each for each in self._strays if each != _FENCE or stray != _FENCE)
                return end
            if end == MORE and not final:
                return MORE
        return NO

    def _signs_of(self, first: str) -> tuple[Sign, ...]:
        """The signs that begin like this. Making them takes milliseconds, and most answers need none."""
        if first not in BEGINNINGS:
            return ()
        if not self._signs:
            self._signs = signs(self._tools)
            around = self._tools if self._tags else {}
            self._signs["<t"] += tuple(tool_sign(name, schema, "<tool_call>") for name, schema in around.items())
        return self._signs[first]

    def _tool_sign(self, name: str) -> tuple[Sign, ...]:
        """The sign of a call in this tag, if it is a tool's."""
        if name not in self._tools:
            return ()
        if name not in self._tool_signs:
            self._tool_signs[name] = tool_sign(name, self._tools[name])
        return (self._tool_signs[name],)

    def _open(self, text: str, at: int, width: int, *, final: bool) -> int:
        """Where the markup of the sign ends that stands here, if one does; what it begins is framed."""
        first = text[at : at + 2] if text[at] == "<" else text[at]
        if first == "<" and not final:
            return MORE
        tag = _TAG.match(text, at) if first[0] == "<" else None
        if tag is not None and tag.end() == len(text) and not final:
            if any(name.startswith(tag[1]) for name in self._tools):
                return MORE
        elif tag is not None and not self._tags and tag[1] in self._tools and text.startswith(">", tag.end()):
            return self._enter(text[at : tag.end() + 1], tag[1], at)
        candidates = self._signs_of(first) if width in (1, 3) else ()
        if self._before is not None:
            candidates = (*candidates, *self._before.chain)
        if tag is not None and self._tags:
            candidates = (*candidates, *self._tool_sign(tag[1]))
        for sign in candidates:
            if not self._counts(sign):
                continue
            head = sign.head(text, at)
            end = sign.then(text, head) if head >= 0 else head
            if end == MORE and not final:
                return MORE
            if end >= 0:
                self._begin(sign, text[at:head])
                return head
        return NO

    def _enter(self, tag: str, name: str, at: int) -> int:
        """Passes a tool's own tag, which counts for the client wherever it stands; a thought it is not shown."""
        self._pass(tag)
        if not self._analysis:
            self._own, self._owns = ToolFrame(name, self._tools[name], alone=True), 0
        return at + len(tag)

    def _counts(self, sign: Sign) -> bool:
        if self._code or (self._analysis and not sign.harmony) or (self._many >= MOST_CALLS and sign.frame is not None):
            return False
        match sign.where:
            case Where.FRESH:
                return self._fresh
            case Where.LINE:
                return self._blank or self._previous == ">"
            case Where.HARMONY:
                return self._harmony
            case _:
                return True

    def _begin(self, sign: Sign, head: str) -> None:
        if sign.frame is None:
            self._harmony = True
            self._analysis = "analysis" in head
            return
        self._sign, self._frame = sign, sign.frame(self._blank)
        self._parts, self._size, self._head = [head], len(head), len(head)

    def _hold(self, frame: Frame, text: str, at: int, *, final: bool) -> tuple[str, int] | None:
        """Goes on with what is held back: the text to go on with, and where, or None if more must come."""
        room = MOST_HELD - self._size
        view = text if len(text) - at <= room else text[: at + room]
        end, look = frame.feed(view, at)
        self._keep(view[at:end])
        if look is Look.NEVER:
            return self._give_up(text[end:])
        if look is Look.NOT_YET:
            if len(view) < len(text):
                return self._give_up(text[end:])
            if not final:
                self._tail = text[end:]
                return None
            self._keep(text[end:])
            held = "".join(self._parts)
            return ("", 0) if self._accept(frame.ended(held, self._head)) else self._give_up("")
        held = "".join(self._parts)
        if self._accept(frame.calls(held, self._head)):
            return text, end
        if look is Look.NOW or frame.hopeless(held, self._head):
            return self._give_up(text[end:])
        return text, end

    def _keep(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._size += len(text)

    def _accept(self, calls: Calls) -> bool:
        """Gives the calls out, if all of them fit; what was held is gone then."""
        fitted = [(name, fitting(arguments, self._tools[name])) for name, arguments in calls if name in self._tools]
        ready = [ToolCall("", name, each.text) for name, each in fitted if each is not None]
        if not ready or len(ready) < len(calls) or not (self._accepts is None or all(map(self._accepts, ready))):
            return False
        self._many += len(ready)
        if self._sign is not None and self._sign.doubtful:
            if self._shows > MOST_HELD:
                self._believe()
            self._show("".join(self._parts))
            self._doubtful += ready
        else:
            self._believe()
            self._out += ready
        if self._sign is not None:
            strays = (*self._sign.strays, *(self._strays if self._before is not None else ()))
            self._strays = tuple(dict.fromkeys(strays))
            self._before = self._before if self._sign.where is Where.CHAINED else self._sign
        self._space = ""
        self._fresh = self._blank = self._spoke = True
        self._analysis = self._code = False
        self._sign, self._frame, self._parts, self._size = None, None, [], 0
        return True

    def _give_up(self, rest: str) -> tuple[str, int]:
        """Passes the beginning of the sign as text; what comes behind it is looked at again."""
        held = "".join(self._parts)
        self._again += self._size + _GIVEN_UP
        self._sign, self._frame, self._parts, self._size = None, None, [], 0
        width = 3 if held.startswith(_FENCE) else 1
        self._pass(held[:width])
        return held + rest, width
