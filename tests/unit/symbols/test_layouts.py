"""Types as data: struct formats, numpy dtypes and differences, against values that C put into an image."""

from __future__ import annotations

import numpy as np
import pytest
from unidbg_symbols import Image
from unidbg_symbols import types as t
from unidbg_symbols.layouts import Difference, differences, dtype_of, leaves, struct_of

from tests.unit.symbols.builds import FLAVOURS, IDS, have, image

GCC = ("gcc", "-g", "-O0")


def table(opened: Image, name: str) -> bytes:
    """What the file has of a variable."""
    variable = opened.variable(name)
    assert variable.address is not None
    return opened.read(variable.address, variable.type.size)


def test_a_struct_format_decodes_what_c_wrote() -> None:
    opened = image("gcc", "-g", "-O0", sources=("tables.c",))
    entry = opened.type("struct entry")
    layout, paths = struct_of(entry)
    assert layout.size == entry.size
    rows = [dict(zip(paths, row, strict=True)) for row in layout.iter_unpack(table(opened, "entries"))]
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert [row["delta"] for row in rows] == [-1, -2, -3]
    assert [row["name"].rstrip(b"\0") for row in rows] == [b"one", b"two", b"three"]
    assert [row["at.x"] for row in rows] == [10, 20, 30]
    assert [row["counts[1]"] for row in rows] == [12, 22, 32]
    assert [row["ratio"] for row in rows] == [0.5, 1.5, 2.5]
    assert [row["ready"] for row in rows] == [True, False, True]
    assert [row["next"] for row in rows] == [opened.symbol("entries").address, 0, 0]


def test_a_dtype_decodes_what_c_wrote() -> None:
    opened = image("gcc", "-g", "-O0", sources=("tables.c",))
    dtype = dtype_of(opened.type("struct entry"))
    assert dtype.itemsize == opened.type("struct entry").size
    rows = np.frombuffer(table(opened, "entries"), dtype)
    assert rows["id"].tolist() == [1, 2, 3]
    assert rows["name"].tolist() == [b"one", b"two", b"three"]
    assert rows["at"]["x"].tolist() == [10, 20, 30]
    assert rows["counts"].tolist() == [[11, 12], [21, 22], [31, 32]]
    assert rows["kind"].tolist() == [0, 5, 5]
    assert rows["word"].tolist() == [0x01020304, 0, 7]
    assert rows["halves"].tolist() == [[0x0304, 0x0102], [0, 0], [7, 0]]


@pytest.mark.parametrize("flavour", FLAVOURS, ids=IDS)
def test_dtypes_have_the_places_of_members(flavour: tuple[str, ...]) -> None:
    if not have(flavour[0]):
        pytest.skip(f"no {flavour[0]}")
    for name in ("node", "bits", "packed_bits", "holes", "flexible", "opaque"):
        struct = image(*flavour).type(f"struct {name}")
        assert isinstance(struct, t.StructType)
        dtype = dtype_of(struct)
        assert dtype.itemsize == struct.size
        assert dtype.fields is not None
        for field, (_, offset, *_) in dtype.fields.items():
            assert offset == struct.member(field).offset


def test_leaves_open_nested_structs_and_arrays() -> None:
    found = {leaf.path: (leaf.offset, leaf.code) for leaf in leaves(image(*GCC).type("struct node"))}
    assert found["next"] == (0, "Q")
    assert found["matrix[1][2][3]"][1] == "i"
    assert found["labels[2]"][1] == "Q"
    assert found["number.low"][0] == found["number.d"][0]
    assert found["extended"][1] == "16s"
    assert found["ready"][1] == "?"


def test_of_members_that_overlap_the_first_counts() -> None:
    _, paths = struct_of(image(*GCC).type("struct node"))
    assert "small" in paths
    assert "large" not in paths
    layout, paths = struct_of(image(*GCC).type("struct holes"))
    assert layout.size == image(*GCC).type("struct holes").size
    assert paths == ("a", "b", "c", "d", "inner.e", "inner.f")


def test_differences_between_two_builds() -> None:
    old = image("gcc", "-g", "-O0", sources=("tables.c",)).type("struct entry")
    new = image("gcc", "-g", "-O0", "-DNEWER", sources=("tables.c",)).type("struct entry")
    assert differences(old, old) == []
    found = {(each.what, each.name): each for each in differences(old, new)}
    assert found["size", ""] == Difference("size", "", "72", "96")
    assert found["added", "owner"].after == "void *owner at 0"
    assert found["removed", "ratio"].before == "double ratio at 48"
    assert found["retyped", "delta"].after == "long int"
    assert found["resized", "delta"] == Difference("resized", "delta", "4 bytes", "8 bytes")
    assert ("moved", "id") in found
