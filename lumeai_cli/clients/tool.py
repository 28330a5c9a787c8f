"""The tools that the agents offer: the names are theirs, the descriptions are ours."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool's name, what it does, and its parameters as (name, JSON type, what it is, required)."""

    name: str
    purpose: str
    parameters: tuple[tuple[str, str, str, bool], ...] = ()

    def schema(self, more: str = "") -> dict[str, Any]:
        """The tool as an OpenAI function definition; `more` is appended to its description."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": f"{self.purpose}\n{more}".rstrip(),
                "parameters": {
                    "type": "object",
                    "properties": {name: _property(kind, what) for name, kind, what, _ in self.parameters},
                    "required": [name for name, _, _, required in self.parameters if required],
                    "additionalProperties": False,
                },
            },
        }

    def described(self) -> str:
        """The tool as a section of an XML agent's prompt."""
        listed = "\n".join(
            f"- {name}: ({'required' if required else 'optional'}) {what}"
            for name, _, what, required in self.parameters
        )
        inner = "".join(f"<{name}>{what}</{name}>\n" for name, _, what, required in self.parameters if required)
        return (
            f"## {self.name}\nDescription: {self.purpose}\nParameters:\n{listed or '(none)'}\n"
            f"Usage:\n<{self.name}>\n{inner}</{self.name}>"
        )


def _property(kind: str, what: str) -> dict[str, Any]:
    items = {"items": {"type": "string"}} if kind == "array" else {}
    return {"type": kind, "description": what, **items}


_PATH = ("path", "string", "Path of the file or folder, relative to the workspace", True)

XML_TOOLS = (
    Tool("read_file", "Read one file and get its lines with numbers.", (_PATH,)),
    Tool(
        "write_to_file",
        "Write a whole file; an existing one is replaced.",
        (_PATH, ("content", "string", "The complete new content", True), ("line_count", "integer", "Its lines", True)),
    ),
    Tool("apply_diff", "Change parts of a file.", (_PATH, ("diff", "string", "Search and replace blocks", True))),
    Tool(
        "insert_content",
        "Insert lines into a file.",
        (_PATH, ("line", "integer", "Line before which to insert", True), ("content", "string", "New lines", True)),
    ),
    Tool(
        "search_files",
        "Search the files of a folder with a regular expression.",
        (
            _PATH,
            ("regex", "string", "The expression", True),
            ("file_pattern", "string", "Only files that match this pattern", False),
        ),
    ),
    Tool("list_files", "List a folder.", (_PATH, ("recursive", "boolean", "Go into its folders too", False))),
    Tool("list_code_definition_names", "List the classes and functions that a folder defines.", (_PATH,)),
    Tool(
        "execute_command",
        "Run a shell command in the workspace.",
        (("command", "string", "The command", True), ("cwd", "string", "Folder to run it in", False)),
    ),
    Tool(
        "browser_action",
        "Drive a browser, one action a call.",
        (("action", "string", "launch, click, type or close", True), ("url", "string", "Address to open", False)),
    ),
    Tool(
        "use_mcp_tool",
        "Call a tool of a connected MCP server.",
        (
            ("server_name", "string", "The server", True),
            ("tool_name", "string", "Its tool", True),
            ("arguments", "string", "A JSON object", True),
        ),
    ),
    Tool(
        "ask_followup_question",
        "Ask the user when something needed is not known.",
        (("question", "string", "The question", True), ("follow_up", "string", "Suggested answers", False)),
    ),
    Tool(
        "switch_mode",
        "Ask to go on in another mode.",
        (("mode_slug", "string", "The mode", True), ("reason", "string", "Why", False)),
    ),
    Tool(
        "new_task", "Begin a new task.", (("mode", "string", "Its mode", True), ("message", "string", "The task", True))
    ),
    Tool("update_todo_list", "Replace the list of steps.", (("todos", "string", "The steps, one a line", True),)),
    Tool("attempt_completion", "Give the final result to the user.", (("result", "string", "The result", True),)),
)
"""Fifteen tools of Kilo 4.124's XML protocol (names and parameters: `toolNames`, `toolParamNames`)."""

_FILE = ("filePath", "string", "Absolute or workspace path of the file", True)


def _plain(name: str, purpose: str, *parameters: str) -> Tool:
    return Tool(name, purpose, tuple((item, "string", f"The {item} of the call", True) for item in parameters))


NATIVE_TOOLS = (
    _plain("background_process", "Start, list or stop a process that runs in the background.", "action"),
    _plain("bash", "Run a shell command and get its output.", "command", "description"),
    _plain("board_post", "Leave a note on the shared board.", "message"),
    _plain("board_read", "Read the shared board.", "topic"),
    _plain("cancel_wakeup", "Cancel a planned wake-up.", "id"),
    _plain("cron_create", "Plan a recurring job.", "schedule", "prompt"),
    _plain("cron_delete", "Delete a recurring job.", "id"),
    _plain("cron_list", "List the recurring jobs.", "filter"),
    Tool(
        "edit",
        "Replace one passage of a file by another.",
        (_FILE, ("oldString", "string", "The passage", True), ("newString", "string", "What replaces it", True)),
    ),
    _plain("glob", "Find files by a pattern.", "pattern"),
    _plain("goal", "State or update the goal of the work.", "goal"),
    _plain("grep", "Search the files' contents with a regular expression.", "pattern"),
    _plain("kilo_local_recall", "Look up earlier work in this project.", "query"),
    _plain("link_pr", "Connect the work with a pull request.", "url"),
    Tool(
        "read",
        "Read a file and get its lines with numbers.",
        (_FILE, ("offset", "integer", "First line", False), ("limit", "integer", "Number of lines", False)),
    ),
    _plain("schedule_wakeup", "Wake up later and go on.", "when", "reason"),
    _plain("skill", "Load instructions for a kind of work.", "name"),
    _plain("task", "Hand a part of the work to a second agent.", "description", "prompt"),
    Tool("todowrite", "Replace the list of steps.", (("todos", "array", "The steps", True),)),
    _plain("webfetch", "Fetch a page and read it as text.", "url"),
    Tool("write", "Write a whole file.", (_FILE, ("content", "string", "The complete new content", True))),
)
"""The twenty-one tools of Kilo CLI 7.7.9 (names captured 2026-11)."""
