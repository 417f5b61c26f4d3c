"""C++ and Rust: names with scopes, inheritance, templates, references, variant parts."""

from __future__ import annotations

import os
from functools import lru_cache

import pytest
from unidbg_symbols import Image
from unidbg_symbols import types as t

from tests.unit.symbols import reference
from tests.unit.symbols.builds import LINK, SOURCES, folder, have, image, run

CXX = [
    ("g++", "-gdwarf-5", "-O0", "-fno-exceptions", "-fno-rtti"),
    ("g++", "-gdwarf-4", "-O0", "-fdebug-types-section", "-fno-exceptions", "-fno-rtti"),
    ("clang++", "-gdwarf-5", "-O0", "-fno-exceptions", "-fno-rtti"),
]
IDS = [" ".join(flavour[:3]) for flavour in CXX]


@pytest.fixture(params=CXX, ids=IDS)
def cxx(request: pytest.FixtureRequest) -> Image:
    """The C++ image of each compiler."""
    flavour: tuple[str, ...] = request.param
    if not have(flavour[0]):
        pytest.skip(f"no {flavour[0]}")
    return image(*flavour, sources=("classes.cc",))


def struct(opened: Image, name: str) -> t.StructType:
    """A struct or class by name."""
    found = opened.type(name)
    assert isinstance(found, t.StructType)
    return found


def test_names_have_scopes(cxx: Image) -> None:
    assert cxx.type("space::inner::point").name == "space::inner::point"
    assert cxx.type("point").name == "space::inner::point"
    assert cxx.type("inner::point *").name == "space::inner::point *"
    assert cxx.type("space::array<int, 4>").size == 16
    assert cxx.type("hidden").name == "(anonymous namespace)::hidden"
    assert cxx.types_named("nowhere::point") == ()


def test_base_classes_and_what_they_bring(cxx: Image) -> None:
    square = struct(cxx, "space::square")
    base = square.members[0]
    assert (base.is_base, base.type.name) == (True, "space::shape")
    assert square.member("width").offset == 8
    assert square.member("origin").type.name == "space::inner::point &"
    kind = square.member("size").type
    assert isinstance(kind, t.EnumType)
    assert (kind.name, kind.size, list(kind.enumerators)) == (
        "space::square::kind",
        1,
        [("small", 0), ("large", 1)],
    )
    assert "corners" not in square


def test_variables_of_namespaces_and_classes(cxx: Image) -> None:
    for name, full in {
        "space::inner::depth": "space::inner::depth",
        "depth": "space::inner::depth",
        "space::inner::point::count": "space::inner::point::count",
        "counter": "(anonymous namespace)::counter",
        "numbers": "numbers",
    }.items():
        variable = cxx.variable(name)
        assert variable.name == full
        symbols = [symbol for symbol in cxx.symbols() if symbol.address == variable.address]
        assert any(name.split("::")[-1] in symbol.name for symbol in symbols)
    assert cxx.variable("method_pointer").type.size == 16
    assert cxx.variable("member_pointer").type.size == 8


def test_functions_have_scopes(cxx: Image) -> None:
    names = {
        "_ZNK5space5shape4areaEv": "space::shape::area",
        "_ZNK5space5arrayIiLi4EE3sumEv": "space::array<int, 4>::sum",
        "_ZN5space7forwardIiEEOT_RS1_": "space::forward<int>",
        "_Z4workv": "work",
    }
    for symbol, name in names.items():
        function = cxx.function_at(cxx.symbol(symbol).address)
        assert function is not None
        assert function.name == name


def test_layouts_equal_gdb(cxx: Image) -> None:
    for name in ("space::square", "space::shape", "space::left"):
        found = struct(cxx, name)
        shown = reference.gdb(folder() / cxx.path, f"ptype /o {name}", f"print sizeof({name})")
        ours = [m.offset for m in found.members if m.name and "vptr" not in m.name]
        assert [byte for byte, _, _ in reference.gdb_places(shown)] == ours
        assert f"= {found.size}" in shown


@lru_cache(maxsize=4)
def rust(level: str) -> Image:
    """The Rust image."""
    path = folder() / f"rust{level}.elf"
    linker = f"-Clink-args={' '.join(flag for flag in LINK if flag.startswith(('-n', '-s')))}"
    flags = ["--edition=2021", "-g", f"-Copt-level={level}", "-Cpanic=abort", "-Crelocation-model=static"]
    command = ["rustc", *flags, linker, "-Clinker=gcc", "-o", str(path), str(SOURCES / "enums.rs")]
    # rustup's rustc finds its toolchain by HOME.
    home = f"HOME={os.environ.get('HOME', '')}"
    run(["env", home, f"PATH={os.environ.get('PATH', '')}", *command])
    return Image.open(path)


@pytest.fixture(params=["0", "2"])
def rusty(request: pytest.FixtureRequest) -> Image:
    """The Rust image at each optimisation."""
    if not have("rustc"):
        pytest.skip("no rustc")
    level: str = request.param
    return rust(level)


def test_rust_structs(rusty: Image) -> None:
    task = struct(rusty, "enums::kernel::Task<u16>")
    assert sorted(m.name for m in task.members) == ["id", "name", "pair", "payload"]
    assert task.member("name").type.name == "&str"
    assert struct(rusty, "&str").member("length").type.size == 8
    assert rusty.type("Task<u16>").name == "enums::kernel::Task<u16>"
    layouts = {layout.name: layout for layout in reference.layouts(folder() / rusty.path)}
    assert layouts["Task<u16>"].size == task.size
    expected = {name: offset for name, offset, _ in layouts["Task<u16>"].members}
    assert {member.name: member.offset for member in task.members} == expected


def test_rust_enums_choose_their_variant(rusty: Image) -> None:
    event = struct(rusty, "enums::kernel::Event").variants
    assert event is not None
    assert event.discriminant is not None
    names = {value: variant_name(event.choose(value)) for value in (0, 1, 2)}
    assert names == {0: "Idle", 1: "Timer", 2: "Packet"}
    assert event.choose(77) is None
    option = struct(rusty, "Option<&enums::kernel::Task<u16>>").variants
    assert option is not None
    assert variant_name(option.choose(0)) == "None"
    assert variant_name(option.choose(0x405000)) == "Some"
    colour = rusty.type("enums::kernel::Colour")
    assert isinstance(colour, t.EnumType)
    assert list(colour.enumerators) == [("Red", 3), ("Green", 9)]


def variant_name(variant: t.Variant | None) -> str:
    """The name of the one member of a variant."""
    assert variant is not None
    return variant.members[0].name


def test_rust_statics_and_functions(rusty: Image) -> None:
    current = rusty.variable("enums::kernel::CURRENT")
    assert current.type.name == "enums::kernel::Task<u16>"
    assert current.address == rusty.symbol("CURRENT").address
    work = next(s for s in rusty.symbols() if "kernel4work" in s.name or "6kernel4work" in s.name)
    frames = rusty.frames_at(work.address)
    assert frames[-1].function == "enums::kernel::work"
    pointer = rusty.variable("CURRENT").type
    assert pointer.size == 40
