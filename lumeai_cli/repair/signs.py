"""The signs with which a written call begins, for each form of `wire.forms`, and what must follow at once.

A sign alone is a mention. Only with the beginning of a call to a tool of the client behind it text is held back: most
mentions, and all JSON that is about something else, end within a few characters.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from lumeai_cli.repair.begins import (
    SPACE,
    Matcher,
    either,
    literal,
    maybe,
    nothing,
    run,
    sequence,
    word,
)
from lumeai_cli.repair.frame import BracketFrame, Frame, TagFrame, ToolFrame, properties


class Where(Enum):
    """The places in which a sign counts."""

    ANYWHERE = "anywhere but in code within a line"
    FRESH = "where nothing but calls and white space came before"
    LINE = "at the beginning of a line"
    CHAINED = "right behind a call of the same form"
    HARMONY = "in an answer in Harmony's channels"


_STRAYS = (
    *("</tool_call>", "</tool_calls>", "</function>", "</function_calls>", "</invoke>", "</minimax:tool_call>"),
    *("<|call|>", "<|end|>", "<|return|>", "<|eom_id|>", "<|eot_id|>", "<|eom|>", "<|eot|>", "<|python_end|>"),
    *("<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>", "<｜end▁of▁sentence｜>", "<|im_end|>", "</s>"),
    *("<|tool_call_end|>", "<|tool_calls_section_end|>", "}"),  # one brace too many
)
"""What closes a call, or the turn, in one form or another: dropped right behind a call."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A form: its markup, what must follow, where it counts, how it is followed, and what is dropped behind it.

    `doubtful`: people write it, too, when they show what a call looks like; it counts only if no prose follows.
    """

    head: Matcher
    then: Matcher
    frame: Callable[[bool], Frame] | None  # told whether the sign begins its line; None: a mark of Harmony's
    where: Where = Where.ANYWHERE
    strays: tuple[str, ...] = _STRAYS
    chain: tuple["Sign", ...] = ()
    harmony: bool = False
    doubtful: bool = False


BEGINNINGS = frozenset(("<t", "<f", "<i", "<m", "<|", "<｜", "[", "{", "`", "A", "t"))
"""How the signs of every form begin; those of the tools' own tags begin with their names."""


def signs(names: Iterable[str]) -> dict[str, tuple[Sign, ...]]:
    """The signs of calls to these tools, by the characters with which they begin: two where that is `<`."""
    known = word(names)
    call = _json_call(known)
    return {
        "<t": _tool_call(known, call),
        "<f": (_function(known, literal("<function=")), _invoke(known, "<function_calls>")),
        "<i": (_invoke(known, ""),),
        "<m": (_invoke(known, "<minimax:tool_call>"),),
        "<|": (*_harmony(known), *_llama(known, call), _kimi(known)),
        "<｜": (_deepseek(known),),
        "[": (*_mistral(known, call), *_bare(call), _python_list(known, nothing)),
        "{": (*_bare(call), Sign(nothing, call, lambda _: BracketFrame(suffix="</tool_call>"), Where.LINE)),
        "`": (_fenced(call),),
        "A": (_react(known),),
        "t": (_harmony_early(known),),
    }


def tool_sign(name: str, schema: Mapping[str, Any] | None, around: str = "") -> Sign:
    """The sign of a call in the tags of this tool, or of that with another tag around it."""
    inner = [literal(f"<{each}>") for each in properties(schema)] or [literal("<")]
    return Sign(
        sequence(literal(around), SPACE if around else nothing, literal(f"<{name}>")),
        sequence(SPACE, either(literal("{"), literal(f"</{name}>"), *inner)),
        lambda alone: ToolFrame(name, schema, alone=alone),
    )


def _json_call(known: Matcher) -> Matcher:
    """The beginning of JSON that may be a call, or a list of them, in one of the usual spellings."""
    colon = sequence(SPACE, literal(":"), SPACE)
    key = either(
        sequence(literal('name"'), colon, literal('"'), known, literal('"')),
        sequence(literal('function"'), colon, literal("{")),
        sequence(literal('type"'), colon, literal('"function"')),
        sequence(either(*map(literal, ('id"', 'arguments"', 'parameters"', 'tool_calls"'))), colon),
    )
    return sequence(maybe(literal("["), SPACE), literal("{"), SPACE, literal('"'), key)


_OBJECT = literal("{")
_FENCE_KINDS = maybe(either(*map(literal, ("json", "tool_call", "tool_code"))))
_FENCE = sequence(literal("```"), _FENCE_KINDS, run(r" \t", 16), maybe(literal("\r")), literal("\n"))


def _json(_alone: bool) -> Frame:  # noqa: FBT001 (every frame is made so)
    return BracketFrame()


def _loose(_alone: bool) -> Frame:  # noqa: FBT001 (likewise)
    return BracketFrame(loose=True)


def _python(_alone: bool) -> Frame:  # noqa: FBT001 (likewise)
    return BracketFrame(python=True)


def _bare(call: Matcher) -> tuple[Sign, ...]:
    return (Sign(nothing, call, _loose, Where.FRESH, (*_STRAYS, ";"), doubtful=True),)


def _tool_call(known: Matcher, call: Matcher) -> tuple[Sign, ...]:
    opening = sequence(literal("<tool_call>"), SPACE)
    glm = either(literal("<arg_key>"), literal("</tool_call>"))
    return (
        Sign(opening, call, lambda _: BracketFrame(closer="</tool_call>")),
        _function(known, sequence(opening, literal("<function="))),
        _invoke(known, "<tool_call>"),
        Sign(
            sequence(opening, known, SPACE),
            glm,
            lambda alone: TagFrame(("</tool_call>",), "</arg_value>", alone=alone),
        ),
    )


