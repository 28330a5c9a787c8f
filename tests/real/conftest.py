"""Where the real parts are, and the real servers that the tests of this folder share."""

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.real.servers import Examination, Server, real_express, real_llama, real_serve, run_doctor, running

HOW_TO_INSTALL = "`scripts/test` installs it and says where it is"
SMALL_WINDOW, LONG_WINDOW = 2_048, 32_768  # tokens
FEW_WORDS = 'root ::= [a-z]{2,8} (" " [a-z]{2,8}){3,11} "."'
PLANTED_KEY = "sk-planted-3b1f6c0a97d24e55"


def missing(what: str) -> None:
    """Leaves a test out loudly at home; in CI nothing may be left out, so there it fails."""
    reason = f"REAL PART MISSING: {what}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def real_part(variable: str, needed: str) -> Path:
    """The folder that an environment variable names, checked to hold what the tests start from it."""
    folder = os.environ.get(variable, "")
    if not folder:
        missing(f"{variable} is not set; {HOW_TO_INSTALL}")
    path = Path(folder)
    if not (path / needed).exists():
        missing(f"{variable}={folder} has no {needed}; {HOW_TO_INSTALL}")
    return path


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Puts what the servers printed under the report of a failed test."""
    report = yield
    if report.failed:
        report.sections += [(f"log of {process.name}", process.log) for process in running]
    return report


@pytest.fixture(scope="session")
def express_packages() -> Path:
    """The folder that holds `node_modules` with Express."""
    if shutil.which("node") is None:
        missing("there is no `node`: install Node.js 18 or newer")
    return real_part("LUMEAI_REAL_NODE_MODULES", "node_modules/express/package.json")


@pytest.fixture(scope="session")
def g4f_venv() -> Path:
    """The virtual environment of a G4F that can serve."""
    return real_part("LUMEAI_REAL_G4F", "bin/g4f")


@pytest.fixture(scope="session")
def g4f_bare_venv() -> Path:
    """The virtual environment that the old recipe `g4f[interference]` gives: a G4F without its server."""
    return real_part("LUMEAI_REAL_G4F_BARE", "bin/g4f")


@pytest.fixture(scope="module")
def express_mock(tmp_path_factory: pytest.TempPathFactory, express_packages: Path) -> Iterator[Server]:
    """The user's server as it was."""
    with real_express(tmp_path_factory.mktemp("mock"), express_packages) as server:
        yield server


@pytest.fixture(scope="module")
def express_cured(tmp_path_factory: pytest.TempPathFactory, express_packages: Path) -> Iterator[Server]:
    """The user's server with our cure in it."""
    with real_express(tmp_path_factory.mktemp("cured"), express_packages, fixed=True) as server:
        yield server


@pytest.fixture(scope="module")
def express_locked(tmp_path_factory: pytest.TempPathFactory, express_packages: Path) -> Iterator[Server]:
    """The user's server as it was, asking for a key."""
    with real_express(tmp_path_factory.mktemp("locked"), express_packages, key=PLANTED_KEY) as server:
        yield server


@pytest.fixture(scope="session")
def llama() -> Path:
    """The folder with llama.cpp's virtual environment, `whole.gguf` (SmolLM2-135M-Instruct) and `cut.gguf`."""
    folder = real_part("LUMEAI_REAL_LLAMA", "bin/python")
    real_part("LUMEAI_REAL_LLAMA", "whole.gguf")
    real_part("LUMEAI_REAL_LLAMA", "cut.gguf")
    return folder


@pytest.fixture(scope="module")
def llama_small(tmp_path_factory: pytest.TempPathFactory, llama: Path) -> Iterator[Server]:
    """A whole small model whose window no agent fits into; one that never stops is stopped after 128 tokens."""
    folder = tmp_path_factory.mktemp("small")
    with real_llama(folder, llama, llama / "whole.gguf", context=SMALL_WINDOW, longest=128) as server:
        yield server


@pytest.fixture(scope="module")
def llama_long(tmp_path_factory: pytest.TempPathFactory, llama: Path) -> Iterator[Server]:
    """The model of two layers with a window for agents; it says a few small words, never the same."""
    folder = tmp_path_factory.mktemp("long")
    with real_llama(folder, llama, llama / "cut.gguf", context=LONG_WINDOW, grammar=FEW_WORDS) as server:
        yield server


@pytest.fixture(scope="module")
def examine(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Examination]:
    """Runs the doctor in a home folder that the tests of one file share."""
    folder = tmp_path_factory.mktemp("doctor")

    def run(*arguments: str, **environment: str) -> Examination:
        return run_doctor(folder, *arguments, **environment)

    return run


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """The proxy in front of these servers, in this order; started once for the same ones with the same settings."""
    started: dict[tuple[object, ...], Server] = {}
    with ExitStack() as stack:

        def start(*backends: Server | str, arguments: tuple[str, ...] = (), **environment: str) -> Server:
            urls = [each if isinstance(each, str) else each.url for each in backends]
            named = tuple(word for url in urls for word in ("--backend", url)) + arguments
            wanted = (named, *sorted(environment.items()))
            if wanted not in started:
                folder = tmp_path_factory.mktemp("serve")
                started[wanted] = stack.enter_context(real_serve(folder, *named, **environment))
            return started[wanted]

        yield start
