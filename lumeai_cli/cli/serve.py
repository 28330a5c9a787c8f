"""`lumeai serve`: the proxy, and `--check`, which tells whether it would have anything to serve."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lumeai_cli.cli.options import COLORS, Color, Config, Lang, Quiet, language, one_of
from lumeai_cli.cli.output import put

if TYPE_CHECKING:
    from lumeai_cli.admission.guard import Guard
    from lumeai_cli.proxy.plan import Plan
    from lumeai_cli.proxy.presence import Presence
    from lumeai_cli.settings import Settings

PATIENCE = 5.0
"""Seconds that each backend has to tell `--check` its models."""


def command(  # noqa: PLR0913  # one parameter an option
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen at (default 127.0.0.1).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="0 takes a free one (default 5863).", show_default=False)
    ] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option("--backend", metavar="NAME-OR-URL", help="In the order to try; none: all there is."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Processes that answer (default 1).")] = None,
    check: Annotated[bool, typer.Option("--check", help="Ask the backends for their models, and end.")] = False,
    api_key_env: Annotated[
        str, typer.Option("--api-key-env", metavar="VAR", help="Variable that holds the key of the one --backend.")
    ] = "",
    config: Config = "",
    lang: Lang = "",
    color: Color = "auto",
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Log each attempt that failed, too.")] = False,
    quiet: Quiet = False,
) -> int:
    """Stand between agents and models, so that no empty answer leaves: an answer, or an error that says why."""
    from functools import partial

    one_of("--color", color, COLORS)  # nothing here is coloured; that is no reason to refuse
    wanted = Wanted(host, port, workers, tuple(backend or ()), api_key_env, config, lang)
    # A loop of its own may run for discovery; it is over before the proxy's own begins.
    plan = plan_for(wanted)
    if not quiet:
        for note in plan.notes:
            _tell(note.in_(plan.language))
    if check:
        return _checked(plan)
    from lumeai_cli.proxy.listening import check_free
    from lumeai_cli.proxy.run import serve

    check_free(plan.settings.host, plan.settings.port)
    return serve(partial(plan_for, wanted), plan, quiet=quiet, verbose=verbose)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command line, from which a plan is made, and made again on a reload."""

    host: str | None
    port: int | None
    workers: int | None
    backends: tuple[str, ...]
    api_key_env: str
    config: str
    lang: str


def plan_for(wanted: Wanted) -> Plan:
    """Reads the settings and chooses the backends; everything wrong is a `MendableError`.

    It may ask servers whether they are there, in an event loop of its own: not to be called from a running one.
    """
    from dataclasses import replace

    from lumeai_cli.backends.address import is_loopback
    from lumeai_cli.cli.upstreams import chosen_upstreams
    from lumeai_cli.proxy.listening import bare, check_open
    from lumeai_cli.proxy.plan import Plan
    from lumeai_cli.settings import load

    settings = load(config=Path(wanted.config) if wanted.config else None, env=os.environ, cwd=Path.cwd())
    spoken = language(wanted.lang, settings.language)
    serve = settings.serve
    host = serve.host if wanted.host is None else wanted.host
    guard = _guard(settings, loopback=is_loopback(bare(host)))
    check_open(host, guard.keys, settings.origin("serve.host") if wanted.host is None else "--host")
    serve = replace(
        serve,
        host=bare(host),
        port=serve.port if wanted.port is None else wanted.port,
        workers=wanted.workers or serve.workers,
    )
    upstreams = chosen_upstreams(settings, wanted.backends, wanted.api_key_env, serve)
    return Plan(upstreams.backends, serve, spoken, upstreams.notes, guard)


def _guard(settings: Settings, *, loopback: bool) -> Guard:
    """Who is let in: whoever has a key, or, without keys, everybody on this machine."""
    from lumeai_cli.admission.guard import Guard
    from lumeai_cli.keys.store import SqliteKeyStore
    from lumeai_cli.keys.terms import Allowance
    from lumeai_cli.settings import key_store

    path = key_store(settings, os.environ, Path.cwd())
    store = SqliteKeyStore.existing(path)
    keys = 0
    if store is not None:
        with store:
            keys = store.count()
    told = settings.keys
    allowance = Allowance(told.rpm, told.tokens_per_day, told.concurrent)
    return Guard(path, keys, loopback, allowance, told.lost_store_grace, told.usage_days)


def _checked(plan: Plan) -> int:
    """One line for each backend; 0 if at least one answers."""
    import asyncio

    from lumeai_cli.proxy.presence import presences

    found = asyncio.run(presences(plan.backends, PATIENCE, os.environ))
    names = max(len(presence.backend.name) for presence in found)
    urls = max(len(presence.backend.url) for presence in found)
    for presence in found:
        backend = presence.backend
        put(f"{backend.name:<{names}}  {backend.url or '-':<{urls}}  {_told(presence, plan.language)}\n")
    return 0 if any(presence.answers for presence in found) else 1


def _told(presence: Presence, spoken: str) -> str:
    """Whether it answers, how many models it has, and which of them is asked where a client names none of them."""
    from lumeai_cli.backends.backend import Kind
    from lumeai_cli.text.phrase import counted, say
    from lumeai_cli.text.visible import visible

    backend, models = presence.backend, presence.models
    if backend.kind is Kind.BUILTIN:
        return say(spoken, "check-builtin")
    if not presence.answers:
        return visible(say(spoken, "check-dead", objection=presence.objection or ""))
    default = backend.model or next(iter(models.chat), None)
    unlisted = backend.model and models.ids and backend.model not in models.ids
    key = "check-no-default" if default is None else "check-default-unlisted" if unlisted else "check-default"
    offered = counted(spoken, len(models.ids), "models") if presence.objection is None else presence.objection
    return visible(f"{say(spoken, 'check-alive', offered=offered)}, {say(spoken, key, model=default or '')}")


def _tell(sentence: str) -> None:
    from lumeai_cli.text.visible import visible

    sys.stderr.write(f"lumeai: {visible(sentence)}\n")
