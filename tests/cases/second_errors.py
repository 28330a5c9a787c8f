"""Reports about what the server itself says is wrong: errors inside a 200, quotas, limits told as answers."""

from lumeai_cli.backends.backend import Kind
from tests.cases.record import AGENTS, STREAMS, Recorded, beside, data, door, raw, refused, sse, to

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
)
