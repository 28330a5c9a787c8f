"""The judges: each cell of the table of wire conditions, and what the clients themselves would say."""

from dataclasses import replace
from typing import Any

import pytest

from lumeai_cli.clients.outcome import Outcome, OutcomeKind
from lumeai_cli.clients.profile import Protocol
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.clients.request import agent_native, agent_xml
from lumeai_cli.wire.exchange import Asked, Chunk, Exchange
from lumeai_cli.wire.reading import Reading, read
from tests.clients.conditions import PLAIN, STREAMED
from tests.clients.wire import GOOD, JSON, LETTERS, Row, completion, ended, function, said

K4, KN, K7, ROO, CLINE, XML = "kilo-xml", "kilo-native", "kilo7", "roo", "cline", "cline-xml"
OPENCODE, QWEN, CN, AIDER, PY, LC = "opencode", "qwen-code", "continue", "aider", "openai-sdk", "langchain"

OK, EMPTY, SILENT, NOT_JUDGED = OutcomeKind.OK, OutcomeKind.EMPTY, OutcomeKind.SILENT, OutcomeKind.NOT_JUDGED

TOOLS = {
    "a tool after prose": (GOOD, "OO"),
    "a tool alone": ("<read_file>\n<path>notes/plan.txt</path>\n</read_file>", "OO"),
    "a tool in a code fence": ("```xml\n<read_file>\n<path>a</path>\n</read_file>\n```", "OO"),
    "a tool that is not closed": ("<read_file>\n<path>notes/pl", "OO"),
    "a tool without parameters": ("<attempt_completion></attempt_completion>", "OO"),
    "a tool after a thought": (f"<think>Hm.</think>{GOOD}", "OO"),
    "a thought in the middle": (f"Hi <think>Hm. {GOOD}", "OO"),
    "a thought after a newline": (f"\n<think>Hm. {GOOD}", "OO"),
    "another word for a thought": (f"<thinking>Hm. {GOOD}", "OO"),
    "prose": ("The file says hello.", "NN"),
    "white space": (" \n", "NN"),
    "a newline after a thought": ("<think>Hm.</think>\n", "NN"),
    "attributes": ('<read_file path="notes/plan.txt"/>', "NN"),
    "a space in the tag": ("<read_file >\n<path>a</path>\n</read_file>", "NN"),
    "capital letters": ("<Read_File>\n<path>a</path>\n</Read_File>", "NN"),
    "escaped brackets": ("&lt;read_file&gt;&lt;path&gt;a&lt;/path&gt;&lt;/read_file&gt;", "NN"),
    "an unknown tool": ("<open_file>\n<path>a</path>\n</open_file>", "NN"),
    "a closing tag alone": ("</read_file>", "NN"),
    "a call as JSON in tags": ('<tool_call>{"name": "read_file", "arguments": {}}</tool_call>', "NN"),
    "a call in invoke tags": ('<function_calls><invoke name="read_file"></invoke></function_calls>', "NN"),
    "a call as bare JSON": ('{"name": "read_file", "arguments": {"path": "a"}}', "NN"),
    "a closed thought and nothing else": ("<think>Hm.</think>", "EN"),
    "an open thought with a tool in it": (f"<think>Hm. {GOOD}", "EO"),
}
"""Texts, and what they are for Kilo 4.x and for classic Cline."""


SENT_BESIDES = {"parallel_tool_calls", "max_tokens", "temperature", "max_completion_tokens", "reasoning_effort"}


def reading_of(row: Row, client: str, *, stream: bool, wants_tool: bool = True) -> Reading:
    """What lumeai reads when this client's own request is answered so; the body comes in pieces of seven bytes.

    A call is to the tool that reads, under the name that the client gave it.
    """
    native = PROFILES[client].protocol is Protocol.NATIVE
    tools = agent_native().tool_names if wants_tool and native else ()
    xml_tools = agent_xml().xml_tools if wants_tool and PROFILES[client].protocol is Protocol.XML else ()
    body = row.body.replace(b'"name": "read"', b'"name": "read_file"') if xml_tools else row.body
    asked = Asked(
        "stream", "http://h/v1/chat/completions", stream=stream, tools=tools, xml_tools=xml_tools, wants_tool=wants_tool
    )
    label = (("Content-Type", row.content_type),) if row.content_type else ()
    pieces = tuple(Chunk(0.1, body[start : start + 7]) for start in range(0, len(body), 7))
    return read(Exchange("e1", asked, row.status, (*label, *row.headers), 0.1, pieces, row.ending))


