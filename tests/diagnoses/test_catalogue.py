"""The catalogue as a whole: each name has a code, a page in two languages, a case that shows it, and a specimen."""

import asyncio
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from lumeai_cli.backends.backend import Backend, Kind
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.diagnoses import case as probes
from lumeai_cli.diagnoses.case import Case, G4fInstall, Machine
from lumeai_cli.diagnoses.catalogue import CATALOGUE, findings_of, named
from lumeai_cli.diagnoses.code import RETIRED, reserved
from lumeai_cli.diagnoses.content import UNEXPLAINED
from lumeai_cli.diagnoses.diagnosis import EVERYTHING
from lumeai_cli.diagnoses.finding import Fact, Severity
from lumeai_cli.diagnoses.page import HEADINGS, fill, page, parse
from lumeai_cli.doctor.cause import conclude
from lumeai_cli.doctor.examine import Round, examine
from lumeai_cli.doctor.options import Options
from lumeai_cli.doctor.result import Rated, Report, TargetReport
from lumeai_cli.doctor.target import target_of
from lumeai_cli.lab import SPECIMENS, running_lab
from lumeai_cli.lab.content import CANNED
from lumeai_cli.report.json import document
from lumeai_cli.text.phrase import LANGUAGES
from lumeai_cli.wire.exchange import Asked, Chunk, Dialect, Ending, EndingKind, Exchange
from lumeai_cli.wire.reading import Reading, read

NAMES = tuple(CATALOGUE)
every = pytest.mark.parametrize("name", NAMES)
both = pytest.mark.parametrize("language", LANGUAGES)

PLACE = re.compile(r"\{\{(\w+)")
GIVEN = "http://127.0.0.1:8080/v1"
SSE, JSON, HTML = "text/event-stream", "application/json", "text/html"


def reading(
    probe: str = probes.STREAMED,
    body: bytes = b"",
    status: int | None = 200,
    label: str = SSE,
    ending: EndingKind = EndingKind.CLEAN,
    *,
    at: float = 0.5,
    headers: tuple[tuple[str, str], ...] = (),
    **asked: Any,
) -> Reading:
    """One answer to one probe."""
    shape = {"stream": probe != probes.PLAIN, "url": f"{GIVEN}/chat/completions", "model": "m", **asked}
    chunks = (Chunk(at, body),) if body else ()
    detail = "8388608" if ending is EndingKind.OVERFLOW else f"{ending.value} as the system says it"
    end = Ending(ending, at, detail)
    return read(Exchange("e", Asked(probe, **shape), status, (("content-type", label), *headers), at, chunks, end))


def case(*readings: Reading, **fields: Any) -> Case:
    """All that was read of one target, its exchanges numbered."""
    numbered = tuple(replace(one, exchange=f"e{number}") for number, one in enumerate(readings, 1))
    return Case(**{"given": GIVEN, "base": GIVEN, "model": "m", "models": ("m", "n"), "readings": numbered, **fields})


def sse(*values: object) -> bytes:
    """A stream of these chunks, with `[DONE]`."""
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values) + b"data: [DONE]\n\n"


