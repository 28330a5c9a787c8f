"""Two sick specimens as one server, where one server can have both faults.

A specimen is a healthy server with one part replaced. `combined` takes the parts that one has replaced and leaves the
rest to the other; where both replaced the same part, one may work on what the other made: a model on a model's reply, a
framing on another's frames, a dialect on another's chunks. Where that is impossible, the two cannot occur together.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import permutations
from types import FunctionType
from typing import Any

from lumeai_cli.clients import request as requests
from lumeai_cli.clients.request import ChatRequest
from lumeai_cli.doctor.question import made_up_result
from lumeai_cli.lab import SPECIMENS
from lumeai_cli.lab.api import CHAT, MODELS, Api, healthy_plain, healthy_stream
from lumeai_cli.lab.model import Reply
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Script, Send, Step
from tests.lab_pairs.order import place

Respond = Callable[[LabRequest], Script]
Shape = dict[str, Any]

HEALTHY = Api()

REFRAMING = ("broken-json-frame", "single-newline-framing", "stream-cut", "wrong-content-type")
"""They work on the frames of any event stream."""

RESHAPING = ("bad-chunk-schema", "missing-finish-reason", "ndjson-for-sse", "unframed-error-in-stream")
"""They work on the chunks of any event stream, and frame them anew."""

WRONG_BASES = {"base-url-missing-v1": f"/v1{CHAT}", "base-url-extra-v1": CHAT.removeprefix("/v1")}
"""Where the chat is, seen from the base URL that these specimens show."""

AGENT_SIZED = frozenset({"body-too-large", "context-exceeded", "context-truncated", "context-window-small"})
"""Faults that a short prompt does not show."""

LARGE = 30_000  # characters of a prompt that only an agent sends


class IncompatibleError(ValueError):
    """One of two faults leaves nothing to the other."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A server with the faults of both specimens; `asked` notes what it was asked."""

    one: str
    other: str
    respond: Respond
    asked: list[LabRequest] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its place in a lab."""
        return f"{self.one}--{self.other}"

    @property
    def large(self) -> bool:
        """Whether it takes an agent's own request to see both faults."""
        return not AGENT_SIZED.isdisjoint((self.one, self.other))

    def __call__(self, request: LabRequest) -> Script:
        """The answer to this request, which is noted."""
        self.asked.append(request)
        return self.respond(request)


def pairs() -> list[Pair]:
    """Every two listed specimens that can occur together, once, or twice where it matters which works on which.

    Left out are servers of which every answer is that of one specimen alone: there is nothing to be seen of the other,
    and the doctor, who sees answers only, cannot claim it.
    """
    sick = {name: specimen.respond for name, specimen in SPECIMENS.items() if not specimen.healthy}
    alone = {name: _answers(respond) for name, respond in sick.items()}
    seen: set[tuple[frozenset[str], tuple[tuple[Step, ...], ...]]] = set()
    found: list[Pair] = []
    for one, other in permutations(sick, 2):
        try:
            respond = combined(one, sick[one], other, sick[other])
            answers = _answers(respond)
        except ValueError:
            continue
        mark = frozenset({one, other}), answers
        if answers in (alone[one], alone[other]) or mark in seen:
            continue
        seen.add(mark)
        found.append(Pair(one, other, respond))
    return found


def combined(name: str, one: Respond, second: str, other: Respond) -> Respond:
    """The specimen with the first name over the one with the second, or `IncompatibleError`."""
    if not isinstance(other, Api):
        raise IncompatibleError(f"{name}: the other is no server made of parts")
    if name in WRONG_BASES and second == "redirected":
        raise IncompatibleError("an endpoint that leads elsewhere is the API at no URL")
    names: Mapping[str, object] = {"_API": other}
    if not isinstance(one, Api):
        return _rebound(one, names)
    return Api(
        stream=_stream(name, one, other),
        plain=_plain(one, other),
        models=other.models if one.models is HEALTHY.models else one.models,
        model=other.model if one.model is HEALTHY.model else _rebound(one.model, {"reply": other.model}),
        guard=_guard(name, one, other, second),
        otherwise=other.otherwise if one.otherwise is HEALTHY.otherwise else one.otherwise,
    )


