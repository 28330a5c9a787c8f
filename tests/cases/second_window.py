"""Reports about what the server reads and what it may write: windows, output budgets, answers with nothing in them."""

from dataclasses import replace

from lumeai_cli.backends.backend import Kind
from lumeai_cli.diagnoses.case import AGENT_NATIVE, STREAMED, WINDOW
from lumeai_cli.wire.exchange import Asked, Exchange
from tests.cases.record import (
    AGENTS,
    MODEL,
    STREAMS,
    TOKENS,
    Recorded,
    answered,
    asked,
    beside,
    body,
    counted,
    delta,
    once,
    refused,
    sse,
    text_stream,
    to,
)

GUESS = "Thank you for sharing this. What would you like to know about it?"
"""An answer by somebody who has read the end of the prompt only."""


def cut_to(window: int, tokens: int = 0) -> tuple[Exchange, ...]:
    """Both agents' requests, answered with a guess, and counted as so many tokens.

    `tokens` is the real length of the prompt in the report; without one the agents' own requests are sent.
    """
    said = text_stream(GUESS, "stop", counted(window, 24))
    if not tokens:
        return to(said, *AGENTS)
    return tuple(answered(replace(asked(probe), prompt_chars=tokens * TOKENS), said) for probe in AGENTS)


def spent(allowed: int, reasoning: int | None, *probes: str, thoughts: str = "") -> tuple[Exchange, ...]:
    """To each of these probes: all the tokens that were allowed are gone, and there is no text."""
    told = [delta({"reasoning_content": thoughts})] if thoughts else []
    start, end = delta({"role": "assistant", "content": ""}), delta(finish="length")
    return tuple(
        one
        for probe in probes
        for one in to(sse(start, *told, end, counted(read_of(probe), allowed, reasoning)), probe)
    )


def blank(completion: int, *probes: str, prompt: int = 0) -> tuple[Exchange, ...]:
    """To each of these probes: content null, finish stop, and so many tokens billed."""
    start, end = delta({"role": "assistant", "content": None}), delta(finish="stop")
    return tuple(
        one for probe in probes for one in to(sse(start, end, counted(prompt or read_of(probe), completion)), probe)
    )


def read_of(probe: str) -> int:
    """The tokens of this probe's whole prompt."""
    return asked(probe).prompt_chars // TOKENS


KEPT_15857 = "Trying to keep the first 15857 tokens when context the overflows. The model is loaded with less."
KEPT_111490 = (
    "Trying to keep the first 111490 tokens when context the overflows. However, the model is loaded with context "
    "length of only 32768 tokens."
)
REFUSED_4096 = "request (7912 tokens) exceeds the available context size (4096 tokens), try increasing it"

STATED = {"data": [{"id": MODEL, "state": "loaded", "max_context_length": 131_072, "loaded_context_length": 4096}]}
LOADED_WITH_4096 = answered(Asked(WINDOW, "http://127.0.0.1:8080/api/v0/models", "GET"), body(STATED))
"""LM Studio's own list of models, with the window that this one was loaded with."""

NO_PART = sse(delta({"role": "assistant"}), delta(finish="stop"), counted(11_280, 0))
FOUND = text_stream("maple", "stop", counted(11_280, 2))

