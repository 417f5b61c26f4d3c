"""The made-up guest's findings, diagnosis and image."""

from __future__ import annotations

from tests.golden.head import PROVENANCE, at, span
from unidbg.views import findings, host
from unidbg.views.base import Address
from unidbg.views.system import Frame, Thread

CULPRIT = at(0x100217, "crash_null_write", 7, "/src/samples/crash/ways.c", 34)

LEAK = findings.Finding(
    "heap-leaks",
    "error",
    "leaks",
    "groups.0",
    "3 blocks of 128 bytes (struct session) are leaked, allocated at session_new",
    "free them where their owner goes: `unidbg leaks` has the call sites",
    at(0x102214, "session_new", 0x24, "/src/samples/httpd/httpd.c", 77),
    "0123456789abcdef",
)
LATE = findings.Finding(
    "timer-overdue",
    "warning",
    "loop",
    "timers.1.overdue_ns",
    "the timer of report is overdue by 1200 ms",
    "look at `unidbg bt`: what keeps the loop from running it?",
    None,
    "fedcba9876543210",
)
VERDICTS = (
    findings.Verdict("heap-leaks", "error", "found", "", 1),
    findings.Verdict("timer-overdue", "warning", "found", "", 1),
    findings.Verdict("ring-stuck", "error", "ok", "", 0),
    findings.Verdict("canary", "error", "unknown", "the guest exports no probe of this kind", 0),
    findings.Verdict("debug-port-exposed", "note", "suppressed", "needed in the lab", 1),
)

CHECKED = findings.ChecksView(PROVENANCE, (), (LEAK, LATE), VERDICTS)

DIAGNOSIS = findings.DiagnosisView(
    PROVENANCE,
    (),
    name="crash",
    state="stopped",
    reason="page fault: write to 0x10, not mapped",
    culprit=CULPRIT,
    thread=Thread(
        "1",
        "cpu0",
        0,
        "stopped",
        "page fault: write to 0x10, not mapped",
        (
            Frame(0, CULPRIT, Address(0x117F00), "pc"),
            Frame(1, at(0x1000B6, "crash_now", 0x16), Address(0x117F20), "cfi"),
        ),
        culprit=0,
    ),
    uptime_ns=65_100_000,
    findings=(LEAK, LATE),
    unknown=(VERDICTS[3],),
    passed=17,
    next=("unidbg bt localhost:1234", "unidbg leaks localhost:1234"),
    log=("[   0.065178] crash: null-write", "[   0.065470] exception 14"),
)

TEXT = findings.TextView(
    PROVENANCE,
    (),
    compared_bytes=45_056,
    changed=(findings.ChangedText(span(0x101A40, 0x101A42), at(0x101A40, "tick"), "5548", "ebfe"),),
    more=False,
)

PROBES = findings.ProbesView(
    PROVENANCE,
    (),
    (findings.Probe("heap", "kernel", at(0x10B400, "manager"), 96, Address(0x10A000)),),
)

LISTED = host.ChecksReport(
    (
        host.CheckInfo(
            "heap-leaks", "error", ("leaks", "blocks"), "Live blocks to which no pointer leads.", "free them"
        ),
        host.CheckInfo(
            "debug-port-exposed", "note", ("security",), "A debug port that stays open.", "close it"
        ),
    )
)
