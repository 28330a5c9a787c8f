"""Numbers as each language writes them."""

THIN = "\N{NO-BREAK SPACE}"


def whole(value: int, language: str) -> str:
    """A whole number with its thousands apart; Russian parts them from five digits on."""
    if language == "ru":
        return str(value) if abs(value) < 10_000 else f"{value:,}".replace(",", THIN)
    return f"{value:,}"


def decimal(value: float, places: int, language: str) -> str:
    """A number with so many decimal places."""
    text = f"{value:.{places}f}"
    return text.replace(".", ",") if language == "ru" else text
