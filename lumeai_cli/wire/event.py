"""What an answer says, one thing at a time, in any dialect: the common language of folds, profiles and repairs."""

from dataclasses import dataclass
from enum import StrEnum


class Via(StrEnum):
    """Under which field a piece of an answer came: a lenient reader takes them all, most clients take `DELTA` only."""

    DELTA = "delta"
    MESSAGE = "message"
    TEXT = "text"  # the legacy completions field
    PARTS = "parts"  # content as a list of parts
    FUNCTION_CALL = "function_call"  # the legacy field
    OLLAMA = "ollama"  # the `message` of Ollama's own API
    ANTHROPIC = "anthropic"  # the content blocks of Anthropic's own API


class OddKind(StrEnum):
    """What is unusual about a frame. Some clients fail on it, others do not care: the profiles know."""

    BROKEN_JSON = "broken-json"
    NOT_AN_OBJECT = "not-an-object"
    SEVERAL_IN_ONE = "several-in-one"  # single newlines between events: their data lines melt into one
    INVALID_UTF8 = "invalid-utf8"
    NO_CHOICES = "no-choices"  # the field is missing
    FOREIGN_DIALECT = "foreign-dialect"  # it speaks Ollama's or Anthropic's own API
    EMPTY_CHOICES = "empty-choices"
    BAD_CHOICES = "bad-choices"  # another type
    NO_DELTA = "no-delta"
    MESSAGE_FOR_DELTA = "message-for-delta"
    DELTA_FOR_MESSAGE = "delta-for-message"
    LEGACY_TEXT = "legacy-text"
    FUNCTION_CALL = "function-call"
    CONTENT_PARTS = "content-parts"
    BAD_CONTENT = "bad-content"  # neither text, null nor parts
    FOREIGN_ROLE = "foreign-role"
    BAD_USAGE = "bad-usage"
    ERROR_NULL = "error-null"
    EVENT_ERROR = "event-error"  # `event: error` without an `error` key
    CALL_NO_ID = "call-no-id"
    CALL_EMPTY_ID = "call-empty-id"
    CALL_BAD_ID = "call-bad-id"
    CALL_NO_INDEX = "call-no-index"
    CALL_NO_NAME = "call-no-name"
    CALL_BAD_ARGUMENTS = "call-bad-arguments"  # not a string
    BAD_CALLS = "bad-calls"  # tool_calls is no list of objects


@dataclass(frozen=True, slots=True)
class Event:
    """Something said in the frame with this number, at this time."""

    frame: int
    at: float


@dataclass(frozen=True, slots=True)
class Started(Event):
    """The assistant's turn begins; `model` is the name that the server claims."""

    role: str
    model: str


@dataclass(frozen=True, slots=True)
class Text(Event):
    """A piece of the answer's text; never empty."""

    text: str
    via: Via = Via.DELTA


@dataclass(frozen=True, slots=True)
class Reasoning(Event):
    """A piece of the model's thinking, with the name of the field that held it."""

    text: str
    field: str


@dataclass(frozen=True, slots=True)
class Refusal(Event):
    """A piece of a refusal."""

    text: str


@dataclass(frozen=True, slots=True)
class CallPart(Event):
    """A piece of a tool call. `slot` is its `index`, or its place in the list where the server sent none.

    By way of `OLLAMA` every piece is a whole call.
    """

    slot: int
    id: str
    name: str
    arguments: str
    via: Via = Via.DELTA


@dataclass(frozen=True, slots=True)
class Finish(Event):
    """The finish reason as the server spells it; of another dialect in OpenAI's word, where it has one."""

    reason: str
    via: Via = Via.DELTA


@dataclass(frozen=True, slots=True)
class Usage(Event):
    """The token counts; -1 where the server says nothing."""

    prompt: int
    completion: int
    reasoning: int = -1


@dataclass(frozen=True, slots=True)
class BackendError(Event):
    """An error told in the body. `shape` says how: `object`, `string`, `event`."""

    message: str
    type: str = ""
    code: str = ""
    shape: str = "object"


@dataclass(frozen=True, slots=True)
class Done(Event):
    """The end that the dialect announces: `[DONE]`, Anthropic's `message_stop`, Ollama's `"done": true`."""


@dataclass(frozen=True, slots=True)
class KeepAlive(Event):
    """A comment, or Anthropic's `ping`: the server lives, and has said nothing."""


@dataclass(frozen=True, slots=True)
class Odd(Event):
    """Something unusual, told beside what could be understood all the same."""

    kind: OddKind
    detail: str = ""
