"""Roo Code 3.52, provider "OpenAI Compatible": the engine that Kilo 5 took over, with native tools alone.

Source read: RooCodeInc/Roo-Code at 3.52.1; its SDK openai-node 5.12.2 run against misbehaving servers, 2026-11. The
extension itself could not be run.
"""

from lumeai_cli.clients.kilo_native import Agent
from lumeai_cli.clients.profile import Profile, Protocol

PROFILE = Profile(
    "roo",
    "Roo Code 3.52",
    Protocol.NATIVE,
    "Roo Code 3.52, OpenAI Compatible",
    "source of 3.52.1, openai-node 5.12.2 run",
    Agent("Roo", "Roo", cuts=True, number_id=False, lenient=True).judge,
    frozenset({"temperature", "parallel_tool_calls"}),
)
