"""Every specimen of the lab by its name."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from lumeai_cli.lab.access import ACCESS
from lumeai_cli.lab.bodies import BODIES
from lumeai_cli.lab.content import CONTENT
from lumeai_cli.lab.dialect import DIALECT
from lumeai_cli.lab.g4f import G4F
from lumeai_cli.lab.healthy import HEALTHY
from lumeai_cli.lab.hostile import HOSTILES
from lumeai_cli.lab.ollama import OLLAMA
from lumeai_cli.lab.reach import REACH
from lumeai_cli.lab.specimen import Specimen
from lumeai_cli.lab.streams import STREAMS
from lumeai_cli.lab.tools import TOOLS
from lumeai_cli.lab.unusual import UNUSUAL
from lumeai_cli.lab.url import URL
from lumeai_cli.lab.window import WINDOW

_FAMILIES = (HEALTHY, UNUSUAL, REACH, URL, ACCESS, BODIES, STREAMS, DIALECT, WINDOW, OLLAMA, CONTENT, TOOLS, G4F)
_ALL = tuple(specimen for family in _FAMILIES for specimen in family)


def _by_name(specimens: Iterable[Specimen]) -> Mapping[str, Specimen]:
    return MappingProxyType({specimen.name: specimen for specimen in specimens})


SPECIMENS: Mapping[str, Specimen] = _by_name(specimen for specimen in _ALL if not specimen.unlisted)
"""Those of the list: the doctor calls each what its `healthy` says, and names what it shows."""

UNLISTED: Mapping[str, Specimen] = _by_name(specimen for specimen in _ALL if specimen.unlisted)
"""Served all the same; each says why no list holds it."""

HOSTILE: Mapping[str, Specimen] = _by_name(HOSTILES)
"""Made to exhaust a client, and served only if asked for."""
