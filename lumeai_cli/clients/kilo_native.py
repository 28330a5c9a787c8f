"""Kilo Code 4.146 to 5.10, provider "OpenAI Compatible": the same engine as before with native tools; Roo's, too.

Source read: Kilo-Org/kilocode-legacy at 5.10.4 (`OpenAiHandler`, `NativeToolCallParser`,
`Task.recursivelyMakeClineRequests`, `presentAssistantMessage`); its SDK openai-node 5.12.2 run against misbehaving
servers, 2026-11. The extension itself could not be run.
"""

from collections.abc import Container
from dataclasses import dataclass

from lumeai_cli.clients.complaint import Complaints
from lumeai_cli.clients.deltas import by_index, text_of
from lumeai_cli.clients.kilo_xml import without_thought
from lumeai_cli.clients.outcome import OK, Outcome, OutcomeKind, Words, error, retry, unknown
from lumeai_cli.clients.profile import (
    UNTRIED,
    Profile,
    Protocol,
    redirect,
    shown_as_text,
    streamed_events,
    without_answer,
)
from lumeai_cli.clients.stainless import node_status, node_thrown, repeated
from lumeai_cli.wire.answer import ToolCall
from lumeai_cli.wire.event import CallPart, Odd, OddKind, Via
from lumeai_cli.wire.reading import Reading, Shape

EMPTY = Outcome(
    OutcomeKind.EMPTY,
    Words(
        "The model did not provide any response content. This may indicate an issue with the API or the model's "
        "output.",
        "Модель не предоставила никакого содержимого ответа. Это может указывать на проблему с API или выводом модели.",
    ),
)
"""MODEL_NO_ASSISTANT_MESSAGES: the first empty turn is repeated in silence, each later one shows this."""

NUDGE = Outcome(
    OutcomeKind.NUDGE,
    Words(
        "The model failed to use any tools in its response. This typically happens when the model provides only "
        "text/reasoning without calling the required tools to complete the task.",
        "Модель не использовала никаких инструментов в своем ответе. Обычно это происходит, когда модель "
        "предоставляет только текст/рассуждения без вызова необходимых инструментов для выполнения задачи.",
    ),
)
"""MODEL_NO_TOOLS_USED: the first such turn is told to the model alone, each later one shows this."""


@dataclass(frozen=True, slots=True)
class Agent:
    """What differs between the two who run this engine.

    `speaker` and `name` are how its messages call it; `cuts` says that it shortens a conversation which the window
    refused, `number_id` that a call whose id is a number is known to work, `lenient` that a plain answer without
    `choices` is an empty one.
    """

    speaker: str
    name: str
    cuts: bool = False
    number_id: bool = True
    lenient: bool = False

    def judge(self, reading: Reading) -> Outcome | None:
        """What the panel shows for this answer, streamed (the default) or not ("Enable streaming" unticked)."""
        early = without_answer(reading, "OpenAI completion error: Connection error.") or redirect(reading)
        if early is not None:
            return early
        if not reading.ok:
            return self._refused(reading)
        if reading.status == 204:
            return error("OpenAI completion error: Attempted to iterate over a response with no body")
        if reading.odd(OddKind.BAD_CALLS, OddKind.BAD_CONTENT):
            return UNTRIED
        return self._stream(reading) if reading.asked.stream else self._plain(reading)

    def _refused(self, reading: Reading) -> Outcome:
        status = reading.status or 0
        words = f"OpenAI completion error: {node_status(reading)}"
        told = (f"Provider Error {status}: {words}", f"Ошибка провайдера {status}: {words}")
        if self.cuts and status == 400 and _names_window(words):
            return retry(*told)
        return retry(*told) if repeated(status) else error(*told)

    def _stream(self, reading: Reading) -> Outcome:
        events = streamed_events(reading)
        for event in events:
            thrown = node_thrown(event)
            if thrown:
                return _ended(thrown, first=event.frame == events[0].frame)
        if not reading.ending.clean:
            return _ended("terminated", first=not events)
        if not self.number_id and any(isinstance(e, Odd) and e.kind is OddKind.CALL_BAD_ID for e in events):
            return unknown("an id that is a number was not tried", "id в виде числа не проверялся")
        return self._said(without_thought(text_of(events, Via.DELTA)), by_index(events), reading)

    def _plain(self, reading: Reading) -> Outcome:
        if not reading.ending.clean:
            return error("OpenAI completion error: terminated")
        labelled = reading.content_type == "application/json" or reading.content_type.endswith("+json")
        if labelled and reading.shape is not Shape.JSON:
            return error("OpenAI completion error: Unexpected token in JSON")
        if not labelled or reading.answer.errors or reading.odd(OddKind.NO_CHOICES, OddKind.NOT_AN_OBJECT):
            return EMPTY if self.lenient else error("Cannot read properties of undefined (reading '0')")
        whole = (event for event in reading.events if isinstance(event, CallPart) and event.via is Via.MESSAGE)
        calls = (ToolCall(part.id, part.name, part.arguments) for part in whole)
        kept = tuple(call for call in calls if _readable(call, reading.asked.tools))
        return self._said(text_of(reading.events, Via.MESSAGE), kept, reading)

    def _said(self, text: str, calls: tuple[ToolCall, ...], reading: Reading) -> Outcome:
        """The gate: any text passes, reasoning does not; then there must be calls, known and with their arguments."""
        if not text and not calls:
            return EMPTY
        asked = reading.asked
        if not calls:
            return NUDGE if asked.wants_tool or shown_as_text(reading, text) else OK
        return self._complaints.about(calls, asked) or OK

    @property
    def _complaints(self) -> Complaints:
        lacking = Words(f"{self.name} tried to use {{}} without value for required parameter. Retrying...")
        return Complaints(
            Words(
                f'{self.speaker} tried to use an unknown tool: "{{}}". Retrying...',
                f'{self.speaker} попытался использовать неизвестный инструмент: "{{}}". Повторная попытка...',
            ),
            lacking,
            lacking,
        )


def _readable(call: ToolCall, tools: Container[str]) -> bool:
    """Whether a whole call is more than nothing: it is thrown away if its name or its arguments say nothing to it."""
    return (not tools or call.name in tools) and (not call.arguments or call.well_formed)


def _ended(message: str, *, first: bool) -> Outcome:
    """A stream that failed: asked again with growing pauses, by itself or by a button; a later failure has a title."""
    if first:
        return error(message)
    return error(f"Provider ended the request: {message}", f"Провайдер завершил запрос: {message}")


def _names_window(words: str) -> bool:
    lowered = words.lower()
    signs = ("context length", "context window", "maximum context", "tokens exceed", "too many tokens")
    return any(sign in lowered for sign in signs)


PROFILE = Profile(
    "kilo-native",
    "Kilo Code 5.x",
    Protocol.NATIVE,
    "Kilo Code 4.146 to 5.10.4, OpenAI Compatible",
    "source of 5.10.4, openai-node 5.12.2 run",
    Agent("Kilo", "Kilo Code").judge,
    frozenset({"temperature"}),
)
