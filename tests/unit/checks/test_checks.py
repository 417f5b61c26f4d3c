"""Every built-in check: views where it must fire, where it must not, and where it cannot tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.golden import forensics, sample
from tests.golden.findings import PROBES, TEXT
from tests.golden.head import PROVENANCE, at, span
from unidbg.checks.check import Limits, Seen, covers
from unidbg.checks.running import BUILT_IN, fingerprint, run, views_needed
from unidbg.views.base import Absent, Address, Fault, View
from unidbg.views.findings import Finding, Verdict
from unidbg.views.network import RingsView
from unidbg.views.security import Protection, SecurityView
from unidbg.views.services import Health, HealthResult, OrchestrationView
from unidbg.views.system import (
    BootView,
    DevicesView,
    HeapView,
    Initializer,
    LogView,
    LoopView,
    Region,
    Thread,
    ThreadsView,
)

Views = dict[str, View | Absent]

SECURE = SecurityView(
    PROVENANCE,
    (),
    protections=(Protection("stack_canaries", True, True, "functions load it"),),
    weak=(),
    canary=0x1234,
    canary_at=at(0x10B000, "__stack_chk_guard"),
    slide_bytes=0,
    link_address=None,
    registers=None,
    writable_executable_pages=0,
    writable_text_pages=0,
    executable_data_pages=0,
    guard_pages=1,
    debug_port_exposed=False,
    tls=None,
)
HEALTH = Health(
    at(0x1000, "check"), 1_000_000_000, 100_000_000, 5, 0, 0, 200_000_000, 0, (HealthResult(10, "ok", 5),)
)
SERVING = OrchestrationView(PROVENANCE, (), 20, HEALTH, None, ())


def typed(name: str, kind: type[View]) -> View:
    view = sample.VIEWS[name]
    assert isinstance(view, kind)
    return view


MEMORY = replace(sample.MEMORY, guards=())
HEAP = replace(typed("heap", HeapView), free_bytes=None, largest_free_bytes=None)  # type: ignore[call-arg]
LOOP = replace(typed("loop", LoopView), timers=())  # type: ignore[call-arg]
BOOT = replace(typed("boot", BootView), initializers=())  # type: ignore[call-arg]
DEVICES = replace(typed("devices", DevicesView), devices=())  # type: ignore[call-arg]
RINGS = replace(typed("rings", RingsView), faults=(), rings=())  # type: ignore[call-arg]
LOG = LogView(PROVENANCE, (), ("all is well",), 4096, 11, 0)


def thread(name: str, margin: int | None = 60_000, waits: str | None = None) -> Thread:
    return Thread(name, name, 0, "stopped", "", (), (), None, margin, waits)


def threads(*each: Thread) -> ThreadsView:
    return ThreadsView(PROVENANCE, (), each)


HEALTHY: Views = {
    "memory": replace(
        MEMORY,
        guards=(span(0x10F000, 0x110000),),
        regions=tuple(r for r in MEMORY.regions if not r.start < 0x110000 <= r.end),
    ),
    "heap": replace(HEAP, free_bytes=1 << 20, largest_free_bytes=1 << 20),  # type: ignore[call-arg]
    "blocks": replace(forensics.BLOCKS, damaged=0, faults=()),
    "leaks": replace(forensics.LEAKS, leaked=0, groups=()),
    "loop": LOOP,
    "boot": BOOT,
    "devices": DEVICES,
    "rings": RINGS,
    "log": LOG,
    "security": SECURE,
    "orchestration": SERVING,
    "threads": threads(thread("1")),
    "text": replace(TEXT, changed=()),
    "probes": PROBES,
}
EARLIER: Views = {**HEALTHY, "loop": replace(LOOP, iterations=0, now_ns=0)}  # type: ignore[call-arg]


def look(
    views: Views, check: str, before: Views | None = None, elapsed_ns: int = 0
) -> tuple[list[Finding], Verdict]:
    findings, verdicts = run(Seen({**HEALTHY, **views}, before or EARLIER, elapsed_ns=elapsed_ns), BUILT_IN)
    (verdict,) = [verdict for verdict in verdicts if verdict.check == check]
    return [finding for finding in findings if finding.check == check], verdict


def test_a_healthy_guest_has_no_findings_and_nothing_is_unknown() -> None:
    findings, verdicts = run(Seen(HEALTHY, EARLIER), BUILT_IN)
    assert [finding.message for finding in findings] == []
    assert {verdict.check: verdict.reason for verdict in verdicts if verdict.outcome != "ok"} == {}


def region(kind: str, writable: bool, no_execute: bool, start: int = 0x100000) -> Region:
    return Region(Address(start), Address(start + 0x1000), Address(start), writable, False, no_execute, kind)


def memory(*regions: Region, **changes: object) -> Views:
    return {"memory": replace(MEMORY, regions=regions, **changes)}  # type: ignore[arg-type]


def ring_fault(where: str, reason: str) -> Views:
    return {"rings": replace(RINGS, faults=(Fault(where, reason, Address(0x5000)),))}


def stuck_ring() -> Views:
    rings = typed("rings", RingsView)
    assert isinstance(rings, RingsView)
    return {"rings": replace(rings, faults=(), rings=(replace(rings.rings[0], stuck="no move for 2 s"),))}


def overdue() -> Views:
    loop = typed("loop", LoopView)
    assert isinstance(loop, LoopView)
    return {"loop": replace(loop, timers=(replace(loop.timers[0], overdue_ns=2_000_000_000),))}


def storm() -> Views:
    devices = typed("devices", DevicesView)
    assert isinstance(devices, DevicesView)
    return {"devices": replace(devices, devices=(replace(devices.devices[0], interrupts=1 << 40),))}


def initializer(state: str) -> Views:
    assert isinstance(BOOT, BootView)
    return {"boot": replace(BOOT, initializers=(Initializer(at(1, "never"), state, 0),))}


def slow_phase() -> Views:
    assert isinstance(BOOT, BootView)
    return {"boot": replace(BOOT, phases=(replace(BOOT.phases[0], duration_ns=5_000_000_000),))}


def healthy_but(**changes: object) -> Views:
    return {"orchestration": replace(SERVING, health=replace(HEALTH, **changes))}  # type: ignore[arg-type]


FIRES: list[tuple[str, Views, str]] = [
    ("writable-executable-pages", memory(region("code", True, False)), "code at 0x100000"),
    ("missing-no-execute", memory(region("heap", True, False)), "heap at 0x100000"),
    ("writable-text", memory(region("rodata", True, True)), "can be written"),
    ("guard-page-missing", memory(region("data", True, True, 0x10F000)), "overflow overwrites it"),
    (
        "guard-page-missing",
        memory(region("", True, True, 0x10F000), guards=(span(0x10F000, 0x110000),)),
        "is mapped",
    ),
    ("stack-margin-low", {"threads": threads(thread("worker", 100))}, "100 bytes of stack left"),
    (
        "thread-deadlock",
        {"threads": threads(thread("a", waits="b"), thread("b", waits="c"), thread("c", waits="b"))},
        "b -> c -> b",
    ),
    ("text-changed", {"text": TEXT}, "tick"),
    (
        "probe-table-damaged",
        {"probes": replace(PROBES, faults=(Fault("probes", "a record claims 7 bytes"),))},
        "claims 7 bytes",
    ),
    ("canary", {"security": replace(SECURE, canary=0)}, "is zero"),
    (
        "canary",
        {"security": replace(SECURE, protections=(Protection("stack_canaries", False, False, "no load"),))},
        "no load",
    ),
    (
        "protection-not-in-force",
        {"security": replace(SECURE, protections=(Protection("smep", True, False, "CR4 has it off"),))},
        "smep is configured and not in force",
    ),
    ("debug-port-exposed", {"security": replace(SECURE, debug_port_exposed=True)}, "exposed"),
    ("heap-integrity", {"blocks": forensics.BLOCKS}, "before it lies the used block"),
    ("heap-nearly-full", {"heap": replace(HEAP, allocated_bytes=4_100_000)}, "% of"),  # type: ignore[call-arg]
    ("heap-nearly-full", {"heap": replace(HEAP, failed=3)}, "3 allocations"),  # type: ignore[call-arg]
    (
        "heap-fragmentation",
        {"heap": replace(HEAP, free_bytes=1 << 20, largest_free_bytes=4096)},  # type: ignore[call-arg]
        "largest block has 4096",
    ),
    ("heap-leaks", {"leaks": forensics.LEAKS}, "struct session"),
    ("ring-stuck", stuck_ring(), "no move for 2 s"),
    ("ring-index", ring_fault("rings[0].in_flight", "300 packets do not fit a ring of 256"), "300 packets"),
    ("descriptor-loop", ring_fault("rings[0].queue.chains[1]", "the chain runs in a circle"), "circle"),
    (
        "buffer-outside-memory",
        ring_fault("rings[0].slots[1].packet", "the 60 bytes of it are unreadable"),
        "unreadable",
    ),
    ("timer-overdue", overdue(), "overdue by 2000 ms"),
    ("irq-storm", storm(), "times a second"),
    ("health-check", healthy_but(results=(HealthResult(1, "timeout", 1),)), "ended as timeout"),
    ("health-check", healthy_but(age_ns=9_000_000_000), "9000 ms old"),
    ("health-check", healthy_but(running_ns=900_000_000), "runs for 900 ms"),
    ("lazy-initializer-pending", initializer("pending"), "never has never run"),
    ("boot-phase-over-budget", slow_phase(), "took 5000 ms"),
    ("log-panic", {"log": replace(LOG, lines=("fine", "PANIC: it is over"))}, "it is over"),
]


@pytest.mark.parametrize(("check", "views", "words"), FIRES, ids=lambda value: str(value)[:40])
def test_fires(check: str, views: Views, words: str) -> None:
    findings, verdict = look(views, check)
    assert verdict.outcome == "found"
    assert words in findings[0].message
    assert findings[0].remedy
    assert len(findings[0].fingerprint) == 16


def test_a_loop_that_does_not_turn() -> None:
    whole = typed("loop", LoopView)
    assert isinstance(whole, LoopView)
    stands: Views = {
        "loop": replace(whole, timers=(replace(whole.timers[0], deadline_ns=whole.now_ns + 1000),))
    }
    findings, _ = look(stands, "loop-starved", {**HEALTHY, **stands}, 2_000_000_000)
    assert "has not turned in 2000 ms" in findings[0].message
    _, soon = look(stands, "loop-starved", {**HEALTHY, **stands}, 5_000_000)
    idle: Views = {"loop": replace(whole, timers=())}
    _, rests = look(idle, "loop-starved", {**HEALTHY, **idle}, 2_000_000_000)
    assert soon.outcome == rests.outcome == "unknown"


def absent(view: str) -> Views:
    return {view: Absent(view, "no probe", "", PROVENANCE)}


UNKNOWN: list[tuple[str, Views]] = [
    *((check.name, absent(check.needs[0])) for check in BUILT_IN),
    ("writable-executable-pages", memory(page_table_root=None)),
    ("stack-margin-low", {"threads": threads(thread("1", None))}),
    ("text-changed", {"text": replace(TEXT, compared_bytes=0)}),
    ("probe-table-damaged", {"probes": replace(PROBES, probes=())}),
    ("heap-nearly-full", {"heap": replace(HEAP, faults=(Fault("current", "lies outside"),))}),
    ("heap-fragmentation", {"heap": HEAP}),
    ("heap-leaks", {"blocks": forensics.BLOCKS}),
    ("timer-overdue", {"loop": replace(LOOP, faults=(Fault("timers[3].callback", "bad"),))}),
    ("health-check", {"orchestration": replace(SERVING, health=None)}),
    ("canary", {"security": replace(SECURE, protections=())}),
]


@pytest.mark.parametrize(("check", "views"), UNKNOWN, ids=lambda value: str(value)[:40])
def test_cannot_tell(check: str, views: Views) -> None:
    findings, verdict = look(views, check)
    assert (findings, verdict.outcome) == ([], "unknown")
    assert verdict.reason


def test_findings_come_worst_first_and_every_need_is_a_view() -> None:
    views = {**HEALTHY, **overdue(), "leaks": forensics.LEAKS, **initializer("pending")}
    findings, _ = run(Seen(views, EARLIER), BUILT_IN)
    assert [finding.severity for finding in findings] == ["error", "error", "warning", "note"]
    assert set(views_needed()) == set(HEALTHY)


def test_limits_decide() -> None:
    findings, _ = run(Seen({**HEALTHY, **overdue()}, EARLIER, Limits(timer_overdue_ns=1 << 40)), BUILT_IN)
    assert findings == ()


def test_a_fingerprint_has_no_address_in_it() -> None:
    other = memory(region("heap", True, False, 0x555000))
    first, second = (look(views, "missing-no-execute")[0][0] for views in (FIRES[1][1], other))
    assert first.fingerprint == second.fingerprint == fingerprint("missing-no-execute", "heap")


@pytest.mark.parametrize(
    ("path", "where", "covered"),
    [
        ("timers", "timers[3].callback", True),
        ("timers.*.callback", "timers[3].callback", True),
        ("timers.3", "timers[3].callback", True),
        ("timers.4", "timers[3].callback", False),
        ("timer", "timers[3]", False),
        ("timers.3.callback", "timers[3]", False),
    ],
)
def test_covers(path: str, where: str, covered: bool) -> None:
    assert covers(path, where) is covered
