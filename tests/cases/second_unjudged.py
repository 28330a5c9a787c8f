"""The other reports of the second half: what they tell of the wire is too little to rebuild it, and why."""

from collections.abc import Mapping

UNJUDGED: Mapping[str, str] = {
    "https://github.com/ggml-org/llama.cpp/issues/22581": (
        "names the flag, a forced chat template, but neither an answer nor the token counts that would show what "
        "became of the tools"
    ),
    "https://github.com/openclaw/openclaw/pull/136498": (
        "a hook ended the turn of a program on the same machine, whose output the client misread: no HTTP took part"
    ),
    "https://github.com/xtekky/gpt4free/issues/1440": (
        "a table of dozens of providers in a word each: empty, limited, wrong; no status, message or frame of any"
    ),
    "https://github.com/xtekky/gpt4free/pull/3352": (
        "says how tools were handled before and after the change, not what a client was sent"
    ),
}
