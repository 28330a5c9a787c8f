"""The lab behind the proxies, and a fresh home folder for each of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lumeai_cli.lab import LabServer, running_lab
from tests.cli.process import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home folder."""
    return Home(tmp_path)


@pytest.fixture(scope="session")
def lab() -> Iterator[LabServer]:
    """For tests that read answers."""
    with running_lab(time_scale=0.1) as running:
        yield running
