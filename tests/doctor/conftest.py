"""A doctor in this process: values in, values out, with a real network between."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from lumeai_cli.backends.backend import Backend
from lumeai_cli.clients.profile import Profile
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.doctor.examine import Round, examine
from lumeai_cli.doctor.options import Options
from lumeai_cli.doctor.result import TargetReport
from lumeai_cli.doctor.target import target_of
from lumeai_cli.lab import LabServer, running_lab
from lumeai_cli.text.phrase import Phrase
from tests.cli.process import Home

Doctor = Callable[..., TargetReport]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home folder."""
    return Home(tmp_path)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxies of whoever runs the tests."""
    for scheme in ("http", "https", "all", "no"):
        for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper()):
            monkeypatch.delenv(name, raising=False)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is, no question is asked before the one whose answer gives reason to."""
    monkeypatch.setattr("lumeai_cli.doctor.conversation.PATIENCE", 60.0)


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


def outcome(
    *named: str | Backend,
    told: list[Phrase] | None = None,
    profiles: Iterable[Profile] = PROFILES.values(),
    **options: object,
) -> Round:
    """The outcome of an examination of these backends or URLs, judged for all clients or for these."""
    progress: list[Phrase] = [] if told is None else told
    targets = [target_of(Backend(one, one) if isinstance(one, str) else one) for one in named]
    wanted = Options(tuple(profiles), **options)  # type: ignore[arg-type]
    return asyncio.run(examine(targets, wanted, lambda _, sentence: progress.append(sentence)))


@pytest.fixture
def doctor() -> Doctor:
    """Examines one backend or URL; the options are those of `Options`."""

    def run(named: str | Backend, told: list[Phrase] | None = None, **options: object) -> TargetReport:
        [report] = outcome(named, told=told, **options).report.targets
        return report

    return run
