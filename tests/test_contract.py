"""What users and programs rely on stands in the docs, in the program's own help, and in both by the same name.

The facts are kept here as data, by hand: whoever changes one of them in the program or in the docs alone hears of it.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lumeai_cli.clients.outcome import OutcomeKind
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.diagnoses.catalogue import CATALOGUE
from lumeai_cli.diagnoses.finding import Certainty, Severity
from lumeai_cli.doctor.probe import PROBES
from lumeai_cli.doctor.result import ProbeStatus
from lumeai_cli.flow.refusal import MEANINGS
from lumeai_cli.repair.step import REPAIRS
from lumeai_cli.settings import KeysSettings, ServeSettings
from tests.docs import diagnoses

ROOT = Path(__file__).parents[1]


def words(text: str) -> tuple[str, ...]:
    """Names with white space between them."""
    return tuple(text.split())


# --- the facts --------------------------------------------------------------------------------------------------------

DIAGNOSES = words("""
    connection-refused dns-failure connect-timeout tls-failure connection-reset proxy-intercepts-loopback
    base-url-missing-v1 base-url-doubled-path endpoint-not-found html-instead-of-api redirected not-an-llm-api
    key-missing key-rejected forbidden model-not-found models-list-proves-nothing body-too-large unsupported-parameter
    json-for-stream sse-for-plain ndjson-for-sse wrong-content-type error-in-200 unframed-error-in-stream
    server-error rate-limited quota-exhausted quota-text-as-answer zero-events done-only single-newline-framing
    unterminated-last-event broken-json-frame silence-cut stream-cut missing-finish-reason missing-done no-choices
    message-instead-of-delta legacy-function-call legacy-text-field content-not-a-string bad-chunk-schema
    role-only-stream empty-answer intermittent-empty output-budget-spent reasoning-only think-tag-swallows-answer
    content-filtered refusal-only context-window-small context-exceeded context-truncated tools-unsupported
    tool-parser-off tools-ignored tool-protocol-mismatch tool-call-as-text tool-call-missing-id
    tool-call-missing-index tool-call-missing-name tool-arguments-not-json tool-arguments-not-string
    finish-tool-calls-without-call tool-result-rejected canned-answer plain-text-instead-of-tool slow-first-byte
    buffered-stream gateway-drops-answer g4f-hides-cause g4f-drops-repeated-turns g4f-cuts-history g4f-rewrites-tools
    g4f-server-extra-missing g4f-open-to-network
""")
"""The names that were promised; more may be added, none goes."""

CLIENTS = words("kilo-xml kilo-native kilo7 roo cline cline-xml opencode qwen-code continue aider openai-sdk langchain")

OPTIONS = words("""
    --model --api-key-env --client --prompt-chars --quick --budget --only --skip --list-probes --repeat --slow-after
    --via --timeout --insecure --record --replay --format --output --exit-zero --demo --config --lang --color -v -q
""")
"""Of `lumeai doctor`."""

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "doctor": (),
    "serve": words("--host --port --backend --workers --check --api-key-env --config --lang -q"),
    "keys": words("create list show set revoke rotate delete usage verify"),
    "explain": ("--list", "--lang"),
    "lab": ("list", "serve"),
    "config": ("init", "check", "show"),
}
"""Every command with what its help must name."""

VARIABLES = words("""
    LUMEAI_LANG LC_ALL LANG LUMEAI_HOME NO_COLOR FORCE_COLOR OPENAI_API_KEY OPENAI_BASE_URL ANTHROPIC_API_KEY
    ANTHROPIC_BASE_URL LUMEAI_BASE_URL LUMEAI_API_KEY OLLAMA_BASE_URL OLLAMA_HOST
""")

PLACES = words(
    "127.0.0.1:1337 127.0.0.1:11434 127.0.0.1:8080 127.0.0.1:1234 127.0.0.1:8000 127.0.0.1:5863 127.0.0.1:5864"
)
"""Where a local server is looked for: G4F, Ollama, llama-server, LM Studio, vLLM; and where proxy and lab answer."""

KEY_OPTIONS = words("--expires --models --backends --rpm --tokens-per-day --concurrent --grace --days --csv --yes")
KEY_FIELDS = words("""
    name key shown state created expires revoked last_used models backends rpm tokens_per_day concurrent older verdict
    flaw day requests failed cured prompt_tokens completion_tokens estimated_tokens seconds slowest errors
