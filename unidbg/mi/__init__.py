"""GDB's machine interface without I/O: commands out by token, records in, over pygdbmi's parser.

`conversation` knows when an answer is complete (its token and the prompt behind it), so nobody has to wait
for silence. `unidbg.target.gdb` moves the bytes.
"""
