"""ELF: headers, sections, notes and symbol tables."""
