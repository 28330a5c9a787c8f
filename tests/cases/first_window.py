"""Reports about room: the prompt is longer than what the server reads, or the answer than what it may write."""

from lumeai_cli.backends.backend import Kind
from lumeai_cli.clients.outcome import OutcomeKind
from tests.cases.record import (
    AGENTS,
    STREAMS,
    WANTING,
    Recorded,
    Said,
    beside,
    counted,
    data,
    delta,
    raw,
    refused,
    sse,
    text_stream,
    to,
)


def told_in_stream(message: str) -> Said:
    """An error that LM Studio finds when the 200 has gone out already."""
    return raw(b"event: error\n" + data({"error": {"message": message}}))


def spent(allowed: int, thought: int, *deltas: dict[str, object]) -> Said:
    """An answer that ends at its limit of tokens with nothing in it; `thought` of them went into reasoning."""
    counts = {"completion_tokens": allowed, "completion_tokens_details": {"reasoning_tokens": thought}}
    first, last = delta({"role": "assistant", "content": ""}), delta(finish="length", usage=counts)
    return sse(first, *map(delta, deltas), last)


TOO_LONG = (
    "The maximum context length is 131072 tokens here. You requested about 134615 tokens: 119886 of text, 4729 of tool "
    "input, 10000 of output."
)

RECORDS = (
    # context_window
    Recorded(
        "https://github.com/Kilo-Org/kilocode/issues/10224",
        "400 with the numbers: 131,072 tokens allowed, 134,615 asked for, prompt, tools and answer together",
        "context-exceeded",
        beside(to(refused(400, TOO_LONG, code=400), *AGENTS)),
        facts={"window": 131072, "sent": 134615},
        meets={"kilo-native": OutcomeKind.ERROR},
    ),
    Recorded(
        "https://github.com/Pythagora-io/gpt-pilot/issues/294",
        "a web session behind an API: 413, message_length_exceeds_limit",
        "context-exceeded",
        beside(to(refused(413, "The message is too long.", code="message_length_exceeds_limit"), *AGENTS)),
    ),
    Recorded(
        "https://github.com/anomalyco/opencode/issues/1034",
        "Ollama with its usual window reads 4,096 tokens of every large prompt: no call; with a larger one it calls",
        "context-truncated",
        beside(to(text_stream("How can I help you?", "stop", counted(4096, 6)), *AGENTS)),
        kind=Kind.OLLAMA,
        facts={"window": 4096, "counted": 4096},
    ),
    Recorded(
        "https://github.com/anomalyco/opencode/issues/11141",
        "LM Studio: the agent's first prompt must be kept, 15,028 tokens, and the window is 7,424",
        "context-exceeded",
        beside(to(told_in_stream("Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)"), *AGENTS)),
        kind=Kind.LM_STUDIO,
        facts={"window": 7424, "sent": 15028},
        meets={"opencode": OutcomeKind.ERROR},
    ),
    Recorded(
        "https://github.com/cline/cline/issues/3664",
        "LM Studio: the stream has begun when it finds 10,136 tokens to keep and a window of 7,866",
        "context-exceeded",
        beside(
            to(
                told_in_stream(
                    "Trying to keep the first 10136 tokens when context the overflows. However, the model is loaded "
                    "with context length of only 7866 tokens, which is not enough."
                ),
                *AGENTS,
            )
        ),
        kind=Kind.LM_STUDIO,
        facts={"window": 7866, "sent": 10136},
    ),
    # output_budget
    Recorded(
        "https://github.com/BerriAI/litellm-docs/pull/559",
        "max_tokens 200, of which 199 went into reasoning: content '', finish length",
        "output-budget-spent",
        beside(to(spent(200, 199), *STREAMS)),
        facts={"completion_tokens": 200, "reasoning": 199},
    ),
    Recorded(
        "https://github.com/The-PR-Agent/pr-agent/issues/2631",
        "no max_tokens in the request, a small limit of the provider's own: finish length, nothing said",
        "output-budget-spent",
        beside(to(spent(4096, 0), *WANTING)),
    ),
    Recorded(
        "https://github.com/cline/cline/pull/12166",
        "all tokens are reasoning: it streams, then finish length and content ''",
        "output-budget-spent",
        beside(to(spent(1024, 1024, {"reasoning": "First I should"}, {"reasoning": " look at"}), *WANTING)),
    ),
    Recorded(
        "https://github.com/covan-ai/covan/pull/112",
        "400 of 400 tokens are reasoning, none of which is sent: a 200 with finish length alone",
        "output-budget-spent",
        beside(to(spent(400, 400), *STREAMS)),
        facts={"completion_tokens": 400, "reasoning": 400},
    ),
)
