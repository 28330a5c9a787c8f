"""The questions that only an earlier answer gives reason to ask."""

import secrets
from collections.abc import Sequence
from dataclasses import replace

from lumeai_cli.backends.backend import Kind
from lumeai_cli.backends.window import pages, root, window_of
from lumeai_cli.clients import request as requests
from lumeai_cli.diagnoses import case as probes
from lumeai_cli.diagnoses.g4f import GENERIC
from lumeai_cli.diagnoses.parameters import refused, refused_parameters
from lumeai_cli.doctor.inquirer import Inquirer
from lumeai_cli.doctor.ledger import Ledger
from lumeai_cli.doctor.options import Options
from lumeai_cli.doctor.probe import PROBES
from lumeai_cli.doctor.question import (
    FIRST,
    FORCED,
    SENT_ALONG,
    SHORT_RECALL,
    Question,
    described_tools,
    histories,
    recall,
    repeated_turns,
    with_result,
    without_tools,
)
from lumeai_cli.text.phrase import phrase
from lumeai_cli.wire.exchange import Dialect
from lumeai_cli.wire.reading import Reading
from lumeai_cli.wire.xmltags import find_calls

WORDS = [
    "walnut",
    "juniper",
    "saffron",
    "quartz",
    "lantern",
    "meadow",
    "copper",
    "thistle",
    "harbor",
    "velvet",
    "orchid",
    "granite",
    "falcon",
    "amber",
    "willow",
    "marble",
    "cinder",
    "pepper",
    "tundra",
    "violet",
]
"""Code words: short, common, and in no prompt of ours."""


