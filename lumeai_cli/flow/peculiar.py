"""Sentences for an exchange that the page of its diagnosis, which is written for the usual case, would misdescribe."""

import re

from lumeai_cli.backends.words import status_meant
from lumeai_cli.diagnoses.url import title_of
from lumeai_cli.text.phrase import Phrase, phrase
from lumeai_cli.text.visible import visible
from lumeai_cli.wire.event import OddKind
from lumeai_cli.wire.exchange import EndingKind
from lumeai_cli.wire.reading import Reading, Shape

_NOTHING = frozenset({"zero-events", "empty-answer"})
_FALSELY_PACKED = re.compile(r"content-encoding ([^:]{1,40}):")
_LONGEST_NAME = 40


def meant(reading: Reading) -> int:
    """The HTTP status for which an error inside a success stands; 0 where there is none, or it names none."""
    error = next(iter(reading.answer.errors), None)
    return status_meant(error.type, error.code, error.message) if reading.ok and error is not None else 0


def packed_in_vain(reading: Reading) -> Phrase | None:
    """What is to be said of a body whose encoding nobody can undo, or that is not encoded as its label claims."""
    if not reading.readable:
        return phrase(
            "told-encoding", status=reading.status or 0, encoding=visible(reading.encoding.strip())[:_LONGEST_NAME]
        )
    match = _FALSELY_PACKED.match(reading.ending.detail)
    if match is not None and reading.ending.kind is EndingKind.PROTOCOL:
        return phrase("told-false-encoding", status=reading.status or 0, encoding=visible(match[1]))
    return None


def sentence_of(name: str, reading: Reading) -> Phrase | None:
    """The sentence for an exchange with the diagnosis of this name; None where its page says it well."""
    status = reading.status or 0
    if name in ("server-error", "rate-limited") and reading.ok:
        inside = meant(reading)
        return phrase("told-error-inside", status=status, meant=inside) if inside else None
    if name == "connection-reset" and reading.status is not None:
        return phrase("told-cut-early", status=status)
    if name in _NOTHING and reading.shape is Shape.EMPTY and not reading.body:
        stream = status == 200 and reading.asked.stream and reading.content_type == "text/event-stream"
        return None if stream else phrase("told-no-body", status=status)
    if name == "bad-chunk-schema" and reading.shape is Shape.JSON:
        odd = reading.odd(OddKind.BAD_CHOICES)
        if odd:
            return phrase("told-bad-choices", shown=visible(_IN_JSON.get(odd[0].detail, odd[0].detail)))
    return None


_IN_JSON = {"None": "null", "True": "true", "False": "false"}

_MARKUP = re.compile(r"<(script|style)\b.*?(?:</\1>|\Z)|<[^>]{0,500}>", re.DOTALL | re.IGNORECASE)
_LOOKED_AT = 4096
_LONGEST_PAGE = 120


def words_of_page(reading: Reading) -> str:
    """What a page says that came in the place of an answer: its title, else the beginning of its text."""
    if reading.shape is not Shape.HTML or not reading.readable:
        return ""
    text = title_of(reading) or _MARKUP.sub(" ", reading.body[:_LOOKED_AT].decode("utf-8", "replace"))
    return " ".join(text.split())[:_LONGEST_PAGE]
