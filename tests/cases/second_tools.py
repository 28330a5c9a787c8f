"""Reports about tool calls: refused, ignored, left in the text, or broken on their way."""

import json
from dataclasses import replace

from lumeai_cli.backends.backend import Kind
from lumeai_cli.clients.outcome import OutcomeKind
from lumeai_cli.diagnoses.case import AGENT_NATIVE, TOOL_ABSENT, TOOL_NATIVE, TOOL_RESULT
from lumeai_cli.wire.exchange import Exchange
from tests.cases.record import (
    HEALTHY,
    PROMPTS,
    TOKENS,
    TOOLED,
    Recorded,
    Said,
    answered,
    asked,
    beside,
    call,
    call_stream,
    counted,
    delta,
    once,
    refused,
    sse,
    text_stream,
    to,
)

ARGUMENTS = '{"filePath": "notes/plan.txt"}'
BARE_CALL = json.dumps({"name": "read", "arguments": json.loads(ARGUMENTS)})

QWEN_CODER = (
    "I will look at the plan first.\n<function=read>\n<parameter=filePath>\nnotes/plan.txt\n</parameter>\n</function>"
)
HARMONY = (
    "<|channel|>analysis<|message|>The file must be read.<|end|><|start|>assistant"
    f"<|channel|>commentary to=functions.read <|constrain|>json<|message|>{ARGUMENTS}<|call|>"
)

NO_TOOLS = to(refused(400, "model-a does not support tools", type="invalid_request_error"), *TOOLED)

LEGACY = {"role": "assistant", "content": None, "function_call": {"name": "read", "arguments": ARGUMENTS}}

PROSE = "I have no way to open files. Paste its text here, and I will read it."


