"""Which tools a prompt describes: those of XML agents, and none in any other."""

from typing import Any

import pytest

from lumeai_cli.clients.request import agent_native, agent_xml, small_native, small_xml
from lumeai_cli.clients.tool import XML_TOOLS
from lumeai_cli.repair.prompt import KNOWN, XmlTool, described_tools

MARK = "Tool uses are formatted using XML-style tags.\n\n"
USAGE = "<fetch_page>\n<url>the address</url>\n</fetch_page>\n"
FETCH = f"## fetch_page\nDescription: x\nParameters:\n- url: (required) y\n- depth: (optional) z\nUsage:\n{USAGE}"


def system(*texts: str) -> list[dict[str, Any]]:
    """A conversation with these system messages."""
    return [{"role": "system", "content": text} for text in texts] + [{"role": "user", "content": "Hi"}]


def test_a_classic_agent_has_the_tools_of_its_prompt() -> None:
    expected = tuple(XmlTool(tool.name, tuple(item[0] for item in tool.parameters)) for tool in XML_TOOLS)
    assert described_tools(agent_xml().messages) == expected


def test_a_small_prompt_has_its_two() -> None:
    assert described_tools(small_xml().messages) == (
        XmlTool("read_file", ("path",)),
        XmlTool("attempt_completion", ("result",)),
    )


PROMPTS: list[tuple[str, list[dict[str, Any]], tuple[XmlTool, ...]]] = [
    ("a tool nobody knows", system(MARK + FETCH), (XmlTool("fetch_page", ("url", "depth")),)),
    ("the other mark", system("====\n\nTOOL USE\n\n" + FETCH), (XmlTool("fetch_page", ("url", "depth")),)),
    ("the mark in another message", system(MARK, FETCH), (XmlTool("fetch_page", ("url", "depth")),)),
    ("CRLF", system((MARK + FETCH).replace("\n", "\r\n")), (XmlTool("fetch_page", ("url", "depth")),)),
    (
        "parts",
        [{"role": "developer", "content": [{"type": "text", "text": MARK}, {"type": "text", "text": FETCH}]}],
        (XmlTool("fetch_page", ("url", "depth")),),
    ),
    (
        "tags within a parameter",
        system(f"{MARK}## read_file\nUsage:\n<read_file>\n<args><file><path>p</path></file></args>\n</read_file>"),
        (XmlTool("read_file", ("args",)),),
    ),
    (
        "two usages",
        system(f"{MARK}## look\n<look>\n<a>1</a>\n</look>\nor\n<look>\n<b>1</b>\n</look>"),
        (XmlTool("look", ("a", "b")),),
    ),
    ("no parameters", system(f"{MARK}## look\nUsage:\n<look>\n</look>"), (XmlTool("look"),)),
    (
        "a known one without its section",
        system(f"{MARK}Write <read_file>\n<path>p</path>\n</read_file> to read."),
        (XmlTool("read_file", KNOWN["read_file"]),),
    ),
    ("no mark", system(FETCH), ()),
    ("another case", system(MARK + FETCH.replace("<f", "<F")), ()),
    ("attributes", system(MARK + FETCH.replace("<fetch_page>", '<fetch_page id="1">')), ()),
    ("a usage without its heading", system(MARK + USAGE), ()),
    ("a usage in another section", system(f"{MARK}## fetch_page\nx\n\n## other\n{USAGE}"), ()),
    ("a usage after the section", system(f"{MARK}## fetch_page\nx\n====\n{USAGE}"), ()),
    ("an unclosed usage", system(f"{MARK}## look\n<look>\n<a>1</a>\n"), ()),
    ("a known one, only opened", system(f"{MARK}Use <read_file> to read."), ()),
    ("a known one, closed first", system(f"{MARK}</read_file> and <read_file>"), ()),
    ("a question about HTML", system("You help with HTML.\n\n## title\n<title>\n<b>x</b>\n</title>"), ()),
    ("what the user writes", [{"role": "user", "content": MARK + FETCH}], ()),
    ("no messages", [], ()),
    ("odd messages", [{}, {"role": "system"}, {"role": "system", "content": [None, 5, {"text": 5}]}], ()),
]


@pytest.mark.parametrize(("messages", "expected"), [row[1:] for row in PROMPTS], ids=[row[0] for row in PROMPTS])
def test_the_tools_in(messages: list[dict[str, Any]], expected: tuple[XmlTool, ...]) -> None:
    assert described_tools(messages) == expected


def test_a_native_agent_describes_none() -> None:
    assert described_tools(agent_native().messages) == ()
    assert described_tools(small_native().messages) == ()


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["<", "<a", "<a>", "</a>", "## ", "## a\n", "- a:\n", "====", "====\n", "====\n\n \n", "<read_file>", "#"]
)
def test_no_prompt_takes_long(piece: str) -> None:
    """A prompt of millions of characters is read in a moment, whatever it is made of."""
    described_tools(system(MARK + piece * (2_000_000 // len(piece))))