RECORDS = (
    # context_window
    Recorded(
        "https://github.com/ed-donner/llm_engineering/pull/80",
        "3,940 tokens are sent, and Ollama's log says that it truncates to its limit of 2,048",
        "context-truncated",
        beside(cut_to(2048, 3940)),
        kind=Kind.OLLAMA,
        facts={"counted": 2048},
    ),
    Recorded(
        "https://github.com/ollama/ollama/issues/10368",
        "5,065 tokens are sent, and Ollama's log says that 2,048 of them are kept",
        "context-truncated",
        beside(cut_to(2048, 5065)),
        kind=Kind.OLLAMA,
        facts={"counted": 2048},
    ),
    Recorded(
        "https://github.com/ollama/ollama/issues/10980",
        "messages of the prompt are dropped to fit a window of 4,096 tokens; the system prompt has no effect",
        "context-truncated",
        beside(cut_to(4093)),
        kind=Kind.OLLAMA,
    ),
    Recorded(
        "https://github.com/ollama/ollama/issues/17889",
        "a prompt of 7.9k tokens at a window of 4,096: some models answer 200 and count 2,050",
        "context-truncated",
        beside(cut_to(2050, 7900)),
        kind=Kind.OLLAMA,
        facts={"counted": 2050},
    ),
    Recorded(
        "https://github.com/ollama/ollama/issues/17889",
        "the other models of the same server refuse the same prompt with a 400 that names the 4,096",
        "context-exceeded",
        beside(to(refused(400, REFUSED_4096, type="invalid_request_error"), *AGENTS)),
        kind=Kind.OLLAMA,
        facts={"window": 4096},
    ),
    Recorded(
        "https://github.com/ollama/ollama/issues/3839",
        "160,689 tokens are sent with num_ctx 32768; the answer is 200, and 16,387 were evaluated",
        "context-truncated",
        beside(cut_to(16_387, 160_689)),
        kind=Kind.OLLAMA,
        facts={"counted": 16_387},
    ),
    Recorded(
        "https://github.com/ollama/ollama/issues/6253",
        "Ollama's log says that it truncates the input; the answer speaks of text that it cannot read",
        "context-truncated",
        beside(cut_to(2048)),
        kind=Kind.OLLAMA,
    ),
    Recorded(
        "https://github.com/songquanpeng/one-api/issues/1686",
        "a gateway does not hand num_ctx on, and 2k tokens of each prompt are read behind it",
        "context-truncated",
        beside(cut_to(2048)),
    ),
    Recorded(
        "https://github.com/zoedolan/Vybn/pull/2093",
        "a system prompt of 12,288 characters and all else in a window of 2,048 tokens: the answer is fiction",
        "context-truncated",
        beside(cut_to(2048)),
        kind=Kind.OLLAMA,
    ),
    Recorded(
        "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/237",
        "400: it would keep the first 15,857 tokens, and its context overflows",
        "context-exceeded",
        beside(to(refused(400, KEPT_15857), *AGENTS)),
        kind=Kind.LM_STUDIO,
        facts={"sent": 15_857},
    ),
    Recorded(
        "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/546",
        "400: it would keep the first 111,490 tokens, and its context holds 32,768",
        "context-exceeded",
        beside(to(refused(400, KEPT_111490), *AGENTS)),
        kind=Kind.LM_STUDIO,
        facts={"sent": 111_490, "window": 32_768},
    ),
    Recorded(
        "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/1806",
        "12,526 tokens for a window of 4,096, which the server states; no error, and an answer about nothing",
        "context-window-small",
        beside(LOADED_WITH_4096, to(text_stream(GUESS), *AGENTS)),
        kind=Kind.LM_STUDIO,
        facts={"window": 4096},
    ),
    # output_budget
    Recorded(
        "https://github.com/fsnow/cst/issues/601",
        "an empty text and finish length: 2,400 tokens were allowed, 3,177 would have been needed",
        "output-budget-spent",
        beside(spent(2400, None, *STREAMS)),
        kind=Kind.OLLAMA,
        facts={"completion_tokens": 2400},
    ),
    Recorded(
        "https://github.com/mrviduus/textstack/pull/148",
        "all 200 tokens that were allowed are reasoning, and no text is left",
        "output-budget-spent",
        beside(spent(200, 200, *STREAMS)),
        facts={"completion_tokens": 200, "reasoning": 200},
    ),
    Recorded(
        "https://github.com/open-pencil/open-pencil/issues/454",
        "with 2,000 tokens: 6,583 characters of reasoning, finish length, and no call; with 16,384 all is well",
        "output-budget-spent",
        beside(spent(2000, 2000, AGENT_NATIVE, thoughts="Let us see. " * 549)),
        facts={"completion_tokens": 2000},
    ),
    Recorded(
        "https://github.com/elizaOS/eliza/pull/8189",
        "max_tokens of 10 to 16 go into thoughts that nobody sees: content null, finish stop, tokens billed",
        "empty-answer",
        beside(blank(16, *STREAMS)),
    ),
    # empty_upstream
    Recorded(
        "https://github.com/google-gemini/deprecated-generative-ai-python/issues/744",
        "finish stop and no part of an answer after 11,280 tokens; the same request, sent again, is answered",
        "intermittent-empty",
        beside(once(NO_PART, STREAMED), once(FOUND, STREAMED), once(FOUND, STREAMED)),
        facts={"empty": 1, "total": 3},
    ),
    Recorded(
        "https://github.com/router-for-me/CLIProxyAPI/issues/4431",
        "64,214 tokens are read, the only part of the answer is an empty text, and the gateway makes it content null",
        "empty-answer",
        beside(blank(0, *AGENTS, prompt=64_214)),
    ),
)
