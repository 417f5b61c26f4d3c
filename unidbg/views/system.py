"""The views of a unikernel's parts: memory, devices, boot, app, heap, loop, threads, log."""

from __future__ import annotations

from unidbg.views.base import Absent, Address, Location, Range, SourceText, View
from unidbg.views.network import NetView, RingsView
from unidbg.views.record import Record, record
from unidbg.views.security import SecurityView
from unidbg.views.services import CloudView, OrchestrationView, RuntimeView


@record
class Region(Record):
    """A run of virtual pages that are mapped alike.

    `kind` is `code`, `rodata`, `data`, `heap`, `stack` or `""`."""

    start: Address
    end: Address
    physical: Address
    writable: bool
    user: bool
    no_execute: bool
    kind: str


@record
class PageCounts(Record):
    """Pages of the live page tables, counted in units of 4 KiB (a 2 MiB page counts 512)."""

    present: int
    writable: int
    user: int
    no_execute: int
    writable_executable: int


@record
class MemoryView(View):
    """Layout and page tables.

    A range is `None` where nobody tells it; `page_table_root` is physical (CR3). `guards` are pages that the
    guest keeps unmapped, below stacks: a guard that is mapped after all is a fault.
    """

    code: Range | None
    rodata: Range | None
    data: Range | None
    heap: Range | None
    stack: Range | None
    page_table_root: Address | None
    pages: PageCounts | None
    regions: tuple[Region, ...]
    guards: tuple[Range, ...] = ()


@record
class Device(Record):
    """A device: `mmio_base` and `port_base` are `None` where it has none, `irq` likewise."""

    name: str
    mmio_base: Address | None
    port_base: int | None
    irq: int | None
    handler: Location | None
    interrupts: int


@record
class DevicesView(View):
    """Devices and their interrupt counts."""

    devices: tuple[Device, ...]


@record
class MemoryMapEntry(Record):
    """A range of physical memory.

    `type` is `usable`, `reserved`, `acpi`, `nvs`, `unusable`, `disabled`, `persistent` or `type N`."""

    start: Address
    length_bytes: int
    type: str


@record
class BootPhase(Record):
    """A phase of boot. Times since the first instruction of the kernel."""

    name: str
    start_ns: int
    duration_ns: int


@record
class Initializer(Record):
    """An initialiser that runs when it is first needed.

    `state` is `pending` or `done`; `duration_ns` is 0 while it is pending.
    """

    function: Location
    state: str
    duration_ns: int


@record
class BootView(View):
    """What the kernel was given, and how long it took to come up.

    `preallocated` are the pages set aside at boot for later, of which `preallocated_free` are not yet taken
    (`None`: the guest does not tell).
    """

    memory_map: tuple[MemoryMapEntry, ...]
    command_line: str
    initrd: Range | None
    phases: tuple[BootPhase, ...]
    total_ns: int
    initializers: tuple[Initializer, ...] = ()
    preallocated: Range | None = None
    preallocated_free: int | None = None


@record
class AppView(View):
    """The application that the unikernel was built for."""

    name: str
    entry: Location
    heap: Range | None
    data: Range | None
    memory_bytes: int
    needs_network: bool
    needs_storage: bool
    ports: tuple[int, ...]


@record
class PageBitmap(Record):
    """The page bitmap of an allocator.

    `free` is what it says, `free_counted` what counting its bits gives."""

    base: Address
    page_size_bytes: int
    total: int
    free: int
    free_counted: int | None


@record
class SizeClass(Record):
    """Blocks of one size that an allocator hands out: `used` are live, `free` wait in its list."""

    size_bytes: int
    used: int
    free: int


@record
class CallSite(Record):
    """Who allocated: live blocks and their bytes by the address that the allocation returns to."""

    location: Location
    count: int
    bytes: int


@record
class Tracker(Record):
    """The table of an allocation tracker: what it records, of how many slots, and what it could not record.

    `left_out` counts allocations since boot whose block found no room, `left_out_sites` those whose call site
    found none and is not known, `unknown` blocks that were freed and had not been recorded.
    """

    block_count: int
    block_slots: int
    site_count: int
    site_slots: int
    left_out: int
    left_out_sites: int
    unknown: int


