"""The live page tables: nothing is writable and executable, page 0 and the stack's guard page are missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.samples.conftest import Boot
from tests.e2e.samples.elf import symbols
from tests.e2e.samples.guest import Guest
from unidbg.program.paging import Mapping, walk
from unidbg.target.base import MemoryRegion

CR0_WP, EFER_NXE = 1 << 16, 1 << 11
PAGE = 4096


class Physical:
    """Guest-physical memory by QMP."""

    def __init__(self, guest: Guest, scratch: Path) -> None:
        self._guest = guest
        self._scratch = scratch

    def read(self, address: int, length: int) -> bytes:
        return self._guest.qmp.physical(address, length, self._scratch)

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes | None]:
        return [self.read(address, length) for address, length in ranges]

    def regions(self) -> Sequence[MemoryRegion]:
        return ()


@pytest.fixture
def guest(boot: Boot) -> Guest:
    found = boot("hello")
    found.wait_for(r"hello, world$")
    found.qmp.execute("stop")
    return found


def register(guest: Guest, name: str) -> int:
    found = re.search(rf"\b{name}=([0-9a-f]+)", guest.qmp.monitor("info registers"))
    assert found
    return int(found[1], 16)


@pytest.fixture
def mappings(guest: Guest, tmp_path: Path) -> tuple[Mapping, ...]:
    result = walk(Physical(guest, tmp_path / "memory"), register(guest, "CR3"))
    assert not result.faults
    return result.mappings


def at(mappings: Sequence[Mapping], address: int) -> Mapping | None:
    return next((m for m in mappings if m.start <= address < m.end), None)


def test_protection_is_on(guest: Guest) -> None:
    assert register(guest, "CR0") & CR0_WP
    assert register(guest, "EFER") & EFER_NXE


def test_nothing_is_writable_and_executable(mappings: Sequence[Mapping]) -> None:
    assert [m for m in mappings if m.writable and not m.no_execute] == []
    assert [m for m in mappings if m.user] == []


def test_identity(mappings: Sequence[Mapping]) -> None:
    assert all(m.start == m.physical for m in mappings)


def test_an_image_that_moved_lies_where_it_was_and_is_mapped_once(boot: Boot, tmp_path: Path) -> None:
    guest = boot("hello", "aslr")
    guest.wait_for(r"hello, world$")
    guest.qmp.execute("stop")
    mappings = walk(Physical(guest, tmp_path / "memory"), register(guest, "CR3")).mappings
    names = symbols(guest.elf)
    start, end = names["image_start"], names["image_end"]
    slides = {m.start - m.physical for m in mappings} - {0}
    assert len(slides) == 1
    moved = [m for m in mappings if m.start != m.physical]
    assert min(m.physical for m in moved) == start
    assert max(m.physical + m.end - m.start for m in moved) == end
    assert not [m for m in mappings if m.start == m.physical and m.start < end and m.end > start]
    assert [m for m in mappings if m.writable and not m.no_execute] == []


RIGHTS = {
    "code_start": (False, False),
    "rodata_start": (False, True),
    "data_start": (True, True),
    "stack_start": (True, True),
    "image_end": (True, True),
}
"""Writable and no-execute, by the symbol at which each part begins."""


def test_each_part_has_its_rights(guest: Guest, mappings: Sequence[Mapping]) -> None:
    found = {name: at(mappings, symbols(guest.elf)[name]) for name in RIGHTS}
    assert {name: (m.writable, m.no_execute) for name, m in found.items() if m} == RIGHTS


def test_page_zero_and_the_guard_page_are_not_mapped(guest: Guest, mappings: Sequence[Mapping]) -> None:
    assert at(mappings, 0) is None
    assert at(mappings, PAGE) is not None
    for stack in ("stack_start", "unidbg_x86_64_stack"):
        assert at(mappings, symbols(guest.elf)[stack]) is not None
        assert at(mappings, symbols(guest.elf)[stack] - 1) is None
