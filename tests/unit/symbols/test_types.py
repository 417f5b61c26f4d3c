"""Types: every struct, union and enum equals what a full walk by pyelftools and what gdb say."""

from __future__ import annotations

import re

import pytest
from unidbg_symbols import types as t
from unidbg_symbols.errors import SymbolError, TypeNotFound

from tests.unit.symbols import reference
from tests.unit.symbols.builds import FLAVOURS, IDS, build, have, image

GCC = ("gcc", "-gdwarf-5", "-O0")


def layout_of(type_: t.Type) -> reference.Layout:
    """Our idea of a struct in the reference's words."""
    assert isinstance(type_, t.StructType)
    members = tuple((m.name, None if m.bit_size else m.offset, m.bit_size) for m in type_.members)
    return reference.Layout(type_.kind, type_.tag, type_.size, members)


@pytest.mark.parametrize("flavour", FLAVOURS, ids=IDS)
def test_every_struct_equals_a_full_walk(flavour: tuple[str, ...]) -> None:
    if not have(flavour[0]):
        pytest.skip(f"no {flavour[0]}")
    path, opened = build(*flavour), image(*flavour)
    expected = set(reference.layouts(path))
    assert len(expected) >= 10
    for layout in expected:
        ours = {layout_of(each) for each in opened.types_named(f"{layout.kind} {layout.name}")}
        assert layout in ours
        assert ours <= expected


@pytest.mark.parametrize("flavour", FLAVOURS, ids=IDS)
def test_every_enum_equals_a_full_walk(flavour: tuple[str, ...]) -> None:
    if not have(flavour[0]):
        pytest.skip(f"no {flavour[0]}")
    for name, values in set(reference.enumerations(build(*flavour))):
        enum = image(*flavour).type(f"enum {name}")
        assert isinstance(enum, t.EnumType)
        assert tuple(enum.enumerators) == values


