"""What a key allows: until when, which models and backends, how much. And reading that from what people write."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from unicodedata import normalize

from lumeai_cli.text.mendable import MendableError
from lumeai_cli.text.phrase import phrase
from lumeai_cli.text.secret import looks_like_a_key
from lumeai_cli.text.visible import visible

MOST = 1_000_000_000_000
"""Of any limit; more is a mistake."""

LONGEST_NAME = 64
LONGEST_GLOB = 200
MOST_GLOBS = 100
FARTHEST = 4_102_444_800.0
"""An expiry after 2099 is a mistake, or means never."""

NONE = "none"
"""The word that takes a limit away."""


class KeysError(MendableError):
    """What somebody asked of the keys cannot be done as it was asked."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much may be used: requests a UTC minute, tokens a UTC day, streams at once; None: as much as one likes."""

    rpm: int | None = None
    tokens_per_day: int | None = None
    concurrent: int | None = None

    def __bool__(self) -> bool:
        return self.rpm is not None or self.tokens_per_day is not None or self.concurrent is not None


UNLIMITED = Allowance()


@dataclass(frozen=True, slots=True)
class Terms:
    """`expires` is in seconds since 1970 (None: never); no `models` or no `backends` are all of them."""

    expires: float | None = None
    models: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    allowance: Allowance = UNLIMITED


def allows(globs: Sequence[str], model: str, *backends: str) -> bool:
    """Whether a model of one of these backends is among the models of these globs; no globs are all models.

    A pattern without a slash is about the model's name alone: `o*` is no way to everything that `openai` has.
    """
    return not globs or any(
        fnmatchcase(model, glob) or ("/" in glob and any(fnmatchcase(f"{one}/{model}", glob) for one in backends))
        for glob in globs
    )


_SPAN = re.compile(r"([1-9][0-9]{0,6})\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def expiry(text: str, now: float) -> float | None:
    """When a key ends: after a span from now (`90m`, `12h`, `30d`, `4w`), at a moment with its time zone, at the
    beginning of a UTC day, or `none`.
    """
    text = text.strip()
    if text.lower() in (NONE, "never"):
        return None
    found = _SPAN.fullmatch(text)
    at = _moment(text) if found is None else now + int(found[1]) * _SECONDS[found[2]]
    if at <= now:
        raise KeysError(phrase("keys-expiry-past"), "--expires")
    if at > FARTHEST:
        raise KeysError(phrase("keys-expiry-far"), "--expires")
    return at


def moment(at: float) -> str:
    """A time as people and programs read it: ISO 8601, in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def span(text: str, option: str) -> float:
    """Seconds of a span such as `12h`; `0` is none."""
    text = text.strip()
    if text == "0":
        return 0.0
    found = _SPAN.fullmatch(text)
    if found is None or int(found[1]) * _SECONDS[found[2]] > 366 * 86400:
        raise KeysError(phrase("keys-span", text=_told(text)), option)
    return float(int(found[1]) * _SECONDS[found[2]])


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None and _DAY.fullmatch(text):
            moment = moment.replace(tzinfo=UTC)
    except ValueError:
        raise KeysError(phrase("keys-expiry", text=_told(text)), "--expires") from None
    if moment.tzinfo is None:
        raise KeysError(phrase("keys-expiry-zone", text=_told(text)), "--expires")
    try:
        return moment.timestamp()
    except (OverflowError, ValueError):
        raise KeysError(phrase("keys-expiry", text=_told(text)), "--expires") from None


def limit(text: str, option: str) -> int | None:
    """A limit above zero in plain digits, or `none`."""
    text = text.strip()
    if text.lower() == NONE:
        return None
    if not re.fullmatch(r"[0-9]{1,13}", text) or not 1 <= int(text) <= MOST:
        raise KeysError(phrase("keys-limit", text=_told(text)), option)
    return int(text)


def listed(texts: Sequence[str], option: str) -> tuple[str, ...]:
    """Names or globs, separated by commas or given several times; `all` alone are all of them."""
    found = tuple(dict.fromkeys(part.strip() for text in texts for part in text.split(",") if part.strip()))
    if texts and not found:
        raise KeysError(phrase("keys-list-empty"), option)
    if [part.lower() for part in found] == ["all"]:
        return ()
    if any(part.lower() == NONE for part in found):
        raise KeysError(phrase("keys-list-none"), option)
    for part in found:
        if not part.isprintable() or len(part) > LONGEST_GLOB or looks_like_a_key(part):
            raise KeysError(phrase("keys-list-item", longest=LONGEST_GLOB), option)
    if len(found) > MOST_GLOBS:
        raise KeysError(phrase("keys-list-long", most=MOST_GLOBS), option)
    return found


def checked_name(name: str) -> str:
    """A key's name that every table can show, in the one form that Unicode calls composed; one that looks like a key is
    refused and not repeated.
    """
    name = normalize("NFC", name)
    if looks_like_a_key(name):
        raise KeysError(phrase("keys-name-is-key"))
    if not name or name != name.strip() or len(name) > LONGEST_NAME or visible(name) != name or _UNSEEN.search(name):
        raise KeysError(phrase("keys-name", longest=LONGEST_NAME))
    return name


_UNSEEN = re.compile(
    "^[\u0300-\u036f\ufe00-\ufe0f]|[\u00a0\u034f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u2800\u3000\u3164\uffa0\U000e0100-\U000e01ef]"
)
"""What leaves no trace on paper: blanks of other kinds, fillers, selectors, an accent on nothing."""


def _told(text: str) -> str:
    """What was given, if it may be repeated."""
    return "..." if looks_like_a_key(text) else visible(text[:60])
