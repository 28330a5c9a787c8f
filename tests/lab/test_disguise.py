"""The same faults in other bytes: what a disguise changes, what it leaves alone, and that no verdict falls for it."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.backends.backend import Backend
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.doctor.examine import examine
from lumeai_cli.doctor.options import Options
from lumeai_cli.doctor.result import Report, TargetReport
from lumeai_cli.doctor.target import target_of
from lumeai_cli.lab import SPECIMENS, UNLISTED, LabServer, running_lab
from lumeai_cli.lab.disguise import DISGUISES, PIECE, Disguise, in_pieces, undisguised, with_vendor_fields
from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Close, Pause, Script, Send, Step, head, json_response, response, sse, stream
from tests.lab.conftest import CHAT, READ, TOOL, Ask, healthy_call, healthy_plain, healthy_stream

Json = dict[str, Any]
every_disguise = pytest.mark.parametrize("disguise", DISGUISES)
every_specimen = pytest.mark.parametrize("name", SPECIMENS)

FIELDS: tuple[Json, ...] = (
    {"stream": True, "stream_options": {"include_usage": True}},
    {},
    {"stream": True, "tools": [TOOL]},
    {"tools": [TOOL]},
)


def asked(path: str = f"/v1{CHAT}", **fields: Any) -> LabRequest:
    body = {"model": "lab-model", "messages": [{"role": "user", "content": READ}], **fields}
    return LabRequest("POST", path, {"authorization": "Bearer x"}, json.dumps(body).encode(), body)


def flat(script: Script) -> list[Step | bytes]:
    """The steps, with writes that follow one another joined into one text."""
    steps: list[Step | bytes] = []
    for writes, group in groupby(script, lambda step: isinstance(step, Send)):
        together = list(group)
        steps += [b"".join(step.data for step in together if isinstance(step, Send))] if writes else together
    return steps


def text(script: Script) -> bytes:
    return b"".join(step for step in flat(script) if isinstance(step, bytes))


def takes_fields(script: Script) -> bool:
    """Whether an answer holds an object that vendors add to: a completion, a chunk, an error."""
    return any(mark in text(script) for mark in (b'"choices"', b'"error"', b'"message"'))


def body(script: Script) -> bytes:
    """The body of a whole answer in chunks."""
    told = text(script).partition(b"\r\n\r\n")[2]
    parts = []
    while told:
        size, _, told = told.partition(b"\r\n")
        parts.append(told[: int(size, 16)])
        assert told[int(size, 16) :][:2] == b"\r\n"
        told = told[int(size, 16) + 2 :]
    return b"".join(parts)


# --- what a disguise does -----------------------------------------------------------------------------------------


@every_specimen
def test_pieces_hold_the_same_bytes_between_the_same_pauses(name: str) -> None:
    for fields in FIELDS:
        script = tuple(SPECIMENS[name].respond(asked(**fields)))
        for size in (1, PIECE, 1 << 20):
            cut = list(in_pieces(size)(asked(), script))
            assert flat(cut) == flat(script)
            sizes = [len(step.data) if isinstance(step, Send) else 0 for step in cut]
            assert max(sizes) <= size
            assert all(one == size for one, after in pairwise(sizes) if one and after)


@every_specimen
def test_foreign_fields_come_and_nothing_else_changes(name: str) -> None:
    """Pauses and endings stay, and so does every byte of what is no chat."""
    respond = SPECIMENS[name].respond
    changed, takes = 0, False
    for fields in FIELDS:
        script = tuple(respond(asked(**fields)))
        told = tuple(with_vendor_fields(asked(), script))
        assert [step for step in told if not isinstance(step, Send)] == [
            step for step in script if not isinstance(step, Send)
        ]
        assert len(told) == len(script)
        changed += text(told) != text(script)
        takes = takes or takes_fields(script)
    assert (changed > 0) is takes
    models = tuple(respond(LabRequest("GET", "/v1/models")))
    assert tuple(with_vendor_fields(LabRequest("GET", "/v1/models"), models)) == models


def test_hardly_a_specimen_is_left_as_it_was() -> None:
    """Only pages, other services, nothing at all, and what is compressed."""
    scripts = {name: [tuple(one.respond(asked(**fields))) for fields in FIELDS] for name, one in SPECIMENS.items()}
    left = [name for name, of in scripts.items() if not any(map(takes_fields, of))]
    assert len(left) <= len(SPECIMENS) // 10


def test_the_foreign_fields_stand_where_vendors_put_them() -> None:
    value = {"object": "x", "choices": [{"index": 0, "delta": {}}, {"message": {"content": "y"}}], "provider": "mine"}
    (line, *_rest) = body(with_vendor_fields(asked(), stream([sse(value)]))).splitlines()
    assert json.loads(line.removeprefix(b"data: ")) == {
        "provider": "mine",
        "system_fingerprint": None,
        "x_timing": {"ms": 1},
        "object": "x",
        "choices": [
            {"x_rank": 1, "index": 0, "delta": {"x_trace": "acme-1"}},
            {"x_rank": 1, "message": {"x_trace": "acme-1", "content": "y"}},
        ],
    }


@pytest.mark.parametrize(
    "frames",
    [
        [b'data: {"error":{"message":"x"}}\n\n'],
        [b'data:{"choices":[]}\r\n\r\n', b'data: {"choices":[]}\r\r'],
        [b'\xef\xbb\xbfdata: {"choices":[]}\n\n'],
        [b': note\n\nevent: x\ndata: {"choices":[]}\n\ndata: [DONE]\n\n'],
        [b'{"choices":[]}\n{"choices":[]}\n'],
        ['data: {"choices":[],"mark":"а\u2028б"}\n\n'.encode()],
        [b'data: {"choices":[],"half":"\\ud83d"}\n\n'],
    ],
)
def test_every_way_to_frame_json_is_understood(frames: list[bytes]) -> None:
    """Take the foreign fields out again, and the bytes are those that were there."""
    told = body(with_vendor_fields(asked(), stream(frames)))
    added = b'"provider":"acme","system_fingerprint":null,"x_timing":{"ms":1},'
    assert told.count(added) == b"".join(frames).count(b'{"choices"') + b"".join(frames).count(b'{"error"')
    assert told.replace(added, b"") == b"".join(frames)


BROKEN = head(200, (("content-type", "application/json"), ("content-length", "999"))) + b'{"choices":[]}'


@pytest.mark.parametrize(
    "script",
    [
        (Send(BROKEN), Close()),
        (Send(BROKEN[:30]), Send(BROKEN[30:]), Close()),
        (Send(b"\x16\x03\x01 no status line\r\n\r\n"), Close()),
        response(200, b'{"choices":[', headers=(("x", "y"),)),
        response(200, b'{"choices":[]}', headers=(("Content-Encoding", "gzip"),)),
        response(200, b'{"choices":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        response(200, b'[{"choices":[]}]'),
        json_response(200, {"status": "ok", "service": "weather"}),
        (Send(head(200, (("transfer-encoding", "chunked"),)) + b'14\r\n{"choices":'), Close()),
        (Send(head(200, (("transfer-encoding", "chunked"),)) + b'zz\r\n{"choices":[]}\r\n'), Close()),
    ],
)
def test_what_is_broken_stays_broken_byte_for_byte(script: Script) -> None:
    assert tuple(with_vendor_fields(asked(), script)) == tuple(script)


def test_lengths_are_counted_anew() -> None:
    told = text(with_vendor_fields(asked(), json_response(200, {"choices": []})))
    before, _, after = told.partition(b"\r\n\r\n")
    assert b"\r\ncontent-length: %d\r\n" % len(after) in before


@given(st.lists(st.binary(max_size=40)), st.integers(1, 9))
def test_any_script_in_any_pieces(writes: list[bytes], size: int) -> None:
    script = [step for data in writes for step in (Send(data), Pause(0.1))]
    cut = in_pieces(size)(asked(), script)
    assert text(cut) == b"".join(writes)


def test_an_endless_script_stays_lazy() -> None:
    def endless() -> Iterator[Step]:
        yield Send(head(200, (("transfer-encoding", "chunked"),)))
        while True:
            yield Send(b"5\r\nhello\r\n")

    for disguise in (*DISGUISES.values(), undisguised):
        steps = iter(disguise(asked(), endless()))
        assert isinstance(next(steps), Send)


# --- on the socket ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=DISGUISES)
def lab(request: pytest.FixtureRequest) -> Iterator[LabServer]:
    """A lab in each disguise; the helpers that ask it are those of every other test."""
    with running_lab(time_scale=0.05, disguise=DISGUISES[request.param]) as running:
        yield running


@pytest.mark.parametrize(
    "name", ["healthy-plain", "healthy-http10", "healthy-gzip", "healthy-ollama", "g4f-cuts-history"]
)
def test_a_healthy_server_stays_healthy(name: str, chat: Ask) -> None:
    assert healthy_plain(chat(name))
    assert healthy_stream(chat(name, stream=True))
    for mode in (True, False):
        assert healthy_call(chat(name, READ, stream=mode, tools=[TOOL]))


# --- before the doctor --------------------------------------------------------------------------------------------


async def examined(names: Iterable[str], disguise: Disguise) -> Report:
    """These specimens in this disguise. One event loop for both sides spares thousands of changes of thread."""
    async with LabServer(time_scale=0.05, disguise=disguise) as lab:
        targets = [target_of(Backend(name, lab.url(name))) for name in names]
        return (await examine(targets, Options(tuple(PROFILES.values())), lambda _name, _phrase: None)).report


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of this machine stands between the doctor and the lab."""
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)


