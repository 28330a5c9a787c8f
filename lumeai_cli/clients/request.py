"""What an agent sends: a small real task inside a prompt and a tool list of an agent's real size, in our own words.

Sizes and shapes follow captured requests (Kilo CLI 7.7.9, classic Cline, 2026-11) and the source of Kilo 4.124; none of
their prose is used. The task is the same everywhere: read one file, for which a capable model needs one tool call.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lumeai_cli.clients.tool import NATIVE_TOOLS, XML_TOOLS, Tool

FILE = "notes/plan.txt"

XML_SIZE = 72_000
"""Characters of a classic agent's prompt with everything in it, as users report it."""

NATIVE_SIZE = 57_800
"""Characters of Kilo 7.7.9's system prompt (13,623) and tools (44,200)."""

SYSTEM_SHARE = 13_600 / NATIVE_SIZE

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request body without `model` and `stream`, and what a judge must know of it."""

    messages: tuple[Json, ...]
    tools: tuple[Json, ...] = ()
    xml_tools: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def tool_names(self) -> tuple[str, ...]:
        """The names of the native tools."""
        return tuple(tool["function"]["name"] for tool in self.tools)

    @property
    def wants_tool(self) -> bool:
        """Whether a capable model must answer with a tool call."""
        return bool(self.tools or self.xml_tools)

    @property
    def prompt_chars(self) -> int:
        """Characters of the messages' text and the tools' JSON."""
        text = sum(len(_text(message["content"])) for message in self.messages)
        return text + (len(json.dumps(self.tools, ensure_ascii=False)) if self.tools else 0)

    def body(self, model: str, *, stream: bool) -> Json:
        """The JSON body as an agent sends it."""
        body: Json = {"model": model, "messages": list(self.messages), **dict(self.options)}
        if self.tools:
            body |= {"tools": list(self.tools), "tool_choice": "auto"}
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body


def _text(content: str | list[Json] | None) -> str:
    if isinstance(content, list):
        return "".join(part["text"] for part in content)
    return content or ""


def simple(prompt: str) -> ChatRequest:
    """One short user message."""
    return ChatRequest(({"role": "user", "content": prompt},))


def small_xml() -> ChatRequest:
    """The task with two tools described as XML tags."""
    tools = tuple(tool for tool in XML_TOOLS if tool.name in ("read_file", "attempt_completion"))
    return _xml(_xml_head(tools), tools)


def small_native() -> ChatRequest:
    """The task with one native tool."""
    tools = tuple(tool for tool in NATIVE_TOOLS if tool.name == "read")
    return ChatRequest(
        (
            {"role": "system", "content": "You are a careful coding assistant. Use the tools; never guess at files."},
            {"role": "user", "content": _task()},
        ),
        tuple(tool.schema() for tool in tools),
    )


def agent_xml(size: int = XML_SIZE) -> ChatRequest:
    """The task as a classic XML agent puts it; the system prompt holds `size` characters (at least its real text)."""
    head, tail = _xml_head(XML_TOOLS), _xml_tail()
    room = size - len(head) - len(tail)
    return _xml(head + workspace(room) + tail, XML_TOOLS)


def agent_native(size: int = NATIVE_SIZE) -> ChatRequest:
    """The task as Kilo 7 puts it: system prompt and tools together hold about `size` characters."""
    bare = [tool.schema() for tool in NATIVE_TOOLS]
    share = int(size * SYSTEM_SHARE)
    each = max(0, size - share - len(json.dumps(bare))) // len(bare)
    tools = tuple(tool.schema(more=_filler(each, _advice_lines(tool.name), between=" ")) for tool in NATIVE_TOOLS)
    head = _NATIVE_SYSTEM
    system = head + workspace(share - len(head))
    return ChatRequest(
        ({"role": "system", "content": system}, {"role": "user", "content": [{"type": "text", "text": _task()}]}),
        tools,
        options=(("max_tokens", 8192),),
    )


def workspace(size: int) -> str:
    """Exactly `size` characters about a project's files, as agents add them to their prompts."""
    return _filler(size, _workspace_lines())


def _xml(system: str, tools: Sequence[Tool]) -> ChatRequest:
    user = [
        {"type": "text", "text": f"<task>\n{_task()}\n</task>"},
        {"type": "text", "text": "<environment_details>\n# Current mode\ncode\n</environment_details>"},
    ]
    return ChatRequest(
        ({"role": "system", "content": system}, {"role": "user", "content": user}),
        xml_tools=tuple(tool.name for tool in tools),
        options=(("temperature", 0),),
    )


