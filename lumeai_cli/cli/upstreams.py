"""The backends behind the proxy: those given, else those configured, else those found alive, else lumeai itself."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lumeai_cli.backends.address import CHAT, parse
from lumeai_cli.backends.backend import Backend, Kind, Origin, Secret
from lumeai_cli.cli.backends import key_from, known_backends, named
from lumeai_cli.proxy.listening import is_itself
from lumeai_cli.settings import ServeSettings, Settings, SettingsError, discover, read_dotenv
from lumeai_cli.text.mendable import place
from lumeai_cli.text.phrase import Phrase, phrase

BUILTIN = "builtin"
PATIENCE = 1.5
"""Seconds that a server has to show that it is there."""


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The backends in their order, as `Plan` wants them, and what has to be said about the choice."""

    backends: tuple[Backend, ...]
    notes: tuple[Phrase, ...] = ()


def chosen_upstreams(settings: Settings, names: Sequence[str], variable: str, serve: ServeSettings) -> Upstreams:
    """What to serve; `names` and `variable` are `--backend` and `--api-key-env`, `serve` says where it will listen.

    Reads `.env` and the environment; with neither a name nor a configured backend it asks the candidates of discovery
    whether they are there, in an event loop of its own. Everything wrong is a `MendableError`.
    """
    if variable and len(names) != 1:
        raise SettingsError(phrase("serve-key-option"), "--api-key-env")
    if names:
        return _named(settings, names, key_from(variable) if variable else None, serve)
    if settings.backends:
        return _joined(_prepared(backend, serve) for backend in settings.backends)
    return _found(serve, os.environ)


def _named(settings: Settings, names: Sequence[str], key: Secret | None, serve: ServeSettings) -> Upstreams:
    known = known_backends(settings, names, read_dotenv(Path.cwd() / ".env"))
    chosen: list[tuple[Backend, tuple[Phrase, ...]]] = []
    for name in names:
        backend = _called(name, known, {other.name for other, _ in chosen})
        if key is not None and backend.kind is Kind.BUILTIN:
            raise SettingsError(phrase("serve-key-option"), "--api-key-env")
        backend, notes = _prepared(replace(backend, key=key or backend.key), serve)
        for other, _ in chosen:
            if other.name == backend.name or _same(other, backend):
                raise SettingsError(phrase("serve-repeated", name=name, other=other.name), "--backend")
        chosen.append((backend, notes))
    return _joined(iter(chosen))


def _called(name: str, known: Mapping[str, Backend], taken: set[str]) -> Backend:
    """The backend that one `--backend` means, under a name of its own."""
    if name == BUILTIN and name not in known:
        return Backend(BUILTIN, "", Kind.BUILTIN)
    if name in known or "://" not in name:
        found = named(name, known, (BUILTIN,))
        return replace(found, origin=Origin.ARGUMENT) if found.origin is Origin.DISCOVERY else found
    base = _without_endpoint(parse(name).base)
    found = named(base, known)  # whose key and name belong to this URL
    return replace(found, url=name, name=_free_name(base, taken | known.keys()) if "://" in found.name else found.name)


def _prepared(backend: Backend, serve: ServeSettings) -> tuple[Backend, tuple[Phrase, ...]]:
    """The backend with the base URL to which an endpoint's path is appended, with its key only if that may be sent."""
    if backend.kind is Kind.BUILTIN:
        return backend, ()
    notes: list[Phrase] = []
    address = parse(backend.url)
    base = _without_endpoint(address.base)
    if is_itself(address, serve.host, serve.port):
        raise SettingsError(phrase("serve-itself", name=backend.name, url=base))
    if base != address.base:
        notes.append(phrase("serve-cut", url=base))
    elif address.completed and backend.origin is not Origin.DISCOVERY:
        notes.append(phrase("serve-completed", url=base))
    if "?" in backend.url:
        notes.append(phrase("serve-query", url=base))
    key = backend.key
    if key is not None and not address.private:
        notes.append(phrase("serve-no-key-over-http", name=backend.name, source=place(key.source)))
        key = None
    return replace(backend, url=base, key=key), tuple(notes)


def _found(serve: ServeSettings, env: Mapping[str, str]) -> Upstreams:
    """What is there of all that discovery can name; where nothing is, lumeai itself."""
    import asyncio

    from lumeai_cli.proxy.presence import presences

    discovered = discover(env, read_dotenv(Path.cwd() / ".env"))
    notes = list(discovered.notes)
    candidates: list[Backend] = []
    for candidate in discovered.backends:
        if is_itself(parse(candidate.url), serve.host, serve.port):
            notes.append(phrase("serve-found-itself", name=candidate.name, url=candidate.url))
            continue
        backend, told = _prepared(candidate, serve)
        candidates.append(backend)
        notes += told
    alive: list[Backend] = []
    for presence in asyncio.run(presences(candidates, PATIENCE, env)):
        backend = presence.backend
        if presence.answers and (presence.models.ids or backend.named):
            kind = presence.models.kind
            if kind is Kind.UNKNOWN and backend.named:
                kind = backend.kind  # a guess by the port proves nothing
            alive.append(replace(backend, kind=kind))
            notes.append(phrase("serve-found", name=backend.name, url=backend.url))
        elif presence.objection is not None and (backend.named or presence.certain):
            notes.append(phrase("serve-unusable", name=backend.name, url=backend.url, objection=presence.objection))
    if not alive:
        looked = ", ".join(backend.name for backend in discovered.backends)
        return Upstreams((Backend(BUILTIN, "", Kind.BUILTIN),), (*notes, phrase("serve-builtin", looked=looked)))
    return Upstreams(tuple(alive), tuple(notes))


def _joined(prepared: Iterator[tuple[Backend, tuple[Phrase, ...]]]) -> Upstreams:
    pairs = tuple(prepared)
    notes = (note for _, told in pairs for note in told)
    return Upstreams(tuple(backend for backend, _ in pairs), tuple(dict.fromkeys(notes)))


def _without_endpoint(url: str) -> str:
    """The base of a URL that already ends in the endpoint's path; another URL as it is."""
    whole = url.partition("?")[0].rstrip("/")
    return whole.removesuffix(CHAT) if whole.endswith(CHAT) else url


def _free_name(url: str, taken: set[str]) -> str:
    """A name for a backend that was given by its URL: host and port, with a number where that is taken."""
    wanted = url.partition("://")[2].partition("/")[0]
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    return name


def _same(one: Backend, other: Backend) -> bool:
    return (one.url, one.key, one.model, one.kind is Kind.BUILTIN) == (
        other.url,
        other.key,
        other.model,
        other.kind is Kind.BUILTIN,
    )
