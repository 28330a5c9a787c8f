"""One look-up over the environment and `.env`, which remembers where each value came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lumeai_cli.backends.backend import Origin
from lumeai_cli.settings.dotenv import Dotenv


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable that is set; `where` is `environment NAME` or `.env:3`, and the text stays out of the repr."""

    name: str
    text: str = field(repr=False)
    origin: Origin
    where: str


def look_up(name: str, env: Mapping[str, str], dotenv: Dotenv) -> Variable | None:
    """The variable `name`: the environment beats `.env`, and an empty value switches it off."""
    if name in env:
        text, origin, where = env[name], Origin.ENVIRONMENT, f"environment {name}"
    else:
        found = dotenv.get(name)
        if found is None:
            return None
        text, origin, where = found, Origin.DOTENV, dotenv.where(name)
    return Variable(name, text, origin, where) if text else None
