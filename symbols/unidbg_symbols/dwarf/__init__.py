"""DWARF 2 to 5: units, types, variables, lines, scopes and call frame information."""
