"""What the client that asked can take: the half of a request that decides how its answer must look."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lumeai_cli.repair.prompt import XmlTool

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """`tools` are the native tools, each with the JSON schema of its parameters; `xml_tools` those that the prompt
    describes as XML tags, which count only where there are no native ones. `usage`: the stream shall tell the tokens
    in a chunk of their own. `model` is the name that was asked for, and stands in an answer whose backend tells none.
    `seed` goes into the ids that are made up here: it differs from request to request.
    """

    stream: bool = False
    tools: Mapping[str, Schema] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    xml_tools: tuple[XmlTool, ...] = ()
    usage: bool = False
    seed: str = ""
    model: str = ""

    @property
    def native(self) -> bool:
        """Whether the client reads tool calls from `tool_calls`."""
        return bool(self.tools)

    @property
    def xml(self) -> bool:
        """Whether the client reads tool calls from tags in the text."""
        return bool(self.xml_tools) and not self.tools

    def xml_tool(self, name: str) -> XmlTool | None:
        """The tool of this name that the prompt describes."""
        return next((tool for tool in self.xml_tools if tool.name == name), None)
