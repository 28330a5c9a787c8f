import pytest

from lumeai_cli.backends.backend import Backend, Kind, Origin
from lumeai_cli.settings import SettingsError, discover, looked_for, merge
from lumeai_cli.settings.discovery import ollama_url
from lumeai_cli.settings.dotenv import parse_dotenv

GUESSES = {
    "g4f": "http://127.0.0.1:1337/v1",
    "ollama": "http://127.0.0.1:11434/v1",
    "llama-server": "http://127.0.0.1:8080/v1",
    "lm-studio": "http://127.0.0.1:1234/v1",
    "vllm": "http://127.0.0.1:8000/v1",
}


def found(env: dict[str, str] | None = None, dotenv: str = "") -> dict[str, Backend]:
    return {backend.name: backend for backend in discover(env or {}, parse_dotenv(dotenv)).backends}


def test_with_an_empty_environment_only_the_local_guesses_are_made() -> None:
    backends = found()
    assert {name: backend.url for name, backend in backends.items()} == GUESSES
    assert not any(backend.named or backend.key for backend in backends.values())


def test_the_order_is_the_documented_one() -> None:
    env = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "LUMEAI_BASE_URL": "http://127.0.0.1:3000/v1"}
    order = ["g4f", "ollama", "openai", "anthropic", "lumeai", "llama-server", "lm-studio", "vllm"]
    assert list(found(env)) == order
    assert [candidate.name for candidate in looked_for()] == order


@pytest.mark.parametrize(
    ("name", "env", "url", "kind", "key"),
    [
        ("openai", {"OPENAI_API_KEY": "k"}, "https://api.openai.com/v1", Kind.OPENAI, "k"),
        ("openai", {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://gw:1/v1"}, "http://gw:1/v1", Kind.UNKNOWN, "k"),
        ("openai", {"OPENAI_BASE_URL": "http://gw:1/v1"}, "http://gw:1/v1", Kind.UNKNOWN, None),
        ("anthropic", {"ANTHROPIC_API_KEY": "k"}, "https://api.anthropic.com", Kind.ANTHROPIC, "k"),
        ("anthropic", {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "http://gw"}, "http://gw", Kind.ANTHROPIC, "k"),
        ("lumeai", {"LUMEAI_BASE_URL": "http://me/v1"}, "http://me/v1", Kind.LUMEAI, None),
        ("lumeai", {"LUMEAI_BASE_URL": "http://me/v1", "LUMEAI_API_KEY": "k"}, "http://me/v1", Kind.LUMEAI, "k"),
    ],
)
@pytest.mark.parametrize("origin", [Origin.ENVIRONMENT, Origin.DOTENV])
def test_what_variables_name(
    *, name: str, env: dict[str, str], url: str, kind: Kind, key: str | None, origin: Origin
) -> None:
    dotenv = "\n".join(f"{variable}={value}" for variable, value in env.items())
    backend = found(env)[name] if origin is Origin.ENVIRONMENT else found(dotenv=dotenv)[name]
    assert (backend.url, backend.kind, backend.origin) == (url, kind, origin)
    assert (backend.key and backend.key.reveal()) == key


def test_a_key_or_an_empty_variable_alone_names_no_server() -> None:
    assert found({"LUMEAI_API_KEY": "k", "OPENAI_API_KEY": "", "ANTHROPIC_BASE_URL": ""}).keys() == GUESSES.keys()


@pytest.mark.parametrize("vendor", ["OPENAI", "ANTHROPIC", "LUMEAI"])
@pytest.mark.parametrize("key_in_environment", [True, False])
def test_a_key_does_not_follow_a_url_from_another_place(vendor: str, *, key_in_environment: bool) -> None:
    key, url = (f"{vendor}_API_KEY", "sk-planted"), (f"{vendor}_BASE_URL", "http://elsewhere.example/v1")
    in_env, in_dotenv = (key, url) if key_in_environment else (url, key)
    discovered = discover(dict([in_env]), parse_dotenv("=".join(in_dotenv)))
    [backend] = [backend for backend in discovered.backends if backend.named]
    assert (backend.url, backend.key) == (url[1], None)
    [note] = discovered.notes
    assert f"{vendor}_API_KEY" in note.in_("en")
    assert "is not sent" in note.in_("en")
    assert "planted" not in repr(discovered)


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://api.openai.com/v1", True),
        ("https://API.openai.com:443", True),
        ("http://api.openai.com/v1", False),
        ("https://api.openai.com:8443/v1", False),
        ("https://api.openai.com.evil.example/v1", False),
        ("https://eu.api.openai.com/v1", False),
    ],
)
def test_the_vendors_own_host_may_have_the_key_from_anywhere(url: str, *, sent: bool) -> None:
    backend = found({"OPENAI_API_KEY": "k"}, f"OPENAI_BASE_URL={url}")["openai"]
    assert (backend.key is not None) is sent