""")
"""Of `lumeai keys`, in its JSON."""

EXIT_CODES = words("0 1 2 3 130")

TOP_KEYS = words("schema_version lumeai started seconds targets")
TARGET_KEYS = words("name url kind model healthy verdict next findings clients probes")
VERDICT_KEYS = words("code name certainty summary fix explains")
FINDING_KEYS = words("code name severity certainty facts evidence")
EVIDENCE_KEYS = words("exchange start end at excerpt")
CLIENT_KEYS = words("outcome message because")
PROBE_KEYS = words("name status reason seconds prompt_tokens completion_tokens")
KINDS = words("g4f ollama openai anthropic lumeai llama-server lm-studio vllm builtin unknown")

SEVERITIES = words("error warning note")
CERTAINTIES = words("proven likely possible")
OUTCOMES = words("ok nudge empty error retry silent loop hang not-judged")
STATUSES = words("passed failed skipped not-judged crashed")

ROUTES = words("/v1/chat/completions /v1/models /v1/models/{id} /healthz /readyz")
HEADERS = words("x-lumeai-request-id x-lumeai-backend x-lumeai-repairs x-lumeai-diagnosis")

# --- what can be read -------------------------------------------------------------------------------------------------


@cache
def docs() -> str:
    """All that the project tells its users."""
    files = (ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md")))
    return "\n".join(file.read_text("utf-8") for file in files)


@cache
def said(*arguments: str) -> str:
    """What the program prints, in English, as wide as it likes."""
    env = {**os.environ, "LUMEAI_LANG": "en", "COLUMNS": "200", "NO_COLOR": "1"}
    run = subprocess.run(
        [sys.executable, "-P", "-m", "lumeai_cli", *arguments],
        capture_output=True,
        encoding="utf-8",
        env=env,
        cwd=ROOT,
        timeout=60,
        check=True,
    )
    return run.stdout


def stands(fact: str, text: str) -> bool:
    """Whether a text holds this word, not only as a part of another."""
    return re.search(rf"(?<![\w-]){re.escape(fact)}(?![\w-])", text) is not None


def schema() -> dict[str, Any]:
    """The JSON Schema of the report."""
    file = resources.files("lumeai_cli.report") / "report.schema.json"
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


# --- the docs ---------------------------------------------------------------------------------------------------------


KEYS = (TOP_KEYS, TARGET_KEYS, VERDICT_KEYS, FINDING_KEYS, EVIDENCE_KEYS, CLIENT_KEYS, PROBE_KEYS)


def facts() -> Iterator[tuple[str, str]]:
    """Every fact of the outside, with what it is."""
    yield from (("diagnosis", name) for name in (*DIAGNOSES, *CATALOGUE))
    yield from (("client", name) for name in (*CLIENTS, *PROFILES))
    yield from (("option", name) for name in OPTIONS)
    yield from (("command", f"lumeai {name}") for name in COMMANDS)
    yield from (("variable", name) for name in VARIABLES)
    yield from (("place", name) for name in PLACES)
    yield from (("key", name) for keys in KEYS for name in keys)
    yield from (("probe", name) for name in PROBES)
    yield from (("key", field.name) for field in fields(ServeSettings))
    yield from (("key", field.name) for field in fields(KeysSettings))
    yield from (("option", name) for name in KEY_OPTIONS)
    yield from (("key", name) for name in KEY_FIELDS)
    yield from (("route", name) for name in ROUTES)
    yield from (("header", name) for name in HEADERS)
    yield from (("refusal", code) for code in MEANINGS)
    yield from (("word", name) for name in (*SEVERITIES, *CERTAINTIES, *OUTCOMES, *STATUSES, *KINDS))


@pytest.mark.parametrize(("kind", "fact"), sorted(set(facts())))
def test_the_docs_tell(kind: str, fact: str) -> None:
    """By its exact name; a key, a probe and a word as code."""
    if kind in ("key", "probe", "word"):
        assert re.search(rf"[`\"]{re.escape(fact)}[`\"]", docs()), f"the docs do not tell the {kind} `{fact}`"
    else:
        assert stands(fact, docs()), f"the docs do not tell the {kind} {fact}"


def test_the_table_of_repairs_is_that_of_the_program() -> None:
    """Each with its reach and what it does, in the program's own order."""
    told = [(repair.name, repair.reach.value, repair.does) for repair in REPAIRS.values()]
    assert re.findall(r"^\| `([\w-]+)` \| (frame|tail|whole) \| (.*) \|$", docs(), re.MULTILINE) == told