def flat(struct: t.StructType, base: int = 0) -> list[tuple[int, int | None, str]]:
    """(byte, bit, name) of the members of a struct, nameless and inner structs opened, as gdb shows them."""
    found: list[tuple[int, int | None, str]] = []
    for member in struct.members:
        if member.bit_size is not None and member.bit_offset is not None:
            bit = (base + member.offset) * 8 + member.bit_offset
            found.append((bit // 8, bit % 8, member.name))
            continue
        if isinstance(member.type, t.StructType):
            found.extend(flat(member.type, base + member.offset))
        found.append((base + member.offset, None, member.name))
    return found


@pytest.mark.skipif(not have("gdb"), reason="no gdb")
@pytest.mark.parametrize(
    "flavour", [GCC, ("gcc", "-gdwarf-2", "-gstrict-dwarf", "-O0"), ("clang", "-g", "-O0")]
)
@pytest.mark.parametrize("name", ["node", "bits", "packed_bits", "holes", "flexible", "empty_tail"])
def test_places_of_members_equal_gdb(flavour: tuple[str, ...], name: str) -> None:
    struct = image(*flavour).type(f"struct {name}")
    assert isinstance(struct, t.StructType)
    shown = reference.gdb_places(reference.gdb(build(*flavour), f"ptype /o struct {name}"))
    expected = [(byte, bit, re.sub(r"[\[(:].*", "", text).strip(" ;*)")) for byte, bit, text in shown]
    names = [(byte, bit, text.split()[-1].lstrip("*") if text else "") for byte, bit, text in expected]
    ours = [(byte, bit) for byte, bit, member in flat(struct) if member]
    # gdb prints struct bit-fields of a nested struct by its name alone, unless it is nameless.
    wanted = [(byte, bit) for byte, bit, _ in names]
    assert [place for place in wanted if place not in ours] == []


@pytest.mark.parametrize(
    ("spelling", "size", "name"),
    [
        ("struct node", 240, "struct node"),
        ("node_t", 240, "node_t"),
        ("unsigned long", 8, "long unsigned int"),
        ("unsigned", 4, "unsigned int"),
        ("long int unsigned", 8, "long unsigned int"),
        ("unsigned long long int", 8, "long long unsigned int"),
        ("char *", 8, "char *"),
        ("const struct node *", 8, "const struct node *"),
        ("char const *const", 8, "const char *const"),
        ("int[4]", 16, "int [4]"),
        ("struct node *[3]", 24, "struct node *[3]"),
        ("int[2][3]", 24, "int [2][3]"),
        ("int[]", 0, "int []"),
        ("void", 0, "void"),
        ("void **", 8, "void **"),
        ("enum colour", 4, "enum colour"),
        ("union number", 8, "union number"),
        ("_Bool", 1, "_Bool"),
        ("double", 8, "double"),
    ],
)
def test_spellings(spelling: str, size: int, name: str) -> None:
    found = image(*GCC).type(spelling)
    assert (found.size, found.name) == (size, name)


def test_a_base_type_that_the_image_does_not_use_is_what_c_says() -> None:
    found = image(*GCC).type("unsigned long long[2]")
    assert found.size == 16
    assert image(*GCC).type("long double").size == 16


def test_members_have_the_types_that_c_declares() -> None:
    node = image(*GCC).type("struct node")
    assert isinstance(node, t.StructType)
    spelled = {member.name: member.type.spell(member.name) for member in node.members}
    assert spelled["next"] == "struct node *next"
    assert spelled["compare"] == "compare_t compare"
    assert spelled["callback"] == "void (*callback)(void *)"
    assert spelled["labels"] == "char *const labels[3]"
    assert spelled["matrix"] == "int matrix[2][3][4]"
    assert spelled["flags"] == "volatile unsigned int flags"
    compare = t.strip(node.member("compare").type)
    assert compare.name == "int (*)(const node_t *, const node_t *, ...)"


def test_nameless_members_are_lifted() -> None:
    node = image(*GCC).type("struct node")
    assert isinstance(node, t.StructType)
    base = node.member("small").offset
    assert (node.member("x").offset, node.member("y").offset) == (base, base + 2)
    assert "large" in node
    assert "secret" not in node
    with pytest.raises(SymbolError, match="did you mean next"):
        node.member("nxt")


def test_bit_fields_give_their_value() -> None:
    bits = image(*GCC).type("struct bits")
    assert isinstance(bits, t.StructType)
    assert [(m.name, m.bit_size) for m in bits.members] == [
        ("first", 3), ("second", 11), ("third", 7), ("fourth", 40), ("fifth", 1), ("sixth", 1),
    ]  # fmt: skip
    for member in bits.members:
        assert member.bit_offset is not None
        assert member.bit_size is not None
        assert member.offset + member.type.size <= bits.size
        assert member.bit_offset + member.bit_size <= member.type.size * 8


def test_a_declared_struct_is_completed_from_another_unit() -> None:
    node = image(*GCC).type("struct node")
    assert isinstance(node, t.StructType)
    hidden = t.strip(node.member("hidden").type)
    assert isinstance(hidden, t.PointerType)
    opaque = t.strip(hidden.target)
    assert isinstance(opaque, t.StructType)
    assert opaque.complete
    assert [member.name for member in opaque.members] == ["secret", "self"]
    assert (opaque.size, opaque.file.rsplit("/", 1)[-1]) == (16, "other.c")


def test_recursion_ends() -> None:
    node = image(*GCC).type("struct node")
    for _ in range(5):
        assert isinstance(node, t.StructType)
        pointer = node.member("next").type
        assert isinstance(pointer, t.PointerType)
        node = pointer.target
    assert node.name == "struct node"


def test_a_tail_of_another_name_is_found() -> None:
    # ld keeps one string for `server` and `xserver`.
    opened = image(*GCC)
    for name in ("server", "xserver"):
        struct = opened.type(f"struct {name}")
        assert isinstance(struct, t.StructType)
        assert struct.tag == name


def test_an_unknown_type_names_what_is_near() -> None:
    with pytest.raises(TypeNotFound, match="flexible") as caught:
        image(*GCC).type("struct flexibel")
    assert caught.value.nearest == ("flexible",)
    with pytest.raises(TypeNotFound):
        image(*GCC).type("*")
    with pytest.raises(TypeNotFound):
        image(*GCC).type("int[x]")
    assert image(*GCC).types_named("struct nowhere") == ()
