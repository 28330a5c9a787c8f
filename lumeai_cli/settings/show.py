"""What `config show` and `config init` need: rows that are safe to print, and the example on disk."""

import os
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

from lumeai_cli.settings.address import shown
from lumeai_cli.settings.error import SettingsError
from lumeai_cli.settings.model import DoctorSettings, Settings

_UNSET = {
    "language": "the locale's",
    "backends": "none (local servers are looked for)",
    "doctor.prompt_chars": "each client's own size",
    "doctor.budget": "unlimited on this machine, 60000 elsewhere",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as `config show` prints it; `value` never holds a key."""

    key: str
    value: str
    where: str


def rows(settings: Settings) -> tuple[Row, ...]:
    """Every setting, in the order of the example file."""
    found = [_row(settings, "language", settings.language)]
    if not settings.backends:
        found.append(_row(settings, "backends", None))
    for backend in settings.backends:
        prefix = f"backends.{backend.name}"
        found.append(_row(settings, f"{prefix}.url", shown(backend.url)))
        if f"{prefix}.kind" in settings.origins:
            found.append(_row(settings, f"{prefix}.kind", backend.kind.value))
        if backend.key is not None:
            found.append(Row(f"{prefix}.key", f"set, from {backend.key.source}", backend.key.source))
        elif f"{prefix}.key_env" in settings.origins:
            found.append(Row(f"{prefix}.key", "not set", settings.origin(f"{prefix}.key_env")))
        if backend.model is not None:
            found.append(_row(settings, f"{prefix}.model", backend.model))
    found += [
        _row(settings, f"doctor.{field.name}", getattr(settings.doctor, field.name)) for field in fields(DoctorSettings)
    ]
    return tuple(found)


def example() -> str:
    """The annotated example file."""
    return Path(__file__).with_name("config.example.yaml").read_text("utf-8")


def write_example(path: Path, *, force: bool = False) -> None:
    """Writes the example, whole or not at all; an existing file stays unless `force`. Failure is a SettingsError."""
    where = str(path)
    if os.path.lexists(path) and not force:
        raise SettingsError("this file exists and is left as it is: choose another path, or use --force", where)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("x", encoding="utf-8") as file:
            file.write(example())
        if path.exists():
            draft.chmod(path.stat().st_mode)  # a file that held keys may be private, and will hold keys again
        draft.replace(path.resolve())
    except OSError as error:
        raise SettingsError(f"this file cannot be written ({error.strerror}): choose another path", where) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _row(settings: Settings, key: str, value: object) -> Row:
    return Row(key, _said(key, value), settings.origin(key))


def _said(key: str, value: object) -> str:
    match value:
        case None:
            return _UNSET[key]
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case tuple():
            return ", ".join(value)
        case _:
            return str(value)
