"""Guests of this host, read past the guest: the memory of the process that runs them.

`ways` are the ways of reading another process, best first; `qemu` adds registers and run control by QMP;
`process` finds guest RAM in the maps of any VMM, tender or hosted unikernel.
"""
