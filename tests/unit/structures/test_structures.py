"""Bounded walks over healthy and corrupt shapes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unidbg_symbols import types as t

from tests.support import types as c
from tests.support.fake_target import FakeMemory
from unidbg.program.value import Value, WrongType
from unidbg.structures import arrays, bitmaps, lists, strings
from unidbg.structures.faults import MAX_FAULTS, Faults

NODE = t.StructType("struct", "node", "struct node", lambda: NODE_BODY)
NODE_BODY: t.StructBody = t.StructBody(
    16, (t.Member("next", t.PointerType(lambda: NODE, 8), 0), t.Member("n", c.U64, 8))
)
LINK = t.StructType("struct", "link", "struct link", lambda: LINK_BODY)
LINK_BODY: t.StructBody = t.StructBody(8, (t.Member("next", t.PointerType(lambda: LINK, 8), 0),))
ITEM = c.struct("item", ("n", c.U64), ("link", LINK))


def chain(*nodes: tuple[int, int, int]) -> FakeMemory:
    return FakeMemory({at: struct.pack("<QQ", following, n) for at, following, n in nodes})


def walk(memory: FakeMemory, first: int, faults: Faults, cap: int = 100) -> list[int]:
    head = Value(memory, c.pointer(NODE), None, struct.pack("<Q", first))
    return [int(node.n) for node in lists.linked(head, "next", faults, "list", cap=cap)]


def test_a_null_ended_list() -> None:
    faults = Faults()
    assert walk(chain((0x10, 0x20, 1), (0x20, 0, 2)), 0x10, faults) == [1, 2]
    assert walk(chain(), 0, faults) == []
    assert faults.all() == ()


def test_a_circular_list_ends_at_its_first_node() -> None:
    faults = Faults()
    assert walk(chain((0x10, 0x20, 1), (0x20, 0x10, 2)), 0x10, faults) == [1, 2]
    assert faults.all() == ()


def test_a_list_that_runs_in_a_circle_is_a_fault() -> None:
    faults = Faults()
    assert walk(chain((0x10, 0x20, 1), (0x20, 0x30, 2), (0x30, 0x20, 3)), 0x10, faults) == [1, 2, 3]
    (fault,) = faults.all()
    assert "circle" in fault.reason
    assert fault.address == 0x20


def test_a_wild_pointer_is_a_fault_with_its_place() -> None:
    faults = Faults()
    assert walk(chain((0x10, 0x999, 1)), 0x10, faults) == [1]
    assert faults.all()[0].where == "list[1]"


def test_the_cap_is_a_fault() -> None:
    faults = Faults()
    memory = chain(*((i * 16, (i + 1) * 16, i) for i in range(1, 60)))
    assert len(walk(memory, 16, faults, cap=10)) == 10
    assert "more than 10" in faults.all()[0].reason


def test_intrusive_lists_give_the_containers() -> None:
    memory = FakeMemory(
        {
            0x100: struct.pack("<Q", 0x208),
            0x200: struct.pack("<QQ", 7, 0x308),
            0x300: struct.pack("<QQ", 8, 0x100),
        }
    )
    faults = Faults()
    items = lists.intrusive(Value(memory, LINK, 0x100), ITEM, "link", faults, "items")
    assert [int(item.n) for item in items] == [7, 8]
    assert faults.all() == ()
    with pytest.raises(WrongType):
        list(lists.intrusive(Value(memory, LINK, 0x100), ITEM, "nolink", faults, "items"))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=20, max_size=20))
def test_any_pointers_end(nexts: list[int]) -> None:
    memory = chain(*(((i + 1) * 16, n * 16, i) for i, n in enumerate(nexts)))
    assert len(walk(memory, 16, Faults())) <= 20


def test_text_that_ends_and_text_that_does_not() -> None:
    memory = FakeMemory({0x1000: b"hello\0rest", 0x2000: b"x" * 600, 0x3FF0: b"to the end of it"})
    assert strings.read_text(memory, 0x1000) == (b"hello", None)
    assert strings.read_text(memory, 0x2000, 500) == (b"x" * 500, "no NUL within 500 bytes")
    data, wrong = strings.read_text(memory, 0x3FF0)
    assert data == b"to the end of it"
    assert wrong is not None
    assert "0x4000" in wrong


def test_text_of_arrays_and_pointers() -> None:
    memory = FakeMemory({0x1000: b"ab\xff\0\0\0\0\0", 0x2000: struct.pack("<Q", 0x1000), 0x3000: bytes(8)})
    assert strings.text(Value(memory, c.array(c.CHAR, 8), 0x1000)) == ("ab\udcff", None)
    assert strings.text(Value(memory, c.pointer(c.CHAR), 0x3000)) == ("", None)


@pytest.mark.parametrize(
    ("data", "written", "text", "lost"),
    [
        (b"ab\0\0", 2, b"ab", 0),
        (b"abcd", 4, b"abcd", 0),
        (b"efcd", 6, b"cdef", 2),
        (b"", 9, b"", 0),
        (b"abcd", -1, b"", 0),
    ],
)
def test_rings(data: bytes, written: int, text: bytes, lost: int) -> None:
    assert strings.ring(data, written) == (text, lost)


def test_lines_keep_control_bytes_and_what_is_no_utf8() -> None:
    assert strings.lines(b"a\r\nb\x1b[31m\n\nc\xff") == ("a", "b\x1b[31m", "", "c\udcff")
    assert strings.lines(b"") == ()


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=64), st.integers(0, 512))
def test_bits_counted_one_by_one_agree(data: bytes, bits: int) -> None:
    one_by_one = sum(data[i // 8] >> i % 8 & 1 for i in range(min(bits, len(data) * 8)))
    assert bitmaps.count(data, bits) == one_by_one


def test_words_of_a_big_endian_guest() -> None:
    assert bitmaps.to_bytes(b"\0\0\0\1\0\0\0\2", 4, little_endian=False) == b"\1\0\0\0\2\0\0\0"


def test_faults_are_bounded_and_said_once() -> None:
    faults = Faults()
    for n in range(MAX_FAULTS + 5):
        faults.add(f"a[{n}]", "bad")
        faults.add(f"a[{n}]", "bad")
    found = faults.all()
    assert len(found) == MAX_FAULTS + 1
    assert "more faults" in found[-1].reason


def numbers(count: int, planted: int = 6) -> tuple[list[int], Faults]:
    memory = FakeMemory({0x1000: struct.pack(f"<{planted}I", *range(planted))})
    faults = Faults()
    value = Value(memory, c.array(c.U32, 8), 0x1000)
    return [element.int_() for element in arrays.elements(value, count, faults, "list")], faults


def test_elements_up_to_what_can_be_read() -> None:
    found, faults = numbers(6)
    assert (found, faults.all()) == ([0, 1, 2, 3, 4, 5], ())
    found, faults = numbers(8)
    assert found == [0, 1, 2, 3, 4, 5]
    assert (faults.all()[0].where, faults.all()[0].address) == ("list[6]", 0x1018)


def test_elements_of_nothing() -> None:
    faults = Faults()
    assert list(arrays.elements(Value(FakeMemory(), c.VOID_POINTER, 0, bytes(8)), 3, faults, "list")) == []
    assert "no list" in faults.all()[0].reason


def test_huge_elements_are_bounded_in_bytes() -> None:
    faults = Faults()
    huge = c.array(c.array(c.U8, 1 << 22), 100)
    found = list(arrays.elements(Value(FakeMemory({0: bytes(1 << 23)}), huge, 0), 100, faults, "list"))
    assert len(found) == 2
    assert "only the first 2" in faults.all()[0].reason


@pytest.mark.parametrize(
    ("said", "believed", "faulty"), [(-1, 0, 1), (0, 0, 0), (8, 8, 0), (9, 8, 1), (1 << 40, 8, 1)]
)
def test_what_is_believed_of_a_count(said: int, believed: int, faulty: int) -> None:
    faults = Faults()
    value = Value(FakeMemory(), c.array(c.U32, 8), 0)
    assert arrays.believable(said, "n", value, faults, "list", 0x10) == believed
    assert len(faults) == faulty
