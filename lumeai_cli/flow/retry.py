"""What to try next after an attempt has failed and before the client has heard anything: a rule, and nothing else.

Bounded by the number of attempts; a cure is tried once for each backend. A filter's verdict is not asked twice, and an
empty turn after a tool's result, which may be right, is asked again once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lumeai_cli.backends.address import CHAT, variants
from lumeai_cli.diagnoses.g4f import GENERIC
from lumeai_cli.flow.attempt import Attempt, Candidate
from lumeai_cli.flow.chat import Chat
from lumeai_cli.flow.explanation import Explanation
from lumeai_cli.wire.exchange import Exchange, redirect_target


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt that failed, and why. `moved` is where a redirect led."""

    attempt: Attempt
    why: Explanation
    moved: str = ""


@dataclass(frozen=True, slots=True)
class Next:
    """An attempt, and the seconds to wait before it."""

    attempt: Attempt
    wait: float = 0.0


FINAL = frozenset({"content-filtered", "refusal-only"})
EMPTY = frozenset({"empty-answer", "reasoning-only", "finish-tool-calls-without-call"})

PATIENTLY = frozenset({"no-answer", "silence-cut"})
"""What has cost the full patience already: it is not spent on the same backend once more."""

OTHER_MODE = frozenset(
    {
        "json-for-stream",
        "sse-for-plain",
        "zero-events",
        "done-only",
        "role-only-stream",
        "no-choices",
        "empty-answer",
        "intermittent-empty",
        "reasoning-only",
        "broken-json-frame",
        "bad-chunk-schema",
        "unframed-error-in-stream",
        "missing-finish-reason",
        "stream-cut",
        "single-newline-framing",
        "unterminated-last-event",
        "think-tag-swallows-answer",
        "finish-tool-calls-without-call",
        "tool-call-missing-name",
        "tool-arguments-not-json",
        "error-in-200",
        "ollama-hides-error",
        "endless-answer",
        "unexplained-failure",
    }
)
"""Streamed and whole answers of one server often come from different code: asking in the other mode is a cheap cure."""

OTHER_URL = frozenset(
    {
        "base-url-missing-v1",
        "base-url-extra-v1",
        "base-url-doubled-path",
        "endpoint-not-found",
        "not-an-llm-api",
        "html-instead-of-api",
        "redirected",
    }
)

LONGEST_REST = 10.0
"""Seconds that are waited for a backend within one request of a client."""

MORE_TOKENS = 4
FEWEST_TOKENS, MOST_TOKENS = 8_192, 32_768


def following(chat: Chat, candidates: Sequence[Candidate], tried: Sequence[Tried], most: int) -> Next | None:
    """The next attempt, or None if nothing is left to be tried. Equal inputs give equal answers."""
    last = tried[-1]
    if len(tried) >= most or last.why.name in FINAL:
        return None
    may_be_right = chat.after_tool and last.why.name in EMPTY
    if may_be_right and len(tried) > 1:
        return None
    here = [one for one in tried if one.attempt.candidate.backend == last.attempt.candidate.backend]
    asked = {one.attempt.candidate.backend.name for one in tried}
    others = [candidate for candidate in candidates if candidate.backend.name not in asked]
    cure = _cure(chat, last, here) if not (may_be_right and others) else None
    if cure is not None and (len(here) == 1 or not others):
        return Next(cure)
    if others:
        return Next(Attempt(others[0], chat.wanted.stream))
    if (last.why.passing and last.why.name not in PATIENTLY) or last.why.name in EMPTY:
        rest = float(last.why.retry_after or min(2 ** len(here) / 4, LONGEST_REST))
        again = last.attempt
        if "inside" in last.why.facts and len(here) > 1:
            again = replace(again, stream=not again.stream)  # an error inside a success may be one of this mode alone
        return Next(again, rest) if rest <= LONGEST_REST else None
    return None


_SAYS_NO = frozenset({"request-refused", "server-error", "connection-refused", "connection-reset", "no-answer"})


