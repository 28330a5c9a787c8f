"""All that was learned about one target: what the detectors read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lumeai_cli.backends.address import is_loopback
from lumeai_cli.backends.backend import Kind
from lumeai_cli.wire.exchange import EndingKind, redirect_target
from lumeai_cli.wire.reading import Reading

UNREACHED = frozenset(
    {
        EndingKind.REFUSED,
        EndingKind.DNS,
        EndingKind.UNREACHABLE,
        EndingKind.CONNECT_TIMEOUT,
        EndingKind.TLS,
        EndingKind.PROXY,
    }
)
"""Endings before a connection stood."""

STREAMED = "stream"  # a tiny prompt, streamed; its repeats carry the same name
PLAIN = "plain"  # the same prompt, not streamed
OTHER = "other-prompt"  # an unrelated tiny prompt
TOOL_XML = "tool-xml"  # a short prompt with tools described as XML tags
TOOL_NATIVE = "tool-native"  # a short prompt with one native tool
AGENT_XML = "agent-xml"  # the size of a real agent's request, XML tags
AGENT_NATIVE = "agent-native"  # likewise, native tools
CONNECT = "connect"
MODELS = "models"
VARIANT = "url-variants"  # the tiny streamed prompt at neighbouring URLs
SIZES = "body-size"  # the tiny prompt in bodies of growing size
G4F_RAW = "g4f-raw"  # the tiny prompt again, with G4F's errors uncovered
WINDOW = "window"  # what the server's own pages tell of the model's window; no token is spent
PARAMETERS = "parameters"  # a short prompt with the fields that agents send along, one by one where they are refused
TOOL_FORCED = "tool-forced"  # the short prompt with one native tool, and a call demanded
TOOL_ABSENT = "tool-absent"  # the same prompt without the tool: does the server count the difference?
TOOL_RESULT = "tool-result"  # the second turn: the conversation with the tool's result in it
RECALL = "recall"  # code words at head, middle and tail of an agent-sized prompt; a short control first
OLLAMA_CHAT = "ollama-native"  # the tiny prompt at Ollama's own endpoint, which tells errors that /v1 swallows
G4F_REPEATS = "g4f-repeats"  # pairs of prompts whose token counts betray what G4F does: to a repeated message,
G4F_HISTORY = "g4f-history"  # to a long conversation,
G4F_TOOLS = "g4f-tools"  # and to a tool's description
PROXY = "proxy-environment"  # the model list, the way a program that obeys the proxy variables would go

ANSWERING = (STREAMED, PLAIN, OTHER, TOOL_XML, TOOL_NATIVE, AGENT_XML, AGENT_NATIVE)
"""The probes that expect an ordinary answer."""


@dataclass(frozen=True, slots=True)
class G4fInstall:
    """One installation of G4F on this machine: its version, and which of the server's packages it lacks."""

    place: str
    version: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """What was looked up on this machine; None where nobody looked."""

    g4f: tuple[G4fInstall, ...] | None = None
    listening: tuple[str, ...] | None = None  # the addresses on which this machine listens at the target's port
    proxy_variable: str = ""  # the variable that would send this target's loopback traffic to a proxy
    proxy: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One target with every reading of it, in the order in which they were taken.

    `given` is the base URL to be judged, `base` the one at which the examination went on (equal to `given` unless
    that one was wrong), `model` the model asked for. `direct` are the readings of the server behind this one, where
    this is a gateway that was named with `--via`; `behind` is that server's base URL.
    """

    given: str
    base: str
    kind: Kind = Kind.UNKNOWN
    model: str | None = None
    models: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()
    machine: Machine = field(default_factory=Machine)
    slow_after: float = 30.0
    direct: tuple[Reading, ...] = ()
    behind: str = ""

    def of(self, *probes: str) -> tuple[Reading, ...]:
        """The readings of these probes, in order."""
        return tuple(reading for reading in self.readings if reading.asked.probe in probes)

    def answers(self) -> Iterator[Reading]:
        """The readings from which an ordinary answer was expected and that came as a success status, readable."""
        readings = self.of(*ANSWERING)
        return (reading for reading in readings if reading.ok and reading.readable)

    @property
    def first_chat(self) -> Reading | None:
        """The first chat request at the URL as it was given: what a client would meet, a redirect being followed."""
        chat = self.of(CONNECT, STREAMED, VARIANT)
        first = next(iter(chat), None)
        if first is None or first.status not in (307, 308):
            return first
        there = redirect_target(first.asked.url, first.headers)
        return next((reading for reading in chat[1:] if reading.asked.url == there), first)

    @property
    def moved(self) -> bool:
        """Whether the examination had to go on at another URL."""
        return self.base != self.given

    @property
    def loopback(self) -> bool:
        """Whether the target is this machine."""
        return is_loopback(urlsplit(self.given).hostname or "")
