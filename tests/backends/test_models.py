"""Model lists as servers really send them: which models there are, which can chat, and who keeps such a list."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.backends.backend import Kind
from lumeai_cli.backends.models import ModelList, read_models
from lumeai_cli.wire.exchange import Asked, Chunk, Ending, EndingKind, Exchange
from lumeai_cli.wire.reading import read


def listed(body: object, status: int | None = 200, *headers: tuple[str, str]) -> ModelList:
    """What is read from this answer to `GET /models`."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = Asked("models", "http://h/v1/models", "GET")
    chunks = (Chunk(0.1, data),) if data else ()
    return read_models(read(Exchange("e1", asked, status, headers, 0.1, chunks, Ending(EndingKind.CLEAN, 0.1))))


def entries(*ids: str, **fields: Any) -> dict[str, Any]:
    """A list as OpenAI words it."""
    return {"object": "list", "data": [{"id": name, "object": "model", **fields} for name in ids]}


def g4f(name: str, *, provider: bool = False, image: bool = False) -> dict[str, Any]:
    """An entry as G4F 8.8.6 writes it."""
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "",
        "image": image,
        "vision": False,
        "provider": provider,
    }


KINDS = {
    "llama-server": (entries("qwen.gguf", owned_by="llamacpp"), Kind.LLAMA_SERVER),
    "vLLM": (entries("Qwen/Qwen3-8B", owned_by="vllm", root="/models", max_model_len=32768), Kind.VLLM),
    "Ollama": (entries("qwen3:8b", owned_by="library"), Kind.OLLAMA),
    "LM Studio": (entries("qwen3-8b", owned_by="organization_owner"), Kind.LM_STUDIO),
    "lumeai": (entries("auto", owned_by="lumeai"), Kind.LUMEAI),
    "OpenAI": (entries("gpt-4o", owned_by="system"), Kind.UNKNOWN),
    "nobody": (entries("x"), Kind.UNKNOWN),
    "an owner that is a number": (entries("x", owned_by=7), Kind.UNKNOWN),
    "G4F": ({"object": "list", "data": [g4f("gpt-4o")]}, Kind.G4F),
    "G4F with an owner of another": ({"data": [{**g4f("gpt-4o"), "owned_by": "vllm"}]}, Kind.G4F),
    "half of G4F's keys": ({"data": [{"id": "x", "provider": False, "owned_by": "library"}]}, Kind.OLLAMA),
}


@pytest.mark.parametrize(("body", "kind"), KINDS.values(), ids=KINDS)
def test_a_list_betrays_who_keeps_it(body: object, kind: Kind) -> None:
    """By its own words, never by the port."""
    assert listed(body).kind is kind


@pytest.mark.parametrize("status", [200, 401, 404, 500])
def test_llama_servers_header_betrays_it_even_without_a_list(status: int) -> None:
    """It keeps its name in every answer."""
    assert listed(b"", status, ("Server", "llama.cpp")).kind is Kind.LLAMA_SERVER


def test_the_list_beats_the_header() -> None:
    """A proxy in between may be another one's."""
    assert listed(entries("x", owned_by="vllm"), 200, ("server", "llama.cpp")).kind is Kind.VLLM


def test_the_servers_order_is_kept() -> None:
    """The first usable model is the one that is asked."""
    found = listed(entries("zeta", "alpha", "mid"))
    assert found.ids == found.chat == ("zeta", "alpha", "mid")


NO_CHAT = (
    "text-embedding-3-small nomic-embed-text whisper-1 tts-1-hd dall-e-3 dalle-mini gpt-image-1 omni-moderation-latest "
    "bge-reranker-v2 gpt-4o-audio-preview gpt-realtime gpt-4o-transcribe sora-2 flux-schnell"
)


@pytest.mark.parametrize("name", NO_CHAT.split())
def test_what_cannot_chat_is_listed_and_not_asked(name: str) -> None:
    """It would be refused, and the doctor would blame the server."""
    found = listed(entries(name, "qwen3"))
    assert found.ids == (name, "qwen3")
    assert found.chat == ("qwen3",)


@pytest.mark.parametrize(
    "name", ["gpt-4o", "qwen3:8b", "llama-3.2-vision", "default", "gpt-4", "my/model@v2", "модель"]
)
def test_what_can_chat_is_asked(name: str) -> None:
    """Vision models chat too."""
    assert listed(entries(name)).chat == (name,)


def test_g4fs_providers_and_image_models_are_no_chat_models() -> None:
    """They stand in the same list, marked."""
    found = listed({"data": [g4f("Copilot", provider=True), g4f("gpt-4o"), g4f("sdxl", image=True)]})
    assert found.ids == ("Copilot", "gpt-4o", "sdxl")
    assert found.chat == ("gpt-4o",)


GARBAGE = {
    "nothing": b"",
    "a page": b"<html></html>",
    "broken JSON": b'{"data": [',
    "a number": b"7",
    "null": b"null",
    "a bare list": b'["a", "b"]',
    "data is null": b'{"data": null}',
    "data is a text": b'{"data": "gpt-4o"}',
    "data is an object": b'{"data": {"id": "x"}}',
    "an empty list": b'{"data": []}',
    "entries of other kinds": b'{"data": [null, 7, "x", [], {}, {"id": null}, {"id": 7}]}',
    "an error": b'{"error": {"message": "no"}}',
    "a stream": b'data: {"data": [{"id": "x"}]}\n\n',
    "NaN": b'{"data": [{"id": "x", "created": NaN}]}',
    "nested without end": b'{"data": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "no UTF-8": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_what_is_no_list_is_an_empty_one(body: bytes) -> None:
    """Nothing is guessed, nothing breaks."""
    assert listed(body) == ModelList()


@pytest.mark.parametrize("status", [None, 302, 401, 403, 404, 500])
def test_only_a_success_is_read(status: int | None) -> None:
    """A list under another status is no list."""
    assert listed(entries("gpt-4o"), status) == ModelList()


def test_good_entries_are_taken_from_among_bad_ones() -> None:
    """One odd entry does not cost the list."""
    assert listed({"data": [{"id": 7}, {"id": "good", "owned_by": "vllm"}, None]}) == ModelList(
        ("good",), ("good",), Kind.VLLM
    )


def test_of_an_absurdly_long_list_the_beginning_is_enough() -> None:
    """Five hundred names are looked at."""
    found = listed(entries(*(f"m{number}" for number in range(20_000))))
    assert len(found.ids) == 500
    assert found.chat[0] == "m0"


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["data", "id", "owned_by", "provider", "image", "vision", "x"]), inner)
        ),
        max_leaves=12,
    )
)
def test_no_json_breaks_the_reader(value: object) -> None:
    """Whatever JSON comes."""
    for body in (value, {"data": value}, {"data": [value]}):
        found = listed(body)
        assert set(found.chat) <= set(found.ids)


def test_a_list_behind_a_byte_order_mark_is_read() -> None:
    """As JavaScript's `response.json()` does."""
    assert listed(b"\xef\xbb\xbf" + json.dumps(entries("a", "b")).encode()).ids == ("a", "b")
