"""Page walks over planted tables, healthy and corrupt."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fake_target import FakeMemory
from tests.support.page_tables import TableBuilder
from unidbg.program import paging
from unidbg.program.paging import (
    MAX_TABLES,
    NO_EXECUTE,
    USER,
    WRITABLE,
    Mapping,
    PhysicalThroughVirtual,
    walk,
)


def test_neighbours_mapped_alike_become_one_mapping() -> None:
    tables = TableBuilder()
    for page in range(3):
        tables.map(0x40_0000 + page * 4096, 0x20_0000 + page * 4096, WRITABLE)
    tables.map(0x40_3000, 0x20_3000, 0)
    found = walk(tables.memory(), tables.root)
    assert found.mappings == (
        Mapping(0x40_0000, 0x40_3000, 0x20_0000, writable=True, user=False, no_execute=False),
        Mapping(0x40_3000, 0x40_4000, 0x20_3000, writable=False, user=False, no_execute=False),
    )
    assert found.faults == ()


def test_a_walk_takes_one_round_trip_per_level() -> None:
    tables = TableBuilder()
    for number in range(40):
        tables.map(number << 39 | number << 21, number << 12, WRITABLE)
    memory = tables.memory()
    assert len(walk(memory, tables.root).mappings) == 40
    assert memory.round_trips == 4


def test_large_pages_join_small_ones() -> None:
    tables = TableBuilder()
    tables.map(0x1F_F000, 0x1F_F000, NO_EXECUTE)
    tables.map(0x20_0000, 0x20_0000, NO_EXECUTE, level=2)
    tables.map(0x4000_0000, 0x4000_0000, NO_EXECUTE, level=3)
    spans = [(m.start, m.end) for m in walk(tables.memory(), tables.root).mappings]
    assert spans == [(0x1F_F000, 0x40_0000), (0x4000_0000, 0x8000_0000)]


def test_rights_are_the_least_of_the_path() -> None:
    tables = TableBuilder()
    tables.map(0x1000, 0x1000, WRITABLE | USER, above=1)
    tables.map(1 << 39, 0x2000, WRITABLE | USER, above=7 | NO_EXECUTE)
    low, high = walk(tables.memory(), tables.root).mappings
    assert (low.writable, low.user, low.no_execute) == (False, False, False)
    assert (high.writable, high.user, high.no_execute) == (True, True, True)


def test_no_execute_means_nothing_while_efer_has_it_off() -> None:
    tables = TableBuilder()
    tables.map(0x1000, 0x1000, NO_EXECUTE)
    (mapping,) = walk(tables.memory(), tables.root, no_execute=False).mappings
    assert not mapping.no_execute


def test_the_upper_half_is_sign_extended() -> None:
    tables = TableBuilder()
    tables.map(0xFFFF_8000_0000_0000 & (1 << 48) - 1, 0, 0)
    (mapping,) = walk(tables.memory(), tables.root).mappings
    assert mapping.start == 0xFFFF_8000_0000_0000


def test_five_levels() -> None:
    tables = TableBuilder(levels=5)
    tables.map(1 << 48, 0x5000, 0)
    (mapping,) = walk(tables.memory(), tables.root, levels=5).mappings
    assert (mapping.start, mapping.physical) == (1 << 48, 0x5000)


def test_an_unreadable_table_is_a_fault_and_the_rest_is_walked() -> None:
    tables = TableBuilder()
    tables.map(0x1000, 0x1000, 0)
    tables.tables[tables.root][1] = 0xDEAD_0000 | 1
    found = walk(tables.memory(), tables.root)
    assert len(found.mappings) == 1
    assert [(f.virtual, f.entry) for f in found.faults] == [(1 << 39, 0xDEAD_0000)]


def test_a_root_that_cannot_be_read_is_one_fault() -> None:
    found = walk(FakeMemory(), 0x1000)
    assert found.mappings == ()
    assert len(found.faults) == 1


def test_a_reserved_large_bit_is_a_fault() -> None:
    tables = TableBuilder()
    tables.tables[tables.root][3] = 0x2000 | paging.LARGE | 1
    (fault,) = walk(tables.memory(), tables.root).faults
    assert "reserved" in fault.reason


def test_tables_that_point_to_themselves_end() -> None:
    memory = FakeMemory({0x1000: struct.pack("<512Q", *[0x1000 | 7] * 512)})
    found = walk(memory, 0x1000)
    assert any(str(MAX_TABLES) in fault.reason for fault in found.faults)


def test_a_recursive_slot_shows_the_tables_themselves() -> None:
    tables = TableBuilder()
    tables.map(0x1000, 0x1000, WRITABLE)
    tables.tables[tables.root][510] = tables.root | 3
    found = walk(tables.memory(), tables.root)
    assert found.faults == ()
    assert {m.physical for m in found.mappings} >= {tables.root, 0x1000}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 511), st.integers(0, 2**64 - 1)), max_size=40), st.integers(0, 2**52)
)
def test_any_bytes_end_in_a_sane_walk(entries: list[tuple[int, int]], root: int) -> None:
    table = [0] * 512
    for index, entry in entries:
        table[index] = entry & ~0x000F_FFFF_FFFF_F000 | 0x1000 * (entry >> 12 & 3)
    blocks = {number * 4096: struct.pack("<512Q", *table) for number in range(3)}
    found = walk(FakeMemory(blocks), root & 0x3000)
    assert all(m.start < m.end for m in found.mappings)
    starts = [m.start for m in found.mappings]
    assert starts == sorted(starts)


def test_physical_memory_through_an_offset_mapping() -> None:
    memory = FakeMemory({0xFFFF_8000_0000_1000: b"abcd"})
    through = PhysicalThroughVirtual(memory, 0xFFFF_8000_0000_0000)
    assert through.read(0x1001, 2) == b"bc"
    assert through.read_many([(0x1000, 1), (0x9000, 1)]) == [b"a", None]
