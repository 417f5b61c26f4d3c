"""Typed values over planted bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unidbg_symbols import types as t

from tests.support import types as c
from tests.support.fake_target import FakeMemory
from unidbg.errors import MemoryFault
from unidbg.program.table import rows
from unidbg.program.value import MemberNotFound, Value, WrongType

NODE = t.StructType("struct", "node", "struct node", lambda: NODE_BODY)
NODE_BODY: t.StructBody = t.StructBody(
    24,
    (
        t.Member("next", t.PointerType(lambda: NODE, 8), 0),
        t.Member("a", c.U32, 8),
        t.Member("bytes_", c.U64, 16),
    ),
)


def planted(*words: int, at: int = 0x1000) -> FakeMemory:
    return FakeMemory({at: struct.pack(f"<{len(words)}Q", *words)})


def test_members_are_attributes_and_clashes_go_by_index() -> None:
    node = Value(planted(0x2000, 7, 9), NODE, 0x1000)
    assert int(node.a) == 7
    assert int(node["bytes_"]) == 9
    assert node["a"].address_ == 0x1008


def test_a_struct_is_read_once_then_sliced() -> None:
    memory = planted(0x2000, 7, 9)
    node = Value(memory, NODE, 0x1000)
    assert (int(node.next), int(node.a), int(node["bytes_"])) == (0x2000, 7, 9)
    assert memory.log == [(0x1000, 24)]


def test_of_a_large_struct_only_what_is_asked_for_is_read() -> None:
    big = c.struct("big", ("fill", c.array(c.U8, 5000)), ("last", c.U64))
    memory = FakeMemory({0x1000: bytes(5000) + struct.pack("<Q", 3)})
    assert int(Value(memory, big, 0x1000).last) == 3
    assert memory.log == [(0x1000 + 5000, 8)]


def test_pointers_are_never_followed_silently() -> None:
    node = Value(planted(0x1000, 7, 9), NODE, 0x1000)
    with pytest.raises(MemberNotFound, match="follow it"):
        _ = node.next.a
    assert int(node.next.deref_().a) == 7
    assert int(node.next[0].a) == 7


def test_a_missing_member_names_near_ones() -> None:
    with pytest.raises(MemberNotFound, match="next"):
        _ = Value(planted(0, 0, 0), NODE, 0x1000).nxt
    assert not hasattr(Value(planted(0, 0, 0), NODE, 0x1000), "nxt")


def test_bit_fields_of_both_signs() -> None:
    bits = t.StructType(
        "struct", "b", "struct b", t.StructBody(4, tuple(t.Member(*fields) for fields in (
            ("low", c.U32, 0, 3, 5), ("high", c.S32, 0, 28, 4), ("mid", c.U32, 0, 14, 4),
        ))),
    )  # fmt: skip
    value = Value(FakeMemory({0: struct.pack("<I", 0b1110 << 28 | 0b1001 << 14 | 0b10101 << 3)}), bits, 0)
    assert [int(value[name]) for name in ("low", "high", "mid")] == [0b10101, -2, 0b1001]


def test_members_of_nameless_unions() -> None:
    inner = t.StructType(
        "union", "", "union {...}", t.StructBody(8, (t.Member("x", c.U64, 0), t.Member("y", c.U32, 0)))
    )
    outer = c.struct("outer", ("before", c.U64), ("", inner))
    value = Value(planted(1, 2), outer, 0x1000)
    assert (int(value.x), int(value.y), value.y.address_) == (2, 2, 0x1008)


def test_big_endian() -> None:
    assert int(Value(FakeMemory({0: b"\x01\x02"}), c.U16, 0, little_endian=False)) == 0x102


def test_floats_and_what_is_none() -> None:
    assert Value(FakeMemory({0: struct.pack("<d", 1.5)}), c.DOUBLE, 0).float_() == 1.5
    with pytest.raises(WrongType):
        Value(FakeMemory({0: bytes(8)}), c.U64, 0).float_()
    with pytest.raises(WrongType):
        Value(FakeMemory({0: bytes(8)}), c.DOUBLE, 0).int_()


def test_arrays_of_arrays() -> None:
    grid = c.array(c.array(c.U16, 3), 2)
    value = Value(FakeMemory({0x10: struct.pack("<6H", *range(6))}), grid, 0x10)
    assert int(value[1][2]) == 5


def test_a_type_of_absurd_size_is_not_read() -> None:
    with pytest.raises(WrongType, match="too large"):
        Value(FakeMemory(), c.array(c.U64, 1 << 40), 0).bytes_()


def test_unreadable_memory_is_a_fault() -> None:
    with pytest.raises(MemoryFault):
        int(Value(FakeMemory(), c.U64, 0x10))


def test_casts() -> None:
    value = Value(planted(0x1_0000_0007), c.U64, 0x1000)
    assert int(value.cast_(c.U32)) == 7
    assert value.cast_(NODE).type_ is NODE
    assert Value(planted(1), c.array(c.U8, 8), 0x1000).cast_(c.VOID_POINTER).int_() == 0x1000


def test_rows_decode_a_table_at_once() -> None:
    data = b"".join(struct.pack("<QIxxxxQ", i, i + 1, i + 2) for i in range(1000))
    assert list(rows(NODE, data, ["bytes_", "next"]))[:2] == [(2, 0), (3, 1)]
    assert list(rows(NODE, data[:25], ["a"])) == [(1,)]


def test_rows_refuse_what_is_no_scalar() -> None:
    with pytest.raises(WrongType):
        list(rows(c.struct("s", ("inner", NODE)), bytes(24), ["inner"]))
    with pytest.raises(MemberNotFound):
        list(rows(NODE, bytes(24), ["missing"]))


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=24, max_size=24))
def test_rows_agree_with_values(data: bytes) -> None:
    value = Value(FakeMemory({0: data}), NODE, 0)
    assert next(iter(rows(NODE, data, ["next", "a", "bytes_"]))) == (
        int(value.next),
        int(value.a),
        int(value["bytes_"]),
    )
