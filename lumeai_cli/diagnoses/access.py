"""Causes in what the server lets in: the key, the model's name, the size of the request."""

import re
from collections.abc import Iterator

from lumeai_cli.diagnoses.case import ANSWERING, MODELS, SIZES, VARIANT, Case
from lumeai_cli.diagnoses.diagnosis import Detector, Diagnosis, Family, found
from lumeai_cli.diagnoses.finding import Finding, Severity, excerpt, of_body
from lumeai_cli.diagnoses.url import NAMES_A_MODEL
from lumeai_cli.wire.reading import Reading, Shape
from lumeai_cli.wire.value import failure

_NO_MODEL = re.compile(
    r"model\b.{0,200}\b(not found|not exist|unknown|not available|no such|invalid|not supported)"
    r"|(unknown|invalid|no such|unsupported) model|model_not_found|not a chat model|does not support chat",
    re.IGNORECASE | re.DOTALL,
)
_TOO_LARGE = re.compile(
    r"PayloadTooLarge|entity too large|payload too large|content too large|body (is )?too (big|large)", re.IGNORECASE
)


def _status(name: str, *statuses: int, key_sent: bool | None = None) -> Detector:
    def detect(case: Case) -> Iterator[Finding]:
        hits = [
            (reading, of_body(reading))
            for reading in case.of(*ANSWERING, VARIANT)
            if reading.status in statuses
            and (key_sent is None or reading.asked.key_sent is key_sent)
            and not (reading.asked.probe == VARIANT and reading is not case.first_chat)
        ]
        yield from found(name, hits, {"status": statuses[0], "said": said(hits[0][0]) if hits else ""})

    return detect


def said(reading: Reading) -> str:
    """The server's own words in an error answer, shortened; empty where it says nothing readable."""
    errors = reading.answer.errors
    if errors:
        # Ollama wraps the error of the server behind it in JSON once more.
        return " ".join(failure(errors[0].message, 0, 0.0).message.split())[:300]
    if reading.shape is Shape.JSON:
        return _detail(reading)
    if reading.shape is not Shape.HTML:
        return " ".join(reading.body[:300].decode("utf-8", "replace").split())
    return ""


def _detail(reading: Reading) -> str:
    """What FastAPI and its kin put in the place of an error: `detail` or `message`, a text or a list of complaints."""
    value = reading.document
    told = value.get("detail") or value.get("message") if isinstance(value, dict) else None
    if isinstance(told, list) and told and isinstance(told[0], dict):
        place = ".".join(str(part) for part in told[0].get("loc") or ())
        told = f"{place}: {told[0].get('msg') or ''}"
    return " ".join(told.split())[:300] if isinstance(told, str) else excerpt(reading.body)


def _model(case: Case) -> Iterator[Finding]:
    """The server refuses the model's name. A model that answered something else is there, whatever the words say."""
    if any(True for _ in case.answers()):
        return
    hits = [(reading, of_body(reading)) for reading in case.of(*ANSWERING) if model_refused(reading)]
    if hits:
        others = [model for model in case.models if model != case.model]
        yield from found(
            "model-not-found",
            hits,
            {"model": case.model or "", "said": said(hits[0][0]), "available": ", ".join(others[:12])},
        )


def model_refused(reading: Reading) -> bool:
    """Whether the server refused this request for its model: unknown, or not made for chat."""
    return reading.status in (400, 404, 422) and any(
        _NO_MODEL.search(error.message)
        or error.code == "model_not_found"
        or (reading.status == 404 and NAMES_A_MODEL.search(error.message))
        for error in reading.answer.errors
    )


def too_large(reading: Reading) -> bool:
    """Whether the server refused this request for the size of its body."""
    if reading.status == 413:
        return True
    refused = reading.status is not None and reading.status >= 400
    return refused and bool(_TOO_LARGE.search(reading.body[:4096].decode("utf-8", "replace")))


def _size(case: Case) -> Iterator[Finding]:
    """Where the ladder breaks; an error if a request of a real client's size fell, else a warning."""
    tried = case.of(SIZES, *ANSWERING)
    refused = [reading for reading in tried if too_large(reading)]
    if not refused:
        return
    smallest = min(reading.asked.body_bytes for reading in refused)
    passed = max(
        (
            r.asked.body_bytes
            for r in tried
            if r.status is not None and not too_large(r) and r.asked.body_bytes < smallest
        ),
        default=0,
    )
    refused.sort(key=lambda reading: reading.asked.probe == SIZES)
    yield from found(
        "body-too-large",
        [(reading, of_body(reading)) for reading in refused],
        {
            "passed": passed,
            "refused": smallest,
            "status": refused[0].status or 0,
            "express": passed <= 102_400 < smallest,
        },
        at_most=Severity.WARNING if all(reading.asked.probe == SIZES for reading in refused) else Severity.ERROR,
    )


def _proves_nothing(case: Case) -> Iterator[Finding]:
    """The list of models comes, and no completion does: it is static, or stands outside the door that asks for keys."""
    lists = [reading for reading in case.of(MODELS) if reading.ok and case.models]
    chats = [reading for reading in case.of(*ANSWERING) if reading.status is not None]
    if lists and chats and not any(reading.ok and not reading.answer.errors for reading in chats):
        listed = [(reading, of_body(reading)) for reading in lists[-1:]]
        yield from found(
            "models-list-proves-nothing", listed, {"count": len(case.models), "status": chats[0].status or 0}
        )


ENTRIES = (
    Diagnosis("LUM211", "key-missing", Family.KEY, _status("key-missing", 401, key_sent=False)),
    Diagnosis("LUM212", "key-rejected", Family.KEY, _status("key-rejected", 401, key_sent=True)),
    Diagnosis("LUM213", "forbidden", Family.KEY, _status("forbidden", 403)),
    Diagnosis("LUM221", "model-not-found", Family.MODEL, _model, explains=frozenset({"request-refused"})),
    Diagnosis("LUM222", "models-list-proves-nothing", Family.MODEL, _proves_nothing, Severity.NOTE),
    Diagnosis("LUM231", "body-too-large", Family.SIZE, _size, explains=frozenset({"server-error"})),
)
