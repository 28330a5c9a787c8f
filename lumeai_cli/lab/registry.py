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

# The catalogue has no diagnosis of these names yet; a line deleted here releases its specimen.
_UNRELEASED = frozenset(
    {
        "bad-chunk-schema",
        "buffered-stream",
        "content-filtered",
        "content-not-a-string",
        "context-exceeded",
        "context-truncated",
        "finish-tool-calls-without-call",
        "intermittent-empty",
        "legacy-function-call",
        "legacy-text-field",
        "message-instead-of-delta",
        "missing-finish-reason",
        "no-choices",
        "output-budget-spent",
        "quota-exhausted",
        "quota-text-as-answer",
        "refusal-only",
        "silence-cut",
        "single-newline-framing",
        "think-tag-swallows-answer",
        "tool-arguments-not-json",
        "tool-arguments-not-string",
        "tool-call-as-text",
        "tool-call-missing-id",
        "tool-call-missing-index",
        "tool-call-missing-name",
        "tool-parser-off",
        "tool-protocol-mismatch",
        "tool-result-rejected",
        "tools-ignored",
        "tools-unsupported",
        "unframed-error-in-stream",
        "unsupported-parameter",
        "unterminated-last-event",
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
