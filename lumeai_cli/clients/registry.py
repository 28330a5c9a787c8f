"""Every client profile by its name."""

from collections.abc import Mapping

from lumeai_cli.clients import (
    aider,
    cline,
    cline_xml,
    continue_,
    kilo7,
    kilo_native,
    kilo_xml,
    langchain,
    openai_sdk,
    opencode,
    qwen_code,
    roo,
)
from lumeai_cli.clients.profile import Profile

PROFILES: Mapping[str, Profile] = {
    module.PROFILE.name: module.PROFILE
    for module in (
        kilo_xml,
        kilo_native,
        kilo7,
        roo,
        cline,
        cline_xml,
        opencode,
        qwen_code,
        continue_,
        aider,
        openai_sdk,
        langchain,
    )
}
