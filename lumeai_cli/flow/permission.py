"""Which backends and models a key may reach: what it asks for is one question, what is asked in the end another.

A model is allowed if one of the key's globs matches its name or, with a slash in it, `BACKEND/MODEL`. An alias that is
allowed by its name leads to its model. No other backend and no default model comes in that way: each candidate has to
be allowed itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from lumeai_cli.backends.backend import Backend
from lumeai_cli.flow.attempt import Candidate
from lumeai_cli.flow.refusal import Refusal, backend_not_allowed, model_not_allowed
from lumeai_cli.flow.route import ANY, Offers, choose
from lumeai_cli.keys.terms import Terms, allows

if TYPE_CHECKING:
    from lumeai_cli.backends.models import ModelList

T = TypeVar("T")


def choose_allowed(model: str, offers: Offers, terms: Terms) -> tuple[Candidate, ...] | Refusal:
    """The candidates as `choose` has them, without those that the key must not reach."""
    if not terms.models and not terms.backends:
        return choose(model, offers)
    mine = tuple(one for one in offers.backends if not terms.backends or one.name in terms.backends)
    if not mine:
        return backend_not_allowed()
    if model in offers.aliases and allows(terms.models, model):
        target = offers.aliases[model]
        meant, own = _bare(target, mine), replace(offers, backends=mine, aliases={})
    else:
        target, meant = "" if model in ANY else model, ""
        own = _own(offers, mine, terms)
        bare = _bare(target, mine)
        if not own.backends or (target and not _named(terms, target, bare, mine)):
            return model_not_allowed(model)
    found = choose(target, own)
    if isinstance(found, Refusal):
        return found
    allowed = tuple(
        candidate
        for candidate in (_without_substitute(candidate, terms) for candidate in found)
        if (meant and candidate.model == meant) or _reaches(candidate, target, terms)
    )
    return allowed or model_not_allowed(model)


def visible_entries(
    entries: Mapping[str, T], owners: Mapping[str, str], backends: Iterable[Backend], terms: Terms
) -> dict[str, T]:
    """The models of a list that the key may ask for. `owners`: the backend of each name, or an alias's target."""
    names = tuple(backend.name for backend in backends)
    shown: dict[str, T] = {}
    if terms.backends and not any(name in terms.backends for name in names):
        return shown
    for name, entry in entries.items():
        owner = owners[name]
        alias = owner not in names
        backend = next((one for one in names if owner == one or owner.startswith(f"{one}/")), None)
        if backend is not None and terms.backends and backend not in terms.backends:
            continue
        bare, of = (name, ()) if alias or backend is None else (name.removeprefix(f"{backend}/"), (backend,))
        if allows(terms.models, bare, *of):
            shown[name] = entry
    return shown


def _own(offers: Offers, backends: Iterable[Backend], terms: Terms) -> Offers:
    """The offers as if there were no other models than those that the key may ask for."""
    kept: list[Backend] = []
    models: dict[str, ModelList | None] = {}
    for backend in backends:

        def allowed(name: str, backend: Backend = backend) -> bool:
            return allows(terms.models, name, backend.name)

        default = backend.model if backend.model and allowed(backend.model) else None
        known = offers.models.get(backend.name)
        if known is not None and known.ids:
            ids = tuple(name for name in known.ids if allowed(name))
            if not ids and default is None:
                continue
            known = replace(known, ids=ids, chat=tuple(name for name in known.chat if allowed(name)))
        models[backend.name] = known
        kept.append(replace(backend, model=default))
    return replace(offers, backends=tuple(kept), models=models, aliases={})


def _bare(model: str, backends: Iterable[Backend]) -> str:
    """A model's name without the backend before it."""
    name, slash, rest = model.partition("/")
    return rest if slash and any(backend.name == name for backend in backends) else model


def _reaches(candidate: Candidate, asked: str, terms: Terms) -> bool:
    """Whether what would be asked of this backend is allowed; without a name of its own that is the client's."""
    name = candidate.model or asked
    if not name:
        return not terms.models
    return allows(terms.models, name, candidate.backend.name)


def _without_substitute(candidate: Candidate, terms: Terms) -> Candidate:
    name = candidate.substitute
    if not name or allows(terms.models, name, candidate.backend.name):
        return candidate
    return replace(candidate, substitute="")


def _named(terms: Terms, target: str, bare: str, backends: Iterable[Backend]) -> bool:
    """Whether what a client wrote may be a model of its own; a slash in it may belong to the model's name."""
    names = tuple(backend.name for backend in backends)
    return allows(terms.models, target, *names) or allows(terms.models, bare, *names)
