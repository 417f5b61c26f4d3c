"""Address to line, function and inlined frames, against addr2line and llvm-symbolizer for every address."""

from __future__ import annotations

import os.path
import random

import pytest

from tests.unit.symbols import reference
from tests.unit.symbols.builds import FLAVOURS, IDS, SOURCES, build, have, image, run

GCC = ("gcc", "-gdwarf-5", "-O0")
OPTIMISED = ("gcc", "-gdwarf-5", "-O2")


def addresses_in_code(flavour: tuple[str, ...], count: int) -> list[int]:
    """Random addresses of code, the same at each run."""
    opened = image(*flavour)
    chosen = random.Random(1)
    # Between functions lies padding: a line may be known there, but no function.
    functions = [(s.address, s.address + s.size) for s in opened.symbols() if s.kind == "func" and s.size]
    return [chosen.randrange(*chosen.choice(functions)) for _ in range(count)]


def plain(name: str) -> str:
    """A symbol's name without what compilers append to clones of functions (`.constprop.0`)."""
    return name if "/" in name else name.split(".")[0]


def place(text: str) -> str:
    """`file:line:column`; of code that belongs to no line llvm sometimes tells the file, sometimes not."""
    return "no line" if text.endswith(":0:0") else os.path.normpath(text)


@pytest.mark.parametrize("flavour", FLAVOURS, ids=IDS)
def test_frames_equal_llvm(flavour: tuple[str, ...]) -> None:
    if not have(flavour[0], "llvm-symbolizer-14"):
        pytest.skip("a tool is missing")
    chosen = addresses_in_code(flavour, 400)
    asked = "\n".join(map(hex, chosen))
    blocks = run(["llvm-symbolizer-14", "--no-demangle", "-e", str(build(*flavour))], asked).split("\n\n")
    for address, block in zip(chosen, blocks, strict=False):
        lines = block.splitlines()
        expected = [(plain(lines[n]), place(lines[n + 1])) for n in range(0, len(lines), 2)]
        frames = image(*flavour).frames_at(address)
        ours = [(f.function, place(f"{f.file}:{f.line}:{f.column}")) for f in frames]
        assert ours == expected, hex(address)
        assert [frame.inlined for frame in frames] == [True] * (len(frames) - 1) + [False]


@pytest.mark.parametrize("flavour", [GCC, OPTIMISED], ids=["-O0", "-O2"])
def test_frames_equal_addr2line(flavour: tuple[str, ...]) -> None:
    chosen = addresses_in_code(flavour, 400)
    for address, lines in zip(chosen, reference.addr2line(build(*flavour), chosen, "-i"), strict=True):
        expected = [plain(line.split(" (discriminator")[0]) for line in lines]
        frames = image(*flavour).frames_at(address)
        ours = [text for f in frames for text in (f.function, f"{f.file}:{f.line or '?'}")]
        assert ours == expected, hex(address)


def test_a_line_is_the_innermost_frame() -> None:
    opened = image(*OPTIMISED)
    for address in addresses_in_code(OPTIMISED, 50):
        line = opened.line_at(address)
        assert line is not None
        frame = opened.frames_at(address)[0]
        assert (line.file, line.line, line.column) == (frame.file, frame.line, frame.column)


@pytest.mark.parametrize("flavour", FLAVOURS, ids=IDS)
def test_function_at_equals_the_symbol(flavour: tuple[str, ...]) -> None:
    if not have(flavour[0]):
        pytest.skip(f"no {flavour[0]}")
    opened = image(*flavour)
    for symbol in opened.symbols():
        if symbol.kind == "func" and symbol.size and symbol.defined:
            function = opened.function_at(symbol.address + symbol.size // 2)
            assert function is not None
            assert function.name == symbol.name.split(".")[0]
            assert (symbol.address, symbol.address + symbol.size) in function.ranges


def test_a_function_tells_its_type_and_place() -> None:
    opened = image(*GCC)
    function = opened.function_at(opened.symbol("walk").address)
    assert function is not None
    assert function.type.name == "int (const struct node *, int)"
    assert function.file == str(SOURCES / "shapes.c")
    assert function.line == line_of("int walk(const struct node *node")
    assert function.unit == str(SOURCES / "shapes.c")


def line_of(text: str, name: str = "shapes.c") -> int:
    """The number of the first line of a source that contains a text."""
    lines = (SOURCES / name).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize("flavour", [GCC, OPTIMISED, ("clang", "-g", "-O0")], ids=["-O0", "-O2", "clang"])
def test_addresses_of_a_line_are_on_it(flavour: tuple[str, ...]) -> None:
    opened = image(*flavour)
    number = line_of("return walk(node->next")
    for file in (str(SOURCES / "shapes.c"), "shapes.c", "sources/shapes.c"):
        found = opened.addresses_of(file, number)
        assert found
        assert list(found) == sorted(set(found))
    # A row that the next one at the same address replaces is found by its line, not by its address.
    lines = [opened.line_at(address) for address in found]
    assert any(line and line.line == number for line in lines)
    assert opened.addresses_of("hapes.c", number) == []
    assert opened.addresses_of("shapes.c", 1) == []


def test_the_first_address_of_a_line_equals_gdb() -> None:
    number = line_of("doubled = value * 2")
    shown = reference.gdb(build(*GCC), f"info line shapes.c:{number}")
    first = image(*GCC).addresses_of("shapes.c", number)[0]
    assert f"starts at address {first:#x}" in shown


def test_outside_of_code_there_is_no_line() -> None:
    opened = image(*GCC)
    for address in (0, opened.symbol("root").address, (1 << 64) - 1):
        assert opened.line_at(address) is None
        assert opened.function_at(address) is None


def test_code_without_debug_information_is_named_by_its_symbol() -> None:
    opened = image("gcc", sources=("labels.S",))
    frames = opened.frames_at(opened.symbol("sized").address + 1)
    assert [(f.function, f.file, f.line) for f in frames] == [("sized", "", 0)]
