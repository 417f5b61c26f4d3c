"""Where something is declared: file and line."""

from __future__ import annotations

from unidbg_symbols.dwarf import constants as c

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unidbg_symbols.dwarf.die import Die


def declared_at(die: Die) -> tuple[str, int]:
    """(file, line) of a declaration; "" and 0 where unknown."""
    from unidbg_symbols.dwarf.line_header import file_names

    line = die.uint(c.DW_AT_decl_line)
    number = die.uint(c.DW_AT_decl_file)
    files = file_names(die.unit) if c.DW_AT_decl_file in die else ()
    return (files[number] if 0 <= number < len(files) else ""), line


class Declared:
    """What a DIE declares."""

    __slots__ = ()

    die: Die

    @property
    def unit(self) -> str:
        """The source file that was compiled, as the compiler was given it."""
        return self.die.unit.root.name

    @property
    def file(self) -> str:
        """Where it is declared, "" where unknown."""
        return self._place()[0]

    @property
    def line(self) -> int:
        """The line of its declaration, 0 where unknown."""
        return self._place()[1]

    def _place(self) -> tuple[str, int]:
        for die in self.die.origins():
            if c.DW_AT_decl_line in die:
                return declared_at(die)
        return "", 0
