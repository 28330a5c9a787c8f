"""The window of a model as servers tell it: on which page, of which model, and nothing of what is no number."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.backends.backend import Kind
from lumeai_cli.backends.window import Page, pages, root, window_of
from lumeai_cli.wire.exchange import Asked, Chunk, Ending, EndingKind, Exchange
from lumeai_cli.wire.reading import Reading, read

PS, SHOW, PROPS = "/api/ps", "/api/show", "/props"
LM_V1, LM_V0, MODELS = "/api/v1/models", "/api/v0/models", "/v1/models"

Json = dict[str, Any]


def page(path: str, body: object, status: int | None = 200, kind: EndingKind = EndingKind.CLEAN) -> Reading:
    """The reading of a page with this body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = Asked("window", f"http://127.0.0.1:8080{path}", "POST" if path == SHOW else "GET")
    chunks = (Chunk(0.1, data),) if data else ()
    return read(Exchange("e3", asked, status, (), 0.1, chunks, Ending(kind, 0.1)))


def tokens(path: str, body: object, model: str | None = "m", status: int | None = 200) -> int | None:
    """The window that this one page tells."""
    window = window_of([page(path, body, status)], model)
    return None if window is None else window.tokens


def loaded(name: str, context_length: object) -> Json:
    """An entry of Ollama's `/api/ps` (fb307609)."""
    return {"name": name, "model": name, "size": 4_683_087_332, "size_vram": 0, "context_length": context_length}


def shown(parameters: object) -> Json:
    """Ollama's `/api/show`, whose `model_info` tells the length that the model was trained with."""
    info = {"general.architecture": "qwen3", "qwen3.context_length": 40_960}
    return {"parameters": parameters, "model_info": info, "capabilities": ["completion", "tools"]}


def lm_studio(key: str, *lengths: object) -> Json:
    """LM Studio's `/api/v1/models`: one model with an instance of each of these lengths in memory."""
    instances = [{"id": key, "config": {"context_length": length, "parallel": 4}} for length in lengths]
    model = {"type": "llm", "key": key, "loaded_instances": instances, "max_context_length": 131_072}
    return {"models": [model]}


def slot(n_ctx: object) -> Json:
    """llama-server's `/props`: the window of one slot."""
    return {"default_generation_settings": {"id": 0, "n_ctx": n_ctx}, "total_slots": 4, "model_path": "m.gguf"}


def listed(*entries: Json) -> Json:
    return {"object": "list", "data": list(entries)}


