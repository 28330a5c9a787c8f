"""Numbers as each language writes them, and the nouns behind them."""

from collections.abc import Sequence

THIN = "\N{NO-BREAK SPACE}"


def whole(value: int, language: str) -> str:
    """A whole number with its thousands apart; Russian parts them from five digits on."""
    if language == "ru":
        return str(value) if abs(value) < 10_000 else f"{value:,}".replace(",", THIN)
    return f"{value:,}"


def noun(number: int, forms: Sequence[str], language: str) -> str:
    """The form of a noun that goes with a number: English has two, Russian three (1 байт, 2 байта, 5 байт)."""
    if language != "ru":
        return forms[0 if number == 1 else 1]
    tens, ones = number % 100, number % 10
    if ones == 1 and tens != 11:
        return forms[0]
    return forms[1 if 2 <= ones <= 4 and not 12 <= tens <= 14 else 2]


def decimal(value: float, places: int, language: str) -> str:
    """A number with so many decimal places."""
    text = f"{value:.{places}f}"
    return text.replace(".", ",") if language == "ru" else text