def judged(row: Row, client: str, *, stream: bool = True, wants_tool: bool = True) -> Outcome:
    """The outcome; a client that would never ask so is a mistake of the table."""
    outcome = PROFILES[client].judge(reading_of(row, client, stream=stream, wants_tool=wants_tool))
    assert outcome is not None
    return outcome


def cells(rows: tuple[Row, ...]) -> list[Any]:
    """Each cell of a table as one test."""
    return [
        pytest.param(row, client, kind, id=f"{row.id} - {client}")
        for row in rows
        for client, kind in row.expected.items()
    ]


@pytest.mark.parametrize(("row", "client", "kind"), cells(STREAMED))
def test_what_the_user_of_a_streaming_client_meets(row: Row, client: str, kind: OutcomeKind) -> None:
    """Each cell of the table of wire conditions."""
    assert judged(row, client).kind is kind


@pytest.mark.parametrize(("row", "client", "kind"), cells(PLAIN))
def test_what_the_user_meets_without_a_stream(row: Row, client: str, kind: OutcomeKind) -> None:
    """Kilo and Roo with "Enable streaming" unticked, and the libraries' plain calls."""
    assert judged(row, client, stream=False).kind is kind


@pytest.mark.parametrize("client", [K7, CLINE, XML, OPENCODE, QWEN, CN, AIDER])
def test_a_client_that_only_streams_has_no_opinion_on_a_plain_answer(client: str) -> None:
    """None, which is not the same as not judged: it never sends such a request."""
    assert PROFILES[client].judge(reading_of(PLAIN[0], client, stream=False)) is None


def test_a_client_without_tools_has_no_opinion_on_an_answer_to_a_request_with_them() -> None:
    """The aider user never meets it."""
    asked = reading_of(STREAMED[0], CN, stream=True)
    assert PROFILES[AIDER].judge(asked) is None
    assert PROFILES[LC].judge(asked) is not None


@pytest.mark.parametrize("client", PROFILES)
def test_a_body_in_an_encoding_that_lumeai_does_not_read_is_not_judged(client: str) -> None:
    """The client may well read it: what lumeai cannot read is no fault of the server."""
    unread = replace(reading_of(Row("br", "", "", b"\x1b\x00"), client, stream=True), encoding="br")
    outcome = PROFILES[client].judge(unread)
    assert outcome is not None
    assert (outcome.kind, "br" in outcome.message.in_("ru")) == (NOT_JUDGED, True)


def test_the_clients_stand_in_the_order_in_which_they_are_named() -> None:
    """The order of `--client`, and of the letters of every row."""
    assert list(PROFILES) == [K4, KN, K7, ROO, CLINE, XML, OPENCODE, QWEN, CN, AIDER, PY, LC]


def test_every_row_of_the_facts_stands_here() -> None:
    """Rows 1 to 51: none was forgotten."""
    assert {str(number) for number in range(1, 52)} <= {row.number for row in STREAMED}


@pytest.mark.parametrize(("text", "letters"), TOOLS.values(), ids=TOOLS)
def test_what_the_xml_clients_take_for_a_tool_call(text: str, letters: str) -> None:
    """Exact lower-case tags anywhere in the text, everything else is prose; Kilo cuts a leading thought away first."""
    kilo, cline = (LETTERS[letter] for letter in letters)
    assert judged(Row("xml", "", "", said(text)), K4).kind is kilo
    assert judged(Row("xml", "", "", completion({"content": text}), content_type=JSON), K4, stream=False).kind is kilo
    assert judged(Row("xml", "", "", said(text)), XML).kind is cline


@pytest.mark.parametrize("client", [K4, KN, ROO, XML])
@pytest.mark.parametrize("text", ["Hello!", "maple", " \n"])
def test_without_tools_any_text_passes_the_demanding_clients(text: str, client: str) -> None:
    """The demand for a tool goes with the request: a plain question has a plain answer."""
    assert judged(Row("text", "", "", said(text)), client, wants_tool=False).kind is OK


