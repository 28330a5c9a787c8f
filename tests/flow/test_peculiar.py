"""What the pages of the catalogue would tell wrongly of one exchange is told as it was, and what passes is repeated."""

import json
from dataclasses import replace

import pytest

from lumeai_cli.backends.words import status_meant
from lumeai_cli.diagnoses.case import STREAMED
from lumeai_cli.flow.attempt import asked_of
from lumeai_cli.flow.explanation import Explanation, explain
from lumeai_cli.flow.retry import Tried, following
from lumeai_cli.repair.fault import NOTHING_SAID, Fault
from lumeai_cli.wire.exchange import Chunk, Ending, EndingKind, Exchange
from tests.flow.playbook import ASK_A, A, Candidate, chat_of

JSON, SSE, HTML = "application/json", "text/event-stream", "text/html"


def explained(
    status: int | None = 200,
    body: bytes = b"",
    ending: Ending | None = None,
    *,
    kind: str = JSON,
    encoding: str = "",
    stream: bool = True,
    fault: Fault = NOTHING_SAID,
) -> Explanation:
    """Of one exchange."""
    chat = chat_of(stream=stream)
    asked = asked_of(replace(ASK_A, stream=stream), chat, STREAMED)
    chunks = (Chunk(0.2, body),) if body else ()
    headers = () if status is None else (("content-type", kind),)
    over = ending or Ending(EndingKind.CLEAN, 0.3)
    return explain(Exchange("a1", asked, status, headers, 0.1, chunks, over, encoding), ASK_A, fault)


def in_json(**told: object) -> bytes:
    """An error in OpenAI's form."""
    return json.dumps({"error": {"message": "no luck today", **told}}).encode()


ANTHROPICS = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'


@pytest.mark.parametrize(
    ("body", "kind", "name", "told_as", "meant"),
    [
        (ANTHROPICS, SSE, "server-error", 502, 529),
        (b"data: " + in_json(code=502) + b"\n\n", SSE, "server-error", 502, 502),
        (in_json(code=502), JSON, "server-error", 502, 502),
        (in_json(code="503"), JSON, "server-error", 502, 503),
        (in_json(code=408), JSON, "server-error", 502, 408),
        (in_json(code=429), JSON, "rate-limited", 429, 429),
        (in_json(type="server_error"), JSON, "server-error", 502, 500),
        (in_json(type="rate_limit_error"), JSON, "rate-limited", 429, 429),
        (in_json(type="overloaded_error"), JSON, "server-error", 502, 529),
        (in_json(code=400, type="server_error"), JSON, "error-in-200", 422, 0),
        (in_json(type="invalid_request_error"), JSON, "error-in-200", 422, 0),
        (in_json(), JSON, "error-in-200", 422, 0),
    ],
)
def test_an_error_inside_a_success_is_what_its_status_would_be(
    body: bytes, kind: str, name: str, told_as: int, meant: int
) -> None:
    """What passes by itself is asked again after a rest; in the end the backend's words are told."""
    why = explained(body=body, kind=kind)
    assert (why.name, why.status, why.passing) == (name, told_as, told_as != 422)
    for language in ("en", "ru"):
        text = why.text(language)
        assert why.said
        assert f"{why.said}" in text
        assert not meant or f"HTTP {meant}" in text
    following_one = following(chat_of(), [Candidate(A)], [Tried(ASK_A, why)], 4)
    assert following_one is not None
    assert (following_one.wait > 0, following_one.attempt == ASK_A) == (why.passing, why.passing)


def test_an_error_inside_a_success_is_asked_for_in_the_other_mode_as_well() -> None:
    """If it has not passed after the first rest."""
    why = explained(body=in_json(code=502))
    tried = [Tried(ASK_A, why)]
    for stream in (True, False, True):
        following_one = following(chat_of(), [Candidate(A)], tried, 4)
        assert following_one is not None
        assert following_one.attempt.stream is stream
        assert following_one.wait > 0
        tried.append(Tried(following_one.attempt, why))


@pytest.mark.parametrize(
    ("type_", "code", "message", "status"),
    [
        ("", "", "Overloaded.", 529),
        ("", "", "the bridge is overloaded with cars", 0),
        ("InternalServerError", "", "", 500),
        ("unavailable_error", "", "", 503),
        ("", "timeout", "", 504),
        ("api_error", "", "", 500),
        ("", "1113", "", 0),
        ("server_error", "404", "", 404),
    ],
)
def test_the_status_that_an_error_names(type_: str, code: str, message: str, status: int) -> None:
    """By its number, else by the usual words; a sentence that merely speaks of such things names none."""
    assert status_meant(type_, code, message) == status


