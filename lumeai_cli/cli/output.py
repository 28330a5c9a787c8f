"""Writes to stdout; that the reader of a pipe left (`| head`) is his right, and no failure."""

import os
import sys


class ReaderLeftError(Exception):
    """Nobody reads on. No OSError, which the command line's library would take for a failure."""


def put(text: str) -> None:
    """Writes a text and sends it off."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would fail once more when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise ReaderLeftError from None
