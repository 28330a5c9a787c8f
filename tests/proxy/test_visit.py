"""Tokens that nobody counted."""

import pytest

from lumeai_cli.proxy.visit import tokens
from lumeai_cli.wire.event import Usage


@pytest.mark.parametrize(
    ("usage", "size", "frames", "answered", "counted"),
    [
        (Usage(0, 0.0, prompt=7, completion=9), 5000, 40, True, (7, 9, 0)),
        (Usage(0, 0.0, prompt=0, completion=0), 5000, 40, True, (0, 0, 0)),
        (Usage(0, 0.0, prompt=7, completion=-1), 0, 0, True, (7, 0, 0)),
        (None, 43 * 180, 43, True, (100, 40, 140)),
        (None, 3 * 200 + 4000, 3, True, (100, 1000, 1100)),
        (None, 350 + 400, 0, True, (100, 100, 200)),
        (None, 0, 0, True, (100, 0, 100)),
        (None, 300, 0, False, (0, 0, 0)),
        (Usage(0, 0.0, prompt=7, completion=9), 300, 0, False, (7, 9, 0)),
    ],
)  # fmt: skip
def test_what_the_backend_told_counts_else_the_size(
    usage: Usage | None,
    size: int,
    frames: int,
    answered: bool,  # noqa: FBT001  # a column
    counted: tuple[int, int, int],
) -> None:
    assert tokens(usage, 100, size, frames, answered=answered) == counted
