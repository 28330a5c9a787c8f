"""A specimen: one server, healthy or with one fault, told in one sentence."""

from collections.abc import Callable
from dataclasses import dataclass

from lumeai_cli.lab.request import LabRequest
from lumeai_cli.lab.script import Script


@dataclass(frozen=True, slots=True)
class Specimen:
    """`name` is that of the diagnosis the specimen must yield (a healthy one begins with `healthy-`); `respond` is
    pure and may return its script lazily.
    """

    name: str
    healthy: bool
    sentence_en: str
    sentence_ru: str
    respond: Callable[[LabRequest], Script]


def sick(name: str, sentence_en: str, sentence_ru: str, respond: Callable[[LabRequest], Script]) -> Specimen:
    """A specimen that shows the diagnosis of its name."""
    return Specimen(name, healthy=False, sentence_en=sentence_en, sentence_ru=sentence_ru, respond=respond)


def sound(name: str, sentence_en: str, sentence_ru: str, respond: Callable[[LabRequest], Script]) -> Specimen:
    """A specimen that no doctor may blame."""
    return Specimen(name, healthy=True, sentence_en=sentence_en, sentence_ru=sentence_ru, respond=respond)
