"""The real `openai` SDK behind `lumeai serve`: an answer, or an error that says why; never an empty success."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import openai
import pytest

from lumeai_cli.clients import request as requests
from lumeai_cli.diagnoses.catalogue import CATALOGUE
from tests.matrix.ask import AT_ONCE
from tests.matrix.expected import Mark, diagnosis, due
from tests.matrix.rig import NAMES, Rig, Way, running_rig

FORMS = {
    (False, True): "sdk stream",
    (False, False): "sdk plain",
    (True, True): "native stream",
    (True, False): "closing plain",
}
"""With tools or without, streamed or not: the column of the matrix in which the same must come."""


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with running_rig() as running:
        yield running


def ask(client: openai.OpenAI, rig: Rig, name: str, way: Way, *, tools: bool, stream: bool) -> str:
    """What is wrong with what a careful program gets; empty if nothing is."""
    told = due(name, way, FORMS[tools, stream])
    prompt = requests.small_native() if tools else requests.simple("Reply with exactly one word: maple")
    asking: Any = client.with_options(base_url=rig.url(name, way)).chat.completions
    try:
        got = asking.create(**prompt.body(rig.model(name, way), stream=stream))
        text, calls = _streamed(got) if stream else _plain(got)
    except openai.APIError as error:
        code = CATALOGUE[diagnosis(name, told)].code if told.mark not in (Mark.OK, Mark.NUDGE) else "an answer"
        return "" if f"({code};" in str(error) else f"{code} is due, raised is {error}"
    if told.mark not in (Mark.OK, Mark.NUDGE):
        return f"{told.mark} is due, got {text!r} {calls}"
    good = all(name and isinstance(json.loads(arguments), dict) for name, arguments in calls.values())
    return "" if (text.strip() or calls) and good else f"empty: {text!r} {calls}"


Calls = dict[int, tuple[str, str]]


def _streamed(chunks: Any) -> tuple[str, Calls]:
    text = ""
    calls: Calls = {}
    finish = None
    for chunk in chunks:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or ():
                name, arguments = calls.get(call.index, ("", ""))
                calls[call.index] = name + (call.function.name or ""), arguments + (call.function.arguments or "")
    assert finish is not None, "a stream without a finish reason"
    return text, calls


def _plain(completion: Any) -> tuple[str, Calls]:
    (choice,) = completion.choices
    assert choice.finish_reason is not None
    calls = enumerate(choice.message.tool_calls or ())
    return choice.message.content or "", {place: (call.function.name, call.function.arguments) for place, call in calls}


@pytest.mark.timeout(400)
def test_the_sdk_gets_an_answer_or_the_reason(rig: Rig) -> None:
    """Every specimen, alone and with a healthy second backend, with tools and without, streamed and not."""
    cells = list(product(NAMES, Way, (False, True), (True, False)))
    with (
        openai.OpenAI(base_url=rig.base, api_key="x", max_retries=0, timeout=90) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        asked = [
            (cell, pool.submit(ask, client, rig, cell[0], cell[1], tools=cell[2], stream=cell[3])) for cell in cells
        ]
        wrong = [(cell, fault) for cell, answered in asked if (fault := answered.result())]
    assert not wrong, "\n".join(f"{cell}: {fault}" for cell, fault in wrong)
