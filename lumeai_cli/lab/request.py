"""What a client asked the lab, as one value that specimens read and tests look at afterwards.

Nothing here raises: a request comes from any program, so every property of an odd body has an empty value.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class LabRequest:
    """One request: `path` is what stands below the specimen's root, `headers` are lower-cased, `json` is None if the
    body is no JSON; `earlier` is how many requests of the same bytes the specimen had before this one.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    json: Any = None
    specimen: str = ""
    earlier: int = 0

    def below(self) -> "LabRequest":
        """The same request as the specimen sees it: the first segment of the path becomes `specimen`."""
        name, _, rest = self.path.removeprefix("/").partition("/")
        return replace(self, specimen=name, path=f"/{rest}")

    @property
    def fields(self) -> Mapping[str, Any]:
        """The JSON object of the body; empty if there is none."""
        return self.json if isinstance(self.json, dict) else {}

    @property
    def stream(self) -> bool:
        """Whether an event stream was asked for."""
        return self.fields.get("stream") is True

    @property
    def wants_usage(self) -> bool:
        """Whether the stream shall end with a usage chunk."""
        options = self.fields.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.fields.get("model") or "")

    @property
    def tools(self) -> tuple[Mapping[str, Any], ...]:
        """The functions of the native tools that have a name."""
        offered = self.fields.get("tools")
        functions = (
            [tool.get("function") for tool in offered if isinstance(tool, dict)] if isinstance(offered, list) else []
        )
        return tuple(function for function in functions if isinstance(function, dict) and function.get("name"))

    @property
    def tool_names(self) -> tuple[str, ...]:
        """The names of the native tools."""
        return tuple(str(function["name"]) for function in self.tools)

    @property
    def tools_text(self) -> str:
        """The tools' descriptions, which a model reads as part of its prompt."""
        return "".join(json.dumps(function, ensure_ascii=False) for function in self.tools)

    @property
    def tools_chars(self) -> int:
        """The size of the tools' descriptions."""
        return len(self.tools_text)

    @property
    def messages(self) -> tuple[tuple[str, str], ...]:
        """Role and text of each message; parts of a content list are joined by a newline."""
        said = self.fields.get("messages")
        if not isinstance(said, list):
            return ()
        return tuple((str(one.get("role")), _text(one.get("content"))) for one in said if isinstance(one, dict))

    @property
    def system_text(self) -> str:
        """The instructions."""
        return "\n".join(text for role, text in self.messages if role in {"system", "developer"})

    @property
    def user_texts(self) -> tuple[str, ...]:
        """What the user said, in order."""
        return tuple(text for role, text in self.messages if role == "user")

    @property
    def last_user_text(self) -> str:
        """What the user said last."""
        return next(reversed(self.user_texts), "")

    @property
    def prompt_chars(self) -> int:
        """The characters of all messages, tools not counted."""
        return sum(len(text) for _, text in self.messages)


def parse_json(body: bytes) -> Any:
    """The JSON value of a body, or None: hostile depth and absurd numbers are no JSON here."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(str(part["text"]) for part in content if isinstance(part, dict) and part.get("text"))
