"""Reads the OpenAI chat dialect: one frame in, the events that it says out, its oddities beside them.

Streamed chunks (`delta`) and whole completions (`message`) are read by the same code: a server may send either where
the other is due, and what could be understood is told all the same, with `via` saying where it stood.
Field sources: OpenAI API reference; for the deviations: facts measured 2026-11 with G4F 8.8.6, llama.cpp b11549,
and read in Ollama fb307609.

An object without `choices` that has the marks of Ollama's or Anthropic's own API is read as what it is, whatever was
asked, and tells `NO_CHOICES` and `FOREIGN_DIALECT` besides: a frame does not know what was asked, a `Reading` does.
"""

from typing import Any

from lumeai_cli.wire import anthropic, ollama
from lumeai_cli.wire.body import BrokenJsonError, loads
from lumeai_cli.wire.event import (
    BackendError,
    CallPart,
    Done,
    Event,
    Finish,
    KeepAlive,
    Odd,
    OddKind,
    Reasoning,
    Refusal,
    Started,
    Text,
    Usage,
    Via,
)
from lumeai_cli.wire.exchange import Dialect
from lumeai_cli.wire.frame import Frame, FrameKind
from lumeai_cli.wire.value import count, failure, shown

REASONING_FIELDS = ("reasoning_content", "reasoning")
"""vLLM renamed the first to the second after 0.15.1; Ollama and G4F use the second, llama.cpp the first."""

_EVENT = FrameKind.EVENT
_SILENT = frozenset({FrameKind.COMMENT, FrameKind.HTML, FrameKind.OVERSIZE})


def events_of(frame: Frame, number: int) -> list[Event]:
    """What the frame with this number says. Frames that no SSE client acts on tell what they hold, too."""
    out: list[Event] = []
    _read(frame, number, out)
    return out


def _read(frame: Frame, number: int, out: list[Event]) -> None:
    # Every reader below appends to one list: this is the hot path, and a chain of generators costs a fifth of it.
    at = frame.at
    if frame.kind is not _EVENT:
        if frame.kind is FrameKind.COMMENT:
            out.append(KeepAlive(number, at))
        if frame.kind in _SILENT:
            return
    elif frame.done:
        out.append(Done(number, at))
        return
    if frame.kind is not FrameKind.JUNK and not frame.data.isascii():
        _not_utf8(frame, number, out)
    try:
        value = loads(frame.data)
    except BrokenJsonError as error:
        # By the standard an event without a data line (`retry:` alone, say) is none.
        if frame.kind is FrameKind.EVENT and frame.lines:
            out.append(Odd(number, at, *_broken(frame, error)))
        return
    if isinstance(value, dict):
        _object(value, frame, number, out)
    elif frame.kind is not FrameKind.JUNK:
        out.append(Odd(number, at, OddKind.NOT_AN_OBJECT, shown(value)))
        # Gemini's endpoint for OpenAI's clients puts the body of an error into a list.
        if frame.kind is FrameKind.JSON and isinstance(value, list) and len(value) == 1:
            inner = value[0].get("error") if isinstance(value[0], dict) else None
            if inner is not None:
                out.append(failure(inner, number, at))


def _not_utf8(frame: Frame, number: int, out: list[Event]) -> None:
    try:
        frame.data.decode()
    except UnicodeDecodeError as error:
        out.append(Odd(number, frame.at, OddKind.INVALID_UTF8, f"{error.reason} at byte {error.start}"))


def _broken(frame: Frame, error: BrokenJsonError) -> tuple[OddKind, str]:
    if frame.lines > 1 and all(_is_json(line) for line in frame.data.split(b"\n")[:8] if line != b"[DONE]"):
        return OddKind.SEVERAL_IN_ONE, f"{frame.lines} data lines"
    return OddKind.BROKEN_JSON, str(error)


def _is_json(line: bytes) -> bool:
    try:
        loads(line)
    except BrokenJsonError:
        return False
    return True


def _object(value: dict[str, Any], frame: Frame, number: int, out: list[Event]) -> None:
    at = frame.at
    if "choices" not in value and _foreign(value, frame, number, out):
        return
    if "error" in value:
        error = value["error"]
        if error is None:
            out.append(Odd(number, at, OddKind.ERROR_NULL))
        else:
            out.append(failure(error, number, at))
    elif frame.name == "error" or value.get("object") == "error":
        # vLLM up to 0.10 puts message, type and code at the top level.
        out.append(BackendError(number, at, str(value.get("message") or shown(value)), shape="event"))
        if frame.name == "error":
            out.append(Odd(number, at, OddKind.EVENT_ERROR, shown(value)))
        return
    usage = value.get("usage")
    if isinstance(usage, dict):
        _usage(usage, number, at, out)
    elif usage is not None:
        out.append(Odd(number, at, OddKind.BAD_USAGE, shown(usage)))
    choices = value.get("choices")
    if choices is None and "choices" not in value:
        if "error" not in value:
            out.append(_no_choices(value, number, at))
        return
    if not isinstance(choices, list) or (choices and not isinstance(choices[0], dict)):
        out.append(Odd(number, at, OddKind.BAD_CHOICES, shown(choices)))
        return
    if not choices:
        out.append(Odd(number, at, OddKind.EMPTY_CHOICES))
        return
    _choice(choices[0], str(value.get("model") or ""), frame, number, out)


