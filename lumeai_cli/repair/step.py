"""The repairs by name: what each does, and how far it reaches."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from lumeai_cli.wire.event import OddKind


class Reach(StrEnum):
    """How much of an answer a repair needs before it can work."""

    FRAME = "frame"  # one frame by itself, as it passes
    TAIL = "tail"  # the end, when it has come
    WHOLE = "whole"  # a piece that is held until it is complete: a body, a call


@dataclass(frozen=True, slots=True)
class Repair:
    """One step: its permanent name, its reach, and what it does, for the log and the docs."""

    name: str
    reach: Reach
    does: str


JSON_TO_SSE = Repair("json-to-sse", Reach.WHOLE, "one JSON body becomes an event stream")
SSE_TO_JSON = Repair("sse-to-json", Reach.WHOLE, "an event stream becomes one JSON body")
LINES_TO_SSE = Repair("ndjson-to-sse", Reach.FRAME, "lines of JSON become events")
DIALECT = Repair("dialect", Reach.FRAME, "Ollama's or Anthropic's own dialect becomes OpenAI's")
NEWLINES = Repair("single-newlines", Reach.FRAME, "events that only one newline parts are parted by a blank line")
UNTERMINATED = Repair("unterminated-event", Reach.TAIL, "the last event gets the blank line that makes it one")
DONE = Repair("done", Reach.TAIL, "[DONE] is added behind a finish reason")
FINISH = Repair("finish-reason", Reach.TAIL, "a finish reason is added before [DONE], or put into OpenAI's words")
ROLE = Repair("role", Reach.FRAME, "the first delta names the assistant's role, and no delta another")
ERROR_NULL = Repair("error-null", Reach.FRAME, 'an `"error"` that is null or empty is taken out')
MESSAGE = Repair("message", Reach.FRAME, "`message` becomes `delta`, or the other way round")
TEXT = Repair("text", Reach.FRAME, "the old field `text` becomes `content`")
PARTS = Repair("content-parts", Reach.FRAME, "a list of parts becomes one text")
REFUSAL = Repair("refusal", Reach.TAIL, "a refusal in a field that nobody shows is told as the text")
USAGE = Repair("usage", Reach.FRAME, "token counts become numbers")
SCHEMA = Repair("chunk-schema", Reach.FRAME, "a chunk gets the fields that clients demand")
BYTE_ORDER_MARK = Repair("byte-order-mark", Reach.FRAME, "a byte order mark, for which SDKs lose the first event, goes")
UTF8 = Repair("utf-8", Reach.FRAME, "bytes that are no UTF-8 become the sign for that")
DROPPED = Repair("frame-dropped", Reach.FRAME, "a frame that says nothing, and on which clients fail, is left out")
REASONING = Repair("reasoning", Reach.FRAME, "thoughts stand under both names, `reasoning` and `reasoning_content`")
THINK = Repair("think-tag", Reach.FRAME, "a thought in `<think>` at the head of the text moves into its own field")
UNCLOSED = Repair("think-unclosed", Reach.TAIL, "what stands behind a `<think>` that is never closed is told as text")
FUNCTION_CALL = Repair("function-call", Reach.WHOLE, "the old `function_call` becomes `tool_calls`")
CALL_SHAPE = Repair("call-shape", Reach.WHOLE, "a call gets its index, id, type and name where clients need them")
ARGUMENTS = Repair("call-arguments", Reach.WHOLE, "arguments become the JSON text of an object")
CALL_TO_XML = Repair("call-to-xml", Reach.WHOLE, "a native call becomes the tags that a classic client reads")
TEXT_TO_CALL = Repair("text-to-call", Reach.WHOLE, "a call that stands in the text becomes a native one")
TEXT_TO_XML = Repair("text-to-xml", Reach.WHOLE, "a call that stands in the text becomes the tags of a classic client")
CHOICES = Repair("choices", Reach.FRAME, "several choices in one chunk get a chunk each")
SPLIT = Repair("chunk-split", Reach.FRAME, "what one chunk says at once is told in several")
MARKS = Repair("template-marks", Reach.FRAME, "marks of a chat template that stand around the text go")

REPAIRS: Mapping[str, Repair] = MappingProxyType(
    {value.name: value for value in list(globals().values()) if isinstance(value, Repair)}
)

MENDED_BY: Mapping[OddKind, Repair] = MappingProxyType(
    {
        OddKind.FOREIGN_DIALECT: DIALECT,
        OddKind.ERROR_NULL: ERROR_NULL,
        OddKind.MESSAGE_FOR_DELTA: MESSAGE,
        OddKind.DELTA_FOR_MESSAGE: MESSAGE,
        OddKind.LEGACY_TEXT: TEXT,
        OddKind.CONTENT_PARTS: PARTS,
        OddKind.FOREIGN_ROLE: ROLE,
        OddKind.BAD_USAGE: USAGE,
        OddKind.NO_CHOICES: SCHEMA,
        OddKind.BAD_CHOICES: SCHEMA,
        OddKind.NO_DELTA: SCHEMA,
        OddKind.BAD_CONTENT: SCHEMA,
        OddKind.INVALID_UTF8: UTF8,
        OddKind.FUNCTION_CALL: FUNCTION_CALL,
        OddKind.CALL_NO_ID: CALL_SHAPE,
        OddKind.CALL_EMPTY_ID: CALL_SHAPE,
        OddKind.CALL_BAD_ID: CALL_SHAPE,
        OddKind.CALL_NO_INDEX: CALL_SHAPE,
        OddKind.CALL_NO_NAME: CALL_SHAPE,
        OddKind.CALL_BAD_ARGUMENTS: ARGUMENTS,
        OddKind.BAD_CALLS: CALL_SHAPE,
    }
)
"""Which repair takes an oddity away. A chunk of another dialect has no choices, too, and only its dialect is mended."""


def repairs_of(odd: Iterable[OddKind]) -> tuple[Repair, ...]:
    """The repairs that take these oddities away, in the order in which they stand here."""
    kinds = set(odd)
    if OddKind.FOREIGN_DIALECT in kinds:
        kinds -= {OddKind.NO_CHOICES}
    return tuple(dict.fromkeys(MENDED_BY[kind] for kind in MENDED_BY if kind in kinds))
