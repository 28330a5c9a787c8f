"""Which backends and models a key may reach: what it asks for is one question, what is asked in the end another.

A model is allowed if one of the key's globs matches its name or `BACKEND/MODEL`. An alias that is allowed by its name
leads to its model. No other backend and no default model comes in that way: each candidate has to be allowed itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from lumeai_cli.backends.backend import Backend
from lumeai_cli.keys.terms import Terms, allows
from lumeai_cli.proxy.attempt import Candidate
from lumeai_cli.proxy.refusal import Refusal, backend_not_allowed, model_not_allowed
from lumeai_cli.proxy.route import ANY, Offers, choose

T = TypeVar("T")


def choose_allowed(model: str, offers: Offers, terms: Terms) -> tuple[Candidate, ...] | Refusal:
    """The candidates as `choose` has them, without those that the key must not reach."""
    if not terms.models and not terms.backends:
        return choose(model, offers)
    own = _own(offers, terms)
    if not own.backends:
        return backend_not_allowed()
    alias = model in offers.aliases and allows(terms.models, model)
    named = offers.aliases[model] if alias else model
    if model in ANY and not alias:
        found: tuple[Candidate, ...] | Refusal = choose("", replace(own, aliases={}))
    elif not alias and not _asked(model, own.backends, terms):
        return model_not_allowed(model)
    else:
        found = choose(named, replace(own, aliases={}))
    if isinstance(found, Refusal):
        return found
    meant = _bare(named, own.backends) if alias else ""
    allowed = tuple(
        candidate
        for candidate in (_without_substitute(candidate, terms) for candidate in found)
        if (meant and candidate.model == meant) or _reaches(candidate, model, terms)
    )
    return allowed or model_not_allowed(model)


def visible_entries(
    entries: Mapping[str, T], owners: Mapping[str, str], backends: Iterable[Backend], terms: Terms
) -> dict[str, T]:
    """The models of a list that the key may ask for. `owners`: the backend of each name, or an alias's target."""
    names = tuple(backend.name for backend in backends)
    shown: dict[str, T] = {}
    for name, entry in entries.items():
        owner = owners[name]
        backend = next((one for one in names if owner == one or owner.startswith(f"{one}/")), None)
        if backend is not None and terms.backends and backend not in terms.backends:
            continue
        if allows(terms.models, *_names(name, backend)):
            shown[name] = entry
    return shown


def _own(offers: Offers, terms: Terms) -> Offers:
    """The offers of the backends that the key may reach, with the models that it may ask for."""
    backends = tuple(one for one in offers.backends if not terms.backends or one.name in terms.backends)
    models = {
        backend.name: replace(
            known,
            ids=tuple(name for name in known.ids if allows(terms.models, name, f"{backend.name}/{name}")),
            chat=tuple(name for name in known.chat if allows(terms.models, name, f"{backend.name}/{name}")),
        )
        if (known := offers.models.get(backend.name)) is not None
        else None
        for backend in backends
    }
    return replace(offers, backends=backends, models=models)


def _asked(model: str, backends: Iterable[Backend], terms: Terms) -> bool:
    """Whether the name as the client writes it is allowed."""
    return allows(terms.models, model, _bare(model, backends))


def _bare(model: str, backends: Iterable[Backend]) -> str:
    """A model's name without the backend before it."""
    name, slash, rest = model.partition("/")
    return rest if slash and any(backend.name == name for backend in backends) else model


def _reaches(candidate: Candidate, asked: str, terms: Terms) -> bool:
    """Whether what would be asked of this backend is allowed; without a name of its own that is the client's."""
    name = candidate.model or asked
    if not name:
        return not terms.models
    return allows(terms.models, name, f"{candidate.backend.name}/{name}")


def _without_substitute(candidate: Candidate, terms: Terms) -> Candidate:
    name = candidate.substitute
    if not name or allows(terms.models, name, f"{candidate.backend.name}/{name}"):
        return candidate
    return replace(candidate, substitute="")


def _names(name: str, backend: str | None) -> tuple[str, ...]:
    """A listed name with and without its backend."""
    if backend is None:
        return (name,)
    bare = name.removeprefix(f"{backend}/")
    return name, bare, f"{backend}/{bare}"