@pytest.mark.parametrize("client", PROFILES)
def test_a_turn_that_need_not_call_may_answer_in_words(client: str) -> None:
    """After a tool's result the tools are still offered, and a text is what was asked for."""
    reading = reading_of(Row("second", "", "", said("The first line is: maple")), client, stream=True)
    outcome = PROFILES[client].judge(replace(reading, asked=replace(reading.asked, wants_tool=False)))
    assert outcome is not None
    assert outcome.kind is OK


@pytest.mark.parametrize("client", [KN, ROO, CLINE, OPENCODE, CN])
def test_a_call_without_arguments_is_fine_where_none_is_due(client: str) -> None:
    """Many servers send an empty text for a tool without parameters."""
    row = Row("call", "", "", ended(function(name="read", arguments=""), "tool_calls"))
    reading = reading_of(row, client, stream=True)
    outcome = PROFILES[client].judge(replace(reading, asked=replace(reading.asked, wants_tool=False)))
    assert outcome is not None
    assert outcome.kind is OK


def test_a_tool_in_the_thoughts_is_no_tool() -> None:
    """Reasoning never counts for the XML client, whatever stands in it."""
    assert judged(Row("xml", "", "", ended({"reasoning_content": GOOD})), K4).kind is EMPTY


def test_the_native_kilo_speaks_russian() -> None:
    """Its sentences are those of the panel, the title over an error included."""
    said_ = {row.id: judged(row, KN).message.in_("ru") for row in STREAMED if KN in row.expected}
    assert said_["1 empty content, finish stop"].startswith("Модель не предоставила никакого содержимого ответа.")
    assert said_["16 plain text, no tool"].startswith("Модель не использовала никаких инструментов в своем ответе.")
    assert said_["39 cut after some text"] == "Провайдер завершил запрос: terminated"
    assert said_["42 401"].startswith("Ошибка провайдера 401")


def test_roo_alone_shortens_a_conversation_that_the_window_refused() -> None:
    """Kilo took over the engine, but never calls that part of it."""
    row = next(row for row in STREAMED if row.name == "400 for the context length")
    assert {client: judged(row, client).kind.value for client in (KN, ROO)} == {KN: "error", ROO: "retry"}


def test_the_xml_clients_own_sentence_is_word_for_word_kilos() -> None:
    """The Russian sentence dates the client: 4.83.1 to 4.124.0."""
    message = judged(STREAMED[0], K4).message
    assert message.in_("ru").startswith("Ответ модели неожиданно завершился (нет сообщений ассистента).")
    assert message.in_("en").startswith("The model's response ended unexpectedly (no assistant messages).")


