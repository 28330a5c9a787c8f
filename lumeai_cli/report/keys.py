"""The proxy's keys and what they used, as tables for people and as values for programs. No key itself is ever here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lumeai_cli.keys.key import Key, verdict
from lumeai_cli.keys.terms import Allowance, moment
from lumeai_cli.keys.usage import Line, Use, date_of, total
from lumeai_cli.text.phrase import say
from lumeai_cli.text.visible import visible

BAR = 12
"""Cells of the longest bar."""

CSV_COLUMNS = (
    "day",
    "key",
    "model",
    "backend",
    "requests",
    "failed",
    "cured",
    "prompt_tokens",
    "completion_tokens",
    "estimated_tokens",
    "seconds",
    "slowest",
    "errors",
)


def key_json(key: Key, at: float) -> dict[str, Any]:
    """One key for programs; times are ISO 8601 in UTC."""
    terms = key.terms
    return {
        "name": key.name,
        "shown": key.token.shown,
        "state": verdict(key, at).value,
        "created": moment(key.created),
        "expires": _time(terms.expires),
        "revoked": _time(key.revoked),
        "last_used": _time(key.last_used),
        "models": list(terms.models),
        "backends": list(terms.backends),
        "rpm": terms.allowance.rpm,
        "tokens_per_day": terms.allowance.tokens_per_day,
        "concurrent": terms.allowance.concurrent,
        "older": [
            {"shown": token.shown, "ends": _time(token.ends)}
            for token in key.older
            if token.ends is None or token.ends > at
        ],
    }


def key_rows(key: Key, at: float, language: str) -> tuple[tuple[str, str], ...]:
    """One key for people: a line for each thing that is known of it."""
    terms = key.terms
    never = say(language, "keys-never")
    rows = [
        ("keys-column-name", visible(key.name)),
        ("keys-column-key", key.token.shown),
        ("keys-column-state", say(language, f"key-state-{verdict(key, at)}")),
        ("keys-column-created", moment(key.created)),
        ("keys-column-expires", _time(terms.expires) or never),
        ("keys-column-used", _time(key.last_used) or never),
        ("keys-column-models", _listed(terms.models, language)),
        ("keys-column-backends", _listed(terms.backends, language)),
        ("keys-column-limits", _limits(terms.allowance, language)),
    ]
    if key.revoked is not None:
        rows.append(("keys-column-revoked", moment(key.revoked)))
    older = [
        say(language, "keys-until", shown=token.shown, ends=moment(token.ends))
        for token in key.older
        if token.ends is not None and token.ends > at
    ]
    if older:
        rows.append(("keys-column-older", ", ".join(older)))
    return tuple((say(language, column), value) for column, value in rows)


def key_table(keys: Iterable[Key], at: float, language: str) -> tuple[tuple[str, ...], ...]:
    """Keys for people, a row each, the columns' names first."""
    columns = ("name", "key", "state", "expires", "used", "models", "limits")
    rows = [tuple(say(language, f"keys-column-{column}") for column in columns)]
    never = say(language, "keys-never")
    rows += [
        (
            visible(key.name),
            key.token.shown,
            say(language, f"key-state-{verdict(key, at)}"),
            _time(key.terms.expires) or never,
            _time(key.last_used) or never,
            _listed(key.terms.models, language),
            _limits(key.terms.allowance, language),
        )
        for key in keys
    ]
    return tuple(rows)


def usage_json(lines: Iterable[tuple[Line, Use]], names: Mapping[int, str]) -> list[dict[str, Any]]:
    """Every line for programs."""
    return [
        {
            "day": date_of(line.day),
            "key": names.get(line.key, ""),
            "model": line.model,
            "backend": line.backend,
            "requests": use.requests,
            "failed": use.failed,
            "cured": use.cured,
            "prompt_tokens": use.prompt,
            "completion_tokens": use.completion,
            "estimated_tokens": use.estimated,
            "seconds": round(use.seconds, 3),
            "slowest": round(use.slowest, 3),
            "errors": dict(use.codes),
        }
        for line, use in lines
    ]


def usage_rows(lines: Sequence[tuple[Line, Use]], names: Mapping[int, str]) -> list[list[object]]:
    """Every line for a spreadsheet, the columns' names first. No cell begins as a formula does."""
    rows: list[list[object]] = [list(CSV_COLUMNS)]
    for entry in usage_json(lines, names):
        errors = " ".join(f"{code}:{count}" for code, count in entry["errors"].items())
        rows.append([_harmless(value) for value in (entry | {"errors": errors}).values()])
    return rows


def usage_table(
    lines: Sequence[tuple[Line, Use]], names: Mapping[int, str], language: str, *, daily: bool, plain: bool
) -> tuple[tuple[str, ...], ...]:
    """Usage for people: a row for each key, model and backend, or, `daily`, for each day. `plain`: bars in ASCII."""
    groups: dict[tuple[str, str, str], list[Use]] = {}
    for line, use in lines:
        first = date_of(line.day) if daily else names.get(line.key, "")
        groups.setdefault((first, line.model, line.backend), []).append(use)
    sums = {place: total(uses) for place, uses in groups.items()}
    most = max((use.tokens for use in sums.values()), default=0)
    sums_of = ("model", "backend", "requests", "tokens", "", "cured", "failed", "seconds", "errors")
    columns = ("day" if daily else "name", *sums_of)
    rows: list[tuple[str, ...]] = [tuple(column and say(language, f"keys-column-{column}") for column in columns)]
    for place, use in sums.items():
        mark = "~" if use.estimated else ""
        rows.append(
            (
                *(visible(part) or "-" for part in place),
                str(use.requests),
                f"{mark}{use.tokens}",
                bar(use.tokens, most, plain=plain),
                str(use.cured),
                str(use.failed),
                f"{use.seconds / max(1, use.requests):.1f}",
                " ".join(f"{code}:{count}" for code, count in use.codes),
            )
        )
    return tuple(rows)


def bar(part: int, whole: int, *, plain: bool) -> str:
    """A bar as long as its part of the longest; whatever there is shows."""
    if part <= 0 or whole <= 0:
        return ""
    return ("#" if plain else "█") * max(1, round(BAR * part / whole))


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines with straight columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)


def _time(at: float | None) -> str | None:
    return None if at is None else moment(at)


def _listed(names: Sequence[str], language: str) -> str:
    return visible(", ".join(names)) or say(language, "keys-all")


def _limits(allowance: Allowance, language: str) -> str:
    told = [
        say(language, key, count=count)
        for key, count in (
            ("keys-limit-rpm", allowance.rpm),
            ("keys-limit-tokens", allowance.tokens_per_day),
            ("keys-limit-concurrent", allowance.concurrent),
        )
        if count is not None
    ]
    return ", ".join(told) or say(language, "keys-unlimited")


def _harmless(value: object) -> object:
    """Spreadsheets run what begins so, and names of models come from strangers."""
    if not isinstance(value, str):
        return value
    return f"'{visible(value)}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else visible(value)
