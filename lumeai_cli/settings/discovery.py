"""The servers worth looking for when nobody named one: what variables name, and the usual local ports.

Nothing is asked of the network here; these are candidates. A key is bound to a URL only if both come from the same
place (the environment, or `.env`) or the URL is the vendor's own host: a foreign `.env` must not draw a key out of the
environment, nor the other way round.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from lumeai_cli.backends.backend import Backend, Kind, Origin, Secret
from lumeai_cli.settings.address import address, check_url, server
from lumeai_cli.settings.dotenv import Dotenv
from lumeai_cli.settings.key import check_key
from lumeai_cli.settings.variables import Variable, look_up
from lumeai_cli.text.mendable import place
from lumeai_cli.text.phrase import Phrase, Words, phrase


@dataclass(frozen=True, slots=True)
class Discovered:
    """The candidates in the order of the documentation, and what has to be said about them (a key held back)."""

    backends: tuple[Backend, ...]
    notes: tuple[Phrase, ...] = ()


@dataclass(frozen=True, slots=True)
class LookedFor:
    """One candidate and how to get it: told when there is nothing to examine. Each of `start` is one line to type."""

    name: str
    url: str
    start: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class _Vendor:
    """A server that variables name; `home` is the vendor's own base URL, None where there is none."""

    name: str
    kind: Kind
    url_variable: str
    key_variable: str
    home: str | None