def said(target: TargetReport) -> tuple[bool | None, str, bool]:
    """Health, verdict, and whether lumeai itself broke down."""
    return target.healthy, target.verdict.rated.finding.name if target.verdict else "", target.crashed


@every_disguise
@pytest.mark.usefixtures("no_proxy")
def test_the_doctor_sees_through_it(disguise: str) -> None:
    """Health and verdict are those of the specimen as it is, nothing stands beside the verdict of a sick one, and the
    risk of a healthy one is told.
    """
    report = asyncio.run(examined(SPECIMENS, DISGUISES[disguise]))
    assert {target.name: said(target) for target in report.targets} == {
        name: (specimen.healthy, "" if specimen.healthy else specimen.shows, False)
        for name, specimen in SPECIMENS.items()
    }
    assert not {target.name: target.next for target in report.targets if target.healthy is False and target.next}
    told = {target.name: {rated.finding.name for rated in target.findings} for target in report.targets}
    silent = {name for name, specimen in SPECIMENS.items() if specimen.shows and specimen.shows not in told[name]}
    assert silent == {"buffered-stream"}  # a burst after two seconds, of which this lab's clock knows a tenth


@pytest.mark.usefixtures("no_proxy")
def test_who_stands_in_no_list_has_the_verdict_that_it_names() -> None:
    """All but the one that takes a minute for each answer."""
    beside = UNLISTED.keys() - {"silence-cut"}
    report = asyncio.run(examined(beside, undisguised))
    assert beside
    assert {target.name: said(target) for target in report.targets} == {
        name: (False, UNLISTED[name].shows, False) for name in beside
    }