def delta(said: Mapping[str, object], finish: str | None = None) -> dict[str, Any]:
    """One chunk of a stream."""
    return {"id": "c", "choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def text(said: str) -> bytes:
    """A sound stream with this text."""
    return sse(delta({"role": "assistant"}), delta({"content": said}), delta({}, "stop"))


def whole(said: str) -> bytes:
    """A sound JSON completion with this text."""
    return json.dumps(
        {"choices": [{"message": {"role": "assistant", "content": said}, "finish_reason": "stop"}]}
    ).encode()


def error(message: str, **more: object) -> bytes:
    """A JSON error body."""
    return json.dumps({"error": {"message": message, "type": "invalid_request_error", **more}}).encode()


def counted(probe: str, tokens: int, characters: int, **asked: Any) -> Reading:
    """A sound answer to a prompt of so many characters, for which the server counts so many tokens."""
    body = sse(delta({"content": "maple"}), {**delta({}, "stop"), "usage": {"prompt_tokens": tokens}})
    return reading(probe, body, prompt_chars=characters, **asked)


def calling(finish: str = "tool_calls", **changes: object) -> bytes:
    """A stream with one native call; a field set to None goes."""
    whole_call = {
        "index": 0,
        "id": "c1",
        "type": "function",
        "function": {"name": "read", "arguments": "{}"},
        **changes,
    }
    entry = {key: value for key, value in whole_call.items() if value is not None}
    return sse(delta({"role": "assistant"}), delta({"tool_calls": [entry]}), delta({}, finish))


def function(**fields: object) -> bytes:
    """A stream with one native call whose function has these fields."""
    return calling(function=fields)


def unreached(ending: EndingKind) -> Case:
    """Nothing listens there, or nobody can be found."""
    return case(reading(probes.CONNECT, status=None, ending=ending), given="https://host.example/v1")


NO_ROUTE = reading(probes.VARIANT, b'{"detail": "Not Found"}', 404, JSON)
DETOUR = reading(probes.PROXY, b"", None, ending=EndingKind.PROXY, stream=False)
TOOLED = {"xml_tools": ("read_file",), "wants_tool": True}
NATIVE = {"tools": ("read",), "wants_tool": True}


def native(body: bytes, status: int = 200, label: str = SSE) -> Case:
    """The answer to a request with native tools, beside a sound one to a plain question."""
    return case(reading(body=text("maple")), reading(probes.TOOL_NATIVE, body, status, label, **NATIVE))


WINDOW = "This model's maximum context length is 8192 tokens. However, your messages resulted in 18210 tokens."

SHOWN: Mapping[str, Case] = {
    "proxy-intercepts-loopback": case(
        reading(probes.MODELS, b'{"data": []}', 200, JSON),
        DETOUR,
        reading(body=text("maple")),
        machine=Machine(proxy_variable="HTTP_PROXY", proxy="http://proxy.example:3128"),
    ),
    "dns-failure": unreached(EndingKind.DNS),
    "connection-refused": unreached(EndingKind.REFUSED),
    "connect-timeout": unreached(EndingKind.CONNECT_TIMEOUT),
    "tls-failure": unreached(EndingKind.TLS),
    "connection-reset": case(reading(status=None, ending=EndingKind.RESET)),
    "not-http": case(reading(status=None, ending=EndingKind.PROTOCOL)),
    "proxy-failure": case(reading(status=None, ending=EndingKind.PROXY), given="https://host.example/v1"),
    "no-answer": case(reading(status=None, ending=EndingKind.TIMEOUT_FIRST, at=60.0)),
    "endless-answer": case(reading(body=text("and so on"), ending=EndingKind.OVERFLOW)),
    "base-url-missing-v1": case(
        NO_ROUTE, reading(probes.VARIANT, text("maple")), given="http://127.0.0.1:8080", base=GIVEN
    ),
    "base-url-doubled-path": case(
        NO_ROUTE, reading(probes.VARIANT, text("maple")), given=f"{GIVEN}/chat/completions", base=GIVEN
    ),
    "base-url-extra-v1": case(
        NO_ROUTE,
        reading(probes.VARIANT, text("maple")),
        given="http://127.0.0.1:8080/api/v1",
        base="http://127.0.0.1:8080/api",
    ),
    "endpoint-not-found": case(NO_ROUTE, NO_ROUTE),
    "html-instead-of-api": case(reading(probes.VARIANT, b"<title>Sign in</title>", 200, HTML)),
    "redirected": case(reading(probes.VARIANT, b"", 308, "", headers=(("location", "/login"),))),
    "not-an-llm-api": case(reading(probes.VARIANT, b'{"status": "ok"}', 200, JSON)),
    "key-missing": case(reading(body=error("no key"), status=401, label=JSON)),
    "key-rejected": case(reading(body=error("bad key"), status=401, label=JSON, key_sent=True)),
    "forbidden": case(reading(body=error("not in your country"), status=403, label=JSON)),
    "model-not-found": case(reading(body=error("model 'm' not found"), status=404, label=JSON)),
    "body-too-large": case(
        reading(body=text("maple"), body_bytes=300),
        reading(probes.AGENT_XML, b"", 413, "", body_bytes=72_600, **TOOLED),
    ),
    "json-for-stream": case(
        reading(body=whole("maple"), label=JSON), reading(probes.PLAIN, whole("maple"), label=JSON)
    ),
    "sse-for-plain": case(reading(body=text("maple")), reading(probes.PLAIN, text("maple"))),
    "ndjson-for-sse": case(
        reading(body=b'{"choices": [{"delta": {"content": "a"}}]}\n' * 2, label="application/x-ndjson")
    ),
    "wrong-content-type": case(reading(body=text("maple"), label=JSON)),
    "error-in-200": case(reading(body=sse({"error": {"message": "quota", "type": "server_error", "code": 7}}))),
    "server-error": case(reading(body=error("worker 3 died"), status=500, label=JSON)),
    "rate-limited": case(reading(body=error("slow down"), status=429, label=JSON, headers=(("Retry-After", "2"),))),
    "request-refused": case(reading(body=error("temperature is not supported"), status=400, label=JSON)),
    "zero-events": case(reading(body=b": keep-alive\n\n")),
    "done-only": case(reading(body=sse())),
    "role-only-stream": case(reading(body=sse(delta({"role": "assistant"})))),
    "broken-json-frame": case(reading(body=b'data: {"choices": [{\n\n' + text("maple"))),
    "stream-cut": case(reading(body=text("maple")[:90], ending=EndingKind.CUT)),
    "reasoning-only": case(reading(body=sse(delta({"reasoning_content": "Hm."}), delta({}, "stop")))),
    "canned-answer": case(
        *(reading(probe, text("I am Bot.")) for probe in (probes.STREAMED, probes.OTHER)),
        reading(probes.TOOL_XML, text("I am Bot."), **TOOLED),
    ),
    "plain-text-instead-of-tool": case(
        reading(body=text("maple")), reading(probes.TOOL_XML, text("The file says hello."), **TOOLED)
    ),
    "empty-answer": case(reading(body=sse(delta({"content": ""}), delta({}, "stop")))),
    "slow-first-byte": case(reading(body=text("maple"), at=31.5)),
    UNEXPLAINED: case(reading(body=sse() + text("maple"))),
    "g4f-server-extra-missing": case(
        reading(probes.CONNECT, status=None, ending=EndingKind.REFUSED),
        kind=Kind.G4F,
        machine=Machine(g4f=(G4fInstall("/usr/lib/python3/site-packages", "8.8.6", ("uvicorn", "fastapi")),)),
    ),
    "g4f-hides-cause": case(
        reading(body=error("Request execution failed"), status=500, label=JSON),
        reading(probes.G4F_RAW, error("This provider allows 10000 characters"), label=JSON, stream=False),
    ),
    "unframed-error-in-stream": case(
        reading(body=sse(delta({"content": "Part"}))[:-14] + b'{"error": {"message": "worker died"}}\n\n')
    ),
    "quota-exhausted": case(reading(body=error("no money", code="insufficient_quota"), status=429, label=JSON)),
    "single-newline-framing": case(reading(body=text("maple").replace(b"\n\n", b"\n"))),
    "unterminated-last-event": case(reading(body=sse(delta({"content": "maple"}, "stop"))[:-16])),
    "silence-cut": case(
        replace(
            reading(body=text("maple")[:90], ending=EndingKind.CUT),
            ending=Ending(EndingKind.CUT, 60.2, "incomplete chunked read"),
        )
    ),
    "missing-finish-reason": case(reading(body=sse(delta({"content": "maple"})))),
    "missing-done": case(reading(body=text("maple")[:-14])),
    "no-choices": case(reading(body=sse({"id": "c", "object": "chat.completion.chunk"}))),
    "message-instead-of-delta": case(reading(body=sse(json.loads(whole("maple"))))),
    "legacy-function-call": native(
        sse(delta({"function_call": {"name": "read", "arguments": "{}"}}), delta({}, "function_call"))
    ),
    "legacy-text-field": case(reading(body=sse({"choices": [{"text": "maple", "finish_reason": "stop"}]}))),
    "content-not-a-string": case(
        reading(body=sse(delta({"content": [{"type": "text", "text": "maple"}]}), delta({}, "stop")))
    ),
    "bad-chunk-schema": case(reading(body=sse({**delta({"content": "a"}, "stop"), "usage": {"prompt_tokens": "9"}}))),
    "context-exceeded": native(error(WINDOW, code="context_length_exceeded"), 400, JSON),
    "context-truncated": case(
        counted(probes.STREAMED, 20, 40),
        counted(probes.TOOL_XML, 600, 2000, **TOOLED),
        counted(probes.AGENT_XML, 4096, 72_000, **TOOLED),
    ),
    "output-budget-spent": case(
        reading(
            body=sse(
                delta({"content": ""}),
                {**delta({}, "length"), "usage": {"prompt_tokens": 9, "completion_tokens": 16}},
            )
        )
    ),
    "think-tag-swallows-answer": case(reading(body=text("<think>Hm. maple"))),
    "tools-unsupported": native(error("'m' does not support tools"), 400, JSON),
    "tool-parser-off": native(error('"auto" tool choice requires --enable-auto-tool-choice'), 400, JSON),
    "tool-protocol-mismatch": case(reading(body=text("maple")), reading(probes.TOOL_XML, calling(), **TOOLED)),
    "tool-call-as-text": native(text('<tool_call>\n{"name": "read", "arguments": {}}\n</tool_call>')),
    "tool-call-missing-id": native(calling(id=None)),
    "tool-call-missing-index": native(calling(index=None)),
    "tool-call-missing-name": native(function(arguments="{}")),
    "tool-arguments-not-json": native(function(name="read", arguments='{"a": ')),
    "tool-arguments-not-string": native(function(name="read", arguments={"a": 1})),
    "finish-tool-calls-without-call": native(sse(delta({"role": "assistant", "content": ""}), delta({}, "tool_calls"))),
    "intermittent-empty": case(reading(body=text("maple")), reading(body=text(""))),
    "content-filtered": case(reading(body=sse(delta({"content": ""}), delta({}, "content_filter")))),
    "refusal-only": case(reading(body=sse(delta({"refusal": "I cannot."}), delta({}, "stop")))),
    "quota-text-as-answer": case(reading(body=text("You have reached your daily limit. Upgrade to a paid plan."))),
    "models-list-proves-nothing": case(
        reading(probes.MODELS, b'{"data": [{"id": "m"}]}', 200, JSON, stream=False),
        reading(body=error("no key"), status=401, label=JSON),
    ),
    "unsupported-parameter": case(
        reading(body=text("maple")),
        reading(probes.TOOL_NATIVE, calling(), **NATIVE, parameters=("stream_options", "tool_choice")),
        reading(
            probes.PARAMETERS,
            error("Unknown parameter: 'parallel_tool_calls'"),
            400,
            JSON,
            **NATIVE,
            parameters=("stream_options", "tool_choice", "parallel_tool_calls"),
        ),
    ),
    "ollama-hides-error": case(
        reading(body=sse(delta({"role": "assistant", "content": ""}))[:-14]),
        reading(
            probes.OLLAMA_CHAT,
            b'{"error": "llama-server returned invalid tool call arguments"}\n',
            label="application/x-ndjson",
            dialect=Dialect.OLLAMA,
        ),
        kind=Kind.OLLAMA,
    ),
    "context-window-small": case(
        reading(body=text("maple")),
        reading(
            probes.WINDOW,
            b'{"models": [{"name": "m:latest", "context_length": 4096}]}',
            200,
            JSON,
            stream=False,
            url="http://127.0.0.1:8080/api/ps",
        ),
        reading(probes.AGENT_XML, sse(delta({"content": ""}), delta({}, "stop")), prompt_chars=72_000, **TOOLED),
        kind=Kind.OLLAMA,
    ),
    "tools-ignored": case(
        counted(probes.STREAMED, 20, 40),
        counted(probes.TOOL_NATIVE, 90, 700, **NATIVE),
        counted(probes.TOOL_ABSENT, 90, 200),
    ),
    "tool-result-rejected": case(
        reading(body=text("maple")),
        reading(probes.TOOL_NATIVE, calling(), **NATIVE),
        reading(probes.TOOL_RESULT, error("role 'tool' is not allowed"), 400, JSON, **NATIVE),
    ),
    "g4f-open-to-network": case(
        reading(probes.MODELS, b'{"data": [{"id": "m"}]}', 200, JSON, stream=False),
        reading(body=text("maple")),
        kind=Kind.G4F,
        machine=Machine(listening=("0.0.0.0",)),
    ),
    "g4f-drops-repeated-turns": case(
        counted(probes.G4F_REPEATS, 120, 700), counted(probes.G4F_REPEATS, 210, 701), kind=Kind.G4F
    ),
    "g4f-cuts-history": case(
        counted(probes.G4F_HISTORY, 300, 900), counted(probes.G4F_HISTORY, 600, 3600), kind=Kind.G4F
    ),
    "g4f-rewrites-tools": case(counted(probes.G4F_TOOLS, 70, 250), counted(probes.G4F_TOOLS, 105, 1750), kind=Kind.G4F),
    "gateway-drops-answer": case(
        reading(body=sse(delta({}, "stop"))), direct=(reading(body=text("maple")),), behind="http://127.0.0.1:1337/v1"
    ),
    "buffered-stream": case(
        replace(reading(body=sse(*map(delta, [{"content": "a"}] * 6), delta({}, "stop")), at=4.0), headers_at=0.1)
    ),
}
"""Hand-made cases of names: of all that no specimen shows, and of many more."""

WITHOUT_A_SPECIMEN = {
    "proxy-intercepts-loopback": "lies in the environment",
    "dns-failure": "a name that does not exist needs no server",
    "connection-refused": "a port where nobody listens needs no server",
    "connect-timeout": "an address that swallows packets cannot be served",
    "tls-failure": "the lab speaks plain HTTP",
    "not-http": "among the hostile ones: no-http",
    "proxy-failure": "needs a proxy of the environment",
    "no-answer": "among the hostile ones: silent, stall",
    "endless-answer": "among the hostile ones: endless-body",
    "base-url-doubled-path": "any specimen shows it under /v1/chat/completions",
    "key-rejected": "the lab takes every key",
    "slow-first-byte": "would cost every test run half a minute; healthy-slow with --slow-after shows it",
    UNEXPLAINED: "what the lab shows has a name",
    "models-list-proves-nothing": "a note beside key-missing; among the unlisted ones",
    "gateway-drops-answer": "takes two servers; the gateway is among the unlisted ones",
    "g4f-open-to-network": "lies in the way a G4F was started on this machine",
    "silence-cut": "a minute for each answer; among the unlisted ones",
    "g4f-server-extra-missing": "lies on this machine's disk",
}


# --- names and codes ----------------------------------------------------------------------------------------------


def test_codes_are_lum_and_three_digits_and_no_two_are_the_same() -> None:
    """A code stands in logs, headers and issues for ever."""
    codes = [entry.code for entry in CATALOGUE.values()]
    assert all(re.fullmatch(r"LUM\d{3}", code) for code in codes)
    assert len(set(codes)) == len(codes)
    assert codes == sorted(codes)


def test_no_code_is_given_that_was_given_up_or_is_kept() -> None:
    """It would mean two things; and what was given up leads somewhere."""
    codes = {entry.code for entry in CATALOGUE.values()}
    assert not codes & RETIRED.keys()
    assert not [code for code in codes if reserved(code)]
    assert set(RETIRED.values()) <= CATALOGUE.keys()


@pytest.mark.parametrize(("text", "kept"), [("LUM001", True), (" lum099 ", True), ("LUM101", False), ("LUM1", False)])
def test_which_codes_are_kept(text: str, kept: bool) -> None:  # noqa: FBT001 - a column of the table
    """For the proxy's own refusals."""
    assert reserved(text) is kept
    assert named(text) is None or not kept


def test_a_given_up_code_leads_to_what_stands_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old log still explains itself."""
    monkeypatch.setattr("lumeai_cli.diagnoses.code.RETIRED", {"LUM998": "json-for-stream"})
    assert named("lum998") is CATALOGUE["json-for-stream"]


@every
def test_a_name_is_kebab_case_and_finds_its_entry(name: str) -> None:
    """By name or code, in any case, with blanks around: that is how people type it."""
    entry = CATALOGUE[name]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert entry.name == name
    assert named(f" {name.upper()} ") is entry
    assert named(entry.code.lower()) is entry


@pytest.mark.parametrize("text", ["", "LUM", "LUM9999", "json", "json for stream"])
def test_what_is_neither_a_name_nor_a_code_finds_nothing(text: str) -> None:
    """No guessing here."""
    assert named(text) is None


@every
def test_what_it_explains_is_in_the_catalogue_and_is_not_itself(name: str) -> None:
    """A misspelt name would explain nothing, silently."""
    assert CATALOGUE[name].explains in (EVERYTHING, CATALOGUE[name].explains & CATALOGUE.keys() - {name})


def test_no_two_names_explain_each_other() -> None:
    """In a ring every one would be explained away, and no verdict would be left."""
    remaining = dict(CATALOGUE)
    while remaining:
        ends = {name for name, entry in remaining.items() if not _explained(entry.explains) & remaining.keys() - {name}}
        assert ends, f"a ring: {sorted(remaining)}"
        remaining = {name: entry for name, entry in remaining.items() if name not in ends}


def _explained(explains: frozenset[str]) -> frozenset[str]:
    return frozenset(CATALOGUE) if explains == EVERYTHING else explains


# --- pages --------------------------------------------------------------------------------------------------------


@every
@both
def test_every_name_has_a_page_with_one_to_four_cures(name: str, language: str) -> None:
    """The page parses, says what holds in one paragraph, and does not overwhelm."""
    found = page(name, language)
    assert tuple(heading for heading, _ in found.sections) == HEADINGS[language]
    assert all(body for _, body in found.sections)
    assert found.summary.endswith((".", "!", "?", "]]"))
    assert 1 <= len(found.fixes) <= 4
    assert all(fix.strip() for fix in found.fixes)


@both
def test_there_is_no_page_without_a_name(language: str) -> None:
    """A page that nobody can reach is a forgotten one."""
    from importlib import resources  # noqa: PLC0415 - needed here alone

    folder = resources.files("lumeai_cli.diagnoses") / "pages" / language
    assert {file.name for file in folder.iterdir()} == {f"{name}.md" for name in NAMES}


@every
def test_both_languages_say_the_same_with_the_same_facts(name: str) -> None:
    """The same placeholders in the summary and in the cures, and as many cures."""
    en, ru = (page(name, language) for language in LANGUAGES)
    assert set(PLACE.findall(en.summary)) == set(PLACE.findall(ru.summary))
    assert len(en.fixes) == len(ru.fixes)
    for one, other in zip(en.fixes, ru.fixes, strict=True):
        assert set(PLACE.findall(one)) == set(PLACE.findall(other))


@every
@both
def test_a_page_is_in_its_own_language(name: str, language: str) -> None:
    """A page that was copied and never translated does not count."""
    russian = len(re.findall("[а-яё]", page(name, language).markdown(name)))
    assert russian > 500 if language == "ru" else russian < 200


@every
@both
def test_code_blocks_are_closed_and_optional_pieces_hold_a_fact(name: str, language: str) -> None:
    """An open fence swallows the rest of the page; an optional piece without a fact would always stand."""
    found = page(name, language)
    for _, body in found.sections:
        assert len(re.findall(r"^\s*```", body, re.MULTILINE)) % 2 == 0
    whole_text = " ".join((found.summary, *(body for _, body in found.sections)))
    assert whole_text.count("[[") == whole_text.count("]]")
    assert all(PLACE.search(piece) for piece in re.findall(r"\[\[(.*?)\]\]", found.summary, re.DOTALL))


@pytest.mark.parametrize("name", sorted(SPECIMENS.keys() & CATALOGUE.keys()))
@both
def test_the_example_of_a_page_points_at_its_own_specimen(name: str, language: str) -> None:
    """What the reader can try is what the page is about."""
    assert f"http://127.0.0.1:5864/{name}/v1" in page(name, language).sections[4][1]


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", "title"),
        ("# other\n\n> Said.\n", "title"),
        ("# x\n\nNo quote.\n", "quoted sentence"),
        ("# x\n\n> Said.\n\n## Why\n\nSo.\n", "headings"),
    ],
)
def test_a_malformed_page_is_told_by_its_name(text: str, missing: str) -> None:
    """A mistake in a page is found by its file's name, not by a traceback."""
    with pytest.raises(ValueError, match=rf"en/x\.md.*{missing}"):
        parse("x", "en", text)


@pytest.fixture(scope="module")
def lab() -> Iterator[Round]:
    """All specimens of the lab, examined once by the real doctor."""
    with pytest.MonkeyPatch.context() as patch, running_lab(time_scale=0.05) as lab:
        for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.delenv(variable, raising=False)
            patch.delenv(variable.lower(), raising=False)
        targets = [target_of(Backend(name, lab.url(name))) for name in SPECIMENS]
        yield asyncio.run(examine(targets, Options(tuple(PROFILES.values())), lambda _name, _phrase: None))


@pytest.fixture(scope="module")
def report(lab: Round) -> Report:
    """What the doctor says of them."""
    return lab.report


# --- facts --------------------------------------------------------------------------------------------------------


def test_a_name_without_a_specimen_has_a_case_that_shows_it() -> None:
    """What the lab shows needs none here."""
    assert WITHOUT_A_SPECIMEN.keys() <= SHOWN.keys() <= CATALOGUE.keys()


def shown(name: str, lab: Round) -> tuple[Case, Rated]:
    """A case of this name, made by hand or met in the lab, and its finding in it."""
    of = SHOWN[name] if name in SHOWN else case_of(name, lab)
    conclusion = conclude(of, tuple(PROFILES.values()))
    found = [rated for rated in conclusion.findings if rated.finding.name == name]
    assert len(found) == 1, [rated.finding.name for rated in conclusion.findings]
    return of, found[0]


def case_of(name: str, lab: Round) -> Case:
    """What was read of the specimen that shows this name."""
    specimen = next(specimen for specimen in SPECIMENS.values() if specimen.shows == name)
    return next(found.case for target, found in lab.examined if target.name == specimen.name)


@every
def test_the_detector_fires_and_shows_its_evidence(name: str, lab: Round) -> None:
    """A finding names its exchanges, quotes a few of them, and its excerpts are short and harmless."""
    of, rated = shown(name, lab)
    known = {one.exchange: one for one in of.readings}
    assert rated.diagnosis is CATALOGUE[name]
    assert rated.finding.exchanges
    assert 1 <= len(rated.finding.evidence) <= 3
    for evidence in rated.finding.evidence:
        assert evidence.exchange in known
        assert 0 <= evidence.start <= evidence.end <= len(known[evidence.exchange].body)
        assert evidence.excerpt.isprintable()
        assert 0 < len(evidence.excerpt) <= 240


@every
@both
def test_the_page_asks_only_for_facts_that_the_detector_gives(name: str, language: str, lab: Round) -> None:
    """No `<placeholder>` is left in the sentence or in the cures."""
    of, rated = shown(name, lab)
    facts: dict[str, Fact] = {
        "url": of.given,
        "base": of.base,
        "model": of.model or "",
        "target": "x",
        **rated.finding.facts,
    }
    found = page(name, language)
    for piece in (found.summary, *found.fixes):
        filled = fill(piece, facts)
        assert not [place for place in PLACE.findall(piece) if f"<{place}>" in filled]
        assert "{{" not in filled
        assert "[[" not in filled.replace("[[ ", "")  # bash tests may stand in a cure


@every
def test_facts_are_plain_values(name: str, lab: Round) -> None:
    """They go into JSON as they are."""
    _, rated = shown(name, lab)
    assert all(isinstance(fact, str | int | float | bool) for fact in rated.finding.facts.values())
    assert json.loads(json.dumps(dict(rated.finding.facts))) == dict(rated.finding.facts)


@pytest.mark.parametrize(
    ("text", "facts", "said"),
    [
        ("{{a}} and {{b}}", {"a": 1, "b": "x"}, "1 and x"),
        ("{{bytes}} bytes", {"bytes": 72600}, "72,600 bytes"),
        ("{{b}}", {"b": True}, "True"),
        ("{{gone}}", {"a": 1}, "<gone>"),
        ("refused[[: {{said}}]].", {"said": "no"}, "refused: no."),
        ("refused[[: {{said}}]].", {"said": ""}, "refused."),
        ("refused[[ ({{status}})]].", {"status": 0}, "refused."),
        ("took[[ {{tokens}} tokens]].", {"tokens": -1}, "took."),
        ("one[[ {{a}}]][[ {{b}}]]", {"a": 1, "b": ""}, "one 1"),
        ("refused[[: {{said}}]].", {"other": 1}, "refused."),
        ("{{a}}", {"a": "{{b}} [[x]]", "b": 2}, "{{b}} [[x]]"),
        ("[[known: {{a}}||unknown]].", {"a": 1}, "known: 1."),
        ("[[known: {{a}}||unknown]].", {"a": ""}, "unknown."),
        ("[[known: {{a}}||unknown]].", {"b": 1}, "unknown."),
        ("[[known: {{a}}||unknown]].", {}, "unknown."),
        ("[[known: {{a}}]].", {}, "known: <a>."),
        ("{{n|byte|bytes}}", {"n": 1}, "1 byte"),
        ("{{n|byte|bytes}}", {"n": 72600}, "72,600 bytes"),
        ("{{n|byte|bytes}}", {"b": 1}, "<n> bytes"),
        ("took[[ {{n|token|tokens}}]].", {"n": -1}, "took."),
    ],
)
def test_how_facts_are_filled_in(text: str, facts: dict[str, Fact], said: str) -> None:
    """An unknown fact takes its optional piece with it; what a server said is never read as a placeholder."""
    assert fill(text, facts) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 байт"), (1, "1 байт"), (3, "3 байта"), (11, "11 байт"), (1495, "1495 байт"), (58543, "58\u00a0543 байта")],
)
def test_a_noun_goes_with_its_number(number: int, said: str) -> None:
    """In Russian there are three forms."""
    assert fill("{{n|байт|байта|байт}}", {"n": number}, "ru") == said


