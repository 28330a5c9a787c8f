"""From a YAML node to one typed value: says what was found, what is expected, and where."""

import re
from collections.abc import Collection, Mapping

from lumeai_cli.settings.error import SettingsError, quoted
from lumeai_cli.settings.suggest import did_you_mean
from lumeai_cli.settings.yamlfile import Node

_YES = ("yes", "true", "on")
_NO = ("no", "false", "off")
_WHOLE = re.compile(r"[0-9]{1,12}")
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


def members(node: Node, what: str, allowed: Collection[str]) -> Mapping[str, Node]:
    """The keys of a group; one that is not `allowed` is an error with the nearest valid one."""
    if not isinstance(node.value, Mapping):
        raise _wrong(node, what, "a group of `key: value` lines")
    for key, value in node.value.items():
        if key not in allowed:
            near = did_you_mean(key, allowed)
            hint = f'; did you mean "{near}"?' if near else "."
            raise SettingsError(f"unknown key {quoted(key)}{hint} Valid keys here: {', '.join(allowed)}.", value.where)
    return node.value


def items(node: Node, what: str) -> tuple[Node, ...]:
    """The entries of a list."""
    if not isinstance(node.value, tuple):
        raise _wrong(node, what, "a list (lines that start with `- `)")
    return node.value


def text(node: Node, what: str) -> str:
    """A printable, non-empty text."""
    if not isinstance(node.value, str):
        raise _wrong(node, what, "a text")
    if not node.value.strip():
        raise SettingsError(f'"{what}" is empty: give it a value or remove the line', node.where)
    if not node.value.isprintable():
        raise SettingsError(f'"{what}" holds a control character or a line break: remove it', node.where)
    return node.value


def texts(node: Node, what: str) -> tuple[str, ...]:
    """One text, or a list of them with at least one."""
    if not isinstance(node.value, tuple):
        return (text(node, what),)
    if not node.value:
        raise SettingsError(f'"{what}" is an empty list: name at least one, or remove the line', node.where)
    return tuple(text(entry, what) for entry in node.value)


def choice(found: str, what: str, choices: Collection[str], where: str) -> str:
    """One word out of `choices`."""
    if found in choices:
        return found
    near = did_you_mean(found, choices)
    hint = f' (did you mean "{near}"?)' if near else ""
    raise SettingsError(f'"{what}" is one of {", ".join(choices)}, found {quoted(found)}{hint}', where)


def whole(node: Node, what: str, least: int, most: int) -> int:
    """A whole number from `least` to `most`, in plain digits."""
    if not isinstance(node.value, str) or not _WHOLE.fullmatch(node.value) or not least <= int(node.value) <= most:
        raise _wrong(node, what, f"a whole number from {least} to {most}, in plain digits")
    return int(node.value)


def seconds(node: Node, what: str) -> float:
    """A duration above zero."""
    if not isinstance(node.value, str) or not _NUMBER.fullmatch(node.value) or float(node.value) <= 0:
        raise _wrong(node, what, "a number of seconds above 0, in plain digits")
    return float(node.value)


def flag(node: Node, what: str) -> bool:
    """Yes or no, in any of YAML's spellings."""
    word = node.value.lower() if isinstance(node.value, str) else ""
    if word not in _YES + _NO:
        raise _wrong(node, what, "yes or no")
    return word in _YES


def _wrong(node: Node, what: str, expected: str) -> SettingsError:
    match node.value:
        case None:
            found = "nothing"
        case str():
            found = quoted(node.value)
        case tuple():
            found = "a list"
        case _:
            found = "a group of keys"
    return SettingsError(f'"{what}" takes {expected}, found {found}', node.where)
