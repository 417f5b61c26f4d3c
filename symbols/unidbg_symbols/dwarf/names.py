"""How a unit's language spells names: `struct foo` in C, `space::foo` in C++ and Rust."""

from __future__ import annotations

from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.scopes import scope_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unidbg_symbols.dwarf.die import Die
    from unidbg_symbols.dwarf.unit import Unit

_ELABORATED = frozenset(
    {0, c.DW_LANG_C89, c.DW_LANG_C, c.DW_LANG_C99, c.DW_LANG_C11, c.DW_LANG_C17, c.DW_LANG_Mips_Assembler}
)


def elaborated(unit: Unit) -> bool:
    """True where a struct is `struct foo` (C); false where it is `foo` and names have scopes (C++, Rust)."""
    return unit.language in _ELABORATED


def scope_names(unit: Unit, offset: int) -> list[str]:
    """The names of the namespaces and types around a DIE, outermost first; none in C."""
    return [] if elaborated(unit) else scope_map(unit).names(offset)


def qualified_name(die: Die) -> str:
    """The name of a DIE, or of the one that it completes, with its scopes where the language has them."""
    for each in die.origins():
        if each.name:
            return "::".join([*scope_names(each.unit, each.offset), each.name])
    return die.text(c.DW_AT_linkage_name) or die.text(c.DW_AT_MIPS_linkage_name)
