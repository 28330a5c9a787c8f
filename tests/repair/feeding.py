"""Feeds a finder whole and in pieces; what comes out must be the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from lumeai_cli.repair.written import WrittenFinder
from lumeai_cli.wire.answer import ToolCall

Pieces = list[str | ToolCall]


def joined(pieces: Sequence[str | ToolCall]) -> Pieces:
    """Texts that follow one another made one."""
    out: Pieces = []
    for piece in pieces:
        if isinstance(piece, str) and out and isinstance(out[-1], str):
            out[-1] += piece
        else:
            out.append(piece)
    return out


def found(parts: Sequence[str], tools: Mapping[str, Any]) -> Pieces:
    """What a finder gives for a text in these parts."""
    return given_by(WrittenFinder(tools), parts)


def given_by(finder: WrittenFinder, parts: Sequence[str]) -> Pieces:
    """What this finder gives for them."""
    pieces: Pieces = []
    for part in parts:
        given = finder.feed(part)
        assert all(given)
        pieces += given
    pieces += finder.close()
    assert finder.held == ""
    return joined(pieces)
