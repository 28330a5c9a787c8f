"""From a YAML node to one typed value: says what was found, what is expected, and where."""

import re
from collections.abc import Collection, Mapping

from lumeai_cli.settings.error import SettingsError, quoted
from lumeai_cli.settings.suggest import hint
from lumeai_cli.settings.yamlfile import Node
from lumeai_cli.text.phrase import Phrase, Words, phrase

_YES = ("yes", "true", "on")
_NO = ("no", "false", "off")
_WHOLE = re.compile(r"[0-9]{1,12}")
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


def members(node: Node, what: Words, allowed: Collection[str]) -> Mapping[str, Node]:
    """The keys of a group; one that is not `allowed` is an error with the nearest valid one."""
    if not isinstance(node.value, Mapping):
        raise _wrong(node, what, phrase("expected-group"))
    for key, value in node.value.items():
        if key not in allowed:
            near = hint(key, allowed, "did-you-mean-key") or "."
            known = ", ".join(allowed)
            raise SettingsError(phrase("settings-unknown-key", key=quoted(key), hint=near, known=known), value.where)
    return node.value


def items(node: Node, what: str) -> tuple[Node, ...]:
    """The entries of a list."""
    if not isinstance(node.value, tuple):
        raise _wrong(node, what, phrase("expected-list"))
    return node.value


def text(node: Node, what: str) -> str:
    """A printable, non-empty text."""
    if not isinstance(node.value, str):
        raise _wrong(node, what, phrase("expected-text"))
    if not node.value.strip():
        raise SettingsError(phrase("settings-empty", what=what), node.where)
    if not node.value.isprintable():
        raise SettingsError(phrase("settings-control", what=what), node.where)
    return node.value


def texts(node: Node, what: str) -> tuple[str, ...]:
    """One text, or a list of them with at least one."""
    if not isinstance(node.value, tuple):
        return (text(node, what),)
    if not node.value:
        raise SettingsError(phrase("settings-empty-list", what=what), node.where)
    return tuple(text(entry, what) for entry in node.value)


def pairs(node: Node, what: str) -> tuple[tuple[str, str, str], ...]:
    """A group whose keys the author chooses: each key, its text, and its place; the keys are printable texts, too."""
    if not isinstance(node.value, Mapping):
        raise _wrong(node, what, phrase("expected-group"))
    return tuple(
        (text(Node(value.where, key), what), text(value, what), value.where) for key, value in node.value.items()
    )


def choice(found: str, what: str, choices: Collection[str], where: str) -> str:
    """One word out of `choices`."""
    if found in choices:
        return found
    near = hint(found, choices, "did-you-mean-choice")
    known = ", ".join(choices)
    raise SettingsError(phrase("settings-choice", what=what, choices=known, found=quoted(found), hint=near), where)


def whole(node: Node, what: str, least: int, most: int) -> int:
    """A whole number from `least` to `most`, in plain digits."""
    if not isinstance(node.value, str) or not _WHOLE.fullmatch(node.value) or not least <= int(node.value) <= most:
        raise _wrong(node, what, phrase("expected-whole", least=least, most=most))
    return int(node.value)


def seconds(node: Node, what: str) -> float:
    """A duration above zero."""
    if not isinstance(node.value, str) or not _NUMBER.fullmatch(node.value) or float(node.value) <= 0:
        raise _wrong(node, what, phrase("expected-seconds"))
    return float(node.value)


def flag(node: Node, what: str) -> bool:
    """Yes or no, in any of YAML's spellings."""
    word = node.value.lower() if isinstance(node.value, str) else ""
    if word not in _YES + _NO:
        raise _wrong(node, what, phrase("expected-flag"))
    return word in _YES


def _wrong(node: Node, what: Words, expected: Phrase) -> SettingsError:
    match node.value:
        case None:
            found = phrase("found-nothing")
        case str():
            found = quoted(node.value)
        case tuple():
            found = phrase("found-list")
        case _:
            found = phrase("found-group")
    return SettingsError(phrase("settings-wrong-kind", what=what, expected=expected, found=found), node.where)
