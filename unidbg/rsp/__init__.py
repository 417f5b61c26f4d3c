"""The GDB Remote Serial Protocol without I/O: bytes in, events out, and the other way round.

Framing (`framing`, `connection`) knows nothing of commands; `commands` is the one table of them; the other
modules each read or write one family of packets. No sockets, threads or clocks: whoever owns the line
(`unidbg.target.link`) moves the bytes.
"""
