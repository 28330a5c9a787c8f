"""The settings: files, `.env`, environment and discovery become values; every mistake is one sentence with its line.

Reading: `load` gives `Settings` (language, backends, `DoctorSettings`, `ServeSettings`, `KeysSettings`, origins,
warnings, files); `key_store` is where the keys are; `user_file` and `PROJECT_FILE` name the files it reads. Finding:
`discover` (with `read_dotenv`) lists candidates as `Discovered`, `merge` joins them to the configured backends,
`looked_for` tells how to start each. Showing: `rows` for `config show`, `Settings.warnings` for `config check`,
`write_example` for `config init`. Checking one value from elsewhere: `check_key`, `check_url`, `is_loopback`,
`unknown`. All bad input ends in `SettingsError` (exit code 2), which speaks every language.
"""

from lumeai_cli.settings.address import check_url, is_loopback
from lumeai_cli.settings.discovery import Discovered, LookedFor, discover, looked_for, merge
from lumeai_cli.settings.dotenv import Dotenv, read_dotenv
from lumeai_cli.settings.error import SettingsError
from lumeai_cli.settings.key import check_key
from lumeai_cli.settings.load import PROJECT_FILE, key_store, load, user_data, user_file
from lumeai_cli.settings.model import DoctorSettings, KeysSettings, ServeSettings, Settings, SettingsWarning
from lumeai_cli.settings.show import Row, example, rows, write_example
from lumeai_cli.settings.suggest import unknown
from lumeai_cli.settings.variables import Variable, look_up

__all__ = [
    "PROJECT_FILE",
    "Discovered",
    "DoctorSettings",
    "Dotenv",
    "KeysSettings",
    "LookedFor",
    "Row",
    "ServeSettings",
    "Settings",
    "SettingsError",
    "SettingsWarning",
    "Variable",
    "check_key",
    "check_url",
    "discover",
    "example",
    "is_loopback",
    "key_store",
    "load",
    "look_up",
    "looked_for",
    "merge",
    "read_dotenv",
    "rows",
    "unknown",
    "user_data",
    "user_file",
    "write_example",
]
