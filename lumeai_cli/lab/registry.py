"""Every specimen of the lab by its name."""

from collections.abc import Mapping
from types import MappingProxyType

from lumeai_cli.lab.access import ACCESS
from lumeai_cli.lab.bodies import BODIES
from lumeai_cli.lab.content import CONTENT
from lumeai_cli.lab.dialect import DIALECT
from lumeai_cli.lab.g4f import G4F
from lumeai_cli.lab.healthy import HEALTHY
from lumeai_cli.lab.hostile import HOSTILES
from lumeai_cli.lab.reach import REACH
from lumeai_cli.lab.specimen import Specimen
from lumeai_cli.lab.streams import STREAMS
from lumeai_cli.lab.tools import TOOLS
from lumeai_cli.lab.unusual import UNUSUAL
from lumeai_cli.lab.url import URL
from lumeai_cli.lab.window import WINDOW

# What the doctor cannot name yet, or not in a reasonable time; a line deleted here releases its specimen.
_UNRELEASED = frozenset(
    {
        "buffered-stream",  # a risk, no sickness: every client gets its answer
        "silence-cut",  # a minute for each answer
        "tool-result-rejected",
        "tools-ignored",
        "unsupported-parameter",
    }
)


def _by_name(*families: tuple[Specimen, ...]) -> Mapping[str, Specimen]:
    return MappingProxyType({specimen.name: specimen for family in families for specimen in family})


_ALL = (HEALTHY, UNUSUAL, REACH, URL, ACCESS, BODIES, STREAMS, DIALECT, WINDOW, CONTENT, TOOLS, G4F)
_LISTED = tuple(specimen for family in _ALL for specimen in family if specimen.name not in _UNRELEASED)
_HELD_BACK = tuple(specimen for family in _ALL for specimen in family if specimen.name in _UNRELEASED)

SPECIMENS: Mapping[str, Specimen] = _by_name(_LISTED)
COMING: Mapping[str, Specimen] = _by_name(_HELD_BACK)
HOSTILE: Mapping[str, Specimen] = _by_name(HOSTILES)
