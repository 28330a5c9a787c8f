"""Servers that are not reached although their port is open."""

from lumeai_cli.lab.script import Reset
from lumeai_cli.lab.specimen import Specimen, sick

REACH: tuple[Specimen, ...] = (
    sick(
        "connection-reset",
        "The connection is reset after the request, before any byte of an answer.",
        "Соединение сбрасывается после запроса, до первого байта ответа.",
        lambda _request: (Reset(),),
    ),
)
