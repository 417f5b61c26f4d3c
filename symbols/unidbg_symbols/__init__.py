"""ELF and DWARF engine of unidbg: knows no target."""
