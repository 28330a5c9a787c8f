"""What is asked for how many tokens, and what the report says of the rest."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from lumeai_cli.doctor.probe import PROBES
from lumeai_cli.doctor.result import ProbeStatus
from tests.doctor.capable import counted, forgetful, prompt_tokens, serving, uncounted
from tests.doctor.conftest import outcome
from tests.doctor.raw import Act, Request, raw_server
from tests.doctor.reports import names, status
from tests.doctor.seen import Seen, see

pytestmark = pytest.mark.usefixtures("patient")


def spent(seen: Seen) -> int:
    """What the server would bill for everything that it was sent, an answer being nine tokens."""
    return sum(prompt_tokens(body) + 9 for body in seen.bodies())


def test_a_budget_of_nothing_buys_metadata() -> None:
    seen = see(serving(counted), budget=0)
    assert seen.bodies() == []
    assert seen.report.healthy is None
    assert status(seen.report, "stream") == (ProbeStatus.NOT_JUDGED, "skip-budget")
    for result in seen.report.probes:
        if PROBES[result.name].tokens:
            assert result.status in (ProbeStatus.NOT_JUDGED, ProbeStatus.SKIPPED)
            assert result.reason is not None


@pytest.mark.parametrize("budget", [1, 10, 20, 50, 100, 300, 500, 700, 1_000, 3_000])
def test_small_questions_that_go_out_together_share_the_budget(budget: int) -> None:
    """What is still being answered is booked as estimated: a token for four characters."""
    seen = see(serving(counted), budget=budget)
    assert sum(one.asked.prompt_chars // 4 for one in seen.exchanges) <= budget


@pytest.mark.parametrize(
    ("budget", "left_out"), [(14_000, {"agent-xml", "agent-native"}), (20_000, {"agent-native"}), (40_000, set())]
)
def test_what_the_budget_has_no_room_for_is_not_judged(budget: int, left_out: set[str]) -> None:
    seen = see(serving(counted), budget=budget)
    cut = {result.name for result in seen.report.probes if result.reason and result.reason.key == "skip-budget"}
    assert cut == left_out
    assert all(status(seen.report, probe)[0] is ProbeStatus.NOT_JUDGED for probe in cut)
    assert not cut & set(seen.asked)
    assert spent(seen) <= budget


def test_a_question_that_an_answer_gives_reason_to_ask_costs_too() -> None:
    """After both agents' requests there is room for the control, and none for another prompt of that size."""
    seen = see(serving(forgetful), budget=45_000)
    assert len(seen.of("recall")) == 1
    assert status(seen.report, "recall") == (ProbeStatus.NOT_JUDGED, "skip-budget")
    assert "context-truncated" not in names(seen.report)


def test_elsewhere_the_usual_budget_is_enough_for_a_healthy_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """60,000 tokens where nobody names another number; a proxy plays the other machine."""

    def far(request: Request) -> Iterable[bytes | Act]:
        assert request.path.startswith("http://api.invalid/v1/")
        yield from serving(uncounted)(replace(request, path=request.path.removeprefix("http://api.invalid")))

    with raw_server(far) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        [report] = outcome("http://api.invalid/v1").report.targets
        asked = [prompt_tokens(request.json) for request in proxy.requests if request.method == "POST"]
    assert report.healthy is True
    assert not [result for result in report.probes if result.reason and result.reason.key == "skip-budget"]
    assert sum(asked) < 60_000
