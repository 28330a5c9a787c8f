"""What `config show` and `config init` need: rows that are safe to print, and the example on disk."""

import os
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

from lumeai_cli.settings.address import shown
from lumeai_cli.settings.error import SettingsError
from lumeai_cli.settings.model import DoctorSettings, KeysSettings, ServeSettings, Settings
from lumeai_cli.text.mendable import place, reason
from lumeai_cli.text.phrase import Phrase, phrase, put, say


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as `config show` prints it; `value` never holds a key."""

    key: str
    value: str
    where: str


def rows(settings: Settings, language: str = "en") -> tuple[Row, ...]:
    """Every setting, in the order of the example file, in the words of this language."""

    def row(key: str, value: object, where: str | None = None) -> Row:
        return Row(key, _said(key, value, language), put(place(where or settings.origin(key)), language))

    found = [row("language", settings.language)]
    if not settings.backends:
        found.append(row("backends", None))
    for backend in settings.backends:
        prefix = f"backends.{backend.name}"
        if backend.url:
            found.append(row(f"{prefix}.url", shown(backend.url)))
        if f"{prefix}.kind" in settings.origins:
            found.append(row(f"{prefix}.kind", backend.kind.value))
        if backend.key is not None:
            source = backend.key.source
            found.append(row(f"{prefix}.key", phrase("key-set", source=place(source)), source))
        elif f"{prefix}.key_env" in settings.origins:
            found.append(row(f"{prefix}.key", phrase("key-unset"), settings.origin(f"{prefix}.key_env")))
        if backend.model is not None:
            found.append(row(f"{prefix}.model", backend.model))
    found += [row(f"doctor.{field.name}", getattr(settings.doctor, field.name)) for field in fields(DoctorSettings)]
    for field in fields(ServeSettings):
        if field.name == "aliases" and settings.serve.aliases:
            found += [row(f"serve.aliases.{alias}", target) for alias, target in settings.serve.aliases]
        else:
            value = getattr(settings.serve, field.name)
            found.append(row(f"serve.{field.name}", None if value == () else value))
    found += [row(f"keys.{field.name}", getattr(settings.keys, field.name)) for field in fields(KeysSettings)]
    return tuple(found)


def example() -> str:
    """The annotated example file."""
    return Path(__file__).with_name("config.example.yaml").read_text("utf-8")


def write_example(path: Path, *, force: bool = False) -> None:
    """Writes the example, whole or not at all; an existing file stays unless `force`. Failure is a SettingsError."""
    where = str(path)
    if os.path.lexists(path) and not force:
        raise SettingsError(phrase("file-exists"), where)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("x", encoding="utf-8") as file:
            file.write(example())
        if path.exists():
            draft.chmod(path.stat().st_mode)  # a file that held keys may be private, and will hold keys again
        draft.replace(path.resolve())
    except OSError as error:
        raise SettingsError(phrase("file-unwritable", reason=reason(error)), where) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _said(key: str, value: object, language: str) -> str:
    match value:
        case None:
            return say(language, f"unset-{key.rpartition('.')[2].replace('_', '-')}")
        case Phrase():
            return value.in_(language)
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case tuple():
            return ", ".join(value)
        case _:
            return str(value)
