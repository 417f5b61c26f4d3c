"""Words of an image that hold addresses, as the guest that moved itself has them."""

from __future__ import annotations

import struct

from unidbg_symbols import Image

from tests.support.images import compile_image
from unidbg.program.module import Module
from unidbg.program.rehearsal import LinkedMemory
from unidbg.program.relocated import Relocations, relative

SOURCE = """
int first, second;
int *table[3] = {&first, 0, &second};
void _start(void) { for (;;) ; }
"""
PIE = "-fpie -static-pie -Wl,--no-dynamic-linker"
BIAS = 0x7F12_3460_0000


def image(flags: str = PIE) -> Image:
    return Image.open(compile_image(SOURCE, flags))


def test_what_the_image_lists() -> None:
    ours = image()
    words, table = relative(ours), ours.symbol("table").address
    assert words[table] == ours.symbol("first").address
    assert words[table + 16] == ours.symbol("second").address
    assert table + 8 not in words
    assert relative(image("")) == {}


def test_reads_have_addresses_where_the_image_runs() -> None:
    ours = image()
    table = ours.symbol("table").address
    memory = LinkedMemory([Module(ours, BIAS)])
    first, nothing, second = struct.unpack("<3Q", memory.read(table + BIAS, 24))
    assert (first, nothing) == (ours.symbol("first").address + BIAS, 0)
    assert second == ours.symbol("second").address + BIAS


def test_words_that_are_cut() -> None:
    ours = image()
    table = ours.symbol("table").address
    whole = LinkedMemory([Module(ours, BIAS)]).read(table + BIAS, 24)
    relocations = Relocations(Module(ours, BIAS))
    for start in range(20):
        assert relocations.apply(table + start, bytes(4)) == whole[start : start + 4]
