"""Reports about what was said: nothing, only thoughts, or all that is needed and the client did not see it."""

from lumeai_cli.backends.backend import Kind
from lumeai_cli.clients.outcome import OutcomeKind
from lumeai_cli.diagnoses.case import AGENT_XML, MODELS, PLAIN, TOOL_XML
from tests.cases.record import (
    HEALTHY,
    MODEL,
    STREAMS,
    TOOLED,
    Recorded,
    Said,
    beside,
    body,
    call,
    delta,
    message,
    once,
    sse,
    text_stream,
    to,
)


def thinking(*pieces: str, field: str = "reasoning_content") -> Said:
    """A stream of thoughts, finish stop, and not a word beside them."""
    said = [delta({field: piece}) for piece in pieces]
    return sse(delta({"role": "assistant", "content": ""}), *said, delta(finish="stop"))


THOUGHTS = thinking("The user wants the first line of a file.", " I ought to read it.")
CALL_IN_THOUGHT = thinking(
    "I need the file.\n", "<read_file>\n<path>notes/plan.txt</path>\n", "</read_file>", field="reasoning"
)

DROPPED = sse(delta() | {"choices": []})
"""What is left of a candidate whose finish reason (such as MALFORMED_FUNCTION_CALL) was dropped with it."""

ONLY_CALLS = sse(delta({"role": "assistant", "content": None, **call()}), delta(finish="tool_calls"))

RECORDS = (
    # empty_upstream
    Recorded(
        "https://github.com/BerriAI/litellm/issues/24462",
        "finish STOP of Gemini's, and no content",
        "empty-answer",
        beside(to(text_stream("", "stop"), *STREAMS)),
    ),
    # filtering
    Recorded(
        "https://github.com/BerriAI/litellm/issues/40477",
        "a candidate without content is dropped with its finish reason: choices []",
        "no-choices",
        beside(to(DROPPED, *TOOLED)),
    ),
    # reasoning_channel
    Recorded(
        "https://github.com/QwenLM/qwen-code/pull/3251",
        "a turn of thoughts alone, which the client's validator took for no answer",
        "reasoning-only",
        beside(to(THOUGHTS, *TOOLED)),
    ),
    Recorded(
        "https://github.com/RooCodeInc/Roo-Code/pull/11486",
        "only reasoning_content, neither text nor call, from a model that thinks",
        "reasoning-only",
        beside(to(THOUGHTS, *STREAMS)),
        meets={"roo": OutcomeKind.EMPTY, "kilo-native": OutcomeKind.EMPTY, "kilo-xml": OutcomeKind.EMPTY},
    ),
    Recorded(
        "https://github.com/cline/cline/pull/6207",
        "the tool's XML tags stand in the reasoning, and no text arrives",
        "reasoning-only",
        beside(to(CALL_IN_THOUGHT, TOOL_XML, AGENT_XML)),
        meets={"cline-xml": OutcomeKind.EMPTY, "kilo-xml": OutcomeKind.EMPTY},
    ),
    Recorded(
        "https://github.com/cline/cline/issues/6269",
        "the same fault in a long session, gone after up to twenty tries: short questions are answered",
        "reasoning-only",
        beside(once(CALL_IN_THOUGHT, AGENT_XML)),
        meets={"cline-xml": OutcomeKind.EMPTY, "kilo-xml": OutcomeKind.EMPTY},
    ),
    # nothing wrong on the wire
    Recorded(
        "https://github.com/RooCodeInc/Roo-Code/issues/12260",
        "unstreamed, with text and reasoning_content: the client's branch for such answers reads the text only",
        HEALTHY,
        beside(once(body(message({"content": "maple", "reasoning_content": "One word is enough."})), PLAIN)),
    ),
    Recorded(
        "https://github.com/RooCodeInc/Roo-Code/issues/5075",
        "LM Studio tells its windows; the client shows a default of its own, 1 token",
        HEALTHY,
        beside(
            once(
                body(
                    {
                        "object": "list",
                        "data": [{"id": MODEL, "object": "model", "max_context_length": 131072, "state": "loaded"}],
                    }
                ),
                MODELS,
            )
        ),
        kind=Kind.LM_STUDIO,
    ),
    Recorded(
        "https://github.com/cline/cline/pull/9783",
        "a turn of tool calls alone, content null: the client counted text only",
        HEALTHY,
        beside(to(ONLY_CALLS, *TOOLED)),
    ),
)
