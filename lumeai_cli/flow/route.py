"""Who shall answer a request for this model: the rule, over what is known of the backends."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lumeai_cli.backends.backend import Backend, Kind
from lumeai_cli.backends.models import ModelList
from lumeai_cli.flow.attempt import Candidate
from lumeai_cli.flow.refusal import Refusal, unknown_model
from lumeai_cli.flow.spoken import MODEL

ANY = frozenset({"", "default", "auto", "lumeai"})
"""Names that leave the choice to the proxy."""

NEAR = 3
LONGEST_NAME = 200
"""Characters of a name that is compared with others; no model's is longer."""


@dataclass(frozen=True, slots=True)
class Offers:
    """The backends in their order, the lists of models that they told (None: not known), and the aliases.

    `substitute`: whether a backend may answer under its own default model if it does not know the wanted one; None
    where nobody said so: then the only backend may, and one that is asked because another failed.
    """

    backends: tuple[Backend, ...]
    models: Mapping[str, ModelList | None]
    aliases: Mapping[str, str]
    substitute: bool | None = None

    def default(self, backend: Backend) -> str:
        """The backend's own model; empty if nothing is known, and the client's name has to do."""
        if backend.kind is Kind.BUILTIN:
            return MODEL
        if backend.model:
            return backend.model
        known = self.models.get(backend.name)
        return next(iter((*known.chat, *known.ids)), "") if known is not None else ""

    def knows(self, backend: Backend, model: str) -> bool | None:
        """Whether it has this model; None if that is not known."""
        if backend.kind is Kind.BUILTIN:
            return model == MODEL
        if model == backend.model:
            return True
        known = self.models.get(backend.name)
        return None if known is None or not known.ids else model in known.ids


def choose(model: str, offers: Offers) -> tuple[Candidate, ...] | Refusal:
    """The candidates in the order in which they are asked."""
    if model in ANY and model not in offers.aliases:
        return tuple(Candidate(backend, offers.default(backend)) for backend in offers.backends)
    wanted = offers.aliases.get(model, model)
    named, rest = _named(wanted, offers.backends)
    wanted = rest if named is not None else wanted
    known = [backend for backend in offers.backends if offers.knows(backend, wanted)]
    perhaps = [backend for backend in offers.backends if offers.knows(backend, wanted) is None]
    others = [backend for backend in offers.backends if backend not in known and backend not in perhaps]
    if named is not None:
        first: Sequence[Backend] = [named]
    else:
        first = [*known, *perhaps]
        if not first and offers.substitute is not True and len(offers.backends) > 1:
            return unknown_model(model, ", ".join(near(model, offers)))
        if not first and offers.substitute is False:
            return unknown_model(model, ", ".join(near(model, offers)))
    ordered = dict.fromkeys((*first, *known, *perhaps, *(others if offers.substitute is not False else ())))
    return tuple(_candidate(backend, wanted, offers) for backend in ordered)


def _named(model: str, backends: Iterable[Backend]) -> tuple[Backend | None, str]:
    """The backend that a name `BACKEND/MODEL` begins with, and the model behind it."""
    name, slash, rest = model.partition("/")
    found = next((backend for backend in backends if slash and backend.name == name), None)
    return found, rest if found is not None else model


def _candidate(backend: Backend, model: str, offers: Offers) -> Candidate:
    default = offers.default(backend)
    if offers.knows(backend, model) is False:
        return Candidate(backend, default)
    allowed = offers.substitute is True or (offers.substitute is None and len(offers.backends) == 1)
    return Candidate(backend, model, default if allowed and default != model else "")


def near(model: str, offers: Offers) -> list[str]:
    """The names that may be meant."""
    names = [*offers.aliases, *(name for known in offers.models.values() if known is not None for name in known.ids)]
    folded = {name.lower(): name for name in names}
    found = difflib.get_close_matches(model[:LONGEST_NAME].lower(), folded, n=NEAR, cutoff=0.5)
    return [folded[name] for name in found] or list(dict.fromkeys(names))[:NEAR]
