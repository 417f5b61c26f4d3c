"""Which symbol owns which addresses.

The innermost sized symbol wins; a label inside a sized function does not hide it. A symbol without a size
reaches to the next symbol, at most to the end of its section.
"""

from __future__ import annotations

from bisect import bisect_right

from unidbg_symbols.elf.header import SHF_ALLOC
from unidbg_symbols.intervals import flatten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from unidbg_symbols.elf.header import Section
    from unidbg_symbols.elf.symbols import SymbolTable

# st_info & 15: how good a name for a place is. Sections, files and TLS offsets are none.
_KIND_RANK = {2: 0, 10: 0, 1: 0, 5: 0, 0: 1}
_BINDING_RANK = {1: 0, 10: 0, 2: 1, 0: 2}
_SHN_LORESERVE = 0xFF00
_MAPPING_SYMBOLS = ("$x", "$d", "$a", "$t")

Candidate = tuple[int, int, int, int, int, int]
"""(address, not sized, kind rank, binding rank, index, size)"""


def symbol_ranges(table: SymbolTable, sections: tuple[Section, ...]) -> tuple[list[int], list[int]]:
    """(starts, indexes of symbols) as `intervals.flatten` gives them."""
    return flatten(_reaches(_best_of_each_address(table, len(sections)), sections))


def _best_of_each_address(table: SymbolTable, section_count: int) -> list[Candidate]:
    found: list[Candidate] = []
    for index, (name, info, shndx, value, size) in enumerate(table.entries()):
        kind = _KIND_RANK.get(info & 15)
        if kind is None or not name or not 0 < shndx < _SHN_LORESERVE or shndx >= section_count:
            continue
        found.append((value, 0 if size else 1, kind, _BINDING_RANK.get(info >> 4, 3), index, size))
    found.sort()
    best: list[Candidate] = []
    for candidate in found:
        if best and best[-1][0] == candidate[0]:
            continue
        if candidate[1] and table[candidate[4]].name[:2] in _MAPPING_SYMBOLS:
            continue
        best.append(candidate)
    return best


def _reaches(best: list[Candidate], sections: tuple[Section, ...]) -> Iterator[tuple[int, int, int]]:
    """(start, end, index) of each symbol."""
    ends = sorted((s.addr, s.addr + s.size) for s in sections if s.flags & SHF_ALLOC and s.size)
    covered = 0  # up to where sized symbols reach
    for number, (address, unsized, _, _, index, size) in enumerate(best):
        if not unsized:
            covered = max(covered, address + size)
            yield address, address + size, index
        elif address >= covered:
            following = best[number + 1][0] if number + 1 < len(best) else 1 << 64
            yield address, _end_of_label(address, following, ends), index


def _end_of_label(address: int, following: int, sections: list[tuple[int, int]]) -> int:
    number = bisect_right(sections, (address, 1 << 65)) - 1
    if number >= 0 and address < sections[number][1]:
        return min(following, sections[number][1])
    return following if following < 1 << 64 else address + 1
