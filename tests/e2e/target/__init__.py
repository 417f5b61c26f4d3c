"""Targets end to end: QEMU's gdbstub, gdbserver, the real gdb."""
