"""The JSON shapes of OpenAI's chat API, as a healthy server writes them.

Everything is fixed or derived from the request, so that the same question always gives the same bytes.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping

from lumeai_cli.lab.model import Reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import DONE, sse

MODEL = "lab-model"
CREATED = 1_700_000_000
# Tokens that a chat template adds to every prompt.
TEMPLATE_TOKENS = 8

Shape = dict[str, object]

_PIECE = re.compile(r"\s*\S+(?:\s+\S+){0,2}\s*")
_ARGUMENT_PIECE = 12


def completion_id(request: LabRequest) -> str:
    """The id of the answer to this request."""
    return f"chatcmpl-lab{zlib.crc32(request.body):08x}"


def prompt_tokens(request: LabRequest) -> int:
    """The tokens of the messages and the tools, four characters a token."""
    return TEMPLATE_TOKENS + (request.prompt_chars + request.tools_chars) // 4


def usage(request: LabRequest, completion_chars: int) -> Shape:
    """Token counts that grow with the messages, the tools and the answer, four characters a token."""
    prompt = prompt_tokens(request)
    completion = -(-completion_chars // 4)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def model_entry(name: str = MODEL) -> Shape:
    """One model, as the list of models shows it."""
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "lab"}


def message(reply: Reply) -> Shape:
    """The assistant's message of a plain completion."""
    if not reply.calls:
        return {"role": "assistant", "content": reply.text}
    return {"role": "assistant", "content": reply.text or None, "tool_calls": whole_calls(reply)}


def whole_calls(reply: Reply) -> list[Shape]:
    """The tool calls as a plain completion shows them."""
    return [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in reply.calls
    ]


def numbered(calls: Iterable[Shape]) -> list[Shape]:
    """Whole tool calls with the index that a stream wants."""
    return [{"index": index, **call} for index, call in enumerate(calls)]


def completion_of(request: LabRequest, said: Mapping[str, object], finish: str, size: int) -> Shape:
    """The body of a plain completion around any message."""
    return {
        "id": completion_id(request),
        "object": "chat.completion",
        "created": CREATED,
        "model": request.model or MODEL,
        "choices": [{"index": 0, "message": dict(said), "logprobs": None, "finish_reason": finish}],
        "usage": usage(request, size),
    }


def completion(request: LabRequest, reply: Reply) -> Shape:
    """The body of a plain completion."""
    return completion_of(request, message(reply), reply.finish, reply.size)


def chunk_of(request: LabRequest, choices: list[Shape]) -> Shape:
    """A stream's chunk around any choices."""
    return {
        "id": completion_id(request),
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": request.model or MODEL,
        "choices": choices,
    }


def chunk(request: LabRequest, delta: Mapping[str, object], finish: str | None = None) -> Shape:
    """One chunk of a stream."""
    return chunk_of(request, [{"index": 0, "delta": dict(delta), "logprobs": None, "finish_reason": finish}])


def opening(request: LabRequest) -> Shape:
    """The chunk that names the role and says nothing yet."""
    return chunk(request, {"role": "assistant", "content": ""})


def text_deltas(text: str, key: str = "content") -> list[Shape]:
    """A text in pieces of a few words each; joined they are the text."""
    return [{key: piece} for piece in _PIECE.findall(text)] or ([{key: text}] if text else [])


def call_pieces(reply: Reply) -> Iterator[Shape]:
    """The tool calls as OpenAI streams them: id and name first, then the arguments in pieces."""
    for index, call in enumerate(reply.calls):
        function = {"name": call.name, "arguments": ""}
        yield {"index": index, "id": call.id, "type": "function", "function": function}
        for piece in pieces(call.arguments):
            yield {"index": index, "function": {"arguments": piece}}


def pieces(arguments: str) -> list[str]:
    """The arguments of a call in pieces."""
    return [arguments[start : start + _ARGUMENT_PIECE] for start in range(0, len(arguments), _ARGUMENT_PIECE)]


def deltas(reply: Reply) -> list[Shape]:
    """All that is said, in pieces: the text, then the calls."""
    calls: list[Shape] = [{"tool_calls": [piece]} for piece in call_pieces(reply)]
    return [*text_deltas(reply.text), *calls]


def contents(request: LabRequest, reply: Reply) -> list[Shape]:
    """The chunks before the finish: role, text, calls."""
    return [opening(request), *(chunk(request, delta) for delta in deltas(reply))]


def chunks(request: LabRequest, reply: Reply) -> list[Shape]:
    """A healthy stream's chunks: role, content, finish, and usage if it was asked for."""
    return [*contents(request, reply), *closing(request, reply.finish, reply.size)]


def closing(request: LabRequest, finish: str, size: int) -> list[Shape]:
    """The chunks after the content: finish, and usage if it was asked for."""
    last = [chunk(request, {}, finish)]
    if request.wants_usage:
        last.append({**chunk_of(request, []), "usage": usage(request, size)})
    return last


def framed(said: Iterable[Shape]) -> list[bytes]:
    """An event stream of these chunks, frame by frame, with its [DONE]."""
    return [*map(sse, said), DONE]


def frames(request: LabRequest, reply: Reply) -> list[bytes]:
    """A healthy event stream, frame by frame."""
    return framed(chunks(request, reply))
