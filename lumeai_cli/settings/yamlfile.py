"""YAML as a tree of plain texts with line numbers, so that every later message can say `lumeai.yaml:7`.

Scalars stay texts: the schema converts them, so `on: yes`, `12:30`, `1_000` and `0x1F` are no traps. What makes YAML
dangerous or ambiguous (duplicate keys, anchors, tags, several documents, deep nesting) is refused where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lumeai_cli.settings.error import SettingsError, quoted
from lumeai_cli.settings.textfile import decode, read_bytes
from lumeai_cli.text.phrase import Phrase, phrase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import yaml

LIMIT = 1024 * 1024
_DEPTH = 16
_NOTHING = ("", "~", "null", "Null", "NULL")

# PyYAML's words for the mistakes people make, and our phrase. Its own text is never passed on: it may quote the file.
_PLAIN_WORDS = (
    ("'\\t'", "yaml-tab"),
    ("cannot start any token", "yaml-start"),
    ("mapping values are not allowed", "yaml-colon"),
    ("could not find expected ':'", "yaml-no-colon"),
    ("block end", "yaml-indentation"),
    ("block mapping", "yaml-indentation"),
    ("node content, but found '<stream end>'", "yaml-end"),
    ("end of stream", "yaml-open"),
    ("expected ',' or", "yaml-bracket"),
)
_TOLD_AT_ITS_START = ("yaml-no-colon", "yaml-open", "yaml-bracket")


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
        sentence, line = _explain(error)
        last = len(text.rstrip().splitlines()) or 1  # PyYAML tells an early end one line after the file
        raise SettingsError(sentence, f"{label}:{min(line, last)}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SettingsError(phrase("yaml-control"), f"{label}:{line}") from None
    except (ValueError, OverflowError):  # an escape or a version number beyond what Python can hold
        raise SettingsError(phrase("yaml-range"), label) from None


def _explain(error: yaml.MarkedYAMLError) -> tuple[Phrase, int]:
    problem = error.problem or ""
    key = next((key for sign, key in _PLAIN_WORDS if sign in problem), "yaml-invalid")
    start = error.context_mark if key in _TOLD_AT_ITS_START else None
    mark = start or error.problem_mark or error.context_mark
    return phrase(key), mark.line + 1 if mark else 1


def _document(events: Iterator[yaml.Event], label: str) -> Node:
    import yaml  # noqa: PLC0415 - likewise

    root = Node(f"{label}:1", None)
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise SettingsError(phrase("yaml-second"), _where(event, label))
            root = _node(next(events), events, label, 0)
    return root


def _node(event: yaml.Event, events: Iterator[yaml.Event], label: str, depth: int) -> Node:
    import yaml  # noqa: PLC0415 - likewise

    where = _where(event, label)
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise SettingsError(phrase("yaml-alias"), where)
    if getattr(event, "tag", None) is not None:
        raise SettingsError(phrase("yaml-tag"), where)
    if depth > _DEPTH:
        raise SettingsError(phrase("yaml-deep"), where)
    if isinstance(event, yaml.SequenceStartEvent):
        return Node(where, _items(events, label, depth))
    if isinstance(event, yaml.MappingStartEvent):
        return Node(where, _members(events, label, depth))
    if not isinstance(event, yaml.ScalarEvent):
        raise SettingsError(phrase("yaml-invalid"), where)
    plain = event.style is None
    return Node(where, None if plain and event.value in _NOTHING else event.value)


def _items(events: Iterator[yaml.Event], label: str, depth: int) -> tuple[Node, ...]:
    import yaml  # noqa: PLC0415 - likewise

    found: list[Node] = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        found.append(_node(event, events, label, depth + 1))
    return tuple(found)


def _members(events: Iterator[yaml.Event], label: str, depth: int) -> dict[str, Node]:
    import yaml  # noqa: PLC0415 - likewise

    found: dict[str, Node] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _node(event, events, label, depth + 1)
        if not isinstance(key.value, str):
            raise SettingsError(phrase("yaml-key"), key.where)
        if key.value in found:
            first = found[key.value].where
            raise SettingsError(phrase("yaml-twice", key=quoted(key.value), first=first), key.where)
        value = _node(next(events), events, label, depth + 1)
        found[key.value] = Node(key.where, value.value)
    return found


def _where(event: yaml.Event, label: str) -> str:
    return f"{label}:{event.start_mark.line + 1 if event.start_mark else 1}"
