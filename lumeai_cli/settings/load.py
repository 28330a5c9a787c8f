"""Puts the layers together: environment over project file over user file over default.

Options of the command line stand above all of them and are the command's own. Only this room's files are read here;
nothing is asked of the network.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lumeai_cli.settings.configfile import Layer, read_layer
from lumeai_cli.settings.dotenv import Dotenv, read_dotenv
from lumeai_cli.settings.error import SettingsError
from lumeai_cli.settings.model import DoctorSettings, KeysSettings, ServeSettings, Settings, SettingsWarning
from lumeai_cli.settings.schema import choice
from lumeai_cli.settings.variables import look_up
from lumeai_cli.settings.yamlfile import read_yaml
from lumeai_cli.text.phrase import LANGUAGES, phrase

PROJECT_FILE = "lumeai.yaml"
LANGUAGE_VARIABLE = "LUMEAI_LANG"
HOME_VARIABLE = "LUMEAI_HOME"


def load(*, config: Path | None, env: Mapping[str, str], cwd: Path) -> Settings:
    """The settings of a run in `cwd`; `config` (the option `--config`) replaces the project's and the user's file.

    Reads `.env` in `cwd` for the variables that `env` does not set. Everything wrong is a SettingsError.
    """
    dotenv = read_dotenv(cwd / ".env")
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    warnings: tuple[SettingsWarning, ...] = ()
    files: list[str] = []
    for path, label in _files(config, env, cwd):
        trusted = config is not None or label != PROJECT_FILE
        layer = _file_layer(path, label, env, dotenv, trusted=trusted)
        if layer is None:
            if config is not None:
                raise SettingsError(phrase("settings-no-file"), label)
            continue
        files.append(label)
        if "backends" in layer.values:  # a list replaces a list: what was said of the weaker one goes with it
            origins = {key: where for key, where in origins.items() if not key.startswith("backends")}
            warnings = layer.warnings
        values |= layer.values
        origins |= layer.origins
    if found := look_up(LANGUAGE_VARIABLE, env, dotenv):
        values["language"] = choice(found.text, LANGUAGE_VARIABLE, LANGUAGES, found.where)
        origins["language"] = found.where
    return Settings(
        language=values.get("language"),
        backends=values.get("backends", ()),
        doctor=DoctorSettings(**_section(values, "doctor.")),
        serve=ServeSettings(**_section(values, "serve.")),
        keys=KeysSettings(**_section(values, "keys.")),
        origins=MappingProxyType(origins),
        warnings=warnings,
        files=tuple(files),
    )


def user_file(env: Mapping[str, str]) -> Path:
    """The user's own settings file, whether it exists or not."""
    if home := env.get(HOME_VARIABLE):
        return Path(home) / "config.yaml"
    from platformdirs import user_config_dir  # noqa: PLC0415 - not every start needs it

    return Path(user_config_dir("lumeai", appauthor=False)) / "config.yaml"


def key_store(settings: Settings, env: Mapping[str, str], cwd: Path) -> Path:
    """The file that holds the proxy's keys, whether it exists or not; a relative path counts from `cwd`."""
    if settings.keys.store is not None:
        if "://" in settings.keys.store:
            raise SettingsError(phrase("store-elsewhere"), settings.origin("keys.store"))
        return cwd / Path(settings.keys.store).expanduser()
    return user_data(env) / "keys.db"


def user_data(env: Mapping[str, str]) -> Path:
    """The folder for what lumeai itself keeps, whether it exists or not."""
    if home := env.get(HOME_VARIABLE):
        return Path(home)
    from platformdirs import user_data_dir  # noqa: PLC0415 - not every start needs it

    return Path(user_data_dir("lumeai", appauthor=False))


def _section(values: Mapping[str, Any], prefix: str) -> Mapping[str, Any]:
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}


def _files(config: Path | None, env: Mapping[str, str], cwd: Path) -> tuple[tuple[Path, str], ...]:
    """The files to read, weakest first, each with the name that messages use."""
    if config is not None:
        return ((cwd / config, str(config)),)
    user = user_file(env)
    return (user, str(user)), (cwd / PROJECT_FILE, PROJECT_FILE)


def _file_layer(path: Path, label: str, env: Mapping[str, str], dotenv: Dotenv, *, trusted: bool) -> Layer | None:
    root = read_yaml(path, label)
    return None if root is None else read_layer(root, env, dotenv, trusted=trusted)
