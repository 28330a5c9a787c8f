"""Reports about tools: refused, in the wrong protocol, left in the text, or broken on the way."""

import json

from lumeai_cli.backends.backend import Kind
from lumeai_cli.clients.outcome import OutcomeKind
from tests.cases.record import (
    HEALTHY,
    TOOLED,
    Recorded,
    Said,
    beside,
    body,
    call,
    call_stream,
    refused,
    text_stream,
    to,
)

NO_TOOLS = refused(404, "No endpoints found that support tool use. Try disabling one of the tools.", code=404)


def ollama(model: str) -> Said:
    """Ollama's refusal of tools for a model whose template has none."""
    return refused(400, f"registry.ollama.ai/library/{model} does not support tools", type="api_error")


def piece(arguments: str, **head: object) -> dict[str, object]:
    """A later piece of a call, with whatever of its head is repeated."""
    return {"tool_calls": [{**head, "function": {"arguments": arguments}}]}


FLAGS = {
    "object": "error",
    "message": '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    "type": "BadRequestError",
    "param": None,
    "code": 400,
}
"""vLLM put the error at the top level then."""

QWEN_CALL = "<function=read>\n<parameter=filePath>\nnotes/plan.txt\n</parameter>\n</function>\n</tool_call>"
"""The family's own markup, whose first tag is often missing."""

PATH = json.dumps({"filePath": "notes/plan.txt"})
NULL_INDEX = {
    "tool_calls": [{"index": None, "id": "call_1", "type": "function", "function": {"name": "read", "arguments": PATH}}]
}

