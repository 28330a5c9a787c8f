"""Reads model lists: which models there are, which one to ask, and who keeps such a list."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lumeai_cli.backends.backend import Kind
from lumeai_cli.wire.exchange import header
from lumeai_cli.wire.reading import Reading

FALLBACK = "gpt-4o"
"""Asked for where there is no list: the name that most servers know or ignore."""

KEPT = 500  # ids of a list that are looked at

_NO_CHAT = re.compile(
    r"embed|whisper|tts|dall-?e|image|moderation|rerank|audio|realtime|transcri|sora|flux|^(bge|e5|gte|minilm)-"
    r"|babbage|davinci|gpt-3.5-turbo-instruct",
    re.IGNORECASE,
)
_OWNERS: Mapping[str, Kind] = {
    "llamacpp": Kind.LLAMA_SERVER,
    "vllm": Kind.VLLM,
    "library": Kind.OLLAMA,
    "organization_owner": Kind.LM_STUDIO,
    "lumeai": Kind.LUMEAI,
}


@dataclass(frozen=True, slots=True)
class ModelList:
    """The ids in the server's order, those that can chat, and the kind of server that such a list betrays."""

    ids: tuple[str, ...] = ()
    chat: tuple[str, ...] = ()
    kind: Kind = Kind.UNKNOWN


def read_models(reading: Reading) -> ModelList:
    """What `GET /models` told; an empty list where it told nothing usable.

    G4F is known by the keys `provider`, `image` and `vision` of its entries (8.8.6, measured 2026-11): its port proves
    nothing, other programs use 1337 too.
    """
    kind = _by_headers(reading)
    if not reading.ok:
        return ModelList(kind=kind)
    value = reading.document
    data = value.get("data") if isinstance(value, dict) else None
    entries = (
        [e for e in data if isinstance(e, dict) and isinstance(e.get("id"), str)] if isinstance(data, list) else []
    )
    entries = entries[:KEPT]
    if entries and {"provider", "image", "vision"} <= entries[0].keys():
        kind = Kind.G4F
    elif entries and isinstance(entries[0].get("owned_by"), str):
        kind = _OWNERS.get(entries[0]["owned_by"], kind)
    return ModelList(tuple(e["id"] for e in entries), tuple(e["id"] for e in entries if _chats(e)), kind)


def _chats(entry: Mapping[str, Any]) -> bool:
    return not (entry.get("provider") is True or entry.get("image") is True or _NO_CHAT.search(entry["id"]))


def _by_headers(reading: Reading) -> Kind:
    return Kind.LLAMA_SERVER if header(reading.headers, "server").lower() == "llama.cpp" else Kind.UNKNOWN