class FollowUp:
    """Looks at what was answered so far, and asks on where that separates two causes. `kind` is who the server is."""

    def __init__(self, inquirer: Inquirer, ledger: Ledger, options: Options) -> None:
        self.kind = Kind.UNKNOWN
        self._inquirer = inquirer
        self._ledger = ledger
        self._options = options

    @property
    def left_out_by_quick(self) -> tuple[str, ...]:
        """The probes that `--quick` forgoes."""
        large = (name for name, probe in PROBES.items() if probe.large)
        return (*large, probes.TOOL_FORCED, probes.G4F_REPEATS, probes.G4F_HISTORY, probes.G4F_TOOLS)

    def refused(self) -> frozenset[str]:
        """The parameters that are known to be refused by now."""
        return frozenset(refused_parameters(tuple(self._ledger.readings)))

    async def _ask(self, question: Question) -> Reading | None:
        """Asks without what is known to be refused: it would only be refused for that."""
        return await self._inquirer.ask(replace(question, without=question.without | self.refused()))

    async def window(self) -> None:
        """What the server tells of the model's window; now, after an answer, the model is loaded for sure."""
        model = self._inquirer.model or ""
        if window_of(self._ledger.of(probes.MODELS), model) is not None:
            self._ledger.skip([probes.WINDOW], phrase("skip-window-known"))
            return
        for page in pages(self.kind, model):
            if not self._inquirer.may(probes.WINDOW):
                return
            reading = await self._inquirer.page(probes.WINDOW, root(self._inquirer.base) + page.path, page.sent)
            if window_of([reading], model) is not None:
                return

    async def parameters(self) -> list[Reading]:
        """The small prompts that were refused, each without one of its parameters at a time."""
        asked: list[Reading] = []
        for probe, prompt in (
            (probes.STREAMED, FIRST),
            (probes.TOOL_XML, requests.small_xml()),
            (probes.TOOL_NATIVE, requests.small_native()),
        ):
            for reading in self._ledger.of(probe)[:1]:
                if refused(reading) and not self.refused().intersection(reading.asked.parameters):
                    suspects = [name for name in reading.asked.parameters if not self._taken(name)]
                    asked += await self._one_less(Question(probes.PARAMETERS, prompt, reading.asked.stream), suspects)
        return asked

    async def _one_less(self, question: Question, suspects: Sequence[str]) -> list[Reading]:
        """What comes of a refused question without each of these fields; where it is taken, it is asked whole again."""
        asked: list[Reading] = []
        known = self.refused()
        for name in suspects:
            again = await self._inquirer.ask(replace(question, without=known | {name}))
            if again is not None:
                asked.append(again)
                if not refused(again):
                    # What was refused once may have been an accident.
                    await self._inquirer.ask(replace(question, without=known))
        return asked

    def _taken(self, parameter: str) -> bool:
        """Whether the server has answered a request with this parameter."""
        return any(r.ok and not r.answer.errors and parameter in r.asked.parameters for r in self._ledger.readings)

    async def tools(self, *, stream: bool) -> None:
        """What became of tools, their results and what agents send along with them."""
        await self.parameters()
        native = self._ledger.of(probes.TOOL_NATIVE)
        if not native or not native[0].ok:
            return
        prompt = requests.small_native()
        together = [r for r in self._ledger.of(probes.PARAMETERS) if SENT_ALONG.keys() & set(r.asked.parameters)]
        if any(map(refused, together)) and not refused(native[0]):
            for parameter, value in SENT_ALONG.items():
                await self._ask(Question(probes.PARAMETERS, prompt, stream, {parameter: value}))
        calls, only = native[0].answer.calls, self._options.only
        if calls and calls[0].id and calls[0].well_formed and any(map(refused, self._ledger.of(probes.TOOL_RESULT))):
            # It may have been our own made-up call that was refused.
            second = with_result(prompt, calls[0].id, calls[0].name, calls[0].arguments)
            await self._ask(Question(probes.TOOL_RESULT, second, stream))
        prose = not calls and not refused(native[0])
        counted = prose and native[0].answer.usage is not None
        if (counted or probes.TOOL_ABSENT in only) and not self._ledger.of(probes.TOOL_ABSENT):
            await self._ask(Question(probes.TOOL_ABSENT, without_tools(), stream))
        if (prose and not self._options.quick) or probes.TOOL_FORCED in only:
            await self._ask(Question(probes.TOOL_FORCED, prompt, stream, FORCED))

    async def recall(self) -> None:
        """Code words in a short and in a large prompt, where a large one failed and the short one did not."""
        if not (probes.RECALL in self._options.only or self._forgetful()):
            return
        words = secrets.SystemRandom().sample(WORDS, 3)
        control = await self._recall(words, SHORT_RECALL)
        if control is not None and all(word in control.answer.text.lower() for word in words):
            words = secrets.SystemRandom().sample(WORDS, 3)
            await self._recall(words, self._options.xml_chars)

    async def _recall(self, words: list[str], size: int) -> Reading | None:
        stream = any(reading.heard.usable for reading in self._ledger.of(probes.STREAMED))
        return await self._ask(Question(probes.RECALL, recall(words, size), stream, words=tuple(words)))

    def _forgetful(self) -> bool:
        """Whether a tool is called in a short prompt, and not in the same prompt of an agent's size."""
        return any(
            any(map(_calls, self._ledger.of(small)))
            and any(reading.ok and reading.ending.clean for reading in self._ledger.of(large))
            and not any(map(_calls, self._ledger.of(large)))
            for small, large in ((probes.TOOL_XML, probes.AGENT_XML), (probes.TOOL_NATIVE, probes.AGENT_NATIVE))
        )

    async def rewriting(self) -> None:
        """The pairs of prompts that betray what G4F does to conversations and tools."""
        if self.kind is not Kind.G4F:
            return
        pairs = (
            (probes.G4F_REPEATS, repeated_turns()),
            (probes.G4F_HISTORY, histories()),
            (probes.G4F_TOOLS, described_tools()),
        )
        for probe, pair in pairs:
            for prompt in pair:
                reading = await self._ask(Question(probe, prompt, stream=False))
                if reading is None or not reading.ok or reading.answer.usage is None:
                    break

    async def uncover(self) -> None:
        """Asks for the cause that a server hides: G4F behind its generic error, Ollama's OpenAI route in silence."""
        readings = self._ledger.readings
        if any(GENERIC in error.message for reading in readings for error in reading.answer.errors):
            await self._ask(Question(probes.G4F_RAW, FIRST, stream=False, extra={"raw": True}))
        if self.kind is not Kind.OLLAMA:
            return
        mute = next((reading for reading in readings if _mute(reading)), None)
        if mute is not None:
            asked = mute.asked
            prompt = requests.small_native() if asked.tools else requests.small_xml() if asked.xml_tools else FIRST
            await self._ask(
                Question(
                    probes.OLLAMA_CHAT,
                    prompt,
                    stream=True,
                    without=frozenset({"stream_options", "tool_choice"}),
                    url=root(self._inquirer.base) + "/api/chat",
                    dialect=Dialect.OLLAMA,
                )
            )


def _calls(reading: Reading) -> bool:
    answer = reading.answer
    return reading.ok and bool(answer.calls or find_calls(answer.text, reading.asked.xml_tools))


def _mute(reading: Reading) -> bool:
    """Whether a stream ended without a finish reason, an error or a `[DONE]`."""
    answer = reading.answer
    ended = answer.finish or answer.done or answer.errors
    return reading.asked.stream and reading.ok and reading.ending.clean and bool(reading.data_events) and not ended