@record
class HeapView(View):
    """The allocator. `allocated_bytes` and `count` are live; `peak_bytes` is the high-water mark.

    What stands behind `pages` is `None` or empty where the allocator does not tell: `free_bytes` in free
    blocks and `largest_free_bytes` of them (their ratio is the fragmentation), `failed` allocations.
    """

    start: Address
    current: Address
    end: Address
    allocated_bytes: int
    peak_bytes: int
    count: int
    pages: PageBitmap | None
    free_bytes: int | None = None
    largest_free_bytes: int | None = None
    failed: int | None = None
    classes: tuple[SizeClass, ...] = ()
    call_sites: tuple[CallSite, ...] = ()
    tracker: Tracker | None = None


@record
class Timer(Record):
    """An armed timer. `overdue_ns` is 0 while the deadline lies ahead; `period_ns` is 0 for a single shot."""

    callback: Location
    data: Address
    deadline_ns: int
    period_ns: int
    overdue_ns: int
    fired: int


@record
class IoHandler(Record):
    """A handler that the loop calls when its descriptor is ready."""

    descriptor: int
    callback: Location
    data: Address
    events: int


@record
class LoopView(View):
    """The event loop. `now_ns` is the guest's clock as the loop last read it."""

    now_ns: int
    iterations: int
    timers_fired: int
    events_handled: int
    timers: tuple[Timer, ...]
    handlers: tuple[IoHandler, ...]


@record
class Variable(Record):
    """A parameter or local variable of a function: its name, C type and value as text.

    `value` is in angle brackets where there is none: `<optimised out>`, or why it cannot be told.
    """

    name: str
    type: str
    value: str
    parameter: bool = False


@record
class Frame(Record):
    """One frame of a backtrace, innermost first.

    `how` says what found it: `pc`, `cfi`, `frame-pointer`, `link-register`, `inline`, `guess`; `tail-call`:
    the function ended in a jump to the one below, so the stack does not have it; `return-address` is that of
    a call to what is no code. `variables` and `source` are there where they were asked for (`unidbg bt`,
    `bt --source`).
    """

    index: int
    pc: Location
    sp: Address
    how: str
    variables: tuple[Variable, ...] = ()
    source: SourceText | None = None


@record
class Thread(Record):
    """A thread or vCPU.

    `id` is the target's, `state` is `stopped`, `running`, `halted` or what the guest says. `culprit` is the
    index of the frame to blame where the guest has died: behind a panic function its caller, behind a wild
    jump who jumped. `stack_margin_bytes` lie between its stack pointer and the end of its stack (`None`: not
    known); `waits_for` is the id of the thread that holds what it waits for (`None`: nothing).
    """

    id: str
    name: str
    cpu: int | None
    state: str
    reason: str
    frames: tuple[Frame, ...]
    faults: tuple[str, ...] = ()
    culprit: int | None = None
    stack_margin_bytes: int | None = None
    waits_for: str | None = None


@record
class ThreadsView(View):
    """vCPUs and threads with backtraces."""

    threads: tuple[Thread, ...]


@record
class LogView(View):
    """The console ring, oldest line first.

    `lost_bytes` were overwritten; control bytes are kept: renderers escape."""

    lines: tuple[str, ...]
    size_bytes: int
    written_bytes: int
    lost_bytes: int


@record
class OverviewView(View):
    """The first page: everything at a glance. A part that is not to be had is `Absent`.

    `rings` has counters alone, `heap` no size classes and call sites: those are in the views of their own.
    """

    state: str
    reason: str
    pc: Location | None
    threads: ThreadsView | Absent
    app: AppView | Absent
    memory: MemoryView | Absent
    heap: HeapView | Absent
    loop: LoopView | Absent
    devices: DevicesView | Absent
    boot: BootView | Absent
    log: LogView | Absent
    net: NetView | Absent
    rings: RingsView | Absent
    security: SecurityView | Absent
    cloud: CloudView | Absent
    orchestration: OrchestrationView | Absent
    runtime: RuntimeView | Absent


OVERVIEW_PARTS = tuple(name for name, kind in OverviewView.__annotations__.items() if "Absent" in kind)
"""The views that an `OverviewView` carries, by the name of the field, in its order."""