def _function(known: Matcher, opening: Matcher) -> Sign:
    return Sign(
        sequence(opening, known, literal(">"), SPACE),
        either(literal("<parameter="), literal("</function>")),
        lambda _: TagFrame(("</tool_call>", "</function>"), "</parameter>"),
    )


def _invoke(known: Matcher, wrapper: str) -> Sign:
    around = sequence(literal(wrapper), SPACE) if wrapper else nothing
    return Sign(
        sequence(around, literal('<invoke name="'), known, literal('"'), SPACE, literal(">"), SPACE),
        either(literal("<parameter name="), literal("</invoke>")),
        lambda _: TagFrame(("</invoke>",), "</parameter>"),
    )


def _mistral(known: Matcher, call: Matcher) -> tuple[Sign, ...]:
    identity = maybe(literal("[CALL_ID]"), run(r"\w", 64, 1))
    arguments = literal("[ARGS]")
    more = Sign(
        sequence(known, identity, arguments, SPACE),
        _OBJECT,
        lambda _: BracketFrame(before="[TOOL_CALLS]"),
        Where.CHAINED,
    )
    opening = sequence(literal("[TOOL_CALLS]"), SPACE)
    return (
        Sign(opening, call, _json),
        Sign(sequence(opening, known, identity, maybe(arguments), SPACE), _OBJECT, _json, chain=(more,)),
    )


def _llama(known: Matcher, call: Matcher) -> tuple[Sign, ...]:
    tag = sequence(literal("<|python_tag|>"), SPACE)
    return (
        Sign(tag, call, _json, strays=(*_STRAYS, ";")),
        Sign(tag, sequence(known, literal(".call(")), _python),
        Sign(tag, sequence(literal("["), SPACE, known, literal("(")), _python),
        _python_list(known, sequence(literal("<|python_start|>"), SPACE)),
    )


def _python_list(known: Matcher, before: Matcher) -> Sign:
    return Sign(
        before, sequence(literal("["), SPACE, known, literal("(")), _python, Where.FRESH, doubtful=before is nothing
    )


def _deepseek(known: Matcher) -> Sign:
    mark = literal("<｜tool▁sep｜>")
    head = sequence(
        maybe(literal("<｜tool▁calls▁begin｜>"), SPACE),
        literal("<｜tool▁call▁begin｜>"),
        maybe(literal("function"), mark),
        known,
        maybe(mark),
        SPACE,
        maybe(literal("```json")),
        SPACE,
    )
    return Sign(head, _OBJECT, _json, strays=(*_STRAYS, "```"))


def _kimi(known: Matcher) -> Sign:
    head = sequence(
        maybe(literal("<|tool_calls_section_begin|>"), SPACE),
        literal("<|tool_call_begin|>"),
        SPACE,
        maybe(literal("functions.")),
        known,
        maybe(literal(":"), run("0-9", 9)),
        SPACE,
        literal("<|tool_call_argument_begin|>"),
        SPACE,
    )
    return Sign(head, _OBJECT, _json)


_CHANNEL = sequence(literal("<|channel|>"), SPACE)
_START = maybe(literal("<|start|>"), SPACE, literal("assistant"), SPACE)
_TOOLS_CHANNEL = either(literal("commentary"), literal("analysis"))
_MESSAGE = sequence(
    run(r"\w\s", 64), maybe(literal("<|constrain|>"), run(r"\w\s", 64)), literal("<|message|>")
)  # what type the content has may stand before it


def _harmony(known: Matcher) -> tuple[Sign, ...]:
    """Calls, and the marks between the channels: their text is told by `WrittenFinder`."""
    to = sequence(run(r"\s", 64, 1), literal("to="), maybe(literal("functions.")), known)
    plain = either(_TOOLS_CHANNEL, literal("final"))
    return (
        Sign(sequence(_START, _CHANNEL, _TOOLS_CHANNEL, to, _MESSAGE, SPACE), _OBJECT, _json, harmony=True),
        Sign(sequence(_START, _recipient_first(known)), _OBJECT, _json, harmony=True),
        Sign(sequence(_START, _CHANNEL, plain, _MESSAGE), nothing, None, harmony=True),
        *(
            Sign(literal(mark), nothing, None, Where.HARMONY, harmony=True)
            for mark in ("<|end|>", "<|return|>", "<|call|>")
        ),
    )


def _recipient_first(known: Matcher) -> Matcher:
    to = sequence(literal("to="), maybe(literal("functions.")), known, SPACE)
    return sequence(to, _CHANNEL, _TOOLS_CHANNEL, _MESSAGE, SPACE)


def _harmony_early(known: Matcher) -> Sign:
    return Sign(_recipient_first(known), _OBJECT, _json, Where.FRESH, harmony=True)


def _react(known: Matcher) -> Sign:
    blank = run(r" \t", 16)
    head = sequence(
        literal("Action:"), blank, known, blank, maybe(literal("\r")), literal("\n"), literal("Action Input:"), SPACE
    )
    return Sign(head, _OBJECT, _json, Where.LINE, (*_STRAYS, "Observation:"), doubtful=True)


def _fenced(call: Matcher) -> Sign:
    return Sign(sequence(_FENCE, SPACE), call, _loose, strays=(*_STRAYS, "```"), doubtful=True)
