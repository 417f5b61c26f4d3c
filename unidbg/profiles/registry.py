"""The known profiles, the most particular first."""

from __future__ import annotations

from collections.abc import Sequence

from unidbg.profiles.base import Match, Profile
from unidbg.profiles.generic import GenericProfile
from unidbg.profiles.probe import ProbeProfile
from unidbg.program.module import Module


def profiles() -> tuple[Profile, ...]:
    """All of them, in the order in which they are asked."""
    return (ProbeProfile(), GenericProfile())


def detect(modules: Sequence[Module], *, roots: bool = False) -> Match:
    """The first profile that recognises a module.

    `roots`: the user names the structures, so probes are decoded.
    """
    for profile in profiles():
        for module in modules:
            evidence = profile.detect(module.image)
            if evidence is not None or (roots and profile.name == ProbeProfile.name):
                return Match(profile, module, evidence or "[roots] of the configuration")
    return Match(GenericProfile(), None, "no image")
