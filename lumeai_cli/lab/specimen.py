"""A specimen: one server, healthy or with one fault, told in one sentence."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Script


@dataclass(frozen=True, slots=True)
class Specimen:
    """`healthy` is what the doctor must call it, and `shows` the diagnosis that it must name: the verdict of a sick
    one, a note beside a healthy one (a warning if it `warns`), empty where there is nothing to tell.

    `respond` is pure and may return its script lazily. `unlisted` says why it is served but stands in no list.
    """

    name: str
    healthy: bool
    sentence_en: str
    sentence_ru: str
    respond: Callable[[LabRequest], Script]
    shows: str = ""
    warns: bool = False
    unlisted: str = ""

    def sentence(self, language: str) -> str:
        """What the server does, in `en` or `ru`."""
        return self.sentence_ru if language == "ru" else self.sentence_en


def sick(
    name: str,
    sentence_en: str,
    sentence_ru: str,
    respond: Callable[[LabRequest], Script],
    *,
    shows: str | None = None,
    unlisted: str = "",
) -> Specimen:
    """A specimen whose verdict is the diagnosis of its name, unless `shows` tells another."""
    verdict = name if shows is None else shows
    return Specimen(
        name,
        healthy=False,
        sentence_en=sentence_en,
        sentence_ru=sentence_ru,
        respond=respond,
        shows=verdict,
        unlisted=unlisted,
    )


def risky(name: str, sentence_en: str, sentence_ru: str, respond: Callable[[LabRequest], Script]) -> Specimen:
    """A specimen that answers every client, and of whose risk the diagnosis of its name warns."""
    return replace(sound(name, sentence_en, sentence_ru, respond, shows=name), warns=True)


def sound(
    name: str,
    sentence_en: str,
    sentence_ru: str,
    respond: Callable[[LabRequest], Script],
    *,
    shows: str = "",
) -> Specimen:
    """A specimen that no doctor may blame; its name begins with `healthy-`. Of what it `shows` a note may tell."""
    return Specimen(name, healthy=True, sentence_en=sentence_en, sentence_ru=sentence_ru, respond=respond, shows=shows)
