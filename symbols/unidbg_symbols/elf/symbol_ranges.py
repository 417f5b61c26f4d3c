"""Which symbol owns which addresses: overlapping symbols flattened into one sorted table.

The innermost sized symbol wins; a label inside a sized function does not hide it. A symbol without a size
reaches to the next symbol, at most to the end of its section.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unidbg_symbols.elf.header import Section
    from unidbg_symbols.elf.symbols import SymbolTable

# st_info & 15: how good a name for a place is. Sections, files and TLS offsets are none.
_KIND_RANK = {2: 0, 10: 0, 1: 0, 5: 0, 0: 1}
_BINDING_RANK = {1: 0, 10: 0, 2: 1, 0: 2}
_SHN_LORESERVE = 0xFF00
_MAPPING_SYMBOLS = ("$x", "$d", "$a", "$t")

Candidate = tuple[int, int, int, int, int, int]
"""(address, not sized, kind rank, binding rank, index, size)"""


def flatten(table: SymbolTable, sections: tuple[Section, ...]) -> tuple[list[int], list[int]]:
    """(starts, owners): `owners[bisect_right(starts, address)]` is a symbol's index, or -1."""
    best = _best_of_each_address(table, len(sections))
    ends = _section_ends(sections)
    starts: list[int] = []
    owners = [-1]
    open_symbols: list[tuple[int, int]] = []  # (end, index), the innermost last

    def begin(address: int, owner: int) -> None:
        if starts and starts[-1] == address:
            owners[-1] = owner
        elif owners[-1] != owner:
            starts.append(address)
            owners.append(owner)

    def close_until(address: int) -> None:
        while open_symbols and open_symbols[-1][0] <= address:
            end = open_symbols.pop()[0]
            while open_symbols and open_symbols[-1][0] <= end:
                open_symbols.pop()
            begin(end, open_symbols[-1][1] if open_symbols else -1)

    for number, (address, unsized, _, _, index, size) in enumerate(best):
        close_until(address)
        if not unsized:
            open_symbols.append((address + size, index))
        elif open_symbols:
            continue
        else:
            following = best[number + 1][0] if number + 1 < len(best) else 1 << 64
            open_symbols.append((_reach(address, following, ends), index))
        begin(address, index)
    close_until(1 << 65)
    return starts, owners


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


def _section_ends(sections: tuple[Section, ...]) -> list[tuple[int, int]]:
    """(start, end) of each section that occupies memory, sorted."""
    return sorted((s.addr, s.addr + s.size) for s in sections if s.flags & 2 and s.size)


def _reach(address: int, following: int, sections: list[tuple[int, int]]) -> int:
    for start, end in sections:
        if start <= address < end:
            return min(following, end)
    return following if following < 1 << 64 else address + 1
