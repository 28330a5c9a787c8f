"""`lumeai keys`: the proxy's API keys. A key is printed once, when it is made, and never taken as an argument."""

from __future__ import annotations

import math
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from lumeai_cli.cli.key_desk import (
    check_backends,
    checked,
    done,
    hand_out,
    here_with,
    put_json,
    put_key,
    read_key,
    sure,
)
from lumeai_cli.cli.key_terms import Backends, Concurrent, Expires, Given, Models, Rpm, TokensPerDay
from lumeai_cli.cli.options import Color, Config, Lang, Quiet, Verbose  # noqa: TC001  # typer reads them at run time
from lumeai_cli.cli.output import put

if TYPE_CHECKING:
    from lumeai_cli.keys.key import Key
    from lumeai_cli.keys.usage import Line, Use

app = typer.Typer(help="Make, show and take back the proxy's API keys.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the key.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def create(  # noqa: PLR0913  # one parameter an option
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Else one is made up.", show_default=False)
    ] = None,
    *,
    expires: Expires = None,
    models: Models = None,
    backends: Backends = None,
    rpm: Rpm = None,
    tokens_per_day: TokensPerDay = None,
    concurrent: Concurrent = None,
    json: Json = False,
    config: Config = "",
    lang: Lang = "",
    color: Color = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> int:
    """Make a key. It is shown this once, alone on stdout."""
    from lumeai_cli.keys.terms import Terms, checked_name
    from lumeai_cli.keys.token import make

    here = here_with(config, lang, color, verbose=verbose, quiet=quiet)
    given = Given(expires, models, backends, rpm, tokens_per_day, concurrent)
    terms = given.over(Terms(), here.now)
    if name is not None:
        name = checked_name(name)
    check_backends(here, terms)
    token = make()
    with here.store() as store:
        key = store.create(name, token, terms, here.now, partial(hand_out, token, here, as_json=json))
    if not json:
        here.tell("keys-created", name=key.name)
    return 0


