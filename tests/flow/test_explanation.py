"""An explanation has a status that clients understand, a type, words without markup, and bounds."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from lumeai_cli.diagnoses.case import STREAMED
from lumeai_cli.diagnoses.catalogue import CATALOGUE
from lumeai_cli.flow.attempt import asked_of
from lumeai_cli.flow.explanation import LONGEST_WAIT, Explanation, explain
from lumeai_cli.repair.fault import NOTHING_SAID, Fault
from lumeai_cli.wire.exchange import Chunk, Ending, EndingKind, Exchange, Headers
from tests.flow.playbook import ASK_A, chat_of

SHOWN = {400, 401, 403, 404, 413, 422}
"""Measured 2026-11: these are shown word for word, and not repeated (413: by shortening the conversation)."""


def every() -> list[Explanation]:
    """One explanation for each diagnosis."""
    return [Explanation(entry.code, name) for name, entry in CATALOGUE.items()]


@pytest.mark.parametrize("why", every(), ids=lambda why: why.name)
def test_every_cause_has_a_status_that_fits_it(why: Explanation) -> None:
    """What a repeat may cure says so by a status that clients repeat; all others by one that they show."""
    assert why.status in ({429, 502, 503, 504} if why.passing else SHOWN)
    types = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
    assert why.type == types.get(why.status, "server_error" if why.status >= 500 else "invalid_request_error")


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("why", every(), ids=lambda why: why.name)
def test_every_cause_is_told_on_one_line_without_markup(why: Explanation, language: str) -> None:
    """With its code, and with something to do that is not what already stands in between."""
    text = why.text(language)
    assert f"({why.code};" in text
    assert "\n" not in text
    assert "**" not in text
    assert "```" not in text
    assert len(text) < 2000
    what = {"en": "What to do: ", "ru": "Что делать: "}[language]
    _, _, cure = text.partition(what)
    assert not cure.startswith("lumeai serve")


def test_413_stands_for_what_is_too_large_alone() -> None:
    """Agents shorten their conversation for it."""
    assert [why.name for why in every() if why.status == 413] == ["body-too-large"]


def explained(
    status: int | None = 200,
    body: bytes = b"",
    ending: EndingKind = EndingKind.CLEAN,
    *,
    told: Headers = (),
    fault: Fault = NOTHING_SAID,
    stream: bool = True,
) -> Explanation:
    """Why this exchange failed."""
    attempt = replace(ASK_A, stream=stream)
    asked = asked_of(attempt, chat_of(), STREAMED)
    chunks = (Chunk(0.2, body),) if body else ()
    return explain(Exchange("a1", asked, status, told, 0.1, chunks, Ending(ending, 0.5)), attempt, fault)


@pytest.mark.parametrize(
    ("status", "body", "ending", "name"),
    [
        (None, b"", EndingKind.REFUSED, "connection-refused"),
        (None, b"", EndingKind.DNS, "dns-failure"),
        (None, b"", EndingKind.RESET, "connection-reset"),
        (None, b"", EndingKind.TIMEOUT_FIRST, "no-answer"),
        (200, b"", EndingKind.CLEAN, "zero-events"),
        (200, b"data: [DONE]\n\n", EndingKind.CLEAN, "done-only"),
        (200, b"<!DOCTYPE html><html></html>", EndingKind.CLEAN, "html-instead-of-api"),
        (200, b'{"error": {"message": "out of memory"}}', EndingKind.CLEAN, "error-in-200"),
        (401, b'{"error": {"message": "Incorrect API key provided"}}', EndingKind.CLEAN, None),
        (429, b"", EndingKind.CLEAN, "rate-limited"),
        (500, b"", EndingKind.CLEAN, "server-error"),
        (503, b"", EndingKind.CLEAN, "server-error"),
    ],
)
def test_an_exchange_is_told_by_its_cause(
    status: int | None, body: bytes, ending: EndingKind, name: str | None
) -> None:
    why = explained(status, body, ending)
    assert why.name in CATALOGUE
    assert name is None or why.name == name
    assert (why.code, why.text("en")) == (CATALOGUE[why.name].code, why.text("en"))


def streamed(delta: str, finish: str = "null", more: str = "data: [DONE]\n\n") -> bytes:
    """A stream of one chunk, and its end."""
    return f'data: {{"choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}\n\n{more}'.encode()


def whole(message: str) -> bytes:
    """One completion."""
    return f'{{"choices":[{{"index":0,"message":{message},"finish_reason":"stop"}}]}}'.encode()


@pytest.mark.parametrize(
    ("stream", "body", "name"),
    [
        (False, b'data: {"error": {"message": "maximum context length is 8 tokens"}}\n\n', "context-exceeded"),
        (False, b'data: {"error": {"message": "out of memory"}}\n\n', "error-in-200"),
        (False, streamed('{"content":""}', '"stop"'), "empty-answer"),
        (True, streamed('{"content":"\\u200b"}', '"stop"'), "empty-answer"),
        (False, whole('{"content":"\\ufeff\\n"}'), "empty-answer"),
        (False, streamed('{"reasoning_content":"hm"}', '"stop"'), "reasoning-only"),
        (False, streamed("{}", '"length"'), "output-budget-spent"),
        (False, streamed("{}", '"tool_calls"'), "finish-tool-calls-without-call"),
        (True, whole('{"content":""}'), "empty-answer"),
        (True, whole('{"content":null,"reasoning_content":"hm"}'), "reasoning-only"),
        (True, whole('{"content":""}') + b"\n", "empty-answer"),
        (True, b'{"error": {"message": "out of memory"}}\n', "error-in-200"),
        (True, b'{"message":{"content":"hi"},"done":false}\n{"error":"runner stopped"}\n', "error-in-200"),
    ],
)
def test_what_the_menders_put_right_is_no_cause(*, stream: bool, body: bytes, name: str) -> None:
    """A client that is told of the wrong mode looks in the wrong place: the proxy cures that by itself."""
    assert explained(body=body, stream=stream).name == name


@pytest.mark.parametrize("fault", ["missing-finish-reason", "stream-cut"])
def test_what_only_the_mender_met_beats_what_it_put_right(fault: str) -> None:
    """Of an answer in the wrong mode, too."""
    assert explained(body=streamed('{"content":"hi"}', more=""), stream=False, fault=Fault(fault)).name == fault


CUT_CALL = '{"tool_calls":[{"index":0,"id":"a","function":{"name":"read","arguments":"{\\"path\\": \\"x"}}]}'


@pytest.mark.parametrize("met", ["tool-arguments-not-json", "tool-protocol-mismatch"])
@pytest.mark.parametrize(("finish", "name"), [('"length"', "output-budget-spent"), ('"tool_calls"', None)])
def test_a_call_that_the_length_limit_cut_is_told_by_the_limit(met: str, finish: str, name: str | None) -> None:
    """Nobody has to mend a server that did what it was asked for."""
    assert explained(body=streamed(CUT_CALL, finish), fault=Fault(met, '{"path": "x')).name == (name or met)


@pytest.mark.parametrize("status", [400, 503])
def test_an_error_in_a_list_is_told_in_its_own_words(status: int) -> None:
    """So does Gemini's endpoint for OpenAI's clients."""
    body = b'[{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key."}}]'
    text = explained(status, body).text("en")
    assert "API key not valid. Please pass a valid API key" in text
    assert "[{" not in text


def test_an_answer_in_an_unknown_form_is_shown() -> None:
    """It may be an error that only a person can read."""
    why = explained(body=b'{"code":500,"msg":"no workers","success":false}')
    assert (why.name, why.said) == ("not-an-llm-api", '{"code":500,"msg":"no workers","success":false}')


def test_words_with_code_in_them_stand_once() -> None:
    """The pages are markdown, the message is none."""
    body = b'{"error": {"message": "The model `x` does not exist."}}'
    assert explained(500, body).text("en").count("does not exist") == 1


STATUSES = (None, 200, 204, 206, 304, 307, 404, 418, 451, 500, 599)
BODIES = (b"", b"\x00", b"{}", b"[]", b"data: {}\n\n", b"x" * 100)


@pytest.mark.parametrize("kind", list(EndingKind))
def test_nothing_is_left_without_a_name(kind: EndingKind) -> None:
    """Whatever came: there is a diagnosis, and it can be told."""
    for status in STATUSES:
        for body in BODIES if status is not None else (b"",):
            why = explained(status, body, kind)
            assert why.name in CATALOGUE
            assert why.text("en")
            assert 400 <= why.status < 600


@pytest.mark.parametrize(
    ("told", "wait"),
    [("2", 2), (" 7 ", 7), ("3600", 3600), ("-1", 0), ("1.5", 0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0)],
)
def test_a_wait_is_read_where_it_is_told_in_seconds(told: str, wait: int) -> None:
    assert explained(429, told=(("retry-after", told),)).retry_after == wait
    assert LONGEST_WAIT == 30


def test_what_a_server_said_is_bounded() -> None:
    """A megabyte does not go on."""
    said = "boom\r\n" + "x" * 1_000_000
    for why in (explained(500, said.encode()), explained(fault=Fault("broken-json-frame", said))):
        assert len(why.said) <= 310
        assert len(why.text("en")) < 3000


def test_what_the_mender_met_is_told_where_the_whole_has_no_name() -> None:
    why = explained(200, b"data: {}\n\n", fault=Fault("tool-arguments-not-json", '{"a'))
    assert (why.name, why.said) == ("tool-arguments-not-json", '{"a')


def test_equal_explanations_are_equal() -> None:
    """Facts are part of it, and none of its hash."""
    one, same = (Explanation("LUM803", "empty-answer", MappingProxyType({"a": 1})) for _ in range(2))
    assert one == same
    assert hash(one) == hash(same)


def test_a_backends_words_cannot_steer_a_terminal() -> None:
    """They are shown, not obeyed, and stand once."""
    body = b'{"error":{"message":"over\\u001b[31m load\\n\\u202eed","type":"overloaded"}}'
    text = explained(200, b"data: " + body + b"\n\n", fault=Fault("error-in-200", "over\x1b[31m load\n\u202eed")).text(
        "en"
    )
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\u202e" in text
