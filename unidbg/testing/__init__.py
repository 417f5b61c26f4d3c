"""Guests in tests: the pytest plugin, and what `unidbg check` runs.

`plugin` is loaded by every pytest that is installed beside unidbg, so it imports nothing of ours until one of
its fixtures is used.
"""
