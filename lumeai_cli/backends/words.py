"""Texts by which backends tell that they will not answer: in an error, or as the assistant's own words.

Sources: the errors of OpenAI, Zhipu (1113), OpenRouter, llama.cpp, Ollama, LM Studio and vLLM, and the sentences of the
web chats behind G4F and of resold keys (read and run, 2025-11 and 2026-11).
"""

import re

SENTENCE = 400
"""Characters of a text that may be a refusal in the place of an answer; a longer one is an answer that speaks of it."""

QUOTA = re.compile(
    r"insufficient[_ ](quota|balance|funds|credits?)|exceeded your (\w+ ){0,2}quota|quota (was |is |has been )?exceeded"
    r"|billing (details|hard limit)|out of credits|no resource package|payment required|free[- ]tier limit"
    r"|daily (free )?limit|(当日|每日|今日)?额度.{0,8}(用|消耗)[完尽]",
    re.IGNORECASE,
)
"""Money, not haste: waiting does not help."""

LIMIT = re.compile(
    r"(reached|exceeded|hit) (your|the) .{0,30}limit|upgrade to a paid|rate limit (reached|exceeded)"
    r"|quota .{0,40}(used up|reached|exhausted|exceeded)"
    r"|(исчерпа|превы[шс]|достиг)\w{0,8} .{0,40}(лимит|квот)|(лимит|квот)\w{0,4} .{0,40}(исчерпа|превыш|достиг)",
    re.IGNORECASE,
)
"""A limit in the words of a web chat, which only mean it where they are the whole answer."""

EXCEEDED = re.compile(
    r"maximum context length|exceeds the available context size|context[_ ]length[_ ]exceeded|context window"
    r"|prompt is too long|greater than the context length|n_keep|tokens to keep from the initial prompt"
    r"|context the overflows|longer than the context length|input is too long|too many (input )?tokens"
    r"|message_length_exceeds_limit|text-too-long|exceeds the \d+ ?char|char(acter)?s? per message",
    re.IGNORECASE,
)
"""The prompt is larger than the model's window, in an error."""

_MEANT = (
    (re.compile(r"rate[_ -]?limit|too[_ ]many[_ ]requests", re.IGNORECASE), 429),
    (re.compile(r"overloaded", re.IGNORECASE), 529),
    (re.compile(r"unavailable", re.IGNORECASE), 503),
    (re.compile(r"timeout|timed?[_ ]out", re.IGNORECASE), 504),
    (re.compile(r"server_?error|internal_?error|internal_server|\bapi_error", re.IGNORECASE), 500),
)
_STATUS = re.compile(r"[1-5][0-9][0-9]")


def status_meant(type_: str, code: str, message: str) -> int:
    """The HTTP status for which an error stands that came inside a 200; 0 where it names none.

    OpenRouter has it there as `code`, Anthropic's `overloaded_error` is its 529 and `api_error` its 500, `server_error`
    is OpenAI's word, `InternalServerError` vLLM's, `unavailable_error` llama.cpp's. Of words for people, one is enough.
    """
    if _STATUS.fullmatch(code):
        return int(code)
    named = f"{type_} {code}"
    told = next((status for sign, status in _MEANT if sign.search(named)), 0)
    return told or (529 if message.strip(" .!").lower() == "overloaded" else 0)


CHARACTERS = re.compile(r"^.{0,80}exceeds the \d+ ?char.{0,40}limit", re.IGNORECASE)
"""How web chats behind G4F refuse a long message: as the assistant's text."""
