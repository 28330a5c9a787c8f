"""The order of causes as the project promises it, written down a second time: what the catalogue says is checked by it.

It is the promise in README.md and ARCHITECTURE.md ("Explanation beats order"), by hand, and knows nothing of the
catalogue's own tables. A name of which it does not speak was added later: it stands and explains as its entry says.
"""

from lumeai_cli.diagnoses.catalogue import CATALOGUE

FAMILIES: tuple[tuple[str, ...], ...] = (
    ("gateway-drops-answer",),
    # reach
    (
        "proxy-intercepts-loopback",
        "dns-failure",
        "connection-refused",
        "connect-timeout",
        "tls-failure",
        "connection-reset",
        "not-http",
        "proxy-failure",
        "no-answer",
        "endless-answer",
        "g4f-server-extra-missing",
    ),
    # URL and HTML
    (
        "base-url-missing-v1",
        "base-url-doubled-path",
        "base-url-extra-v1",
        "endpoint-not-found",
        "html-instead-of-api",
        "redirected",
        "not-an-llm-api",
    ),
    # key
    ("key-missing", "key-rejected", "forbidden"),
    # model
    ("model-not-found", "models-list-proves-nothing"),
    # size
    ("body-too-large",),
    # stream against body
    ("json-for-stream", "sse-for-plain", "ndjson-for-sse", "wrong-content-type"),
    # errors
    (
        "error-in-200",
        "unframed-error-in-stream",
        "server-error",
        "rate-limited",
        "quota-exhausted",
        "quota-text-as-answer",
        "request-refused",
        "unsupported-parameter",
        "g4f-hides-cause",
        "ollama-hides-error",
    ),
    # framing
    (
        "zero-events",
        "done-only",
        "single-newline-framing",
        "unterminated-last-event",
        "broken-json-frame",
        "silence-cut",
        "stream-cut",
        "missing-finish-reason",
        "missing-done",
        "role-only-stream",
    ),
    # dialect
    (
        "no-choices",
        "message-instead-of-delta",
        "legacy-function-call",
        "legacy-text-field",
        "content-not-a-string",
        "bad-chunk-schema",
    ),
    # window
    ("context-window-small", "context-exceeded", "context-truncated", "g4f-cuts-history", "g4f-drops-repeated-turns"),
    # budget
    ("output-budget-spent",),
    # reasoning
    ("reasoning-only", "think-tag-swallows-answer"),
    # tools
    (
        "tools-unsupported",
        "tool-parser-off",
        "tools-ignored",
        "tool-protocol-mismatch",
        "tool-call-as-text",
        "tool-call-missing-id",
        "tool-call-missing-index",
        "tool-call-missing-name",
        "tool-arguments-not-json",
        "tool-arguments-not-string",
        "finish-tool-calls-without-call",
        "tool-result-rejected",
        "plain-text-instead-of-tool",
        "g4f-rewrites-tools",
    ),
    # content
    ("content-filtered", "refusal-only", "empty-answer", "intermittent-empty", "canned-answer"),
    # time, and what is left
    ("slow-first-byte", "buffered-stream", "g4f-open-to-network", "unexplained-failure"),
)
"""The families, first things first; within one there is no promise. What looks at this machine beside the network
stands with the causes that it explains.
"""

PLACE = {name: place for place, names in enumerate(FAMILIES) for name in names}

EXPLAINS: dict[str, frozenset[str]] = {
    "proxy-intercepts-loopback": frozenset({"connection-refused"}),
    "g4f-server-extra-missing": frozenset({"connection-refused"}),
    "quota-exhausted": frozenset({"error-in-200", "rate-limited", "server-error"}),
    "rate-limited": frozenset({"error-in-200"}),
    "context-exceeded": frozenset({"error-in-200", "context-truncated", "context-window-small", "server-error"}),
    "context-truncated": frozenset({"context-window-small"}),
    "tools-unsupported": frozenset({"error-in-200", "server-error"}),
    "tool-parser-off": frozenset({"error-in-200", "server-error"}),
    "g4f-hides-cause": frozenset({"server-error", "error-in-200"}),
    "silence-cut": frozenset({"stream-cut"}),
}
"""Promised by name: a finding in the same exchange that vanishes with the key."""


def place(name: str) -> int:
    """Where this cause stands; the families are numbered as those of the catalogue."""
    return PLACE[name] if name in PLACE else int(CATALOGUE[name].family)


def explained(one: str, other: str) -> bool:
    """Whether it is promised that the other vanishes with the one in the same exchange."""
    if one in PLACE and other in PLACE:
        return other in EXPLAINS.get(one, ())
    return other in CATALOGUE[one].explains


def first(one: str, other: str) -> frozenset[str]:
    """Which of two causes is the verdict where neither explains the other; both where no promise tells."""
    if place(one) == place(other):
        return frozenset({one, other})
    return frozenset({min(one, other, key=place)})