@pytest.mark.parametrize(
    ("env", "where"),
    [
        ({"OPENAI_API_KEY": "sk-твой-ключ"}, "environment OPENAI_API_KEY"),
        ({"LUMEAI_BASE_URL": "http://a/v1", "LUMEAI_API_KEY": "a b"}, "environment LUMEAI_API_KEY"),
        ({"OPENAI_BASE_URL": "sk-planted"}, "environment OPENAI_BASE_URL"),
        ({"OLLAMA_HOST": "ftp://a"}, "environment OLLAMA_HOST"),
        ({"OLLAMA_BASE_URL": "http://[::1"}, "environment OLLAMA_BASE_URL"),
    ],
)
def test_an_unusable_key_or_url_names_its_variable_and_never_its_text(env: dict[str, str], where: str) -> None:
    with pytest.raises(SettingsError) as error:
        found(env)
    assert error.value.where == where
    assert not any(value in str(error.value) for value in env.values())


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:1234", "http://127.0.0.1:1234"),
        ("gpu", "http://gpu:11434"),
        ("gpu:1234", "http://gpu:1234"),
        (":1234", "http://127.0.0.1:1234"),
        ("http://gpu:1234", "http://gpu:1234"),
        ("http://gpu", "http://gpu:80"),
        ("https://gpu", "https://gpu:443"),
        ("https://gpu/ollama", "https://gpu:443/ollama"),
        ("gpu:1234/", "http://gpu:1234/"),
        ("gpu:99999", "http://gpu:11434"),
        ("::1", "http://[::1]:11434"),
        ("[::1]:1234", "http://[::1]:1234"),
        ("[::]", "http://[::1]:11434"),
        (" 'gpu' ", "http://gpu:11434"),
        ("", "http://127.0.0.1:11434"),
    ],
)
def test_ollama_host_in_all_forms_that_ollama_takes(text: str, url: str) -> None:
    assert ollama_url(text) == url


@pytest.mark.parametrize(
    ("env", "dotenv", "url", "origin"),
    [
        ({"OLLAMA_HOST": "gpu"}, "", "http://gpu:11434/v1", Origin.ENVIRONMENT),
        ({}, "OLLAMA_HOST=0.0.0.0", "http://127.0.0.1:11434/v1", Origin.DOTENV),
        ({"OLLAMA_HOST": "http://gpu:1/"}, "", "http://gpu:1/v1", Origin.ENVIRONMENT),
        ({"OLLAMA_HOST": "http://gpu:1/ai"}, "", "http://gpu:1/ai", Origin.ENVIRONMENT),
        ({"OLLAMA_BASE_URL": "http://gpu"}, "", "http://gpu/v1", Origin.ENVIRONMENT),
        ({"OLLAMA_BASE_URL": "http://gpu:1/v1"}, "", "http://gpu:1/v1", Origin.ENVIRONMENT),
        ({"OLLAMA_BASE_URL": "gpu:1"}, "", "http://gpu:1/v1", Origin.ENVIRONMENT),
        ({"OLLAMA_HOST": "a"}, "OLLAMA_BASE_URL=http://b:2", "http://b:2/v1", Origin.DOTENV),
    ],
)
def test_ollama_becomes_an_openai_compatible_base(env: dict[str, str], dotenv: str, url: str, origin: Origin) -> None:
    backend = found(env, dotenv)["ollama"]
    assert (backend.url, backend.kind, backend.origin) == (url, Kind.OLLAMA, origin)


def test_a_guess_gives_way_to_a_variable_that_names_the_same_server() -> None:
    backends = found({"OPENAI_BASE_URL": "http://localhost:1337"})
    assert "g4f" not in backends
    assert backends["openai"].named


@pytest.mark.parametrize(
    ("configured", "dropped"),
    [
        ("http://127.0.0.1:1337/v1", "g4f"),
        ("http://LOCALHOST:1337/v1/", "g4f"),
        ("http://127.0.0.1:1337", "g4f"),
        ("https://api.openai.com/v1/", "openai"),
        ("https://api.openai.com/other", None),
        ("http://127.0.0.1:1338/v1", None),
    ],
)
def test_what_is_configured_is_not_discovered_again(configured: str, dropped: str | None) -> None:
    own = Backend("own", configured, origin=Origin.CONFIG)
    discovered = discover({"OPENAI_API_KEY": "k"}, parse_dotenv("")).backends
    names = [backend.name for backend in merge((own,), discovered)]
    assert names == ["own", *(backend.name for backend in discovered if backend.name != dropped)]


def test_a_discovered_backend_never_takes_the_name_of_a_configured_one() -> None:
    own = Backend("ollama", "http://gpu:11434/v1", origin=Origin.CONFIG)
    merged = merge((own,), discover({}, parse_dotenv("")).backends)
    assert {backend.name: backend.url for backend in merged if "ollama" in backend.name} == {
        "ollama": "http://gpu:11434/v1",
        "ollama-2": "http://127.0.0.1:11434/v1",
    }


def test_what_was_looked_for_says_where_and_how_to_start_it() -> None:
    candidates = {candidate.name: candidate for candidate in looked_for(found({"OLLAMA_HOST": "gpu"}).values())}
    assert candidates["ollama"].url == "http://gpu:11434/v1"
    assert candidates["ollama"].start == ("ollama serve",)
    assert candidates["g4f"].start == ('pip install -U "g4f[api]"', "g4f api --no-gui --bind 127.0.0.1:1337")
    assert all(candidate.start for candidate in candidates.values())
