"""The ways in which a program asks the proxy: the official SDK and LangChain, for a stream and for a whole answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import openai
from langchain_openai import ChatOpenAI

from tests.real.servers import Server


@dataclass(frozen=True, slots=True)
class Told:
    """What the program has got: the whole text, the finish reason, and the name under which the model answered."""

    text: str
    finish: str | None
    model: str


Ask = Callable[..., Told]
"""Called with a server and a prompt; further arguments are fields of the request."""


def openai_plain(server: Server, prompt: str, *, model: str = "lumeai", key: str = "unused", **fields: Any) -> Told:
    """The official SDK, a whole answer."""
    with openai.OpenAI(base_url=server.url, api_key=key, max_retries=0) as sdk:
        answer = sdk.chat.completions.create(model=model, messages=words(prompt), **fields)
    [choice] = answer.choices
    return Told(choice.message.content or "", choice.finish_reason, answer.model)


def openai_stream(server: Server, prompt: str, *, model: str = "lumeai", key: str = "unused", **fields: Any) -> Told:
    """The official SDK, a stream."""
    with openai.OpenAI(base_url=server.url, api_key=key, max_retries=0) as sdk:
        chunks = list(sdk.chat.completions.create(model=model, messages=words(prompt), stream=True, **fields))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    return Told("".join(choice.delta.content or "" for choice in choices), choices[-1].finish_reason, chunks[0].model)


def langchain_invoke(server: Server, prompt: str, *, model: str = "lumeai", key: str = "unused", **fields: Any) -> Told:
    """LangChain as the user called it when it was still `llm.predict`."""
    with httpx.Client() as client:
        llm = ChatOpenAI(base_url=server.url, api_key=key, model=model, max_retries=0, http_client=client)
        message = llm.invoke(prompt, **fields)
    assert isinstance(message.content, str)
    return Told(message.content, message.response_metadata["finish_reason"], message.response_metadata["model_name"])


def langchain_stream(server: Server, prompt: str, *, model: str = "lumeai", key: str = "unused", **fields: Any) -> Told:
    """LangChain, a stream."""
    with httpx.Client() as client:
        llm = ChatOpenAI(base_url=server.url, api_key=key, model=model, max_retries=0, http_client=client)
        chunks = list(llm.stream(prompt, **fields))
    about = [chunk.response_metadata for chunk in chunks if chunk.response_metadata.get("finish_reason")][-1]
    return Told("".join(str(chunk.content) for chunk in chunks), about["finish_reason"], about["model_name"])


def words(prompt: str) -> Any:
    """One message of a user."""
    return [{"role": "user", "content": prompt}]


EVERY_WAY: tuple[Ask, ...] = (openai_plain, openai_stream, langchain_invoke, langchain_stream)
