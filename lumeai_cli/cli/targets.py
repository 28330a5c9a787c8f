"""What to examine: names and URLs of the command line, else everything that is configured and discovered."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lumeai_cli.backends.address import parse
from lumeai_cli.backends.backend import Backend, Origin, Secret
from lumeai_cli.doctor.target import Target, target_of
from lumeai_cli.settings import (
    Dotenv,
    Settings,
    SettingsError,
    check_key,
    discover,
    look_up,
    merge,
    read_dotenv,
    unknown,
)
from lumeai_cli.text.phrase import phrase


def chosen_targets(settings: Settings, names: list[str], variable: str, spoken: str, *, insecure: bool) -> list[Target]:
    """What to examine: the names and URLs given, else everything configured and discovered."""
    dotenv = read_dotenv(Path.cwd() / ".env")
    if not names:
        if variable:
            raise SettingsError(phrase("key-option-target"))
        found = discover(os.environ, dotenv)
        for note in found.notes:
            sys.stderr.write(f"lumeai: {note.in_(spoken)}\n")
        return [target_of(backend, insecure=insecure) for backend in merge(settings.backends, found.backends)]
    key = _key(variable) if variable else None
    known = {backend.name: backend for backend in settings.backends}
    for backend in _discovered(names, known, dotenv):
        known.setdefault(backend.name, backend)
    chosen: list[Target] = []
    for name in names:
        backend = _named(name, known)
        origin = Origin.ARGUMENT if backend.origin is Origin.DISCOVERY else backend.origin
        target = target_of(replace(backend, key=key or backend.key, origin=origin), insecure=insecure)
        if not any((target.address, target.key, target.model) == (one.address, one.key, one.model) for one in chosen):
            chosen.append(target)
    return chosen


def with_gateway(chosen: Sequence[Target], *, asked: int) -> list[Target]:
    """The one target and its gateway, which was named last; both are asked, and then compared."""
    if asked != 2:  # a server and its gateway
        raise SettingsError(phrase("via-one-target"), "--via")
    direct, gateway = chosen[0], chosen[-1]
    if direct.address.base == gateway.address.base:
        raise SettingsError(phrase("via-same"), "--via")
    return [direct, replace(gateway, behind=direct.name)]


def _discovered(names: Sequence[str], known: Mapping[str, Backend], dotenv: Dotenv) -> tuple[Backend, ...]:
    """What the environment names, so that a URL gets the key that belongs to it whoever else is examined.

    A mistake in a variable stops a run only if that run needs the variables to find a target.
    """
    try:
        return discover(os.environ, dotenv).backends
    except SettingsError:
        if any(name not in known and "://" not in name for name in names):
            raise
        return ()


def _named(name: str, known: dict[str, Backend]) -> Backend:
    """The backend of this name, or one for this URL (with a configured one's key if it is the very same URL)."""
    if name in known:
        return known[name]
    if "://" not in name:
        raise unknown("unknown-backend", name, known)
    base = parse(name).base
    same = next((backend for backend in known.values() if backend.url.rstrip("/") == base), None)
    if same is not None:
        return Backend(same.name, name, same.kind, same.key, same.model)
    return Backend(base, name)


def _key(variable: str) -> Secret:
    found = look_up(variable, os.environ, read_dotenv(Path.cwd() / ".env"))
    if found is None:
        unset = phrase("key-option-unset", name=variable) if variable.isupper() else phrase("key-option-this-unset")
        raise SettingsError(unset, "--api-key-env")
    return check_key(found.text, found.where)
