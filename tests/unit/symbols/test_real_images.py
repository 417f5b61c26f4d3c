"""The samples, and in `make test-long` programs of Debian, equal full walks by pyelftools, addr2line and gdb.

10,000 random addresses, every struct, enum and variable, and what `ptype /o` says of random structs.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pytest
from unidbg_symbols import Image
from unidbg_symbols import types as t

from tests.unit.symbols import reference
from tests.unit.symbols.builds import have, run
from tests.unit.symbols.test_types import layout_of

LARGE = [pytest.param(label, marks=[pytest.mark.long, pytest.mark.timeout(900)]) for label in ("b", "d")]
IMAGES = ["hello", *LARGE]
ADDRESSES = 10_000
GDB_STRUCTS = 40

MEMBER = re.compile(r"/\*\s*(\d+)(?::\s*(\d+))?\s*\|\s*\d+\s*\*/    \S")
"""The place of a member of the struct itself: those of structs inside it are indented further."""

Find = Callable[[str], Path]


@pytest.fixture
def find(sample: Callable[[str], Path]) -> Find:
    """The image of a sample, or one that the bench measures (its package is fetched, once)."""

    def path(name: str) -> Path:
        if len(name) > 1:
            return sample(name)
        from tests.bench.subjects import subjects

        found = [subject.path for subject in subjects() if subject.label == name]
        return found[0] if found else pytest.skip(f"the package of image {name} is not to be had")

    return path


class Walked(NamedTuple):
    """What a full walk finds: types by their spelling, variables by their names."""

    layouts: dict[str, set[reference.Layout]]
    enums: dict[str, set[tuple[tuple[str, int], ...]]]
    variables: dict[str, set[int]]


@lru_cache(maxsize=3)
def walk(path: Path) -> Walked:
    """One walk for all tests: it takes seconds."""
    found = Walked({}, {}, {})
    dies = list(reference.dies(path))
    for layout in reference.layouts_among(dies):
        found.layouts.setdefault(f"{layout.kind} {layout.name}", set()).add(layout)
    for enum, values in reference.enumerations_among(dies):
        found.enums.setdefault(f"enum {enum}", set()).add(values)
    for variable, address in reference.static_variables_among(dies):
        found.variables.setdefault(variable, set()).add(address)
    return found


def indexed(path: Path, name: str) -> Image:
    """The image; a large one with its index: thousands of names would be searched for in megabytes.

    That answers are the same without one is what test_index.py says.
    """
    image = Image.open(path)
    if len(name) == 1:
        image.write_index()
        image.close()
        image = Image.open(path)
    return image


@pytest.mark.parametrize("name", IMAGES)
def test_every_struct_and_enum_equals_a_full_walk(find: Find, name: str) -> None:
    path = find(name)
    known = walk(path)
    with indexed(path, name) as image:
        for spelling, layouts in known.layouts.items():
            assert {layout_of(each) for each in image.types_named(spelling)} == layouts, spelling
        for spelling, enums in known.enums.items():
            found = [each for each in image.types_named(spelling) if isinstance(each, t.EnumType)]
            assert {tuple(each.enumerators) for each in found} >= enums, spelling


@pytest.mark.parametrize("name", IMAGES)
def test_every_variable_equals_a_full_walk(find: Find, name: str) -> None:
    path = find(name)
    with indexed(path, name) as image:
        for variable, addresses in walk(path).variables.items():
            found = {each.address for each in image.variables_named(variable)} - {None}
            assert found == addresses, variable


Frames = list[tuple[str, str]]
"""(function, `file:line`), innermost first."""


@pytest.mark.skipif(not have("llvm-symbolizer-14"), reason="no llvm-symbolizer to settle differences")
@pytest.mark.parametrize("name", IMAGES)
def test_random_addresses_equal_addr2line(find: Find, name: str) -> None:
    """Where they differ, LLVM decides: of an inlined or included line addr2line may tell the wrong file."""
    path = find(name)
    chosen = random.Random(7)
    with Image.open(path) as image:
        code = [s for s in image.symbols() if s.kind == "func" and s.size and image.function_at(s.address)]
        picked = [s.address + chosen.randrange(s.size) for s in chosen.choices(code, k=ADDRESSES)]
        ours = {
            at: [(f.function, _place(f"{f.file}:{f.line}")) for f in image.frames_at(at)] for at in picked
        }
        blocks = reference.addr2line(path, picked, "-i")
        theirs = {at: _frames(lines) for at, lines in zip(picked, blocks, strict=True)}
        differ = [at for at in ours if not _alike(ours[at], theirs[at], image, at)]
        assert len(differ) < ADDRESSES // 10
        asked = "\n".join(map(hex, differ))
        told = run(["llvm-symbolizer-14", "--no-demangle", "-e", str(path)], asked).split("\n\n")
        decided = {at: _frames(block.splitlines()) for at, block in zip(differ, told, strict=False)}
        wrong = [hex(at) for at in differ if not _alike(ours[at], decided[at], image, at)]
    assert not wrong, [(at, ours[int(at, 16)], decided[int(at, 16)]) for at in wrong[:5]]


def _ours(image: Image, address: int) -> Frames:
    return [(frame.function, _place(f"{frame.file}:{frame.line}")) for frame in image.frames_at(address)]


def _frames(lines: list[str]) -> Frames:
    places = [re.sub(r" \(disc.*|(?<=:\d):\d+$|(?<=\d\d):\d+$", "", line) for line in lines[1::2]]
    return [
        (name.removeprefix("__GI_"), _place(place)) for name, place in zip(lines[::2], places, strict=True)
    ]


def _place(text: str) -> str:
    """Nobody knows a file better than its name where there is no line: `file:?`, `??:0`."""
    file, _, line = text.rpartition(":")
    return "no line" if line in ("?", "0") else f"{os.path.normpath(file)}:{line}"


def _alike(ours: Frames, theirs: Frames, image: Image, address: int) -> bool:
    """Places are the same, and names; the outermost may be any that the symbol table has there.

    Tools prefer the symbol to the function's name where it has parts in several places (`f.cold`), or several
    names; `__GI_` are the names by which glibc calls itself.
    """
    if [place for _, place in ours] != [place for _, place in theirs]:
        return False
    inner, outer = ([name for name, _ in frames] for frames in (ours, theirs))
    if inner[:-1] != outer[:-1]:
        return False
    symbol = image.symbol_at(address)
    names = {inner[-1], symbol.name if symbol else ""} if inner else set()
    if outer and outer[-1] not in names and symbol is not None:
        names |= {other.name for other in image.symbols() if other.address == symbol.address}
    return not outer or outer[-1] in names


@pytest.mark.skipif(not have("gdb"), reason="no gdb")
@pytest.mark.parametrize("name", IMAGES)
def test_layouts_of_random_structs_equal_ptype(find: Find, name: str) -> None:
    path = find(name)
    # gdb shows one of several types of a name: those are compared above.
    known = walk(path).layouts
    names = sorted(tag for tag, found in known.items() if len(found) == 1 and tag.startswith("struct "))
    picked = random.Random(11).sample(names, min(GDB_STRUCTS, len(names)))
    asked = (command for tag in picked for command in ("echo @\\n", f"ptype /o {tag}"))
    shown = reference.gdb(path, "set max-value-size unlimited", *asked).split("@\n")[1:]
    with Image.open(path) as image:
        told = [pair for pair in zip(picked, shown, strict=True) if pair[1].strip()]
        assert len(told) > len(picked) // 2, "gdb says nothing of types that it has not looked at yet"
        for tag, text in told:
            type_ = image.type(tag)
            assert isinstance(type_, t.StructType)
            places = [(m.offset * 8 + (m.bit_offset or 0), bool(m.bit_size)) for m in type_.members]
            assert places == [(8 * int(at) + int(bit or 0), bool(bit)) for at, bit in MEMBER.findall(text)], (
                tag
            )
