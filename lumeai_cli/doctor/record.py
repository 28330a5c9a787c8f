"""Recordings: everything that was exchanged with the targets, as lines of JSON that can be judged again later.

The first line names the form and its version; then each target is followed by its exchanges. Bodies are base64, so
that not a byte changes. No request text and no key is in it: keys were masked before anything was kept.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from lumeai_cli.backends.address import AddressError, parse
from lumeai_cli.backends.backend import Kind
from lumeai_cli.diagnoses.case import Case, G4fInstall, Machine
from lumeai_cli.doctor.inquirer import MOST_FRAMES
from lumeai_cli.doctor.probe import PROBES
from lumeai_cli.doctor.result import ProbeResult, ProbeStatus
from lumeai_cli.doctor.run import Examined
from lumeai_cli.doctor.target import Target
from lumeai_cli.text.phrase import phrase
from lumeai_cli.wire.exchange import Asked, Chunk, Ending, EndingKind, Exchange
from lumeai_cli.wire.reading import read

FORM = "lumeai-recording"
VERSION = 1
MOST_BYTES = 256 * 1024 * 1024

Json = dict[str, Any]


class RecordingError(ValueError):
    """A file that is no recording, or a damaged one; the text says where and why."""


def lines(examined: Sequence[tuple[Target, Examined]], lumeai: str) -> Iterator[str]:
    """The recording of these targets, line by line."""
    yield json.dumps({"form": FORM, "version": VERSION, "lumeai": lumeai})
    for target, found in examined:
        case = found.case
        yield json.dumps(
            {
                "target": target.name,
                "named": target.named,
                "given": case.given,
                "base": case.base,
                "kind": case.kind.value,
                "model": case.model,
                "models": case.models,
                "slow_after": case.slow_after,
                "machine": asdict(case.machine),
            },
            ensure_ascii=False,
        )
        for exchange in found.exchanges:
            yield json.dumps(_exchange(exchange), ensure_ascii=False)


def _exchange(exchange: Exchange) -> Json:
    return {
        "id": exchange.id,
        "asked": asdict(exchange.asked),
        "status": exchange.status,
        "headers": [pair for pair in exchange.headers if pair[0].lower() != "set-cookie"],
        "headers_at": exchange.headers_at,
        "chunks": [[chunk.at, base64.b64encode(chunk.data).decode()] for chunk in exchange.chunks],
        "ending": {"kind": exchange.ending.kind.value, "at": exchange.ending.at, "detail": exchange.ending.detail},
        "encoding": exchange.encoding,
    }


def load(source: Iterable[str]) -> list[tuple[Target, Examined]]:
    """What a recording holds, or `RecordingError` with the line that is damaged."""
    targets: list[tuple[Json, list[Exchange]]] = []
    number = 0
    try:
        for number, line in enumerate(source, 1):  # the number names the damaged line
            if not line.strip():
                continue
            value = json.loads(line)
            if number == 1:
                _check_form(value)
            elif "target" in value:
                targets.append((value, []))
            else:
                targets[-1][1].append(_restored(value))
        restored = [_examined(head, exchanges) for head, exchanges in targets]
    except RecordingError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, binascii.Error) as error:
        raise RecordingError(f"line {number} is damaged ({type(error).__name__})") from None
    if not restored:
        raise RecordingError("it is empty: no target was recorded")
    return restored


def _check_form(value: Any) -> None:
    if not isinstance(value, dict) or value.get("form") != FORM:
        raise RecordingError("it is no recording of lumeai (its first line does not say so)")
    if value.get("version") != VERSION:
        raise RecordingError(f"it has version {value.get('version')}, this lumeai reads version {VERSION}")


def _restored(value: Json) -> Exchange:
    asked = dict(value["asked"])
    asked["tools"], asked["xml_tools"] = tuple(asked["tools"]), tuple(asked["xml_tools"])
    if asked["probe"] not in PROBES:
        raise KeyError(asked["probe"])
    ending = value["ending"]
    return Exchange(
        str(value["id"]),
        Asked(**asked),
        value["status"] if value["status"] is None else int(value["status"]),
        tuple((str(key), str(text)) for key, text in value["headers"]),
        value["headers_at"] if value["headers_at"] is None else float(value["headers_at"]),
        tuple(Chunk(float(at), base64.b64decode(data, validate=True)) for at, data in value["chunks"]),
        Ending(EndingKind(ending["kind"]), float(ending["at"]), str(ending["detail"])),
        str(value["encoding"]),
    )


def _examined(head: Json, exchanges: list[Exchange]) -> tuple[Target, Examined]:
    try:
        address = parse(head["given"])
    except AddressError as error:
        raise RecordingError(f"it names an unusable URL: {error}") from None
    machine = head["machine"]
    installs = machine["g4f"]
    kind = Kind(head["kind"])
    case = Case(
        head["given"],
        str(head["base"]),
        kind,
        head["model"],
        tuple(head["models"]),
        tuple(read(exchange, frames=MOST_FRAMES) for exchange in exchanges),
        Machine(
            None if installs is None else tuple(_install(entry) for entry in installs),
            str(machine["proxy_variable"]),
            str(machine["proxy"]),
        ),
        float(head["slow_after"]),
    )
    target = Target(str(head["target"]), address, kind, named=bool(head["named"]))
    return target, Examined(case, tuple(exchanges), tuple(_probe(name, case) for name in PROBES))


def _install(entry: Json) -> G4fInstall:
    return G4fInstall(str(entry["place"]), str(entry["version"]), tuple(map(str, entry["missing"])))


def _probe(name: str, case: Case) -> ProbeResult:
    readings = case.of(name)
    if not readings:
        return ProbeResult(name, ProbeStatus.SKIPPED, phrase("skip-not-recorded"))
    usages = [reading.answer.usage for reading in readings if reading.answer.usage is not None]
    return ProbeResult(
        name,
        ProbeStatus.PASSED,
        None,
        round(sum(reading.ending.at for reading in readings), 3),
        sum(max(0, usage.prompt) for usage in usages),
        sum(max(0, usage.completion) for usage in usages),
        tuple(reading.exchange for reading in readings),
    )
