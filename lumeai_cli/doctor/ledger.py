"""The books of one examination: how each probe stands, why, and what it has cost."""

from collections.abc import Iterable
from dataclasses import replace

from lumeai_cli.diagnoses.case import CONNECT
from lumeai_cli.doctor.probe import PROBES
from lumeai_cli.doctor.result import ProbeResult, ProbeStatus
from lumeai_cli.text.phrase import Phrase, phrase
from lumeai_cli.wire.exchange import Exchange
from lumeai_cli.wire.reading import Reading


class Ledger:
    """Every probe's entry and every exchange with its reading, in the order in which they were made.

    A probe is closed once it has an entry: a later reason does not overwrite an earlier one.
    """

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.readings: list[Reading] = []
        self._entries: dict[str, ProbeResult] = {}
        self._issued = 0

    def __contains__(self, probe: str) -> bool:
        return probe in self._entries

    def number(self) -> str:
        """The id of the next exchange."""
        self._issued += 1
        return f"e{self._issued}"

    def open(self, probe: str) -> None:
        """The probe is being sent; what never comes back was interrupted."""
        self._entries.setdefault(probe, ProbeResult(probe, ProbeStatus.PASSED))

    def keep(self, exchange: Exchange, reading: Reading) -> None:
        """Files an exchange with its reading under its probe."""
        self.exchanges.append(exchange)
        self.readings.append(reading)
        self.spend(exchange.asked.probe, seconds=exchange.ending.at)

    def spend(self, probe: str, *, seconds: float = 0.0, prompt: int = 0, completion: int = 0) -> None:
        """Adds to what the probe has cost; tokens only as far as the server counted them."""
        self.open(probe)
        entry = self._entries[probe]
        self._entries[probe] = replace(
            entry,
            seconds=entry.seconds + seconds,
            prompt_tokens=entry.prompt_tokens + prompt,
            completion_tokens=entry.completion_tokens + completion,
        )

    def note(self, probe: str, status: ProbeStatus, reason: Phrase) -> None:
        """Says that a probe, or the rest of it, was not sent, and why."""
        self.open(probe)
        if self._entries[probe].reason is None:
            self._entries[probe] = replace(self._entries[probe], status=status, reason=reason)

    def skip(self, probes: Iterable[str], reason: Phrase) -> None:
        """The same for probes of which nothing was sent at all."""
        for probe in probes:
            if probe not in self._entries:
                self.note(probe, ProbeStatus.SKIPPED, reason)

    def close(self, reason: Phrase, probes: Iterable[str] = PROBES) -> None:
        """Closes all probes, or these, of which nothing was sent."""
        self.skip(probes, reason)

    def crash(self, reason: Phrase) -> None:
        """A fault of lumeai's own: every probe that has not read anything yet has crashed."""
        for probe in PROBES:
            entry = self._entries.get(probe, ProbeResult(probe, ProbeStatus.PASSED))
            if entry.status is ProbeStatus.PASSED and probe != CONNECT and not self.of(probe):
                self._entries[probe] = replace(entry, status=ProbeStatus.CRASHED, reason=reason)

    def of(self, probe: str) -> tuple[Reading, ...]:
        """The readings of one probe."""
        return tuple(reading for reading in self.readings if reading.asked.probe == probe)

    def withdraw(self, reading: Reading) -> None:
        """Forgets one exchange: it will be asked anew, alone."""
        kept = [place for place, other in enumerate(self.readings) if other is not reading]
        self.exchanges = [self.exchanges[place] for place in kept]
        self.readings = [self.readings[place] for place in kept]

    def reopen(self, probe: str) -> None:
        """Lets a probe be sent anew; what it has read stays."""
        self._entries.pop(probe, None)

    def drop(self, probe: str) -> None:
        """Forgets a probe and its readings: it was asked at the wrong place, or in the wrong way."""
        self.exchanges = [exchange for exchange in self.exchanges if exchange.asked.probe != probe]
        self.readings = [reading for reading in self.readings if reading.asked.probe != probe]
        self.reopen(probe)

    def rename(self, old: str, new: str) -> None:
        """The readings of one probe become those of another: what was thought a stream was a wrong URL."""
        for place, reading in enumerate(self.readings):
            if reading.asked.probe == old:
                asked = replace(reading.asked, probe=new)
                self.readings[place] = replace(reading, asked=asked)
                self.exchanges[place] = replace(self.exchanges[place], asked=asked)
        if old in self._entries:
            self._entries[new] = replace(self._entries.pop(old), name=new)

    def results(self) -> tuple[ProbeResult, ...]:
        """Every probe's result; one without an entry was never reached."""
        return tuple(map(self._result, PROBES))

    def _result(self, name: str) -> ProbeResult:
        entry = self._entries.get(name)
        sent = name == CONNECT or self.of(name)
        if entry is None or (entry.status is ProbeStatus.PASSED and not sent):
            return ProbeResult(name, ProbeStatus.NOT_JUDGED, phrase("skip-interrupted"))
        return replace(
            entry, seconds=round(entry.seconds, 3), exchanges=tuple(reading.exchange for reading in self.of(name))
        )
