"""What to do about a diagnosis where lumeai stands in between: for many it is something else than its page tells."""

import re
from collections.abc import Mapping
from types import MappingProxyType

CURES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "base-url-missing-v1",
                "base-url-extra-v1",
                "base-url-doubled-path",
                "endpoint-not-found",
                "html-instead-of-api",
                "not-an-llm-api",
                "not-http",
                "redirected",
            ),
            "cure-url",
        ),
        **dict.fromkeys(("key-missing", "key-rejected"), "cure-key"),
        **dict.fromkeys(("context-exceeded", "context-truncated", "context-window-small"), "cure-window"),
        **dict.fromkeys(("tool-parser-off", "finish-tool-calls-without-call"), "cure-parser"),
        **dict.fromkeys(
            (
                "bad-chunk-schema",
                "broken-json-frame",
                "content-not-a-string",
                "done-only",
                "json-for-stream",
                "legacy-text-field",
                "message-instead-of-delta",
                "missing-finish-reason",
                "ndjson-for-sse",
                "no-choices",
                "role-only-stream",
                "single-newline-framing",
                "sse-for-plain",
                "tool-arguments-not-json",
                "tool-arguments-not-string",
                "tool-call-missing-id",
                "tool-call-missing-index",
                "tool-call-missing-name",
                "unexplained-failure",
                "unterminated-last-event",
                "wrong-content-type",
                "zero-events",
            ),
            "cure-server",
        ),
        "body-too-large": "cure-size",
        "connection-refused": "cure-start",
        "model-not-found": "cure-model",
        "no-answer": "cure-slow",
        "silence-cut": "cure-slow",
    }
)
"""Cures that are others behind the proxy: what the pages tell to set in the agent is lumeai's own matter here, and the
other stream mode has been tried already.
"""

VAIN = re.compile(r"lumeai serve|Enable streaming")
"""Cures that begin with what already stands in between are none, nor those that are tried by it."""