def _guard(name: str, one: Api, other: Api, second: str) -> Callable[[LabRequest], Script | None]:
    """Two guards in a row. Servers ask for the key first, then for the model, then they weigh what was sent."""
    if one.guard is HEALTHY.guard:
        return other.guard
    if other.guard is HEALTHY.guard:
        return one.guard
    if place(name) > place(second):
        raise IncompatibleError(f"{second} is asked before {name}")
    return lambda request: one.guard(request) or other.guard(request)


def _stream(name: str, one: Api, other: Api) -> Any:
    if one.stream is HEALTHY.stream:
        return other.stream
    if one.stream is healthy_plain:
        return _completing(other)
    if other.stream is HEALTHY.stream:
        return one.stream

    def frames(request: LabRequest, said: Reply) -> list[bytes]:
        return frames_of(other.stream(request, said), least=1 if name == "wrong-content-type" else 2)

    def chunks(request: LabRequest, said: Reply) -> list[Shape]:
        return chunks_of(frames(request, said))

    def contents(request: LabRequest, said: Reply) -> list[Shape]:
        return contents_of(chunks(request, said))

    if name in REFRAMING:
        return _rebound(one.stream, {"frames": frames})
    if name in RESHAPING:
        return _rebound(one.stream, {"chunks": chunks, "contents": contents})
    return _elsewhere(one.stream, other)


def _plain(one: Api, other: Api) -> Any:
    if one.plain is HEALTHY.plain:
        return other.plain
    if one.plain is healthy_stream:
        return _streaming(other)
    return _elsewhere(one.plain, other)


def _completing(other: Api) -> Any:
    """A stream answered by the other's plain body, if that is a completion."""

    def answer(request: LabRequest, said: Reply) -> Script:
        script = tuple(other.plain(request, said))
        if not any(isinstance(step, Send) and b'"choices"' in step.data for step in script):
            raise IncompatibleError("what is no completion is told by its own name")
        return script

    return answer


def _streaming(other: Api) -> Any:
    """A plain question answered by the other's stream, if one can see that it is one."""

    def answer(request: LabRequest, said: Reply) -> Script:
        script = tuple(other.stream(request, said))
        frames_of(script, least=0)
        return script

    return answer


def _elsewhere(answer: Any, other: Api) -> Any:
    """An answer that is sick only where the model calls a tool leaves the rest to the other."""
    return _rebound(answer, {"healthy_stream": other.stream, "healthy_plain": other.plain})


def _rebound(function: Any, names: Mapping[str, object]) -> Any:
    """The same function, with these globals of its module being others."""
    if not isinstance(function, FunctionType) or names.keys().isdisjoint(function.__code__.co_names):
        return function
    code, scope = function.__code__, {**function.__globals__, **names}
    return FunctionType(code, scope, function.__name__, function.__defaults__, function.__closure__)


def frames_of(script: Script, least: int) -> list[bytes]:
    """The frames of an event stream, one an HTTP chunk, as the lab writes them; at least so many, and an event."""
    data = b"".join(step.data for step in script if isinstance(step, Send))
    head, _, rest = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200") or b"chunked" not in head:
        raise IncompatibleError("it does not stream")
    frames: list[bytes] = []
    while rest:
        length, _, rest = rest.partition(b"\r\n")
        size = int(length, 16)
        if size and len(rest) < size + 2:
            raise IncompatibleError("the stream is cut")
        frames += [rest[:size]] if size else []
        rest = rest[size + 2 :]
    if len(frames) < least or not any(frame.startswith(b"data:") for frame in frames):
        raise IncompatibleError("too little of an event stream")
    if not all(frame.startswith((b"data:", b":")) for frame in frames):
        raise IncompatibleError("not all of it is an event stream")
    return frames