RECORDS = (
    # tool_protocol, told by the server
    Recorded(
        "https://github.com/Kilo-Org/kilocode/issues/9006",
        "OpenRouter has no endpoint of this model that takes tools: 404",
        "tools-unsupported",
        beside(to(NO_TOOLS, *TOOLED)),
        meets={"kilo7": OutcomeKind.ERROR},
    ),
    Recorded(
        "https://github.com/dnakov/anon-kode/issues/2",
        "the same 404 for a thinking model; another model works",
        "tools-unsupported",
        beside(to(NO_TOOLS, *TOOLED)),
    ),
    Recorded(
        "https://github.com/agno-agi/agno/issues/2516",
        "Ollama, a model without a template for tools: 400",
        "tools-unsupported",
        beside(to(ollama("deepseek-r1:latest"), *TOOLED)),
        kind=Kind.OLLAMA,
    ),
    Recorded(
        "https://github.com/continuedev/continue/issues/12737",
        "Ollama, a model that only bears a famous name: 400",
        "tools-unsupported",
        beside(to(ollama("gpt-4o:latest"), *TOOLED)),
        kind=Kind.OLLAMA,
        meets={"continue": OutcomeKind.ERROR},
    ),
    Recorded(
        "https://github.com/RooCodeInc/Roo-Code/issues/10319",
        "SGLang answers every request with tools by 500, structure_info not used with HarmonyParser; XML works",
        "tools-unsupported",
        beside(to(refused(500, "structure_info not used with HarmonyParser", type="InternalServerError"), *TOOLED)),
        meets={"roo": OutcomeKind.RETRY, "cline-xml": OutcomeKind.OK},
    ),
    # config_flags
    Recorded(
        "https://github.com/QwenLM/Qwen-Agent/issues/344",
        "vLLM was started without its flags for tools: 400 that names them",
        "tool-parser-off",
        beside(to(body(FLAGS, 400), *TOOLED)),
        kind=Kind.VLLM,
    ),
    Recorded(
        "https://github.com/containers/ramalama/issues/988",
        "llama-server with a chat template and without --jinja: 500 that names the flag",
        "tool-parser-off",
        beside(to(refused(500, "tools param requires --jinja flag", code=500, type="server_error"), *TOOLED)),
        kind=Kind.LLAMA_SERVER,
    ),
    # tool_protocol, not told
    Recorded(
        "https://github.com/RooCodeInc/Roo-Code/issues/9385",
        "the client offers native tools, and the model writes clean XML tags into its text",
        "tool-protocol-mismatch",
        beside(to(text_stream("<read>\n<filePath>notes/plan.txt</filePath>\n</read>"), *TOOLED)),
        meets={"roo": OutcomeKind.NUDGE},
    ),
    Recorded(
        "https://github.com/diegosouzapw/OmniRoute/issues/5307",
        "a chat page behind an API, which has no place for tools: prose and finish stop",
        "plain-text-instead-of-tool",
        beside(to(text_stream("I cannot open files on your computer. Please paste the text here."), *TOOLED)),
        meets={"kilo-native": OutcomeKind.NUDGE, "kilo7": OutcomeKind.OK},
    ),
    # tool_call_as_text
    Recorded(
        "https://github.com/RooCodeInc/Roo-Code/issues/12165",
        "Ollama, a small model: name and arguments as bare JSON in the text",
        "tool-call-as-text",
        beside(to(text_stream(json.dumps({"name": "read", "arguments": {"filePath": "notes/plan.txt"}})), *TOOLED)),
        kind=Kind.OLLAMA,
        meets={"roo": OutcomeKind.NUDGE},
    ),
    Recorded(
        "https://github.com/continuedev/continue/issues/6913",
        "Ollama, a model whose template is wrong for it: its call stays in the text; with another template it is one",
        "tool-call-as-text",
        beside(to(text_stream(f"I will read it.\n{QWEN_CALL}"), *TOOLED)),
        kind=Kind.OLLAMA,
        facts={"markup": "<function=>"},
        meets={"continue": OutcomeKind.SILENT},
    ),
    # tool_call_shape
    Recorded(
        "https://github.com/EricLBuehler/mistral.rs/pull/1507",
        "a call without index, by which an SDK looks it up in its list",
        "tool-call-missing-index",
        beside(to(call_stream(call(index=None)), *TOOLED)),
    ),
    Recorded(
        "https://github.com/SamSaffron/term-llm/pull/314",
        "two calls without index, each in pieces: read as one, their arguments run together",
        "tool-call-missing-index",
        beside(
            to(
                call_stream(
                    call(index=None, arguments='{"filePath": '),
                    piece('"notes/plan.txt"}'),
                    call(index=None, id="call_2", arguments='{"filePath": '),
                    piece('"notes/done.txt"}'),
                ),
                *TOOLED,
            )
        ),
    ),
    Recorded(
        "https://github.com/chatanywhere/GPT_API_free/issues/254",
        "the index is there and is null",
        "tool-call-missing-index",
        beside(to(call_stream(NULL_INDEX), *TOOLED)),
    ),
    Recorded(
        "https://github.com/chenyme/grok2api/issues/239",
        "a whole call in one frame, without index: the AI SDK's schema wants a number there",
        "tool-call-missing-index",
        beside(to(call_stream(call(index=None)), *TOOLED)),
    ),
    Recorded(
        "https://github.com/ShouZhuo0413/codebuddy2api/pull/6",
        "streamed calls whose name is the empty text; without streaming they are whole",
        "tool-call-missing-name",
        beside(to(call_stream(call(name="")), *TOOLED)),
    ),
    Recorded(
        "https://github.com/ShouZhuo0413/codebuddy2api/pull/6",
        "the same server at other times: the arguments break off",
        "tool-arguments-not-json",
        beside(to(call_stream(call(arguments='{"filePath": "notes/')), *TOOLED)),
    ),
    Recorded(
        "https://github.com/QwenLM/qwen-code/issues/6249",
        "the arguments are the empty text, and no later piece brings them: the client drops the call",
        "tool-arguments-not-json",
        beside(to(call_stream(call(arguments="")), *TOOLED)),
    ),
    Recorded(
        "https://github.com/decolua/9router/pull/354",
        "a sound call with finish stop; agents that were measured run it all the same",
        HEALTHY,
        beside(to(call_stream(finish="stop"), *TOOLED)),
    ),
)
