"""Reads what came over the wire: bytes and times in, a `Reading` out. No I/O, no clock, only the standard library.

The path of one answer: `exchange` (what happened) -> `body` and `sse` (frames) -> `openai`, which knows `ollama` and
`anthropic` when it meets them (events) -> `answer` (the default fold) -> `reading` (all of it in one value). What
stands in an answer's text: `xmltags` and `markup` find calls, `think` the thought before it.
"""
