"""What looks like an API key, and is neither repeated nor kept: clients put their keys into the strangest places."""

import re

_KEYLIKE = re.compile(r"(?:sk-lumeai-|(?<![0-9A-Za-z])sk-)[0-9A-Za-z_-]{16,}", re.IGNORECASE)
"""The keys of lumeai, OpenAI, Anthropic, OpenRouter and others; no `disk-usage-of-the-team`."""


def looks_like_a_key(text: str) -> bool:
    """Whether a text that should be something else may be a key."""
    return _KEYLIKE.search(text) is not None


def masked(text: str) -> str:
    """The text with all that looks like a key told as `sk-...`."""
    return _KEYLIKE.sub("sk-...", text) if "sk-" in text or "SK-" in text else text
