"""Client names of the command line and of the settings, turned into profiles."""

from collections.abc import Sequence

from lumeai_cli.clients.profile import Profile
from lumeai_cli.clients.registry import PROFILES
from lumeai_cli.settings.suggest import unknown


def chosen_profiles(names: Sequence[str], where: str) -> tuple[Profile, ...]:
    """The profiles of these names, `all` for every one; `SettingsError` for a name that nobody has."""
    wanted = [name.strip() for text in names for name in text.split(",") if name.strip()]
    if not wanted or "all" in wanted:
        return tuple(PROFILES.values())
    for name in wanted:
        if name not in PROFILES:
            raise unknown("unknown-client", name, (*PROFILES, "all"), where)
    return tuple(PROFILES[name] for name in dict.fromkeys(wanted))
