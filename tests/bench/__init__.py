"""Measurements: ratios against gdb, drgn and others in one run."""
