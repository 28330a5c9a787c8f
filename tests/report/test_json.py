"""The report for programs: it keeps to its schema, and the schema to the contract."""

import io
import json
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lumeai_cli.backends.backend import Kind
from lumeai_cli.clients.outcome import OutcomeKind
from lumeai_cli.diagnoses.finding import Certainty, Severity
from lumeai_cli.doctor.result import ProbeStatus, Report
from lumeai_cli.report.json import document, render
from lumeai_cli.text.encoding import make_safe
from lumeai_cli.text.phrase import LANGUAGES

Make = Callable[..., Any]
both = pytest.mark.parametrize("language", LANGUAGES)

CONTRACT = {
    "report": "schema_version lumeai started seconds targets",
    "target": "name url kind model healthy verdict next findings clients probes",
    "verdict": "code name certainty summary fix explains",
    "finding": "code name severity certainty facts evidence",
    "evidence": "exchange start end at excerpt",
    "client": "outcome message because",
    "probe": "name status reason seconds prompt_tokens completion_tokens",
}
"""The keys that programs rely on."""

MORE = {"report": "demo interrupted notes", "target": "base notes"}
"""Keys that were added since."""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The schema that ships in the package."""
    text = (resources.files("lumeai_cli.report") / "report.schema.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def parts(told: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a report with the kind of thing it is."""
    yield "report", told
    for target in told["targets"]:
        yield "target", target
        if target["verdict"] is not None:
            yield "verdict", target["verdict"]
        for finding in target["findings"]:
            yield "finding", finding
            yield from (("evidence", one) for one in finding["evidence"])
        yield from (("client", one) for one in target["clients"].values())
        yield from (("probe", one) for one in target["probes"])


@both
def test_a_real_report_keeps_to_the_schema(examined: Report, schema: dict[str, Any], language: str) -> None:
    """What the doctor found in the lab, as text and back."""
    Draft202012Validator(schema).validate(json.loads(render(examined, language)))


@both
def test_whatever_a_report_may_hold_keeps_to_the_schema(
    every_kind: Report, schema: dict[str, Any], language: str
) -> None:
    """Crashed probes, interrupted runs, targets of which nothing is known."""
    Draft202012Validator(schema).validate(document(every_kind, language))


def test_a_report_of_nothing_keeps_to_the_schema(report: Make, schema: dict[str, Any]) -> None:
    """Exit code 3 comes with a report, too."""
    Draft202012Validator(schema).validate(document(report(), "en"))


def test_the_schema_is_one_and_says_what_a_wrong_report_is(every_kind: Report, schema: dict[str, Any]) -> None:
    """A schema that takes everything would prove nothing."""
    Draft202012Validator.check_schema(schema)
    for spoil in (
        lambda told: told.pop("schema_version"),
        lambda told: told["targets"][0].pop("healthy"),
        lambda told: told["targets"][0].update(kind="express"),
        lambda told: told["targets"][2]["verdict"].update(code="LUM1"),
        lambda told: told["targets"][2]["findings"][0].update(severity="fatal"),
        lambda told: told["targets"][0]["probes"][0].update(status="maybe"),
        lambda told: told["targets"][0]["clients"]["kilo7"].update(outcome="good"),
    ):
        told = document(every_kind, "en")
        spoil(told)
        assert not Draft202012Validator(schema).is_valid(told)


def test_the_keys_are_those_of_the_contract(every_kind: Report) -> None:
    """None missing; a new one is named here."""
    for kind, value in parts(document(every_kind, "en")):
        assert set(value) == set(f"{CONTRACT[kind]} {MORE.get(kind, '')}".split())


def test_the_schema_requires_what_the_contract_promises(schema: dict[str, Any]) -> None:
    """And describes every key that is written."""
    for kind, keys in CONTRACT.items():
        part = schema if kind == "report" else schema["$defs"][kind]
        assert part["required"] == keys.split()
        assert set(part["properties"]) == set(f"{keys} {MORE.get(kind, '')}".split())


def test_the_schema_knows_every_word_that_can_be_written(schema: dict[str, Any]) -> None:
    """A new kind, outcome, status, severity or certainty goes into the schema, too."""
    defs = schema["$defs"]
    assert set(defs["target"]["properties"]["kind"]["enum"]) == {kind.value for kind in Kind}
    assert set(defs["client"]["properties"]["outcome"]["enum"]) == {kind.value for kind in OutcomeKind}
    assert set(defs["probe"]["properties"]["status"]["enum"]) == {status.value for status in ProbeStatus}
    assert set(defs["severity"]["enum"]) == {severity.value for severity in Severity}
    assert set(defs["certainty"]["enum"]) == {certainty.value for certainty in Certainty}


def test_only_sentences_follow_the_language(every_kind: Report) -> None:
    """Keys, codes, names and facts are the same for every program."""
    sentences = {"summary", "fix", "message", "reason", "notes"}

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: bare(item) for key, item in value.items() if key not in sentences}
        return [bare(item) for item in value] if isinstance(value, list) else value

    en, ru = (document(every_kind, language) for language in LANGUAGES)
    assert bare(en) == bare(ru)
    assert en["targets"][2]["verdict"]["summary"] != ru["targets"][2]["verdict"]["summary"]


def test_what_is_not_known_is_null_and_not_an_empty_text(every_kind: Report) -> None:
    """`because` and `verdict` and `model` and `healthy`."""
    told = document(every_kind, "en")["targets"]
    assert told[0]["clients"]["kilo-xml"] == {"outcome": "ok", "message": "", "because": None}
    assert (told[0]["verdict"], told[3]["model"], told[3]["healthy"]) == (None, None, None)


def test_a_probe_without_a_reason_has_an_empty_one(every_kind: Report) -> None:
    """It is always a text."""
    assert document(every_kind, "en")["targets"][0]["probes"][0]["reason"] == ""


def test_russian_is_readable_or_escaped_as_the_stream_allows(every_kind: Report) -> None:
    """Both forms say the same."""
    readable, escaped = render(every_kind, "ru"), render(every_kind, "ru", ascii_only=True)
    assert "сервер" in readable.lower()
    assert escaped.isascii()
    assert json.loads(readable) == json.loads(escaped)
    assert readable.endswith("}\n")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1251", "cp866"])
def test_half_a_surrogate_pair_reaches_the_other_side_as_json(
    rated: Make, sick: Make, report: Make, encoding: str
) -> None:
    """A server may send one; the report is JSON all the same."""
    spoilt = report(sick(rated(said="half \ud83d", excerpt="half \\ud83d"), message="half \udcff", model="m\ud800"))
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    make_safe(stream)
    stream.write(render(spoilt, "ru", ascii_only=encoding != "utf-8"))
    stream.flush()
    assert json.loads(raw.getvalue().decode(encoding))["targets"][0]["healthy"] is False