@app.command("list")
def list_(
    *,
    json: Json = False,
    config: Config = "",
    lang: Lang = "",
    color: Color = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> int:
    """List the keys: state, expiry, last use, models, limits."""
    from lumeai_cli.report.keys import aligned, key_json, key_table

    here = here_with(config, lang, color, verbose=verbose, quiet=quiet)
    store = here.existing()
    keys: tuple[Key, ...] = ()
    if store is not None:
        with store:
            keys = store.keys()
    if json:
        put_json([key_json(key, here.now) for key in keys])
    elif keys:
        put(aligned(key_table(keys, here.now, here.language)))
    else:
        here.tell("keys-none")
    return 0


@app.command()
def show(
    name: Name,
    *,
    json: Json = False,
    config: Config = "",
    lang: Lang = "",
    color: Color = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> int:
    """Show all that is known of one key."""
    here = here_with(config, lang, color, verbose=verbose, quiet=quiet)
    name = checked(name)
    with here.holding(name) as store:
        key = store.key(name)
    put_key(key, here, as_json=json)
    return 0


@app.command("set")
def set_(  # noqa: PLR0913  # one parameter an option
    name: Name,
    *,
    expires: Expires = None,
    models: Models = None,
    backends: Backends = None,
    rpm: Rpm = None,
    tokens_per_day: TokensPerDay = None,
    concurrent: Concurrent = None,
    json: Json = False,
    config: Config = "",
    lang: Lang = "",
    color: Color = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> int:
    """Change what a key allows; what is not named stays. `none` takes a limit away, `all` allows all."""
    from lumeai_cli.keys.terms import KeysError
    from lumeai_cli.text.phrase import phrase

    here = here_with(config, lang, color, verbose=verbose, quiet=quiet)
    name = checked(name)
    given = Given(expires, models, backends, rpm, tokens_per_day, concurrent)
    if not given:
        raise KeysError(phrase("keys-set-nothing"))
    with here.holding(name) as store:
        key = store.change(name, lambda terms: given.over(terms, here.now))
    check_backends(here, key.terms)
    put_key(key, here, as_json=json)
    return 0


@app.command()
def revoke(
    name: Name,
    *,
    json: Json = False,
    config: Config = "",
    lang: Lang = "",
    color: Color = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> int:
    """Take a key back, at once and for good."""
    here = here_with(config, lang, color, verbose=verbose, quiet=quiet)
    name = checked(name)
    with here.holding(name) as store:
        key = store.revoke(name, here.now)
    done(key, here, "keys-revoked", as_json=json)
    return 0


@app.command()
def rotate(  # one parameter an option
    name: Name,
    *,
    grace: Annotated[
        str, typer.Option("--grace", metavar="SPAN", help="How long the old one lives on: 0, 30m, 12h, 7d.")
    ] = "0",
    json: Json = False,
    config: Config = "",
    lang: Lang = "",
    color: Color = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> int:
    """Give a key a new token. It is shown this once, alone on stdout."""
    from lumeai_cli.keys.terms import moment, span
    from lumeai_cli.keys.token import make
    from lumeai_cli.text.phrase import say

    here = here_with(config, lang, color, verbose=verbose, quiet=quiet)
    name = checked(name)
    seconds = span(grace, "--grace")
    token = make()
    with here.holding(name) as store:
        key = store.rotate(name, token, here.now, seconds, partial(hand_out, token, here, as_json=json))
    if not json:
        told = "keys-grace" if seconds else "keys-no-grace"
        ends = min(here.now + seconds, key.terms.expires or math.inf)
        here.tell("keys-rotated", name=key.name, grace=say(here.language, told, ends=moment(ends)))
    return 0


@app.command()
def delete(
    name: Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
    config: Config = "",
    lang: Lang = "",
    color: Color = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> int:
    """Forget a key and what it has used. It asks first."""
    here = here_with(config, lang, color, verbose=verbose, quiet=quiet)
    name = checked(name)
    with here.holding(name) as store:
        key = store.key(name)
        if not yes and not sure(key, here):
            here.tell("keys-kept")
            return 1
        key = store.delete(name)
    done(key, here, "keys-deleted", as_json=json)
    return 0


@app.command()
def usage(  # noqa: PLR0913  # one parameter an option
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="One key, day by day; else all.", show_default=False)
    ] = "",
    *,
    days: Annotated[str, typer.Option("--days", metavar="N", help="So many days back.")] = "30",
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="For spreadsheets.")] = False,
    config: Config = "",
    lang: Lang = "",
    color: Color = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> int:
    """Show what the keys have used: requests, tokens, cured empty answers, errors, seconds."""
    from lumeai_cli.keys.limits import DAY
    from lumeai_cli.keys.terms import KeysError
    from lumeai_cli.report.keys import aligned, usage_json, usage_rows, usage_table
    from lumeai_cli.text.encoding import speaks_unicode
    from lumeai_cli.text.phrase import phrase

    here = here_with(config, lang, color, verbose=verbose, quiet=quiet)
    if json and csv:
        raise KeysError(phrase("keys-one-format"))
    if not (days.isascii() and days.isdigit() and len(days) < 5 and 1 <= int(days) <= 3660):
        raise KeysError(phrase("keys-days"), "--days")
    if name:
        name = checked(name)
    store = here.holding(name) if name else here.existing()
    names: dict[int, str] = {}
    lines: tuple[tuple[Line, Use], ...] = ()
    if store is not None:
        with store:
            one = store.key(name).id if name else None
            everything = store.keys()
            names = {key.id: key.name for key in everything}
            lines = store.usage.read(int(here.now // DAY) - int(days) + 1, one)
    if json:
        put_json(usage_json(lines, names))
    elif csv:
        import csv as spreadsheet
        import io

        text = io.StringIO()
        spreadsheet.writer(text, lineterminator="\n").writerows(usage_rows(lines, names))
        put(text.getvalue())
    elif lines:
        plain = not speaks_unicode(sys.stdout)
        put(aligned(usage_table(lines, names, here.language, daily=bool(name), plain=plain)))
        if any(use.estimated for _, use in lines):
            here.tell("keys-estimated")
    else:
        here.tell("keys-no-usage")
    return 0


@app.command()
def verify(
    arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    *,
    json: Json = False,
    config: Config = "",
    lang: Lang = "",
    color: Color = "auto",
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> int:
    """Tell whether a key is good: read from stdin, or asked for. Exit code 0 only for a good one, else 1."""
    from lumeai_cli.keys.key import Verdict, verdict
    from lumeai_cli.keys.terms import KeysError
    from lumeai_cli.keys.token import LENGTH, Flaw, parse
    from lumeai_cli.report.keys import key_json
    from lumeai_cli.text.phrase import phrase, say
    from lumeai_cli.text.visible import visible

    if arguments:
        raise KeysError(phrase("keys-name-is-key"))
    here = here_with(config, lang, color, verbose=verbose, quiet=quiet)
    token = parse(read_key(here))
    if isinstance(token, Flaw):
        found, key = Verdict.MISTYPED, None
        sentence = say(here.language, "verify-mistyped", flaw=phrase(f"flaw-{token}", **_length(token, LENGTH)))
    else:
        store = here.existing()
        key = None
        if store is not None:
            with store:
                key = store.owner(token.digest)
        found = Verdict.UNKNOWN if key is None else verdict(key, here.now, token.digest)
        name, place = key.name if key is not None else "", str(here.path)
        older = found is Verdict.EXPIRED and key is not None and verdict(key, here.now) is Verdict.GOOD
        which = "replaced" if older else found.value
        sentence = say(here.language, f"verify-{which}", **({"store": place} if key is None else {"name": name}))
    if json:
        told = {"verdict": found.value, "flaw": token.value if isinstance(token, Flaw) else None}
        put_json(told | (key_json(key, here.now) if key is not None else {}))
    else:
        put(visible(sentence) + "\n")
    return 0 if found is Verdict.GOOD else 1


def _length(flaw: str, length: int) -> dict[str, int]:
    return {"length": length} if flaw == "length" else {}
