"""What to examine: names and URLs of the command line, else everything that is configured and discovered."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lumeai_cli.backends.backend import Kind, Origin
from lumeai_cli.cli.backends import key_from, known_backends, named
from lumeai_cli.doctor.target import Target, target_of
from lumeai_cli.settings import Settings, SettingsError, discover, merge, read_dotenv
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
        every = merge(settings.backends, found.backends)
        return [target_of(backend, insecure=insecure) for backend in every if backend.kind is not Kind.BUILTIN]
    key = key_from(variable) if variable else None
    known = known_backends(settings, names, dotenv)
    chosen: list[Target] = []
    for name in names:
        backend = named(name, known)
        if backend.kind is Kind.BUILTIN:
            raise SettingsError(phrase("builtin-target", name=backend.name))
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
