"""Mends a whole turn at once: what a body says that has come to its end, for whichever client asked.

The same rules as `stream` has for an answer under way; where both apply, one decides what a call, a thought or a text
becomes, and the other only puts it in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lumeai_cli.repair.arguments import Fitted, fitting
from lumeai_cli.repair.chunk import named
from lumeai_cli.repair.excuse import excuse_in
from lumeai_cli.repair.fault import NOTHING_SAID, Fault
from lumeai_cli.repair.ink import shows
from lumeai_cli.repair.prompt import KNOWN
from lumeai_cli.repair.step import (
    ARGUMENTS,
    CALL_SHAPE,
    CALL_TO_XML,
    FINISH,
    MARKS,
    REFUSAL,
    TEXT_TO_CALL,
    TEXT_TO_XML,
    THINK,
    UNCLOSED,
    Repair,
)
from lumeai_cli.repair.thought import Thought, ThoughtSplitter, without_opening
from lumeai_cli.repair.wanted import Schema, Wanted
from lumeai_cli.repair.written import WrittenFinder
from lumeai_cli.repair.xmlcall import written
from lumeai_cli.wire.answer import Answer, ToolCall
from lumeai_cli.wire.body import loads

FINISHES = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
"""The finish reasons of OpenAI's dialect; a client takes any other for none, and some ask again for ever."""

