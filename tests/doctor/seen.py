"""One examination of a scripted server, as a value: what was asked, what came, and the report."""

from dataclasses import dataclass

from lumeai_cli.doctor.result import TargetReport
from lumeai_cli.wire.exchange import Exchange
from tests.doctor.capable import Answer, Json
from tests.doctor.conftest import outcome
from tests.doctor.raw import Request, raw_server


@dataclass(frozen=True, slots=True)
class Seen:
    """One examination: the report, every exchange in the order in which it was sent, and what the server received."""

    report: TargetReport
    exchanges: tuple[Exchange, ...]
    requests: tuple[Request, ...]

    @property
    def asked(self) -> tuple[str, ...]:
        """The probes, one entry a request."""
        return tuple(exchange.asked.probe for exchange in self.exchanges)

    def of(self, probe: str) -> list[Exchange]:
        """The exchanges of one probe."""
        return [exchange for exchange in self.exchanges if exchange.asked.probe == probe]

    def bodies(self, path: str = "/v1/chat/completions") -> list[Json]:
        """The bodies that came to this path."""
        return [request.json for request in self.requests if request.path == path and request.method == "POST"]


def see(script: Answer, **options: object) -> Seen:
    """The examination of a server with this script."""
    with raw_server(script) as server:
        done = outcome(server.url, **options)
        requests = tuple(server.requests)
    [report] = done.report.targets
    [(_, examined)] = done.examined
    return Seen(report, tuple(sorted(examined.exchanges, key=lambda one: int(one.id[1:]))), requests)


OPENING = ("models", "stream", "plain")
SMALL = ("stream", "stream", "other-prompt", "tool-xml", "tool-native", "tool-result", "parameters")
LARGE = ("agent-xml", "agent-native")
SIZES = ("body-size",) * 3
"""What everybody is asked, in this order."""
