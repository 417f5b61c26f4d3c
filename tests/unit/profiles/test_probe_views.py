"""Every view of the probe profile over a planted guest, healthy and corrupt."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.kernel import SOURCE, Guest, kernel
from tests.support.page_tables import TableBuilder
from unidbg.program.paging import NO_EXECUTE, WRITABLE
from unidbg.session import ImageSpec, Session
from unidbg.structures.arrays import MAX_ITEMS
from unidbg.views.base import Absent, Fault, Range, View
from unidbg.views.system import (
    AppView,
    BootView,
    DevicesView,
    HeapView,
    LogView,
    LoopView,
    MemoryView,
)

PLANTED = ("overview", "memory", "devices", "boot", "app", "heap", "loop", "threads", "log")
U64 = struct.Struct("<Q")


def session(guest: Guest) -> Session:
    return Session.over(guest.target, images=[ImageSpec(guest.path)])


def look(guest: Guest, name: str) -> View:
    view = session(guest).view(name)
    assert isinstance(view, View), view
    return view


def corrupt(guest: Guest, variable: str, member: str, data: bytes) -> None:
    guest.memory.plant(guest.member(variable, member), data)


def faults(view: View) -> list[str]:
    return [f"{fault.where}: {fault.reason}" for fault in view.faults]


# healthy


def test_heap_with_its_bitmap_counted() -> None:
    heap = look(kernel(), "heap")
    assert isinstance(heap, HeapView)
    assert (heap.start, heap.current, heap.end) == (0x200000, 0x201000, 0x300000)
    assert heap.pages is not None
    assert (heap.pages.total, heap.pages.free, heap.pages.free_counted) == (200, 191, 191)
    assert heap.faults == ()


def test_loop_lists_used_slots_alone() -> None:
    loop = look(kernel(), "loop")
    assert isinstance(loop, LoopView)
    assert [(t.callback.symbol, t.deadline_ns, t.overdue_ns, t.fired) for t in loop.timers] == [
        ("tick", 4000, 1000, 3),
        ("tick", 9000, 0, 1),
    ]
    assert loop.timers[0].data == kernel().at("heap")
    assert loop.timers[0].callback.file is not None
    assert [(h.descriptor, h.callback.symbol, h.events) for h in loop.handlers] == [(0, "on_input", 2)]
    assert (loop.iterations, loop.timers_fired, loop.events_handled) == (17, 4, 2)


def test_boot() -> None:
    boot = look(kernel(), "boot")
    assert isinstance(boot, BootView)
    assert [(e.start, e.type) for e in boot.memory_map] == [
        (0, "usable"),
        (0xF0000, "reserved"),
        (0x100000, "type 99"),
    ]
    assert boot.command_line == "console=ttyS0 [bold]"
    assert boot.initrd is None
    assert [(p.name, p.start_ns, p.duration_ns) for p in boot.phases] == [
        ("early", 0, 100),
        ("devices", 100, 150),
        ("app", 250, 0),
    ]
    assert boot.total_ns == 250


def test_devices() -> None:
    devices = look(kernel(), "devices")
    assert isinstance(devices, DevicesView)
    uart, lapic = devices.devices
    assert (uart.name, uart.mmio_base, uart.port_base, uart.irq, uart.handler) == (
        "uart0",
        None,
        0x3F8,
        4,
        None,
    )
    assert (lapic.mmio_base, lapic.port_base, lapic.irq, lapic.interrupts) == (0xFEE00000, None, None, 99)
    assert lapic.handler is not None
    assert lapic.handler.symbol == "on_timer_interrupt"


def test_app_and_its_configuration() -> None:
    app = look(kernel(), "app")
    assert isinstance(app, AppView)
    assert (app.name, app.entry.symbol, app.memory_bytes) == ("demo", "app_main", 1 << 20)
    assert (app.needs_network, app.needs_storage, app.ports) == (True, False, (80, 443))
    assert app.data == Range(0x102000, 0x103000)  # type: ignore[arg-type]


def test_log_is_oldest_first() -> None:
    log = look(kernel(), "log")
    assert isinstance(log, LogView)
    assert log.lines == ("nd fouth", "line 3")
    assert (log.size_bytes, log.written_bytes, log.lost_bytes) == (16, 26, 10)


def with_tables(guest: Guest) -> TableBuilder:
    tables = TableBuilder(base=0x80_0000)
    for page in range(0x10_0000, 0x10_4000, 0x1000):
        tables.map(page, page, 0 if page == 0x10_0000 else WRITABLE | NO_EXECUTE)
    tables.map(0x20_0000, 0x20_0000, WRITABLE, level=2)
    guest.target.physical = tables.memory()
    guest.target.fake_registers.values["1"].update(cr3=tables.root, cr0=1 << 31, cr4=0, efer=0xD00)
    return tables


def test_memory_layout_and_page_tables() -> None:
    guest = kernel()
    tables = with_tables(guest)
    memory = look(guest, "memory")
    assert isinstance(memory, MemoryView)
    assert memory.page_table_root == tables.root
    assert [(r.start, r.end, r.kind) for r in memory.regions] == [
        (0x100000, 0x101000, "code"),
        (0x101000, 0x102000, "rodata"),
        (0x102000, 0x104000, "data"),
        (0x200000, 0x300000, "heap"),
        (0x300000, 0x310000, "stack"),
        (0x310000, 0x400000, ""),
    ]
    assert memory.pages is not None
    assert (memory.pages.present, memory.pages.writable, memory.pages.writable_executable) == (516, 515, 512)
    assert memory.faults == ()


@pytest.mark.parametrize(
    ("registers", "reason"),
    [
        ({"cr3": None}, "CR3"),
        ({"cr3": 0x1000, "cr0": 1}, "paging is off"),
        ({"cr3": 0x1000, "cr0": 1 << 31, "efer": 0}, "long mode"),
    ],
)
def test_memory_without_page_tables_says_why(registers: dict[str, int | None], reason: str) -> None:
    guest = kernel()
    guest.target.fake_registers.values["1"].update(registers)
    memory = look(guest, "memory")
    assert isinstance(memory, MemoryView)
    assert memory.pages is None
    assert memory.code is not None
    assert any(reason in fault for fault in faults(memory))


# corrupt


def test_a_count_of_a_million_is_cut_to_the_array() -> None:
    guest = kernel()
    corrupt(guest, "loop", "timer_count", struct.pack("<i", 1_000_000))
    loop = look(guest, "loop")
    assert isinstance(loop, LoopView)
    assert len(loop.timers) == 2
    assert faults(loop) == ["timers: `timer_count` says 1000000, but the array has 8 elements"]


def test_a_count_of_a_million_behind_a_pointer_is_cut_to_the_cap() -> None:
    guest = kernel()
    corrupt(guest, "loop", "handler_count", struct.pack("<I", 1_000_000))
    loop = look(guest, "loop")
    assert isinstance(loop, LoopView)
    assert loop.handlers[0].callback.symbol == "on_input"
    assert any(f"only the first {MAX_ITEMS}" in fault for fault in faults(loop))


def test_a_negative_count() -> None:
    guest = kernel()
    corrupt(guest, "loop", "timer_count", struct.pack("<i", -3))
    loop = look(guest, "loop")
    assert isinstance(loop, LoopView)
    assert loop.timers == ()
    assert "negative" in faults(loop)[0]


def test_wild_pointers_are_faults_with_their_place() -> None:
    guest = kernel()
    corrupt(guest, "loop", "handlers", U64.pack(0xDEAD_BEEF_0000))
    guest.memory.plant(guest.member("loop", "timers"), U64.pack(0x1234))
    loop = look(guest, "loop")
    assert isinstance(loop, LoopView)
    assert Fault("handlers[0]", "unreadable", 0xDEAD_BEEF_0000) in loop.faults  # type: ignore[arg-type]
    assert any(f.where == "timers[0].callback" and "not in the code" in f.reason for f in loop.faults)
    assert loop.timers[0].callback.address == 0x1234


def test_a_heap_that_contradicts_itself() -> None:
    guest = kernel()
    corrupt(guest, "heap", "current", U64.pack(0x10))
    corrupt(guest, "heap", "peak", U64.pack(5))
    corrupt(guest, "heap", "page_free", U64.pack(7))
    places = [fault.where for fault in look(guest, "heap").faults]
    assert places == ["current", "peak_bytes", "pages.free"]


def test_a_bitmap_that_is_too_large_or_gone() -> None:
    guest = kernel()
    corrupt(guest, "heap", "page_total", U64.pack(1 << 60))
    heap = look(guest, "heap")
    assert isinstance(heap, HeapView)
    assert heap.pages is not None
    assert heap.pages.free_counted is None
    assert heap.faults[0].where == "pages.total"
    corrupt(guest, "heap", "page_total", U64.pack(200))
    corrupt(guest, "heap", "page_bitmap", U64.pack(0x7777_0000))
    heap = look(guest, "heap")
    assert isinstance(heap, HeapView)
    assert heap.faults[0].where == "pages.free_counted"


def test_a_null_bitmap_is_no_fault() -> None:
    guest = kernel()
    corrupt(guest, "heap", "page_bitmap", U64.pack(0))
    heap = look(guest, "heap")
    assert isinstance(heap, HeapView)
    assert heap.pages is None
    assert heap.faults == ()


def test_a_ring_that_claims_too_much() -> None:
    guest = kernel()
    corrupt(guest, "log_ring", "size", struct.pack("<I", 0xFFFF_FFFF))
    log = look(guest, "log")
    assert isinstance(log, LogView)
    assert log.faults[0].where in ("size_bytes", "lines")
    corrupt(guest, "log_ring", "size", struct.pack("<I", 16))
    corrupt(guest, "log_ring", "buffer", U64.pack(0x6666_0000))
    assert look(guest, "log").faults[0].where == "lines"


def test_a_port_beyond_65535_and_a_lost_configuration() -> None:
    wide = SOURCE.replace("static const unsigned short ports[]", "static const unsigned ports[]").replace(
        "{80, 443}", "{80, 70000}"
    )
    guest = kernel(wide, flags="-Wno-incompatible-pointer-types")
    app = look(guest, "app")
    assert isinstance(app, AppView)
    corrupt(guest, "app", "config", U64.pack(0))
    app = look(guest, "app")
    assert isinstance(app, AppView)
    assert (app.name, app.ports) == ("", ())


def test_missing_and_mistyped_members_are_faults_and_the_rest_is_shown() -> None:
    odd = SOURCE.replace(".peak = 8192, ", "").replace(
        "static struct unidbg_heap heap",
        "static struct { unsigned long start, current, end; float allocated; unsigned long count; "
        "unsigned long *page_bitmap, page_base, page_total, page_free, page_size; } heap",
    )
    heap = look(kernel(odd), "heap")
    assert isinstance(heap, HeapView)
    assert heap.count == 3
    reasons = faults(heap)
    assert any(reason.startswith("peak_bytes: ") and "no member `peak`" in reason for reason in reasons)
    assert any(reason.startswith("allocated_bytes: ") and "float" in reason for reason in reasons)


def test_a_probe_of_something_else_than_a_struct_is_absent() -> None:
    odd = SOURCE.replace(
        "UNIDBG_PROBE(heap, kernel, &heap);", "static int n; UNIDBG_PROBE(heap, kernel, &n);"
    )
    heap = session(kernel(odd)).view("heap")
    assert isinstance(heap, Absent)
    assert "no struct" in heap.reason


def test_a_kind_without_a_probe_says_how_to_provide_it() -> None:
    without = SOURCE.replace("UNIDBG_PROBE(loop, main, &loop);", "")
    loop = session(kernel(without, flags="-Wno-unused-variable")).view("loop")
    assert isinstance(loop, Absent)
    assert "UNIDBG_PROBE(loop" in loop.remedy


def test_an_image_without_debug_information_says_so() -> None:
    guest = kernel(SOURCE, flags="-g0")
    heap = session(guest).view("heap")
    assert isinstance(heap, Absent)
    assert "-g" in heap.remedy


def test_records_that_lie_about_their_size() -> None:
    guest = kernel()
    section = guest.image.section("unidbg_probes")
    assert section is not None
    guest.memory.plant(section.addr, struct.pack("<I", 3))
    view = session(guest).view("log")
    assert isinstance(view, Absent)
    assert "probe record" in view.reason


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["heap", "loop", "boot", "devices", "app", "log_ring", "layout", "config"]),
            st.integers(0, 400),
            st.binary(min_size=1, max_size=12),
        ),
        max_size=12,
    )
)
def test_any_corruption_ends_in_views(damage: list[tuple[str, int, bytes]]) -> None:
    guest = kernel()
    for variable, offset, data in damage:
        value = guest.program.value(variable)
        place = (value.address_ or 0) + offset % max(value.size_ - len(data), 1)
        guest.memory.plant(place, data)
    for view in session(guest).snapshot(PLANTED).views.values():
        assert isinstance(view, View)
