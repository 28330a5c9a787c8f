"""Reports about what the server itself says is wrong: errors inside a 200, quotas, limits told as answers."""

from lumeai_cli.backends.backend import Kind
from lumeai_cli.diagnoses.case import PLAIN, TOOL_XML
from tests.cases.record import (
    AGENTS,
    STREAMS,
    Recorded,
    beside,
    data,
    delta,
    door,
    once,
    raw,
    refused,
    sse,
    text_stream,
    to,
    whole,
)

OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

UNFRAMED = (
    '{"error": {"code": 400, "message": "request (6009 tokens) exceeds the available context size (4096 tokens), '
    'try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": 6009, "n_ctx": 4096}}'
)

OVERFLOW = (
    "The number of tokens to keep from the initial prompt is greater than the context length "
    "(n_keep: 9840>= n_ctx: 4096). Load the model with a larger context length, or send less."
)

EVERY_PROVIDER = (
    "RetryProvider failed:\nProviderA: ResponseStatusError: Response 404: no page here\n"
    "ProviderB: ResponseStatusError: Response 402: pay first\nProviderC: ResponseStatusError: Response 403: go away\n"
    "ProviderD: ResponseStatusError: Response 429: slower"
)

USED_UP = "当前地区当日额度已消耗完"
"""FreeGpt's own sentence, as G4F's provider of that name knows it."""

RECORDS = (
    # error_in_200
    Recorded(
        "https://github.com/farzaa/clicky/issues/132",
        "inside a 200 stream stands event: error with an overloaded_error, and no text",
        "error-in-200",
        beside(to(raw(b"event: error\n", data(OVERLOADED)), *STREAMS)),
        facts={"type": "overloaded_error"},
    ),
    Recorded(
        "https://github.com/justrach/codegraff/issues/748",
        "a stream that consists of one frame with an error, and ends without [DONE]",
        "error-in-200",
        beside(to(sse({"error": {"message": "upstream failed", "type": "api_error"}}, done=False), *STREAMS)),
    ),
    Recorded(
        "https://github.com/lemonade-sdk/lemonade/pull/2975",
        "the bare JSON of a full context, 6,009 tokens for 4,096, without data: in a 200 event stream",
        "context-exceeded",
        beside(to(raw(UNFRAMED), *AGENTS)),
        facts={"sent": 6009, "window": 4096},
    ),
    Recorded(
        "https://github.com/lemonade-sdk/lemonade/pull/2975",
        "the same when the stream had begun before the backend refused",
        "context-exceeded",
        beside(to(raw(data(delta({"role": "assistant", "content": ""})), UNFRAMED), *AGENTS)),
        facts={"sent": 6009, "window": 4096},
    ),
    Recorded(
        "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/2322",
        "POST /v1/chat/completions gets 200, and the overflow stands as an error inside the stream",
        "context-exceeded",
        beside(to(raw(b"event: error\n", data({"error": {"message": OVERFLOW}})), *AGENTS)),
        kind=Kind.LM_STUDIO,
    ),
    # ratelimit_quota
    Recorded(
        "https://github.com/xtekky/gpt4free/issues/1896",
        "500, RetryProvider failed, with the 404, 402, 403 and 429 of its providers in the message",
        "server-error",
        door(refused(500, EVERY_PROVIDER)),
        kind=Kind.G4F,
        facts={"status": 500},
    ),
    Recorded(
        "https://github.com/xtekky/gpt4free/issues/2620",
        "whatever is asked, the answer is a provider's sentence: the quota of this region for today is used up",
        "quota-text-as-answer",
        beside(to(text_stream(USED_UP), *STREAMS), once(whole(USED_UP), PLAIN)),
        kind=Kind.G4F,
    ),
    # context_window
    Recorded(
        "https://github.com/xtekky/gpt4free/issues/2244",
        "a provider's limit of 1,000 characters a message, told as the answer to every longer one",
        "context-exceeded",
        beside(to(text_stream("One message exceeds the 1000chars per message limit."), TOOL_XML, *AGENTS)),
        kind=Kind.G4F,
    ),
    Recorded(
        "https://github.com/xtekky/gpt4free/issues/3107",
        "a provider of G4F takes 10,000 characters a message; 26,985 are a RuntimeError with text-too-long",
        "context-exceeded",
        beside(to(refused(500, "RuntimeError: Error: {'event': 'error', 'errorCode': 'text-too-long'}"), *AGENTS)),
        kind=Kind.G4F,
    ),
)
