"""`--via`: a server and its gateway are asked the same, by a real process, and compared."""

import pytest

from lumeai_cli.lab import LabServer
from tests.cli.process import Home, Run

AGENTS = ("agent-xml", "agent-native")


def compared(home: Home, direct: str, via: str, *more: str) -> Run:
    """The report on a server and its gateway, at these URLs."""
    return home.doctor(direct, "--via", via, *more)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, lab: LabServer) -> tuple[Run, str]:
    """A whole comparison by a real process, and its recording."""
    home = Home(tmp_path_factory.mktemp("via"))
    done = compared(home, lab.url("healthy-plain"), lab.url("gateway-drops-answer"), "--record", "x.jsonl")
    return done, home.read("x.jsonl")


def test_a_gateway_that_drops_answers_is_named(whole: tuple[Run, str], lab: LabServer) -> None:
    done, _ = whole
    direct, gateway = done.targets
    assert done.exit_code == 1
    assert [direct["url"], gateway["url"]] == [lab.url("healthy-plain"), lab.url("gateway-drops-answer")]
    assert (direct["healthy"], direct["verdict"]) == (True, None)
    assert gateway["healthy"] is False
    assert (gateway["verdict"]["name"], gateway["verdict"]["certainty"]) == ("gateway-drops-answer", "proven")
    assert gateway["next"] == []


def test_both_are_asked_the_same(whole: tuple[Run, str]) -> None:
    """But for what an answer, or the lack of one, gives reason to ask."""
    direct, gateway = ({probe["name"] for probe in one["probes"] if probe["seconds"]} for one in whole[0].targets)
    assert {"models", "stream", "plain", "other-prompt", "tool-xml", "tool-native", *AGENTS} <= direct & gateway


def test_the_finding_says_what_lies_behind_what(whole: tuple[Run, str], lab: LabServer) -> None:
    [facts] = [one["facts"] for one in whole[0].targets[1]["findings"] if one["name"] == "gateway-drops-answer"]
    assert (facts["via"], facts["behind"]) == (lab.url("gateway-drops-answer"), lab.url("healthy-plain"))


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_text_names_both(language: str, home: Home, lab: LabServer) -> None:
    urls = (lab.url("healthy-plain"), "--via", lab.url("gateway-drops-answer"))
    done = home.lumeai("doctor", *urls, "--quick", "--lang", language, COLUMNS="200")
    assert done.exit_code == 1
    assert lab.url("healthy-plain") in done.stdout
    assert lab.url("gateway-drops-answer") in done.stdout
    assert "gateway-drops-answer" in done.stdout.replace(lab.url("gateway-drops-answer"), "")


def test_without_via_the_same_server_is_judged_by_itself(inside: Home, lab: LabServer) -> None:
    """Nobody can know then that an answer was lost."""
    done = inside.doctor(lab.url("gateway-drops-answer"), "--quick")
    assert done.exit_code == 1
    assert done.verdict not in (None, "gateway-drops-answer")


@pytest.mark.parametrize("via", ["healthy-crlf", "healthy-comments", "healthy-gzip"])
def test_a_good_gateway_is_good(via: str, inside: Home, lab: LabServer) -> None:
    done = compared(inside, lab.url("healthy-plain"), lab.url(via), "--quick")
    assert (done.exit_code, [target["verdict"] for target in done.targets]) == (0, [None, None])


@pytest.mark.parametrize("name", ["empty-answer", "server-error", "key-missing"])
def test_a_gateway_is_not_blamed_for_what_lies_behind_it(
    name: str, inside: Home, lab: LabServer, own_lab: LabServer
) -> None:
    """An answer that was never there was not dropped: both have the same fault."""
    done = compared(inside, lab.url(name), own_lab.url(name), "--quick")
    assert done.exit_code == 1
    assert [target["verdict"]["name"] for target in done.targets] == [name, name]


def test_a_gateway_that_nobody_listens_at_drops_nothing(inside: Home, lab: LabServer) -> None:
    done = inside.doctor(lab.url("healthy-plain"), "--via", "http://gateway.invalid/v1", "--quick")
    assert (done.exit_code, [target["healthy"] for target in done.targets]) == (1, [True, False])
    assert done.targets[1]["verdict"]["name"] == "dns-failure"


# --- recordings -------------------------------------------------------------------------------------------------------


def test_a_recording_gives_the_same_verdict(whole: tuple[Run, str], home: Home) -> None:
    live, recording = whole
    home.write("x.jsonl", recording)
    again = home.doctor("--replay", "x.jsonl")
    assert (again.exit_code, again.stderr) == (live.exit_code, "")
    for one, other in zip(live.targets, again.targets, strict=True):
        for key in ("name", "url", "base", "kind", "model", "healthy", "verdict", "next", "findings", "clients"):
            assert one[key] == other[key], key


# --- what makes no sense ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "exactly one target"),
        (["http://127.0.0.1:9/v1", "http://127.0.0.1:10/v1"], "exactly one target"),
        (["http://127.0.0.1:11/v1"], "the same URL"),
        (["http://127.0.0.1:11"], "the same URL"),
        (["http://127.0.0.1:11/v1/"], "the same URL"),
        (["--replay", "x.jsonl"], "it takes no target"),
        (["--demo"], "own specimens"),
    ],
    ids=["nobody", "two", "itself", "itself without /v1", "itself with a slash", "a recording", "the demonstration"],
)
@pytest.mark.parametrize("language", ["en", "ru"])
def test_what_cannot_be_compared_is_refused(arguments: list[str], said: str, language: str, inside: Home) -> None:
    inside.write("x.jsonl", "")
    done = inside.lumeai("doctor", *arguments, "--via", "http://127.0.0.1:11/v1", "--lang", language)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert (said in done.stderr) is (language == "en")