def test_a_408_passes_like_a_504() -> None:
    """The backend took too long, or thought that we did."""
    why = explained(408, in_json())
    assert (why.name, why.status, why.passing) == ("server-error", 502, True)
    assert "HTTP 408" in why.text("en")


CUT = Ending(EndingKind.CUT, 0.3, "Connection reset by peer")
FALSE_GZIP = Ending(EndingKind.PROTOCOL, 0.3, "content-encoding gzip: Error -3 while decompressing data")
PAGE = b"<!doctype html><html><head><title>WAF \x1b[31m block</title></head><body>No.</body></html>"
UNTITLED = b"<html><head><style>b{}</style></head><body><h1>Bad  gateway</h1></body></html>"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("why", "name", "told", "not_told"),
    [
        ({"status": 204}, ("zero-events", "empty-answer"), "HTTP 204 with no body", "HTTP 200"),
        ({"status": 200}, ("zero-events", "empty-answer"), "HTTP 200 with no body", "due form"),
        ({"ending": CUT}, ("connection-reset",), "the connection broke", "opened a stream"),
        ({"body": b'{"choices": null}'}, ("bad-chunk-schema",), "choices, the place for the text, holds null", "None"),
        ({"status": 502, "body": PAGE, "kind": HTML}, ("server-error",), 'said: "WAF \\x1b[31m block"', "\x1b"),
        ({"status": 400, "body": PAGE, "kind": HTML}, ("request-refused",), 'said: "WAF \\x1b[31m block"', "\x1b"),
        ({"status": 502, "body": UNTITLED, "kind": HTML}, ("server-error",), 'said: "Bad gateway"', "b{}"),
        (
            {"body": b"\x0b\x02\x80hi\x03", "encoding": "br"},
            ("unexplained-failure",),
            "an encoding that nobody asked for (br)",
            "Correct the URL",
        ),
        ({"status": 500, "body": b"\x0b\x02\x80hi", "encoding": "br"}, ("server-error",), "HTTP 500, packed", "hi"),
        (
            {"ending": FALSE_GZIP, "encoding": "gzip"},
            ("unexplained-failure",),
            "packed as gzip, and it is not",
            "broke",
        ),
    ],
)
def test_what_happened_is_what_is_told(
    why: dict[str, object],
    name: tuple[str, ...],
    told: str,
    not_told: str,
    stream: bool,  # noqa: FBT001  # a column
) -> None:
    """In both languages, and nothing that did not happen."""
    found = explained(stream=stream, **why)  # type: ignore[arg-type]  # a table of keyword arguments
    assert found.name in name
    assert told in found.text("en")
    assert not_told not in found.text("en")
    assert found.text("ru").isprintable()


def test_a_cut_behind_an_answers_beginning_is_no_early_one() -> None:
    """Of what has gone out nothing is kept."""
    assert explained(ending=CUT, fault=Fault("stream-cut")).name == "stream-cut"


def test_a_call_in_the_wrong_protocol_is_told_with_its_cause() -> None:
    """The sentence of the page, with what was found."""
    why = explained(body=b'{"choices": []}', fault=Fault("tool-protocol-mismatch", "read_file {}"))
    for language, told in (("en", "in the other of the two protocols (XML)"), ("ru", "протоколов (XML)")):
        assert told in why.text(language)


@pytest.mark.parametrize(
    ("kind", "detail", "russian"),
    [
        (EndingKind.REFUSED, "refused", "в соединении отказано."),
        (EndingKind.REFUSED, "Connection refused", "в соединении отказано."),
        (EndingKind.RESET, "the server closed the connection", "(сервер закрыл соединение)"),
        (EndingKind.RESET, "Connection reset by peer", "(сервер сбросил соединение)"),
        (EndingKind.DNS, "Name or service not known", "(такое имя неизвестно)"),
        (EndingKind.TLS, "certificate has expired", "«certificate has expired»"),
        (EndingKind.PROTOCOL, "Bad status line", "«Bad status line»"),
    ],
)
def test_russian_sentences_hold_no_english_of_the_systems(kind: EndingKind, detail: str, russian: str) -> None:
    """Usual words are translated, others are quoted."""
    text = explained(None, ending=Ending(kind, 0.3, detail)).text("ru")
    assert russian in text.replace("отказано. Скорее", "отказано. ")
    assert f"({detail})" not in text
