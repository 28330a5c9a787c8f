"""How many tokens a model may read, as its server tells without generating one.

Sources: Ollama fb307609 (`/api/ps` holds the window that is really allocated, `/api/show` the Modelfile's), llama.cpp
00dc8057 (`/props` holds the window of one slot), LM Studio's REST documentation (`/api/v1/models`, before 0.4.0
`/api/v0/models`), vLLM (`max_model_len` in the model list). Read 2026-11.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lumeai_cli.backends.backend import Kind
from lumeai_cli.wire.reading import Reading, Shape


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a server that tells about its models: a POST if there is something to send."""

    path: str
    sent: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """`tokens` that the model reads at most, and the reading that tells it."""

    tokens: int
    told: Reading


def pages(kind: Kind, model: str) -> tuple[Page, ...]:
    """The pages that tell the window, below the server's root; the first that tells it settles it."""
    if kind is Kind.OLLAMA:
        return (Page("/api/ps"), Page("/api/show", {"model": model}))
    if kind is Kind.LLAMA_SERVER:
        return (Page("/props"),)
    if kind is Kind.LM_STUDIO:
        return (Page("/api/v1/models"), Page("/api/v0/models"))
    return ()


def root(base: str) -> str:
    """The URL below which a server keeps its own pages: the base URL without `/v1`."""
    return base.removesuffix("/v1")


def window_of(readings: Sequence[Reading], model: str | None) -> Window | None:
    """The window of this model from the first page that tells it; None where none does."""
    for reading in readings:
        if not reading.ok or reading.shape is not Shape.JSON:
            continue
        path = urlsplit(reading.asked.url).path
        tokens = next((told for told in _told(path, reading.document, model or "") if _plausible(told)), None)
        if tokens is not None:
            return Window(tokens, reading)
    return None


def _told(path: str, value: Any, model: str) -> Iterator[Any]:
    """What the page at this path says of the window, the surest first."""
    if path.endswith("/api/ps"):
        for entry in _entries(value, "models", model, "name", "model"):
            yield entry.get("context_length")
    elif path.endswith("/api/show"):
        set_by = re.search(r"^num_ctx\s+(\d{1,9})\s*$", str(_of(value, "parameters")), re.MULTILINE)
        yield int(set_by[1]) if set_by else None
    elif path.endswith("/props"):
        yield _of(value, "default_generation_settings", "n_ctx")
    elif path.endswith("/api/v1/models"):
        for entry in _entries(value, "models", model, "key"):
            for instance in _list(entry, "loaded_instances"):
                yield _of(instance, "config", "context_length")
    elif path.endswith("/api/v0/models"):
        for entry in _entries(value, "data", model, "id"):
            yield entry.get("loaded_context_length")
    else:
        for entry in _entries(value, "data", model, "id"):
            yield entry.get("max_model_len")
            yield _of(entry, "meta", "n_ctx")


def _entries(value: Any, under: str, model: str, *names: str) -> Iterator[dict[str, Any]]:
    """The entries of a list that are this model; Ollama adds `:latest` to a name without a tag."""
    for entry in _list(value, under):
        if isinstance(entry, dict) and any(entry.get(name) in (model, f"{model}:latest") for name in names):
            yield entry


def _list(value: Any, under: str) -> list[Any]:
    found = _of(value, under)
    return found if isinstance(found, list) else []


def _of(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _plausible(tokens: Any) -> bool:
    return isinstance(tokens, int) and not isinstance(tokens, bool) and 0 < tokens < 1_000_000_000
