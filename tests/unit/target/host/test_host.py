"""Reading another process, here this one: maps, the ways, what QEMU's monitor prints of registers."""

from __future__ import annotations

import ctypes
import mmap
import os
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unidbg.errors import ConfigError, MemoryFault, TargetError, TargetGone
from unidbg.target.host import infocpus, maps
from unidbg.target.host.maps import Mapping, mappings, parse
from unidbg.target.host.process import GIB, guest_ram
from unidbg.target.host.space import Block, HostSpace
from unidbg.target.host.ways import MemWay, SharedWay, VmWay, Way, best_way
from unidbg.transport.url import PidAddress, QmpAddress, parse_url

ME = os.getpid()
TEXT = """\
7f00-8f00 rw-p 00000000 00:00 0 
100000-200000 rw-s 00001000 00:01 2051                       /memfd:ram (deleted)
deadbeef r--p
200000-300000 r-xp 00000000 fd:00 77                         /usr/bin/name with space
"""  # noqa: W291
REGISTERS = """\
CPU#0\r
RAX=0000000000000001 RBX=00000000deadbeef RCX=0000000000000000 RDX=0000000000000003\r
R8 =0000000000000008 R9 =0000000000000009 R10=0000000000000010 R15=0000000000000015\r
RIP=0000000000100217 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\r
CS =0008 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]\r
FS =0010 0000000000001234 ffffffff 00cf9300 DPL=0 DS   [-WA]\r
TR =0018 0000000000104000 00000067 00008b00 DPL=0 TSS64-busy\r
GDT=     0000000000103000 0000002f\r
CR0=80010013 CR2=0000000000000010 CR3=0000000000960000 CR4=00000620\r
DR6=00000000ffff0ff0 DR7=0000000000000400\r
EFER=0000000000000d00\r
FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001f80\r
CPU#1\r
RAX=00000000000000aa RIP=0000000000000001 RFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0\r
"""


def buffer(data: bytes) -> tuple[ctypes.Array[ctypes.c_char], int]:
    made = ctypes.create_string_buffer(data, len(data))
    return made, ctypes.addressof(made)


@pytest.mark.parametrize("make", [VmWay, MemWay])
def test_a_way_reads_what_is_there_and_says_how_much(make: type[VmWay] | type[MemWay]) -> None:
    kept, at = buffer(b"0123456789")
    way = make(ME, at)
    assert way.read(at, 10) == b"0123456789"
    assert way.read_many([(at, 4), (at + 4, 2), (8, 4)]) == [b"0123", b"45", b""]
    assert way.read(8, 4) == b""
    way.close()
    assert kept.raw == b"0123456789"


def test_many_ranges_with_bad_ones_between() -> None:
    _kept, at = buffer(bytes(range(256)) * 16)
    way = VmWay(ME, at)
    ranges = [(at + n, 1) if n % 100 else (16, 1) for n in range(3000)]
    found = way.read_many(ranges)
    assert [len(data) for data in found] == [1 if n % 100 else 0 for n in range(3000)]
    assert found[1] == b"\x01"


@pytest.mark.parametrize("make", [VmWay, MemWay])
def test_a_way_that_does_not_work_says_so_at_once(make: type[VmWay] | type[MemWay]) -> None:
    with pytest.raises(OSError, match=r"refused|cannot be read"):
        make(ME, 8)


def shared_ram(file: int) -> tuple[mmap.mmap, int]:
    os.ftruncate(file, 8192)
    mapped = mmap.mmap(file, 8192)
    mapped[100:105] = b"hello"
    anchor = ctypes.c_char.from_buffer(mapped)
    return mapped, ctypes.addressof(anchor)


def test_shared_memory_is_read_from_its_file_and_sees_what_changes() -> None:
    with tempfile.TemporaryFile() as file:
        mapped, at = shared_ram(file.fileno())
        way = best_way(ME, [(at, at + 8192)])
        assert isinstance(way, SharedWay)
        assert way.read(at + 100, 5) == b"hello"
        mapped[100:105] = b"world"
        assert way.read(at + 100, 5) == b"world"
        assert way.read(at + 8190, 10) == b"\0\0"
        way.close()


def test_what_is_not_shared_beside_it_is_read_otherwise() -> None:
    _kept, rom = buffer(b"rom")
    with tempfile.TemporaryFile() as file:
        _mapped, at = shared_ram(file.fileno())
        way = best_way(ME, [(at, at + 8192), (rom, rom + 3)])
        assert isinstance(way, SharedWay)
        assert (way.read(rom, 3), way.read(at + 100, 5)) == (b"rom", b"hello")
        way.close()


def test_private_memory_has_no_shared_way() -> None:
    _kept, at = buffer(b"private")
    way = best_way(ME, [(at, at + 7)])
    assert way.name == "process_vm_readv"