@pytest.mark.parametrize("code", EXIT_CODES)
def test_the_docs_tell_the_exit_code(code: str) -> None:
    """In a table."""
    assert re.search(rf"^\| {code} \|", docs(), re.MULTILINE)


def test_the_docs_tell_which_exit_code_wins() -> None:
    """Of several targets."""
    assert "130 wins, then 2, 1, 3, 0" in docs()


def test_the_table_of_all_causes_is_up_to_date() -> None:
    """`scripts/docs` writes it."""
    assert diagnoses.FILE.read_text("utf-8") == diagnoses.text(), "run scripts/docs"


def test_the_table_of_probes_is_that_of_the_program() -> None:
    """Each with its kind, in the order in which they run."""
    listed = [tuple(line.split()) for line in said("doctor", "--list-probes").splitlines()]
    assert re.findall(r"^\| `([\w-]+)` \| (metadata|small|large) \|", docs(), re.MULTILINE) == listed


def test_the_sample_of_a_report_is_one() -> None:
    """It fits the schema."""
    (sample,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "reference.md").read_text("utf-8"), re.DOTALL)
    jsonschema.validate(json.loads(sample), schema())


def test_every_link_of_the_docs_leads_somewhere() -> None:
    """Within the project."""
    for file in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", file.read_text("utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target}"


# --- the program ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", OPTIONS)
def test_the_doctors_help_names(option: str) -> None:
    """What the docs promise."""
    assert stands(option, said("doctor", "--help"))


def test_the_doctor_has_no_option_that_is_not_told() -> None:
    """A new one is told here and in the docs."""
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", said("doctor", "--help")))
    assert named - {"--help", "--verbose", "--quiet"} == {name for name in OPTIONS if name.startswith("--")}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_programs_help_names(command: str) -> None:
    """The command, and in its own help what belongs to it."""
    assert stands(command, said("--help"))
    for word in COMMANDS[command]:
        assert stands(word, said(command, "--help"))


def test_the_program_has_no_command_that_is_not_told() -> None:
    """A new one is told here and in the docs."""
    listed = said("--help").partition("Commands:")[2]
    assert set(re.findall(r"^  (\w+)  ", listed, re.MULTILINE)) == COMMANDS.keys()


def test_every_promised_name_is_in_the_catalogue() -> None:
    """And is explained by it."""
    assert set(DIAGNOSES) <= CATALOGUE.keys()
    listed = said("explain", "--list")
    assert [name for name in DIAGNOSES if not stands(name, listed)] == []


def test_every_promised_client_is_judged() -> None:
    """No less, no more."""
    assert sorted(PROFILES) == sorted(CLIENTS)


def test_the_probes_are_listed_by_their_permanent_names() -> None:
    """As `--only` takes them."""
    assert [line.split()[0] for line in said("doctor", "--list-probes").splitlines()] == list(PROBES)


@pytest.mark.parametrize(
    ("told", "known"),
    [(SEVERITIES, Severity), (CERTAINTIES, Certainty), (OUTCOMES, OutcomeKind), (STATUSES, ProbeStatus)],
)
def test_the_words_of_a_report_are_these(told: tuple[str, ...], known: Any) -> None:
    """Programs compare them."""
    assert sorted(told) == sorted(item.value for item in known)


@pytest.mark.parametrize(
    ("part", "keys"),
    [
        ("", TOP_KEYS),
        ("target", TARGET_KEYS),
        ("verdict", VERDICT_KEYS),
        ("finding", FINDING_KEYS),
        ("evidence", EVIDENCE_KEYS),
        ("client", CLIENT_KEYS),
        ("probe", PROBE_KEYS),
    ],
)
def test_the_schema_requires(part: str, keys: tuple[str, ...]) -> None:
    """Every key that was promised."""
    one = schema() if not part else schema()["$defs"][part]
    assert set(keys) <= set(one["required"])


def test_the_schema_knows_the_kinds() -> None:
    """Of servers."""
    assert schema()["$defs"]["target"]["properties"]["kind"]["enum"] == list(KINDS)


def test_every_variable_that_the_program_reads_is_told() -> None:
    """Found in the source by its form."""
    source = "\n".join(file.read_text("utf-8") for file in (ROOT / "lumeai_cli").rglob("*.py"))
    read = set(re.findall(r"\"((?:LUMEAI|OLLAMA|OPENAI|ANTHROPIC|NO|FORCE)_[A-Z_]+)\"", source))
    assert read - {"LUMEAI_TRACEBACK", "NO_PROXY"} <= set(VARIABLES)
