"""Target x image: typed values, unwinding, page walks and disassembly of one guest."""
