"""One thing to be examined: a backend whose URL was understood, with the key that may be sent there."""

from dataclasses import dataclass

from lumeai_cli.backends.address import Address, parse
from lumeai_cli.backends.backend import Backend, Kind, Origin, Secret
from lumeai_cli.text.mendable import place
from lumeai_cli.text.phrase import Phrase, phrase

ANTHROPIC_HOST = "api.anthropic.com"


@dataclass(frozen=True, slots=True)
class Target:
    """`key` is None where none was given, or where sending it would be unsafe; `notes` say what was decided.

    `behind` is set for a gateway: the name of the target to which it passes everything on.
    """

    name: str
    address: Address
    kind: Kind = Kind.UNKNOWN
    key: Secret | None = None
    model: str | None = None
    named: bool = True
    notes: tuple[Phrase, ...] = ()
    behind: str = ""


def target_of(backend: Backend, *, insecure: bool = False) -> Target:
    """The target for a backend, or `AddressError` if its URL is none.

    No key goes over plain http to another machine, unless the user insists.
    """
    address = parse(backend.url)
    notes: list[Phrase] = []
    if address.completed and backend.origin is not Origin.DISCOVERY:
        notes.append(phrase("note-completed", url=address.base))
    key = backend.key
    if key is not None and not address.private and not insecure:
        notes.append(phrase("note-no-key-over-http", source=place(key.source)))
        key = None
    if backend.kind is Kind.ANTHROPIC and address.host == ANTHROPIC_HOST:
        notes.append(phrase("note-anthropic"))
    return Target(backend.name, address, backend.kind, key, backend.model, backend.named, tuple(notes))