_OLLAMA_PORT = 11434
_G4F = Backend("g4f", "http://127.0.0.1:1337/v1", Kind.G4F, origin=Origin.DISCOVERY)
_OLLAMA = Backend("ollama", f"http://127.0.0.1:{_OLLAMA_PORT}/v1", Kind.OLLAMA, origin=Origin.DISCOVERY)
_OTHER_GUESSES = (
    Backend("llama-server", "http://127.0.0.1:8080/v1", Kind.LLAMA_SERVER, origin=Origin.DISCOVERY),
    Backend("lm-studio", "http://127.0.0.1:1234/v1", Kind.LM_STUDIO, origin=Origin.DISCOVERY),
    Backend("vllm", "http://127.0.0.1:8000/v1", Kind.VLLM, origin=Origin.DISCOVERY),
)
_VENDORS = (
    _Vendor("openai", Kind.OPENAI, "OPENAI_BASE_URL", "OPENAI_API_KEY", "https://api.openai.com/v1"),
    _Vendor("anthropic", Kind.ANTHROPIC, "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "https://api.anthropic.com"),
    _Vendor("lumeai", Kind.LUMEAI, "LUMEAI_BASE_URL", "LUMEAI_API_KEY", None),
)
_LOOKED_FOR = (
    LookedFor("g4f", _G4F.url, ('pip install -U "g4f[api]"', "g4f api --no-gui --bind 127.0.0.1:1337")),
    LookedFor("ollama", _OLLAMA.url, ("ollama serve",)),
    LookedFor("openai", "https://api.openai.com/v1", (phrase("start-variable", setting="OPENAI_API_KEY=..."),)),
    LookedFor("anthropic", "https://api.anthropic.com", (phrase("start-variable", setting="ANTHROPIC_API_KEY=..."),)),
    LookedFor(
        "lumeai",
        "http://127.0.0.1:3000/v1",
        (phrase("start-variable", setting="LUMEAI_BASE_URL=http://127.0.0.1:3000/v1"),),
    ),
    LookedFor(
        "llama-server", _OTHER_GUESSES[0].url, ("llama-server -m MODEL.gguf --jinja --host 127.0.0.1 --port 8080",)
    ),
    LookedFor("lm-studio", _OTHER_GUESSES[1].url, ("lms server start --port 1234",)),
    LookedFor("vllm", _OTHER_GUESSES[2].url, ("vllm serve MODEL --host 127.0.0.1 --port 8000",)),
)


def discover(env: Mapping[str, str], dotenv: Dotenv) -> Discovered:
    """Every candidate, without deciding whether it is alive; an unusable URL or key is a SettingsError.

    What a variable names has the origin of that variable; the fixed local guesses have Origin.DISCOVERY, and their
    kind is a guess by the port.
    """
    notes: list[Phrase] = []
    found = [_G4F, _ollama(env, dotenv)]
    found += [backend for vendor in _VENDORS if (backend := _vendor(vendor, env, dotenv, notes))]
    found += _OTHER_GUESSES
    named = tuple(backend for backend in found if backend.named)
    backends = tuple(backend for backend in found if backend.named or not _taken(backend, named))
    return Discovered(backends, tuple(notes))


def merge(configured: tuple[Backend, ...], discovered: tuple[Backend, ...]) -> tuple[Backend, ...]:
    """The configured backends, then what discovery adds: another server, under a name that is still free."""
    merged = list(configured)
    names = {backend.name for backend in configured}
    servers = [backend for backend in configured if backend.kind is not Kind.BUILTIN]
    for backend in discovered:
        if not _taken(backend, servers):
            name, number = backend.name, 2
            while name in names:
                name, number = f"{backend.name}-{number}", number + 1
            names.add(name)
            merged.append(replace(backend, name=name))
    return tuple(merged)


def looked_for(discovered: Iterable[Backend] = ()) -> tuple[LookedFor, ...]:
    """What was looked for, at the URL where it was looked for, and how to start each."""
    urls = {backend.name: backend.url for backend in discovered}
    return tuple(replace(candidate, url=urls.get(candidate.name, candidate.url)) for candidate in _LOOKED_FOR)


def _taken(backend: Backend, others: Iterable[Backend]) -> bool:
    """A named backend is the same as another of the same base URL; a guess, as any of the same server."""
    if backend.named:
        return address(backend.url) in {address(other.url) for other in others}
    return server(backend.url) in {server(other.url) for other in others}


def _vendor(vendor: _Vendor, env: Mapping[str, str], dotenv: Dotenv, notes: list[Phrase]) -> Backend | None:
    base = look_up(vendor.url_variable, env, dotenv)
    key = look_up(vendor.key_variable, env, dotenv)
    named_by = base or key
    url = check_url(base.text, base.where) if base else vendor.home
    if url is None or named_by is None:
        return None
    at_home = vendor.home is not None and server(url) == server(vendor.home)
    secret: Secret | None = None
    if key is not None:
        secret = check_key(key.text, key.where)
        if base is not None and base.origin is not key.origin and not at_home:
            notes.append(_held_back(base, key))
            secret = None
    # Whoever sits behind another OpenAI base URL is not OpenAI; another Anthropic base URL still speaks its dialect.
    kind = Kind.UNKNOWN if vendor.kind is Kind.OPENAI and not at_home else vendor.kind
    return Backend(vendor.name, url, kind, secret, origin=named_by.origin)


def _held_back(base: Variable, key: Variable) -> Phrase:
    return phrase(
        "note-key-elsewhere",
        key=key.name,
        key_place=place(key.where),
        url=base.name,
        url_place=place(base.where),
    )


def _ollama(env: Mapping[str, str], dotenv: Dotenv) -> Backend:
    if base := look_up("OLLAMA_BASE_URL", env, dotenv):
        url = base.text if "://" in base.text else ollama_url(base.text)
    elif base := look_up("OLLAMA_HOST", env, dotenv):
        url = ollama_url(base.text)
    else:
        return _OLLAMA
    url = check_url(url, base.where)
    if not urlsplit(url).path.strip("/"):
        url = f"{url.rstrip('/')}/v1"
    return Backend("ollama", url, Kind.OLLAMA, origin=base.origin)


def ollama_url(text: str) -> str:
    """The URL that Ollama's own client makes of OLLAMA_HOST (envconfig/config.go): every part may be missing.

    Without a scheme the port is 11434, with one it is the scheme's own; an impossible port is ignored; an address to
    listen on everywhere (0.0.0.0) is this machine.
    """
    scheme, found, rest = text.strip().strip("\"'").partition("://")
    if not found:
        scheme, rest = "http", scheme
    port = {"http": 80, "https": 443}.get(scheme, _OLLAMA_PORT) if found else _OLLAMA_PORT
    authority, slash, path = rest.partition("/")
    host, number = authority, ""
    if authority.startswith("["):
        host, _, number = authority[1:].partition("]")
        number = number.removeprefix(":")
    elif authority.count(":") == 1:
        host, _, number = authority.partition(":")
    if number.isascii() and number.isdigit() and len(number) <= 5 and int(number) <= 65535:
        port = int(number)
    return f"{scheme}://{_dialled(host)}:{port}{slash}{path}"


def _dialled(host: str) -> str:
    """The host as a client dials it."""
    try:
        ip = ip_address(host)
    except ValueError:
        return host or "127.0.0.1"
    if ip.is_unspecified:
        return "[::1]" if ip.version == 6 else "127.0.0.1"
    return f"[{ip}]" if ip.version == 6 else str(ip)