TOLD = {
    "Ollama, loaded": (PS, {"models": [loaded("qwen3:8b", 4096)]}, "qwen3:8b", 4096),
    "Ollama adds a tag": (PS, {"models": [loaded("qwen3:latest", 4096)]}, "qwen3", 4096),
    "Ollama's tag was asked for": (PS, {"models": [loaded("qwen3:latest", 4096)]}, "qwen3:latest", 4096),
    "Ollama, by one of the two names": (PS, {"models": [{"model": "m", "context_length": 8192}]}, "m", 8192),
    "Ollama, the second of two": (PS, {"models": [loaded("a:1b", 2048), loaded("b:1b", 4096)]}, "b:1b", 4096),
    "Ollama, another tag": (PS, {"models": [loaded("qwen3:8b", 4096)]}, "qwen3:14b", None),
    "Ollama, another model": (PS, {"models": [loaded("qwen3:8b", 4096)]}, "llama3", None),
    "Ollama, the beginning of a name": (PS, {"models": [loaded("qwen3-coder:latest", 4096)]}, "qwen3", None),
    "Ollama, nothing loaded": (PS, {"models": []}, "qwen3:8b", None),
    "Ollama before it told lengths": (PS, {"models": [{"name": "m", "model": "m", "size": 1}]}, "m", None),
    "Modelfile": (SHOW, shown("num_ctx                        32768"), "m", 32_768),
    "Modelfile, among others": (SHOW, shown('stop    "<|im_end|>"\nnum_ctx    16384\ntemperature    0.7'), "m", 16_384),
    "Modelfile with CRLF": (SHOW, shown("temperature 1\r\nnum_ctx 8192\r\n"), "m", 8192),
    "Modelfile without": (SHOW, shown("temperature 0.7"), "m", None),
    "Modelfile, none": (SHOW, shown(""), "m", None),
    "Modelfile, no parameters at all": (SHOW, {"model_info": {"qwen3.context_length": 40_960}}, "m", None),
    "Modelfile, in another's text": (SHOW, shown('stop "set num_ctx 4096"'), "m", None),
    "Modelfile, at the end of another's line": (SHOW, shown("system    You were given num_ctx 4096"), "m", None),
    "Modelfile, no number": (SHOW, shown("num_ctx lots"), "m", None),
    "Modelfile, nothing": (SHOW, shown("num_ctx 0"), "m", None),
    "Modelfile, below nothing": (SHOW, shown("num_ctx -1"), "m", None),
    "Modelfile, beyond all models": (SHOW, shown("num_ctx 4096000000000"), "m", None),
    "llama-server, one slot": (PROPS, slot(8192), "m", 8192),
    "llama-server, whatever the model's name": (PROPS, slot(8192), None, 8192),
    "llama-server, elsewhere on the page": (PROPS, {"n_ctx": 8192, "total_slots": 1}, "m", None),
    "llama-server's list": (MODELS, listed({"id": "m", "meta": {"n_ctx": 2048, "n_ctx_train": 8192}}), "m", 2048),
    "llama-server's list before it told": (MODELS, listed({"id": "m", "meta": {"n_ctx_train": 8192}}), "m", None),
    "llama-server's list while it loads": (MODELS, listed({"id": "m", "meta": None}), "m", None),
    "vLLM": (MODELS, listed({"id": "Qwen/Qwen3-8B", "max_model_len": 32_768}), "Qwen/Qwen3-8B", 32_768),
    "vLLM, an adapter beside": (
        MODELS,
        listed({"id": "base", "max_model_len": 4096}, {"id": "sql", "max_model_len": 2048}),
        "sql",
        2048,
    ),
    "vLLM, another model": (MODELS, listed({"id": "base", "max_model_len": 4096}), "other", None),
    "a list without windows": (MODELS, listed({"id": "m", "owned_by": "system"}), "m", None),
    "LM Studio": (LM_V1, lm_studio("qwen/qwen3-8b", 4096), "qwen/qwen3-8b", 4096),
    "LM Studio, two instances": (LM_V1, lm_studio("m", 16_384, 4096), "m", 16_384),
    "LM Studio, one instance that tells": (LM_V1, lm_studio("m", None, 4096), "m", 4096),
    "LM Studio, not loaded": (LM_V1, lm_studio("m"), "m", None),
    "LM Studio, another model": (LM_V1, lm_studio("m", 4096), "n", None),
    "LM Studio before 0.4": (LM_V0, listed({"id": "m", "state": "loaded", "loaded_context_length": 4096}), "m", 4096),
    "LM Studio before 0.4, not loaded": (
        LM_V0,
        listed({"id": "m", "state": "not-loaded", "max_context_length": 32_768}),
        "m",
        None,
    ),
}


@pytest.mark.parametrize(("path", "body", "model", "window"), TOLD.values(), ids=TOLD)
def test_what_a_page_tells(path: str, body: object, model: str | None, window: int | None) -> None:
    assert tokens(path, body, model) == window


PLACES = {
    PS: lambda value: {"models": [loaded("m", value)]},
    PROPS: slot,
    LM_V1: lambda value: lm_studio("m", value),
    LM_V0: lambda value: listed({"id": "m", "loaded_context_length": value}),
    MODELS: lambda value: listed({"id": "m", "max_model_len": value}),
    f"{MODELS}?meta": lambda value: listed({"id": "m", "meta": {"n_ctx": value}}),
}
"""Every place where a page holds the window as a value of its own."""

