"""How a unit's language spells names: `struct foo` in C, `space::foo` in C++ and Rust."""

from __future__ import annotations

from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.die import read_die

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unidbg_symbols.dwarf.unit import Unit

_ELABORATED = frozenset(
    {0, c.DW_LANG_C89, c.DW_LANG_C, c.DW_LANG_C99, c.DW_LANG_C11, c.DW_LANG_C17, c.DW_LANG_Mips_Assembler}
)
SCOPES = frozenset(
    {
        c.DW_TAG_namespace, c.DW_TAG_structure_type, c.DW_TAG_class_type, c.DW_TAG_union_type,
        c.DW_TAG_interface_type, c.DW_TAG_module, c.DW_TAG_enumeration_type,
    }
)  # fmt: skip


def elaborated(unit: Unit) -> bool:
    """True where a struct is `struct foo` (C); false where it is `foo` and names have scopes (C++, Rust)."""
    return unit.language in _ELABORATED


def scope_names(unit: Unit, path: list[int]) -> list[str]:
    """The names of the namespaces and types among the DIEs of a path (`skim.path_to`), outermost first."""
    names = []
    for offset in path:
        die = read_die(unit, offset)
        if die.tag in SCOPES:
            names.append(die.name or _nameless(die.tag))
    return names


def _nameless(tag: int) -> str:
    return "(anonymous namespace)" if tag == c.DW_TAG_namespace else "(anonymous)"
