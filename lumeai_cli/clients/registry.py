"""Every client profile by its name."""

from collections.abc import Mapping

from lumeai_cli.clients import kilo7, kilo_xml, openai_sdk, qwen_code
from lumeai_cli.clients.profile import Profile

PROFILES: Mapping[str, Profile] = {
    profile.name: profile for profile in (kilo_xml.PROFILE, kilo7.PROFILE, qwen_code.PROFILE, openai_sdk.PROFILE)
}
