"""Sockets, serial lines and child processes: the only place where bytes leave unidbg.

`url` tells what to open, `line` is what every opened line can do, the other modules are one kind of line
each. Nothing here knows what the bytes mean.
"""
