"""Checks of protections."""

from __future__ import annotations

from collections.abc import Iterator

from unidbg.checks.check import CannotTell, Check, Found, Seen
from unidbg.views.security import SecurityView


def canary(seen: Seen) -> Iterator[Found]:
    view = seen.get("security", SecurityView, "canary")
    one = next((p for p in view.protections if p.name == "stack_canaries"), None)
    if one is None or (one.found is None and one.configured is not False):
        raise CannotTell(one.evidence if one else "nothing is known of stack canaries")
    if view.canary == 0:
        yield Found("canary", "the canary is zero", view.canary_at, "zero")
    elif one.found is False or one.configured is False:
        yield Found("protections.stack_canaries", f"stacks are not protected: {one.evidence}", view.canary_at)


def debug_port(seen: Seen) -> Iterator[Found]:
    view = seen.get("security", SecurityView, "debug_port_exposed")
    if view.debug_port_exposed is None:
        raise CannotTell("the guest does not say whether its debug port is exposed")
    if view.debug_port_exposed:
        yield Found("debug_port_exposed", "the debug port is exposed: whoever reaches it owns the guest")


def weak(seen: Seen) -> Iterator[Found]:
    """What is configured and not true: worse than what is off."""
    view = seen.get("security", SecurityView, "protections")
    for index, one in enumerate(view.protections):
        if one.configured and one.found is False:
            text = f"{one.name} is configured and not in force: {one.evidence}"
            yield Found(f"protections.{index}.found", text, None, one.name)


CHECKS = (
    Check(
        "canary", "error", ("security",), "A stack canary that is absent, constant or zero.",
        "compile with -fstack-protector-strong and seed the guard from RDRAND before the first call", canary,
    ),
    Check(
        "protection-not-in-force", "error", ("security",), "A protection that is configured, not in force.",
        "look at `unidbg security`: the evidence says what was looked at", weak,
    ),
    Check(
        "debug-port-exposed", "note", ("security",), "A debug port that stays open.",
        "build releases with `make OBSERVE=1`, or without the stub", debug_port,
    ),
)  # fmt: skip