def without_tools(probe: str) -> Said:
    """Prose, and the count of a prompt from which the tools were dropped."""
    left = replace(PROMPTS[probe], tools=()).prompt_chars
    return text_stream(PROSE, "stop", counted(left // TOKENS, 18))


def second_turn(said: Said) -> Exchange:
    """What is said when the conversation ends with a tool's result."""
    return answered(replace(asked(TOOL_NATIVE), probe=TOOL_RESULT), said)


RECORDS = (
    # tool_protocol
    Recorded(
        "https://github.com/louisho5/picobot/issues/6",
        "Ollama refuses gemma3:4b with a 400 as soon as tools are sent; another server takes the same model",
        "tools-unsupported",
        beside(NO_TOOLS),
        kind=Kind.OLLAMA,
    ),
    Recorded(
        "https://github.com/ollama/ollama/issues/13578",
        "the library's page says tools, and the server says 400: no tools",
        "tools-unsupported",
        beside(NO_TOOLS),
        kind=Kind.OLLAMA,
    ),
    Recorded(
        "https://github.com/ollama/ollama/issues/14795",
        "a model that was imported by hand has no template for tools: 400, does not support tools",
        "tools-unsupported",
        beside(NO_TOOLS),
        kind=Kind.OLLAMA,
    ),
    Recorded(
        "https://github.com/raine/claude-code-proxy/pull/122",
        "behind a tool's result the model ends its turn, stop, tokens counted, without a word: it may",
        HEALTHY,
        beside(second_turn(sse(delta({"role": "assistant", "content": ""}), delta(finish="stop"), counted(190, 3)))),
    ),
    Recorded(
        "https://github.com/openclaw/openclaw/pull/91403",
        "right behind a tool's result: finish stop, no content, and no token was written",
        "empty-answer",
        beside(second_turn(sse(delta({"role": "assistant", "content": ""}), delta(finish="stop"), counted(190, 0)))),
        facts={"finish": "stop", "completion_tokens": 0},
    ),
    # config_flags
    Recorded(
        "https://github.com/ggml-org/llama.cpp/issues/27129",
        "a template without tools drops them: 200, prose, and the same prompt_tokens with and without tools",
        "tools-ignored",
        beside(
            tuple(once(without_tools(probe), probe) for probe in TOOLED),
            answered(replace(asked(TOOL_NATIVE), probe=TOOL_ABSENT, tools=()), without_tools(TOOL_NATIVE)),
        ),
        kind=Kind.LLAMA_SERVER,
    ),
    # tool_call_as_text
    Recorded(
        "https://github.com/ggml-org/llama.cpp/issues/15012",
        "a call of Qwen3-Coder is parsed when it stands alone, and stays in the text behind a sentence",
        "tool-call-as-text",
        beside(to(text_stream(QWEN_CODER), *TOOLED)),
        kind=Kind.LLAMA_SERVER,
        facts={"markup": "<function=>"},
    ),
    Recorded(
        "https://github.com/ggml-org/llama.cpp/pull/15181",
        "before its parser came, the channel tokens of gpt-oss stood in the content",
        "tool-call-as-text",
        beside(to(text_stream(HARMONY), *TOOLED)),
        kind=Kind.LLAMA_SERVER,
    ),
    Recorded(
        "https://github.com/lablup/mlxcel/issues/654",
        "<|channel|>commentary to=functions.NAME in the content, and a finish reason that is not tool_calls",
        "tool-call-as-text",
        beside(to(text_stream(HARMONY[HARMONY.index("<|channel|>commentary") :]), *TOOLED)),
        facts={"markup": "<|channel|>"},
    ),
    Recorded(
        "https://github.com/movieclaw/movieclaw/pull/224",
        "the name of the called tool carries <|channel|>commentary behind it",
        "tool-call-as-text",
        beside(to(call_stream(call(name="read<|channel|>commentary")), *TOOLED)),
    ),
    Recorded(
        "https://github.com/vitali87/code-graph-rag/issues/236",
        "all calls are good behind a short prompt; behind 6 KB and eight tools every fifth stays in the text",
        "tool-call-as-text",
        beside(to(text_stream(BARE_CALL), AGENT_NATIVE)),
        kind=Kind.OLLAMA,
    ),
    Recorded(
        "https://github.com/rescrv/claudius/pull/106",
        "the stop reason speaks of a tool, no call is there, and the call stands in the text",
        "tool-call-as-text",
        beside(to(text_stream(BARE_CALL, "tool_calls"), *TOOLED)),
    ),
    # tool_call_shape
    Recorded(
        "https://github.com/jasonxu114514/opencode2api/pull/27",
        "finish reason tool_calls, and an empty list of them",
        "finish-tool-calls-without-call",
        beside(to(call_stream({"tool_calls": []}), *TOOLED)),
    ),
    Recorded(
        "https://github.com/jasonxu114514/opencode2api/pull/27",
        "the other form of it: the pieces of the call have no name",
        "tool-call-missing-name",
        beside(to(call_stream(call(name=None)), *TOOLED)),
    ),
    Recorded(
        "https://github.com/vllm-project/vllm/issues/53255",
        "without a tool parser: finish reason tool_calls, tool_calls []",
        "finish-tool-calls-without-call",
        beside(to(call_stream({"tool_calls": []}), *TOOLED)),
        kind=Kind.VLLM,
    ),
    Recorded(
        "https://github.com/spiceai/spiceai/pull/4810",
        "a whole call in the message, and finish reason stop: the client looks at the reason alone",
        HEALTHY,
        beside(to(call_stream(finish="stop"), *TOOLED)),
    ),
    Recorded(
        "https://github.com/vercel/ai/issues/15879",
        "the pieces of a streamed call have no index",
        "tool-call-missing-index",
        beside(
            to(
                call_stream(
                    call(index=None, arguments=""),
                    {"tool_calls": [{"function": {"arguments": ARGUMENTS}}]},
                ),
                *TOOLED,
            )
        ),
        meets={"kilo7": OutcomeKind.ERROR},
    ),
    Recorded(
        "https://github.com/vercel/ai/issues/15879",
        "the arguments come before the function's name",
        "tool-call-missing-name",
        beside(
            to(
                call_stream(
                    call(name=None, arguments=ARGUMENTS),
                    {"tool_calls": [{"index": 0, "function": {"name": "read"}}]},
                ),
                *TOOLED,
            )
        ),
        meets={"kilo7": OutcomeKind.ERROR},
    ),
    Recorded(
        "https://github.com/vllm-project/vllm/issues/55082",
        "streamed, the call arrives with its name and with empty arguments",
        "tool-arguments-not-json",
        beside(to(call_stream(call(arguments="")), *TOOLED)),
        kind=Kind.VLLM,
    ),
    Recorded(
        "https://github.com/xorbitsai/inference/pull/3721",
        "a call streamed in pieces, each without the index",
        "tool-call-missing-index",
        beside(
            to(
                call_stream(
                    call(index=None, arguments=ARGUMENTS[:9]),
                    {"tool_calls": [{"function": {"arguments": ARGUMENTS[9:]}}]},
                ),
                *TOOLED,
            )
        ),
    ),
    Recorded(
        "https://github.com/zai-org/GLM-4/issues/64",
        "the demo server answers tools with the old function_call and finish reason function_call",
        "legacy-function-call",
        beside(to(sse(delta(LEGACY), delta(finish="function_call")), *TOOLED)),
    ),
)