def telling(tried: Sequence[Tried]) -> Explanation:
    """The explanation that tells most of why the first backend did not answer: the first, unless a cure got further.

    Further than a wrong URL, a refused field or an unknown model is whatever came behind it; what G4F's provider says
    beats what G4F says of it, and what the backend says in its own words what only its silence shows.
    """
    first = tried[0]
    here = [one for one in tried if one.attempt.candidate.backend == first.attempt.candidate.backend]

    def weight(one: Tried) -> tuple[bool, int, bool, bool, bool]:
        attempt = one.attempt
        other_model = attempt.candidate.model != first.attempt.candidate.model
        silent = one.why.name in OTHER_MODE and not one.why.said
        # What a guessed address refuses tells nothing of the right one.
        lost = one.why.name in OTHER_URL or (bool(attempt.candidate.base) and one.why.name in _SAYS_NO)
        uncovered = attempt.raw and bool(one.why.said)
        return not lost, len(attempt.dropped), other_model, uncovered, not silent

    return max(here, key=weight).why


def _cure(chat: Chat, last: Tried, here: Sequence[Tried]) -> Attempt | None:
    """The failed attempt with the one change that may cure it, if that was not tried at this backend."""
    attempt, name = last.attempt, last.why.name
    cures: list[Attempt] = []
    if name == "output-budget-spent":
        bound = chat.max_tokens[1] or 0
        more = min(max(bound * MORE_TOKENS, FEWEST_TOKENS), MOST_TOKENS)
        if more > bound:
            cures.append(replace(attempt, max_tokens=more))
    if GENERIC in str(last.why.facts.get("said")):
        # Not in a stream: there the error that matters is followed by the one that hides it.
        cures.append(replace(attempt, raw=True, stream=False))
    if name == "model-not-found" and attempt.candidate.substitute:
        candidate = replace(attempt.candidate, model=attempt.candidate.substitute, substitute="")
        cures.append(replace(attempt, candidate=candidate))
    if last.why.status == 400:
        field = _refused_field(chat, last)
        if field:
            cures.append(replace(attempt, dropped=attempt.dropped | {field}))
        if _MODE.search(_told(last)):
            cures.append(replace(attempt, stream=not attempt.stream))
    if name in OTHER_URL or (last.why.name == "request-refused" and last.moved):
        # Seen from the URL that somebody wrote, not from the last guess, and without coming back to it.
        written = attempt.candidate.backend.url.rstrip("/")
        bases = (last.moved,) if last.moved else variants(written)
        cures += [replace(attempt, candidate=replace(attempt.candidate, base=one)) for one in bases]
    if name in OTHER_MODE:
        cures.append(replace(attempt, stream=not attempt.stream))
    done = [one.attempt for one in here]
    return next((cure for cure in cures if cure not in done), None)


_MODE = re.compile(
    r"\b(?:only|supports?|enabled?|must|requires?|set|non)\b.{0,40}\bstream(?:ing)?\b"
    r"|\bstream(?:ing)?\b.{0,40}\b(?:only|support|supported|enabled?|must|requires?|required|mode)\b",
    re.IGNORECASE,
)
"""What servers say that have only one of the two modes: "This model only support stream mode, please enable the stream
parameter", "Streaming is not supported".
"""

_NEVER_DROPPED = frozenset({"model", "messages", "tools", "stream", "functions"})
_FIELD = re.compile(r"[A-Za-z_]\w*")


def _refused_field(chat: Chat, last: Tried) -> str:
    """The field of the client's request that the backend's refusal names; empty where it names none."""
    words = set(_FIELD.findall(_told(last)))
    sent = [name for name in chat.value if name not in _NEVER_DROPPED and name not in last.attempt.dropped]
    return next((name for name in sent if name in words), "")


def _told(last: Tried) -> str:
    return f"{last.why.facts.get('said', '')} {last.why.said}"


def moved_to(exchange: Exchange) -> str:
    """The base URL to which a redirect leads, if that is another chat endpoint of the same server."""
    if exchange.status not in (301, 302, 307, 308):
        return ""
    there = redirect_target(exchange.asked.url, exchange.headers)
    base = there.removesuffix("/").removesuffix(CHAT)
    same = exchange.asked.url.split("/")[:3] == there.split("/")[:3]
    return base if same and there.removesuffix("/").endswith(CHAT) else ""
