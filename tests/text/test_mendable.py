"""What the user can mend is said in one sentence, in the user's language, with its place."""

import errno

import pytest

from lumeai_cli.text.mendable import MendableError, reason
from lumeai_cli.text.phrase import phrase


@pytest.mark.parametrize(
    ("where", "en", "ru"),
    [
        (None, "healthy", "здоров"),
        ("lumeai.yaml:7", "lumeai.yaml:7: healthy", "lumeai.yaml:7: здоров"),
        ("environment OPENAI_API_KEY", "environment OPENAI_API_KEY: healthy", None),
        ("default", "default: healthy", None),
        ("C:\\My files\\lumeai.yaml", "C:\\My files\\lumeai.yaml: healthy", "C:\\My files\\lumeai.yaml: здоров"),
    ],
    ids=["nowhere", "a line", "the environment", "the default", "a path with a space"],
)
def test_the_place_stands_before_the_sentence(where: str | None, en: str, ru: str | None) -> None:
    """Places have words of their own only where they are words."""
    error = MendableError(phrase("healthy"), where)
    assert str(error) == error.in_("en") == en
    assert error.in_("ru").endswith("здоров")
    assert ru is None or error.in_("ru") == ru
    assert "environment" not in error.in_("ru")


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOENT, errno.EISDIR, errno.ENOSPC, errno.EADDRINUSE])
def test_the_usual_reasons_of_the_system_are_said_in_both_languages(number: int) -> None:
    """The system's own words are English, or whatever its locale says."""
    said = reason(OSError(number, "as the system says"))
    assert said.in_("en") != said.in_("ru")
    assert "as the system says" not in said.in_("ru")


@pytest.mark.parametrize("error", [OSError(errno.EXDEV, "a strange reason"), OSError("a strange reason")])
def test_an_unusual_reason_is_told_in_the_systems_words(error: OSError) -> None:
    """Better than nothing."""
    assert "a strange reason" in reason(error).in_("ru")
