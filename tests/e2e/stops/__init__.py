"""Stops of a guest at random, as gdb sees them, and as we do."""