NO_WINDOW: tuple[object, ...] = (None, True, False, 0, -4096, 0.5, 4096.5, float("nan"), float("inf"), 10**9, 10**400)
NO_WINDOW += ("4096", "", [4096], {"n_ctx": 4096})


@pytest.mark.parametrize("value", NO_WINDOW, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("path", PLACES)
def test_what_is_no_number_of_tokens_is_no_window(path: str, value: object) -> None:
    assert tokens(path, PLACES[path](4096)) == 4096
    assert tokens(path, PLACES[path](value)) is None


NO_JSON = {
    "empty": b"",
    "cut": b"{",
    "cut deeper": b'{"models": [{"name": "m", "context_length": 40',
    "HTML": b"<!doctype html><title>4096</title>",
    "text": b"Ollama is running",
    "stream": b'data: {"models": []}\n\n',
    "bytes": b"\xff\xfe",
    "deep": b'{"models": ' * 5000,
    "a number without an end": b'{"default_generation_settings": {"n_ctx": ' + b"9" * 5000 + b"}}",
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
@pytest.mark.parametrize("path", PLACES)
def test_what_is_no_json_tells_nothing(path: str, body: bytes) -> None:
    assert tokens(path, body) is None


@pytest.mark.parametrize("status", [None, 302, 401, 404, 500])
@pytest.mark.parametrize("path", PLACES)
def test_a_page_that_was_not_given_tells_nothing(path: str, status: int | None) -> None:
    """A gateway may put anything into the body of a refusal."""
    assert tokens(path, PLACES[path](4096), status=status) is None


def test_the_first_page_that_tells_it_settles_it() -> None:
    empty, modelfile = page(PS, {"models": []}), page(SHOW, shown("num_ctx 16384"))
    really = page(PS, {"models": [loaded("m", 4096)]})
    for readings, tokens_, told in (
        ((empty, modelfile), 16_384, modelfile),
        ((really, modelfile), 4096, really),
        ((page(PS, b"<html>"), modelfile), 16_384, modelfile),
        ((page(PS, b"", 404), modelfile), 16_384, modelfile),
    ):
        window = window_of(readings, "m")
        assert window is not None
        assert (window.tokens, window.told) == (tokens_, told)
    assert window_of((empty, page(SHOW, shown(""))), "m") is None
    assert window_of((), "m") is None


ASKED = {
    Kind.OLLAMA: (Page(PS), Page(SHOW, {"model": "m"})),
    Kind.LLAMA_SERVER: (Page(PROPS),),
    Kind.LM_STUDIO: (Page(LM_V1), Page(LM_V0)),
}


@pytest.mark.parametrize("kind", Kind)
def test_which_pages_are_asked_for(kind: Kind) -> None:
    """Nobody is asked for the pages of another: only its own, and what is allocated before what was configured."""
    assert pages(kind, "m") == ASKED.get(kind, ())


@pytest.mark.parametrize(
    ("base", "below"),
    [
        ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434"),
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434"),
        ("https://h/ollama/v1", "https://h/ollama"),
        ("https://h/v1/openai", "https://h/v1/openai"),
    ],
)
def test_where_a_server_keeps_its_own_pages(base: str, below: str) -> None:
    assert root(base) == below


KEYS = ("models", "data", "name", "model", "id", "key", "parameters", "default_generation_settings", "n_ctx", "meta")
KEYS += ("loaded_instances", "config", "context_length", "loaded_context_length", "max_model_len")
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(("m", "num_ctx 4096", "m:latest"))
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)


@given(value=ANY_JSON, path=st.sampled_from((PS, SHOW, PROPS, LM_V1, LM_V0, MODELS, "/", "")))
def test_no_json_is_too_strange_to_be_read(value: object, path: str) -> None:
    window = tokens(path, value)
    assert window is None or 0 < window < 1_000_000_000


@given(body=st.binary(max_size=200))
def test_no_bytes_are_too_strange_to_be_read(body: bytes) -> None:
    assert tokens(PROPS, body) is None
