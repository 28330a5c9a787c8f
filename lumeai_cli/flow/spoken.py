"""A sentence of lumeai's own as an answer that the client shows, and ends its turn with, in the protocol it speaks."""

import json
import re

from lumeai_cli.repair import chunk as shape
from lumeai_cli.repair.chunk import CHUNK, COMPLETION, Json
from lumeai_cli.repair.wanted import Wanted
from lumeai_cli.wire.answer import ToolCall

CLOSING = "attempt_completion"
"""The tool with which the agents of Kilo's, Roo's and Cline's families end a task; without it they ask for more."""

MODEL = "lumeai-builtin"


def spoken(text: str, wanted: Wanted, model: str = "") -> bytes:
    """The whole body: an event stream, or one completion."""
    return b"".join(spoken_pieces([text], wanted, model))


def spoken_pieces(texts: list[str], wanted: Wanted, model: str = "") -> list[bytes]:
    """The same in pieces, one for each text; a completion is one piece."""
    call = _call("".join(texts), wanted)
    if call is None and wanted.xml_tool(CLOSING) is not None and wanted.xml:
        said = [_harmless(text, wanted) for text in texts]
        texts = [f"<{CLOSING}>\n<result>\n", *said, f"\n</result>\n</{CLOSING}>"]
    envelope = {"id": f"chatcmpl-{wanted.seed or 'lumeai'}", "created": 0, "model": model or MODEL}
    finish = "tool_calls" if call is not None else "stop"
    if not wanted.stream:
        message: Json = {"role": "assistant", "content": None if call is not None else "".join(texts)}
        if call is not None:
            message["tool_calls"] = [shape.call_entry(call)]
        around = shape.envelope_of(envelope, COMPLETION, wanted.seed)
        counted = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return [shape.encoded({**around, "choices": [choice], "usage": counted})]
    around = shape.envelope_of(envelope, CHUNK, wanted.seed)
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    if call is not None:
        deltas.append({"tool_calls": [shape.call_entry(call, 0)]})
    else:
        deltas += [{"content": text} for text in texts]
    pieces = [shape.event(shape.chunk(around, delta)) for delta in deltas]
    return [*pieces, shape.event(shape.chunk(around, {}, finish)), shape.DONE]


def _harmless(text: str, wanted: Wanted) -> str:
    """The text in which no tag of the agent's own begins: what a server said is quoted there, and must call nothing."""
    names = {"result", *(name for tool in wanted.xml_tools for name in (tool.name, *tool.parameters))}
    return re.sub(rf"<(?=/?(?:{'|'.join(map(re.escape, sorted(names)))})\b)", "< ", text)


def _call(text: str, wanted: Wanted) -> ToolCall | None:
    """The call that ends a native agent's task, if it has such a tool and that takes a text."""
    schema = wanted.tools.get(CLOSING)
    if schema is None:
        return None
    required = schema.get("required")
    names = required if isinstance(required, list) and required else ["result"]
    if names != ["result"]:
        return None
    (call,) = shape.named([ToolCall("", CLOSING, json.dumps({"result": text}, ensure_ascii=False))], wanted.seed)
    return call
