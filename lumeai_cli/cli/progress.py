"""Tells on stderr what is being asked: on a terminal in one line that goes away, elsewhere only what costs tokens."""

import os
import shutil
import sys

from lumeai_cli.text.phrase import Phrase
from lumeai_cli.text.visible import visible

_CLEAR = "\r\x1b[K"


class Progress:
    """Call it with a target's name and a sentence; `clear` leaves the terminal as it was."""

    def __init__(self, language: str, *, quiet: bool) -> None:
        self._language = language
        self._quiet = quiet
        self._on_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def __call__(self, name: str, sentence: Phrase) -> None:
        """One more thing that is being done."""
        if self._quiet:
            return
        text = visible(f"{name}: {sentence.in_(self._language)}")
        if self._on_terminal:
            sys.stderr.write(_CLEAR + text[: shutil.get_terminal_size().columns - 1])
            sys.stderr.flush()
        elif sentence.key == "progress-large":
            sys.stderr.write(f"{text}\n")

    def clear(self) -> None:
        """Takes the line away, before anything else is written."""
        if self._on_terminal and not self._quiet:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
