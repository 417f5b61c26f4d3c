"""The ways in which the sample crash dies, and what is to be seen of each."""

from __future__ import annotations

from typing import NamedTuple


class Crash(NamedTuple):
    """`reason` is a pattern of what is said at attach; `trail` are functions of the backtrace, innermost
    first, `culprit` is the one of them to blame, and `code` is in the line of source where it is.
    """

    way: str
    reason: str
    culprit: str
    code: str
    trail: tuple[str, ...]

    def __str__(self) -> str:
        return self.way


CALLERS = ("crash_now", "fire", "run_timers", "loop_run", "libos_main", "boot_entry")


def _fault(way: str, reason: str, code: str) -> Crash:
    """The processor refuses what the function of that name does, or where it jumps."""
    function = f"crash_{way.replace('-', '_')}"
    return Crash(way, reason, function, code, (function, *CALLERS))


def _panic(way: str, reason: str, code: str, culprit: str) -> Crash:
    """`culprit` calls panic()."""
    function = f"crash_{way.replace('-', '_')}"
    inner = () if culprit == function else (culprit,)
    return Crash(way, reason, culprit, code, ("panic", *inner, function, *CALLERS))


CRASHES = (
    Crash(
        "stack-smash",
        r"stack smashed: the canary is gone",
        "smash",
        "}",
        ("panic", "__stack_chk_fail", "smash", "crash_stack_smash", *CALLERS),
    ),
    Crash(
        "bounds",
        r"bounds: index 5 is beyond the array at crash/ways\.c:\d+",
        "crash_bounds",
        "primes[",
        ("panic", "__ubsan_handle_out_of_bounds_abort", "crash_bounds", *CALLERS),
    ),
    Crash(
        "misaligned",
        r"type: 0x[0-9a-f]+ does not point to what is used at crash/ways\.c:\d+",
        "crash_misaligned",
        "uint32_t *)place",
        ("panic", "__ubsan_handle_type_mismatch_v1_abort", "crash_misaligned", *CALLERS),
    ),
    Crash(
        "wild-callback",
        r"control flow: 0x[0-9a-f]+ is not the begin of a function",
        "security_check_call",
        "control_flow_failed(",
        ("panic", "control_flow_failed", "security_check_call", *CALLERS[1:]),
    ),
    _fault("null-write", r"page fault: write to 0x10, not mapped", "FIELD_OFFSET) = 1"),
    _fault("jump-to-null", r"page fault: execution of 0x0, not mapped .* at 0x0$", "next() + 1"),
    _fault("jump-to-data", r"page fault: execution of 0x[0-9a-f]+, not permitted", "next() + 1"),
    _fault("execute-heap", r"page fault: execution of 0x[0-9a-f]+, not permitted", "next() + 1"),
    _panic(
        "heap-overrun", r"heap: overrun: .* behind the 48 bytes at 0x[0-9a-f]+", "panic(", "require_block"
    ),
    _panic("double-free", r"heap: double free of 0x[0-9a-f]+", "panic(", "require_block"),
    _fault("stack-overflow", r"page fault: write to .*a stack has grown into its guard page", "scratch"),
    _fault("divide", r"divide error", "/ zero"),
    _panic("assert", r'assertion "count == 0" failed in crash_assert', "assert(", "crash_assert"),
    _panic("out-of-memory", r"out of memory: no room for 4096 bytes", "panic(", "allocate_or_panic"),
    Crash(
        "interrupt-fault",
        r"page fault: write to 0x10, not mapped",
        "crash_null_write",
        "FIELD_OFFSET) = 1",
        ("crash_null_write", "fault_in_handler", "device_interrupt", "crash_interrupt_fault", *CALLERS),
    ),
)
