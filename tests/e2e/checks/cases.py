"""For each built-in check a scene where it must fire, one where it must not, and one where it cannot tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from tests.e2e.checks.dumps import NOWHERE, Code, Lost, Poke, Put, Register, Tables, lvalue
from unidbg.session import Session
from unidbg.views.base import Absent, View
from unidbg.views.system import Thread, ThreadsView

Views = dict[str, View | Absent]


class Scene(NamedTuple):
    """What is looked at: the dump of a setting, with something planted; of two `moments` also the first."""

    setting: str
    pokes: Sequence[Poke] = ()
    moments: int = 1
    threads: Sequence[tuple[str, str | None]] = ()
    """(id, who is waited for): threads that no guest here has."""

    def dressed(self, views: Views) -> Views:
        """The views with what cannot be planted in a dump."""
        if not self.threads:
            return views
        old = views["threads"]
        assert isinstance(old, ThreadsView)
        made = tuple(thread(name, waits) for name, waits in self.threads)
        return {**views, "threads": replace(old, threads=made)}


def thread(name: str, waits: str | None) -> Thread:
    return Thread(name, name, 0, "stopped", "", (), (), None, None, waits)


class Case(NamedTuple):
    """`says` is in what the check says where it fires; `why` in the reason why it cannot tell."""

    fires: Scene
    says: str
    fine: Scene
    unknown: Scene
    why: str


def stack_start(session: Session) -> int:
    return int(session.evaluate(lvalue("memory.stack.start")).value.text)


FINE = Scene("httpd")
NO_TABLES = Scene("httpd", [Tables("heap.blocks", entry=0x7FFF_FFFF_F003, top=True)])
NO_HEAP = Scene("httpd", [Lost("heap")])

CASES: Mapping[str, Case] = {
    "writable-executable-pages": Case(
        Scene("weak"), "0x1000..0x2000 can be written and executed", FINE, NO_TABLES, ""
    ),
    "missing-no-execute": Case(Scene("weak"), "rodata at", FINE, NO_TABLES, ""),
    "writable-text": Case(
        Scene("httpd", [Tables("boot.phases[0].name", flags=2)]), "rodata at", FINE, NO_TABLES, ""
    ),
    "guard-page-missing": Case(Scene("weak"), "an overflow overwrites it", FINE, NO_TABLES, ""),
    "stack-margin-low": Case(
        Scene("httpd", [Register("rsp", lambda s: stack_start(s) + 160)]),
        "160 bytes of stack left",
        FINE,
        Scene("httpd", [Register("rsp", lambda s: NOWHERE)]),
        "no stack is known",
    ),
    "thread-deadlock": Case(
        Scene("httpd", threads=[("a", "b"), ("b", "c"), ("c", "a")]),
        "a -> b -> c -> a",
        FINE,
        Scene("httpd", threads=[("a", "gone")]),
        "gone",
    ),
    "text-changed": Case(
        Scene("httpd", [Code("loop_run", b"\xeb\xfe")]),
        "loop_run are not those of the image: ebfe",
        Scene("httpd", [Code("loop_run", b"\xcc")]),
        Scene("httpd", [Tables("boot.phases[0].name", entry=0)]),
        "cannot be read",
    ),
    "probe-table-damaged": Case(
        Scene("httpd", [Put("unidbg_probe_heap_kernel.size", 7)]),
        "claims 7 bytes",
        FINE,
        Scene("httpd", [Tables("&unidbg_probe_heap_kernel", entry=0)]),
        "unreadable",
    ),
    "canary": Case(
        Scene("httpd", [Put("*security.canary", 0)]),
        "zero",
        FINE,
        Scene("httpd", [Put("security.canary", NOWHERE)]),
        "unreadable",
    ),
    "protection-not-in-force": Case(
        Scene("weak", [Put("security.no_execute", 1)]),
        "no_execute is configured and not in force",
        FINE,
        Scene("httpd", [Lost("security")]),
        "",
    ),
    "debug-port-exposed": Case(
        FINE,
        "exposed",
        Scene("httpd", [Put("security.debug_port_exposed", 0)]),
        Scene("httpd", [Lost("security")]),
        "",
    ),
    "heap-integrity": Case(Scene("corrupt"), "span of 0x0", FINE, NO_HEAP, ""),
    "heap-nearly-full": Case(Scene("full"), "found no room", FINE, NO_HEAP, ""),
    "heap-fragmentation": Case(
        Scene("httpd", [Put("heap.free_bytes", 1 << 20), Put("heap.largest_free", 4096)]),
        "largest block has 4096",
        FINE,
        Scene("httpd", [Put("heap.largest_free", 1 << 50)]),
        "the largest of",
    ),
    "heap-leaks": Case(Scene("leaky"), "allocated at", FINE, Scene("corrupt"), "chain of blocks is broken"),
    "ring-stuck": Case(
        Scene("ring"), "the device has given back none of 3", FINE, Scene("httpd", [Lost("rings")]), ""
    ),
    "ring-index": Case(
        Scene("httpd", [Put("rings.rings[0].head", 100_000)]),
        "in_flight",
        FINE,
        Scene("httpd", [Lost("rings")]),
        "",
    ),
    "descriptor-loop": Case(Scene("corrupt"), "circle", FINE, Scene("httpd", [Lost("rings")]), ""),
    "buffer-outside-memory": Case(
        Scene("httpd", [Put("rings.rings[0].queue.desc[200].address", NOWHERE)]),
        "lie in no memory",
        FINE,
        Scene("httpd", [Lost("rings")]),
        "",
    ),
    "timer-overdue": Case(
        Scene("httpd", [Put("loop.now_ns", 1 << 40)]), "is overdue by", FINE, Scene("corrupt"), "timer_count"
    ),
    "loop-starved": Case(
        Scene("spin", moments=2),
        "has not turned",
        Scene("httpd", moments=2),
        Scene("httpd", [Lost("loop")], moments=2),
        "",
    ),
    "irq-storm": Case(
        Scene("httpd", [Put("devices.devices[1].interrupts", 1 << 40)]),
        "times a second",
        FINE,
        Scene("corrupt"),
        "unreadable memory",
    ),
    "health-check": Case(
        Scene("sick"), "ended as failed", FINE, Scene("httpd", [Put("orchestration.health", NOWHERE)]), ""
    ),
    "lazy-initializer-pending": Case(
        FINE,
        "has never run",
        Scene("httpd", [Put(f"boot.initializers[{n}].completed", 1) for n in range(3)]),
        Scene("httpd", [Put("boot.initializer_count", 1 << 30)]),
        "initializer_count",
    ),
    "boot-phase-over-budget": Case(
        Scene("httpd", [Put("boot.phases[2].end_ns", 60_000_000_000)]),
        "took",
        FINE,
        Scene("httpd", [Put("boot.phase_count", 1 << 30)]),
        "phase_count",
    ),
    "log-panic": Case(Scene("assert"), "assertion", FINE, Scene("corrupt"), "bytes are more than"),
}