def _task() -> str:
    return f"Read the file {FILE} and tell me its first line. You have not seen the file yet: call the tool first."


def _xml_head(tools: Sequence[Tool]) -> str:
    described = "\n\n".join(tool.described() for tool in tools)
    return f"{_XML_ROLE}\n\n====\n\nTOOL USE\n\n{_XML_RULES}\n\n# Tools\n\n{described}\n\n"


def _xml_tail() -> str:
    return (
        "\n====\n\nOBJECTIVE\n\nWork step by step, one tool a message, and wait for its result. When the task is done, "
        "give the result with attempt_completion.\n"
    )


def _filler(room: int, lines: Iterator[str], between: str = "\n") -> str:
    """Exactly `room` characters of these lines, the last one cut."""
    parts: list[str] = []
    length = 0
    while length < room:
        parts.append(next(lines) + between)
        length += len(parts[-1])
    return "".join(parts)[: max(0, room)]


def _workspace_lines() -> Iterator[str]:
    """What each file of a made-up project is for, as agents and their users add it to prompts; no line comes twice
    within a megabyte.

    Sentences, not numbers: a tokenizer counts each digit, and a list full of them weighs two and a half times as many
    tokens as a real agent's prompt of its length, which then seems to need a larger window than it does.
    """
    yield "====\n\nSYSTEM INFORMATION\n\nOperating system: Linux\nShell: /bin/bash\nWorkspace: /home/user/project\n"
    yield "# Files of the workspace and what they are for"
    for number in itertools.count():
        area, layer, does, thing, when = (words[number % len(words)] for words in _PROJECT)
        yield f"- {area}/{layer}/{thing}.py {does} the {thing} of the {area} service {when}."


_PROJECT = (
    ("billing", "catalog", "delivery", "identity", "media", "orders", "reports", "search"),
    ("tasks", "models", "queries", "views", "tests"),
    ("checks", "updates", "collects", "removes", "translates", "compares", "explains"),
    (
        "account",
        "address",
        "calendar",
        "customer",
        "document",
        "message",
        "picture",
        "price",
        "product",
        "receipt",
        "summary",
    ),
    (
        "before it is shown to the user",
        "after every change of the settings",
        "when the night is over",
        "as soon as the first request arrives",
        "while the other services are waiting",
        "unless the owner has said otherwise",
        "once a week and after each release",
        "for as long as the session is open",
        "when a person asks for it",
        "in the order in which they were written",
        "together with everything that belongs to it",
        "until the next version takes its place",
        "without changing what was there before",
    ),
)
"""Words whose numbers have no common divisor: all their combinations come before one comes again."""


def _advice_lines(tool: str) -> Iterator[str]:
    """Notes of the kind that tool descriptions are full of."""
    notes = (
        "Call {tool} with complete arguments; a missing one is reported back and costs a turn.",
        "Paths given to {tool} are relative to the workspace unless they begin with a slash.",
        "The result of {tool} is cut after 2,000 lines; ask for a smaller part instead of repeating the call.",
        "Prefer {tool} to a shell command that does the same, because its result is easier to check.",
        "If {tool} fails, read the message, correct the arguments and try once more before choosing another way.",
        "Several independent calls of {tool} may stand in one message.",
        "Never use {tool} on files outside the workspace without asking the user first.",
    )
    number = 0
    while True:
        number += 1
        yield f"{number}. {notes[number % len(notes)].format(tool=tool)}"


_XML_ROLE = (
    "You are a software engineer who works inside an editor on the user's project: you read code, change it in small "
    "steps, and check what you did."
)
_XML_RULES = (
    "You have tools that run after the user has agreed. Use exactly one tool a message; its result comes with the "
    "user's next message. Tool uses are formatted using XML-style tags: the tool's name is the outer tag, each "
    "parameter has a tag of its own inside it:\n\n<tool_name>\n<parameter>value</parameter>\n</tool_name>\n\n"
    "Write the tags exactly so, in lower case and without attributes, or the call is not recognised."
)
_NATIVE_SYSTEM = (
    "You are a coding agent in a terminal. You help with the user's project by reading and changing files and by "
    "running commands through the tools. Answer briefly. Do not guess what a file holds: read it. Do not invent "
    "results: run the command. Stop when the task is done and say what you did.\n\n"
)