# --- the lab ------------------------------------------------------------------------------------------------------


def target(report: Report, name: str) -> TargetReport:
    """What was found out about this specimen."""
    return next(one for one in report.targets if one.name == name)


def test_a_diagnosis_has_a_specimen_or_a_reason_to_have_none() -> None:
    """And every sick specimen has the name of a diagnosis."""
    sick = {name for name, specimen in SPECIMENS.items() if not specimen.healthy}
    assert sick <= CATALOGUE.keys()
    shown_by_healthy_ones = {specimen.shows for specimen in SPECIMENS.values() if specimen.healthy} - {""}
    assert CATALOGUE.keys() - sick - shown_by_healthy_ones == WITHOUT_A_SPECIMEN.keys()


@pytest.mark.parametrize("name", [name for name, specimen in SPECIMENS.items() if not specimen.healthy])
def test_a_sick_specimen_yields_its_own_name(name: str, report: Report) -> None:
    """The verdict, with its sentence in both languages, and exit code 1."""
    found = target(report, name)
    assert found.verdict is not None
    assert found.verdict.rated.finding.name == name
    assert found.verdict.rated.severity is Severity.ERROR
    assert found.healthy is False
    assert not found.crashed
    assert replace(report, targets=(found,)).exit_code == 1
    for language in LANGUAGES:
        (told,) = document(replace(report, targets=(found,)), language)["targets"]
        sentences = (told["verdict"]["summary"], *told["verdict"]["fix"])
        places = set(
            itertools.chain(
                *(PLACE.findall(piece) for piece in (page(name, language).summary, *page(name, language).fixes))
            )
        )
        assert not [place for place in places for sentence in sentences if f"<{place}>" in sentence]
        assert language == "en" or re.search("[а-яё]", told["verdict"]["summary"].replace(CANNED, ""))


