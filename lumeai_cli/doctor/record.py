"""Recordings: everything that was exchanged with the targets, as lines of JSON that can be judged again later.

The first line names the form and its version; then each target is followed by its exchanges. Bodies are base64 and
all else is ASCII, so that not a byte changes. No request text and no key is in it: keys were masked before anything
was kept.
"""

import base64
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, TypeVar

from lumeai_cli.backends.address import AddressError, parse
from lumeai_cli.backends.backend import Kind
from lumeai_cli.diagnoses.case import Case, G4fInstall, Machine
from lumeai_cli.doctor.inquirer import MOST_FRAMES
from lumeai_cli.doctor.probe import PROBES
from lumeai_cli.doctor.result import ProbeResult, ProbeStatus
from lumeai_cli.doctor.run import Examined
from lumeai_cli.doctor.target import Target
from lumeai_cli.text.mendable import MendableError
from lumeai_cli.text.phrase import Phrase, phrase
from lumeai_cli.wire.exchange import Asked, Chunk, Dialect, Ending, EndingKind, Exchange, Headers, hide
from lumeai_cli.wire.reading import read

FORM = "lumeai-recording"
VERSION = 1
MOST_BYTES = 256 * 1024 * 1024
_MOST = 1_000_000_000  # of seconds, bytes, characters

_LATER = {"together": False, "parameters": [], "words": [], "dialect": "openai"}
"""What the first recordings do not say of a request."""

Json = dict[str, Any]
T = TypeVar("T")


class RecordingError(MendableError):
    """A file that is no recording, or a damaged one; the sentence says where and why."""


