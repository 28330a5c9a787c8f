"""Reads in a classic agent's prompt which tools it has: it sends no `tools`, it describes them as XML tags.

Kilo up to 4.145, Roo up to 3.36 and classic Cline write a section `## name` for each, with a list of parameters and a
usage block of tags (source read, prompts captured, 2025-11 and 2026-11). Some prompts only mention a tool whose
description stands elsewhere, so the names known from these clients count wherever both their tags stand. A prompt that
lacks the marks of such an agent has no tools, for questions about HTML are full of tags.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class XmlTool:
    """A tool as a prompt describes it: its name and the names of its parameters, in their order."""

    name: str
    parameters: tuple[str, ...] = ()


KNOWN: Mapping[str, tuple[str, ...]] = {
    "access_mcp_resource": ("server_name", "uri"),
    "apply_diff": ("path", "diff"),
    "ask_followup_question": ("question", "follow_up", "options"),
    "attempt_completion": ("result", "command"),
    "browser_action": ("action", "url", "coordinate", "size", "text"),
    "codebase_search": ("query", "path"),
    "condense": ("message", "context"),
    "delete_file": ("path",),
    "edit_file": ("target_file", "instructions", "code_edit"),
    "execute_command": ("command", "cwd", "requires_approval"),
    "fetch_instructions": ("task",),
    "focus_chain": ("task_progress",),
    "generate_image": ("prompt", "path", "image"),
    "insert_content": ("path", "line", "content"),
    "list_code_definition_names": ("path",),
    "list_files": ("path", "recursive"),
    "load_mcp_documentation": (),
    "new_rule": ("path", "content"),
    "new_task": ("mode", "message", "todos", "context"),
    "plan_mode_respond": ("response", "needs_more_exploration"),
    "read_file": ("path", "args", "start_line", "end_line"),
    "replace_in_file": ("path", "diff"),
    "report_bug": ("title", "description"),
    "run_slash_command": ("command", "args"),
    "search_files": ("path", "regex", "file_pattern"),
    "switch_mode": ("mode_slug", "reason"),
    "update_todo_list": ("todos",),
    "use_mcp_tool": ("server_name", "tool_name", "arguments"),
    "web_fetch": ("url", "prompt"),
    "write_to_file": ("path", "content", "line_count"),
}
"""The tools of the classic clients (`toolNames`, `toolParamNames`, Cline's own) with all the parameters they have."""

_MARKS = re.compile(r"XML-style tags|^={4}\s{1,9}TOOL USE\b", re.MULTILINE)
# Each branch begins with a character of its own, by which `re` skips all the others.
_PIECE = re.compile(
    r"\#(?<=^\#)\#{1,3}[ \t]{1,4}[`*]{0,2}(?P<heading>[a-z][\w.\-]{0,127})[`*]{0,2}[ \t]{0,4}\r?$"
    r"|\#(?<=^\#)\#{0,3}[ \t]"
    r"|=(?<=^=)={3}"
    r"|-(?<=^-)[ \t](?P<listed>[a-z]\w{0,63}):"
    r"|<(?P<closing>/?)(?P<tag>[a-z][\w.\-]{0,127})>",
    re.MULTILINE,
)


def described_tools(messages: Sequence[Mapping[str, Any]]) -> tuple[XmlTool, ...]:
    """The tools that the system messages describe, in the order in which they do; none if no XML agent wrote them."""
    prompt = "\n".join(text for message in messages for text in _system(message))
    if _MARKS.search(prompt) is None:
        return ()
    reader = _Reader()
    for piece in _PIECE.finditer(prompt):
        reader.take(piece)
    return reader.tools()


def _system(message: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a system message."""
    content = message.get("content") if message.get("role") in ("system", "developer") else None
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        text = part.get("text") if isinstance(part, Mapping) else None
        if isinstance(text, str):
            yield text


class _Reader:
    """Takes the headings, lists and tags of a prompt one by one."""

    def __init__(self) -> None:
        self._described: dict[str, dict[str, None]] = {}  # tools and their parameters, in order
        self._heading = ""  # the tool of this section
        self._listed: dict[str, None] = {}
        self._inside = False  # the usage block of this section
        self._used: dict[str, None] = {}  # its children
        self._child = ""  # an open one
        self._opened: dict[str, None] = {}  # known names whose opening tag stood, and those whose closing tag did, too
        self._closed: dict[str, None] = {}

    def take(self, piece: re.Match[str]) -> None:
        if piece["tag"]:
            self._mention(piece["tag"], closing=bool(piece["closing"]))
            if self._heading:
                self._usage(piece["tag"], closing=bool(piece["closing"]))
        elif piece["listed"]:
            if not self._inside:
                self._listed[piece["listed"]] = None
        else:
            self._heading, self._inside, self._child = piece["heading"] or "", False, ""
            self._listed, self._used = {}, {}

    def tools(self) -> tuple[XmlTool, ...]:
        known = {name: dict.fromkeys(KNOWN[name]) for name in self._closed}
        return tuple(XmlTool(name, tuple(parameters)) for name, parameters in (known | self._described).items())

    def _mention(self, tag: str, *, closing: bool) -> None:
        if tag in KNOWN:
            if not closing:
                self._opened[tag] = None
            elif tag in self._opened:
                self._closed[tag] = None

    def _usage(self, tag: str, *, closing: bool) -> None:
        """Takes a tag of a section: the children of the tool's own tag are its parameters, theirs are not."""
        if not self._inside:
            self._inside = tag == self._heading and not closing
            self._used, self._child = {}, ""
        elif self._child:
            self._child = "" if closing and tag == self._child else self._child
        elif not closing:
            self._child = tag
            self._used[tag] = None
        elif tag == self._heading:
            described = self._described.setdefault(tag, {})
            described.update(self._listed | self._used)
            self._inside = False
