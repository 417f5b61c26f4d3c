"""How a unit's language spells names: `struct foo` in C, `space::foo` in C++ and Rust."""

from __future__ import annotations

from unidbg_symbols.dwarf import constants as c
from unidbg_symbols.dwarf.scopes import scope_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unidbg_symbols.dwarf.context import Dwarf
    from unidbg_symbols.dwarf.die import Die
    from unidbg_symbols.dwarf.unit import Unit

_ELABORATED = frozenset(
    {0, c.DW_LANG_C89, c.DW_LANG_C, c.DW_LANG_C99, c.DW_LANG_C11, c.DW_LANG_C17, c.DW_LANG_Mips_Assembler}
)


def elaborated(unit: Unit) -> bool:
    """True where a struct is `struct foo` (C); false where it is `foo` and names have scopes (C++, Rust)."""
    return unit.language in _ELABORATED


def capitals(dwarf: Dwarf, name: str) -> str:
    """`name` in capitals where a language of the image is written so (Pascal's is, whatever the source says).

    Empty where none is, or the name is in capitals already. It is asked for what was not found only.
    """
    shouted = name.upper()
    if shouted == name or not any(_in_capitals(unit) for unit in dwarf.units()):
        return ""
    return shouted


def _in_capitals(unit: Unit) -> bool:
    return unit.language == c.DW_LANG_Pascal83 or unit.root.uint(c.DW_AT_identifier_case) in (1, 3)


def scope_names(unit: Unit, offset: int) -> list[str]:
    """The names of the namespaces and types around a DIE, outermost first; none in C."""
    return [] if elaborated(unit) else scope_map(unit).names(offset)


def scopes_of(die: Die) -> list[str]:
    """The scopes of what a DIE describes: those of the declaration that it completes."""
    *_, declaration = die.origins()
    return scope_names(declaration.unit, declaration.offset)


def bare_name(die: Die) -> str:
    """The name of a DIE, or of the one that it completes."""
    return next((each.name for each in die.origins() if each.name), "")


def qualified_name(die: Die) -> str:
    """The name of a DIE with its scopes where the language has them; the linkage name if it has no other."""
    name = bare_name(die)
    if name:
        return "::".join([*scopes_of(die), name])
    return die.text(c.DW_AT_linkage_name) or die.text(c.DW_AT_MIPS_linkage_name)