def lines(examined: Sequence[tuple[Target, Examined]], lumeai: str) -> Iterator[str]:
    """The recording of these targets, line by line."""
    yield json.dumps({"form": FORM, "version": VERSION, "lumeai": lumeai})
    for target, found in examined:
        case = found.case
        secrets = (target.key.reveal(),) if target.key is not None else ()
        yield json.dumps(
            {
                "target": target.name,
                "named": target.named,
                "behind": target.behind,
                "given": case.given,
                "base": case.base,
                "kind": case.kind.value,
                "model": case.model and hide(case.model, secrets),
                "models": [hide(model, secrets) for model in case.models],
                "slow_after": case.slow_after,
                "machine": asdict(case.machine),
            }
        )
        for exchange in found.exchanges:
            yield json.dumps(_exchange(exchange))


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
    begun = False
    targets: list[tuple[Target, Case, list[Exchange]]] = []
    for number, line in enumerate(source, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            if not begun:
                _check_form(value)
                begun = True
            elif "target" in value:
                targets.append((*_head(value, number), []))
            elif targets:
                targets[-1][2].append(_exchange_of(value))
            else:
                raise RecordingError(_damage(number, phrase("recording-no-target")))
        except KeyError as error:
            raise RecordingError(_damage(number, phrase("recording-field", field=str(error.args[0])[:40]))) from None
        except (ValueError, TypeError, RecursionError):
            raise RecordingError(_damage(number, phrase("recording-no-json"))) from None
    if not targets:
        raise RecordingError(phrase("recording-empty"))
    return [_examined(*target) for target in targets]


def _damage(line: int, what: Phrase) -> Phrase:
    return phrase("recording-damaged", line=line, what=what)


def _check_form(value: Any) -> None:
    if not isinstance(value, dict) or value.get("form") != FORM:
        raise RecordingError(phrase("recording-foreign"))
    if value.get("version") != VERSION:
        raise RecordingError(phrase("recording-version", version=str(value.get("version"))[:20], known=VERSION))


def _head(value: Json, line: int) -> tuple[Target, Case]:
    """A target and its case, of which the readings are still to come."""
    given, kind = _get(value, "given", str), Kind(_one_of(value, "kind", tuple(Kind)))
    try:
        address = parse(given)
    except AddressError as error:
        raise RecordingError(phrase("recording-url", line=line, why=error.sentence)) from None
    machine = {"listening": None} | _get(value, "machine", dict)
    listening = None if machine["listening"] is None else _texts(machine, "listening")
    case = Case(
        given,
        _get(value, "base", str),
        kind,
        _optional(value, "model", str),
        _texts(value, "models"),
        (),
        Machine(_installs(machine), listening, _get(machine, "proxy_variable", str), _get(machine, "proxy", str)),
        _seconds(value.get("slow_after"), "slow_after"),
    )
    name, named = _get(value, "target", str), _get(value, "named", bool)
    return Target(name, address, kind, named=named, behind=_get({"behind": ""} | value, "behind", str)), case


def _installs(machine: Json) -> tuple[G4fInstall, ...] | None:
    found = _optional(machine, "g4f", list)
    if found is None:
        return None
    return tuple(
        G4fInstall(_get(entry, "place", str), _get(entry, "version", str), _texts(entry, "missing")) for entry in found
    )


def _exchange_of(value: Json) -> Exchange:
    asked, ending = _LATER | _get(value, "asked", dict), _get(value, "ending", dict)
    for foreign in asked.keys() - {field.name for field in fields(Asked)}:
        raise KeyError(foreign)
    return Exchange(
        _get(value, "id", str),
        Asked(
            _one_of(asked, "probe", tuple(PROBES)),
            _get(asked, "url", str),
            _get(asked, "method", str),
            _get(asked, "stream", bool),
            _optional(asked, "model", str),
            _whole(asked, "body_bytes"),
            _whole(asked, "prompt_chars"),
            _texts(asked, "tools"),
            _texts(asked, "xml_tools"),
            _get(asked, "wants_tool", bool),
            _get(asked, "key_sent", bool),
            _get(asked, "together", bool),
            _texts(asked, "parameters"),
            _texts(asked, "words"),
            Dialect(_one_of(asked, "dialect", tuple(Dialect))),
        ),
        None if value.get("status", "") is None else _whole(value, "status", 999),
        _headers(value),
        None if value.get("headers_at", "") is None else _seconds(value.get("headers_at"), "headers_at"),
        _chunks(value),
        Ending(
            EndingKind(_one_of(ending, "kind", tuple(EndingKind))),
            _seconds(ending.get("at"), "at"),
            _get(ending, "detail", str),
        ),
        _get(value, "encoding", str),
    )


def _headers(value: Json) -> Headers:
    pairs = _get(value, "headers", list)
    if not all(isinstance(pair, list) and list(map(type, pair)) == [str, str] for pair in pairs):
        raise KeyError("headers")
    return tuple((name, text) for name, text in pairs)


def _chunks(value: Json) -> tuple[Chunk, ...]:
    try:
        return tuple(
            Chunk(_seconds(at, "chunks"), base64.b64decode(data, validate=True))
            for at, data in _get(value, "chunks", list)
        )
    except (ValueError, TypeError):
        raise KeyError("chunks") from None


def _get(value: Any, name: str, kind: type[T]) -> T:
    """A field of exactly this type, so that nothing foreign gets into a report; a `KeyError` names any other."""
    found = value.get(name) if isinstance(value, dict) else None
    if type(found) is not kind:
        raise KeyError(name)
    return found


def _optional(value: Json, name: str, kind: type[T]) -> T | None:
    return None if value.get(name, "") is None else _get(value, name, kind)


def _texts(value: Any, name: str) -> tuple[str, ...]:
    found = tuple(_get(value, name, list))
    if not all(isinstance(text, str) for text in found):
        raise KeyError(name)
    return found


def _one_of(value: Json, name: str, known: Collection[str]) -> str:
    found = _get(value, name, str)
    if found not in known:
        raise KeyError(name)
    return found


def _whole(value: Json, name: str, most: int = _MOST) -> int:
    found = _get(value, name, int)
    if not 0 <= found <= most:
        raise KeyError(name)
    return found


def _seconds(found: Any, name: str) -> float:
    """A point in time; what Python's JSON takes beyond numbers (`NaN`, `Infinity`, `1e999`) is none."""
    if type(found) not in (int, float) or not 0 <= found <= _MOST:
        raise KeyError(name)
    return float(found)


def _examined(target: Target, case: Case, exchanges: list[Exchange]) -> tuple[Target, Examined]:
    case = replace(case, readings=tuple(read(exchange, frames=MOST_FRAMES) for exchange in exchanges))
    return target, Examined(case, tuple(exchanges), tuple(_probe(name, case) for name in PROBES))


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
