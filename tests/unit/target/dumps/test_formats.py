"""Every format, over the memory of one made-up guest: the views are those of the guest itself."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import dumps
from tests.support.dead import FORMATS, Dead
from tests.support.dumps import Load
from unidbg.errors import DumpError, MemoryFault
from unidbg.session import ImageSpec, Session
from unidbg.views.base import Absent, View

NAMES = ("heap", "loop", "boot", "devices", "app", "log")


@pytest.fixture(scope="module")
def dead() -> Dead:
    return Dead()


def facts(view: View | Absent) -> View | Absent:
    """The view without where it comes from."""
    return replace(view, provenance=None)  # type: ignore[arg-type]


def session(url: str, dead: Dead) -> Session:
    return Session.open(url, images=[ImageSpec(dead.guest.path)])


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "zstd"])
@pytest.mark.parametrize("form", FORMATS)
def test_views_are_those_of_the_guest(form: str, packed: bool, dead: Dead, tmp_path: Path) -> None:
    file = tmp_path / "dump"
    data = FORMATS[form](dead)
    if packed:
        data = pytest.importorskip("zstandard").ZstdCompressor().compress(data)
    file.write_bytes(data)
    live = Session.over(dead.guest.target, images=[ImageSpec(dead.guest.path)])
    with session(str(file), dead) as opened:
        assert opened.target.run is None
        for name in NAMES:
            assert facts(opened.view(name)) == facts(live.view(name)), name
        values = {one.name: one.value for one in opened.registers().registers}
        assert {name: values[name] for name in dead.registers} == dead.registers
        assert opened.program.modules[0].verified == "build-id"


@pytest.mark.parametrize("form", FORMATS)
def test_a_dump_ends_where_it_was_cut_off(form: str, dead: Dead, tmp_path: Path) -> None:
    """At every length: an error that names the file, or views that say that something is missing."""
    data = FORMATS[form](dead)
    file = tmp_path / "dump"
    for length in [1, 8, 40, 63, 64, 100, 512, 5000, len(data) // 2, len(data) - 4097]:
        file.write_bytes(data[:length])
        opened = None
        with suppress(DumpError):
            opened = Session.open(str(file))
        if opened is None:
            continue
        with opened:
            opened.snapshot(opened.VIEWS)
            solo5 = form == "solo5"  # its file ends at the last page that was touched
            assert solo5 or any("cut off" in note for note in getattr(opened.target, "notes", ()))


def test_what_linux_leaves_out_is_read_from_the_image(dead: Dead, tmp_path: Path) -> None:
    """Code that was never changed. QEMU leaves nothing out: what is missing there is missing."""
    [code] = [one for one in dead.guest.image.segments if one.flags & 1 and one.p_type == 1]
    start, end = code.vaddr, code.vaddr + code.filesz
    loads = []
    for load in dead.virtual_loads:
        below = load.data[: max(0, start - load.virtual)]
        above = load.data[max(0, end - load.virtual) :]
        loads += [Load(load.virtual, below), Load(load.virtual + len(load.data) - len(above), above)]
    file, other = tmp_path / "core", tmp_path / "qemu"
    file.write_bytes(dumps.core(loads, dead.status))
    other.write_bytes(dumps.core(loads, dead.status + dumps.qemu_note(dead.registers)))
    with session(str(file), dead) as opened:
        assert opened.program.read(start, code.filesz) == dead.guest.memory.read(start, code.filesz)
        assert opened.target.memory.read_many([(1 << 60, 8)]) == [None]
    with session(str(other), dead) as opened, pytest.raises(MemoryFault):
        opened.program.read(start, 1)


def test_raw_memory_at_an_address(dead: Dead, tmp_path: Path) -> None:
    file = tmp_path / "ram"
    file.write_bytes(dead.flat()[0x100000:])
    with session(f"raw:{file}@0x100000", dead) as opened:
        heap = opened.view("heap")
        assert isinstance(heap, View)
        assert not heap.faults
        threads = opened.view("threads")
        assert isinstance(threads, View)
        assert "plain memory has no registers" in threads.faults[0].reason


def test_firecracker_memory_lies_beside_its_state(dead: Dead, tmp_path: Path) -> None:
    state = tmp_path / "vm.snapshot"
    state.write_bytes(struct.pack("<Q", 0x0710_1984_8664_0000) + bytes(64))
    (tmp_path / "vm.mem").write_bytes(dead.flat())
    for url in (
        str(state),
        f"firecracker:{tmp_path / 'vm.mem'}",
        f"firecracker:{tmp_path / 'vm.mem'},state={state}",
    ):
        with session(url, dead) as opened:
            assert opened.target.access == "firecracker"
            heap = opened.view("heap")
            assert isinstance(heap, View)
            assert not heap.faults


def test_firecracker_leaves_the_hole_below_4_gib_out(tmp_path: Path) -> None:
    memory = tmp_path / "mem"
    with memory.open("wb") as file:
        file.truncate((3 << 30) + 8192)
        file.seek(3 << 30)
        file.write(b"first above")
    with Session.open(f"firecracker:{memory}") as opened:
        assert opened.target.memory.read(4 << 30, 11) == b"first above"
        assert opened.target.memory.read_many([(3 << 30, 1)]) == [None]


def test_a_state_without_its_memory_says_how_to_name_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_bytes(struct.pack("<Q", 0x0710_1984_AAAA_0000) + bytes(64))
    with pytest.raises(DumpError, match="firecracker:MEMORY"):
        Session.open(str(state))
