"""YAML as a tree of plain texts with line numbers, so that every later message can say `lumeai.yaml:7`.

Scalars stay texts: the schema converts them, so `on: yes`, `12:30`, `1_000` and `0x1F` are no traps. What makes YAML
dangerous or ambiguous (duplicate keys, anchors, tags, several documents, deep nesting) is refused where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lumeai_cli.settings.error import SettingsError, quoted
from lumeai_cli.settings.textfile import decode, read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import yaml

LIMIT = 1024 * 1024
_DEPTH = 16
_NOTHING = ("", "~", "null", "Null", "NULL")

# PyYAML's words for the mistakes people make, and ours. Its own text is never passed on: it may quote the file.
_PLAIN_WORDS = (
    ("'\\t'", "a tab stands at the start of the line: indent with spaces"),
    ("cannot start any token", "a value cannot start with this character: put the value in quotes"),
    ("mapping values are not allowed", "a ':' stands where none can be: check the indentation, or quote the value"),
    ("could not find expected ':'", "a ':' is missing after this key"),
    ("block end", "the indentation does not fit the lines above"),
    ("block mapping", "the indentation does not fit the lines above"),
    ("end of stream", "a quote or bracket is opened here and never closed"),
    ("expected ',' or", "a bracket is opened here and not closed properly"),
)


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a YAML file: None (left empty), a text, a list, or a group of keys.

    `where` is the line of the value's key where it has one. The value stays out of the repr: it may be a key.
    """

    where: str
    value: str | tuple[Node, ...] | Mapping[str, Node] | None = field(repr=False)


def read_yaml(path: Path, label: str) -> Node | None:
    """The tree of a file, which messages call `label`; None where no file is."""
    data = read_bytes(path, label, LIMIT)
    return None if data is None else parse_yaml(data, label)


def parse_yaml(data: bytes, label: str) -> Node:
    """The tree of one YAML document; whatever is not one is a SettingsError with its line."""
    text = decode(data, label)
    import yaml  # noqa: PLC0415 - a start without a settings file does not pay for it

    events = yaml.parse(text, Loader=yaml.SafeLoader)
    try:
        return _document(events, label)
    except yaml.MarkedYAMLError as error:
        message, line = _explain(error)
        raise SettingsError(message, f"{label}:{line}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SettingsError("a control character stands in this line: remove it", f"{label}:{line}") from None
    except (ValueError, OverflowError):  # an escape or a version number beyond what Python can hold
        raise SettingsError("an escape or a number in this file is out of range", label) from None


def _explain(error: yaml.MarkedYAMLError) -> tuple[str, int]:
    problem = error.problem or ""
    said = next((words for sign, words in _PLAIN_WORDS if sign in problem), "this line is not valid YAML")
    opened = "opened here" in said or "missing after" in said
    mark = (error.context_mark if opened else None) or error.problem_mark or error.context_mark
    return said, mark.line + 1 if mark else 1


def _document(events: Iterator[yaml.Event], label: str) -> Node:
    import yaml  # noqa: PLC0415

    root = Node(f"{label}:1", None)
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise SettingsError("a second document starts here (`---`): keep one", _where(event, label))
            root = _node(next(events), events, label, 0)
    return root


def _node(event: yaml.Event, events: Iterator[yaml.Event], label: str, depth: int) -> Node:
    import yaml  # noqa: PLC0415

    where = _where(event, label)
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise SettingsError("anchors and aliases (`&name`, `*name`) are not used here: write the value out", where)
    if getattr(event, "tag", None) is not None:
        raise SettingsError("tags (`!name`) mean nothing here: write the plain value, or quote it", where)
    if depth > _DEPTH:
        raise SettingsError("this is nested too deeply for settings", where)
    if isinstance(event, yaml.SequenceStartEvent):
        return Node(where, _items(events, label, depth))
    if isinstance(event, yaml.MappingStartEvent):
        return Node(where, _members(events, label, depth))
    if not isinstance(event, yaml.ScalarEvent):
        raise SettingsError("this line is not valid YAML", where)
    plain = event.style is None
    return Node(where, None if plain and event.value in _NOTHING else event.value)


def _items(events: Iterator[yaml.Event], label: str, depth: int) -> tuple[Node, ...]:
    import yaml  # noqa: PLC0415

    found: list[Node] = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        found.append(_node(event, events, label, depth + 1))
    return tuple(found)


def _members(events: Iterator[yaml.Event], label: str, depth: int) -> dict[str, Node]:
    import yaml  # noqa: PLC0415

    found: dict[str, Node] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _node(event, events, label, depth + 1)
        if not isinstance(key.value, str):
            raise SettingsError("a key must be a plain word", key.where)
        if key.value in found:
            first = found[key.value].where
            raise SettingsError(f"the key {quoted(key.value)} is given twice (first at {first}): keep one", key.where)
        value = _node(next(events), events, label, depth + 1)
        found[key.value] = Node(key.where, value.value)
    return found


def _where(event: yaml.Event, label: str) -> str:
    return f"{label}:{event.start_mark.line + 1 if event.start_mark else 1}"
