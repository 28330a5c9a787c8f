"""The bench of endurance, in short: what it would find is found here, too, and it finds what it is made to find."""

import asyncio
import importlib.util
import os
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

PLACE = Path(__file__).parents[2] / "bench" / "endurance.py"


@pytest.fixture(scope="module")
def endurance() -> ModuleType:
    spec = importlib.util.spec_from_file_location("endurance", PLACE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["endurance"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="it reads /proc")  # noqa: PTH112  # before any test
def test_three_hundred_requests_leave_nothing_behind(endurance: ModuleType) -> None:
    result = asyncio.run(endurance.endure(300, 16, 2))
    assert result.leaks == [], endurance.told(result)
    assert result.restarts == 3
    assert result.outcomes.total() == 300
    assert result.outcomes["answered"] > 100
    assert result.outcomes["left"] > 20


def test_what_is_left_behind_is_found(endurance: ModuleType) -> None:
    clean = endurance.Figures(2, 0, 0, 14, 60_000)
    outcomes = Counter({"answered": 3})
    assert endurance.Result(clean, clean, clean, 0, 0, 1.0, outcomes, 0).leaks == []
    worse = endurance.Figures(3, 1, 1, 15, 90_000)
    leaks = endurance.Result(clean, clean, worse, 2, 0, 1.0, Counter({"hang (x)": 1, "nothing (y)": 1}), 1).leaks
    assert len(leaks) == 9


@pytest.mark.parametrize(
    ("answer", "stream", "word"),
    [
        (b"", True, "nothing"),
        (b"HTTP/1.1 200 OK\r\n\r\n5\r\ndata: [DONE]\n\n\r\n0\r\n\r\n", True, "answered"),
        (b"HTTP/1.1 200 OK\r\n\r\n5\r\ndata: {}\n\n\r\n0\r\n\r\n", True, "half an answer"),
        (b"HTTP/1.1 200 OK\r\n\r\n5\r\ndata: [DONE]\n\n\r\n", True, "half an answer"),
        (b'HTTP/1.1 200 OK\r\n\r\n5\r\ndata: {"error":{"message":"x"}}\n\n\r\n0\r\n\r\n', True, "error in the stream"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"choices":[]}', False, "answered"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"choices":[', False, "half an answer"),
        (b'HTTP/1.1 422 No\r\n\r\n{"error":{"message":"x"}}', False, "error 422"),
        (b"HTTP/1.1 500 No\r\n\r\nInternal Server Error", False, "nothing"),
    ],
)
def test_an_answer_is_called_what_it_is(answer: bytes, word: str, endurance: ModuleType, *, stream: bool) -> None:
    assert endurance.judged(answer, stream=stream) == word