def _foreign(value: dict[str, Any], frame: Frame, number: int, out: list[Event]) -> bool:
    """Reads an object of another dialect, and says whether it was one."""
    if frame.name == "error" and "error" not in value:
        return False  # an error, whatever it looks like
    if anthropic.speaks(value):
        dialect, tell = Dialect.ANTHROPIC, anthropic.tell
    elif ollama.speaks(value):
        dialect, tell = Dialect.OLLAMA, ollama.tell
    else:
        return False
    if "error" not in value:
        out.append(_no_choices(value, number, frame.at))
    out.append(Odd(number, frame.at, OddKind.FOREIGN_DIALECT, dialect))
    tell(value, number, frame.at, out)
    return True


def _no_choices(value: dict[str, Any], number: int, at: float) -> Odd:
    return Odd(number, at, OddKind.NO_CHOICES, ", ".join(list(value)[:12]))


def _choice(choice: dict[str, Any], model: str, frame: Frame, number: int, out: list[Event]) -> None:
    at = frame.at
    streamed = frame.kind is not FrameKind.JSON
    delta, message = choice.get("delta"), choice.get("message")
    if isinstance(delta, dict):
        _said(delta, model, Via.DELTA, number, at, out)
        if not streamed:
            out.append(Odd(number, at, OddKind.DELTA_FOR_MESSAGE))
    elif isinstance(message, dict):
        _said(message, model, Via.MESSAGE, number, at, out)
        if streamed:
            out.append(Odd(number, at, OddKind.MESSAGE_FOR_DELTA))
    elif isinstance(choice.get("text"), str):
        out.append(Odd(number, at, OddKind.LEGACY_TEXT))
        if choice["text"]:
            out.append(Text(number, at, choice["text"], Via.TEXT))
    elif streamed and "finish_reason" not in choice:
        out.append(Odd(number, at, OddKind.NO_DELTA, ", ".join(list(choice)[:12])))
    if choice.get("finish_reason"):
        out.append(Finish(number, at, str(choice["finish_reason"])))


def _said(said: dict[str, Any], model: str, via: Via, number: int, at: float, out: list[Event]) -> None:
    """The contents of a delta or a message."""
    if "role" in said and said["role"] is not None:
        role = said["role"]
        if role != "assistant":
            out.append(Odd(number, at, OddKind.FOREIGN_ROLE, shown(role)))
        out.append(Started(number, at, str(role), model))
    for field in REASONING_FIELDS:
        if isinstance(said.get(field), str) and said[field]:
            out.append(Reasoning(number, at, said[field], field))
            break
    content = said.get("content")
    if isinstance(content, str):
        if content:
            out.append(Text(number, at, content, via))
    elif isinstance(content, list):
        out.append(Odd(number, at, OddKind.CONTENT_PARTS, shown(content)))
        text = "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
        if text:
            out.append(Text(number, at, text, Via.PARTS))
    elif content is not None:
        out.append(Odd(number, at, OddKind.BAD_CONTENT, shown(content)))
    if isinstance(said.get("refusal"), str) and said["refusal"]:
        out.append(Refusal(number, at, said["refusal"]))
    call = said.get("function_call")
    if isinstance(call, dict):
        out.append(Odd(number, at, OddKind.FUNCTION_CALL))
        arguments = call.get("arguments")
        out.append(
            CallPart(
                number,
                at,
                0,
                "",
                str(call.get("name") or ""),
                arguments if isinstance(arguments, str) else "",
                Via.FUNCTION_CALL,
            )
        )
    calls = said.get("tool_calls")
    if calls is not None:
        _calls(calls, via, number, at, out)


def _calls(calls: Any, via: Via, number: int, at: float, out: list[Event]) -> None:
    if not isinstance(calls, list):
        out.append(Odd(number, at, OddKind.BAD_CALLS, shown(calls)))
        return
    for place, call in enumerate(calls):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            out.append(Odd(number, at, OddKind.BAD_CALLS, shown(call)))
            continue
        slot, identity, name = call.get("index"), call.get("id"), function.get("name")
        if not isinstance(slot, int):
            if via is Via.DELTA:
                out.append(Odd(number, at, OddKind.CALL_NO_INDEX))
            slot = place
        # Only a piece with a name surely begins a call: later ones come with a null or empty id from healthy servers.
        if name and identity is None:
            out.append(Odd(number, at, OddKind.CALL_NO_ID))
        elif name and identity == "":
            out.append(Odd(number, at, OddKind.CALL_EMPTY_ID))
        elif identity is not None and not isinstance(identity, str):
            out.append(Odd(number, at, OddKind.CALL_BAD_ID, shown(identity)))
        if identity and not name:
            out.append(Odd(number, at, OddKind.CALL_NO_NAME))
        arguments = function.get("arguments")
        if arguments is not None and not isinstance(arguments, str):
            out.append(Odd(number, at, OddKind.CALL_BAD_ARGUMENTS, shown(arguments)))
            arguments = shown(arguments)
        out.append(
            CallPart(number, at, slot, "" if identity is None else str(identity), str(name or ""), arguments or "", via)
        )


def _usage(usage: dict[str, Any], number: int, at: float, out: list[Event]) -> None:
    counts = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
    if any(count is not None and (not isinstance(count, int | float) or isinstance(count, bool)) for count in counts):
        out.append(Odd(number, at, OddKind.BAD_USAGE, shown(usage)))
    details = usage.get("completion_tokens_details")
    thinking = details.get("reasoning_tokens") if isinstance(details, dict) else None
    out.append(Usage(number, at, count(counts[0]), count(counts[1]), count(thinking)))
