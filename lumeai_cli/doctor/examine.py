"""Examines many targets at once and puts the report together."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from lumeai_cli import __version__
from lumeai_cli.diagnoses.case import ANSWERING, PROXY, Case
from lumeai_cli.diagnoses.finding import Severity
from lumeai_cli.diagnoses.url import is_api
from lumeai_cli.doctor.cause import Conclusion, conclude
from lumeai_cli.doctor.machine import behind_proxy
from lumeai_cli.doctor.masking import masked
from lumeai_cli.doctor.options import Options
from lumeai_cli.doctor.result import ProbeResult, ProbeStatus, Report, TargetReport
from lumeai_cli.doctor.run import Examination, Examined
from lumeai_cli.doctor.target import Target
from lumeai_cli.text.phrase import Phrase, phrase
from lumeai_cli.transport.httpx_engine import HttpxEngine
from lumeai_cli.wire.reading import Shape

AT_ONCE = 32  # targets that are examined at the same time

Progress = Callable[[str, Phrase], None]


@dataclass(frozen=True, slots=True)
class Round:
    """The report, and beside it every target's exchanges for `--record`."""

    report: Report
    examined: tuple[tuple[Target, Examined], ...]


async def examine(targets: Sequence[Target], options: Options, progress: Progress) -> Round:
    """Examines the targets side by side. Cancelled (Ctrl-C), it reports what it has by then."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    clock = time.monotonic()
    interrupted = False
    examinations: list[tuple[Target, Examination]] = []
    async with AsyncExitStack() as stack:
        env = dict(os.environ)
        engines: dict[tuple[bool, bool], HttpxEngine] = {}
        gate = asyncio.Semaphore(AT_ONCE)
        for target in targets:
            way = behind_proxy(target.address, env), target.address.scheme == "https"
            if way not in engines:
                engines[way] = await stack.enter_async_context(HttpxEngine(proxied=way[0], tls=way[1]))
            tell = _teller(progress, target.name)
            examinations.append((target, Examination(target, options, engines[way], env, tell)))

        async def one(examination: Examination) -> None:
            async with gate:
                await examination.run()

        try:
            async with asyncio.TaskGroup() as group:
                for _, examination in examinations:
                    group.create_task(one(examination))
        except asyncio.CancelledError:
            interrupted = True
    examined = tuple((target, examination.collected()) for target, examination in examinations)
    return Round(report_of(examined, options, started, time.monotonic() - clock, interrupted=interrupted), examined)


def report_of(
    examined: Sequence[tuple[Target, Examined]],
    options: Options,
    started: str,
    seconds: float,
    *,
    interrupted: bool = False,
) -> Report:
    """The report of what was collected. What was only looked for and is not there becomes a note."""
    cases = {target.name: found.case for target, found in examined}
    reports: list[TargetReport] = []
    absent: list[Phrase] = []
    for target, found in examined:
        if not target.named and _absent(found):
            absent.append(phrase("note-absent", name=target.name, url=target.address.base))
        else:
            reports.append(target_report(target, _compared(found, cases.get(target.behind)), options))
    return Report(__version__, started, round(seconds, 3), tuple(reports), tuple(absent), interrupted=interrupted)


def _compared(found: Examined, behind: Case | None) -> Examined:
    """A gateway's case with the readings of the server behind it."""
    if behind is None:
        return found
    return replace(found, case=replace(found.case, direct=behind.readings, behind=behind.base))


def target_report(target: Target, found: Examined, options: Options) -> TargetReport:
    """One target's report, from what was collected."""
    conclusion = conclude(found.case, options.profiles)
    report = TargetReport(
        target.name,
        found.case.given,
        found.case.base,
        found.case.kind,
        found.case.model,
        conclusion.healthy,
        conclusion.verdict,
        conclusion.next,
        conclusion.findings,
        conclusion.clients,
        tuple(_with_status(result, conclusion, found) for result in found.probes),
        (*target.notes, *found.notes),
        crashed=bool(found.crashed),
    )
    return masked(report, (target.key.reveal(),) if target.key is not None else ())


def _absent(found: Examined) -> bool:
    """Whether nobody is there, or somebody who is no LLM server: a guess that did not come true."""
    answers = [reading for reading in found.case.readings if reading.asked.probe in ANSWERING]
    spoke = any(is_api(reading) and reading.shape in (Shape.JSON, Shape.SSE) for reading in answers)
    return not (spoke or found.case.models)


def _with_status(result: ProbeResult, conclusion: Conclusion, found: Examined) -> ProbeResult:
    """A probe that ran has failed if an error or a warning shows in one of its exchanges."""
    if result.status is not ProbeStatus.PASSED:
        return result
    sick = {
        exchange
        for item in conclusion.findings
        if item.severity is not Severity.NOTE
        for exchange in item.finding.exchanges
    }
    endings = [reading for reading in found.case.readings if reading.exchange in result.exchanges]
    broken = any(reading.status is None or not reading.ending.clean for reading in endings)
    if sick & set(result.exchanges) or (broken and result.name != PROXY):
        return replace(result, status=ProbeStatus.FAILED)
    return result


def _teller(progress: Progress, name: str) -> Callable[[Phrase], None]:
    return lambda sentence: progress(name, sentence)
