"""What the settings are once they are read: values only, each with the place it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lumeai_cli.backends.backend import Backend
from lumeai_cli.text.mendable import located
from lumeai_cli.text.phrase import Phrase

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class SettingsWarning:
    """Something in the settings that works, but hardly as meant; `config check` shows it."""

    sentence: Phrase
    where: str

    def in_(self, language: str) -> str:
        """The place and the sentence in this language."""
        return located(self.sentence, self.where, language)

    def __str__(self) -> str:
        return self.in_("en")


@dataclass(frozen=True, slots=True)
class DoctorSettings:
    """The doctor's options as the files give them; None leaves the choice to the doctor.

    `prompt_chars` None: each client's own size. `budget` None: unlimited on loopback, 60000 elsewhere.
    """

    timeout: float = 300.0
    clients: tuple[str, ...] = ("all",)
    prompt_chars: int | None = None
    repeat: int = 3
    slow_after: float = 30.0
    budget: int | None = None
    quick: bool = False


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """The proxy's options. Durations are seconds; `max_body` is MiB.

    `hold` is how long no status goes out while there is no content, `keep_alive` the time between comments while
    nothing comes. `first_byte`, `silence` and `connect` limit one attempt; `attempts` counts the requests to backends
    that one request of a client may cause. `substitute` answers an unknown model with the first backend's own default;
    None does so where there is a single backend. `aliases` pairs a model's alias with `BACKEND/MODEL` or a model's
    name. `grace` is what open streams get at a stop.
    """

    host: str = "127.0.0.1"
    port: int = 5863
    workers: int = 1
    hold: float = 20.0
    keep_alive: float = 15.0
    first_byte: float = 300.0
    silence: float = 120.0
    connect: float = 10.0
    attempts: int = 4
    explain: str = "error"
    substitute: bool | None = None
    max_body: int = 32
    aliases: tuple[tuple[str, str], ...] = ()
    grace: float = 30.0


@dataclass(frozen=True, slots=True)
class KeysSettings:
    """Where the proxy's API keys are, and what holds for all of them together.

    `store` None: `keys.db` in the data folder. `rpm`, `tokens_per_day` and `concurrent` limit all keys as if they
    were one; None: without limit. `lost_store_grace` is how many seconds known keys stay good while the store cannot be
    read or written; `usage_days` is how long is kept what they used.
    """

    store: str | None = None
    rpm: int | None = None
    tokens_per_day: int | None = None
    concurrent: int | None = None
    lost_store_grace: float = 60.0
    usage_days: int = 90


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that files and environment say.

    `origins` maps a dotted key (`doctor.timeout`, `backends.my-server.url`) to where its value came from
    (`lumeai.yaml:7`, `environment LUMEAI_LANG`); a key that is missing there has its default. `files` are the files
    that were read, weakest first. `language` None leaves the choice to the locale.
    """

    language: str | None = None
    backends: tuple[Backend, ...] = ()
    doctor: DoctorSettings = DoctorSettings()
    serve: ServeSettings = ServeSettings()
    keys: KeysSettings = KeysSettings()
    origins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    warnings: tuple[SettingsWarning, ...] = ()
    files: tuple[str, ...] = ()

    def origin(self, key: str) -> str:
        """Where the value of a dotted key came from."""
        return self.origins.get(key, DEFAULT)
