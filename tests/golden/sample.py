"""A made-up guest: every view with ordinary and odd values, and a session that gives them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import TracebackType

from tests.golden import surroundings
from tests.golden.forensics import Forensics
from tests.golden.head import PROVENANCE as PROVENANCE
from tests.golden.head import at, span
from tests.golden.traffic import NET_PARTS, RINGS_NOW_NS, quiet_rings, rings
from unidbg.errors import SymbolNotFound
from unidbg.views import conformance, files, host, inspect, network, security, services, system
from unidbg.views.base import (
    Absent,
    Address,
    Fault,
    Provenance,
    SourceText,
    View,
)

TICK = at(0x101A40, "tick", 0, "/src/samples/hello/main.c", 31)
REPORT = at(0x101AD0, "report", 0, "/src/samples/hello/main.c", 47)
UART_IRQ = at(0x100F10, "uart_interrupt", 0, "/src/samples/libos/uart.c", 88)
IDLE = at(0x10173C, "loop_run", 0x4C, "/src/samples/libos/loop.c", 112)

MEMORY = system.MemoryView(
    PROVENANCE,
    (),
    code=span(0x100000, 0x108000),
    rodata=span(0x108000, 0x10B000),
    data=span(0x10B000, 0x110000),
    heap=span(0x200000, 0x600000),
    stack=span(0x110000, 0x118000),
    page_table_root=Address(0x10C000),
    pages=system.PageCounts(
        present=65_560, writable=65_549, user=0, no_execute=65_552, writable_executable=0
    ),
    regions=(
        system.Region(Address(0x100000), Address(0x108000), Address(0x100000), False, False, False, "code"),
        system.Region(Address(0x108000), Address(0x10B000), Address(0x108000), False, False, True, "rodata"),
        system.Region(Address(0x10B000), Address(0x110000), Address(0x10B000), True, False, True, "data"),
        system.Region(Address(0x200000), Address(0x600000), Address(0x200000), True, False, True, "heap"),
        system.Region(
            Address(0xFFFF800000000000), Address(0xFFFF800010000000), Address(0), True, False, True, ""
        ),
    ),
    guards=surroundings.GUARDS,
)

HEAP = system.HeapView(
    PROVENANCE,
    (),
    start=Address(0x200000),
    current=Address(0x338000),
    end=Address(0x600000),
    allocated_bytes=1_273_856,
    peak_bytes=3_407_872,
    count=1_204,
    pages=system.PageBitmap(Address(0x600000), 4096, total=2_048, free=1_733, free_counted=1_733),
    free_bytes=40_960,
    largest_free_bytes=16_384,
    failed=0,
    classes=surroundings.CLASSES,
    call_sites=surroundings.CALL_SITES,
)

LOOP = system.LoopView(
    PROVENANCE,
    (),
    now_ns=12_400_000_000,
    iterations=248_113,
    timers_fired=1_363,
    events_handled=17,
    timers=(
        system.Timer(TICK, Address(0x10B140), 12_410_000_000, 10_000_000, 0, 1_239),
        system.Timer(REPORT, Address(0), 12_398_750_000, 100_000_000, 1_250_000, 123),
        system.Timer(at(0xDEAD), Address(0xDEADBEEF), 72_400_000_000, 0, 0, 0),
    ),
    handlers=(
        system.IoHandler(
            1, at(0x100E40, "console_input", 0, "/src/samples/libos/console.c", 64), Address(0), 17
        ),
    ),
)

DEVICES = system.DevicesView(
    PROVENANCE,
    (),
    devices=(
        system.Device("uart0", None, 0x3F8, 4, UART_IRQ, 17),
        system.Device("lapic-timer", Address(0xFEE00000), None, 32, TICK, 12_401),
        system.Device("debug", None, 0x2F8, 3, None, 0),
    ),
)

BOOT = system.BootView(
    PROVENANCE,
    (),
    memory_map=(
        system.MemoryMapEntry(Address(0), 654_336, "usable"),
        system.MemoryMapEntry(Address(0x9FC00), 1_024, "reserved"),
        system.MemoryMapEntry(Address(0x100000), 133_033_984, "usable"),
    ),
    command_line="console=ttyS0 greeting=hello",
    initrd=None,
    phases=(
        system.BootPhase("early", 0, 210_000),
        system.BootPhase("memory", 210_000, 1_900_000),
        system.BootPhase("devices", 2_110_000, 640_000),
    ),
    total_ns=2_750_000,
    initializers=surroundings.INITIALIZERS,
    preallocated=span(0x700000, 0x740000),
    preallocated_free=60,
)

APP = system.AppView(
    PROVENANCE,
    (),
    name="hello",
    entry=at(0x101B20, "app_main", 0, "/src/samples/hello/main.c", 60),
    heap=span(0x200000, 0x600000),
    data=span(0x10B000, 0x110000),
    memory_bytes=67_108_864,
    needs_network=False,
    needs_storage=False,
    ports=(80, 8080),
)

THREADS = system.ThreadsView(
    PROVENANCE,
    (),
    threads=(
        system.Thread(
            "1",
            "vCPU 0",
            0,
            "stopped",
            "interrupt",
            frames=(
                system.Frame(0, IDLE, Address(0x117F80), "pc"),
                system.Frame(
                    1,
                    at(0x101B61, "app_main", 0x41, "/src/samples/hello/main.c", 68),
                    Address(0x117FA0),
                    "cfi",
                ),
                system.Frame(2, at(0x1003C0, "kernel_start", 0xC0), Address(0x117FD0), "frame-pointer"),
                system.Frame(3, at(0x10001F), Address(0x117FF0), "guess"),
            ),
            faults=("the frame above 0x10001f has no return address: 0x0 is not mapped",),
        ),
    ),
)

FUNCTION_VARIABLES = (
    system.Variable("loop", "struct event_loop *", "0x12e000 <main_loop>", True),
    system.Variable("timeout_ns", "uint64_t", "<optimised out>", True),
    system.Variable("due", "struct loop_timer", '{callback = 0x101a40 <tick>, data = 0x0, name = "tick"}'),
    system.Variable("esc", "char *", '0x12e100 "\x1b[2J[/oops]"'),
)

BACKTRACE = dataclasses.replace(
    THREADS,
    threads=tuple(
        dataclasses.replace(
            thread,
            frames=(dataclasses.replace(thread.frames[0], variables=FUNCTION_VARIABLES), *thread.frames[1:]),
        )
        for thread in THREADS.threads
    ),
)

SOURCE_OF_LOOP = SourceText(
    "/src/samples/libos/loop.c",
    110,
    112,
    ("    while (!due) {", "\tcpu_idle();", '        print("[/oops]\\n");', "    }", "\x1b[2J // \u202e"),
    "newer than the image",
)
NO_SOURCE = SourceText("/src/samples/hello/main.c", 68, 68, (), "not found; say where it is")

BACKTRACE_WITH_SOURCE = dataclasses.replace(
    THREADS,
    threads=tuple(
        dataclasses.replace(
            thread,
            frames=(
                dataclasses.replace(thread.frames[0], source=SOURCE_OF_LOOP),
                dataclasses.replace(thread.frames[1], source=NO_SOURCE),
                *thread.frames[2:],
            ),
        )
        for thread in THREADS.threads
    ),
)

LOG = system.LogView(
    PROVENANCE,
    (),
    lines=(
        "hello: 128 MiB, 1 vCPU\r",
        "\x1b[32mready\x1b[0m [@click=app.quit]",
        "[/oops] tab\there, bad byte \udc9b, bidi \u202e, backslash \\",
    ),
    size_bytes=4_096,
    written_bytes=5_120,
    lost_bytes=1_024,
)

NO_LOG = Absent(
    "log", "the guest exports no log probe", "add UNIDBG_PROBE(log, ...) to the kernel", PROVENANCE
)
NO_APP = Absent(
    "app", "the guest exports no app probe", "add UNIDBG_PROBE(app, ...) to the kernel", PROVENANCE
)

NET = network.NetView(PROVENANCE, (), *NET_PARTS)
RINGS = network.RingsView(PROVENANCE, (), RINGS_NOW_NS, quiet_rings())
SECURITY = security.SecurityView(PROVENANCE, (), *surroundings.SECURITY)
CLOUD = services.CloudView(PROVENANCE, (), *surroundings.CLOUD)
ORCHESTRATION = services.OrchestrationView(PROVENANCE, (), *surroundings.ORCHESTRATION)
RUNTIME = services.RuntimeView(PROVENANCE, (), *surroundings.RUNTIME)
PACKETS = network.RingsView(PROVENANCE, (), RINGS_NOW_NS, rings())

OVERVIEW = system.OverviewView(
    PROVENANCE,
    (),
    "stopped",
    "interrupt",
    IDLE,
    THREADS,
    APP,
    MEMORY,
    HEAP,
    LOOP,
    DEVICES,
    BOOT,
    LOG,
    NET,
    RINGS,
    SECURITY,
    CLOUD,
    ORCHESTRATION,
    RUNTIME,
)

SICK_HEAP = system.HeapView(
    PROVENANCE,
    (
        Fault("pages.free", "the bitmap has 12 pages free, the counter says 40"),
        Fault("current", "lies outside of the heap", Address(0x7FFF0000)),
    ),
    start=Address(0x200000),
    current=Address(0x7FFF0000),
    end=Address(0x600000),
    allocated_bytes=9_000_000,
    peak_bytes=9_000_000,
    count=3,
    pages=system.PageBitmap(Address(0x600000), 4096, total=2_048, free=40, free_counted=12),
)

GENERAL = {
    "rax": 0,
    "rbx": 0x10B140,
    "rcx": 0xFFFF,
    "rdx": None,
    "rsi": 1,
    "rdi": 0xFFFF800000000000,
    "rbp": 0x117FA0,
    "rsp": 0x117F80,
    "rip": 0x10173C,
}
REGISTERS = inspect.RegistersView(
    PROVENANCE,
    (),
    "1",
    registers=(
        *(inspect.Register(name, value, 8, "general") for name, value in GENERAL.items()),
        inspect.Register("rflags", 0x246, 4, "general", "PF ZF IF"),
        inspect.Register("cs", 8, 2, "segment"),
        inspect.Register("ss", 16, 2, "segment"),
        inspect.Register("cr0", 0x80010033, 8, "control", "PG WP NE ET MP PE"),
        inspect.Register("cr3", 0x10C000, 8, "control"),
        inspect.Register("xmm0", 1 << 64, 16, "vector"),
    ),
)

LOOP_C = "/src/samples/libos/loop.c"
CLOCK_C = "/src/samples/libos/clock.c"
CLOCK = at(0x10C130, "clock", 8)
CLOCK_NOW = at(0x101910, "clock_now", 0, CLOCK_C, 20)
DISASSEMBLY = inspect.DisassemblyView(
    PROVENANCE,
    (),
    (
        inspect.Instruction(at(0x101734, "loop_run", 0x44, LOOP_C, 110), "fb", "sti", "", None, False),
        inspect.Instruction(at(0x101735, "loop_run", 0x45, LOOP_C, 110), "f4", "hlt", "", None, False),
        inspect.Instruction(IDLE, "e8cf010000", "call", "0x101910", CLOCK_NOW, True),
        inspect.Instruction(
            CLOCK_NOW,
            "488b0519a80000",
            "mov",
            "rax, qword ptr [rip + 0xa819]",
            at(0x10C130, "clock", 8),
            False,
        ),
    ),
)

DISASSEMBLY_WITH_SOURCE = dataclasses.replace(
    DISASSEMBLY,
    instructions=tuple(
        dataclasses.replace(one, source='    say("[/oops] \\x1b");  /* \x1b[2J */')
        if number % 2 == 0
        else one
        for number, one in enumerate(DISASSEMBLY.instructions)
    ),
)

BYTES = inspect.MemoryDumpView(
    PROVENANCE, (), at(0x10B140, "counter"), "x", 1, (b"hello, \x1b[31mred\0" * 3).hex()
)
WORDS = inspect.MemoryDumpView(
    PROVENANCE,
    (),
    at(0x117F80),
    "x",
    8,
    b"".join(n.to_bytes(8, "little") for n in (1, 0x101B61, 2**64 - 1)).hex(),
)
POINTERS = inspect.MemoryDumpView(
    PROVENANCE,
    (),
    at(0x117F80),
    "a",
    8,
    b"".join(n.to_bytes(8, "little") for n in (1, 0x101A40)).hex(),
    (at(1), TICK),
)
STRINGS = inspect.MemoryDumpView(
    PROVENANCE, (), at(0x108000, "banner"), "s", 1, b"unidbg \x9b\0second\0".hex()
)

VALUE = inspect.ValueView(
    PROVENANCE,
    (),
    "heap",
    inspect.ValueNode(
        "heap", "struct heap", Address(0x10B200), "",
        (
            inspect.ValueNode("start", "void *", Address(0x10B200), "0x200000"),
            inspect.ValueNode(
                "stats", "struct heap_stats", Address(0x10B208), "",
                (inspect.ValueNode("count", "unsigned long", Address(0x10B208), "1204"),),
            ),
            inspect.ValueNode("name", "char [8]", Address(0x10B210), '"bump\x1b"'),
        ),
    ),
)  # fmt: skip

SYMBOLS = inspect.SymbolsView(
    PROVENANCE,
    (),
    "tick",
    (inspect.SymbolInfo("tick", Address(0x101A40), 140, "func", "local", TICK, ".text"),),
)

TYPES = inspect.TypesView(
    PROVENANCE,
    (),
    "struct timer",
    (
        inspect.TypeInfo(
            "struct timer", "struct", 32,
            (
                inspect.MemberInfo("callback", "void (*)(void *)", 0, 8, None, None, "member"),
                inspect.MemberInfo("active", "unsigned int", 8, 4, 0, 1, "member"),
                inspect.MemberInfo("kind", "unsigned int", 8, 4, 1, 3, "member"),
                inspect.MemberInfo("", "", 9, 7, None, None, "hole"),
                inspect.MemberInfo("name", "char [16]", 16, 16, None, None, "member"),
            ),
            "struct timer {\n    void (*callback)(void *);\n};",
            "/src/samples/libos/loop.h", 12,
        ),
        inspect.TypeInfo("size_t", "typedef", 8, (), "typedef unsigned long size_t;", None, None),
    ),
)  # fmt: skip

MONITOR = inspect.MonitorView(PROVENANCE, (), "stats", "heap.allocated_bytes=1273856\nheap.count=1204\n")

SOCKET = "unix:/run/user/1000/unidbg/hello/gdbstub.sock"
GUESTS = host.GuestsReport(
    (
        host.Guest(
            name="hello",
            image="/home/me/build/hello.elf",
            pid=4711,
            alive=True,
            machine="q35",
            accelerator="tcg",
            started_unix_s=1_700_000_000,
            uptime_s=125,
            log="/tmp/hello.log",
            lines=(host.Line("stub", "localhost:1234"), host.Line("gdbstub", SOCKET)),
        ),
        host.Guest("older", "older.elf", 4242, False, "microvm", "kvm", 1_690_000_000, 4000, "", ()),
    )
)

CONFORMANCE = conformance.ConformanceReport(
    ":1234",
    "qemu",
    "x86_64",
    False,
    (
        conformance.Capability("wire", "packets in fragments of one byte", "yes", True),
        conformance.Capability("wire", "PacketSize", "yes", False, "4096 bytes"),
        conformance.Capability("wire", "packets as long as it says", "wrong", False, "no answer"),
        conformance.Capability("memory", "m: read", "no", True),
        conformance.Capability("running", "0x03 breaks in", "untested", True, "the guest stood when we came"),
    ),
)
COPIED = host.KitReport(
    "copied", "kit", ("x86_64",), (host.KitFile("Makefile", 4096), host.KitFile("core/stub.c", 9000))
)
BUILT = host.KitReport(
    "built",
    "unidbg-x86_64",
    ("x86_64",),
    (host.KitFile("unidbg.o", 800_000, 30_000), host.KitFile("include/unidbg/stub.h", 5000)),
)

DUMPED = host.DumpReport("hello.core", 64 << 20, "0f" * 32, True, 3 << 20, 2, "host", 4096, 86_600_000)
DOCTOR = host.DoctorReport(
    "localhost:1234",
    (
        host.Diagnosis("QEMU", "ok", "7.2.4, /usr/bin/qemu-system-x86_64"),
        host.Diagnosis("accelerator", "warning", "tcg: /dev/kvm cannot run a guest", "use bare metal"),
        host.Diagnosis("lldb", "skipped", "not found", "apt install lldb", essential=False),
        host.Diagnosis("image", "failed", "no image", "give --image FILE"),
    ),
)

VIEWS: dict[str, View | Absent] = {
    "overview": OVERVIEW,
    "net": NET,
    "rings": RINGS,
    "cloud": CLOUD,
    "orchestration": ORCHESTRATION,
    "runtime": RUNTIME,
    "security": SECURITY,
    "memory": MEMORY,
    "devices": DEVICES,
    "boot": BOOT,
    "app": APP,
    "heap": HEAP,
    "loop": LOOP,
    "threads": THREADS,
    "log": LOG,
}


INDEX = files.IndexView(
    PROVENANCE, (), "/home/me/.cache/unidbg/index/49ec3-b3669322ef25b57f54c9f66.idx", 34_112, 2_058
)

SYMBOLIZED = files.SymbolizedView(
    PROVENANCE,
    (),
    0x20_0000,
    "by the functions that the log names beside addresses",
    (files.LoggedAddress(3, Address(0x10173C), (at(0x10173C, "sleep", 0, "/src/loop.c", 9), IDLE)),),
)

TYPE_DIFF = files.TypeDiffView(
    PROVENANCE,
    (),
    "struct timer",
    "hello.elf",
    "later.elf",
    (
        files.TypeDifference("size", "", "48", "56"),
        files.TypeDifference("moved", "flags", "12:3", "20:3"),
        files.TypeDifference("resized", "name", "8 bytes", "16 bytes"),
        files.TypeDifference("retyped", "callback", "void (*)(void *)", "int (*)(void *, const char *)"),
        files.TypeDifference("added", "list.next[/oops]", "", "struct timer *next at 40"),
        files.TypeDifference("removed", "\x1b[2Jold", "int old at 4", ""),
    ),
)


class FakeSession(Forensics):
    """Answers as `unidbg.session.Session` does, from the views above. `closed` counts closings."""

    def __init__(self, views: Mapping[str, View | Absent] | None = None) -> None:
        self.views: Mapping[str, View | Absent] = VIEWS if views is None else views
        self.closed = 0

    def __enter__(self) -> FakeSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed += 1

    def provenance(self) -> Provenance:
        return PROVENANCE

    def view(self, name: str) -> View | Absent:
        return self.views[name]

    def packets(self) -> View | Absent:
        return PACKETS

    def registers(self, thread: str | None = None) -> inspect.RegistersView:
        return REGISTERS

    def backtrace(
        self, thread: str | None = None, *, every: bool = False, source: bool = False
    ) -> system.ThreadsView:
        return BACKTRACE_WITH_SOURCE if source else BACKTRACE

    def disassemble(
        self, where: str | None, count: int, thread: str | None, *, source: bool = False
    ) -> inspect.DisassemblyView:
        return DISASSEMBLY_WITH_SOURCE if source else DISASSEMBLY

    def examine(
        self, where: str, format: str, count: int, unit: int, thread: str | None
    ) -> inspect.MemoryDumpView:
        return {"s": STRINGS, "a": POINTERS, "x": WORDS if unit == 8 else BYTES}[format]

    def evaluate(self, expression: str, thread: str | None) -> inspect.ValueView:
        if expression == "heep":
            raise SymbolNotFound(
                "no symbol 'heep' in hello.elf; did you mean heap?", name="heep", nearest=("heap",)
            )
        return VALUE

    def monitor(self, command: str) -> str:
        return "heap.allocated_bytes=1273856\nheap.count=1204\n"
