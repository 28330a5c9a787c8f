"""Reports about what follows the first answer: a field that agents send along, and the turn with the tool's result."""

from lumeai_cli.clients.outcome import OutcomeKind
from lumeai_cli.diagnoses.case import PARAMETERS, TOOL_RESULT
from tests.cases.record import Recorded, Said, beside, once, refused

NO_PARALLEL = refused(
    400,
    "litellm.UnsupportedParamsError: bedrock takes no parallel_tool_calls=False. Set drop_params to leave it out.",
    type="invalid_request_error",
    code="400",
)


def thoughts_missing(index: int) -> Said:
    """Kimi's refusal of a history without the thoughts that led to a call."""
    said = f"thinking is enabled but reasoning_content is missing in assistant tool call message at index {index}"
    return refused(400, said, type="invalid_request_error")


RECORDS = (
    # unsupported_param
    Recorded(
        "https://github.com/RooCodeInc/Roo-Code/issues/10553",
        "LiteLLM refuses parallel_tool_calls=False for Bedrock and Gemini: 400; without it the tools work",
        "unsupported-parameter",
        beside(once(NO_PARALLEL, PARAMETERS, extra={"parallel_tool_calls": False})),
        meets={"roo": OutcomeKind.ERROR},
        facts={"parameter": "parallel_tool_calls", "status": 400},
    ),
    # tool_protocol, the second turn
    Recorded(
        "https://github.com/Kilo-Org/kilocode/issues/10986",
        "Kimi thinks, and wants its thoughts back with the call: 400 from the second turn on",
        "tool-result-rejected",
        beside(once(thoughts_missing(2), TOOL_RESULT)),
        meets={"kilo7": OutcomeKind.ERROR},
    ),
    Recorded(
        "https://github.com/Kilo-Org/kilocode/issues/5528",
        "kimi-k2.5, the same 400: its documentation demands reasoning_content in the history",
        "tool-result-rejected",
        beside(once(thoughts_missing(2), TOOL_RESULT)),
        meets={"kilo-native": OutcomeKind.ERROR},
    ),
    Recorded(
        "https://github.com/MoonshotAI/Kimi-K2.5/issues/13",
        "kimi-for-coding, the same 400 for the message at index 3",
        "tool-result-rejected",
        beside(once(thoughts_missing(3), TOOL_RESULT)),
        meets={"roo": OutcomeKind.ERROR},
    ),
    Recorded(
        "https://github.com/HKUDS/nanobot/pull/2598",
        "kimi-k2.5 answers a history with calls by invalid_request_error, until an empty reasoning_content is in it",
        "tool-result-rejected",
        beside(once(thoughts_missing(2), TOOL_RESULT)),
    ),
)