def chunks_of(frames: list[bytes]) -> list[Shape]:
    """The JSON of these frames, of which each must be a whole event."""
    if not all(frame.startswith(b"data: ") and frame.endswith(b"\n\n") for frame in frames):
        raise IncompatibleError("framed anew, the other's framing is lost")
    said = [frame[6:].strip() for frame in frames]
    chunks = [json.loads(text) for text in said if text != b"[DONE]"]
    if len(chunks) < 2:
        raise IncompatibleError("too few chunks to be shaped anew")
    return chunks


def contents_of(chunks: list[Shape]) -> list[Shape]:
    """The chunks before the finish reason; some content must be left, for without any it is another fault."""
    choices = [chunk["choices"][0] for chunk in chunks if chunk.get("choices")]
    deltas = [choice.get("delta") or {} for choice in choices if not choice.get("finish_reason")]
    if not any(delta.get("tool_calls") or isinstance(delta.get("content") or None, str) for delta in deltas):
        raise IncompatibleError("without its last chunk nothing is left")
    return [chunk for chunk in chunks if chunk.get("choices") and not chunk["choices"][0].get("finish_reason")]


@cache
def samples() -> tuple[LabRequest, ...]:
    """What a doctor may ask, for comparing servers before anybody asks."""
    prompts = (
        requests.simple("Reply with exactly one word: maple"),
        requests.simple("What is 17 + 25? Reply with the number only."),
        requests.small_xml(),
        requests.small_native(),
        requests.agent_xml(),
        requests.agent_native(),
        made_up_result(requests.small_native()),
    )
    asked = [LabRequest("GET", MODELS, specimen="x")]
    asked += [_posted(prompt, stream=stream) for prompt in prompts for stream in (True, False)]
    elsewhere = [replace(request, path=path) for path in WRONG_BASES.values() for request in asked[1:]]
    return (*asked, replace(asked[1], earlier=1), *elsewhere)


def _posted(prompt: ChatRequest, *, stream: bool) -> LabRequest:
    body = json.dumps(prompt.body("lab-model", stream=stream)).encode()
    return LabRequest("POST", CHAT, {}, body, json.loads(body), "x")


def _answers(respond: Respond) -> tuple[tuple[Step, ...], ...]:
    return tuple(tuple(respond(request)) for request in samples())


def differs(one: Respond, other: Respond, request: LabRequest) -> bool:
    """Whether two servers give this request different answers."""
    return list(one(request)) != list(other(request))


def is_chat(pair: Pair, request: LabRequest) -> bool:
    """Whether a conversation was asked for, at the URL as it was given or where a wrong one would have worked."""
    return request.method == "POST" and request.path in (CHAT, WRONG_BASES.get(pair.one, CHAT))


def is_text(request: LabRequest) -> bool:
    """Whether it is the turn of plain text that every client is judged by."""
    return "maple" in request.last_user_text and len(request.body) < 4096


def is_agents(request: LabRequest, *, large: bool) -> bool:
    """Whether it stands for an agent's own request: the large ones where they are asked, else the short ones."""
    offers = bool(request.tools) or "<read_file>" in request.system_text
    begun = not any(role in {"assistant", "tool"} for role, _ in request.messages)
    return offers and begun and (request.prompt_chars + request.tools_chars > LARGE) is large


TEXTS = frozenset({"canned-answer", "plain-text-instead-of-tool", "quota-text-as-answer", "think-tag-swallows-answer"})
"""Faults of what the model says in words."""

UNHEARD = frozenset({"content-not-a-string", "legacy-text-field", "reasoning-only"})
"""Faults by which no word of the model is heard: what it would have said is no answer yet."""


def hurting(pair: Pair, name: str, felt: Iterable[LabRequest]) -> bool:
    """Whether this fault, felt in these requests, can keep an answer from a client."""
    if name in TEXTS and not UNHEARD.isdisjoint((pair.one, pair.other)):
        return False
    if name == "tool-result-rejected":
        return any(felt)
    words_are_an_answer = name in TEXTS - {"think-tag-swallows-answer"}
    return any(
        is_agents(request, large=pair.large) or (is_text(request) and not words_are_an_answer) for request in felt
    )
