"""Types of an image as rows: offsets, bit-fields, holes, nameless members, and types that never end."""

from __future__ import annotations

import pytest
from unidbg_symbols.types import (
    ArrayType,
    EnumType,
    FunctionType,
    IntType,
    Member,
    PointerType,
    StructBody,
    StructType,
    Type,
    TypedefType,
    VoidType,
)

from unidbg.cli.layouts import MAX_DEPTH, type_infos
from unidbg.render.declaration import declare
from unidbg.views.inspect import MemberInfo

INT = IntType("int", 4, True, 5)
LONG = IntType("long", 8, True, 5)
CALLBACK = PointerType(FunctionType(VoidType(), (INT,), False), 8)


def struct(size: int, *members: Member, kind: str = "struct", tag: str = "s") -> StructType:
    return StructType(kind, tag, f"{kind} {tag or '{...}'}", StructBody(size, members), ("/src/s.h", 7))


def rows(found: Type) -> list[tuple[str, int, int]]:
    (info,) = type_infos(found)
    return [
        (member.name or f"<{member.kind}>", member.offset_bytes, member.size_bytes) for member in info.members
    ]


def holes(found: Type) -> list[MemberInfo]:
    (info,) = type_infos(found)
    return [member for member in info.members if member.kind == "hole"]


def test_members_and_holes() -> None:
    found = struct(24, Member("a", INT, 0), Member("b", LONG, 8), Member("c", INT, 16))
    assert rows(found) == [("a", 0, 4), ("<hole>", 4, 4), ("b", 8, 8), ("c", 16, 4), ("<hole>", 20, 4)]


def test_bit_fields_leave_bits_and_bytes() -> None:
    found = struct(8, Member("a", INT, 0, 0, 3), Member("b", INT, 0, 3, 2), Member("c", INT, 4))
    assert [(one.offset_bytes, one.bit_offset, one.bit_size, one.size_bytes) for one in holes(found)] == [
        (0, 5, 3, 0),
        (1, None, None, 3),
    ]


def test_a_hole_between_bits_of_two_bytes() -> None:
    found = struct(4, Member("a", INT, 0, 0, 3), Member("b", INT, 0, 20, 12))
    assert [(one.offset_bytes, one.bit_offset, one.bit_size, one.size_bytes) for one in holes(found)] == [
        (0, 3, 5, 0),
        (1, None, None, 1),
        (2, 0, 4, 0),
    ]


def test_a_union_has_no_holes() -> None:
    assert holes(struct(8, Member("a", INT, 0), Member("b", LONG, 0), kind="union")) == []


def test_members_of_nameless_structs_are_lifted() -> None:
    inner = struct(8, Member("x", INT, 0), Member("y", INT, 4), tag="")
    found = struct(16, Member("a", LONG, 0), Member("", inner, 8))
    assert rows(found) == [("a", 0, 8), ("<nameless>", 8, 8), ("x", 8, 4), ("y", 12, 4)]


def test_a_struct_inside_itself_ends() -> None:
    damaged: list[StructType] = []
    damaged.append(struct(8, Member("", lambda: damaged[0], 0), tag=""))
    assert len(rows(damaged[0])) == MAX_DEPTH + 1


def test_a_typedef_brings_what_it_names() -> None:
    first, second = type_infos(TypedefType("s_t", struct(4, Member("a", INT, 0))))
    assert (first.kind, first.declaration, first.members) == ("typedef", "typedef struct s s_t;", ())
    assert (second.name, second.size_bytes, second.file, second.line) == ("struct s", 4, "/src/s.h", 7)


def test_declarations() -> None:
    found = struct(40, Member("run", CALLBACK, 0), Member("name", ArrayType(INT, 8), 8))
    assert type_infos(found)[0].declaration == "struct s {\n    void (*run)(int);\n    int name[8];\n};"
    (enum,) = type_infos(EnumType("e", "enum e", 4, False, (("A", 0), ("B", 5))))
    assert enum.declaration == "enum e {\n    A = 0,\n    B = 5,\n};"
    (opaque,) = type_infos(StructType("struct", "gone", "struct gone", lambda: None))
    assert (opaque.declaration, opaque.size_bytes) == ("struct gone;", 0)


TYPES: list[Type] = [
    INT,
    PointerType(INT, 8),
    CALLBACK,
    ArrayType(INT, 4),
    ArrayType(ArrayType(INT, 4), 2),
    ArrayType(CALLBACK, 4),
    PointerType(ArrayType(INT, 4), 8),
    PointerType(CALLBACK, 8),
    PointerType(FunctionType(CALLBACK, (CALLBACK,), False), 8),
    struct(4, Member("a", INT, 0)),
]


@pytest.mark.parametrize("found", TYPES, ids=lambda found: found.name)
def test_a_name_goes_where_c_wants_it(found: Type) -> None:
    assert declare(found.name, "x") == found.spell("x")
