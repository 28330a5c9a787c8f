"""The questions to a chat endpoint: a tiny prompt, then small ones beside each other, then those of agent size."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from lumeai_cli.backends.backend import Kind
from lumeai_cli.clients import request as requests
from lumeai_cli.clients.openai_sdk import judge as sdk_judge
from lumeai_cli.diagnoses import case as probes
from lumeai_cli.diagnoses.access import too_large
from lumeai_cli.diagnoses.parameters import refused
from lumeai_cli.doctor.followup import FollowUp
from lumeai_cli.doctor.inquirer import Inquirer
from lumeai_cli.doctor.ledger import Ledger
from lumeai_cli.doctor.options import Options
from lumeai_cli.doctor.question import FIRST, OTHER, SENT_ALONG, SIZE_LADDER, Question, made_up_result, without_tools
from lumeai_cli.text.phrase import phrase
from lumeai_cli.wire.exchange import EndingKind, header
from lumeai_cli.wire.reading import Reading

PATIENCE = 0.5
"""Seconds after which the next small questions are asked although the first are still being answered."""

HEAD_START = 0.02

MOST_WAIT = 30.0
"""Seconds that a `Retry-After` is obeyed at most."""


class Conversation:
    """Everything that is asked of a chat endpoint; what may be asked, and what came, is in the inquirer's books."""

    def __init__(self, inquirer: Inquirer, ledger: Ledger, options: Options) -> None:
        self._inquirer = inquirer
        self._ledger = ledger
        self._options = options
        self._follow_up = FollowUp(inquirer, ledger, options)
        self._streaming = True
        self._small_asked = False

    async def open(self, *, patient: bool) -> tuple[Reading | None, Reading | None]:
        """The tiny prompt, streamed and not; behind a slow answer the other small questions go out, too."""
        opening = [Question(probes.STREAMED, FIRST, stream=True), Question(probes.PLAIN, FIRST, stream=False)]
        async with asyncio.TaskGroup() as group:
            tasks = [(opening[0], group.create_task(self._put(opening[0], together=False)))]
            await asyncio.sleep(HEAD_START)  # the first in a queue has nothing to wait for: its time is its own
            tasks.append((opening[1], group.create_task(self._put(opening[1], together=True))))
            await asyncio.wait([task for _, task in tasks], timeout=PATIENCE)
            if patient and not any(task.done() for _, task in tasks):
                self._small_asked = True
                hurried = [*self._small(), Question(probes.TOOL_ABSENT, without_tools(), stream=True)]
                tasks += [(question, group.create_task(self._put(question, together=True))) for question in hurried]
        readings = [await self._settled(question, task.result()) for question, task in tasks]
        return readings[0], readings[1]

    def start_over(self) -> None:
        """Forgets what was asked beside the first question: it went to a wrong URL, or named a wrong model."""
        hurried = {question.probe for question in self._small()} | {probes.TOOL_ABSENT}
        for probe in (hurried - {probes.STREAMED}) | {probes.PLAIN}:
            if self._ledger.of(probe):
                self._ledger.drop(probe)
        self._small_asked = False

    async def metadata(self, kind: Kind) -> None:
        """What is told without a token, where no token may be spent."""
        self._follow_up.kind = kind
        await self._follow_up.window()

    async def go_on(self, first: Reading, kind: Kind) -> None:
        """Everything behind the opening; `kind` is who the server is."""
        self._follow_up.kind = kind
        opening = [first, *self._ledger.of(probes.PLAIN)]
        if not any(reading.ok for reading in opening):
            await self._follow_up.uncover()
            self._ledger.close(phrase("skip-refused", status=first.status or 0, ending=first.ending.kind.value))
            return
        if not any(reading.ok and reading.ending.clean and reading.readable for reading in opening):
            ending = first.ending.kind.value if first.readable else first.encoding
            self._ledger.close(phrase("skip-no-end", ending=ending))
            return
        await self._follow_up.window()
        if refused(first):
            opening += await self._follow_up.parameters()
        self._streaming = _streams(opening)
        unheard = not self._streaming and not any(reading.answer.usable for reading in self._ledger.of(probes.OTHER))
        if unheard or not self._small_asked:
            self._ledger.drop(probes.OTHER)  # if it was asked, then as a stream that could not be read
            await self._ask_together(self._small())
        await self._follow_up.tools(stream=self._streaming)
        if self._options.quick:
            self._ledger.close(phrase("skip-quick"), self._follow_up.left_out_by_quick)
        else:
            await self._agents()
            await self._follow_up.recall()
            await self._sizes()
            await self._follow_up.rewriting()
        await self._follow_up.uncover()
        self._ledger.close(phrase("skip-no-reason"))

    def _small(self) -> list[Question]:
        """The repeats, an unrelated prompt, the short tool prompts, and what agents add to them."""
        stream, native = self._streaming, requests.small_native()
        repeats = [Question(probes.STREAMED, FIRST, stream=True)] * (self._options.repeat - 1 if stream else 0)
        return [
            *repeats,
            Question(probes.OTHER, OTHER, stream),
            Question(probes.TOOL_XML, requests.small_xml(), stream),
            Question(probes.TOOL_NATIVE, native, stream),
            Question(probes.TOOL_RESULT, made_up_result(native), stream),
            Question(probes.PARAMETERS, native, stream, SENT_ALONG),
        ]

    async def _ask_together(self, questions: Sequence[Question]) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [(question, group.create_task(self._put(question, together=True))) for question in questions]
        for question, task in tasks:
            await self._settled(question, task.result())

    async def _put(self, question: Question, *, together: bool) -> Reading | None:
        without = question.without | self._follow_up.refused()
        return await self._inquirer.ask(replace(question, without=without), together=together)

    async def _settled(self, question: Question, reading: Reading | None) -> Reading | None:
        """A reading that failed beside others is asked anew, alone: agents send one request at a time."""
        if reading is None or not _suffered(reading):
            return reading
        if not self._inquirer.may(question.probe, question.prompt.prompt_chars):
            return reading
        self._ledger.withdraw(reading)
        if reading.status == 429:
            after = header(reading.headers, "retry-after")
            await asyncio.sleep(min(float(after), MOST_WAIT) if after.isascii() and after.isdigit() else 1.0)
        return await self._put(question, together=False)

    async def _agents(self) -> None:
        """The agent-sized requests, streamed as agents do; where that fails for a known reason, once more otherwise."""
        for question in (
            Question(probes.AGENT_XML, requests.agent_xml(self._options.xml_chars), stream=True),
            Question(probes.AGENT_NATIVE, requests.agent_native(self._options.native_chars), stream=True),
        ):
            reading = await self._inquirer.ask(question)
            if reading is None:
                continue
            without = self._follow_up.refused().intersection(reading.asked.parameters)
            if without and refused(reading):
                await self._inquirer.ask(replace(question, without=without))
            elif not self._streaming and reading.ok and not reading.answer.usable:
                await self._inquirer.ask(replace(question, stream=False))

    async def _sizes(self) -> None:
        """The tiny prompt in bodies of growing size, until one is refused."""
        for size in SIZE_LADDER:
            reading = await self._inquirer.ask(Question(probes.SIZES, FIRST, stream=False, padded_to=size))
            if reading is None or not reading.ok or too_large(reading):
                break


def _suffered(reading: Reading) -> bool:
    """Whether other requests under way may be to blame: too many at once, a full queue, a connection dropped."""
    if not reading.asked.together:
        return False
    return reading.status in (429, 503) or reading.ending.kind in _BROKEN_OFF


_BROKEN_OFF = (EndingKind.RESET, EndingKind.CUT, EndingKind.TIMEOUT_FIRST, EndingKind.TIMEOUT_SILENCE)


def _streams(opening: Sequence[Reading]) -> bool:
    """Whether to ask in streams: they can be read, or nothing else can either."""
    sound = [reading.asked.stream for reading in opening if _sound(reading)]
    return any(sound) or not sound


def _sound(reading: Reading) -> bool:
    outcome = sdk_judge(reading)
    return outcome is not None and outcome.ok
