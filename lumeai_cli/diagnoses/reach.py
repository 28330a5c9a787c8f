"""Causes on the way to the server: each rung (name, connection, TLS, HTTP) fails in its own way."""

from collections.abc import Iterator

from lumeai_cli.diagnoses.case import CONNECT, PROXY, Case
from lumeai_cli.diagnoses.diagnosis import Detector, Diagnosis, Family, found
from lumeai_cli.diagnoses.finding import Certainty, Evidence, Finding, of_body
from lumeai_cli.wire.exchange import EndingKind
from lumeai_cli.wire.reading import Reading


def _ended(name: str, *kinds: EndingKind) -> Detector:
    """A detector for exchanges that ended in one of these ways before there was an HTTP answer."""

    def detect(case: Case) -> Iterator[Finding]:
        hits = [
            (reading, of_body(reading))
            for reading in case.readings
            if reading.ending.kind in kinds and reading.status is None and reading.asked.probe != PROXY
        ]
        if hits:
            ending = hits[0][0].ending
            yield from found(name, hits, {"detail": ending.detail, "seconds": round(ending.at, 1)})

    return detect


def _proxy(case: Case) -> Iterator[Finding]:
    """The same request, once straight and once as a program goes that obeys the proxy variables.

    Where the straight way is refused already, the detour proves nothing; the variable is then the likelier cause for
    a program that obeys it, and beats the refusal behind it.
    """
    variable = case.machine.proxy_variable
    if not variable:
        return
    straight = next((reading for reading in case.readings if reading.asked.probe != PROXY), None)
    detour = next(iter(case.of(PROXY)), None)
    if straight is None or (detour is not None and detour.ok and straight.ok):
        return
    shown = detour or straight
    yield Finding(
        "proxy-intercepts-loopback",
        Certainty.PROVEN if detour is not None and straight.status is not None else Certainty.LIKELY,
        {"variable": variable, "proxy": case.machine.proxy},
        (of_body(shown),),
        (shown.exchange,),
    )


def _endless(case: Case) -> Iterator[Finding]:
    """A body that goes on past the limit of bytes, or of time."""
    kinds = (EndingKind.OVERFLOW, EndingKind.TIMEOUT_TOTAL)
    hits = [(reading, _beginning(reading)) for reading in case.readings if reading.ok and reading.ending.kind in kinds]
    if hits:
        reading = hits[0][0]
        counted = reading.ending.kind is EndingKind.OVERFLOW and reading.ending.detail.isdecimal()
        yield from found(
            "endless-answer",
            hits,
            {
                "bytes": int(reading.ending.detail) if counted else len(reading.body),
                "seconds": round(reading.ending.at, 1),
                "limit": reading.ending.kind.value,
            },
        )


def _beginning(reading: Reading) -> Evidence:
    evidence = of_body(reading)
    return Evidence(evidence.exchange, 0, len(reading.body), round(reading.ending.at, 3), evidence.excerpt)


def _no_answer(case: Case) -> Iterator[Finding]:
    """The request was taken, and nothing came, or nothing more, for as long as we waited."""
    kinds = (EndingKind.TIMEOUT_FIRST, EndingKind.TIMEOUT_SILENCE, EndingKind.TIMEOUT_TOTAL)
    hits = [
        (reading, of_body(reading))
        for reading in case.readings
        if reading.ending.kind in kinds
        and reading.asked.probe not in (CONNECT, PROXY)
        and not (reading.ok and reading.ending.kind is EndingKind.TIMEOUT_TOTAL)
    ]
    if hits:
        yield from found("no-answer", hits, {"seconds": round(hits[0][0].ending.at, 1)})


ENTRIES = (
    Diagnosis(
        "LUM100",
        "proxy-intercepts-loopback",
        Family.REACH,
        _proxy,
        explains=frozenset({"connection-refused", "connection-reset", "connect-timeout"}),
    ),
    Diagnosis("LUM101", "dns-failure", Family.REACH, _ended("dns-failure", EndingKind.DNS)),
    Diagnosis("LUM102", "connection-refused", Family.REACH, _ended("connection-refused", EndingKind.REFUSED)),
    Diagnosis(
        "LUM103",
        "connect-timeout",
        Family.REACH,
        _ended("connect-timeout", EndingKind.CONNECT_TIMEOUT, EndingKind.UNREACHABLE),
    ),
    Diagnosis("LUM104", "tls-failure", Family.REACH, _ended("tls-failure", EndingKind.TLS)),
    Diagnosis("LUM105", "connection-reset", Family.REACH, _ended("connection-reset", EndingKind.RESET, EndingKind.CUT)),
    Diagnosis("LUM106", "not-http", Family.REACH, _ended("not-http", EndingKind.PROTOCOL)),
    Diagnosis("LUM109", "proxy-failure", Family.REACH, _ended("proxy-failure", EndingKind.PROXY)),
    Diagnosis("LUM107", "no-answer", Family.REACH, _no_answer),
    Diagnosis("LUM108", "endless-answer", Family.REACH, _endless, explains=frozenset({"zero-events", "no-answer"})),
)
