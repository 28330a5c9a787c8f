"""The schema of `lumeai.yaml`: which keys exist, what each takes, and the layer of values one file gives."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lumeai_cli.backends.backend import Backend, Kind, Origin, Secret
from lumeai_cli.settings.address import check_url, is_loopback
from lumeai_cli.settings.dotenv import Dotenv
from lumeai_cli.settings.error import SettingsError, quoted
from lumeai_cli.settings.key import check_key
from lumeai_cli.settings.model import SettingsWarning
from lumeai_cli.settings.schema import choice, flag, items, members, pairs, seconds, text, texts, whole
from lumeai_cli.settings.variables import look_up
from lumeai_cli.settings.yamlfile import Node
from lumeai_cli.text.phrase import LANGUAGES, Words, phrase

_TOP = ("language", "backends", "doctor", "serve", "keys")
_BACKEND = ("name", "url", "kind", "key_env", "key", "model")
_DOCTOR: Mapping[str, Callable[[Node, str], object]] = {
    "timeout": seconds,
    "clients": texts,
    "prompt_chars": partial(whole, least=1, most=100_000_000),
    "repeat": partial(whole, least=1, most=1000),
    "slow_after": seconds,
    "budget": partial(whole, least=0, most=1_000_000_000),
    "quick": flag,
}
_EXPLAIN = ("error", "message")


def _explain(node: Node, what: str) -> str:
    return choice(text(node, what), what, _EXPLAIN, node.where)


def _aliases(node: Node, what: str) -> tuple[tuple[str, str], ...]:
    found = pairs(node, what)
    for alias, target, where in found:
        if alias == target:
            raise SettingsError(phrase("settings-alias-itself", alias=quoted(alias)), where)
    return tuple((alias, target) for alias, target, _ in found)


_SERVE: Mapping[str, Callable[[Node, str], object]] = {
    "host": text,
    "port": partial(whole, least=0, most=65535),
    "workers": partial(whole, least=1, most=64),
    "hold": seconds,
    "keep_alive": seconds,
    "first_byte": seconds,
    "silence": seconds,
    "connect": seconds,
    "attempts": partial(whole, least=1, most=20),
    "explain": _explain,
    "substitute": flag,
    "max_body": partial(whole, least=1, most=1024),
    "aliases": _aliases,
    "grace": seconds,
}
_LIMIT = partial(whole, least=1, most=999_999_999_999)
_KEYS: Mapping[str, Callable[[Node, str], object]] = {
    "store": text,
    "rpm": _LIMIT,
    "tokens_per_day": _LIMIT,
    "concurrent": _LIMIT,
    "lost_store_grace": seconds,
    "usage_days": partial(whole, least=1, most=3660),
}
_SECTIONS = {"doctor": _DOCTOR, "serve": _SERVE, "keys": _KEYS}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Layer:
    """What one file gives: dotted keys with their values and places, and the warnings it earns."""

    values: Mapping[str, Any] = field(repr=False)
    origins: Mapping[str, str]
    warnings: tuple[SettingsWarning, ...] = ()


def read_layer(root: Node, env: Mapping[str, str], dotenv: Dotenv, *, trusted: bool = True) -> Layer:
    """The layer of one file's tree; a key that is left empty (`model:`) counts as not given."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    warnings: list[SettingsWarning] = []
    top = _given(root, phrase("what-settings"), _TOP)
    if language := top.get("language"):
        values["language"] = choice(text(language, "language"), "language", LANGUAGES, language.where)
        origins["language"] = language.where
    for section, readers in _SECTIONS.items():
        if group := top.get(section):
            for name, node in _given(group, section, tuple(readers)).items():
                values[f"{section}.{name}"] = readers[name](node, name)
                origins[f"{section}.{name}"] = node.where
                if name == "aliases" and isinstance(node.value, Mapping):
                    origins |= {f"serve.aliases.{alias}": entry.where for alias, entry in node.value.items()}
    if backends := top.get("backends"):
        found: dict[str, Backend] = {}
        origins["backends"] = backends.where
        for entry in items(backends, "backends"):
            backend, places, doubts = _read_backend(entry, env, dotenv, trusted=trusted)
            if backend.name in found:
                first = origins[f"backends.{backend.name}.name"]
                raise SettingsError(
                    phrase("settings-same-name", name=quoted(backend.name), first=first),
                    places["name"],
                )
            found[backend.name] = backend
            origins |= {f"backends.{backend.name}.{name}": where for name, where in places.items()}
            warnings += doubts
        values["backends"] = tuple(found.values())
    return Layer(values, origins, tuple(warnings))


