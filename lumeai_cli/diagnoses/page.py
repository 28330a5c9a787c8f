"""The page of a diagnosis in one language: a Markdown file beside the catalogue, read into its parts.

The form is fixed: a title, one quoted sentence that is the verdict, five sections. `{{fact}}` stands for a fact of a
finding, `[[ ... ]]` for a piece that goes when a fact in it is unknown, `[[ ... || ... ]]` for one that makes
room for another then. A number may bring its noun along, `{{bytes|byte|bytes}}`, in Russian in three forms.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from lumeai_cli.diagnoses.finding import Fact
from lumeai_cli.text.number import decimal, noun, whole

HEADINGS = {
    "en": ("What you see", "Why", "How to be sure", "How to fix", "Example"),
    "ru": ("Что вы видите", "Почему", "Как убедиться", "Как исправить", "Пример"),
}

_PLACE = re.compile(r"\{\{(\w+)((?:\|[^{}|]+)*)\}\}")
_OPTIONAL = re.compile(r"\[\[(.*?)(?:\|\|(.*?))?\]\]", re.DOTALL)
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_PLAIN_WORD = re.compile(r"[\w.:/@+%=,~\[\]-]*")
_ITEM = re.compile(r"^\d+\.\s+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Page:
    """`summary` is the sentence of the verdict, `fixes` the items of "How to fix"; both still hold placeholders."""

    name: str
    language: str
    summary: str
    sections: tuple[tuple[str, str], ...]
    fixes: tuple[str, ...]

    def markdown(self, title: str) -> str:
        """The whole page for reading, its placeholders in angle brackets."""
        facts: dict[str, Fact] = {}
        parts = [f"# {title}", f"> {fill(self.summary, facts, self.language)}"]
        parts += [f"## {heading}\n\n{fill(text, facts, self.language)}" for heading, text in self.sections]
        return "\n\n".join(parts) + "\n"


def page(name: str, language: str) -> Page:
    """The page of this diagnosis in this language."""
    folder = resources.files("lumeai_cli.diagnoses") / "pages" / language
    return parse(name, language, (folder / f"{name}.md").read_text("utf-8"))


def parse(name: str, language: str, text: str) -> Page:
    """A page from its Markdown; `ValueError` says what is missing."""
    head, *rest = re.split(r"^## ", text, flags=re.MULTILINE)
    quoted = [line.removeprefix(">").strip() for line in head.splitlines() if line.startswith(">")]
    if not head.startswith(f"# {name}\n") or not quoted:
        raise ValueError(f"{language}/{name}.md: the title or the quoted sentence is missing")
    sections = tuple((heading, body.strip()) for heading, _, body in (part.partition("\n") for part in rest))
    if tuple(heading.strip() for heading, _ in sections) != HEADINGS[language]:
        raise ValueError(f"{language}/{name}.md: its headings are not {HEADINGS[language]}")
    fixes = tuple(_dedented(item) for item in _ITEM.split(sections[3][1]) if item.strip())
    return Page(name, language, " ".join(quoted), sections, fixes)


def fill(text: str, facts: Mapping[str, Fact], language: str = "en") -> str:
    """The text with its facts; an unknown fact shows its own name, and takes an optional piece with it.

    In code, which is there to be copied into a shell, a fact stands only if a shell takes it for one plain word.
    """

    def optional(match: re.Match[str]) -> str:
        if not facts:  # for reading: what holds whatever the facts are
            return match[1] if match[2] is None else match[2]
        return match[1] if all(_known(facts.get(name)) for name, _ in _PLACE.findall(match[1])) else match[2] or ""

    def place(match: re.Match[str]) -> str:
        value, forms = facts.get(match[1]), match[2].split("|")[1:]
        shown = f"<{match[1]}>" if value is None else _shown(value, language)
        if not forms:
            return shown
        return f"{shown} {noun(value, forms, language) if isinstance(value, int) else forms[-1]}"

    def word(match: re.Match[str]) -> str:
        value = str(facts.get(match[1], " "))
        return value if _PLAIN_WORD.fullmatch(value) else f"<{match[1]}>"

    def code(match: re.Match[str]) -> str:
        return _PLACE.sub(word, match[0])

    return _PLACE.sub(place, _CODE.sub(code, _OPTIONAL.sub(optional, text)))


def _known(value: Fact | None) -> bool:
    return value is not None and value not in ("", -1, 0)


def _shown(value: Fact, language: str) -> str:
    if isinstance(value, bool | str):
        return str(value)
    return whole(value, language) if isinstance(value, int) else decimal(value, 1, language)


def _dedented(item: str) -> str:
    """An item of a numbered list without the three spaces that its further lines are indented by."""
    return "\n".join(line.removeprefix("   ") for line in item.rstrip().splitlines())
