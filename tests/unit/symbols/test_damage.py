"""Damaged images: whatever the bytes, answers or named errors, in bounded time."""

from __future__ import annotations

import os
import time
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unidbg_symbols import Image
from unidbg_symbols import types as t
from unidbg_symbols.errors import SymbolError

from tests.unit.symbols.builds import build, folder

SUBJECTS = [
    ("gcc", "-gdwarf-5", "-O2"),
    ("gcc", "-gdwarf-4", "-O1", "-fdebug-types-section"),
    ("gcc", "-gdwarf-4", "-O1", "-gz=zlib"),
    ("clang", "-gdwarf-5", "-O1"),
]
SECTIONS = [
    ".debug_info", ".debug_abbrev", ".debug_line", ".debug_str", ".debug_rnglists", ".debug_ranges",
    ".debug_types", ".debug_aranges", ".debug_line_str", ".debug_str_offsets", ".debug_addr",
    ".debug_loclists", ".debug_loc", ".eh_frame", ".symtab", ".strtab", ".shstrtab",
    ".note.gnu.build-id", "headers", "tables",
]  # fmt: skip
# `make test-long` looks at 20 times as many damaged images.
TIMES = 20 if os.environ.get("UNIDBG_LONG") else 1
SECONDS = 10.0


@lru_cache(maxsize=8)
def parts(flavour: tuple[str, ...]) -> tuple[bytes, dict[str, tuple[int, int]], int]:
    """(file, (offset, size) of what can be damaged, an address of code)."""
    data = build(*flavour).read_bytes()
    with Image.open(build(*flavour)) as opened:
        places = {section.name: (section.offset, section.size) for section in opened.sections}
        places["headers"] = (0, 64 + 56 * len(opened.segments))
        places["tables"] = (len(data) - 64 * len(opened.sections), 64 * len(opened.sections))
        return (
            data,
            {name: places[name] for name in SECTIONS if name in places},
            opened.symbol("walk").address,
        )


def use_everything(path: Path, address: int) -> None:
    """Ask an image everything; each question may end in a named error."""
    try:
        opened = Image.open(path)
    except SymbolError:
        return
    with opened:
        for question in (
            lambda: opened.symbol("walk"),
            lambda: opened.symbol_at(address),
            lambda: list(opened.symbols()),
            lambda: opened.build_id,
            lambda: opened.read(address, 16),
            lambda: look_at(opened.type("struct node")),
            lambda: look_at(opened.type("node_t")),
            lambda: opened.types_named("struct bits"),
            lambda: look_at(opened.type("enum colour")),
            lambda: opened.type("struct nowhere"),
            lambda: look_at(opened.variable("root").type),
            lambda: opened.variables_named("private_count"),
            lambda: opened.line_at(address + 20),
            lambda: opened.frames_at(address + 20),
            lambda: opened.function_at(address),
            lambda: [(site.function, site.value(b"\x55")) for site in opened.call_sites(address)],
            lambda: opened.addresses_of("shapes.c", 34),
            lambda: opened.unwind_row(address + 4),
        ):
            try:
                question()
            except SymbolError:
                continue


def look_at(type_: t.Type, depth: int = 0) -> None:
    """Resolve what a type refers to."""
    assert isinstance(type_.name, str)
    assert type_.size >= 0
    for member in type_.members if isinstance(type_, t.StructType) else ():
        assert isinstance(member.offset, int)
        if depth < 3:
            look_at(t.strip(member.type), depth + 1)
    if isinstance(type_, t.PointerType) and depth < 3:
        look_at(t.strip(type_.target), depth + 1)


@settings(max_examples=60 * TIMES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    flavour=st.sampled_from(SUBJECTS),
    where=st.sampled_from(SECTIONS),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12
    ),
)
def test_changed_bytes(flavour: tuple[str, ...], where: str, changes: list[tuple[float, int]]) -> None:
    data, places, address = parts(flavour)
    if where not in places:
        return
    offset, size = places[where]
    damaged = bytearray(data)
    for place, value in changes:
        damaged[offset + int(place * size)] = value
    check(bytes(damaged), address)


@settings(max_examples=30 * TIMES, deadline=None)
@given(st.sampled_from(SUBJECTS), st.floats(0, 1))
def test_cut_files(flavour: tuple[str, ...], share: float) -> None:
    data, _, address = parts(flavour)
    check(data[: int(len(data) * share)], address)


@settings(max_examples=40 * TIMES, deadline=None)
@given(
    st.sampled_from(SUBJECTS), st.sampled_from(SECTIONS), st.binary(min_size=1, max_size=64), st.integers(0)
)
def test_sections_of_noise(flavour: tuple[str, ...], where: str, noise: bytes, start: int) -> None:
    data, places, address = parts(flavour)
    if where not in places or where in ("headers", "tables"):
        return
    offset, size = places[where]
    start %= max(size, 1)
    filling = (noise * (size // len(noise) + 1))[: size - start]
    check(data[: offset + start] + filling + data[offset + size :], address)


def check(data: bytes, address: int) -> None:
    """Use a damaged file, against the clock."""
    path = folder() / "damaged.elf"
    path.write_bytes(data)
    start = time.monotonic()
    use_everything(path, address)
    assert time.monotonic() - start < SECONDS


@pytest.mark.parametrize("flavour", SUBJECTS, ids=[" ".join(each) for each in SUBJECTS])
def test_what_is_damaged_is_named(flavour: tuple[str, ...]) -> None:
    data, places, _ = parts(flavour)
    offset, size = places[".debug_info"]
    path = folder() / "damaged.elf"
    path.write_bytes(data[:offset] + b"\xaa" * size + data[offset + size :])
    with Image.open(path) as opened, pytest.raises(SymbolError, match="is damaged") as caught:
        opened.type("struct node")
    assert str(path) in str(caught.value)


def test_a_section_that_claims_more_than_the_file_has_is_refused() -> None:
    """Its header says 2^40 bytes: none are set aside for it."""
    path = folder() / "huge.elf"
    data, _, address = parts(SUBJECTS[0])
    with Image.open(build(*SUBJECTS[0])) as opened:
        names = [section.name for section in opened.sections]
    damaged = bytearray(data)
    headers = int.from_bytes(data[0x28:0x30], "little")
    at = headers + 64 * names.index(".debug_info") + 0x20
    damaged[at : at + 8] = (1 << 40).to_bytes(8, "little")
    path.write_bytes(damaged)
    with Image.open(path) as opened, pytest.raises(SymbolError, match="past the end of the file"):
        opened.line_at(address)