_IN_OUR_WORDS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end": "stop",
    "complete": "stop",
    "completed": "stop",
    "done": "stop",
    "load": "stop",
    "unload": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "max_length": "length",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "function_call": "tool_calls",
    "safety": "content_filter",
    "refusal": "content_filter",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """What the client shall be told, and by which repairs it became that."""

    reasoning: str = ""
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish: str = ""
    repairs: tuple[Repair, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether the client counts it as an answer."""
        return bool(shows(self.text) or self.calls)


def mend(answer: Answer, wanted: Wanted) -> Turn | Fault:
    """The turn that this answer comes to, or what is wrong with it beyond mending."""
    text, reasoning, repairs = _parted(answer)
    found: tuple[ToolCall, ...] = ()
    if not answer.calls and UNCLOSED not in repairs and (excuse := excuse_in(text)) is not None:
        return excuse
    pieces = pieces_within(text, wanted)
    if wanted.xml:
        text, steps = _retold(pieces, text, wanted)
        repairs += steps
    elif wanted.native:
        inner, found = parted(pieces)
        repairs += (TEXT_TO_CALL,) if found else (MARKS,) if inner != text else ()
        text = inner
    calls: Sequence[ToolCall] = answer.calls
    if wanted.native or not wanted.xml:
        mended = mended_calls(calls, wanted)
        if isinstance(mended, Fault):
            return mended
        calls, steps = mended
        calls = named((*calls, *found), wanted.seed)
        repairs += steps
    elif calls:
        told = as_text(calls, wanted)
        if isinstance(told, Fault):
            return told
        text = f"{text.rstrip()}\n\n{told}" if text.strip() else told
        calls, repairs = (), (*repairs, CALL_TO_XML)
    if not shows(text) and not calls and answer.refusal:
        text, repairs = answer.refusal, (*repairs, REFUSAL)
    turn = Turn(reasoning, text, tuple(calls), answer.finish, repairs)
    if not turn.usable:
        return NOTHING_SAID
    finish = finish_for(answer.finish, called=bool(calls))
    return turn if finish == answer.finish else replace(turn, finish=finish, repairs=(*repairs, FINISH))


def finish_for(reason: str, *, called: bool) -> str:
    """The finish reason in OpenAI's words, for a turn that calls a tool or does not; none stays none."""
    if not reason:
        return ""
    reason = reason if reason in FINISHES else _IN_OUR_WORDS.get(reason.lower(), "stop")
    if called:
        # Cut short by its budget or by a filter is what it says; `stop` beside a call is not.
        return reason if reason in ("length", "content_filter") else "tool_calls"
    return "stop" if reason in ("tool_calls", "function_call") else reason


def mended_calls(
    calls: Sequence[ToolCall], wanted: Wanted, *, must: bool = True
) -> tuple[tuple[ToolCall, ...], tuple[Repair, ...]] | Fault:
    """The calls with names and arguments that a native client takes; `must`: what cannot be mended is a fault.

    Else it is told as it came: the agents tell the model, which tries again (measured 2026-11).
    """
    done: list[ToolCall] = []
    repairs: dict[Repair, None] = {}
    for call in calls:
        if call == _NO_CALL:
            repairs[CALL_SHAPE] = None
            continue
        if not call.name:  # no client runs it, and some lose it without a word
            return Fault("tool-call-missing-name", call.arguments[:200])
        if not call.id:
            repairs[CALL_SHAPE] = None
        if call.well_formed:
            done.append(call)
            continue
        mended = fitting(call.arguments, wanted.tools.get(call.name))
        if mended is None and not call.arguments.strip():
            mended = _NO_ARGUMENTS
        if mended is None and must:
            return Fault("tool-arguments-not-json", call.arguments[:200])
        if mended is not None:
            repairs[ARGUMENTS] = None
            call = replace(call, arguments=mended.text)  # noqa: PLW2901  # the same call, mended
        done.append(call)
    return tuple(done), tuple(repairs)


_NO_CALL = ToolCall("", "", "")
_NO_ARGUMENTS = Fitted("{}", mended=True)
"""What a call without any is passed on with, whatever the tool demands: agents tell the model what is missing, and it
tries again (measured 2026-11); an error would end their run."""


def as_text(calls: Sequence[ToolCall], wanted: Wanted) -> str | Fault:
    """Native calls as the tags that a classic client reads, one below the other."""
    texts: list[str] = []
    for call in calls:
        tool = wanted.xml_tool(call.name)
        mended = fitting(call.arguments, None) if tool is not None else None
        text = written(call.name, mended.text, tool) if mended is not None else None
        if text is None:
            return Fault("tool-protocol-mismatch", f"{call.name} {call.arguments}"[:200])
        texts.append(text)
    return "\n\n".join(texts)


def _parted(answer: Answer) -> tuple[str, str, tuple[Repair, ...]]:
    """The text without the thought at its head, all thoughts, and the repairs that this took."""
    splitter = ThoughtSplitter()
    pieces = [*splitter.feed(answer.text), *splitter.close()]
    text = "".join(piece for piece in pieces if isinstance(piece, str))
    thoughts = answer.reasoning + "".join(piece.text for piece in pieces if isinstance(piece, Thought))
    if splitter.open:
        return unclosed(splitter.thought, answer.finish), thoughts, (THINK, UNCLOSED)
    if not splitter.found and (halves := without_opening(text)) is not None:
        return halves[1], thoughts + halves[0], (THINK,)
    return text, thoughts, (THINK,) if text != answer.text else ()


def unclosed(thought: str, finish: str) -> str:
    """The text that a thought without an end stands for: all of it, unless it was cut off by its budget."""
    return "" if finish == "length" else thought


def finder_of(wanted: Wanted) -> WrittenFinder | None:
    """What finds calls in the text for this client; None if it has no tools."""
    if wanted.native:
        return WrittenFinder(wanted.tools)
    if not wanted.xml:
        return None
    tools: dict[str, Schema] = {
        tool.name: {"properties": {name: {} for name in tool.parameters}} for tool in wanted.xml_tools
    }
    return WrittenFinder(tools, tags=False, accepts=lambda call: _takes(call, wanted))


def pieces_within(text: str, wanted: Wanted) -> list[str | ToolCall]:
    """The pieces of a whole text, those apart that are calls."""
    finder = finder_of(wanted)
    return [text] if finder is None else [*finder.feed(text), *finder.close()]


def parted(pieces: Sequence[str | ToolCall]) -> tuple[str, tuple[ToolCall, ...]]:
    """The text of such pieces, and the calls."""
    calls = tuple(piece for piece in pieces if isinstance(piece, ToolCall))
    return "".join(piece for piece in pieces if isinstance(piece, str)), calls


def _retold(pieces: Sequence[str | ToolCall], before: str, wanted: Wanted) -> tuple[str, tuple[Repair, ...]]:
    """The pieces of a text as one in which a classic client reads the calls."""
    text = ""
    for piece in pieces:
        told = piece if isinstance(piece, str) else as_text([piece], wanted)
        if isinstance(told, str):  # the finder has asked for it
            text += f"\n\n{told}" if isinstance(piece, ToolCall) and shows(text) else told
    if any(isinstance(piece, ToolCall) for piece in pieces):
        return text, (TEXT_TO_XML,)
    return text, (MARKS,) if text != before else ()


def _takes(call: ToolCall, wanted: Wanted) -> bool:
    """Whether a classic client can be told this call, and has such parameters."""
    tool = wanted.xml_tool(call.name)
    known = {*(tool.parameters if tool is not None else ()), *KNOWN.get(call.name, ())}
    given = set(loads(call.arguments.encode("utf-8", "surrogatepass")))
    return (not known or (bool(given) and given <= known)) and isinstance(as_text([call], wanted), str)
