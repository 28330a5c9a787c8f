"""The lab's model: small, but able to answer what a doctor asks, so that a specimen is sick in one place only.

`reply` is a pure function of the request. It calls tools natively or in XML, uses a tool's result, repeats a word it is
told to say, adds two numbers, recalls code words, and never gives one text to two unrelated prompts.
"""

import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lumeai_cli.lab.request import LabRequest


@dataclass(frozen=True, slots=True)
class Call:
    """One native tool call; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says, before any server puts it into a shape."""

    text: str
    calls: tuple[Call, ...] = ()

    @property
    def finish(self) -> str:
        """The finish reason that belongs to it."""
        return "tool_calls" if self.calls else "stop"

    @property
    def size(self) -> int:
        """Its characters, for the usage."""
        return len(self.text) + sum(len(call.name) + len(call.arguments) for call in self.calls)


_ENVIRONMENT = re.compile(r"<environment_details>.*?(?:</environment_details>|\Z)", re.DOTALL)
_XML_TOOLS = re.compile(r"<(?:read_file|attempt_completion)>")
_XML_RESULT = re.compile(r"^[ \t]{0,9}(?:\[\w{1,60}(?: for [^\n]{0,500})?\] Result:|<tool_result)", re.MULTILINE)
_TOKEN = re.compile(r"[\w./-]+")
_FILE = re.compile(r"[\w.-]*[\w-]\.[^\W\d_]\w{0,4}")
_LONE_FILE = re.compile(r"[\w.-]*[^\W\d][\w-]+\.[^\W\d_]\w{0,4}")
_ASKS = re.compile(
    r"\b(?:tools?|files?|read|open|call|use|инструмент\w*|файл\w*|прочитай\w*|прочти\w*|открой\w*)\b", re.IGNORECASE
)
_SAY = re.compile(
    r"\b(?:reply|answer|respond|say|write|output|ответь\w*|скажи\w*|напиши\w*)\b[^\n:.]{0,80}?"
    r"(?::\s*|\b(?:words?|словом|слово)\s+|(?=[\"«`“]))[\"'«`“]?([^\n\"'»`”.!?]{1,80})",
    re.IGNORECASE,
)
# Without spaces, a minus or an x is more often a date, a range or a size than a sum.
_SUM = re.compile(
    r"(?<![\w.])(\d{1,9})(?:\s{0,3}([+*×−])\s{0,3}|\s{1,3}(-|x|plus|minus|times|плюс|минус)\s{1,3})"
    r"(\d{1,9})(?![\w.]*\w)",
    re.IGNORECASE,
)
_CODE = re.compile(r"code ?word|secret word|pass ?word|canary|marker|кодовое слово|пароль", re.IGNORECASE)
_CODE_VALUE = re.compile(
    r"([^\n.:=?—]{0,40}?)(?:\s{1,9}is\b|\s{0,9}[:=—])\s{0,9}[\"'«`“]?(\w[\w-]{2,40})", re.IGNORECASE
)
_THREE_CODES = re.compile(r"\bthree code words\b", re.IGNORECASE)
_NUMBERED_CODE = re.compile(r"\bcode word (one|two|three):\s{0,9}(\w[\w-]{1,40})", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_QUOTED = re.compile(r"[\"«“`]([^\"»”`\n]{1,80})[\"»”`]")
_NAME = re.compile(r"(?<=\w )([^\W\d_a-zа-яё][\w-]{2,30})")

_SUMS: Mapping[str, Callable[[int, int], int]] = {
    **dict.fromkeys(("+", "plus", "плюс"), int.__add__),
    **dict.fromkeys(("-", "−", "minus", "минус"), int.__sub__),
    **dict.fromkeys(("*", "×", "x", "times"), int.__mul__),
}
_DEEPEST = 8
_LONGEST_PATH = 200


def reply(request: LabRequest) -> Reply:
    """The answer of a capable model."""
    if not request.tools and _XML_TOOLS.search(request.system_text):
        return Reply(_xml(request))
    if not request.tools:
        return Reply(prose(request))
    choice = request.fields.get("tool_choice")
    forced = choice == "required" or isinstance(choice, dict)
    if choice != "none" and (forced or (not _has_result(request) and _asks_for_tool(request))):
        return Reply("", (_call(request, _tool(request)),))
    if choice != "none" and "attempt_completion" in request.tool_names:
        # An agent that ends its work with a tool takes plain text for a mistake of the model.
        finish = next(tool for tool in request.tools if tool["name"] == "attempt_completion")
        return Reply("", (_call(request, finish, prose(request)),))
    return Reply(prose(request))


def prose(request: LabRequest) -> str:
    """The answer in words, whatever tools there are."""
    if _has_result(request):
        return f"The tool's result says: {_excerpt(request.messages[-1][1], 200)}"
    task = _task(request)
    return _recalled(request, task) or _summed(task) or _told(task) or _remark(task)


def _task(request: LabRequest) -> str:
    """The user's wish: the last one, or the first if the last only complains about a missing tool call."""
    texts = [_ENVIRONMENT.sub(" ", text) for text in request.user_texts] or [""]
    return texts[0] if texts[-1].lstrip().startswith("[ERROR]") else texts[-1]


def _has_result(request: LabRequest) -> bool:
    role, text = request.messages[-1] if request.messages else ("", "")
    return role in {"tool", "function"} or (role == "user" and _XML_RESULT.search(text) is not None)


def _asks_for_tool(request: LabRequest) -> bool:
    task = _task(request)
    path = _path(task)
    if "/" in path and _FILE.fullmatch(path.rpartition("/")[2]):
        return True
    if _recalled(request, task) or _summed(task) or _told(task):
        return False
    lowered = task.lower()
    named = (part for name in request.tool_names for part in re.split(r"[_\W]+", name.lower()) if len(part) > 3)
    return _ASKS.search(task) is not None or any(part in lowered for part in named)


def _tool(request: LabRequest) -> Mapping[str, Any]:
    """The tool that was demanded, else the one the user names, else one that reads, else the first."""
    choice = request.fields.get("tool_choice")
    function = choice.get("function") if isinstance(choice, dict) else None
    demanded = function.get("name") if isinstance(function, dict) else None
    task = _task(request)
    for fits in (
        lambda name: name == demanded,
        lambda name: "_" in name and name in task,
        lambda name: "read" in name.lower(),
    ):
        for tool in request.tools:
            if fits(str(tool["name"])):
                return tool
    return request.tools[0]


def _call(request: LabRequest, tool: Mapping[str, Any], value: str = "") -> Call:
    name = str(tool["name"])
    filled = _fill(tool.get("parameters"), value or _subject(_task(request)))
    arguments = json.dumps(filled if isinstance(filled, dict) else {}, ensure_ascii=False)
    # Derived from the whole request, so that no two turns of a conversation share an id.
    return Call(f"call_lab{zlib.crc32(request.body + name.encode(errors='replace')):08x}", name, arguments)


def _fill(schema: object, value: str, depth: int = 0) -> object:
    """A value that the schema accepts, with `value` wherever a string is required."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return value
    for key in ("const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return _fill(schema[key][0], value, depth + 1)
    kind = schema.get("type")
    kinds = [kind] if isinstance(kind, str) else kind if isinstance(kind, list) else []
    if "null" in kinds:
        return None
    properties = schema.get("properties")
    if "object" in kinds or isinstance(properties, dict):
        known = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        names = required if isinstance(required, list) else list(known)
        return {str(name): _fill(known.get(str(name), {}), value, depth + 1) for name in names}
    if "array" in kinds:
        return [_fill(schema.get("items"), value, depth + 1)]
    if "boolean" in kinds:
        return False
    if "integer" in kinds or "number" in kinds:
        return 1
    return value


def _xml(request: LabRequest) -> str:
    if not _has_result(request) and _asks_for_tool(request) and "<read_file>" in request.system_text:
        path = _subject(_task(request))
        return f"I will look at the file first.\n\n<read_file>\n<path>{path}</path>\n</read_file>"
    text = prose(request)
    if "<attempt_completion>" not in request.system_text:
        return text
    return f"<attempt_completion>\n<result>\n{text}\n</result>\n</attempt_completion>"


def _path(text: str) -> str:
    """The first token that looks like a file, one in a folder before one without."""
    bare = ""
    for token in (found[0].rstrip("./-") for found in _TOKEN.finditer(text)):
        if len(token) > _LONGEST_PATH or token.startswith("//") or not _FILE.fullmatch(token.rpartition("/")[2]):
            continue
        if "/" in token:
            return token
        if not bare and _LONE_FILE.fullmatch(token):
            bare = token
    return bare


def _subject(text: str) -> str:
    """What a tool shall be called with: a path, something quoted, a name, else the words themselves."""
    quoted = _QUOTED.search(text)
    named = _NAME.search(text)
    return _path(text) or (quoted[1] if quoted else "") or (named[1] if named else "") or _excerpt(text, 60)


def _recalled(request: LabRequest, task: str) -> str:
    """The three numbered code words, where they are asked for; else the one whose description shares most words with
    the question.
    """
    if _THREE_CODES.search(task):
        told = dict(pair for _, text in request.messages for pair in _NUMBERED_CODE.findall(text.lower()))
        return " ".join(told.get(number, "none") for number in ("one", "two", "three"))
    asked = [line for line in re.split(r"[\n.!]", task) if _CODE.search(line) and not _code_words(line)]
    if not asked:
        return ""
    wanted = set(_WORD.findall(asked[-1].lower()))
    known = [pair for _, text in request.messages for pair in _code_words(text.replace(asked[-1], " "))]
    if not known:
        return ""
    return max(known, key=lambda pair: len(wanted & set(_WORD.findall(pair[0].lower()))))[1]


def _code_words(text: str) -> list[tuple[str, str]]:
    """Each code word that a text tells, after the words that describe it."""
    known = []
    for found in _CODE.finditer(text):
        before = re.split(r"[\n.]", text[max(0, found.start() - 60) : found.start()])[-1]
        told = _CODE_VALUE.match(text, found.end())
        if told is not None:
            known.append((f"{before} {told[1]}", told[2]))
    return known


def _told(task: str) -> str:
    """The word or words that the user wants to hear."""
    found = [match[1].strip(" ,;()*") for match in _SAY.finditer(task)]
    return found[-1] if found else ""


def _summed(task: str) -> str:
    matched = _SUM.search(task)
    if matched is None:
        return ""
    sign = (matched[2] or matched[3]).lower()
    return str(_SUMS[sign](int(matched[1]), int(matched[4])))


def _remark(task: str) -> str:
    words = len(task.split())
    return f"Understood: {_excerpt(task, 60)} (words: {words}, mark {zlib.crc32(task.encode(errors='replace')):08x})."


def _excerpt(text: str, limit: int) -> str:
    """The start of a text as plain words: no markup of it may come back as markup of the answer."""
    words = " ".join(re.sub(r"[<>{}\[\]`|]", " ", text).split())
    return words if len(words) <= limit else f"{words[:limit].rstrip()}..."