WORDS = {
    (K7, "1 empty content, finish stop"): "run ended without an assistant message; the model returned no output",
    (K7, "17 a call without id"): "Expected 'id' to be a string.",
    (K7, "19 arguments that are no JSON"): "Invalid input for tool read: JSON parsing failed",
    (K7, "21 a call without a name"): "Expected 'function.name' to be a string.",
    (K7, "27 finish content_filter"): "The response was blocked by the provider's content filter",
    (K7, "39 cut after some text"): "Connection reset by server",
    (K7, "44 413 without a body"): "Error: Payload Too Large",
    (K7, "46 502 with a page"): "Error: Bad Gateway",
    (K7, "42 401"): "Error: invalid api key",
    (K4, "44 413 without a body"): "413 status code (no body)",
    (K4, "42 401"): "OpenAI completion error: 401 invalid api key",
    (K4, "30 a first chunk without choices"): "Cannot read properties of undefined (reading '0')",
    (K4, "39 cut after some text"): "terminated",
    (PY, "42 401"): "AuthenticationError",
    (PY, "43 404 for the model"): "NotFoundError",
    (PY, "44 413 without a body"): "APIStatusError",
    (PY, "45 429 and Retry-After"): "RateLimitError",
    (PY, "46 500"): "InternalServerError",
    (PY, "32 an error frame: invalid request"): "APIError: no such tool",
    (PY, "39 cut after some text"): "APIConnectionError: Connection error.",
    (QWEN, "1 empty content, finish stop"): "Model stream ended with empty response text.",
    (QWEN, "2 role only, then [DONE]"): "Model stream ended without a finish reason.",
    (
        QWEN,
        "4 a JSON completion",
    ): "Streaming request received a non-SSE response (HTTP 200, Content-Type: application/json)",
    (QWEN, "18 a whole call without index"): "Invalid tool call index",
    (QWEN, "42 401"): "[API Error: 401 invalid api key]",
    (KN, "1 empty content, finish stop"): "The model did not provide any response content.",
    (KN, "16 plain text, no tool"): "The model failed to use any tools in its response.",
    (KN, "19 arguments that are no JSON"): "Kilo Code tried to use read without value for required parameter",
    (KN, "21 a call to a tool that was not offered"): 'Kilo tried to use an unknown tool: "nosuch"',
    (KN, "32 an error frame after text"): "Provider ended the request: overloaded",
    (KN, "42 401"): "Provider Error 401: OpenAI completion error: 401 invalid api key",
    (ROO, "19 arguments that are no JSON"): "Roo tried to use read without value for required parameter",
    (ROO, "39 cut after some text"): "Provider ended the request: terminated",
    (CLINE, "1 empty content, finish stop"): "error: Model returned empty response",
    (CLINE, "17 a call without id"): "error: Expected 'id' to be a string.",
    (CLINE, "19 arguments in prose"): "Tool call read emitted invalid JSON arguments",
    (CLINE, "26 finish length, nothing said"): "Model reached the maximum output token limit",
    (CLINE, "35 text without a finish reason"): "error: Response stream ended without a finish reason.",
    (CLINE, '36 "error": null beside the choices'): "error: null",
    (CLINE, "39 cut after some text"): "The socket connection was closed unexpectedly.",
    (
        XML,
        "1 empty content, finish stop",
    ): "Invalid API Response: The provider returned an empty or unparsable response.",
    (XML, "19 arguments that are no JSON"): "Cline tried to use read_file without value for required parameter",
    (XML, "42 401"): "401 invalid api key",
    (OPENCODE, "17 a call without id"): "Error: Expected 'id' to be a string.",
    (OPENCODE, "27 finish content_filter"): "Error: The response was blocked by the provider's content filter",
    (OPENCODE, "44 413 without a body"): "Error: Payload Too Large",
    (CN, "21 a call to a tool that was not offered"): "Tool nosuch not found",
    (CN, "32 an error frame: a bare string"): '"out of credit"',
    (CN, "44 413 without a body"): "413 status code (no body)",
    (AIDER, "1 empty content, finish stop"): "Empty response received from LLM. Check your provider account?",
    (AIDER, "26 finish length, nothing said"): "has hit a token limit!",
    (AIDER, "42 401"): "litellm.BadRequestError: OpenAIException - invalid api key",
    (LC, "3 zero bytes"): "ValueError: No generation chunks were returned",
    (LC, "39 cut after some text"): "OpenAIConnectionError: Connection error.",
    (LC, "42 401"): "OpenAIAuthenticationError: Error code: 401",
    (LC, "43 404 for the model"): "OpenAIModelNotFoundError",
    (LC, "46 500"): "OpenAIAPIError",
}


@pytest.mark.parametrize(("client", "name"), WORDS, ids=lambda value: value)
def test_the_words_are_the_clients_own(client: str, name: str) -> None:
    """What the report quotes is what the user finds on the screen."""
    row = next(row for row in STREAMED if row.id == name)
    assert WORDS[client, name] in judged(row, client).message.in_("en")


@pytest.mark.parametrize("row", [*STREAMED, *PLAIN], ids=lambda row: row.id)
def test_whoever_fails_says_something_unless_it_is_silent(row: Row) -> None:
    """Every outcome but ok and silent has words, in both languages; silence may be explained."""
    for client in row.expected:
        outcome = judged(row, client, stream=row in STREAMED)
        words = {bool(outcome.message.in_(language)) for language in ("en", "ru")}
        assert len(words) == 1
        assert outcome.kind is SILENT or words == {outcome.kind is not OK}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_profile_says_whom_it_speaks_for_and_how_that_is_known(profile: Any) -> None:
    """SDKs change within minor versions: a profile without its versions would be worth nothing."""
    assert PROFILES[profile.name] is profile
    assert profile.title
    assert any(character.isdigit() for character in profile.versions)
    assert "run" in profile.checked or "source" in profile.checked
    assert profile.parameters <= SENT_BESIDES
