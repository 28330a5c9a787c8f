"""The backend without a model: it greets, and tells an agent that no model is there and how to get one.

It is a backend like any other but for its wire: its exchange is made here, and never leaves the process.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lumeai_cli.flow.chat import Chat
from lumeai_cli.flow.spoken import MODEL, spoken_pieces
from lumeai_cli.text.phrase import say

HEADERS = (("content-type", "text/event-stream"),)

_PIECE = re.compile(r"\S+\s*|\s+")
_CYRILLIC = re.compile(r"[а-яё]", re.IGNORECASE)


def answer(chat: Chat, language: str) -> list[bytes]:
    """The body in pieces, as a model would stream it."""
    text = _text(chat, language)
    return spoken_pieces(_PIECE.findall(text), chat.wanted, MODEL)


def _text(chat: Chat, language: str) -> str:
    """A greeting for whoever chats, the way to a real model for an agent; in the language of the question."""
    asked = _last_words(chat.value.get("messages") or ())
    language = "ru" if _CYRILLIC.search(asked) else language
    if chat.wanted.native or chat.wanted.xml:
        return say(language, "builtin-agent")
    return say(language, "builtin-chat")


def _last_words(messages: Sequence[Mapping[str, Any]]) -> str:
    for message in reversed(messages):
        if message.get("role") == "user":
            content = message.get("content")
            parts = content if isinstance(content, list) else [{"text": content}]
            return " ".join(str(part.get("text") or "") for part in parts if isinstance(part, dict))[:2000]
    return ""
