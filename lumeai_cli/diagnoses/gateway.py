"""The cause in between: a server's answer is good when it is asked directly, and lost on the way through a gateway."""

from collections.abc import Iterator
from itertools import product

from lumeai_cli.diagnoses.case import ANSWERING, Case
from lumeai_cli.diagnoses.diagnosis import EVERYTHING, Diagnosis, Family, Hit, found
from lumeai_cli.diagnoses.finding import FINISH, Certainty, Finding, near
from lumeai_cli.wire.markup import written_calls
from lumeai_cli.wire.reading import Reading, Shape
from lumeai_cli.wire.xmltags import find_calls


def _drops(case: Case) -> Iterator[Finding]:
    """Direct is fine, through the gateway is not, for one and the same probe.

    A gateway that cannot be reached, or wants a key, drops no answer. That a call became prose may be the model's
    mood: it is likely only.
    """
    lost: list[Hit] = []
    prose: list[Hit] = []
    for probe, stream in product(ANSWERING, (True, False)):
        behind = max((_worth(r) for r in case.direct if r.asked.probe == probe), default=0)
        through = [r for r in case.of(probe) if r.asked.stream is stream and (r.ok or (r.status or 0) >= SERVER_ERROR)]
        here = max(map(_worth, through), default=0)
        if through and here < behind:
            (lost if here == 0 else prose).extend((reading, near(reading, FINISH)) for reading in through)
    hits = [*lost, *prose]
    fine = next((r for r in case.direct if hits and r.asked.probe == hits[0][0].asked.probe and _worth(r)), None)
    facts = {"via": case.given, "behind": case.behind, "text": fine.heard.text[:120] if fine is not None else ""}
    yield from found("gateway-drops-answer", hits, facts, Certainty.PROVEN if lost else Certainty.LIKELY)


SERVER_ERROR = 500


def _worth(reading: Reading) -> int:
    """What a strict client has of it: 0 nothing, 1 text where a tool call was due, 2 what was asked for."""
    heard = reading.heard
    framed = reading.shape is (Shape.SSE if reading.asked.stream else Shape.JSON)
    ended = not reading.asked.stream or bool(heard.finish)
    if not (reading.ok and reading.ending.clean and framed and ended and heard.usable) or heard.errors:
        return 0
    return 1 if reading.asked.wants_tool and not _calls(reading) else 2


def _calls(reading: Reading) -> bool:
    text = reading.heard.text
    return bool(reading.heard.calls or find_calls(text, reading.asked.xml_tools) or written_calls(text))


ENTRIES = (Diagnosis("LUM911", "gateway-drops-answer", Family.GATEWAY, _drops, explains=EVERYTHING),)
