"""Which room may import which library: one gate for each, so that replacing one touches one room.

Who may import whom among lumeai's own rooms is import-linter's part (`scripts/test` runs it).
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lumeai_cli"

GATES = {
    "aiohttp": ("transport",),
    "httpx": ("transport",),
    "yaml": ("settings",),
    "platformdirs": ("settings",),
    "rich": ("report", "cli"),
    "typer": ("cli",),
    "starlette": ("proxy",),
    "uvicorn": ("proxy",),
    "httptools": (),
    "uvloop": (),
    "json_repair": ("repair",),
    "jsonschema": ("repair",),
    "referencing": ("repair",),
}
"""Library: the rooms that may import it. uvicorn takes httptools and uvloop by itself."""

PURE = ("wire", "clients", "diagnoses", "backends", "repair", "flow", "text")
"""Rooms that read values and neither touch the world nor the clock."""

WORLDLY = {"asyncio", "socket", "ssl", "subprocess", "threading", "time", "urllib.request", "http.client"}


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(path: Path) -> str:
    """The first folder below the package; empty for the modules beside the rooms."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


MODULES = sorted(PACKAGE.rglob("*.py"))


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 60
    assert "httpx" in set(imports(PACKAGE / "transport" / "httpx_engine.py"))


@pytest.mark.parametrize("library", GATES)
def test_a_library_has_one_gate(library: str) -> None:
    used = {room(path) for path in MODULES if any(name.split(".")[0] == library for name in imports(path))}
    assert used <= set(GATES[library])


def test_every_dependency_has_a_gate_here() -> None:
    """A new one has to say where it may be used, and there are no others than those declared."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    names = {name.split(">")[0].split("=")[0].lower().replace("pyyaml", "yaml").replace("-", "_") for name in declared}
    assert names == GATES.keys()


def test_nothing_undeclared_is_imported() -> None:
    known = {*sys.stdlib_module_names, "lumeai_cli", *GATES}
    foreign = {name.split(".")[0] for path in MODULES for name in imports(path)} - known
    assert foreign == set()


@pytest.mark.parametrize("name", PURE)
def test_a_room_of_values_touches_nothing(name: str) -> None:
    found = {(path.stem, module) for path in MODULES if room(path) == name for module in imports(path)}
    assert {(stem, module) for stem, module in found if module in WORLDLY} == set()


def test_the_wire_needs_the_standard_library_alone() -> None:
    known = {*sys.stdlib_module_names, "lumeai_cli"}
    names = {name for path in MODULES if room(path) == "wire" for name in imports(path)}
    assert {name.split(".")[0] for name in names} <= known
    assert all(name.startswith("lumeai_cli.wire") for name in names if name.startswith("lumeai_cli"))


def test_only_the_rim_catches_everything() -> None:
    """`except Exception` stands where a report or an answer must be written whatever happens, and where a library runs
    on a stranger's schema.
    """
    proxy = {"proxy/endpoint.py", "proxy/directory.py", "proxy/server.py", "admission/books.py", "keys/watch.py"}
    rims = {"cli/app.py", "doctor/run.py", "lab/server.py", "repair/schema.py", *proxy}
    catching = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
    }
    assert catching <= rims
