"""Writes to stdout; that the reader of a pipe left (`| head`) is his right, and no failure."""

import contextlib
import errno
import os
import sys
from typing import TextIO


class ReaderLeftError(Exception):
    """Nobody reads on. No OSError, which the command line's library would take for a failure."""


def put(text: str) -> None:
    """Writes a text and sends it off."""
    if sys.stdout is None:  # it was closed before lumeai began
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "stdout")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up(sys.stdout)
        raise ReaderLeftError from None
    except OSError:
        _give_up(sys.stdout)
        raise


def complain(text: str) -> None:
    """Writes to whoever sits there, if anybody can hear it; what was done is done all the same."""
    if sys.stderr is not None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            _give_up(sys.stderr)


def _give_up(stream: TextIO) -> None:
    """What is still buffered would fail once more when the process ends."""
    with contextlib.suppress(OSError, ValueError):  # no stream of the system
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
