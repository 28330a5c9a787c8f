"""Reports that cannot be rebuilt, each with the reason: the wire is not told, or nobody here asks for it."""

from collections.abc import Mapping

UNJUDGED: Mapping[str, str] = {
    "https://github.com/BerriAI/litellm/issues/13373": (
        "Events of Anthropic's own Messages API, translated by a gateway; only the client's word for them is quoted "
        "(content block not found), and the doctor asks for chat completions."
    ),
    "https://github.com/LiveBench/LiveBench/pull/425": (
        "An answer of Anthropic's own Messages API, with blocks of thinking alone; the doctor asks for chat "
        "completions, where the same fault is reasoning-only."
    ),
    "https://github.com/QuantumNous/new-api/issues/4362": (
        "The last event of the Responses API has an empty output although the deltas before it carried all; the doctor "
        "asks for chat completions."
    ),
    "https://github.com/RooCodeInc/Roo-Code/issues/10312": (
        "A bisect shows that native tools are what fails; what the servers answered to them is not quoted, and the "
        "sentence about the context size is the client's."
    ),
    "https://github.com/anomalyco/opencode/issues/37852": (
        "The provider's stream was aborted; what had come before, and whether the body ended cleanly, is not told, and "
        "each has another name."
    ),
    "https://github.com/anomalyco/opencode/issues/41469": (
        "The client's log knows a finish reason `unknown` and no tokens: no byte, [DONE] alone, comments, frames "
        "with a role alone and one JSON body all end so."
    ),
    "https://github.com/anomalyco/opencode/issues/43856": (
        "A duplicate of anomalyco/opencode#41469, which says no more about the frames."
    ),
    "https://github.com/anomalyco/opencode/issues/6918": (
        "Frames and arguments are sound JSON: the model puts objects where its tool's own schema wants text. That is "
        "the model's fault, and no fault of the wire."
    ),
    "https://github.com/betalgo/openai/issues/556": (
        "The client swallowed an error of the server's after a tool call; neither its status nor its words are quoted."
    ),
    "https://github.com/cline/cline/issues/10351": (
        "An address that does not lead from WSL or a container to the host; whether it refused, gave no answer, or "
        "led elsewhere is not told, and each has another name."
    ),
    "https://github.com/earendil-works/pi/issues/2537": (
        "An SDK counts zero events where curl shows the answer; single newlines, a last event without its blank line "
        "and a JSON body all look so, and no byte of it is quoted."
    ),
}