def test_blocks_are_guest_memory() -> None:
    _kept, at = buffer(b"0123456789")
    space = HostSpace(VmWay(ME, at), [Block(0x1000, 6, at), Block(0x8000, 4, at + 6)])
    assert space.read(0x1002, 3) == b"234"
    assert space.read_many([(0x8000, 4), (0x1004, 4), (0x9000, 1)]) == [b"6789", None, None]
    with pytest.raises(MemoryFault) as fault:
        space.read(0x1004, 4)
    assert fault.value.address == 0x1006
    assert [(r.start, r.end) for r in space.regions()] == [(0x1000, 0x1006), (0x8000, 0x8004)]


def test_lines_of_maps() -> None:
    found = list(parse(TEXT))
    assert found == [
        Mapping(0x7F00, 0x8F00, "rw-p", 0, 0, ""),
        Mapping(0x100000, 0x200000, "rw-s", 0x1000, 2051, "/memfd:ram (deleted)"),
        Mapping(0x200000, 0x300000, "r-xp", 0, 77, "/usr/bin/name with space"),
    ]


@given(st.text())
def test_any_text_is_borne(text: str) -> None:
    assert all(one.start < one.end for one in parse(text))
    assert all(cpu.registers for cpu in infocpus.parse(text))


def test_a_process_that_is_not_there() -> None:
    with pytest.raises(TargetGone, match="no process"):
        mappings(2**22 + 1)


def test_a_refusal_names_what_would_let_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps, "_ptrace_scope", lambda: 1)
    assert "ptrace_scope is 1" in maps.refused(7)
    assert "CAP_SYS_PTRACE" in maps.refused(7)
    monkeypatch.setattr(maps, "_ptrace_scope", lambda: 0)
    assert "ptrace_scope" not in maps.refused(7)
    with pytest.raises(TargetError, match="may not be read"):
        best_way(2**22 + 1, [(0x1000, 0x2000)])


def test_registers_of_every_vcpu() -> None:
    first, second = infocpus.parse(REGISTERS)
    assert (first.number, first.halted, second.number, second.halted) == (0, True, 1, False)
    assert first.registers == {
        "rax": 1, "rbx": 0xDEADBEEF, "rcx": 0, "rdx": 3, "r8": 8, "r9": 9, "r10": 16, "r15": 21,
        "rip": 0x100217, "eflags": 0x246, "cs": 8, "fs": 16, "fs_base": 0x1234,
        "cr0": 0x80010013, "cr2": 16, "cr3": 0x960000, "cr4": 0x620, "efer": 0xD00,
    }  # fmt: skip


def ram(start: int, size: int, permissions: str = "rw-p", path: str = "") -> Mapping:
    return Mapping(start, start + size, permissions, 0, 0, path)


def test_guest_memory_is_the_largest_that_is_no_code_and_no_heap() -> None:
    found = [
        ram(0x5500_0000_0000, 1 << 28, path="[heap]"),
        ram(0x7F00_0000_0000, 1 << 30, "rwxp"),
        ram(0x7F10_0000_0000, 1 << 27),
        ram(0x7F20_0000_0000, 1 << 22),
    ]
    assert guest_ram(found, "qemu-system-x86_64") == [Block(0, 1 << 27, 0x7F10_0000_0000)]
    assert guest_ram(found[:1], "qemu") == []


def test_much_memory_goes_on_above_4_gib() -> None:
    base = 0x7F00_0000_0000
    assert guest_ram([ram(base, 6 * GIB)], "firecracker") == [
        Block(0, 3 * GIB, base),
        Block(4 * GIB, 3 * GIB, base + 3 * GIB),
    ]


def test_a_guest_in_the_tenders_own_addresses() -> None:
    found = [ram(0x10_0000, 1 << 21), ram(0x7F00_0000_0000, 1 << 25)]
    assert guest_ram(found, "solo5-spt") == [Block(0x10_0000, 1 << 21, 0x10_0000)]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("pid:77", PidAddress(77)),
        ("qmp:/q,racy", QmpAddress("/q", racy=True)),
        ("qmp:/q", QmpAddress("/q")),
    ],
)
def test_urls(url: str, address: object) -> None:
    assert parse_url(url) == address
    assert str(address) == url


@pytest.mark.parametrize("url", ["pid:", "pid:x", "pid:0", "pid:-1", f"pid:{1 << 40}", "pid:٣"])
def test_what_is_no_process_id(url: str) -> None:
    with pytest.raises(ConfigError):
        parse_url(url)


def test_the_ways_keep_their_names() -> None:
    names: list[type[Way]] = [SharedWay, VmWay, MemWay]
    assert [way.name for way in names] == ["shared memory", "process_vm_readv", "/proc/PID/mem"]
