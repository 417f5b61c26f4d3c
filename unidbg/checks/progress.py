"""Checks of what should go on: timers, loop, interrupts, health, boot, log."""

from __future__ import annotations

import re
from collections.abc import Iterator

from unidbg.checks.check import CannotTell, Check, Found, Seen
from unidbg.views.services import OrchestrationView
from unidbg.views.system import BootView, DevicesView, LogView, LoopView, Timer

PANIC = re.compile(r"\b(panic|assertion|assert failed|fatal|double fault|stack smashing)\b", re.IGNORECASE)
MISSED = 3
"""Intervals of the health check after which its last result is stale."""


def timer_overdue(seen: Seen) -> Iterator[Found]:
    view = seen.get("loop", LoopView, "timers", "now_ns")
    for index, timer in enumerate(view.timers):
        if timer.overdue_ns >= seen.limits.timer_overdue_ns:
            name = timer.callback.symbol or hex(timer.callback.address)
            text = f"the timer of {name} is overdue by {timer.overdue_ns / 1e6:.0f} ms"
            key = timer.callback.symbol or str(index)
            yield Found(f"timers.{index}.overdue_ns", text, timer.callback, key)


def loop_starved(seen: Seen) -> Iterator[Found]:
    view = seen.get("loop", LoopView, "now_ns", "iterations")
    before = (seen.before or {}).get("loop")
    if not isinstance(before, LoopView):
        raise CannotTell("one moment does not tell whether the loop turns: give a load command")
    if view.iterations == before.iterations:
        timer = _due(before, seen.elapsed_ns - seen.limits.loop_late_ns)
        name = timer.callback.symbol or hex(timer.callback.address)
        said = f"{view.iterations} iterations, though the timer of {name} was due"
        yield Found("iterations", f"the loop has not turned in {seen.elapsed_ns / 1e6:.0f} ms: {said}")
    elif view.now_ns - before.now_ns >= seen.limits.loop_late_ns * (view.iterations - before.iterations):
        late = (view.now_ns - before.now_ns) // (view.iterations - before.iterations)
        yield Found("iterations", f"a turn of the loop takes {late / 1e6:.0f} ms")


def _due(loop: LoopView, within_ns: int) -> Timer:
    """A timer that was due `within_ns` after a moment; CannotTell where none was: then the loop may rest."""
    found = next((timer for timer in loop.timers if timer.deadline_ns <= loop.now_ns + within_ns), None)
    if within_ns < 0 or found is None:
        raise CannotTell("the loop did not turn, but no timer was due for long between the two moments")
    return found


def interrupt_storm(seen: Seen) -> Iterator[Found]:
    view = seen.get("devices", DevicesView, "devices")
    loop, before = seen.get("loop", LoopView, "now_ns"), seen.before or {}
    old, old_loop = before.get("devices"), before.get("loop")
    since = old_loop.now_ns if isinstance(old_loop, LoopView) and isinstance(old, DevicesView) else 0
    counts = {d.name: d.interrupts for d in old.devices} if isinstance(old, DevicesView) and since else {}
    elapsed = loop.now_ns - since
    if elapsed <= 0:
        raise CannotTell("the guest's clock does not advance")
    for index, device in enumerate(view.devices):
        rate = (device.interrupts - counts.get(device.name, 0)) * 1_000_000_000 // elapsed
        if rate >= seen.limits.interrupts_per_second:
            text = f"{device.name} interrupts {rate} times a second"
            yield Found(f"devices.{index}.interrupts", text, device.handler, device.name)


def health(seen: Seen) -> Iterator[Found]:
    view = seen.get("orchestration", OrchestrationView, "health", "now_ns")
    check = view.health
    if check is None:
        raise CannotTell("the guest has no health check")
    last = check.results[0].outcome if check.results else ""
    if last in ("failed", "timeout"):
        yield Found(
            "health.results.0.outcome", f"the last health check ended as {last}", check.check, "outcome"
        )
    limit = MISSED * check.interval_ns + check.timeout_ns
    if check.age_ns is not None and check.age_ns > limit:
        every = f"at an interval of {check.interval_ns / 1e6:.0f} ms"
        text = f"the last result is {check.age_ns / 1e6:.0f} ms old, {every}"
        yield Found("health.age_ns", text, check.check, "age")
    if check.running_ns > check.timeout_ns > 0:
        yield Found(
            "health.running_ns", f"the check runs for {check.running_ns / 1e6:.0f} ms", check.check, "hang"
        )


def lazy_initializer(seen: Seen) -> Iterator[Found]:
    view = seen.get("boot", BootView, "initializers")
    for index, one in enumerate(view.initializers):
        if one.state == "pending":
            name = one.function.symbol or hex(one.function.address)
            key = one.function.symbol or str(index)
            yield Found(f"initializers.{index}.state", f"{name} has never run", one.function, key)


def boot_phase(seen: Seen) -> Iterator[Found]:
    view = seen.get("boot", BootView, "phases")
    for index, phase in enumerate(view.phases):
        if phase.duration_ns > seen.limits.boot_phase_ns:
            text = f"phase {phase.name} took {phase.duration_ns / 1e6:.0f} ms"
            yield Found(f"phases.{index}.duration_ns", text, None, phase.name)


def log_panic(seen: Seen) -> Iterator[Found]:
    view = seen.get("log", LogView, "buffer", "size_bytes", "lines")
    for index, line in enumerate(view.lines):
        found = PANIC.search(line)
        if found:
            yield Found(f"lines.{index}", f"the log says: {line.strip()[:200]}", None, found[0].lower())


CHECKS = (
    Check(
        "timer-overdue", "warning", ("loop",), "A timer whose deadline has passed.",
        "look at `unidbg bt`: what keeps the loop from running it?", timer_overdue,
    ),
    Check(
        "loop-starved", "error", ("loop",), "An event loop that does not turn, or slowly.",
        "look at `unidbg bt`: which handler does not return?", loop_starved,
    ),
    Check(
        "irq-storm", "warning", ("devices", "loop"), "A device that interrupts without end.",
        "its handler does not acknowledge the interrupt, or the device should be polled", interrupt_storm,
    ),
    Check(
        "health-check", "error", ("orchestration",), "A health check that fails, hangs or is not made.",
        "look at `unidbg orchestration` and at the function that it names", health,
    ),
    Check(
        "lazy-initializer-pending", "note", ("boot",), "An initialiser that was never needed.",
        "leave it out of the image, if nothing will ever need it", lazy_initializer,
    ),
    Check(
        "boot-phase-over-budget", "warning", ("boot",), "A phase of boot that took too long.",
        "look at `unidbg boot`", boot_phase,
    ),
    Check(
        "log-panic", "error", ("log",), "A log that tells of a panic or a failed assertion.",
        "look at `unidbg log` and `unidbg bt`", log_panic,
    ),
)  # fmt: skip
