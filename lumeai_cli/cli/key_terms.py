"""The options of `lumeai keys` that say what a key allows, and the terms that they come to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lumeai_cli.keys.terms import Terms

Expires = Annotated[
    str | None, typer.Option("--expires", metavar="30d|DATE", help="12h, 30d, 2027-01-31, a time with its zone, none.")
]
Models = Annotated[
    list[str] | None, typer.Option("--models", metavar="GLOB,...", help="Patterns of the models it may ask for; all.")
]
Backends = Annotated[
    list[str] | None, typer.Option("--backends", metavar="NAME,...", help="Backends that may answer it; all.")
]
Rpm = Annotated[str | None, typer.Option("--rpm", metavar="N", help="Requests in a minute of UTC, or none.")]
TokensPerDay = Annotated[
    str | None, typer.Option("--tokens-per-day", metavar="N", help="Tokens in a day of UTC, or none.")
]
Concurrent = Annotated[str | None, typer.Option("--concurrent", metavar="N", help="Requests at once, or none.")]


@dataclass(frozen=True, slots=True)
class Given:
    """The options that say what a key allows, as they were written; None: not given."""

    expires: str | None
    models: list[str] | None
    backends: list[str] | None
    rpm: str | None
    tokens_per_day: str | None
    concurrent: str | None

    def __bool__(self) -> bool:
        options = (self.expires, self.rpm, self.tokens_per_day, self.concurrent)
        return any(option is not None for option in options) or bool(self.models) or bool(self.backends)

    def over(self, terms: Terms, now: float) -> Terms:
        """The terms with what was given in place of what was there."""
        from lumeai_cli.keys.terms import expiry, limit, listed

        allowance = terms.allowance
        if self.rpm is not None:
            allowance = replace(allowance, rpm=limit(self.rpm, "--rpm"))
        if self.tokens_per_day is not None:
            allowance = replace(allowance, tokens_per_day=limit(self.tokens_per_day, "--tokens-per-day"))
        if self.concurrent is not None:
            allowance = replace(allowance, concurrent=limit(self.concurrent, "--concurrent"))
        return replace(
            terms,
            expires=terms.expires if self.expires is None else expiry(self.expires, now),
            models=listed(self.models, "--models") if self.models else terms.models,
            backends=listed(self.backends, "--backends") if self.backends else terms.backends,
            allowance=allowance,
        )
