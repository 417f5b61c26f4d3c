"""Dumps as targets: recognised by their content, mapped into memory, read at its speed.

A format is a reader that finds out where in the file which address lies (`extents`) and what the vCPUs'
registers were; `target` makes a target of that. Nothing that a file claims is believed before it was held
against the file's size.
"""