def _read_backend(
    entry: Node, env: Mapping[str, str], dotenv: Dotenv, *, trusted: bool
) -> tuple[Backend, Mapping[str, str], list[SettingsWarning]]:
    fields = members(entry, phrase("what-backend"), _BACKEND)
    places = {key: node.where for key, node in fields.items() if node.value is not None}
    kind = Kind.UNKNOWN
    if word := _optional(fields, "kind"):
        kind = Kind(choice(word, "kind", tuple(Kind), fields["kind"].where))
    for needed in ("name",) if kind is Kind.BUILTIN else ("name", "url"):
        if needed not in fields:
            raise SettingsError(phrase("settings-missing", needed=needed), entry.where)
    name = _check_name(text(fields["name"], "name"), fields["name"].where)
    if kind is Kind.BUILTIN:
        for idle in ("url", "key_env", "key", "model"):
            if idle in places:
                raise SettingsError(phrase("settings-builtin", idle=idle), places[idle])
        return Backend(name, "", kind, origin=Origin.CONFIG), places, []
    url, model = check_url(text(fields["url"], "url"), fields["url"].where), _optional(fields, "model")
    key, doubts = _read_key(fields, env, dotenv)
    if key is not None and not trusted and key.source.startswith("environment ") and not is_loopback(url):
        # A file that merely lay in the folder must not draw a key out of the environment to a server of its choice.
        key, doubts = None, [SettingsWarning(phrase("settings-key-withheld"), fields["key_env"].where)]
    if key is not None:
        places["key"] = key.source
        if url.startswith("http:") and not is_loopback(url):
            doubts.append(SettingsWarning(phrase("settings-key-in-the-open"), fields["url"].where))
    return (
        Backend(
            name=name,
            url=url,
            kind=kind,
            key=key,
            model=model,
            origin=Origin.CONFIG,
        ),
        places,
        doubts,
    )


def _read_key(
    fields: Mapping[str, Node], env: Mapping[str, str], dotenv: Dotenv
) -> tuple[Secret | None, list[SettingsWarning]]:
    if "key" in fields and "key_env" in fields:
        raise SettingsError(phrase("settings-two-keys"), fields["key"].where)
    if key := fields.get("key"):
        if key.value is not None and not isinstance(key.value, str):
            raise SettingsError(phrase("settings-key-is-text"), key.where)
        return check_key(key.value or "", key.where), []
    if (name := _optional(fields, "key_env")) is None:
        return None, []
    where = fields["key_env"].where
    if not _VARIABLE.fullmatch(name):
        raise SettingsError(phrase("settings-key-env"), where)
    if found := look_up(name, env, dotenv):
        return check_key(found.text, found.where), []
    unset = (
        phrase("settings-variable-unset", name=name)
        if name.isupper()  # else it may be a key in the wrong place
        else phrase("settings-this-variable-unset")
    )
    return None, [SettingsWarning(unset, where)]


def _check_name(name: str, where: str) -> str:
    if "/" in name or name != name.strip():
        raise SettingsError(phrase("settings-backend-name"), where)
    return name


def _given(node: Node, what: Words, allowed: tuple[str, ...]) -> Mapping[str, Node]:
    if node.value is None:
        return {}
    return {name: value for name, value in members(node, what, allowed).items() if value.value is not None}


def _optional(fields: Mapping[str, Node], name: str) -> str | None:
    node = fields.get(name)
    return None if node is None or node.value is None else text(node, name)