@pytest.mark.parametrize("name", [name for name, specimen in SPECIMENS.items() if specimen.healthy])
def test_a_healthy_specimen_is_called_healthy(name: str, report: Report) -> None:
    """No verdict, no error; nothing but the warning or the note that it is there for; every client gets its answer."""
    found = target(report, name)
    assert found.healthy is True
    assert found.verdict is None
    shows = SPECIMENS[name].shows
    told = [rated.finding.name for rated in found.findings]
    if found.kind is Kind.G4F:
        assert shows in told
        assert all(one in BY_FINGERPRINT for one in told)
    elif name != "buffered-stream":  # a matter of two real seconds, of which this lab's clock knows a tenth
        assert told == [shows] * bool(shows)
    assert all(rated.severity is not Severity.ERROR for rated in found.findings)
    assert {judged.outcome.kind.value for judged in found.clients} == {"ok"}
    assert replace(report, targets=(found,)).exit_code == 0


BY_FINGERPRINT = ("g4f-drops-repeated-turns", "g4f-cuts-history", "g4f-rewrites-tools")


def test_no_server_is_called_sick_while_every_client_is_fine(report: Report) -> None:
    """An error is one because somebody does not get an answer by it."""
    sick = [one for one in report.targets if one.healthy is False]
    assert sick
    assert not [one.name for one in sick if {judged.outcome.kind.value for judged in one.clients} == {"ok"}]


def test_one_sick_server_among_healthy_ones_makes_the_run_exit_with_1(report: Report) -> None:
    """The worst of several targets counts."""
    assert report.exit_code == 1
    assert len(report.targets) == len(SPECIMENS)


@pytest.mark.parametrize("name", [name for name, specimen in SPECIMENS.items() if not specimen.healthy])
def test_a_recorded_specimen_has_no_second_error_beside_its_own(name: str, report: Report) -> None:
    """One fault, one cause: whatever else was found is explained by it."""
    assert not set(target(report, name).next).difference(BY_FINGERPRINT)


def test_findings_come_in_the_order_of_the_families() -> None:
    """Reach first, time last."""
    order = list(CATALOGUE)
    assert order.index("connection-refused") < order.index("endpoint-not-found") < order.index("json-for-stream")
    assert order.index("json-for-stream") < order.index("zero-events") < order.index("empty-answer")


def test_an_empty_case_holds_nothing() -> None:
    """Nothing asked, nothing found."""
    assert findings_of(case()) == ()
