"""Small text files as settings want them: bounded, UTF-8, and absent is no error."""

from pathlib import Path

from lumeai_cli.settings.error import SettingsError
from lumeai_cli.text.mendable import reason
from lumeai_cli.text.phrase import phrase

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_bytes(path: Path, label: str, limit: int) -> bytes | None:
    """The file's bytes, None where no file is; larger than `limit` or unreadable is a SettingsError."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = reason(error) if isinstance(error, OSError) else phrase("file-no-path")
        raise SettingsError(phrase("file-unreadable", reason=why), label) from None
    if len(data) > limit:
        raise SettingsError(phrase("file-large", limit=limit // 1024), label)
    return data


def decode(data: bytes, label: str, errors: str = "strict") -> str:
    """The text of `data`, without a byte order mark; anything but UTF-8 is a SettingsError with its line."""
    if data.startswith(_UTF16):
        raise SettingsError(phrase("file-utf16"), label)
    try:
        return data.decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(phrase("file-not-utf8"), f"{label}:{line}") from None
