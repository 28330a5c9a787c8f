"""The lab that the command line's tests share, and a fresh home folder for each of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lumeai_cli.lab import LabServer, running_lab
from tests.cli.process import Home, InProcess


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home folder."""
    return Home(tmp_path)


@pytest.fixture
def inside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Home:
    """The same home, where no process of its own is needed."""
    return InProcess(tmp_path, capsys)


@pytest.fixture(scope="session")
def lab() -> Iterator[LabServer]:
    """For tests that read reports."""
    with running_lab() as running:
        yield running


@pytest.fixture
def own_lab() -> Iterator[LabServer]:
    """For tests that read what was asked of it."""
    with running_lab() as running:
        yield running
