"""Backends as a command line names them, by name or URL, each with the key that belongs to it."""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from lumeai_cli.backends.address import AddressError, parse
from lumeai_cli.backends.backend import Backend, Secret
from lumeai_cli.settings import Dotenv, Settings, SettingsError, check_key, discover, look_up, read_dotenv, unknown
from lumeai_cli.text.phrase import phrase


def known_backends(settings: Settings, names: Sequence[str], dotenv: Dotenv) -> dict[str, Backend]:
    """What the settings name, then what the environment and the usual places name, by their names.

    So a URL gets the key that belongs to it, whoever else is named. A mistake in a variable stops a run only if that
    run needs the variables to find one of `names`.
    """
    known = {backend.name: backend for backend in settings.backends}
    try:
        found = discover(os.environ, dotenv).backends
    except SettingsError:
        if any(name not in known and "://" not in name for name in names):
            raise
        found = ()
    for backend in found:
        known.setdefault(backend.name, backend)
    return known


def named(name: str, known: Mapping[str, Backend], others: Collection[str] = ()) -> Backend:
    """The backend of this name, or one for this URL (with a known one's name and key if it is the very same URL).

    A URL that nobody knows becomes its own name. `others` are further names that a hint may offer.
    """
    if name in known:
        return known[name]
    if "://" not in name:
        raise unknown("unknown-backend", name, (*known, *others))
    base = parse(name).base
    same = next((backend for backend in known.values() if backend.url and _base(backend.url) == base), None)
    if same is not None:
        return Backend(same.name, name, same.kind, same.key, same.model)
    return Backend(base, name)


def key_from(variable: str) -> Secret:
    """The key that the variable of `--api-key-env` holds."""
    found = look_up(variable, os.environ, read_dotenv(Path.cwd() / ".env"))
    if found is None:
        unset = phrase("key-option-unset", name=variable) if variable.isupper() else phrase("key-option-this-unset")
        raise SettingsError(unset, "--api-key-env")
    return check_key(found.text, found.where)


def _base(url: str) -> str:
    try:
        return parse(url).base
    except AddressError:
        return url
