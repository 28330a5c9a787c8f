"""Every specimen of the lab by its name."""

from collections.abc import Mapping
from types import MappingProxyType

from lumeai_cli.lab.access import ACCESS
from lumeai_cli.lab.bodies import BODIES
from lumeai_cli.lab.content import CONTENT
from lumeai_cli.lab.g4f import G4F
from lumeai_cli.lab.healthy import HEALTHY
from lumeai_cli.lab.hostile import HOSTILES
from lumeai_cli.lab.reach import REACH
from lumeai_cli.lab.specimen import Specimen
from lumeai_cli.lab.streams import STREAMS
from lumeai_cli.lab.url import URL


def _by_name(*families: tuple[Specimen, ...]) -> Mapping[str, Specimen]:
    return MappingProxyType({specimen.name: specimen for family in families for specimen in family})


SPECIMENS: Mapping[str, Specimen] = _by_name(HEALTHY, REACH, URL, ACCESS, BODIES, STREAMS, CONTENT, G4F)
HOSTILE: Mapping[str, Specimen] = _by_name(HOSTILES)
