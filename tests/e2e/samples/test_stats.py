"""What the guest says of itself by `monitor stats` fits together, and with what it has printed."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from tests.e2e.samples.conftest import Boot
from tests.e2e.samples.elf import symbols
from tests.e2e.samples.rsp import Stub

PAGE = 4096


def items(stats: dict[str, str], prefix: str) -> list[dict[str, str]]:
    """The elements of a list, each as its fields."""
    found: dict[int, dict[str, str]] = {}
    for path, value in stats.items():
        if match := re.fullmatch(rf"{re.escape(prefix)}\.(\d+)\.(.+)", path):
            found.setdefault(int(match[1]), {})[match[2]] = value
    assert sorted(found) == list(range(len(found)))
    return [found[i] for i in sorted(found)]


def interrupts(stats: dict[str, str]) -> dict[str, int]:
    """The count of each device."""
    return {d["name"]: int(d["interrupts"]) for d in items(stats, "devices.devices")}


def test_interrupts_are_counted_and_timers_fire(boot: Boot) -> None:
    guest = boot("hello")
    guest.wait_for(r"hello, world$")
    guest.type_text("hi\n")
    guest.wait_for(r'you said "hi"$')
    stub = Stub(guest.stub)
    first = stub.stats()
    stub.resume()
    guest.wait_for(r"heartbeat 1,")
    second = stub.stats()
    before, after = (
        {d["name"]: int(d["interrupts"]) for d in items(s, "devices.devices")} for s in (first, second)
    )
    assert before["com1"] >= 1
    assert before["com2"] >= 1
    assert after["lapic-timer"] > before["lapic-timer"]
    assert int(second["loop.timers_fired"]) > int(first["loop.timers_fired"])
    assert int(second["loop.events_handled"]) >= 1


def test_pages_agree_with_regions(boot: Boot) -> None:
    guest = boot("hello")
    guest.wait_for(r"hello, world$")
    stats = Stub(guest.stub).stats("memory")
    regions = items(stats, "memory.regions")
    sizes = [(int(r["end"], 16) - int(r["start"], 16)) // PAGE for r in regions]
    assert sum(sizes) == int(stats["memory.pages.present"])
    assert stats["memory.pages.writable_executable"] == "0"
    assert stats["memory.pages.user"] == "0"
    assert {r["kind"] for r in regions} == {"code", "rodata", "data", "heap", "stack", ""}


def test_heap_adds_up(boot: Boot) -> None:
    guest = boot("hello")
    text = guest.wait_for(r"heartbeat 1, heap (\d+) bytes in (\d+) blocks$")
    stats = Stub(guest.stub).stats("heap")
    assert int(stats["heap.pages.free"]) == int(stats["heap.pages.free_counted"])
    assert int(stats["heap.peak_bytes"]) >= max(int(text[1]), int(stats["heap.allocated_bytes"]))
    start, current, end = (int(stats[f"heap.{name}"], 16) for name in ("start", "current", "end"))
    assert start < current < end
    used = int(stats["heap.pages.total"]) - int(stats["heap.pages.free"])
    assert used * PAGE >= current - start


def test_boot_phases_overlap_where_one_waits(boot: Boot) -> None:
    guest = boot("hello")
    guest.wait_for(r"hello, world$")
    stats = Stub(guest.stub).stats("boot")
    phases = {p["name"]: p for p in items(stats, "boot.phases")}
    starts = {name: int(p["start_ns"]) for name, p in phases.items()}
    ends = {name: starts[name] + int(p["duration_ns"]) for name, p in phases.items()}
    assert starts["entry"] == 0
    assert list(starts.values()) == sorted(starts.values())
    assert (
        starts["clock"]
        < starts["memory"]
        < ends["memory"]
        <= starts["paging"]
        < ends["paging"]
        < ends["clock"]
    )
    assert starts["timer"] < starts["serial"] < ends["serial"] < ends["timer"] <= starts["application"]
    assert max(ends.values()) == int(stats["boot.total_ns"])
    maps = items(stats, "boot.memory_map")
    assert any(int(m["length_bytes"]) > 32 << 20 and m["type"] == "usable" for m in maps)


def states(stub: Stub, elf: Path) -> dict[str, str]:
    """The state of each initialiser by its symbol."""
    names = {address: name for name, address in symbols(elf).items()}
    found = items(stub.stats("boot"), "boot.initializers")
    assert all((i["state"] == "done") == (int(i["duration_ns"]) > 0) for i in found)
    return {names[int(i["function"], 16)]: i["state"] for i in found}


def test_initializers_run_when_they_are_needed(boot: Boot) -> None:
    guest = boot("hello")
    guest.wait_for(r"hello, world$")
    stub = Stub(guest.stub)
    pending = {"random_start": "pending", "wall_clock_start": "pending", "power_start": "pending"}
    assert states(stub, guest.elf) == pending
    stub.resume()
    guest.wait_for(r"heartbeat 1,")
    assert states(stub, guest.elf) == pending | {"wall_clock_start": "done"}


def test_page_tables_come_from_the_pages_set_aside(boot: Boot) -> None:
    guest = boot("hello")
    guest.wait_for(r"hello, world$")
    stub = Stub(guest.stub)
    stats = stub.stats("boot")
    start, end = (int(stats[f"boot.preallocated.{name}"], 16) for name in ("start", "end"))
    assert 0 < int(stats["boot.preallocated_free"]) < (end - start) // PAGE
    assert int(stub.stats("memory")["memory.page_table_root"], 16) in range(start, end, PAGE)


def test_initrd_is_found(boot: Boot, tmp_path: Path) -> None:
    initrd = tmp_path / "initrd"
    initrd.write_bytes(b"cargo" * 1000)
    guest = boot("hello", extra=("-initrd", str(initrd)))
    guest.wait_for(r"hello, world$")
    stats = Stub(guest.stub).stats("boot")
    start, end = int(stats["boot.initrd.start"], 16), int(stats["boot.initrd.end"], 16)
    assert end - start == 5000
    assert guest.qmp.physical(start, end - start, tmp_path / "memory") == initrd.read_bytes()


def test_application_and_its_data(boot: Boot) -> None:
    guest = boot("hello")
    guest.wait_for(r"hello, world$")
    stats = Stub(guest.stub).stats("app")
    known = symbols(guest.elf)
    assert stats["app.name"] == "hello"
    assert int(stats["app.entry"], 16) == known["app_main"]
    data = range(int(stats["app.data.start"], 16), int(stats["app.data.end"], 16))
    assert known["heartbeats"] in data
    assert known["pile"] in data
    assert known["manager"] not in data


def test_log_is_as_long_as_what_was_printed(boot: Boot, tmp_path: Path) -> None:
    guest = boot("hello")
    guest.wait_for(r"hello, world$")
    written = int(Stub(guest.stub).stats("log")["log.written_bytes"])
    header = guest.qmp.physical(symbols(guest.elf)["ring"], 24, tmp_path / "memory")
    assert struct.unpack("<QQQ", header)[2] == written
    assert len(guest.read_console(written)) == written
