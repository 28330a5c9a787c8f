"""What lumeai knows of one upstream server before it has spoken to it."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Who answers behind a URL, as the report's `kind` spells it."""

    G4F = "g4f"
    OLLAMA = "ollama"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    LUMEAI = "lumeai"
    LLAMA_SERVER = "llama-server"
    LM_STUDIO = "lm-studio"
    VLLM = "vllm"
    BUILTIN = "builtin"
    UNKNOWN = "unknown"


class Origin(StrEnum):
    """Where a backend was named; decides whether its absence is a problem (`named`) or a note."""

    ARGUMENT = "argument"
    CONFIG = "config"
    ENVIRONMENT = "environment"
    DOTENV = "dotenv"
    DISCOVERY = "discovery"


class Secret:
    """An API key that cannot be printed by accident: only `reveal()` gives its text.

    `source` says where it came from (`LUMEAI_API_KEY`, `lumeai.yaml:7`), which is safe to show.
    """

    __slots__ = ("_text", "source")

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self.source = source

    def reveal(self) -> str:
        """The key itself; only what is sent and the masking of its traces may ask."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret(from {self.source})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self._text, self.source) == (other._text, other.source)

    def __hash__(self) -> int:
        return hash((self._text, self.source))


def credentials(key: Secret | None, kind: Kind) -> tuple[tuple[str, str], ...]:
    """The headers that carry the key: Anthropic's own pages do not take the usual one."""
    if key is None:
        return ()
    usual = ("authorization", f"Bearer {key.reveal()}")
    if kind is Kind.ANTHROPIC:
        return usual, ("x-api-key", key.reveal()), ("anthropic-version", "2023-06-01")
    return (usual,)


@dataclass(frozen=True, slots=True)
class Backend:
    """One upstream: its name, its base URL as the user gave it, and what goes with it.

    `url` is kept as written; whether it is right is the doctor's question. `key` is already bound to this URL by the
    rule of the house: both come from the same place, or the URL is the vendor's own host.
    """

    name: str
    url: str
    kind: Kind = Kind.UNKNOWN
    key: Secret | None = None
    model: str | None = None
    origin: Origin = Origin.ARGUMENT

    @property
    def named(self) -> bool:
        """Whether somebody asked for it: then its absence is a problem, otherwise a note."""
        return self.origin is not Origin.DISCOVERY
