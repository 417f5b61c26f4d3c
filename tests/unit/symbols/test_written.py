"""DWARF that compilers here do not emit, written by the tests, and read as the standard says.

Mixed versions and formats in one image, big-endian and 32-bit images, type units, partial units, upper-case
names (Pascal), units without types (OCaml), and sizes that cannot be.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from unidbg_symbols import Image
from unidbg_symbols import types as t
from unidbg_symbols.errors import NoDebugInfo, SymbolError, TypeNotFound

from tests.unit.symbols.builds import folder
from tests.unit.symbols.writer import (
    PARTIAL,
    TYPE,
    Format,
    abbrevs,
    elf,
    header_size,
    text,
    uleb,
    unit,
)

NAME, SIZE, ENCODING, MEMBER_AT, TYPE_OF, LOCATION = 0x03, 0x0B, 0x3E, 0x38, 0x49, 0x02
LOW, HIGH, STMT, SIGNATURE, IMPORT, LANGUAGE, EXTERNAL = 0x11, 0x12, 0x10, 0x69, 0x18, 0x13, 0x3F
STRING, DATA1, UDATA, SDATA, REF4, REF_UDATA, ADDR, SEC, SIG8, BLOCK1, REF_ADDR, FLAG, DATA8, DATA2 = (
    0x08, 0x0B, 0x0F, 0x0D, 0x13, 0x15, 0x01, 0x17, 0x20, 0x0A, 0x10, 0x0C, 0x07, 0x05,
)  # fmt: skip
CU, PU, STRUCT, MEMBER, BASE, VARIABLE, FUNCTION, IMPORTED, TU = (
    0x11, 0x3C, 0x13, 0x0D, 0x24, 0x34, 0x2E, 0x3D, 0x41,
)  # fmt: skip
TABLE = abbrevs(
    (1, CU, True, [(NAME, STRING), (LANGUAGE, DATA1)]),
    (2, BASE, False, [(NAME, STRING), (SIZE, DATA1), (ENCODING, DATA1)]),
    (3, STRUCT, True, [(NAME, STRING), (SIZE, UDATA)]),
    (4, MEMBER, False, [(NAME, STRING), (TYPE_OF, REF4), (MEMBER_AT, UDATA)]),
    (5, VARIABLE, False, [(NAME, STRING), (TYPE_OF, REF4), (LOCATION, BLOCK1)]),
    (6, FUNCTION, False, [(NAME, STRING), (LOW, ADDR), (HIGH, ADDR)]),
    (7, STRUCT, True, [(NAME, STRING), (SIZE, SDATA)]),
    (8, MEMBER, False, [(NAME, STRING), (TYPE_OF, SIG8), (MEMBER_AT, UDATA)]),
    (9, TU, True, []),
    (10, PU, True, []),
    (11, IMPORTED, False, [(IMPORT, REF_ADDR)]),
    (12, MEMBER, False, [(NAME, STRING), (TYPE_OF, REF_ADDR), (MEMBER_AT, UDATA)]),
    (13, CU, True, [(NAME, STRING), (LANGUAGE, DATA2), (LOW, ADDR), (HIGH, ADDR)]),
    (200, VARIABLE, False, [(NAME, STRING), (TYPE_OF, REF_UDATA), (LOCATION, BLOCK1)]),
)
C99, PASCAL = 0x0C, 0x09
MACHINES = {(True, 64): 62, (True, 32): 3, (False, 64): 21, (False, 32): 20}
_numbers = count()


def opened(form: Format, info: bytes, **more: bytes) -> Image:
    """An image of that .debug_info, and of other sections by name."""
    sections = {".debug_abbrev": TABLE, ".debug_info": info}
    sections |= {f".debug_{name}": data for name, data in more.items()}
    path = folder() / f"written-{next(_numbers)}.elf"
    machine = MACHINES[form.little, form.bits]
    path.write_bytes(elf(form, sections, machine=machine, symbols={"main": (0x1000, 0x40)}))
    return Image.open(path)


def dies(form: Format, version: int, name: str, tag: int, *, prefix: bytes = b"") -> bytes:
    """`struct NAME { int number; int other; } NAME_variable;` in one unit."""
    start = header_size(form, version)
    out = b"\1" + text(f"{name}.c") + bytes((C99,))
    int_at = start + len(out)
    out += b"\2" + text("int") + b"\4\5"
    struct_at = start + len(out)
    out += b"\3" + text(name) + uleb(8)
    for member, offset in (("number", 0), ("other", 4)):
        out += b"\4" + text(member) + form.number(int_at, 4) + uleb(offset)
    out += b"\0"
    place = b"\3" + form.address(0x2000 + tag)
    out += uleb(200) + text(f"{name}_variable") + uleb(struct_at) + bytes((len(place),)) + place
    return out + b"\6" + text(f"{name}_run") + form.address(0x1000 + tag) + form.address(0x1010 + tag) + b"\0"


FORMATS = [
    Format(little, bits, wide) for little in (True, False) for bits in (64, 32) for wide in (True, False)
]
VERSIONS = (2, 3, 4, 5)


@pytest.mark.parametrize("form", FORMATS, ids=str)
def test_every_version_in_one_image(form: Format) -> None:
    info = b"".join(
        unit(form, version, dies(form, version, f"s{version}", version)) for version in (2, 3, 4, 5)
    )
    with opened(form, info) as image:
        assert (image.bits, image.little_endian) == (form.bits, form.little)
        for version in VERSIONS:
            found = image.type(f"struct s{version}")
            assert isinstance(found, t.StructType)
            assert [(m.name, m.offset, m.type.name) for m in found.members] == [
                ("number", 0, "int"),
                ("other", 4, "int"),
            ]
            variable = image.variable(f"s{version}_variable")
            assert (variable.address, variable.type.name) == (0x2000 + version, f"struct s{version}")
        assert image.symbol("main").address == 0x1000


def test_both_formats_in_one_image() -> None:
    """A 64-bit unit behind a 32-bit one, and the other way round."""
    narrow, wide = Format(), Format(wide=True)
    for order in ((narrow, wide), (wide, narrow)):
        info = b"".join(unit(f, 5, dies(f, 5, f"s{n}", n)) for n, f in enumerate(order))
        with opened(narrow, info) as image:
            assert [image.type(f"struct s{n}").size for n in (0, 1)] == [8, 8]
            function = image.function_at(0x1001)
            assert function is not None
            assert function.name in ("s0_run", "s1_run")


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("form", [Format(), Format(little=False), Format(wide=True)], ids=str)
def test_type_units(form: Format, version: int) -> None:
    """A struct that is a type unit of its own, referred to by signature."""
    signature = 0x1122334455667788
    start = header_size(form, version, TYPE)
    head = b"\x09"
    inside = b"\2" + text("int") + b"\4\5"
    body = b"\3" + text("shared") + uleb(12)
    body += b"\4" + text("inner") + form.number(start + len(head), 4) + uleb(8) + b"\0\0"
    type_unit = unit(
        form, version, head + inside + body, kind=TYPE, signature=signature, type_offset=len(head + inside)
    )
    user = b"\1" + text("user.c") + bytes((C99,)) + b"\3" + text("holder") + uleb(16)
    user += b"\x08" + text("held") + form.number(signature, 8) + uleb(4) + b"\0\0"
    plain = unit(form, version, user)
    types = {"types": type_unit} if version == 4 else {}
    with opened(form, plain + (b"" if version == 4 else type_unit), **types) as image:
        [held] = image.type("struct holder").members  # type: ignore[attr-defined]
        assert held.type.name == "struct shared"
        assert [(m.name, m.offset) for m in t.strip(held.type).members] == [("inner", 8)]  # type: ignore[attr-defined]


def test_a_signature_that_no_unit_has_is_said_not_followed() -> None:
    form = Format()
    user = b"\1" + text("user.c") + bytes((C99,)) + b"\3" + text("holder") + uleb(16)
    user += b"\x08" + text("held") + form.number(7, 8) + uleb(4) + b"\0\0"
    with opened(form, unit(form, 5, user)) as image:
        [held] = image.type("struct holder").members  # type: ignore[attr-defined]
        assert held.type.size == 0


@pytest.mark.parametrize("version", [3, 4, 5])
def test_partial_units(version: int) -> None:
    """A type of a partial unit that another unit imports and refers to, as dwz makes them."""
    form = Format()
    kind = PARTIAL
    partial = unit(form, version, b"\x0a\2" + text("long") + b"\x08\5\0", kind=kind)
    long_at = header_size(form, version) + 1
    user = b"\1" + text("user.c") + bytes((C99,)) + b"\x0b" + form.offset(0)
    user += (
        b"\3" + text("uses") + uleb(8) + b"\x0c" + text("value") + form.offset(long_at) + uleb(0) + b"\0\0"
    )
    with opened(form, partial + unit(form, version, user)) as image:
        [value] = image.type("struct uses").members  # type: ignore[attr-defined]
        assert (value.type.name, value.type.size) == ("long", 8)
        assert image.type("long").size == 8


def test_upper_case_names_of_pascal() -> None:
    """Free Pascal writes names in capitals, whatever the source says: they are found both ways."""
    form = Format()
    body = dies(form, 3, "TLIST", 1).replace(bytes((C99,)), bytes((PASCAL,)), 1)
    with opened(form, unit(form, 3, body)) as image:
        assert image.type("TLIST").size == image.type("TList").size == 8
    capitals = body.replace(b"TLIST_variable", b"TLIST_VARIABLE")
    with opened(form, unit(form, 3, capitals)) as image:
        assert image.variable("TList_Variable").address == 0x2001
    with opened(form, unit(form, 3, dies(form, 3, "TLIST", 1))) as image, pytest.raises(TypeNotFound):
        image.type("TList")  # C tells cases apart


def test_units_without_types() -> None:
    """OCaml: code ranges, names by the symbol table, no type at all."""
    form = Format()
    head = (
        b"\x0d" + text("camlMain.ml") + form.number(0x8001, 2) + form.address(0x1000) + form.address(0x1100)
    )
    with opened(form, unit(form, 4, head + b"\0")) as image:
        assert [frame.function for frame in image.frames_at(0x1004)] == ["main"]
        assert image.function_at(0x1004) is None
        assert list(image.locals_at(0x1004)) in ([], [()])
        with pytest.raises(SymbolError):
            image.type("struct list")
        assert image.types_named("list") == ()


def test_an_empty_unit_and_padding_between_units() -> None:
    form = Format()
    empty = unit(form, 5, b"")
    info = empty + unit(form, 5, dies(form, 5, "s", 1)) + empty
    with opened(form, info) as image:
        assert image.type("struct s").size == 8


@pytest.mark.parametrize(
    "size", [(7, b"\x7f"), (3, b"\xff" * 9 + b"\x01")], ids=["negative", "larger than memory"]
)
def test_a_size_that_cannot_be_is_refused(size: tuple[int, bytes]) -> None:
    form = Format()
    code, written = size
    body = b"\1" + text("a.c") + bytes((C99,)) + bytes((code,)) + text("wrong") + written + b"\0\0"
    with opened(form, unit(form, 5, body)) as image, pytest.raises(SymbolError, match="a size or place of"):
        _ = image.type("struct wrong").size


def test_an_unknown_version_is_named() -> None:
    form = Format()
    with opened(form, unit(form, 5, b"").replace(b"\5\0", b"\x09\0", 1)) as image, pytest.raises(SymbolError):
        image.type("struct s")


def test_without_debug_information_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "bare.elf"
    path.write_bytes(elf(Format(), {}, symbols={"main": (0x1000, 4)}))
    with Image.open(path) as image, pytest.raises(NoDebugInfo, match="-g"):
        image.type("struct s")
