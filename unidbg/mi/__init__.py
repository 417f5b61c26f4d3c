"""GDB/MI without I/O: the conversation with a gdb that we drive, by token and prompt. Nothing here yet."""
